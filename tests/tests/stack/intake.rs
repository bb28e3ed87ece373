//! Events that ask for reports.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    aws::table::{Write, keys::Key},
    domain::request::Request,
};
use waybill_tests::{python::python, skip, tenant::Tenant, wait::eventually, world::World};

/// The one request of the tenant that such an event made.
async fn made(world: &World, tenant: &str, is_ours: impl Fn(&Request) -> bool) -> Request {
    eventually("the event's request", async || world.requests(tenant).await.into_iter().find(&is_ours)).await
}

#[tokio::test]
async fn an_event_that_comes_three_times_makes_one_report() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let envelope = json!({
        "v": "1", "tenant": tenant.id, "source": "a.test", "event_id": Uuid::new_v4(), "time": Timestamp::now(),
        "request": tenant.wallet_order(),
    })
    .to_string();
    for _ in 0..2 {
        world.send(&world.stack.queues.intake, &tenant.id, &envelope).await;
    }
    let request = made(&world, &tenant.id, |_| true).await;
    assert_eq!(request.requested_by, "event a.test");
    let status = tenant.succeeded(request.id).await;
    assert_eq!(status["attempt"], 1);

    // Once more, after its end, and this time seen through: acknowledged, and still one.
    let record = json!({ "messageId": "again", "body": envelope, "eventSource": "aws:sqs" });
    let answer = world.invoke(&world.stack.functions.intake, &json!({ "Records": [record] })).await;
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert_eq!(world.requests(&tenant.id).await.len(), 1);
    tenant.nothing_is_left_over(&world).await;
}

/// Invokes the function with one event, and says whether it was acknowledged.
async fn acknowledged(world: &World, envelope: &Value) -> bool {
    let record = json!({ "messageId": "one", "body": envelope.to_string(), "eventSource": "aws:sqs" });
    let answer = world.invoke(&world.stack.functions.intake, &json!({ "Records": [record] })).await;
    answer["batchItemFailures"] == json!([])
}

#[tokio::test]
async fn an_event_that_joined_another_request_does_not_make_one_when_it_comes_again() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    tenant.hold_slot(&world).await;
    let first = tenant.order(&tenant.wallet_order()).await;
    let mut joining = tenant.wallet_order();
    joining["coalesce"] = json!(true);
    let envelope = json!({
        "v": "1", "tenant": tenant.id, "source": "a.test", "event_id": Uuid::new_v4(), "time": Timestamp::now(),
        "request": joining,
    });
    assert!(acknowledged(&world, &envelope).await);
    assert_eq!(world.requests(&tenant.id).await.len(), 1);
    tenant.free_slot(&world, first).await;
    tenant.succeeded(first).await;
    assert!(acknowledged(&world, &envelope).await);
    assert_eq!(world.requests(&tenant.id).await.len(), 1, "it made a report of its own");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn an_event_that_used_the_quota_up_may_come_again() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "requests_per_day": 1 } })).await;
    let envelope = |event: Uuid| {
        json!({
            "v": "1", "tenant": tenant.id, "source": "a.test", "event_id": event, "time": "2026-11-22T00:00:00Z",
            "request": tenant.wallet_order(),
        })
    };
    let event = Uuid::new_v4();
    for _ in 0..2 {
        assert!(acknowledged(&world, &envelope(event)).await);
    }
    // As a day later, when its idempotency key is forgotten and its request is not.
    let requests = world.requests(&tenant.id).await;
    let key = Key::idempotency(&tenant.id, &requests[0].id.to_string());
    world.table.write(vec![Write::delete(key)]).await.unwrap();
    assert!(acknowledged(&world, &envelope(event)).await);
    assert!(!acknowledged(&world, &envelope(Uuid::new_v4())).await, "another one is one too many");
    assert_eq!(world.requests(&tenant.id).await.len(), 1);
}

#[tokio::test]
async fn an_event_that_can_never_be_a_request_fails_alone() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let envelope = |tenant: &str, request: Value| {
        json!({
            "v": "1", "tenant": tenant, "source": "a.test", "event_id": Uuid::new_v4(), "time": Timestamp::now(),
            "request": request,
        })
    };
    let mut later = envelope(&tenant.id, tenant.wallet_order());
    later["v"] = json!("2");
    let bodies = [
        ("not json", "[".to_owned()),
        ("no such tenant", envelope("t-nobody", tenant.wallet_order()).to_string()),
        ("faults", envelope(&tenant.id, json!({ "report": "invoice_lines" })).to_string()),
        ("version", later.to_string()),
        ("good", envelope(&tenant.id, tenant.wallet_order()).to_string()),
    ];
    let records: Vec<Value> = bodies.iter().map(|(id, body)| json!({ "messageId": id, "body": body })).collect();
    let answer = world.invoke(&world.stack.functions.intake, &json!({ "Records": records })).await;
    let failed: Vec<&Value> =
        answer["batchItemFailures"].as_array().unwrap().iter().map(|failure| &failure["itemIdentifier"]).collect();
    assert_eq!(failed, ["not json", "no such tenant", "faults", "version"]);
    let requests = world.requests(&tenant.id).await;
    assert_eq!(requests.len(), 1);
    tenant.succeeded(requests[0].id).await;
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn an_event_on_the_bus_belongs_to_the_tenant_of_the_rule() {
    let world = World::load().await;
    if !world.is_local() {
        skip::skipped("the rule's tenant and source are known of the local cloud only");
        return;
    }
    let sample = &world.stack.tenants[0];
    // No other request asks for this organisation.
    let organisation = u32::from_be_bytes(Uuid::new_v4().as_bytes()[..4].try_into().unwrap()) | 1 << 30;
    let parameters =
        json!({ "d1": "2024-01-01T00:00:00", "d2": "2024-01-02T00:00:00", "organisation_id": organisation });
    let put = python(
        "put_event.py",
        json!({
            "endpoint": world.stack.aws_endpoint_url, "region": world.stack.region, "bus": world.stack.event_bus,
            "source": "waybill.client", "detail_type": "report.requested",
            "detail": { "report": waybill_tests::tenant::WALLET, "parameters": parameters },
        }),
    )
    .await;
    assert!(put["event_id"].is_string());
    let request = made(&world, &sample.id, |request| request.parameters == parameters).await;
    assert_eq!(request.requested_by, "event waybill.client");
    let ended = eventually("the end of the event's request", async || {
        let request = world.request(&sample.id, request.id).await.row;
        request.status.is_final().then_some(request)
    })
    .await;
    assert_eq!(ended.file.map(|file| file.rows), Some(0));
}
