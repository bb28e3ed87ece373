//! Passwords of ZIP archives: told to those who may read the report, and to nobody else.

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use waybill::{
    aws::table::keys::{Key, story},
    domain::{id::RequestId, password::DEFAULT_ALPHABET},
};
use waybill_local::{api_client::Answer, receiver::Reply};
use waybill_tests::{python::python, tenant::Tenant, wait::LONG, world::World};

use crate::{
    refusal,
    webhook::{delivery_over, order_for, register},
};

/// A tenant whose reports come as archives.
async fn archiver(world: &World, more: Value) -> Tenant {
    let mut settings = json!({ "packaging": "zip" });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Tenant::create_with(world, settings).await
}

async fn ask(tenant: &Tenant, id: RequestId) -> Answer {
    tenant.get(&format!("/v1/requests/{id}/password")).await
}

async fn told(tenant: &Tenant, id: RequestId) -> String {
    let answer = ask(tenant, id).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.expect_status("the password", &[200]).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    body["password"].as_str().unwrap().to_owned()
}

/// Opens the archive behind a link with Python's libraries; returns the names in it.
async fn open(world: &World, link: &str, password: &str, cipher: &str) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    let archive = dir.path().join("archive.zip");
    let response = world.api.open_link(link).await.unwrap();
    std::fs::write(&archive, response.bytes().await.unwrap()).unwrap();
    let task = json!({ "archive": archive, "into": dir.path(), "password": password, "cipher": cipher });
    let opened = python("extract.py", task).await;
    serde_json::from_value(opened["names"].clone()).unwrap()
}

fn link(status: &Value) -> &str {
    status["link"]["url"].as_str().unwrap()
}

#[tokio::test]
async fn a_generated_password_opens_its_archive_while_that_is_there() {
    let world = World::load().await;
    let tenant = archiver(&world, json!({ "quotas": { "running": 1 } })).await;
    tenant.hold_slot(&world).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    tenant.waits(id).await;
    refusal::check(&world, "before its end", &ask(&tenant, id).await, 409, "request_unfinished");
    assert!(tenant.status(id).await["password_url"].is_null());
    tenant.free_slot(&world, id).await;

    let status = tenant.succeeded(id).await;
    let path = format!("/v1/requests/{id}/password");
    assert!(status["password_url"].as_str().unwrap().ends_with(&path), "{status}");
    let password = told(&tenant, id).await;
    assert_eq!(password.len(), 20);
    assert!(password.chars().all(|c| DEFAULT_ALPHABET.contains(c)), "{password}");
    let names = open(&world, link(&status), &password, "aes256").await;
    assert!(names[0].starts_with("Report_digital_wallet"), "{names:?}");
    assert_eq!(told(&tenant, id).await, password, "as often as it is asked for");
    let recorded = world.text_of(&Key::tenant(&tenant.id).pk).await + &world.text_of(&story(&tenant.id, id)).await;
    assert!(!recorded.contains(&password), "the table has it sealed");
    assert!(!status.to_string().contains(&password));

    let other = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(other).await;
    assert_ne!(told(&tenant, other).await, password, "each archive has its own");

    let deleted = tenant.api.delete(&format!("/v1/requests/{id}")).await.unwrap();
    assert_eq!(deleted.status, 200);
    refusal::check(&world, "after the deletion", &ask(&tenant, id).await, 410, "file_gone");
    assert!(tenant.status(id).await["password_url"].is_null());
}

#[tokio::test]
async fn a_password_that_the_tenant_holds_is_told_to_nobody() {
    let world = World::load().await;
    let held = "correct horse battery";
    let zip = json!({ "zip": { "cipher": "zipcrypto", "password": { "kind": "held", "value": held } } });
    let tenant = archiver(&world, zip).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    let status = tenant.succeeded(id).await;
    open(&world, link(&status), held, "zipcrypto").await;
    let problem = refusal::check(&world, "a held password", &ask(&tenant, id).await, 404, "no_password");
    assert!(problem["detail"].as_str().unwrap().contains("tenant's settings"), "{problem}");
    assert!(status["password_url"].is_null());
    let shown = world.admin.get(&format!("/v1/tenants/{}", tenant.id)).await.unwrap().json();
    assert!(shown["warnings"][0].as_str().unwrap().contains("weak"), "{shown}");
    let recorded = world.text_of(&Key::tenant(&tenant.id).pk).await + &world.text_of(&story(&tenant.id, id)).await;
    for text in [recorded, shown.to_string(), status.to_string()] {
        assert!(!text.contains(held), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_archive_has_no_password() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    for packaging in ["plain", "openpgp"] {
        let mut order = tenant.wallet_order();
        order["packaging"] = json!(packaging);
        let id = tenant.order(&order).await;
        let status = tenant.succeeded(id).await;
        refusal::check(&world, packaging, &ask(&tenant, id).await, 404, "no_password");
        assert!(status["password_url"].is_null());
    }
}

#[tokio::test]
async fn eclipse_is_told_the_password_and_what_it_echoes_is_not_kept() {
    let world = World::load().await;
    let (tenant, receiver) = (archiver(&world, json!({})).await, world.receiver().await);
    receiver.reply_with("/eclipse", |received, _| {
        let echo = json!({ "you sent": String::from_utf8_lossy(&received.body) });
        Reply::status(StatusCode::OK).body(echo.to_string())
    });
    let endpoint = register(&tenant, json!({ "url": receiver.url("/eclipse"), "profile": "eclipse" })).await;
    let id = order_for(&tenant, &endpoint).await;
    let call = receiver.wait_for("/eclipse", 1, LONG).await.unwrap().remove(0);
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    let password = told(&tenant, id).await;
    assert_eq!(body["password"], password);
    let names = open(&world, link(&tenant.succeeded(id).await), &password, "aes256").await;
    assert!(!names.is_empty());

    let delivery = delivery_over(&tenant, id).await;
    assert_eq!(delivery["status"], "DELIVERED", "{delivery}");
    let shown = tenant.get(&format!("/v1/deliveries/{}", delivery["id"].as_str().unwrap())).await;
    let text = String::from_utf8(shown.body).unwrap();
    assert!(text.contains("you sent") && !text.contains(&password), "{text}");
    assert!(!world.text_of(&story(&tenant.id, id)).await.contains(&password));
}
