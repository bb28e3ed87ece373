//! The licence pool: exactly as many seats as there are, whoever asks at once and however requests end.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{StreamExt, stream};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use waybill::{
    aws::table::{Write, keys::Key},
    clock,
    domain::{id::RequestId, request::Request},
};
use waybill_tests::{tenant::Tenant, wait::eventually, world::World};

const CONNECTIONS: usize = 8;

/// As an ERP sends it; users differ, so keys do.
fn context(user: &str) -> String {
    let context = json!({
        "federalId": "11111111111111", "mainThreadId": 51308, "threadId": 51308, "moduleId": "2", "actionName": "MATR",
        "licenseServer": { "hostname": "169.254.169.254", "port": 80 },
        "client": { "hostname": "127.0.0.1", "port": 1235 },
        "user": { "name": user, "isFullDeterminado": false, "credentials": null },
    });
    STANDARD.encode(context.to_string())
}

/// A tenant whose only running slot is taken: what it asks for waits, and holds its seat.
async fn tenant(world: &World, seats: u32, linger: u32) -> Tenant {
    let pool = json!({ "seats": seats, "linger_seconds": linger });
    let more = json!({ "quotas": { "running": 1 }, "licence_pool": pool, "packaging": "plain" });
    let tenant = Tenant::create_with(world, more).await;
    tenant.hold_slot(world).await;
    tenant
}

/// Asks for that, under that user's licence; none if no seat is free.
pub async fn ask_for(tenant: &Tenant, order: &Value, user: &str) -> Option<RequestId> {
    let (status, body) = send(tenant, order, &context(user)).await;
    if status == StatusCode::CONFLICT {
        return None;
    }
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    Some(body["id"].as_str().unwrap().parse().unwrap())
}

async fn ask_with(tenant: &Tenant, licence: &str) -> (StatusCode, Value) {
    send(tenant, &tenant.wallet_order(), licence).await
}

async fn send(tenant: &Tenant, order: &Value, licence: &str) -> (StatusCode, Value) {
    let headers = [("content-type", "application/json"), ("x-license-context", licence)];
    let body = order.to_string().into_bytes();
    let answer = tenant.api.send(Method::POST, "/v1/requests", &headers, body).await.unwrap();
    (StatusCode::from_u16(answer.status).unwrap(), answer.json())
}

async fn ask(tenant: &Tenant, user: &str) -> (StatusCode, Value) {
    ask_with(tenant, &context(user)).await
}

async fn asked(tenant: &Tenant, user: &str) -> RequestId {
    let (status, body) = ask(tenant, user).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    body["id"].as_str().unwrap().parse().unwrap()
}

async fn refused(tenant: &Tenant, user: &str) -> Value {
    let (status, body) = ask(tenant, user).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("licence_unavailable")), "{body}");
    body
}

async fn usage(tenant: &Tenant) -> Value {
    tenant.get("/v1/licences?limit=100").await.expect_status("licences", &[200]).unwrap()
}

async fn cancel(tenant: &Tenant, id: RequestId) {
    let answer = tenant.api.post(&format!("/v1/requests/{id}/cancel"), &json!({})).await.unwrap();
    answer.expect_status("cancel", &[200]).unwrap();
}

/// Many at once, each user's key another: those that were recorded.
async fn storm(tenant: &Tenant, users: Vec<String>) -> (Vec<RequestId>, usize) {
    let answers: Vec<(StatusCode, Value)> =
        stream::iter(&users).map(|user| ask(tenant, user)).buffer_unordered(CONNECTIONS).collect().await;
    let mut recorded = Vec::new();
    let mut refused = 0;
    for (status, body) in answers {
        if status == StatusCode::ACCEPTED {
            recorded.push(body["id"].as_str().unwrap().parse().unwrap());
        } else {
            assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("licence_unavailable")), "{body}");
            assert_eq!(body["licences"]["seats"], body["licences"]["in_use"], "{body}");
            refused += 1;
        }
    }
    (recorded, refused)
}

#[tokio::test]
async fn of_hundreds_of_keys_exactly_as_many_as_seats_are_let_in() {
    let world = World::load().await;
    let tenant = tenant(&world, 20, 0).await;
    let (recorded, refused) = storm(&tenant, (0..300).map(|n| format!("user {n}")).collect()).await;
    assert_eq!((recorded.len(), refused), (20, 280));
    assert_eq!(world.requests(&tenant.id).await.len(), 20, "a refused one is not recorded");
    let full = usage(&tenant).await;
    assert_eq!((&full["seats"], &full["in_use"]), (&json!(20), &json!(20)));
    let users: BTreeSet<&str> =
        full["keys"].as_array().unwrap().iter().map(|key| key["user"].as_str().unwrap()).collect();
    assert_eq!(users.len(), 20);
    stream::iter(&recorded).for_each_concurrent(CONNECTIONS, |id| cancel(&tenant, *id)).await;
    assert_eq!(usage(&tenant).await["in_use"], 0, "without linger they are free at once");
    // Every one of them can be had again, by other keys.
    let (again, refused) = storm(&tenant, (0..25).map(|n| format!("other {n}")).collect()).await;
    assert_eq!((again.len(), refused), (20, 5));
}

