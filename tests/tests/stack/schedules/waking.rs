//! One run for each instant, whoever wakes the service for it, and when nobody does.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    aws::{
        one_shots,
        table::{Row, Write},
    },
    domain::{message::ScheduleMessage, schedule::MissedPolicy},
};
use waybill_tests::{function::Function, wait::eventually};

use super::{Play, in_seconds};

#[tokio::test]
async fn an_instant_is_run_once_by_one_shot_messages_and_sweeper() {
    let play = Play::begin().await;
    // Far enough for what is looked at before.
    let at = in_seconds(20);
    let made = play.made(json!({ "at": at, "name": "Once" })).await;
    let id = super::id_of(&made);
    assert_eq!((&made["state"], &made["next_run"]), (&json!("ACTIVE"), &json!(at)));
    assert_eq!(play.one_shot(id, at).await, Some(format!("at({})", at.strftime("%Y-%m-%dT%H:%M:%S"))));
    // Before its time there is nothing to do.
    play.wake(id, at).await;
    assert!(play.world.requests(&play.tenant.id).await.is_empty());

    // Nobody but the one-shot, which comes by itself.
    let runs = play.runs_once(id, 1).await;
    assert!(Timestamp::now() >= at);
    // And all the others.
    join_all((0..4).map(|_| play.wake(id, at))).await;
    play.world.sweep().await;
    let requests = play.world.requests(&play.tenant.id).await;
    assert_eq!((requests.len(), play.runs(id).await.len()), (1, 1));

    let status = play.tenant.succeeded(requests[0].id).await;
    assert_eq!(status["schedule"], json!({ "id": id, "at": at }));
    assert_eq!(status["requested_by"], json!(format!("schedule {id} of {}", made["created_by"].as_str().unwrap())));
    assert_eq!((&runs[0]["result"], &runs[0]["at"]), (&json!("requested"), &json!(at)));
    let run = &play.runs(id).await[0];
    assert_eq!((&run["request"], &run["status"]), (&json!(requests[0].id), &json!("SUCCEEDED")));
    let ended = play.show(id).await;
    assert_eq!((&ended["state"], &ended["next_runs"]), (&json!("ENDED"), &json!([])));
    assert_eq!(ended["last_run"], json!({ "at": at, "request": requests[0].id }));
    eventually("the one-shot's end", async || play.one_shot(id, at).await.is_none().then_some(())).await;
    play.tenant.nothing_is_left_over(&play.world).await;
}

#[tokio::test]
async fn many_who_come_at_once_make_one_request() {
    let play = Play::begin().await;
    let id = play.distant().await;
    let at = in_seconds(-1);
    play.overdue_since(id, at).await;
    join_all((0..8).map(|_| play.wake(id, at))).await;
    let requests = play.world.requests(&play.tenant.id).await;
    assert_eq!((requests.len(), play.runs(id).await.len()), (1, 1));
    assert_eq!(requests[0].occasion.as_ref().map(|occasion| occasion.at), Some(at));
    let row = play.row(id).await.row;
    assert!(row.next_run > Some(at) && row.due_at > row.next_run, "{row:?}");
}

#[tokio::test]
async fn a_one_shot_that_is_lost_is_made_good_by_the_sweeper() {
    let play = Play::begin().await;
    let id = play.distant().await;
    let armed = play.row(id).await.row.next_run.unwrap();
    let name = one_shots::name(&play.prefix, id, armed);
    play.scheduler.delete_schedule().name(&name).send().await.unwrap();
    let at = in_seconds(-60);
    play.overdue_since(id, at).await;
    play.world.sweep().await;
    let runs = play.runs_once(id, 1).await;
    assert_eq!((&runs[0]["result"], &runs[0]["at"]), (&json!("requested"), &json!(at)));
    let next = play.row(id).await.row.next_run.unwrap();
    eventually("the next one-shot", async || play.one_shot(id, next).await).await;
    assert_eq!(play.world.requests(&play.tenant.id).await.len(), 1);
}

