//! Asking: once for many calls, only to see whether it would be accepted, or beside others who ask the same.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use waybill_local::api_client::Answer;
use waybill_tests::{lake::Lake, tenant::Tenant, wait::eventually, world::World};

use crate::refusal;

async fn ask(tenant: &Tenant, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    tenant.api.send(Method::POST, "/v1/requests", &headers, body.to_string().into_bytes()).await.unwrap()
}

#[tokio::test]
async fn the_same_key_is_the_same_request() {
    let world = World::load().await;
    let (tenant, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let order = tenant.wallet_order();
    let first = ask(&tenant, "order 7", &order).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (202, ""));
    // Neither spaces nor the order of fields make another body; nor does the request's being over.
    let id = first.json()["id"].as_str().unwrap().parse().unwrap();
    tenant.succeeded(id).await;
    let spaced = serde_json::to_string_pretty(&order).unwrap();
    let headers = [("content-type", "application/json"), ("idempotency-key", "order 7")];
    let again = tenant.api.send(Method::POST, "/v1/requests", &headers, spaced.into_bytes()).await.unwrap();
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    assert_eq!((again.json(), again.header("location")), (first.json(), first.header("location")));

    let mut another = order.clone();
    another["format"] = json!("ndjson");
    let answer = ask(&tenant, "order 7", &another).await;
    refusal::check(&world, "a key with another body", &answer, 422, "idempotency_key_reused");
    assert_eq!(world.requests(&tenant.id).await.len(), 1);

    // A key means nothing to another tenant, nor does what was refused use it up.
    let theirs = ask(&other, "order 7", &another).await;
    assert_eq!((theirs.status, theirs.header("idempotency-replayed")), (202, ""));
    let refused = ask(&tenant, "order 8", &json!({ "report": "nothing" })).await;
    refusal::check(&world, "an unknown report", &refused, 404, "report_not_found");
    assert_eq!(ask(&tenant, "order 8", &order).await.status, 202);
}

#[tokio::test]
async fn two_hundred_at_once_with_one_key_make_one_report() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let order = tenant.wallet_order();
    let answers = join_all((0..200).map(|_| ask(&tenant, "once", &order))).await;
    let mut ids = std::collections::BTreeSet::new();
    for answer in &answers {
        match answer.status {
            202 => {
                ids.insert(answer.json()["id"].as_str().unwrap().to_owned());
            }
            409 => {
                let problem = refusal::check(&world, "while it is recorded", answer, 409, "idempotency_key_in_flight");
                assert!(problem["detail"].is_string());
                assert_eq!(answer.header("retry-after"), "1");
            }
            // So many at once are more than the local cloud answers in time; what matters is what they did.
            502..=504 => {}
            other => panic!("{other}: {}", answer.json()),
        }
    }
    // Who got no answer asks again.
    let again = eventually("an answer to one call alone", async || {
        let answer = ask(&tenant, "once", &order).await;
        (answer.status == 202).then_some(answer)
    })
    .await;
    ids.insert(again.json()["id"].as_str().unwrap().to_owned());
    assert_eq!(ids.len(), 1, "{ids:?}");
    let requests = world.requests(&tenant.id).await;
    assert_eq!(requests.len(), 1);
    tenant.succeeded(requests[0].id).await;
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn keys_have_a_form() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let order = tenant.wallet_order();
    for key in ["", "   ", &"x".repeat(256)] {
        let answer = ask(&tenant, key, &order).await;
        refusal::check(&world, &format!("key {key:?}"), &answer, 400, "idempotency_key_invalid");
    }
    assert_eq!(ask(&tenant, &"x".repeat(255), &order).await.status, 202);
}

