//! Lifecycle events on the bus, as a consumer with a rule of its own gets them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    aws::table::{Row, Stored},
    clock,
    domain::{
        check::{CheckKind, CheckOutcome},
        delivery::Target,
        failure::{Failure, FailureCode},
        message::{Announcement, DeliveryMessage, DeliveryTask},
        outcome::ReportFile,
        request::{Event, Lease, Request, Rules, Sealed, Status, Step},
    },
};
use waybill_tests::{
    events::Consumer,
    function::Function,
    python::python,
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::{faults::Stage, webhook};

const DOCS: &str = include_str!("../../../docs/events.md");

const RULES: Rules = Rules { lease: SignedDuration::from_secs(15), max_attempts: 3 };

/// Whom the deeds of these tests are ascribed to.
const BY: &str = "somebody of a test";

/// A stage with somebody who listens to the bus.
struct Play {
    stage: Stage,
    consumer: Consumer,
}

impl Play {
    async fn begin() -> Self {
        let stage = Box::pin(Stage::set()).await;
        let consumer = Consumer::of(&stage.world, &stage.tenant.id).await;
        Self { stage, consumer }
    }

    /// A request as some function found it, which is to tell the receiver's `path`.
    async fn request(&self, path: &str, change: impl FnOnce(Request) -> Request) -> Stored<Request> {
        let url = self.stage.receiver.url(path);
        let delivery = Some(Target::webhook(url));
        let request = change(Request { delivery, ..self.stage.queued() });
        self.stage.insert(&request).await;
        Stored { row: request, revision: 1 }
    }

    /// The request with its file, whose objects are there.
    async fn file(&self, request: &Request) -> ReportFile {
        let (world, key) = (&self.stage.world, request.object_key(1));
        world.put(&world.stack.buckets.report, &key, b"a report".to_vec()).await;
        world.put(&world.stack.buckets.report, &ReportFile::manifest_key(&key), b"{}".to_vec()).await;
        ReportFile { key, ..self.stage.finished.file.clone().unwrap() }
    }

    /// Carries an event of the request out as functions do.
    async fn apply(&self, read: &Stored<Request>, event: Event) -> Stored<Request> {
        let now = Timestamp::now();
        let step: Step = read.row.apply(event, now, &RULES).unwrap();
        let committed = self.stage.world.table.commit(read, step, vec![], now).await.unwrap();
        if let Some(message) = committed.hand_off {
            let body = serde_json::to_string(&message).unwrap();
            self.stage.world.send(&self.stage.world.stack.queues.delivery, &self.stage.tenant.id, &body).await;
        }
        committed.request
    }

    /// What consumer and receiver are told of the request's end: the same, and the same as the status says.
    async fn told(&self, request: &Request, path: &str, event: &str) -> Value {
        let id = json!(request.id);
        let detail = self.consumer.detail(|one| one["request_id"] == id && one["event"] == event).await;
        let received = self.stage.receiver.wait_for(path, 1, LONG).await.unwrap();
        let body = webhook::verified(&self.stage.tenant, &received[0]).await;
        assert_eq!((&body["type"], &body["timestamp"]), (&detail["event"], &detail["occurred_at"]));
        for (name, told) in body["data"].as_object().unwrap() {
            // Where to fetch them is for receivers alone.
            if !matches!(name.as_str(), "link" | "manifest") {
                assert_eq!(told, &detail[name], "{name} of the webhook");
            }
        }
        is_of(&detail, &self.stage.tenant.status(request.id).await);
        detail
    }

    async fn end(self) {
        self.stage.tenant.nothing_is_left_over(&self.stage.world).await;
        self.consumer.close().await;
    }
}

/// As a worker has it under way.
fn running(request: Request) -> Request {
    let lease = Lease { owner: BY.to_owned(), until: Timestamp::now() + SignedDuration::from_mins(10) };
    Request { status: Status::Running, attempt: 1, lease: Some(lease), ..request }
}

/// Whatever an event and a status both know is the same.
fn is_of(detail: &Value, status: &Value) {
    let names = [
        ("request_id", "id"),
        ("requested_at", "created_at"),
        ("status", "status"),
        ("report", "report"),
        ("report_version", "report_version"),
        ("rows", "rows"),
        ("checks", "checks"),
        ("failure", "failure"),
        ("cancelled_at", "cancelled_at"),
        ("cancelled_by", "cancelled_by"),
        ("deleted_at", "deleted_at"),
        ("deleted_by", "deleted_by"),
    ];
    for (of_event, of_status) in names {
        assert_eq!(detail[of_event], status[of_status], "{of_event} of {detail}, and of {status}");
    }
    let mut files = status["files"].clone();
    for file in files.as_array_mut().into_iter().flatten() {
        file.as_object_mut().unwrap().remove("timings");
    }
    assert_eq!(detail["files"], files);
}

#[tokio::test]
async fn a_report_that_names_no_receiver_is_told_on_the_bus() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let consumer = Consumer::of(&world, &tenant.id).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    let status = tenant.succeeded(id).await;
    let detail = consumer.detail(|one| one["request_id"] == json!(id)).await;
    assert_eq!((&detail["event"], &detail["tenant"]), (&json!("report.succeeded"), &json!(tenant.id)));
    assert_eq!((&detail["occurred_at"], &detail["expires_at"]), (&status["finished_at"], &status["expires_at"]));
    let settings = world.admin.get(&format!("/v1/tenants/{}", tenant.id)).await.unwrap();
    assert_eq!(detail["presenter_id"], settings.json()["presenter_id"]);
    is_of(&detail, &status);

    let capability = status["link"]["url"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(!detail.to_string().contains(capability), "who reads the bus cannot open the file");
    tenant.nothing_is_left_over(&world).await;
    assert_eq!(consumer.details().await, [detail], "told once, and nothing of anybody else");
    consumer.close().await;
}

#[tokio::test]
async fn a_divergent_report_is_told_with_its_figures() {
    let play = Play::begin().await;
    let read = play.request("/divergent", running).await;
    let file = play.file(&read.row).await;
    let check = CheckOutcome {
        name: "as many rows as invoices".to_owned(),
        kind: CheckKind::Rows,
        passed: false,
        expected: Some("1001".to_owned()),
        actual: Some(file.rows.to_string()),
        detail: "of a test".to_owned(),
    };
    let checks = vec![check];
    play.apply(&read, Event::Succeed { owner: BY.to_owned(), file: Box::new(file), checks, sealed: Sealed::default() })
        .await;
    let detail = play.told(&read.row, "/divergent", "report.divergent").await;
    assert_eq!((&detail["checks"][0]["passed"], &detail["checks"][0]["expected"]), (&json!(false), &json!("1001")));
    play.end().await;
}

#[tokio::test]
async fn a_failed_or_cancelled_report_is_told_with_its_reason() {
    let play = Play::begin().await;
    let fails = play.request("/failed", running).await;
    let failure = Failure::new(FailureCode::TooLarge, "Too much for a test.");
    play.apply(&fails, Event::Fail { owner: BY.to_owned(), failure, transient: false }).await;
    let cancelled = play.request("/cancelled", |request| request).await;
    play.apply(&cancelled, Event::Cancel { by: BY.to_owned() }).await;

    let detail = play.told(&fails.row, "/failed", "report.failed").await;
    assert_eq!((&detail["failure"]["code"], &detail["rows"]), (&json!("TOO_LARGE"), &Value::Null));
    let detail = play.told(&cancelled.row, "/cancelled", "report.cancelled").await;
    assert_eq!(detail["cancelled_by"], BY);
    play.end().await;
}

#[tokio::test]
async fn an_expired_report_is_told_with_what_ended_it() {
    let play = Play::begin().await;
    let with_file = async |path: &str, ends: Timestamp| {
        let succeeded = |request: Request| {
            let finished = Some(Timestamp::now());
            Request { status: Status::Succeeded, attempt: 1, finished_at: finished, expires_at: Some(ends), ..request }
        };
        let read = play.request(path, succeeded).await;
        let file = Some(play.file(&read.row).await);
        play.stage.world.table.replace(&read, Request { file, due_at: Some(ends), ..read.row.clone() }).await.unwrap()
    };
    let ends = with_file("/expired", Timestamp::now() - SignedDuration::from_secs(1)).await;
    play.stage.world.sweep().await;
    let deleted = with_file("/deleted", Timestamp::now() + SignedDuration::from_mins(10)).await;
    let deleting = play.apply(&deleted, Event::Delete { by: BY.to_owned() }).await;
    // What a function that deletes it would do at once, the sweeper does for one that died.
    let due = Request { due_at: Some(Timestamp::now()), ..deleting.row.clone() };
    play.stage.world.table.replace(&deleting, due).await.unwrap();
    eventually("the file's deletion", async || {
        play.stage.world.sweep().await;
        let gone = play.stage.world.request(&play.stage.tenant.id, deleted.row.id).await.row.due_at.is_none();
        gone.then_some(())
    })
    .await;

    let detail = play.told(&ends.row, "/expired", "report.expired").await;
    assert_eq!((&detail["reason"], &detail["deleted_at"]), (&json!("END_OF_LIFE"), &Value::Null));
    let detail = play.told(&deleted.row, "/deleted", "report.expired").await;
    assert_eq!((&detail["reason"], &detail["deleted_by"]), (&json!("DELETED"), &json!(BY)));
    play.end().await;
}

#[tokio::test]
async fn a_bus_that_cannot_be_reached_loses_nothing_and_holds_no_receiver_up() {
    let play = Play::begin().await;
    let stage = &play.stage;
    let event = stage.event(clock::now() + SignedDuration::from_mins(10));
    stage.insert(&event).await;
    let message = DeliveryMessage::V1 {
        tenant: stage.tenant.id.clone(),
        request: stage.finished.id,
        task: DeliveryTask::FanOut(event.id),
        dead: None,
    };
    let body = serde_json::to_string(&message).unwrap();
    let record = json!({ "Records": [{ "messageId": "of-a-test", "body": body, "eventSource": "aws:sqs" }] });
    let name = &stage.world.stack.functions.dispatcher;
    // Nobody listens on that port.
    let cut_off = [("AWS_ENDPOINT_URL_EVENTBRIDGE", "http://127.0.0.1:9")];
    let dispatcher = Function::start_with(&stage.world, "waybill-dispatcher", name, &cut_off).await;
    for _ in 0..2 {
        let answer = dispatcher.invoke(&record, Duration::from_secs(60)).await;
        assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "of-a-test", "it comes again");
        assert_eq!(stage.receiver.wait_for("/hook", 1, LONG).await.unwrap().len(), 1, "told once, at the first time");
        let row = stage.world.table.get::<Announcement>(&event.key()).await.unwrap();
        assert!(row.is_some_and(|stored| stored.row.fanned_out && stored.row.due_at == event.due_at));
    }
    let told = play.consumer.details().await;
    assert!(told.iter().all(|one| one["event_id"] != json!(event.id)), "{told:?}");

    stage.world.send(&stage.world.stack.queues.delivery, &stage.tenant.id, &body).await;
    let detail = play.consumer.detail(|one| one["event_id"] == json!(event.id)).await;
    assert_eq!(detail["request_id"], json!(stage.finished.id));
    stage.tenant.nothing_is_left_over(&stage.world).await;
    assert_eq!(stage.receiver.received("/hook").len(), 1, "the receiver is not told again");
    play.consumer.close().await;
}

#[tokio::test]
async fn the_documented_examples_are_of_the_documented_form() {
    let examples: Vec<Value> = DOCS
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| serde_json::from_str(rest.split("```").next().unwrap_or_default()).ok())
        .filter(|example: &Value| example["event_id"].is_string())
        .collect();
    let events: Vec<&str> = examples.iter().filter_map(|example| example["event"].as_str()).collect();
    let reports = ["report.succeeded", "report.divergent", "report.failed", "report.cancelled", "report.expired"];
    let keys = ["recipient_key.expiring", "recipient_key.expired"];
    assert_eq!(events, [&reports[..], &keys, &["schedule.run_refused"]].concat());
    for example in examples {
        let checked = python("validate_event.py", json!({ "detail": example })).await;
        assert_eq!(checked["errors"], json!([]), "{example}");
    }
}
