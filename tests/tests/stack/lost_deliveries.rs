//! Deliveries and events whose messages were lost, wait for their time, or ended in the dead letters.

use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill::{
    aws::table::Row,
    clock,
    domain::{
        delivery::{Delivery, PATIENCE, Status},
        message::{Announcement, DeliveryMessage, DeliveryTask},
        request::HANDOFF_GRACE,
        retry::Schedule,
    },
};
use waybill_tests::wait::{LONG, eventually};

use crate::faults::Stage;

/// Beyond what a sweep looks ahead, so that nobody but the test moves the row.
const FAR: SignedDuration = SignedDuration::from_mins(10);

/// A recorded delivery of the finished request that nobody has a message of: made `age` ago, when its attempt was
/// expected, and looked at by the sweeper `after` now.
async fn delivery(stage: &Stage, after: SignedDuration, age: SignedDuration) -> Delivery {
    let now = clock::now();
    let at = now + after;
    let new = Delivery::new(stage.event(at), stage.hook(), now, &Schedule::parse("0").unwrap());
    let delivery = Delivery { created_at: now - age, next_attempt_at: Some(at - age), due_at: Some(at), ..new };
    stage.insert(&delivery).await;
    delivery
}

async fn read<T: Row>(stage: &Stage, row: &T) -> T {
    stage.world.table.get(&row.key()).await.unwrap().unwrap().row
}

/// The receiver is told once, at the first attempt.
async fn is_delivered(stage: &Stage, delivery: &Delivery) {
    stage.ends_once(stage.finished.id, 1).await;
    let after = read(stage, delivery).await;
    assert_eq!((after.status, after.attempts), (Status::Delivered, 1), "{after:?}");
}

#[tokio::test]
async fn a_delivery_whose_message_was_never_sent_is_found() {
    let stage = Stage::set().await;
    let delivery = delivery(&stage, SignedDuration::from_secs(-1), SignedDuration::ZERO).await;
    stage.world.sweep().await;
    stage.receiver.wait_for("/hook", 1, LONG).await.unwrap();
    is_delivered(&stage, &delivery).await;
}

#[tokio::test]
async fn a_parked_delivery_is_made_at_its_time() {
    let stage = Stage::set().await;
    let delivery = delivery(&stage, SignedDuration::from_secs(30), SignedDuration::ZERO).await;
    let at = delivery.next_attempt_at.unwrap();
    stage.world.sweep().await;
    let handed = read(&stage, &delivery).await;
    assert_eq!(handed.due_at, Some(at + HANDOFF_GRACE), "one sweep is enough: {handed:?}");
    let received = stage.receiver.wait_for("/hook", 1, LONG).await.unwrap()[0].received_at;
    assert!(received >= at, "{received} is before its time, {at}");
    assert!(received < at + HANDOFF_GRACE, "{received}: its message came too early and a second one was needed");
    is_delivered(&stage, &delivery).await;
}

/// So old that handing it over again has not helped.
const OLD: SignedDuration = SignedDuration::from_secs(PATIENCE.as_secs() + 3600);

/// Puts the message of a task among the dead letters.
async fn message_dies(stage: &Stage, task: DeliveryTask) {
    let (tenant, request) = (stage.tenant.id.clone(), stage.finished.id);
    let message = serde_json::to_string(&DeliveryMessage::V1 { tenant, request, task, dead: None }).unwrap();
    stage.world.send(&stage.world.stack.queues.delivery_dlq, &stage.tenant.id, &message).await;
}

/// Sweeps until a row is `marked`. Returns the letter that then stands in the place of the task's message.
async fn letter_of(stage: &Stage, task: DeliveryTask, marked: impl AsyncFn() -> bool) -> Value {
    message_dies(stage, task).await;
    let (dlq, id) = (&stage.world.stack.queues.delivery_dlq, stage.finished.id.to_string());
    let letter = stage.world.dead_letter(dlq, |letter| letter["request"] == id && letter["dead"].is_object());
    let sweeps = eventually("the row is marked", async || {
        stage.world.sweep().await;
        marked().await.then_some(())
    });
    let (letter, ()) = tokio::join!(letter, sweeps);
    assert_eq!((&letter["tenant"], &letter["task"]), (&json!(stage.tenant.id), &json!(task)));
    assert!(stage.receiver.received("/hook").is_empty(), "nobody is told");
    letter
}

#[tokio::test]
async fn an_old_delivery_among_the_dead_letters_is_dead() {
    let stage = Stage::set().await;
    let delivery = delivery(&stage, FAR, OLD).await;
    let marked = async || read(&stage, &delivery).await.status == Status::Dead;
    let letter = letter_of(&stage, DeliveryTask::Attempt(delivery.id), marked).await;
    stage.tenant.nothing_is_left_over(&stage.world).await;
    let dead = read(&stage, &delivery).await;
    assert_eq!((dead.status, dead.attempts, dead.due_at), (Status::Dead, 0, None), "{dead:?}");
    assert!(dead.reason.is_some() && dead.finished_at.is_some(), "{dead:?}");
    assert_eq!(letter["dead"], json!({ "generation": 0, "reason": dead.reason }));
}

#[tokio::test]
async fn an_old_event_among_the_dead_letters_waits_for_a_redrive() {
    let stage = Stage::set().await;
    let now = clock::now();
    let event = Announcement { occurred_at: now - OLD, ..stage.event(now + FAR) };
    stage.insert(&event).await;
    let marked = async || read(&stage, &event).await.due_at.is_none();
    let letter = letter_of(&stage, DeliveryTask::FanOut(event.id), marked).await;
    assert_eq!(letter["dead"]["generation"], 0);
    assert!(letter["dead"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{letter}");
    assert_eq!(read(&stage, &event).await, Announcement { due_at: None, ..event }, "all else stays");
}

/// Sweeps see dead letters first: one that ended the row would keep it from being handed over again.
#[tokio::test]
async fn a_dead_letter_ends_nothing_that_time_may_mend() {
    let (first, second) = tokio::join!(Stage::set(), Stage::set());
    let delivery = delivery(&first, FAR, SignedDuration::ZERO).await;
    let event = second.event(clock::now() + FAR);
    second.insert(&event).await;
    message_dies(&first, DeliveryTask::Attempt(delivery.id)).await;
    message_dies(&second, DeliveryTask::FanOut(event.id)).await;
    first.world.sweep().await;
    assert_eq!(read(&first, &delivery).await, delivery);
    assert_eq!(read(&second, &event).await, event);
}
