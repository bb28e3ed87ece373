//! Messages lost, doubled, spoilt: whatever happens between table and queue, a request ends once.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use waybill::{
    aws::table::{Row, Write},
    domain::{
        delivery::{Delivery, Target},
        id::{EventId, RequestId},
        message::{Announcement, EventKind, RequestMessage},
        request::{Lease, Request, Status},
    },
};
use waybill_tests::{
    lake::Lake,
    receiver::Listener,
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::webhook;

/// A stage: a tenant with data, a receiver, and a request that has succeeded.
pub struct Stage {
    pub world: World,
    pub tenant: Tenant,
    pub receiver: Listener,
    pub finished: Request,
}

impl Stage {
    pub async fn set() -> Self {
        let world = World::load().await;
        let tenant = Tenant::create(&world).await;
        Lake::generate(&world, &tenant.id, 1_000, 1).await;
        let receiver = world.receiver().await;
        let id = tenant.order(&tenant.wallet_order()).await;
        tenant.succeeded(id).await;
        let finished = world.request(&tenant.id, id).await.row;
        Self { world, tenant, receiver, finished }
    }

    pub fn hook(&self) -> Target {
        Target::webhook(self.receiver.url("/hook"))
    }

    /// A copy of the finished request as it was when it was recorded: queued, under an id of its own.
    pub fn queued(&self) -> Request {
        Request {
            id: RequestId::generate(),
            delivery: Some(self.hook()),
            status: Status::Queued,
            attempt: 0,
            created_at: Timestamp::now(),
            started_at: None,
            finished_at: None,
            file: None,
            expires_at: None,
            link_sealed: None,
            due_at: Some(Timestamp::now() + SignedDuration::from_mins(10)),
            ..self.finished.clone()
        }
    }

    pub async fn insert(&self, row: &impl Row) {
        self.world.table.write(vec![Write::insert(row).unwrap()]).await.unwrap();
    }

    pub async fn insert_delivery(&self, delivery: &Delivery) {
        self.world.table.write(Write::delivery(delivery).unwrap().to_vec()).await.unwrap();
    }

    pub async fn overwrite(&self, row: &impl Row) {
        self.world.table.write(vec![Write::overwrite(row).unwrap()]).await.unwrap();
    }

    /// An event that tells of the finished request, and is due at a time.
    pub fn event(&self, due_at: Timestamp) -> Announcement {
        let event = Announcement::of(&self.finished, EventId::generate(), EventKind::ReportSucceeded, Timestamp::now());
        Announcement { target: Some(self.hook()), due_at: Some(due_at), ..event }
    }

    pub fn message(&self, id: RequestId) -> String {
        let message = RequestMessage::V1 { tenant: self.tenant.id.clone(), request: id, dead: None };
        serde_json::to_string(&message).unwrap()
    }

    /// Waits for the request's end and checks that there is one report and one webhook.
    pub async fn ends_once(&self, id: RequestId, attempt: u32) {
        let status = self.tenant.succeeded(id).await;
        assert_eq!(status["attempt"], attempt, "{status}");
        let received = self.receiver.wait_for("/hook", 1, LONG).await.unwrap();
        self.tenant.nothing_is_left_over(&self.world).await;
        assert_eq!(self.world.files(&format!("{}/{id}/", self.tenant.id)).await.len(), 1, "one file");
        assert_eq!(self.receiver.received("/hook").len(), 1, "one webhook");
        let body = webhook::verified(&self.tenant, &received[0]).await;
        assert_eq!(body["data"]["request_id"], id.to_string());
        assert_eq!(body["data"]["files"][0]["object_sha256"], status["files"][0]["object_sha256"]);
    }
}

#[tokio::test]
async fn one_message_sent_many_times_makes_one_report() {
    let stage = Stage::set().await;
    let request = stage.queued();
    stage.insert(&request).await;
    let (queue, message) = (&stage.world.stack.queues.request, stage.message(request.id));
    let send = || stage.world.send(queue, &stage.tenant.id, &message);
    tokio::join!(send(), send(), send(), send(), send(), send(), send(), send());
    stage.ends_once(request.id, 1).await;
}

#[tokio::test]
async fn a_request_whose_message_was_never_sent_is_found() {
    let stage = Stage::set().await;
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    let request = Request { due_at: Some(past), ..stage.queued() };
    stage.insert(&request).await;
    stage.world.sweep().await;
    stage.ends_once(request.id, 1).await;
}

#[tokio::test]
async fn an_event_whose_message_was_never_sent_is_found() {
    let stage = Stage::set().await;
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    stage.insert(&stage.event(past)).await;
    stage.world.sweep().await;
    stage.ends_once(stage.finished.id, 1).await;
}

#[tokio::test]
async fn a_run_that_nobody_carries_on_is_taken_over() {
    let stage = Stage::set().await;
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    let request = Request {
        status: Status::Running,
        attempt: 1,
        started_at: Some(past),
        lease: Some(Lease { owner: "a worker that is gone".to_owned(), until: past }),
        due_at: Some(past),
        ..stage.queued()
    };
    stage.insert(&request).await;
    stage.world.sweep().await;
    stage.ends_once(request.id, 2).await;
}

#[tokio::test]
async fn spoilt_messages_hold_nobody_up() {
    let stage = Stage::set().await;
    let queues = &stage.world.stack.queues;
    for queue in [&queues.request, &queues.delivery] {
        for spoilt in ["not json", "{}", r#"{"v":"99"}"#] {
            stage.world.send(queue, &stage.tenant.id, spoilt).await;
        }
    }
    let mut order = stage.tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": stage.receiver.url("/hook") } });
    let id = stage.tenant.order(&order).await;
    stage.ends_once(id, 1).await;
}

#[tokio::test]
async fn a_message_among_the_dead_letters_ends_its_request() {
    let stage = Stage::set().await;
    let request = stage.queued();
    stage.insert(&request).await;
    let dlq = &stage.world.stack.queues.request_dlq;
    stage.world.send(dlq, &stage.tenant.id, &stage.message(request.id)).await;
    let id = request.id.to_string();
    let letter = stage.world.dead_letter(dlq, |letter| letter["request"] == id && letter["dead"].is_object());
    let sweeps = eventually("the end of the request", async || {
        stage.world.sweep().await;
        let status = stage.tenant.status(request.id).await;
        (status["status"] != "QUEUED").then_some(status)
    });
    let (letter, status) = tokio::join!(letter, sweeps);
    assert_eq!((&status["status"], &status["failure"]["code"]), (&json!("FAILED"), &json!("INTERNAL")));
    assert_eq!(status["failure"]["retryable"], true);
    assert_eq!(letter["tenant"], stage.tenant.id.as_str());
    assert_eq!(letter["dead"]["reason"], status["failure"]["detail"]);

    let received = stage.receiver.wait_for("/hook", 1, LONG).await.unwrap();
    let body = webhook::verified(&stage.tenant, &received[0]).await;
    assert_eq!((&body["type"], &body["data"]["failure"]), (&json!("report.failed"), &status["failure"]));
    stage.tenant.nothing_is_left_over(&stage.world).await;
}
