//! What a tenant may use: in a day, and at the same time.

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::{Write, keys::Key, rows::Waiting},
    domain::{id::RequestId, request::Request},
};
use waybill_tests::{lake::Lake, tenant::Tenant, wait::eventually, world::World};

use crate::refusal;

#[tokio::test]
async fn a_day_has_so_many_requests() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "requests_per_day": 3 } })).await;
    let order = tenant.wallet_order();
    for left in ["2", "1", "0"] {
        let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
        assert_eq!(answer.status, 202);
        assert_eq!((answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")), ("3", left));
    }
    let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
    let problem = refusal::check(&world, "one too many", &answer, 429, "quota_exhausted");
    assert!(problem["detail"].as_str().unwrap().contains("requests_per_day"), "{problem}");
    assert_eq!(answer.header("ratelimit-remaining"), "0");
    let reset: i64 = answer.header("ratelimit-reset").parse().unwrap();
    assert_eq!(answer.header("retry-after"), reset.to_string());
    let end = Timestamp::now().as_second() + reset;
    assert!(end % 86_400 <= 60 || end % 86_400 >= 86_340, "the day ends at midnight UTC: {end}");
    assert_eq!(world.requests(&tenant.id).await.len(), 3);

    let usage = tenant.get("/v1/usage").await.expect_status("usage", &[200]).unwrap();
    assert_eq!(usage["requests"], json!({ "used": 3, "limit": 3 }), "{usage}");
    assert_eq!(usage["rows"]["limit"], Value::Null);

    // What asks for nothing new is not counted.
    let mut only = order.clone();
    only["validate_only"] = json!(true);
    assert_eq!(tenant.api.post("/v1/requests", &only).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_day_has_so_many_rows_and_bytes() {
    let world = World::load().await;
    for quota in ["rows_per_day", "bytes_per_day"] {
        let tenant = Tenant::create_with(&world, json!({ "quotas": { quota: 500 } })).await;
        Lake::generate(&world, &tenant.id, 1_000, 1).await;
        let done = tenant.succeeded(tenant.order(&tenant.wallet_order()).await).await;
        assert_eq!(done["rows"], 1_000, "what runs is not cut short");
        let answer = eventually("the figures to be counted", async || {
            let answer = tenant.api.post("/v1/requests", &tenant.wallet_order()).await.unwrap();
            (answer.status != 202).then_some(answer)
        })
        .await;
        let problem = refusal::check(&world, quota, &answer, 429, "quota_exhausted");
        assert!(problem["detail"].as_str().unwrap().contains(quota), "{problem}");
    }
}

fn time(status: &Value, name: &str) -> Timestamp {
    status[name].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn one_at_a_time_in_the_order_of_asking() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    let other = Tenant::create(&world).await;
    tenant.hold_slot(&world).await;
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.push(tenant.order(&tenant.wallet_order()).await);
    }
    for id in &asked {
        tenant.waits(*id).await;
    }
    // While they wait, others do not.
    other.succeeded(other.order(&other.wallet_order()).await).await;
    assert_eq!(tenant.status(asked[0]).await["status"], "QUEUED");

    tenant.free_slot(&world, asked[3]).await;
    let mut before: Option<Value> = None;
    for id in asked {
        let done = tenant.succeeded(id).await;
        assert_eq!((&done["attempt"], &done["waiting_for_slot"]), (&json!(1), &json!(false)));
        if let Some(before) = before {
            assert!(time(&before, "finished_at") <= time(&done, "started_at"), "{before} and {done}");
        }
        before = Some(done);
    }
    tenant.nothing_is_left_over(&world).await;
}

/// The sweep that would look at the request in a minute or more.
async fn sweep_now(world: &World, tenant: &Tenant, id: RequestId) {
    eventually("a row that is due", async || {
        let stored = world.request(&tenant.id, id).await;
        let due = Request { due_at: Some(Timestamp::now()), ..stored.row.clone() };
        world.table.replace(&stored, due).await.ok()
    })
    .await;
    world.sweep().await;
}

#[tokio::test]
async fn what_waits_without_a_wake_up_is_found_by_the_sweeper() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    tenant.hold_slot(&world).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    tenant.waits(id).await;
    // The run that held the slot dies without a word.
    world.table.write(vec![Write::delete(Key::slot(&tenant.id, 0))]).await.unwrap();
    sweep_now(&world, &tenant, id).await;
    tenant.succeeded(id).await;
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_place_in_the_line_that_was_lost_is_found_by_the_sweeper() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    tenant.hold_slot(&world).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    tenant.waits(id).await;
    let place = Key::waiting(&tenant.id, id);
    world.table.write(vec![Write::delete(place.clone())]).await.unwrap();
    sweep_now(&world, &tenant, id).await;
    assert!(world.table.get::<Waiting>(&place).await.unwrap().is_some(), "others would always be before it");
    tenant.free_slot(&world, id).await;
    tenant.succeeded(id).await;
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_tenant_asks_for_what_it_is_allowed() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "allowed_reports": ["invoice_lines"] })).await;
    let answer = tenant.api.post("/v1/requests", &tenant.wallet_order()).await.unwrap();
    refusal::check(&world, "a report that it may not have", &answer, 404, "report_not_found");
    let catalogue = tenant.get("/v1/reports").await.expect_status("catalogue", &[200]).unwrap();
    let reports: Vec<&str> =
        catalogue["reports"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(reports, ["invoice_lines"]);
    let shown = tenant.get("/v1/reports/Report_digital_wallet_transaction_detail").await;
    refusal::check(&world, "its description", &shown, 404, "not_found");
}
