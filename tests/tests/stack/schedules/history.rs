//! What the history tells, and who else is told.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use waybill_tests::{events::Consumer, tenant::Tenant};

use super::{Play, id_of, in_seconds, path};

#[tokio::test]
async fn a_refused_run_is_in_the_history_and_told_on_the_bus() {
    let play = Play::begin_with(json!({ "quotas": { "requests_per_day": 1 } })).await;
    let consumer = Consumer::of(&play.world, &play.tenant.id).await;
    let id = id_of(&play.made(json!({ "cron": "0 8 29 2 *", "name": "Leap days" })).await);
    let mut times = vec![];
    for seconds in [-30, -20, -10] {
        let at = in_seconds(seconds);
        play.overdue_since(id, at).await;
        play.wake(id, at).await;
        times.push(at);
    }
    let runs = play.runs(id).await;
    let results: Vec<&Value> = runs.iter().map(|run| &run["result"]).collect();
    assert_eq!(results, ["refused", "refused", "requested"], "{runs:?}");
    assert_eq!((&runs[0]["code"], &runs[0]["at"]), (&json!("quota_exhausted"), &json!(times[2])));
    let shown = play.show(id).await;
    assert_eq!((&shown["state"], &shown["refused_in_a_row"]), (&json!("ACTIVE"), &json!(2)));
    assert_eq!(shown["last_run"], json!({ "at": times[2], "refused": "quota_exhausted" }));

    let detail = consumer.detail(|one| one["run_at"] == json!(times[2])).await;
    assert_eq!((&detail["event"], &detail["code"]), (&json!("schedule.run_refused"), &json!("quota_exhausted")));
    assert_eq!((&detail["schedule_id"], &detail["schedule_name"]), (&json!(id), &json!("Leap days")));
    assert_eq!(detail["refused_in_a_row"], 2);
    consumer.close().await;
    // Who has room again is served again.
    let settings = json!({ "requests_per_day": 100 });
    let settings_path = format!("/v1/tenants/{}", play.tenant.id);
    let mut tenant = play.world.admin.get(&settings_path).await.unwrap().json();
    tenant["quotas"] = settings;
    play.world.admin.put(&settings_path, &tenant).await.unwrap().expect_status("quota", &[200]).unwrap();
    play.overdue_since(id, in_seconds(-5)).await;
    play.wake(id, in_seconds(-5)).await;
    assert_eq!(play.show(id).await["refused_in_a_row"], 0);
}

#[tokio::test]
async fn what_is_not_right_any_more_is_told_fault_by_fault() {
    let play = Play::begin().await;
    let id = play.distant().await;
    let settings_path = format!("/v1/tenants/{}", play.tenant.id);
    let mut tenant = play.world.admin.get(&settings_path).await.unwrap().json();
    tenant["recipient_keys"] = json!([]);
    play.world.admin.put(&settings_path, &tenant).await.unwrap().expect_status("no keys", &[200]).unwrap();
    play.overdue_since(id, in_seconds(-1)).await;
    play.wake(id, in_seconds(-1)).await;
    let runs = play.runs(id).await;
    assert_eq!(runs[0]["code"], "validation_failed", "{runs:?}");
    assert!(runs[0]["faults"][0].as_str().unwrap().starts_with("/packaging: "), "{runs:?}");
    assert!(play.world.requests(&play.tenant.id).await.is_empty());
}

fn context(user: &str) -> String {
    let context = json!({
        "federalId": "11111111111111", "mainThreadId": 51308, "threadId": 51308, "moduleId": "2", "actionName": "MATR",
        "client": { "hostname": "127.0.0.1", "port": 1235 },
        "user": { "name": user, "isFullDeterminado": false, "credentials": null },
    });
    STANDARD.encode(context.to_string())
}

