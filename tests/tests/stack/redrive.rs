//! Dead letters that go back to the queue, by the API and by SQS's own move, whose effect a letter that is sent there
//! has too.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    aws::table::{Row, keys::Key},
    domain::{
        delivery::{Delivery, Status},
        message::{Announcement, Dead, DeliveryMessage, DeliveryTask},
        request::{self, Request},
        retry::Schedule,
    },
};
use waybill_local::receiver::Reply;
use waybill_tests::wait::{LONG, eventually};

use crate::{faults::Stage, refusal};

/// A delivery of the finished request that died for a reason, in some generation; its letter was kept.
async fn dead(stage: &Stage, generation: u32) -> Delivery {
    let now = Timestamp::now();
    let new = Delivery::new(stage.event(now), stage.hook(), now, &Schedule::parse("0").unwrap());
    let reason = Some("the receiver was down".to_owned());
    let ended = Delivery { status: Status::Dead, generation, attempts: 5, reason, finished_at: Some(now), ..new };
    let delivery = Delivery { next_attempt_at: None, due_at: None, ..ended };
    stage.insert_delivery(&delivery).await;
    delivery
}

fn letter(stage: &Stage, task: DeliveryTask, generation: u32) -> String {
    let dead = Some(Dead { generation, reason: "the receiver was down".to_owned() });
    let (tenant, request) = (stage.tenant.id.clone(), stage.finished.id);
    serde_json::to_string(&DeliveryMessage::V1 { tenant, request, task, dead }).unwrap()
}

async fn read<T: Row>(stage: &Stage, row: &T) -> T {
    stage.world.table.get(&row.key()).await.unwrap().unwrap().row
}

async fn ended(stage: &Stage, delivery: &Delivery, status: Status) -> Delivery {
    eventually("the end of the delivery", async || {
        let row = read(stage, delivery).await;
        (row.status == status && row.due_at.is_none()).then_some(row)
    })
    .await
}

#[tokio::test]
async fn a_letter_that_comes_back_counts_once() {
    let stage = Stage::set().await;
    let delivery = dead(&stage, 2).await;
    let task = DeliveryTask::Attempt(delivery.id);
    let queue = &stage.world.stack.queues.delivery;
    // An older letter, and one of a generation that never was.
    for generation in [1, 3] {
        stage.world.send(queue, &stage.tenant.id, &letter(&stage, task, generation)).await;
    }
    let current = letter(&stage, task, 2);
    let send = || stage.world.send(queue, &stage.tenant.id, &current);
    tokio::join!(send(), send(), send());
    stage.receiver.wait_for("/hook", 1, LONG).await.unwrap();
    let row = ended(&stage, &delivery, Status::Delivered).await;
    assert_eq!((row.generation, row.attempts), (3, 6), "{row:?}");
    // Delivered: no letter revives it, of whatever generation.
    for generation in 0..5 {
        stage.world.send(queue, &stage.tenant.id, &letter(&stage, task, generation)).await;
    }
    // A delivery whose message comes after all of those.
    let last = dead(&stage, 0).await;
    stage.world.send(queue, &stage.tenant.id, &letter(&stage, DeliveryTask::Attempt(last.id), 0)).await;
    ended(&stage, &last, Status::Delivered).await;
    stage.tenant.nothing_is_left_over(&stage.world).await;
    assert_eq!(stage.receiver.received("/hook").len(), 2);
    assert_eq!(read(&stage, &delivery).await.generation, 3);
}

#[tokio::test]
async fn a_letter_of_a_file_that_was_deleted_revives_nothing() {
    let stage = Stage::set().await;
    let gone = dead(&stage, 0).await;
    let key = Key::request(&stage.tenant.id, stage.finished.id);
    let request = stage.world.table.get::<Request>(&key).await.unwrap().unwrap();
    let deleted = Request { status: request::Status::Expired, due_at: None, ..request.row.clone() };
    stage.world.table.replace(&request, deleted).await.unwrap();
    let queue = &stage.world.stack.queues.delivery;
    stage.world.send(queue, &stage.tenant.id, &letter(&stage, DeliveryTask::Attempt(gone.id), 0)).await;
    // One that tells of no file, and comes after it.
    let last = dead(&stage, 0).await;
    let read_last = stage.world.table.get::<Delivery>(&last.key()).await.unwrap().unwrap();
    let announcement = Announcement { expires_at: None, ..last.announcement.clone() };
    stage.world.table.replace(&read_last, Delivery { announcement, ..last.clone() }).await.unwrap();
    stage.world.send(queue, &stage.tenant.id, &letter(&stage, DeliveryTask::Attempt(last.id), 0)).await;
    ended(&stage, &last, Status::Delivered).await;
    let row = read(&stage, &gone).await;
    assert_eq!((row.status, row.generation, row.attempts), (Status::Dead, 0, 5), "{row:?}");
}

