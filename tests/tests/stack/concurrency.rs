//! As many notifications at a time as an endpoint allows, counted at the endpoint itself, though a dispatcher is killed.

use std::time::Duration;

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        Write,
        keys::{Key, lane},
    },
    clock,
    domain::{
        delivery::{Delivery, Status, Target},
        id::{DeliveryId, EventId},
        message::{Announcement, DeliveryMessage, DeliveryTask},
        retry::Schedule,
    },
};
use waybill_local::receiver::{Received, Reply};
use waybill_tests::{
    function::Function,
    skip,
    wait::{LONG, eventually},
};

use crate::{
    faults::Stage,
    webhook::{Endpoint, register},
};

const CONCURRENCY: usize = 3;
const DELIVERIES: usize = 40;

/// How long the endpoint takes to answer.
const TAKES: Duration = Duration::from_millis(400);

/// Deliveries to the endpoint, recorded, each of an event of its own. Nobody has a message of them.
pub async fn deliveries(stage: &Stage, endpoint: &Endpoint, count: usize) -> Vec<Delivery> {
    let now = clock::now();
    let target = Target::Endpoint { id: endpoint.id.parse().unwrap() };
    let schedule = Schedule::parse("0").unwrap();
    let mut made = Vec::new();
    for _ in 0..count {
        let event = Announcement { id: EventId::generate(), ..stage.event(now) };
        let delivery = Delivery::new(event, target.clone(), now, &schedule);
        let delivery = Delivery { due_at: Some(now + SignedDuration::from_mins(2)), ..delivery };
        stage.world.table.write(Write::delivery(&delivery).unwrap().to_vec()).await.unwrap();
        made.push(delivery);
    }
    made
}

pub fn message(stage: &Stage, delivery: DeliveryId) -> String {
    let (tenant, request) = (stage.tenant.id.clone(), stage.finished.id);
    let task = DeliveryTask::Attempt(delivery);
    serde_json::to_string(&DeliveryMessage::V1 { tenant, request, task, dead: None }).unwrap()
}

pub async fn send(stage: &Stage, deliveries: &[Delivery]) {
    for delivery in deliveries {
        let message = message(stage, delivery.id);
        stage.world.send(&stage.world.stack.queues.delivery, &stage.tenant.id, &message).await;
    }
}

/// Sweeps until each of them is as it should be; the minute's own sweep would do it too.
pub async fn until(stage: &Stage, deliveries: &[Delivery], status: Status) {
    for delivery in deliveries {
        let key = Key::delivery(&stage.tenant.id, stage.finished.id, delivery.id);
        eventually(&format!("{} is {status:?}", delivery.id), async || {
            let row = stage.world.table.get::<Delivery>(&key).await.unwrap().unwrap().row;
            if row.status != status {
                stage.world.sweep().await;
            }
            (row.status == status).then_some(())
        })
        .await;
    }
}

pub async fn shown(stage: &Stage, endpoint: &Endpoint) -> Value {
    let answer = stage.tenant.get(&format!("/v1/endpoints/{}", endpoint.id)).await;
    answer.expect_status("read an endpoint", &[200]).unwrap()
}

/// The most that the endpoint had before it at once: it answers none before its time.
fn most_at_once(received: &[Received]) -> usize {
    let at_once = |one: &Received| {
        let before = |other: &&Received| {
            let age = one.received_at.duration_since(other.received_at);
            !age.is_negative() && age < SignedDuration::try_from(TAKES).unwrap()
        };
        received.iter().filter(before).count()
    };
    received.iter().map(at_once).max().unwrap_or(0)
}

/// A dispatcher of this test's own takes a delivery up, and is killed while the endpoint thinks.
async fn killed_in_an_attempt(stage: &Stage, delivery: &Delivery) {
    let name = &stage.world.stack.functions.dispatcher;
    let dispatcher = Function::start(&stage.world, "waybill-dispatcher", name).await;
    let event = json!({ "Records": [{
        "messageId": "of-a-test",
        "receiptHandle": "of-a-test",
        "body": message(stage, delivery.id),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": stage.world.stack.region,
    }] });
    tokio::select! {
        _ = dispatcher.invoke(&event, Duration::from_secs(20)) => panic!("it was to be killed before"),
        received = stage.receiver.wait_for("/hook", 1, LONG) => { received.unwrap(); }
    }
}

#[tokio::test]
async fn an_endpoint_is_never_sent_more_at_a_time_than_it_allows() {
    let stage = Stage::set().await;
    if !stage.world.is_local() {
        skip::skipped("a dispatcher can be killed in the local cloud only");
        return;
    }
    let url = stage.receiver.url("/hook");
    let settings = json!({ "url": url, "concurrency": CONCURRENCY, "timeout_seconds": 5 });
    let endpoint = register(&stage.tenant, settings).await;
    stage.receiver.reply_with("/hook", |_, _| Reply::status(StatusCode::OK).after(TAKES));
    let deliveries = deliveries(&stage, &endpoint, DELIVERIES).await;

    killed_in_an_attempt(&stage, &deliveries[0]).await;
    let held = shown(&stage, &endpoint).await;
    assert_eq!((&held["in_flight"], &held["concurrency"]), (&json!(1), &json!(CONCURRENCY)), "{held}");
    send(&stage, &deliveries).await;
    until(&stage, &deliveries, Status::Delivered).await;

    let received = stage.receiver.received("/hook");
    assert!(received.len() <= DELIVERIES + 1, "{} calls: one crash, one repeated call", received.len());
    let most = most_at_once(&received);
    assert!((2..=CONCURRENCY).contains(&most), "{most} at a time");
    let rest = shown(&stage, &endpoint).await;
    assert_eq!((&rest["in_flight"], &rest["waiting"], &rest["limit"]), (&json!(0), &json!(0), &json!(CONCURRENCY)));
    let left = stage.world.text_of(&lane(&stage.tenant.id, &endpoint.id)).await;
    assert!(!left.contains("SLOT#") && !left.contains("WAIT#"), "{left}");
}
