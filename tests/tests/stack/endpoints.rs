//! Registered endpoints: made, changed, subscribed, paused, tried, deleted.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use waybill::aws::table::keys::Key;
use waybill_local::receiver::{Received, Receiver};
use waybill_tests::{
    python::python,
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::{
    refusal,
    webhook::{self, Endpoint, register},
};

/// The endpoint as its tenant sees it.
async fn shown(tenant: &Tenant, endpoint: &Endpoint) -> Value {
    tenant.get(&format!("/v1/endpoints/{}", endpoint.id)).await.expect_status("read an endpoint", &[200]).unwrap()
}

async fn act(tenant: &Tenant, endpoint: &Endpoint, deed: &str) -> Value {
    let answer = tenant.api.post(&format!("/v1/endpoints/{}/{deed}", endpoint.id), &json!({})).await.unwrap();
    answer.expect_status(deed, &[200, 202]).unwrap()
}

async fn verifies(secret: &str, received: &Received) -> bool {
    let body = String::from_utf8(received.body.to_vec()).unwrap();
    python("verify_webhook.py", webhook::task(secret, received, &body)).await["verified"] == true
}

/// The request's only delivery, once `status` says of it what is waited for.
async fn delivery(tenant: &Tenant, request: waybill::domain::id::RequestId, status: &str) -> Value {
    eventually(&format!("a delivery that is {status}"), async || {
        let delivery = tenant.status(request).await["deliveries"][0].clone();
        (delivery["status"] == status).then_some(delivery)
    })
    .await
}

async fn first(receiver: &Receiver, path: &str) -> Received {
    receiver.wait_for(path, 1, LONG).await.unwrap()[0].clone()
}

#[tokio::test]
async fn an_endpoint_is_made_read_changed_and_deleted() {
    let world = World::load().await;
    let (tenant, other, receiver) =
        (Tenant::create(&world).await, Tenant::create(&world).await, world.receiver().await);
    let url = receiver.url("/hook");
    let settings = json!({
        "url": url, "description": "the ledger", "headers": { "X-Team": "finance-7f3a" }, "events": ["report.failed"],
        "authentication": { "type": "basic", "credentials": "ann:pass-91bc" }, "concurrency": 3, "timeout_seconds": 9,
        "retry": { "max_attempts": 4, "first_interval_seconds": 2, "factor": 1.5, "cap_seconds": 60 },
    });
    let made = tenant.api.post("/v1/endpoints", &settings).await.unwrap();
    assert_eq!(made.header("cache-control"), "no-store");
    let location = made.header("location").to_owned();
    let made = made.expect_status("make an endpoint", &[201]).unwrap();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    let endpoint = Endpoint { id: made["id"].as_str().unwrap().to_owned(), secret: secret.to_owned() };
    assert_eq!(location, format!("/v1/endpoints/{}", endpoint.id));

    let read = shown(&tenant, &endpoint).await;
    assert_eq!(read["authentication"], json!({ "type": "basic", "user": "ann" }));
    assert_eq!((&read["headers"], &read["retry"]), (&json!({ "x-team": null }), &settings["retry"]));
    assert_eq!((&read["state"], &read["concurrency"], &read["waiting"]), (&json!("active"), &json!(3), &json!(0)));
    let listed = tenant.get("/v1/endpoints").await.json();
    assert_eq!(listed["endpoints"][0]["id"], read["id"]);
    // What is shown can be put back, and changes nothing.
    let path = format!("/v1/endpoints/{}", endpoint.id);
    let same = tenant.api.put(&path, &read).await.unwrap().expect_status("put it back", &[200]).unwrap();
    for setting in ["url", "description", "authentication", "headers", "events", "retry", "timeout_seconds", "secrets"]
    {
        assert_eq!(same[setting], read[setting], "{setting}");
    }
    let elsewhere = json!({ "url": "https://example.com/hook" });
    let refused = tenant.api.put(&path, &elsewhere).await.unwrap();
    let problem = refusal::check(&world, "secrets to another host", &refused, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem).len(), 2, "{problem}");

    // Its secrets are nowhere in the open.
    let rows = world.text_of(&Key::tenant(&tenant.id).pk).await;
    let texts = [rows, read.to_string(), listed.to_string(), same.to_string()];
    for hidden in [secret, "pass-91bc", "finance-7f3a"] {
        assert!(texts.iter().all(|text| !text.contains(hidden)), "{hidden}");
    }
    // To others it does not exist.
    let never = other.get("/v1/endpoints/end_00000000000000000000000000000000").await;
    let theirs = other.get(&path).await;
    refusal::check(&world, "another tenant's", &theirs, 404, "not_found");
    assert_eq!(refusal::words(&theirs), refusal::words(&never));
    for id in ["end_1", "req_00000000000000000000000000000000", "END%23"] {
        refusal::check(&world, id, &tenant.get(&format!("/v1/endpoints/{id}")).await, 404, "not_found");
    }
    let mut order = other.wallet_order();
    order["delivery"] = json!({ "endpoint": endpoint.id });
    let refused = other.api.post("/v1/requests", &order).await.unwrap();
    let problem = refusal::check(&world, "to another tenant's endpoint", &refused, 422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "unknown_endpoint");

    assert_eq!(tenant.api.delete(&path).await.unwrap().status, 204);
    refusal::check(&world, "deleted", &tenant.get(&path).await, 404, "not_found");
    assert_eq!(tenant.get("/v1/endpoints").await.json()["endpoints"], json!([]));
}

