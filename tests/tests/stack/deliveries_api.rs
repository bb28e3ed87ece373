//! Deliveries through the API: listed, looked at, made again.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::domain::{
    delivery::Delivery,
    id::{DeliveryId, EventId},
    retry::Schedule,
};
use waybill_local::receiver::Reply;
use waybill_tests::wait::{LONG, eventually};

use crate::{faults::Stage, refusal};

/// Asks for a report whose end is told to `/hook`. Returns its only delivery once it has ended.
async fn delivered(stage: &Stage) -> Value {
    let mut order = stage.tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": stage.receiver.url("/hook?key=not-shown") } });
    let id = stage.tenant.order(&order).await;
    eventually("the end of the delivery", async || {
        let listed = list(stage, &format!("request={id}")).await;
        listed.first().filter(|delivery| delivery["status"] != "PENDING").cloned()
    })
    .await
}

async fn list(stage: &Stage, query: &str) -> Vec<Value> {
    let answer = stage.tenant.get(&format!("/v1/deliveries?{query}")).await;
    answer.expect_status("list deliveries", &[200]).unwrap()["deliveries"].as_array().unwrap().clone()
}

async fn show(stage: &Stage, id: &str) -> Value {
    stage.tenant.get(&format!("/v1/deliveries/{id}")).await.expect_status("read a delivery", &[200]).unwrap()
}

async fn ended(stage: &Stage, id: &str, status: &str) -> Value {
    eventually("the end of the delivery", async || {
        let shown = show(stage, id).await;
        (shown["status"] == status).then_some(shown)
    })
    .await
}

fn id(delivery: &Value) -> String {
    delivery["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_delivery_is_shown_with_every_attempt() {
    let stage = Stage::set().await;
    let down = Reply::status(StatusCode::SERVICE_UNAVAILABLE).body("out of order, password=hunter2");
    stage.receiver.reply("/hook", [down, Reply::status(StatusCode::OK)]);
    let listed = delivered(&stage).await;
    let shown = show(&stage, &id(&listed)).await;
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("DELIVERED"), &json!(2)), "{shown}");
    assert_eq!(shown["event"], "report.succeeded");
    assert_eq!(shown["target"]["webhook"]["url"], stage.receiver.url("/hook"));
    let log = shown["attempt_log"].as_array().unwrap();
    let told: Vec<_> = log.iter().map(|attempt| (&attempt["number"], &attempt["http_status"])).collect();
    assert_eq!(told, [(&json!(1), &json!(503)), (&json!(2), &json!(200))]);
    assert!(log.iter().all(|attempt| attempt["address"].is_string() && attempt["finished_at"].is_string()), "{shown}");
    assert!(log[0]["outcome"].as_str().unwrap().contains("503") && log[1]["outcome"] == "success", "{shown}");
    assert!(log[0]["response"].as_str().unwrap().contains("out of order"), "{shown}");
    assert!(!shown.to_string().contains("hunter2") && !shown.to_string().contains("not-shown"), "{shown}");
}

#[tokio::test]
async fn deliveries_are_listed_filtered_and_paged() {
    let stage = Stage::set().await;
    stage.receiver.reply("/hook", [Reply::status(StatusCode::GONE), Reply::status(StatusCode::OK)]);
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(id(&delivered(&stage).await));
    }
    let ids = |list: Vec<Value>| list.iter().map(id).collect::<Vec<_>>();
    let newest: Vec<String> = made.iter().rev().cloned().collect();
    assert_eq!(ids(list(&stage, "").await), newest, "newest first");
    assert_eq!(ids(list(&stage, "status=dead").await), made[..1]);
    assert_eq!(ids(list(&stage, "status=DELIVERED").await), newest[..2]);
    assert_eq!(ids(list(&stage, "endpoint=end_0193500000007000800000000000000a").await), Vec::<String>::new());
    let second = show(&stage, &made[1]).await["created_at"].as_str().unwrap().to_owned();
    assert_eq!(ids(list(&stage, &format!("from={second}")).await), newest[..2]);
    assert_eq!(ids(list(&stage, &format!("to={second}")).await), made[..1]);

    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = stage.tenant.get(&format!("/v1/deliveries?limit=1{cursor}")).await;
        let page = answer.expect_status("a page", &[200]).unwrap();
        paged.extend(page["deliveries"].as_array().unwrap().iter().map(id));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, newest);

    let wrong = stage.tenant.get("/v1/deliveries?status=LOST&endpoint=x&limit=0&from=now").await;
    let problem = refusal::check(&stage.world, "wrong filters", &wrong, 400, "query_invalid");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 4, "{problem}");
}

#[tokio::test]
async fn what_has_ended_is_made_again() {
    let stage = Stage::set().await;
    stage.receiver.reply("/hook", [Reply::status(StatusCode::GONE), Reply::status(StatusCode::OK)]);
    let dead = id(&delivered(&stage).await);
    let path = format!("/v1/deliveries/{dead}/redeliver");
    for (generation, attempts) in [(1, 2), (2, 3)] {
        let answer = stage.tenant.api.post(&path, &json!({})).await.unwrap();
        let pending = answer.expect_status("redeliver", &[202]).unwrap();
        assert_eq!((&pending["status"], &pending["generation"]), (&json!("PENDING"), &json!(generation)));
        let shown = ended(&stage, &dead, "DELIVERED").await;
        assert_eq!(shown["attempts"], attempts, "numbers go on: {shown}");
    }
    let received = stage.receiver.wait_for("/hook", 3, LONG).await.unwrap();
    assert!(received.iter().all(|one| one.headers["webhook-id"] == *dead), "the same message each time");
    stage.tenant.nothing_is_left_over(&stage.world).await;
}

#[tokio::test]
async fn what_cannot_be_made_again_is_refused() {
    let stage = Stage::set().await;
    let post =
        async |id: &str| stage.tenant.api.post(&format!("/v1/deliveries/{id}/redeliver"), &json!({})).await.unwrap();

    let now = Timestamp::now();
    let new = Delivery::new(stage.event(now), stage.hook(), now, &Schedule::parse("0").unwrap());
    let later = Some(now + SignedDuration::from_hours(1));
    let waiting = Delivery { next_attempt_at: later, due_at: later, ..new };
    stage.insert_delivery(&waiting).await;
    let answer = post(&waiting.id.to_string()).await;
    refusal::check(&stage.world, "a pending delivery", &answer, 409, "delivery_pending");

    let done = id(&delivered(&stage).await);
    let request = show(&stage, &done).await["request_id"].as_str().unwrap().to_owned();
    let gone =
        stage.tenant.api.send(http::Method::DELETE, &format!("/v1/requests/{request}"), &[], vec![]).await.unwrap();
    gone.expect_status("delete the file", &[200]).unwrap();
    refusal::check(&stage.world, "a file that is gone", &post(&done).await, 410, "file_gone");

    let never = DeliveryId::derive(EventId::generate(), "x").to_string();
    for id in [never.as_str(), "dlv_1", "x"] {
        refusal::check(&stage.world, id, &post(id).await, 404, "not_found");
    }
    let other = Stage::set().await;
    let foreign = other.tenant.api.post(&format!("/v1/deliveries/{done}/redeliver"), &json!({})).await.unwrap();
    refusal::check(&stage.world, "another tenant's", &foreign, 404, "not_found");
    let foreign = other.tenant.get(&format!("/v1/deliveries/{done}")).await;
    let never = other.tenant.get(&format!("/v1/deliveries/{never}")).await;
    assert_eq!(refusal::words(&foreign), refusal::words(&never), "as if it never was");
}
