//! The main job, end to end: asked for over HTTP, generated, encrypted, announced, downloaded, decrypted, compared.

use http::Method;
use serde_json::{Value, json};
use waybill::aws::table::keys::{Key, story};
use waybill_local::receiver::Received;
use waybill_tests::{
    files::{self, WALLET_ORACLE},
    lake::Lake,
    tenant::{Tenant, WALLET},
    wait::LONG,
    world::World,
};

use crate::webhook;

const ROWS: u64 = 3_000;

#[tokio::test]
async fn a_report_is_delivered() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let lake = Lake::generate(&world, &tenant.id, ROWS, 1).await;
    let receiver = world.receiver().await;

    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
    let location = answer.header("location").to_owned();
    let accepted = answer.expect_status("ask for a report", &[202]).unwrap();
    assert_eq!(accepted["status"], "QUEUED");
    assert_eq!(location, format!("/v1/requests/{}", accepted["id"].as_str().unwrap()));
    assert!(accepted["status_url"].as_str().unwrap().ends_with(&location));

    let status = tenant.succeeded(accepted["id"].as_str().unwrap().parse().unwrap()).await;
    check_status(&status);
    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap();
    check_webhook(&tenant, &received[0], &status).await;
    check_link(&world, status["link"]["url"].as_str().unwrap()).await;

    let opened = files::open(&world, &tenant, &status).await;
    assert_ne!(opened.object.sha256, opened.plain.sha256);
    let figures = WALLET_ORACLE.agrees_with(&opened.path, "csv", &lake, "TRUE").await;
    assert_eq!(figures["rows"], ROWS);
    assert_eq!(status["rows"], ROWS);

    tenant.nothing_is_left_over(&world).await;
    assert_eq!(receiver.received("/hook").len(), 1, "told once");
    check_rest(&world, &tenant, &status).await;
    let delivery = &tenant.status(accepted["id"].as_str().unwrap().parse().unwrap()).await["deliveries"][0];
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DELIVERED"), &json!(1)));
    assert_eq!(delivery["id"], webhook::id(&received[0]));
}

fn check_status(status: &Value) {
    assert_eq!(status["report"], WALLET);
    assert_eq!((&status["attempt"], &status["report_version"]), (&json!(1), &json!(1)));
    assert_eq!((&status["format"], &status["packaging"]), (&json!("csv"), &json!("openpgp")));
    assert!(status["queue_ms"].is_u64(), "{status}");
    assert!(status["progress"].is_null() && status["failure"].is_null(), "it is over: {status}");
    for name in ["plan_ms", "encode_ms", "total_ms"] {
        assert!(status["files"][0]["timings"][name].is_u64(), "{status}");
    }
    let name = status["files"][0]["name"].as_str().unwrap();
    assert_eq!(name, format!("{WALLET}-{}.csv.pgp", status["id"].as_str().unwrap()));
    assert_eq!(status["link"]["expires_at"], status["expires_at"]);
}

async fn check_webhook(tenant: &Tenant, received: &Received, status: &Value) {
    let body = webhook::verified(tenant, received).await;
    assert_eq!(body["type"], "report.succeeded");
    let data = &body["data"];
    assert_eq!((&data["request_id"], &data["report"]), (&status["id"], &status["report"]));
    assert_eq!((&data["requested_at"], &data["link"]), (&status["created_at"], &status["link"]));
    let mut promised = status["files"][0].clone();
    promised.as_object_mut().unwrap().remove("timings");
    assert_eq!(data["files"], json!([promised]), "the receiver is told the same figures");
    assert_eq!(data["rows"], status["rows"]);
}

/// Who reads the table cannot open the report: the link's capability is nowhere in it.
async fn check_rest(world: &World, tenant: &Tenant, status: &Value) {
    let capability = status["link"]["url"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(capability.len() >= 43, "256 bits");
    let id = status["id"].as_str().unwrap().parse().unwrap();
    for partition in [Key::tenant(&tenant.id).pk, story(&tenant.id, id), Key::link_pointer(capability).pk] {
        let rows = world.text_of(&partition).await;
        assert!(rows.contains(&tenant.id), "{partition} holds rows: {rows}");
        assert!(!rows.contains(capability), "{partition}");
    }
}

async fn check_link(world: &World, link: &str) {
    for method in [Method::HEAD, Method::GET] {
        let answer = world.api.send(method.clone(), link, &[], vec![]).await.unwrap();
        assert_eq!(answer.status, 302, "{method}");
        assert!(answer.header("location").contains("X-Amz-Signature="), "{method}");
        assert_eq!(answer.header("cache-control"), "no-store");
        // The method is a part of what S3 checks the signature over.
        assert_eq!(world.api.follow(method.clone(), link).await.unwrap().status(), 200, "{method}");
    }
    let unknown = world.api.get("/v1/links/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await.unwrap();
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn every_format_and_packaging_holds_the_same_rows() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let lake = Lake::generate(&world, &tenant.id, ROWS, 1).await;
    for (format, packaging) in [("csv", "plain"), ("ndjson", "plain"), ("ndjson", "openpgp")] {
        let mut order = tenant.wallet_order();
        order["format"] = json!(format);
        order["packaging"] = json!(packaging);
        let status = tenant.succeeded(tenant.order(&order).await).await;
        assert_eq!((&status["format"], &status["packaging"]), (&json!(format), &json!(packaging)));
        let opened = files::open(&world, &tenant, &status).await;
        let figures = WALLET_ORACLE.agrees_with(&opened.path, format, &lake, "TRUE").await;
        assert_eq!((&figures["rows"], &status["rows"]), (&json!(ROWS), &json!(ROWS)));
        assert_eq!(opened.object.sha256 == opened.plain.sha256, packaging == "plain");
    }
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn filters_choose_rows_and_an_empty_report_is_a_success() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let lake = Lake::generate(&world, &tenant.id, ROWS, 1).await;
    let cases = [
        // Organisations of the first tenant of a lake are numbered from 101.
        (
            json!({ "d1": "2024-01-01T00:00:00", "d2": "2024-12-31T23:59:59.999", "organisation_id": 101 }),
            "organisation_id = 101",
        ),
        (
            json!({ "d1": "2024-02-15T12:00:00", "d2": "2024-04-02T06:30:00.250", "organisation_id": null }),
            "transaction_date BETWEEN '2024-02-15 12:00:00' AND '2024-04-02 06:30:00.25'",
        ),
        (json!({ "d1": "2023-01-01T00:00:00", "d2": "2023-12-31T23:59:59" }), "FALSE"),
    ];
    for (parameters, condition) in cases {
        let order = json!({ "report": WALLET, "parameters": parameters, "packaging": "plain" });
        let status = tenant.succeeded(tenant.order(&order).await).await;
        assert_eq!(status["parameters"], parameters, "the status shows what was asked");
        let opened = files::open(&world, &tenant, &status).await;
        let figures = WALLET_ORACLE.agrees_with(&opened.path, "csv", &lake, condition).await;
        assert_eq!(figures["rows"], status["rows"]);
        let rows = figures["rows"].as_u64().unwrap();
        assert_eq!(rows == 0, condition == "FALSE", "{condition}: {rows} rows");
        assert!(rows < ROWS, "{condition}: {rows} rows");
    }
    tenant.nothing_is_left_over(&world).await;
}