#[tokio::test]
async fn every_fault_of_an_endpoint_is_told_at_once() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let body = json!({
        "url": "https://169.254.169.254/", "profile": "slack", "events": ["report.begun"], "statuses": [1],
        "concurrency": 0,
        "headers": { "Host": "x" }, "authentication": { "type": "basic", "credentials": "ann" },
        "retry": { "max_attempts": 31, "first_interval_seconds": 1 }, "timeout_seconds": 31, "colour": "blue",
    });
    let answer = tenant.api.post("/v1/endpoints", &body).await.unwrap();
    let problem = refusal::check(&world, "a faulty endpoint", &answer, 422, "validation_failed");
    let expected = [
        ("/authentication/credentials", "format"),
        ("/colour", "unknown"),
        ("/concurrency", "out_of_range"),
        ("/events/0", "not_allowed"),
        ("/headers/Host", "not_allowed"),
        ("/profile", "not_allowed"),
        ("/retry/max_attempts", "out_of_range"),
        ("/statuses/0", "not_allowed"),
        ("/timeout_seconds", "out_of_range"),
        ("/url", "url_refused"),
    ];
    assert_eq!(refusal::faults(&problem), expected.map(|(at, code)| (at.to_owned(), code.to_owned())));
    assert_eq!(tenant.get("/v1/endpoints").await.json()["endpoints"], json!([]), "nothing was recorded");
}

#[tokio::test]
async fn subscriptions_apply_where_a_request_names_nobody() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let all = register(&tenant, json!({ "url": receiver.url("/all") })).await;
    register(&tenant, json!({ "url": receiver.url("/finished"), "profile": "unico", "statuses": [3] })).await;
    register(&tenant, json!({ "url": receiver.url("/failed"), "events": ["report.failed"] })).await;
    let named = register(&tenant, json!({ "url": receiver.url("/named") })).await;
    assert_eq!(tenant.api.delete(&format!("/v1/endpoints/{}", named.id)).await.unwrap().status, 204);

    let request = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(request).await;
    let told = first(&receiver, "/all").await;
    assert!(verifies(&all.secret, &told).await && !verifies(&tenant.webhook_secret, &told).await);
    first(&receiver, "/finished").await;
    tenant.nothing_is_left_over(&world).await;

    // An explicit receiver replaces them all.
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    order["coalesce"] = json!(false);
    let explicit = tenant.order(&order).await;
    tenant.succeeded(explicit).await;
    first(&receiver, "/hook").await;
    let only = webhook::order_for(&tenant, &all).await;
    tenant.succeeded(only).await;
    receiver.wait_for("/all", 2, LONG).await.unwrap();
    tenant.nothing_is_left_over(&world).await;
    let came = ["/all", "/finished", "/failed", "/named", "/hook"].map(|path| receiver.received(path).len());
    assert_eq!(came, [2, 1, 0, 0, 1]);
}

