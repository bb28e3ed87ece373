//! An endpoint that fails is let alone, and asked again when its circuit ends.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use waybill::{
    aws::table::{Row, keys::Key},
    clock,
    domain::{
        delivery::{Delivery, Status},
        health::{Event, Health, OPENS_AFTER, Open},
    },
};
use waybill_local::receiver::Reply;
use waybill_tests::{
    events::Consumer,
    wait::{LONG, eventually},
};

use crate::{
    concurrency::{deliveries, send, shown, until},
    faults::Stage,
    webhook::register,
};

/// What is remembered of an endpoint that has failed so often in a row, now.
fn failing(tenant: &str, endpoint: &str, times: u32) -> Health {
    let now = clock::now();
    let failed = Event::Failed { retry_at: None };
    (0..times).fold(Health::new(tenant, endpoint, now), |health, _| health.apply(failed, 10, now).0)
}

#[tokio::test]
async fn a_circuit_opens_keeps_what_waits_and_closes_by_a_probe() {
    let stage = Stage::set().await;
    let endpoint = register(&stage.tenant, json!({ "url": stage.receiver.url("/hook"), "concurrency": 1 })).await;
    let health = failing(&stage.tenant.id, &endpoint.id, OPENS_AFTER - 1);
    stage.insert(&health).await;
    stage.receiver.reply("/hook", [Reply::status(StatusCode::BAD_GATEWAY), Reply::status(StatusCode::OK)]);
    let deliveries = deliveries(&stage, &endpoint, 4).await;
    send(&stage, &deliveries[..1]).await;
    let received = stage.receiver.wait_for("/hook", 1, LONG).await.unwrap();
    let open = eventually("an open circuit", async || {
        let shown = shown(&stage, &endpoint).await;
        (shown["circuit"]["state"] == "open").then_some(shown)
    })
    .await;
    assert_eq!((&open["limit"], &open["error_rate"]), (&json!(0), &json!(1.0)), "{open}");
    assert_eq!(open["next_retry_at"], open["circuit"]["until"]);

    send(&stage, &deliveries[1..]).await;
    until(&stage, &deliveries, Status::Delivered).await;
    let later = stage.receiver.received("/hook");
    let waited = later[1].received_at.duration_since(received[0].received_at);
    assert!(waited.as_secs() >= 28, "nobody was called while it was open: {waited:?}");
    let closed = shown(&stage, &endpoint).await;
    assert_eq!((&closed["circuit"]["state"], &closed["waiting"]), (&json!("closed"), &json!(0)), "{closed}");
    // What waited was not attempted in vain.
    for delivery in &deliveries[1..] {
        let key = Key::delivery(&stage.tenant.id, stage.finished.id, delivery.id);
        assert_eq!(stage.world.table.get::<Delivery>(&key).await.unwrap().unwrap().row.attempts, 1);
    }
}

#[tokio::test]
async fn an_open_circuit_is_kept_in_mind_while_nothing_waits_yet() {
    let stage = Stage::set().await;
    let endpoint = register(&stage.tenant, json!({ "url": stage.receiver.url("/hook") })).await;
    // Near enough for a sweep to look at it.
    let until = clock::now() + SignedDuration::from_secs(100);
    let health = failing(&stage.tenant.id, &endpoint.id, OPENS_AFTER);
    let health = Health { circuit: Some(Open { until, times: 3 }), due_at: Some(until), ..health };
    stage.insert(&health).await;
    stage.world.sweep().await;
    let read = stage.world.table.get::<Health>(&health.key()).await.unwrap().unwrap().row;
    assert_eq!(read.due_at, Some(until), "what comes to wait until then is woken");
}

#[tokio::test]
async fn five_days_of_failures_disable_an_endpoint_and_the_bus_is_told() {
    let stage = Stage::set().await;
    let bus = Consumer::of(&stage.world, &stage.tenant.id).await;
    let endpoint = register(&stage.tenant, json!({ "url": stage.receiver.url("/hook") })).await;
    let since = clock::now() - waybill::domain::health::DISABLES_AFTER;
    let health = failing(&stage.tenant.id, &endpoint.id, OPENS_AFTER - 1);
    let health = Health { failing_since: Some(since), ..health };
    stage.insert(&health).await;
    stage.receiver.reply("/hook", [Reply::status(StatusCode::BAD_GATEWAY)]);
    let deliveries = deliveries(&stage, &endpoint, 1).await;
    send(&stage, &deliveries).await;
    let told = bus.detail(|detail| detail["endpoint_id"] == endpoint.id.as_str()).await;
    assert!(told["reason"].as_str().is_some_and(|reason| reason.starts_with("It has failed since")), "{told}");
    let disabled = eventually("a disabled endpoint", async || {
        let shown = shown(&stage, &endpoint).await;
        (shown["state"] == "disabled").then_some(shown)
    })
    .await;
    assert_eq!((&disabled["limit"], &disabled["circuit"]["state"]), (&json!(0), &json!("closed")), "{disabled}");
    bus.close().await;
}
