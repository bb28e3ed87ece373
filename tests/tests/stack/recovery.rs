//! Recoveries: what an endpoint has missed is made again, by the sweeper.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    aws::table::{Write, keys::Key},
    domain::{
        delivery::{Delivery, Status, Target},
        id::{EndpointId, RecoveryId},
        message::Announcement,
        recovery::Recovery,
        retry::Schedule,
    },
};
use waybill_tests::wait::{LONG, eventually};

use crate::{faults::Stage, refusal};

const DEAD: usize = 30;

/// Registers an endpoint of the stage's receiver.
async fn endpoint(stage: &Stage) -> EndpointId {
    let body = json!({ "url": stage.receiver.url("/hook") });
    let made = stage.tenant.api.post("/v1/endpoints", &body).await.unwrap();
    let made = made.expect_status("register an endpoint", &[201]).unwrap();
    made["id"].as_str().unwrap().parse().unwrap()
}

/// A delivery to the endpoint, as it ended.
fn ended(stage: &Stage, endpoint: EndpointId, status: Status) -> Delivery {
    let now = Timestamp::now();
    let new = Delivery::new(stage.event(now), Target::Endpoint { id: endpoint }, now, &Schedule::parse("0").unwrap());
    Delivery { status, attempts: 5, finished_at: Some(now), next_attempt_at: None, due_at: None, ..new }
}

async fn recover(stage: &Stage, endpoint: EndpointId, since: Timestamp) -> Value {
    let path = format!("/v1/endpoints/{endpoint}/recover");
    let answer = stage.tenant.api.post(&path, &json!({ "since": since })).await.unwrap();
    answer.expect_status("recover", &[202]).unwrap()
}

/// Sweeps until the recovery has ended.
async fn over(stage: &Stage, recovery: &Value) -> Value {
    let path = format!("/v1/recoveries/{}", recovery["id"].as_str().unwrap());
    eventually("the end of the recovery", async || {
        stage.world.sweep().await;
        let shown = stage.tenant.get(&path).await.expect_status("read a recovery", &[200]).unwrap();
        (shown["state"] != "RUNNING").then_some(shown)
    })
    .await
}

#[tokio::test]
async fn what_an_endpoint_has_missed_is_made_again_once() {
    let stage = Stage::set().await;
    let (missed, other) = tokio::join!(endpoint(&stage), endpoint(&stage));
    let since = Timestamp::now() - SignedDuration::from_mins(5);
    let dead: Vec<Delivery> = (0..DEAD).map(|_| ended(&stage, missed, Status::Dead)).collect();
    let too_late = {
        let delivery = ended(&stage, missed, Status::Dead);
        let announcement = Announcement { expires_at: Some(since), ..delivery.announcement.clone() };
        Delivery { announcement, ..delivery }
    };
    let too_old = Delivery { created_at: since - SignedDuration::from_secs(1), ..ended(&stage, missed, Status::Dead) };
    let left = [too_old, ended(&stage, missed, Status::Delivered), ended(&stage, other, Status::Dead), too_late];
    for delivery in dead.iter().chain(&left) {
        stage.insert_delivery(delivery).await;
    }
    let begun = recover(&stage, missed, since).await;
    assert_eq!((&begun["state"], &begun["found"]), (&json!("RUNNING"), &json!(0)), "{begun}");
    let done = over(&stage, &begun).await;
    assert_eq!(done["state"], "DONE", "{done}");
    let figures = |shown: &Value| (shown["found"].clone(), shown["redelivered"].clone(), shown["skipped"].clone());
    assert_eq!(figures(&done), (json!(DEAD + 1), json!(DEAD), json!(1)), "{done}");
    assert!(done["finished_at"].is_string(), "{done}");

    // As if the sweep had been killed before it could say how far it came: nothing is made twice, or counted twice.
    let key = Key::recovery(&stage.tenant.id, begun["id"].as_str().unwrap().parse().unwrap());
    let ended = stage.world.table.get::<Recovery>(&key).await.unwrap().unwrap().row;
    let whose = (stage.tenant.id.as_str(), missed);
    let anew = Recovery::begun(ended.id, whose, ended.since, &ended.requested_by, ended.requested_at);
    stage.world.table.write(vec![Write::overwrite(&anew).unwrap()]).await.unwrap();
    assert_eq!(figures(&over(&stage, &begun).await), figures(&done));

    let received = stage.receiver.wait_for("/hook", DEAD, LONG).await.unwrap();
    stage.tenant.nothing_is_left_over(&stage.world).await;
    let ids: BTreeSet<String> =
        received.iter().map(|one| one.headers["webhook-id"].to_str().unwrap().to_owned()).collect();
    assert_eq!(ids, dead.iter().map(|delivery| delivery.id.to_string()).collect());
    assert_eq!(stage.receiver.received("/hook").len(), DEAD);
    for delivery in &left {
        let row = stage.world.table.delivery(&stage.tenant.id, delivery.id).await.unwrap().unwrap().row;
        assert_eq!(row, *delivery, "left alone");
    }
}