#[tokio::test]
async fn a_hundred_endpoints_are_all_told_once() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    for piece in 0..10 {
        let settings =
            (0..10).map(|n| json!({ "url": receiver.url(&format!("/{piece}/{n}")), "events": ["report.succeeded"] }));
        join_all(settings.map(|settings| register(&tenant, settings))).await;
    }
    let one_more = tenant.api.post("/v1/endpoints", &json!({ "url": receiver.url("/x") })).await.unwrap();
    refusal::check(&world, "one more", &one_more, 409, "too_many_endpoints");
    let mut listed = BTreeSet::new();
    let mut path = "/v1/endpoints?limit=30".to_owned();
    loop {
        let page = tenant.get(&path).await.expect_status("a page", &[200]).unwrap();
        listed.extend(page["endpoints"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/endpoints?limit=30&cursor={cursor}");
    }
    assert_eq!(listed.len(), 100);

    let request = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(request).await;
    tenant.nothing_is_left_over(&world).await;
    for path in (0..10).flat_map(|piece| (0..10).map(move |n| format!("/{piece}/{n}"))) {
        assert_eq!(receiver.received(&path).len(), 1, "{path}");
    }
    assert_eq!(tenant.status(request).await["deliveries"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn two_secrets_sign_during_a_rotation() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let endpoint = register(&tenant, json!({ "url": receiver.url("/hook") })).await;
    let rotate = async |body: Value| {
        let path = format!("/v1/endpoints/{}/rotate-secret", endpoint.id);
        let answer = tenant.api.post(&path, &body).await.unwrap();
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.expect_status("rotate a secret", &[200]).unwrap()["secret"].as_str().unwrap().to_owned()
    };
    let second = rotate(json!({ "overlap_hours": 1 })).await;
    let secrets = shown(&tenant, &endpoint).await["secrets"].clone();
    assert!(secrets[0]["ends_at"].is_null() && secrets[1]["ends_at"].is_string() && secrets[2].is_null(), "{secrets}");
    act(&tenant, &endpoint, "test").await;
    let told = first(&receiver, "/hook").await;
    assert!(verifies(&endpoint.secret, &told).await && verifies(&second, &told).await);
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(body["type"], "endpoint.test");

    let third = rotate(json!({ "overlap_hours": 0 })).await;
    act(&tenant, &endpoint, "test").await;
    let told = receiver.wait_for("/hook", 2, LONG).await.unwrap()[1].clone();
    assert!(
        verifies(&third, &told).await && !verifies(&second, &told).await && !verifies(&endpoint.secret, &told).await
    );
    let wrong = json!({ "overlap_hours": 169, "at": "once" });
    let answer = tenant.api.post(&format!("/v1/endpoints/{}/rotate-secret", endpoint.id), &wrong).await.unwrap();
    let problem = refusal::check(&world, "a wrong overlap", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem).len(), 2);
}

#[tokio::test]
async fn what_a_paused_endpoint_is_to_be_told_waits() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let endpoint = register(&tenant, json!({ "url": receiver.url("/hook") })).await;
    let paused = act(&tenant, &endpoint, "pause").await;
    assert!(paused["paused"]["by"].as_str().unwrap().contains(&tenant.subject), "{paused}");
    assert_eq!(act(&tenant, &endpoint, "pause").await["paused"], paused["paused"], "once");
    let test = tenant.api.post(&format!("/v1/endpoints/{}/test", endpoint.id), &json!({})).await.unwrap();
    refusal::check(&world, "a test while paused", &test, 409, "endpoint_held");

    let request = webhook::order_for(&tenant, &endpoint).await;
    tenant.succeeded(request).await;
    eventually("a delivery that waits", async || (shown(&tenant, &endpoint).await["waiting"] == 1).then_some(())).await;
    assert_eq!(shown(&tenant, &endpoint).await["state"], "paused");
    assert_eq!(
        (delivery(&tenant, request, "PENDING").await["attempts"].clone(), receiver.received("/hook").len()),
        (json!(0), 0)
    );

    act(&tenant, &endpoint, "resume").await;
    delivery(&tenant, request, "DELIVERED").await;
    assert_eq!(receiver.received("/hook").len(), 1);
    assert_eq!(shown(&tenant, &endpoint).await["state"], "active");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn what_a_deleted_endpoint_was_to_be_told_is_called_off() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let endpoint = register(&tenant, json!({ "url": receiver.url("/hook") })).await;
    act(&tenant, &endpoint, "pause").await;
    let request = webhook::order_for(&tenant, &endpoint).await;
    tenant.succeeded(request).await;
    eventually("a delivery that waits", async || (shown(&tenant, &endpoint).await["waiting"] == 1).then_some(())).await;
    assert_eq!(tenant.api.delete(&format!("/v1/endpoints/{}", endpoint.id)).await.unwrap().status, 204);
    delivery(&tenant, request, "CALLED_OFF").await;
    assert_eq!(receiver.received("/hook").len(), 0);
    tenant.nothing_is_left_over(&world).await;
}