#[tokio::test]
async fn whether_it_would_be_accepted() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, 1_000, 1).await;
    let mut order = tenant.wallet_order();
    order["validate_only"] = json!(true);
    let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
    let preview = answer.expect_status("validate", &[200]).unwrap();
    assert_eq!((&preview["valid"], &preview["format"]), (&json!(true), &json!("csv")));
    assert_eq!(preview["resolved"]["d1"], "2024-01-01T00:00:00.000", "{preview}");
    assert_eq!(preview["resolved"]["organisation_id"], Value::Null, "{preview}");
    assert_eq!(preview["expected_rows"], Value::Null, "nothing has run yet");
    tenant.nothing_is_recorded(&world).await;

    let mut wrong = order.clone();
    wrong["parameters"] = json!({ "d1": 1, "d2": "2024-01-31T00:00:00", "x": 2 });
    let answer = tenant.api.post("/v1/requests", &wrong).await.unwrap();
    let problem = refusal::check(&world, "faults", &answer, 422, "validation_failed");
    let expected = [("/parameters/d1", "type"), ("/parameters/x", "unknown")];
    assert_eq!(refusal::faults(&problem), expected.map(|(at, code)| (at.to_owned(), code.to_owned())));

    // Once a run tells, the next is estimated.
    let done = tenant.succeeded(tenant.order(&tenant.wallet_order()).await).await;
    assert_eq!(done["rows"], 1_000);
    let preview = eventually("an estimate", async || {
        let preview = tenant.api.post("/v1/requests", &order).await.unwrap().json();
        preview["expected_rows"].is_object().then_some(preview)
    })
    .await;
    assert_eq!(preview["expected_rows"], json!({ "rows": 1_000, "basis": "same_parameters", "runs": 1 }));
}

#[tokio::test]
async fn whoever_asks_the_same_may_join() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    tenant.hold_slot(&world).await;
    let order = tenant.wallet_order();
    let first = tenant.order(&order).await;
    let mut joining = order.clone();
    joining["coalesce"] = json!(true);
    let joined = eventually("the first to be found", async || {
        let answer = tenant.api.post("/v1/requests", &joining).await.unwrap().json();
        (answer["id"] == first.to_string()).then_some(answer)
    })
    .await;
    assert_eq!(joined["coalesced"], true);
    let (once, twice) = (ask(&tenant, "join", &joining).await, ask(&tenant, "join", &joining).await);
    assert_eq!((once.json(), twice.json()), (joined.clone(), joined));
    assert_eq!(twice.header("idempotency-replayed"), "true");

    // Another format, receiver or period is another report.
    let recorded = world.requests(&tenant.id).await.len();
    let mut other = joining.clone();
    other["format"] = json!("ndjson");
    assert_ne!(tenant.order(&other).await, first);
    let receiver = world.receiver().await;
    other["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    assert_ne!(tenant.order(&other).await, first);
    assert_eq!(world.requests(&tenant.id).await.len(), recorded + 2);

    // Many at once, where none is in flight yet: one is recorded, all others join it.
    other["parameters"]["d1"] = json!("2024-02-01T00:00:00");
    let answers = join_all((0..20).map(|_| tenant.api.post("/v1/requests", &other))).await;
    let ids: std::collections::BTreeSet<String> = answers
        .into_iter()
        .map(|answer| answer.unwrap())
        .filter(|answer| answer.status == 202)
        .map(|answer| answer.json()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");

    // What has ended cannot be joined.
    tenant.free_slot(&world, first).await;
    tenant.succeeded(first).await;
    assert_ne!(tenant.order(&joining).await, first);
}

#[tokio::test]
async fn the_same_again() {
    let world = World::load().await;
    let (tenant, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let receiver = world.receiver().await;
    let mut order = tenant.wallet_order();
    order["format"] = json!("ndjson");
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let first = tenant.order(&order).await;
    let path = format!("/v1/requests/{first}/repeat");
    let answer = tenant.api.post(&path, &json!({})).await.unwrap();
    let accepted = answer.expect_status("repeat", &[202]).unwrap();
    let second = accepted["id"].as_str().unwrap().parse().unwrap();
    assert_ne!(second, first);
    assert_eq!(accepted["repeats"], first.to_string());
    let (before, after) = (tenant.succeeded(first).await, tenant.succeeded(second).await);
    for name in ["report", "parameters", "format", "packaging", "presenter_id"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_eq!(after["repeats"], first.to_string());
    receiver.wait_for("/hook", 2, waybill_tests::wait::LONG).await.unwrap();

    // With a key it is repeated once.
    let repeat = || async {
        let headers = [("idempotency-key", "again")];
        tenant.api.send(Method::POST, &path, &headers, vec![]).await.unwrap().json()["id"].clone()
    };
    assert_eq!(repeat().await, repeat().await);
    let theirs = other.api.post(&path, &json!({})).await.unwrap();
    refusal::check(&world, "somebody else's request", &theirs, 404, "not_found");
}
