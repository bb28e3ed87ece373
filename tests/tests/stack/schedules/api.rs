//! The resource: read, changed, held, let go, deleted; refused with every fault.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::domain::id::ScheduleId;

use super::{Play, id_of, in_seconds, path};
use crate::refusal;

#[tokio::test]
async fn the_next_five_are_shown_across_a_change_of_the_clock() {
    let play = Play::begin().await;
    let times = json!({
        "cron": "30 2 * * *", "time_zone": "America/New_York", "starts_at": "2036-03-07T00:00:00", "name": "Nightly",
    });
    let made = play.made(times).await;
    let expected = [
        ("2036-03-07T07:30:00Z", "2036-03-07T02:30:00-05:00"),
        ("2036-03-08T07:30:00Z", "2036-03-08T02:30:00-05:00"),
        ("2036-03-09T07:00:00Z", "2036-03-09T03:00:00-04:00"),
        ("2036-03-10T06:30:00Z", "2036-03-10T02:30:00-04:00"),
        ("2036-03-11T06:30:00Z", "2036-03-11T02:30:00-04:00"),
    ];
    let expected: Vec<Value> = expected.iter().map(|(at, local)| json!({ "at": at, "local": local })).collect();
    assert_eq!(made["next_runs"], json!(expected));
    assert_eq!((&made["name"], &made["report"]), (&json!("Nightly"), &play.tenant.wallet_order()["report"]));
    assert_eq!((&made["request"], &made["missed"]), (&play.tenant.wallet_order(), &json!("latest")));
    assert_eq!(made["starts_at"], "2036-03-07T05:00:00Z");
    assert_eq!(play.show(id_of(&made)).await, made);
    let listed = play.tenant.get("/v1/schedules").await.json();
    assert_eq!((listed["schedules"].as_array().unwrap().len(), &listed["next_cursor"]), (1, &Value::Null));
    assert_eq!((&listed["schedules"][0]["id"], &listed["schedules"][0]["request"]), (&made["id"], &Value::Null));
}

#[tokio::test]
async fn it_is_changed_held_let_go_and_deleted() {
    let play = Play::begin().await;
    let id = play.distant().await;
    let tag = play.tenant.get(&path(id)).await.header("etag").to_owned();
    let first = play.next_one_shot(id).await.unwrap();
    let armed = play.row(id).await.row.next_run.unwrap();

    let body = play.body(json!({ "every": { "days": 2 }, "starts_at": "2050-01-01T00:00:00" }));
    let stale = play.send(Method::PUT, &path(id), &[("if-match", "\"stale\"")], &body).await;
    refusal::check(&play.world, "put a stale one", &stale, 412, "precondition_failed");
    let put = play.send(Method::PUT, &path(id), &[("if-match", &tag)], &body).await;
    assert_ne!(put.header("etag"), tag);
    let put = put.expect_status("put", &[200]).unwrap();
    assert_eq!((&put["next_run"], &put["every"]), (&json!("2050-01-01T00:00:00Z"), &json!({ "days": 2 })));
    assert_eq!(put["cron"], Value::Null);
    assert_ne!(play.next_one_shot(id).await.unwrap(), first);
    assert_eq!(play.one_shot(id, armed).await, None, "that of before is gone");

    for _ in 0..2 {
        let paused = play.post(id, "pause").await.expect_status("pause", &[200]).unwrap();
        assert_eq!((&paused["state"], &paused["next_runs"]), (&json!("PAUSED"), &json!([])));
        assert!(paused["paused"]["by"].as_str().unwrap().contains(&play.tenant.subject));
    }
    assert_eq!(play.one_shot(id, "2050-01-01T00:00:00Z".parse().unwrap()).await, None);
    play.wake(id, Timestamp::now()).await;
    let changed = play.send(Method::PUT, &path(id), &[], &body).await.expect_status("put", &[200]).unwrap();
    assert_eq!(changed["state"], "PAUSED", "a change does not let it go");
    let resumed = play.post(id, "resume").await.expect_status("resume", &[200]).unwrap();
    assert_eq!((&resumed["state"], &resumed["paused"]), (&json!("ACTIVE"), &Value::Null));
    assert!(play.next_one_shot(id).await.is_some());

    play.overdue_since(id, in_seconds(-1)).await;
    play.wake(id, in_seconds(-1)).await;
    let request = play.runs(id).await[0]["request"].as_str().unwrap().to_owned();
    let refused = play.send(Method::DELETE, &path(id), &[("if-match", &tag)], &Value::Null).await;
    refusal::check(&play.world, "delete a stale one", &refused, 412, "precondition_failed");
    let next = play.row(id).await.row.next_run.unwrap();
    assert!(play.one_shot(id, next).await.is_some());
    assert_eq!(play.tenant.api.delete(&path(id)).await.unwrap().status, 204);
    refusal::check(&play.world, "show what is gone", &play.tenant.get(&path(id)).await, 404, "not_found");
    assert_eq!(play.one_shot(id, next).await, None);
    // Word that comes late finds nothing, and its request stays.
    play.wake(id, next).await;
    play.tenant.succeeded(request.parse().unwrap()).await;
}