#[tokio::test]
async fn an_endpoint_that_was_deleted_stops_its_recovery() {
    let stage = Stage::set().await;
    let gone = EndpointId::generate();
    let now = Timestamp::now();
    let id = waybill::domain::id::RecoveryId::generate();
    stage.insert(&Recovery::begun(id, (stage.tenant.id.as_str(), gone), now, "a test", now)).await;
    let shown = over(&stage, &json!({ "id": id })).await;
    assert_eq!(shown["state"], "STOPPED", "{shown}");
}

#[tokio::test]
async fn ten_recoveries_run_and_no_more() {
    let stage = Stage::set().await;
    let (endpoint, now) = (endpoint(&stage).await, Timestamp::now());
    let whose = (stage.tenant.id.as_str(), endpoint);
    for _ in 0..10 {
        // One that no sweeper takes up, and one that has ended.
        let running = Recovery::begun(RecoveryId::generate(), whose, now, "somebody", now);
        let ended = Recovery { id: RecoveryId::generate(), ..running.stopped(now).unwrap() };
        stage.insert(&Recovery { due_at: None, ..running }).await;
        stage.insert(&ended).await;
    }
    let path = format!("/v1/endpoints/{endpoint}/recover");
    let answer = stage.tenant.api.post(&path, &json!({ "since": now })).await.unwrap();
    refusal::check(&stage.world, "an eleventh", &answer, 409, "too_many_recoveries");
}

#[tokio::test]
async fn a_recovery_is_its_tenants_own() {
    let (stage, other) = tokio::join!(Stage::set(), Stage::set());
    let endpoint = endpoint(&stage).await;
    let path = format!("/v1/endpoints/{endpoint}/recover");
    let body = json!({ "since": Timestamp::now() - SignedDuration::from_secs(1) });
    let foreign = other.tenant.api.post(&path, &body).await.unwrap();
    refusal::check(&stage.world, "another's endpoint", &foreign, 404, "not_found");
    let future = Timestamp::now() + SignedDuration::from_hours(1);
    for (body, pointer, code) in [
        (json!({}), "/since", "missing"),
        (json!({ "since": "monday" }), "/since", "format"),
        (json!({ "since": future }), "/since", "out_of_range"),
        (json!({ "since": Timestamp::now() - SignedDuration::from_secs(1), "to": 1 }), "/to", "unknown"),
    ] {
        let answer = stage.tenant.api.post(&path, &body).await.unwrap();
        let problem = refusal::check(&stage.world, "a bad body", &answer, 422, "validation_failed");
        assert_eq!(refusal::faults(&problem), [(pointer.to_owned(), code.to_owned())]);
    }
    let since = Timestamp::now() - SignedDuration::from_secs(1);
    let recovery = format!("/v1/recoveries/{}", recover(&stage, endpoint, since).await["id"].as_str().unwrap());
    refusal::check(&stage.world, "another's recovery", &other.tenant.get(&recovery).await, 404, "not_found");
    stage.tenant.get(&recovery).await.expect_status("its own", &[200]).unwrap();
}
