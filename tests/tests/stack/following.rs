//! Following requests: lists with filters and cursors, waiting for the end, tags.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill_tests::{tenant::Tenant, wait::eventually, world::World};

use crate::refusal;

fn ids(list: &Value) -> Vec<String> {
    let requests = list["requests"].as_array().unwrap();
    requests.iter().map(|request| request["id"].as_str().unwrap().to_owned()).collect()
}

async fn list(tenant: &Tenant, query: &str) -> Value {
    tenant.get(&format!("/v1/requests{query}")).await.expect_status("list", &[200]).unwrap()
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let world = World::load().await;
    let (tenant, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let presenter = Uuid::new_v4();
    let mut asked = Vec::new();
    for n in 0..7 {
        let mut order = tenant.wallet_order();
        if n % 2 == 1 {
            order["presenter_id"] = json!(presenter);
        }
        asked.push(tenant.order(&order).await.to_string());
    }
    for id in &asked {
        tenant.succeeded(id.parse().unwrap()).await;
    }
    other.order(&other.wallet_order()).await;

    let newest_first: Vec<String> = asked.iter().rev().cloned().collect();
    let all = list(&tenant, "").await;
    assert_eq!((ids(&all), &all["next_cursor"]), (newest_first.clone(), &Value::Null));
    let one = &all["requests"][0];
    assert_eq!((&one["status"], &one["rows"]), (&json!("SUCCEEDED"), &json!(0)), "{one}");

    // Page by page the same, and a cursor is of no use anywhere else.
    let mut paged = Vec::new();
    let mut query = "?limit=3".to_owned();
    loop {
        let page = list(&tenant, &query).await;
        paged.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=3&cursor={cursor}");
        let wrong = tenant.get(&format!("/v1/requests?status=FAILED&cursor={cursor}")).await;
        refusal::check(&world, "a cursor with another filter", &wrong, 400, "query_invalid");
        assert!(ids(&list(&other, &query).await).iter().all(|id| !asked.contains(id)), "nothing of another tenant's");
    }
    assert_eq!(paged, newest_first);

    let presented = list(&tenant, &format!("?presenter={presenter}&limit=2")).await;
    assert_eq!(ids(&presented), [asked[5].clone(), asked[3].clone()]);
    let cursor = presented["next_cursor"].as_str().unwrap();
    let rest = list(&tenant, &format!("?presenter={presenter}&limit=2&cursor={cursor}")).await;
    assert_eq!(ids(&rest), [asked[1].clone()]);
    assert_eq!(ids(&list(&tenant, "?status=FAILED,CANCELLED").await), Vec::<String>::new());
    assert_eq!(ids(&list(&tenant, "?status=SUCCEEDED&report=Report_digital_wallet_transaction_detail").await).len(), 7);
    assert_eq!(ids(&list(&tenant, "?report=invoice_lines").await), Vec::<String>::new());
    let from = all["requests"][2]["created_at"].as_str().unwrap();
    assert_eq!(ids(&list(&tenant, &format!("?from={from}")).await), newest_first[..3]);
    assert_eq!(ids(&list(&tenant, &format!("?to={from}")).await), newest_first[3..]);

    let reversed = "?from=2026-11-22T00:00:00Z&to=2026-01-01T00:00:00Z";
    assert_eq!(ids(&list(&tenant, reversed).await), Vec::<String>::new(), "DynamoDB refuses such bounds");
    for query in [
        "?limit=0",
        "?limit=101",
        "?status=DONE",
        "?from=today",
        "?presenter=me",
        "?sort=up",
        "?cursor=x",
        "?limit=1&limit=2",
    ] {
        let answer = tenant.get(&format!("/v1/requests{query}")).await;
        refusal::check(&world, query, &answer, 400, "query_invalid");
    }
}

#[tokio::test]
async fn who_waits_is_answered_at_the_end() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    tenant.hold_slot(&world).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    tenant.waits(id).await;
    let path = format!("/v1/requests/{id}?wait=20");
    let began = std::time::Instant::now();
    let (answer, ()) = futures::join!(tenant.get(&path), tenant.free_slot(&world, id));
    let status = answer.expect_status("wait", &[200]).unwrap();
    // Within the wait, or else at its end: a machine may be that slow.
    let ended = status["status"] == "SUCCEEDED";
    assert!(ended || began.elapsed().as_secs() >= 20, "{status} after {:?}", began.elapsed());
    tenant.succeeded(id).await;

    let short = tenant.get(&format!("/v1/requests/{id}?wait=0")).await;
    assert_eq!(short.header("retry-after"), "", "it is over");
    for query in ["wait=21", "wait=-1", "wait=", "wait=1&wait=1"] {
        let answer = tenant.get(&format!("/v1/requests/{id}?{query}")).await;
        refusal::check(&world, query, &answer, 400, "query_invalid");
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    tenant.hold_slot(&world).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    tenant.waits(id).await;
    let path = format!("/v1/requests/{id}");
    let first = tenant.get(&path).await;
    let tag = first.header("etag").to_owned();
    assert_eq!(first.header("retry-after"), "2");
    let again = tenant.api.send(Method::GET, &path, &[("if-none-match", &tag)], vec![]).await.unwrap();
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()));
    assert_eq!(again.header("retry-after"), "2");

    tenant.free_slot(&world, id).await;
    tenant.succeeded(id).await;
    let changed = tenant.api.send(Method::GET, &path, &[("if-none-match", &tag)], vec![]).await.unwrap();
    assert_eq!(changed.status, 200);
    let settled = changed.header("etag").to_owned();
    assert_ne!(settled, tag);
    eventually("a status that stays", async || {
        let answer = tenant.api.send(Method::GET, &path, &[("if-none-match", &settled)], vec![]).await.unwrap();
        (answer.status == 304).then_some(())
    })
    .await;
}
