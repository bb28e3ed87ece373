//! Receivers that are busy, broken, or elsewhere.

use std::collections::BTreeSet;

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use waybill::{
    aws::table::{keys::story, rows::AttemptRow},
    domain::{delivery::Attempt, id::RequestId},
};
use waybill_local::receiver::{Received, Receiver, Reply};
use waybill_tests::{
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::webhook;

/// Attempts in the local cloud's retry schedule.
const ATTEMPTS: usize = 5;

async fn order(tenant: &Tenant, receiver: &Receiver) -> RequestId {
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    tenant.order(&order).await
}

/// The request's only delivery, once it is over.
async fn delivery_over(tenant: &Tenant, id: RequestId) -> Value {
    tenant.succeeded(id).await;
    eventually("the end of the delivery", async || {
        let status = tenant.status(id).await;
        let delivery = status["deliveries"][0].clone();
        (delivery.is_object() && delivery["status"] != "PENDING").then_some(delivery)
    })
    .await
}

/// The same message every time, signed anew.
async fn check_attempts(tenant: &Tenant, received: &[Received]) {
    let distinct = |header: &str| {
        received.iter().map(|one| one.headers[header].clone().to_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(distinct("webhook-id").len(), 1);
    assert!(received.iter().all(|one| one.body == received[0].body));
    for one in received {
        webhook::verified(tenant, one).await;
    }
}

#[tokio::test]
async fn a_busy_receiver_is_asked_again() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let busy = Reply::status(StatusCode::SERVICE_UNAVAILABLE).header("retry-after", HeaderValue::from(3));
    receiver.reply(
        "/hook",
        [Reply::status(StatusCode::INTERNAL_SERVER_ERROR).body("out of order"), busy, Reply::status(StatusCode::OK)],
    );
    let id = order(&tenant, &receiver).await;
    let delivery = delivery_over(&tenant, id).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DELIVERED"), &json!(3)), "{delivery}");

    let received = receiver.received("/hook");
    assert_eq!(received.len(), 3);
    check_attempts(&tenant, &received).await;
    let seconds = |one: &Received| one.headers["webhook-timestamp"].to_str().unwrap().parse::<i64>().unwrap();
    assert!(seconds(&received[1]) > seconds(&received[0]), "the time of each attempt is signed");
    assert!(seconds(&received[2]) - seconds(&received[1]) >= 2, "Retry-After is heeded");
    let waited = received[2].received_at.duration_since(received[1].received_at);
    assert!(waited.as_millis() >= 2_900, "Retry-After is heeded: {waited:?}");
    tenant.nothing_is_left_over(&world).await;

    // Every attempt is on record, for support.
    let rows = world.table.query(&story(&tenant.id, id), &format!("DLV#{}#", delivery["id"].as_str().unwrap())).await;
    let attempts: Vec<Attempt> =
        rows.unwrap().into_iter().map(|row| row.read::<AttemptRow>().unwrap().row.attempt).collect();
    let told: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.http_status)).collect();
    assert_eq!(told, [(1, Some(500)), (2, Some(503)), (3, Some(200))]);
    assert!(attempts.iter().all(|attempt| attempt.finished_at.is_some() && attempt.duration_ms.is_some()));
    assert_eq!(attempts[0].response.as_deref(), Some("out of order"));
}

#[tokio::test]
async fn a_broken_receiver_uses_the_schedule_up() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    receiver.reply("/hook", [Reply::status(StatusCode::INTERNAL_SERVER_ERROR).body("out of order")]);
    let id = order(&tenant, &receiver).await;
    let request = id.to_string();
    let letter = world.dead_letter(&world.stack.queues.delivery_dlq, |letter| letter["request"] == request);
    let (letter, delivery) = tokio::join!(letter, delivery_over(&tenant, id));

    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DEAD"), &json!(ATTEMPTS)), "{delivery}");
    assert!(delivery["reason"].as_str().unwrap().contains("500"), "{delivery}");
    assert_eq!(letter["task"]["attempt"], delivery["id"]);
    assert_eq!(letter["dead"], json!({ "generation": 0, "reason": delivery["reason"] }));
    let received = receiver.received("/hook");
    assert_eq!(received.len(), ATTEMPTS);
    check_attempts(&tenant, &received).await;
    assert_eq!(tenant.status(id).await["status"], "SUCCEEDED", "the report itself is there");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let elsewhere = HeaderValue::from_str(&receiver.url("/elsewhere")).unwrap();
    let redirect = |status| Reply::status(status).header("location", elsewhere.clone());
    receiver.reply(
        "/hook",
        [redirect(StatusCode::FOUND), redirect(StatusCode::TEMPORARY_REDIRECT), Reply::status(StatusCode::NO_CONTENT)],
    );
    let id = order(&tenant, &receiver).await;
    let delivery = delivery_over(&tenant, id).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DELIVERED"), &json!(3)), "{delivery}");
    assert_eq!(receiver.received("/hook").len(), 3);
    assert!(receiver.received("/elsewhere").is_empty());
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_not_asked_again() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    receiver.reply("/hook", [Reply::status(StatusCode::GONE)]);
    let id = order(&tenant, &receiver).await;
    let delivery = delivery_over(&tenant, id).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DEAD"), &json!(1)), "{delivery}");
    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap();
    tenant.nothing_is_left_over(&world).await;
    assert_eq!(received.len(), 1);
    let request = id.to_string();
    world.dead_letter(&world.stack.queues.delivery_dlq, |letter| letter["request"] == request).await;
}