#[tokio::test]
async fn a_crash_after_the_request_is_made_good() {
    let play = Play::begin().await;
    let id = play.distant().await;
    let at = in_seconds(-30);
    let before = play.row(id).await.row;
    play.overdue_since(id, at).await;
    play.wake(id, at).await;
    let requests = play.world.requests(&play.tenant.id).await;
    // As if history and row had not been written; and meanwhile what the schedule asks for was changed.
    let read = play.row(id).await;
    let mut lost = read.row.clone();
    (lost.next_run, lost.due_at, lost.last_run) = (Some(at), Some(at), before.last_run);
    lost.order.request = r#"{"report":"no_such_report"}"#.to_owned();
    play.world.table.replace(&read, lost).await.unwrap();
    for run in play.history(id).await {
        play.world.table.write(vec![Write::delete(run.key())]).await.unwrap();
    }
    play.wake(id, at).await;
    let runs = play.runs(id).await;
    assert_eq!((runs.len(), &runs[0]["request"]), (1, &json!(requests[0].id)), "{runs:?}");
    assert_eq!(play.world.requests(&play.tenant.id).await.len(), 1);
}

#[tokio::test]
async fn what_was_missed_is_skipped_run_or_caught_up() {
    let play = Play::begin().await;
    // Five and a half hours ago, and every hour since: the latest was half an hour ago.
    let first = in_seconds(-5 * 3600 - 1800);
    let last = first + SignedDuration::from_hours(5);
    for (policy, requested, missed) in [("latest", 1, 5), ("skip", 0, 6), ("all", 6, 0)] {
        let times = json!({ "every": { "hours": 1 }, "starts_at": first, "missed": policy });
        let id = super::id_of(&play.made(times).await);
        play.overdue_since(id, first).await;
        play.wake(id, first).await;
        let runs = play.runs(id).await;
        let results = |result: &str| runs.iter().filter(|run| run["result"] == result).collect::<Vec<_>>();
        assert_eq!(results("requested").len(), requested, "{policy}: {runs:?}");
        let counted: u64 = results("missed").iter().map(|run| run["count"].as_u64().unwrap()).sum();
        assert_eq!(counted, missed, "{policy}: {runs:?}");
        if policy != "skip" {
            assert_eq!(runs[0]["at"], json!(last), "{policy}");
        }
        let shown = play.show(id).await;
        assert_eq!(shown["next_run"], json!(last + SignedDuration::from_hours(1)), "{policy}");
    }
    assert_eq!(play.world.requests(&play.tenant.id).await.len(), 7);
}

/// However late it is found, and whatever would by then be run in its place.
#[tokio::test]
async fn what_was_asked_for_before_a_crash_is_not_missed() {
    let play = Play::begin().await;
    let first = in_seconds(-3 * 3600 - 1800);
    let times = json!({ "every": { "hours": 1 }, "starts_at": first, "missed": "all" });
    let id = super::id_of(&play.made(times).await);
    play.overdue_since(id, first).await;
    play.wake(id, first).await;
    let runs = play.runs(id).await;
    assert_eq!(runs.len(), 4, "{runs:?}");
    // As if only the requests had been recorded.
    for run in play.history(id).await {
        play.world.table.write(vec![Write::delete(run.key())]).await.unwrap();
    }
    let read = play.row(id).await;
    let mut lost = read.row.clone();
    (lost.settings.missed, lost.next_run, lost.due_at) = (MissedPolicy::Latest, Some(first), Some(first));
    play.world.table.replace(&read, lost).await.unwrap();
    play.wake(id, first).await;
    let again = play.runs(id).await;
    let requests = |runs: &[Value]| runs.iter().map(|run| run["request"].clone()).collect::<Vec<_>>();
    assert_eq!(requests(&again), requests(&runs));
    assert_eq!(play.world.requests(&play.tenant.id).await.len(), 4);
}

#[tokio::test]
async fn without_its_one_shots_a_schedule_runs_all_the_same() {
    let play = Play::begin().await;
    let world = &play.world;
    let id = play.distant().await;
    // The time that comes after the one that is due: its one-shot is there already.
    let next = play.row(id).await.row.next_run.unwrap();
    play.scheduler.delete_schedule().name(one_shots::name(&play.prefix, id, next)).send().await.unwrap();
    let at = in_seconds(-1);
    play.overdue_since(id, at).await;
    let name = &world.stack.functions.intake;
    // Nobody listens on that port.
    let cut_off = [("AWS_ENDPOINT_URL_SCHEDULER", "http://127.0.0.1:9")];
    let intake = Function::start_with(world, "waybill-intake", name, &cut_off).await;
    let message = ScheduleMessage::new(&play.tenant.id, id, at);
    let record = json!({ "messageId": "one", "body": serde_json::to_string(&message).unwrap() });
    let event = json!({ "Records": [record] });
    let answer = intake.invoke(&event, std::time::Duration::from_secs(60)).await;
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert_eq!(play.runs(id).await.len(), 1);
    assert_eq!(play.next_one_shot(id).await, None, "left to the sweeper");
}