#[tokio::test]
async fn what_has_ended_goes_on_only_if_it_is_changed() {
    let play = Play::begin().await;
    let id = id_of(&play.made(json!({ "at": "2050-01-01T08:00:00" })).await);
    play.overdue_since(id, "2050-01-01T08:00:00Z".parse().unwrap()).await;
    let at = in_seconds(-1);
    // As it is when its only time has come.
    let read = play.row(id).await;
    let mut row = read.row.clone();
    row.settings.timing = waybill::domain::schedule::Timing::At(at);
    row.next_run = Some(at);
    play.world.table.replace(&read, row).await.unwrap();
    play.wake(id, at).await;
    assert_eq!(play.show(id).await["state"], "ENDED");
    for what in ["pause", "resume"] {
        refusal::check(&play.world, what, &play.post(id, what).await, 409, "schedule_ended");
    }
    let again = play.send(Method::PUT, &path(id), &[], &play.body(json!({ "at": "2050-01-02T08:00:00" }))).await;
    assert_eq!(again.expect_status("put", &[200]).unwrap()["state"], "ACTIVE");
}

#[tokio::test]
async fn every_fault_is_told_at_once_and_nothing_recorded() {
    let play = Play::begin().await;
    let body = json!({
        "time_zone": "Mars/Olympus", "cron": "* * * *", "ends_at": "soon", "missed": 1, "more": {},
        "request": {
            "report": "Report_digital_wallet_transaction_detail", "parameters": { "d1": "x" }, "format": "doc",
            "validate_only": true,
        },
    });
    let answer = play.tenant.api.post("/v1/schedules", &body).await.unwrap();
    let problem = refusal::check(&play.world, "faults", &answer, 422, "validation_failed");
    let found = refusal::faults(&problem);
    for expected in [
        ("/more", "unknown"),
        ("/time_zone", "unknown_time_zone"),
        ("/cron", "format"),
        ("/ends_at", "format"),
        ("/missed", "type"),
        ("/request/format", "not_allowed"),
        ("/request/validate_only", "not_allowed"),
        ("/request/parameters/d2", "missing"),
    ] {
        assert!(found.contains(&(expected.0.to_owned(), expected.1.to_owned())), "{expected:?} of {found:?}");
    }
    for (times, pointer, code) in [
        (json!({ "at": "2020-01-01T08:00:00" }), "/at", "never_runs"),
        (json!({ "cron": "0 8 30 2 *" }), "/cron", "never_runs"),
        (json!({ "cron": "*/2 * * * *" }), "/cron", "out_of_range"),
        (json!({ "cron": "0 8 * * *", "ends_at": "2020-01-01T08:00:00" }), "/ends_at", "never_runs"),
        (json!({ "cron": "0 8 * * *", "request": { "report": "no_such" } }), "/request/report", "report_not_found"),
        (json!({ "cron": "0 8 * * *", "request": [] }), "/request", "type"),
    ] {
        let answer = play.tenant.api.post("/v1/schedules", &play.body(times)).await.unwrap();
        let problem = refusal::check(&play.world, pointer, &answer, 422, "validation_failed");
        assert_eq!(refusal::faults(&problem), [(pointer.to_owned(), code.to_owned())]);
    }
    let answer = play.tenant.api.post("/v1/schedules", &json!([])).await.unwrap();
    refusal::check(&play.world, "no object", &answer, 422, "validation_failed");
    let never = ScheduleId::generate();
    for what in ["", "/runs"] {
        let answer = play.tenant.get(&format!("{}{what}", path(never))).await;
        refusal::check(&play.world, what, &answer, 404, "not_found");
    }
    assert_eq!(play.tenant.get("/v1/schedules").await.json()["schedules"], json!([]));
}

#[tokio::test]
async fn it_can_be_tried_without_being_made() {
    let play = Play::begin().await;
    let times = json!({ "cron": "0 8 L * *", "time_zone": "America/Sao_Paulo", "validate_only": true });
    let answer = play.tenant.api.post("/v1/schedules", &play.body(times)).await.unwrap();
    let preview = answer.expect_status("try", &[200]).unwrap();
    assert_eq!((&preview["valid"], preview["next_runs"].as_array().unwrap().len()), (&json!(true), 5));
    assert_eq!(preview["first_request"]["report"], play.tenant.wallet_order()["report"]);
    assert_eq!(play.tenant.get("/v1/schedules").await.json()["schedules"], json!([]));
    play.tenant.nothing_is_recorded(&play.world).await;
}

#[tokio::test]
async fn the_same_key_makes_one_schedule() {
    let play = Play::begin().await;
    let body = play.body(json!({ "every": { "weeks": 1 } }));
    let post =
        async |body: &Value| play.send(Method::POST, "/v1/schedules", &[("idempotency-key", "mine")], body).await;
    let (first, again) = futures::join!(post(&body), post(&body));
    let replayed = [&first, &again].map(|answer| answer.header("idempotency-replayed") == "true");
    assert_eq!(replayed.iter().filter(|replayed| **replayed).count(), 1);
    let (first, again) = (first.expect_status("a", &[201]).unwrap(), again.expect_status("b", &[201]).unwrap());
    assert_eq!(first["id"], again["id"]);
    let other = post(&play.body(json!({ "every": { "weeks": 2 } }))).await;
    refusal::check(&play.world, "another body", &other, 422, "idempotency_key_reused");
    assert_eq!(play.tenant.get("/v1/schedules").await.json()["schedules"].as_array().unwrap().len(), 1);
}