#[tokio::test]
async fn one_key_has_one_seat_however_many_share_it() {
    let world = World::load().await;
    let tenant = tenant(&world, 1, 3600).await;
    let (recorded, refused_ones) = storm(&tenant, vec!["maria".to_owned(); 100]).await;
    assert_eq!((recorded.len(), refused_ones), (100, 0));
    let shared = usage(&tenant).await;
    assert_eq!((&shared["in_use"], &shared["keys"][0]["request_count"]), (&json!(1), &json!(100)));
    let problem = refused(&tenant, "joao").await;
    assert_eq!(problem["licences"]["held_by"][0]["user"], "maria", "{problem}");
    assert!(problem["licences"]["frees_at"].is_null(), "nobody knows: {problem}");

    stream::iter(&recorded[1..]).for_each_concurrent(CONNECTIONS, |id| cancel(&tenant, *id)).await;
    refused(&tenant, "joao").await;
    cancel(&tenant, recorded[0]).await;
    let lingers = refused(&tenant, "joao").await;
    assert!(lingers["licences"]["frees_at"].is_string(), "{lingers}");
    assert_eq!(usage(&tenant).await["lingering"], 1);
    asked(&tenant, "maria").await;
    assert_eq!(usage(&tenant).await["lingering"], 0, "who comes back in time keeps the seat");
}

#[tokio::test]
async fn every_end_leaves_the_seat_and_what_a_crash_left_is_healed() {
    let world = World::load().await;
    let tenant = tenant(&world, 1, 0).await;
    // Succeeds, and is deleted.
    let id = asked(&tenant, "a").await;
    refused(&tenant, "b").await;
    tenant.free_slot(&world, id).await;
    let status = tenant.finished(id).await;
    let other = asked(&tenant, "b").await;
    assert_ne!(status["status"], "CANCELLED");
    tenant.finished(other).await;

    // Its message dies.
    tenant.hold_slot(&world).await;
    let id = asked(&tenant, "c").await;
    tenant.waits(id).await;
    let now = clock::now();
    let read = world.request(&tenant.id, id).await;
    let lost = Request { waiting: false, ..read.row.clone() };
    let stored = world.table.replace(&read, lost).await.unwrap();
    refused(&tenant, "d").await;
    // As a function of an older release would end it: the row alone.
    let ended = Request {
        status: waybill::domain::request::Status::Failed,
        finished_at: Some(now),
        due_at: None,
        ..stored.row.clone()
    };
    world.table.replace(&stored, ended).await.unwrap();
    let healed = asked(&tenant, "d").await;
    // A request that is gone holds nothing either.
    world.table.write(vec![Write::delete(Key::request(&tenant.id, healed))]).await.unwrap();
    let last = asked(&tenant, "e").await;
    cancel(&tenant, last).await;
    assert_eq!(usage(&tenant).await["in_use"], 0);
}

#[tokio::test]
async fn a_repeat_takes_no_second_seat_and_a_smaller_pool_lets_nobody_in_until_it_fits() {
    let world = World::load().await;
    let tenant = tenant(&world, 2, 0).await;
    let body = tenant.wallet_order().to_string().into_bytes();
    let licence = context("a");
    let content = ("content-type", "application/json");
    let headers = [content, ("x-license-context", licence.as_str()), ("idempotency-key", "once")];
    let ask_once = async || {
        let answer = tenant.api.send(Method::POST, "/v1/requests", &headers, body.clone()).await.unwrap();
        answer.expect_status("ask once", &[202]).unwrap()["id"].clone()
    };
    let first = ask_once().await;
    let second = asked(&tenant, "b").await;
    refused(&tenant, "c").await;
    assert_eq!(ask_once().await, first, "answered though the pool is full");
    assert_eq!(usage(&tenant).await["in_use"], 2);

    let answer = world.admin.get(&format!("/v1/tenants/{}", tenant.id)).await.unwrap();
    let mut settings = answer.expect_status("read a tenant", &[200]).unwrap();
    settings["licence_pool"]["seats"] = json!(1);
    let put = world.admin.put(&format!("/v1/tenants/{}", tenant.id), &settings).await.unwrap();
    put.expect_status("shrink the pool", &[200]).unwrap();
    let problem = refused(&tenant, "c").await;
    assert_eq!((&problem["licences"]["seats"], &problem["licences"]["in_use"]), (&json!(1), &json!(2)), "{problem}");
    let more = asked(&tenant, "b").await;
    cancel(&tenant, second).await;
    cancel(&tenant, more).await;
    refused(&tenant, "c").await;
    cancel(&tenant, first.as_str().unwrap().parse().unwrap()).await;
    asked(&tenant, "c").await;
    let of_admin = world.admin.get(&format!("/v1/tenants/{}/licences", tenant.id)).await.unwrap();
    let of_admin = of_admin.expect_status("licences of a tenant", &[200]).unwrap();
    assert_eq!((&of_admin["in_use"], &of_admin["keys"][0]["user"]), (&json!(1), &json!("c")));
    assert_eq!(of_admin["keys"][0]["client"], "127.0.0.1:1235");
}

#[tokio::test]
async fn a_bad_context_is_refused_and_names_its_field() {
    let world = World::load().await;
    let tenant = tenant(&world, 1, 0).await;
    let of = |value: &Value| STANDARD.encode(value.to_string());
    for (bad, pointer, code) in [
        ("no base64".to_owned(), "", "base64"),
        (STANDARD.encode("{"), "", "json"),
        (of(&json!([])), "", "type"),
        (of(&json!({ "mainThreadId": "1" })), "/mainThreadId", "type"),
        ("A".repeat(6 * 1024), "", "too_long"),
    ] {
        let (status, body) = ask_with(&tenant, &bad).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("licence_context_invalid")), "{body}");
        assert_eq!((&body["errors"][0]["pointer"], &body["errors"][0]["code"]), (&json!(pointer), &json!(code)));
    }
    tenant.nothing_is_recorded(&world).await;
    assert_eq!(usage(&tenant).await["in_use"], 0);
    eventually("a good one", async || (ask(&tenant, "a").await.0 == StatusCode::ACCEPTED).then_some(())).await;
}
