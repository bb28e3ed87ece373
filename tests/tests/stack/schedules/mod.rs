//! Schedules: made, changed, woken by whatever wakes them, and what comes of each of their times.

mod api;
mod history;
mod waking;

use aws_sdk_scheduler::{Client, operation::get_schedule::GetScheduleError};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    aws::{
        one_shots,
        table::{Stored, keys::Key},
    },
    domain::{
        id::ScheduleId,
        message::ScheduleMessage,
        schedule::{Run, Schedule},
    },
};
use waybill_local::api_client::Answer;
use waybill_tests::{
    doc_lines::{have, lines, public_url, run},
    tenant::Tenant,
    wait::eventually,
    world::World,
};

const GUIDE: &str = include_str!("../../../../docs/schedules.md");

/// A schedule of a tenant, as tests see it.
struct Play {
    world: World,
    tenant: Tenant,
    scheduler: Client,
    /// What the names of its one-shots begin with.
    prefix: String,
}

/// In so many seconds, or so many ago.
fn in_seconds(seconds: i64) -> Timestamp {
    let at = Timestamp::now() + SignedDuration::from_secs(seconds);
    Timestamp::from_second(at.as_second()).unwrap()
}

impl Play {
    async fn begin() -> Self {
        Self::begin_with(json!({})).await
    }

    async fn begin_with(settings: Value) -> Self {
        let world = World::load().await;
        let tenant = Tenant::create_with(&world, settings).await;
        let scheduler = Client::new(&world.config);
        let environment = world.environment(&world.stack.functions.api).await;
        Self { prefix: environment["WAYBILL_SCHEDULE_PREFIX"].clone(), world, tenant, scheduler }
    }

    /// A body that asks for the tenant's transactions, at those times.
    fn body(&self, times: Value) -> Value {
        let mut body = json!({ "request": self.tenant.wallet_order(), "time_zone": "UTC" });
        let Value::Object(times) = times else { panic!("no fields: {times}") };
        body.as_object_mut().unwrap().extend(times);
        body
    }

    /// Makes a schedule; what it was answered with.
    async fn made(&self, times: Value) -> Value {
        let answer = self.tenant.api.post("/v1/schedules", &self.body(times)).await.unwrap();
        let (location, tag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
        let made = answer.expect_status("make a schedule", &[201]).unwrap();
        assert_eq!(location, path(id_of(&made)));
        assert!(tag.len() > 10, "{tag}");
        made
    }

    /// One that is years away.
    async fn distant(&self) -> ScheduleId {
        id_of(&self.made(json!({ "cron": "0 8 29 2 *" })).await)
    }

    async fn show(&self, id: ScheduleId) -> Value {
        self.tenant.get(&path(id)).await.expect_status("show a schedule", &[200]).unwrap()
    }

    async fn post(&self, id: ScheduleId, what: &str) -> Answer {
        self.tenant.api.post(&format!("{}/{what}", path(id)), &json!({})).await.unwrap()
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.tenant.api.send(method, path, &headers, body.to_string().into_bytes()).await.unwrap()
    }

    async fn row(&self, id: ScheduleId) -> Stored<Schedule> {
        self.world.table.get(&Key::schedule(&self.tenant.id, id)).await.unwrap().unwrap()
    }

    /// As if it had been due since then.
    async fn overdue_since(&self, id: ScheduleId, at: Timestamp) {
        loop {
            let read = self.row(id).await;
            let next = Schedule { next_run: Some(at), due_at: Some(at), ..read.row.clone() };
            // The sweeper of the stack comes by too.
            if self.world.table.replace(&read, next).await.is_ok() {
                return;
            }
        }
    }

    /// Wakes the intake directly, as a message of that instant would; it must be acknowledged.
    async fn wake(&self, id: ScheduleId, at: Timestamp) {
        let message = serde_json::to_string(&ScheduleMessage::new(&self.tenant.id, id, at)).unwrap();
        let record = json!({ "messageId": "one", "body": message, "eventSource": "aws:sqs" });
        let answer = self.world.invoke(&self.world.stack.functions.intake, &json!({ "Records": [record] })).await;
        assert_eq!(answer["batchItemFailures"], json!([]));
    }

    /// Its history, the latest first.
    async fn runs(&self, id: ScheduleId) -> Vec<Value> {
        let answer = self.tenant.get(&format!("{}/runs", path(id))).await;
        let page = answer.expect_status("read a history", &[200]).unwrap();
        page["runs"].as_array().unwrap().clone()
    }

    /// Its history, once there are so many entries.
    async fn runs_once(&self, id: ScheduleId, count: usize) -> Vec<Value> {
        eventually("runs of a schedule", async || {
            let runs = self.runs(id).await;
            (runs.len() >= count).then_some(runs)
        })
        .await
    }

    /// Expression of the one-shot of an instant, if there is one.
    async fn one_shot(&self, id: ScheduleId, at: Timestamp) -> Option<String> {
        let name = one_shots::name(&self.prefix, id, at);
        let found = self.scheduler.get_schedule().name(name).send().await;
        match found {
            Ok(found) => found.schedule_expression,
            Err(error) if error.as_service_error().is_some_and(GetScheduleError::is_resource_not_found_exception) => {
                None
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// The one-shot of the instant that is next.
    async fn next_one_shot(&self, id: ScheduleId) -> Option<String> {
        let row = self.row(id).await.row;
        self.one_shot(id, row.next_run?).await
    }

    /// Rows of its history, whether or not it is there.
    async fn history(&self, id: ScheduleId) -> Vec<Run> {
        let partition = Key::tenant(&self.tenant.id).pk;
        let rows = self.world.table.query(&partition, &waybill::aws::table::keys::runs_of(id)).await.unwrap();
        rows.into_iter().map(|row| row.read::<Run>().unwrap().row).collect()
    }
}

fn id_of(schedule: &Value) -> ScheduleId {
    schedule["id"].as_str().unwrap().parse().unwrap()
}

fn path(id: ScheduleId) -> String {
    format!("/v1/schedules/{id}")
}

/// The lines of `docs/schedules.md`.
#[tokio::test]
async fn the_guides_lines_make_change_and_delete() {
    if !have(&["curl", "jq"]) {
        return;
    }
    let play = Play::begin().await;
    let token = play.world.issuer.token(&play.tenant.subject, SignedDuration::from_hours(1)).unwrap();
    let api = public_url(&play.world);
    let script = ["make", "change", "history", "delete"].map(|name| lines(GUIDE, name)).concat();
    let said = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        run(&script, folder.path(), &[("API", &*api), ("TOKEN", &*token)])
    });
    let said = said.await.unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[..5].iter().all(|local| local.ends_with("T08:00:00-03:00")), "{said}");
    assert_eq!(lines[5..9], ["skip", "PAUSED", "QUEUED", "ACTIVE"]);
    assert!(said.contains(r#""result": "requested""#) && lines.last() == Some(&"204"), "{said}");
    assert_eq!(play.world.requests(&play.tenant.id).await.len(), 1, "it stays");
}