#[tokio::test]
async fn each_run_takes_the_licence_seat_of_its_schedule() {
    let pool = json!({ "seats": 1, "linger_seconds": 0 });
    let play =
        Play::begin_with(json!({ "licence_pool": pool, "quotas": { "running": 1 }, "packaging": "plain" })).await;
    play.tenant.hold_slot(&play.world).await;
    let licence = context("ana");
    let body = play.body(json!({ "cron": "0 8 29 2 *" }));
    let headers = [("x-license-context", licence.as_str())];
    let answer = play.send(Method::POST, "/v1/schedules", &headers, &body).await;
    let id = id_of(&answer.expect_status("a schedule with a licence", &[201]).unwrap());
    // Somebody else has the only seat.
    let other = context("bia");
    let order = play.tenant.wallet_order();
    let asked = play.send(Method::POST, "/v1/requests", &[("x-license-context", other.as_str())], &order).await;
    let other = asked.expect_status("ask", &[202]).unwrap()["id"].as_str().unwrap().to_owned();
    play.overdue_since(id, in_seconds(-20)).await;
    play.wake(id, in_seconds(-20)).await;
    assert_eq!(play.runs(id).await[0]["code"], "licence_unavailable");
    cancel(&play.tenant, &other).await;

    play.overdue_since(id, in_seconds(-10)).await;
    play.wake(id, in_seconds(-10)).await;
    let run = play.runs(id).await[0].clone();
    assert_eq!(run["result"], "requested", "{run}");
    let usage = play.tenant.get("/v1/licences").await.json();
    assert_eq!((&usage["in_use"], &usage["keys"][0]["user"]), (&json!(1), &json!("ana")), "{usage}");
    cancel(&play.tenant, run["request"].as_str().unwrap()).await;
    // A change without a context keeps the seat that the schedule has.
    play.send(Method::PUT, &path(id), &[], &body).await.expect_status("put", &[200]).unwrap();
    play.overdue_since(id, in_seconds(-5)).await;
    play.wake(id, in_seconds(-5)).await;
    assert_eq!(play.tenant.get("/v1/licences").await.json()["keys"][0]["user"], "ana");
}

async fn cancel(tenant: &Tenant, request: &str) {
    let answer = tenant.api.post(&format!("/v1/requests/{request}/cancel"), &json!({})).await.unwrap();
    answer.expect_status("cancel", &[200]).unwrap();
}

#[tokio::test]
async fn a_run_that_somebody_asks_for_is_one_more() {
    let play = Play::begin().await;
    let id = play.distant().await;
    play.post(id, "pause").await.expect_status("pause", &[200]).unwrap();
    let run = async || {
        let headers = [("idempotency-key", "now-please")];
        let answer = play.send(Method::POST, &format!("{}/run", path(id)), &headers, &json!({})).await;
        answer.expect_status("run", &[202]).unwrap()
    };
    let (first, again) = (run().await, run().await);
    assert_eq!((&first["id"], &first["status"]), (&again["id"], &json!("QUEUED")));
    let other = play.post(id, "run").await.expect_status("run", &[202]).unwrap();
    assert_ne!(first["id"], other["id"]);
    let runs = play.runs(id).await;
    let requests: Vec<&Value> = runs.iter().map(|run| &run["request"]).collect();
    assert_eq!(requests, [&other["id"], &first["id"]], "{runs:?}");
    assert!(runs.iter().all(|run| run["asked_by"].as_str().unwrap().contains(&play.tenant.subject)), "{runs:?}");
    assert_eq!(play.show(id).await["last_run"], Value::Null, "not one of its own");
    let listed = play.tenant.get(&format!("/v1/requests?schedule={id}")).await.json();
    assert_eq!(listed["requests"].as_array().unwrap().len(), 2);
    assert_eq!(listed["requests"][0]["schedule"]["id"], json!(id));
    let none = play.tenant.get("/v1/requests?schedule=sch_00000000000000000000000000000000").await.json();
    assert_eq!(none["requests"], json!([]));

    let page = play.tenant.get(&format!("{}/runs?limit=1", path(id))).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = play.tenant.get(&format!("{}/runs?limit=1&cursor={cursor}", path(id))).await.json();
    // Not their statuses, which go on.
    let request = |page: &Value| page["runs"][0]["request"].clone();
    assert_eq!((request(&page), request(&rest)), (other["id"].clone(), first["id"].clone()));
}