#[tokio::test]
async fn an_event_that_was_given_up_is_told_when_its_letter_comes_back() {
    let stage = Stage::set().await;
    let event = Announcement { due_at: None, ..stage.event(Timestamp::now()) };
    stage.insert(&event).await;
    let letter = letter(&stage, DeliveryTask::FanOut(event.id), 0);
    stage.world.send(&stage.world.stack.queues.delivery, &stage.tenant.id, &letter).await;
    stage.ends_once(stage.finished.id, 1).await;
    // Told once: the letter, sent again, finds nothing.
    stage.world.send(&stage.world.stack.queues.delivery, &stage.tenant.id, &letter).await;
    assert!(stage.world.table.get::<Announcement>(&event.key()).await.unwrap().is_none());
}

/// Asks for redrives of the stage's tenant until `count` letters were moved; a queue may keep one twice.
async fn redrive(stage: &Stage, count: u64) {
    let mut moved = 0;
    eventually("the letters are moved", async || {
        let body = json!({ "tenant": stage.tenant.id });
        let answer = stage.world.admin.post("/v1/dead-letters/redrive", &body).await.unwrap();
        moved += answer.expect_status("redrive", &[200]).unwrap()["moved"].as_u64().unwrap();
        (moved >= count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_api_moves_a_tenants_letters_back() {
    let stage = Stage::set().await;
    stage.receiver.reply("/hook", [Reply::status(StatusCode::GONE), Reply::status(StatusCode::OK)]);
    let mut order = stage.tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": stage.receiver.url("/hook") } });
    let id = stage.tenant.order(&order).await;
    let is_over = |status: &Value, wanted: &str| status["deliveries"][0]["status"] == wanted;
    eventually("the delivery is dead", async || is_over(&stage.tenant.status(id).await, "DEAD").then_some(())).await;
    redrive(&stage, 1).await;
    eventually("the delivery is made", async || is_over(&stage.tenant.status(id).await, "DELIVERED").then_some(()))
        .await;
    assert_eq!(stage.receiver.received("/hook").len(), 2);
    stage.tenant.nothing_is_left_over(&stage.world).await;
    let trail = stage.world.admin.get(&format!("/v1/tenants/{}/audit", stage.tenant.id)).await.unwrap().json();
    let entries = trail["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["action"] == "dead_letters.redriven");
    assert!(entry.unwrap()["detail"]["moved"].as_u64() >= Some(1), "{entry:?}");
}

#[tokio::test]
async fn letters_without_a_reason_and_of_others_stay() {
    let (stage, other) = tokio::join!(Stage::set(), Stage::set());
    let delivery = dead(&other, 0).await;
    let dlq = &stage.world.stack.queues.delivery_dlq;
    let theirs = letter(&other, DeliveryTask::Attempt(delivery.id), 0);
    stage.world.send(dlq, &other.tenant.id, &theirs).await;
    let body = json!({ "tenant": stage.tenant.id });
    let answer = stage.world.admin.post("/v1/dead-letters/redrive", &body).await.unwrap();
    assert_eq!(answer.expect_status("redrive", &[200]).unwrap()["moved"], 0);
    let id = other.finished.id.to_string();
    stage.world.dead_letter(dlq, |letter| letter["request"] == id).await;
    assert_eq!(read(&other, &delivery).await, delivery);

    let wrong = stage.world.admin.post("/v1/dead-letters/redrive", &json!({ "limit": 0, "queue": 1 })).await.unwrap();
    let problem = refusal::check(&stage.world, "redrive", &wrong, 422, "validation_failed");
    let named: Vec<_> = refusal::faults(&problem);
    assert_eq!(named, [("/limit".into(), "out_of_range".into()), ("/queue".into(), "unknown".into())]);
    let denied = stage.tenant.api.post("/v1/dead-letters/redrive", &json!({})).await.unwrap();
    refusal::check(&stage.world, "redrive as a tenant", &denied, 403, "scope_missing");
}

/// A redrive of a delivery whose file is gone changes nothing, and the letter is spent.
#[tokio::test]
async fn what_cannot_be_told_any_more_stays_dead() {
    let stage = Stage::set().await;
    let delivery = dead(&stage, 0).await;
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    let announcement = Announcement { expires_at: Some(past), ..delivery.announcement.clone() };
    let row = Delivery { announcement, ..delivery.clone() };
    stage.overwrite(&row).await;
    let queue = &stage.world.stack.queues.delivery;
    stage.world.send(queue, &stage.tenant.id, &letter(&stage, DeliveryTask::Attempt(delivery.id), 0)).await;
    let last = dead(&stage, 0).await;
    stage.world.send(queue, &stage.tenant.id, &letter(&stage, DeliveryTask::Attempt(last.id), 0)).await;
    ended(&stage, &last, Status::Delivered).await;
    assert_eq!(read(&stage, &row).await, row);
    assert_eq!(stage.receiver.received("/hook").len(), 1);
}
