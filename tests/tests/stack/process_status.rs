//! Statuses of customers' own processes: in as events, out to the endpoints that want them.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    accept::request_id_of_event,
    aws::table::keys::{Key, PROCESS_EVENTS, story},
};
use waybill_local::receiver::Received;
use waybill_tests::{
    python::python,
    skip,
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::webhook::{register, task};

const SOURCE: &str = "a.test";

/// What the operator's rule puts on the intake queue. The detail names a tenant, which counts for nothing.
fn envelope(tenant: &str, event: Uuid, at: Timestamp, status: u32) -> String {
    let detail = json!({ "id": "8e2c86a5-1acf-48b7-aa70-11a1b18c0d84", "status": status, "tenant": "another" });
    json!({ "v": "1", "tenant": tenant, "source": SOURCE, "event_id": event, "time": at, "process": detail })
        .to_string()
}

/// Waits until nothing of the event is left to be done.
async fn settled(world: &World, tenant: &str, event: Uuid, at: Timestamp) -> usize {
    let story = story(tenant, request_id_of_event(SOURCE, &event.to_string(), at));
    eventually("the end of an event's deliveries", async || {
        let rows = world.table.query(&story, "").await.unwrap();
        let texts: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        let pending =
            rows.iter().any(|row| row.key.sk.starts_with("EVT#")) || texts.iter().any(|text| text.contains("PENDING"));
        let deliveries = rows.iter().filter(|row| row.key.sk.matches('#').count() == 1).count();
        (deliveries > 0 && !pending).then_some(deliveries)
    })
    .await
}

fn bodies(received: &[Received]) -> Vec<Value> {
    received.iter().map(|one| serde_json::from_slice(&one.body).unwrap()).collect()
}

#[tokio::test]
async fn a_status_goes_to_the_endpoints_that_want_it_once() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let endpoint = async |path: &str, more: Value| {
        let mut settings = json!({ "url": receiver.url(path) });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        register(&tenant, settings).await
    };
    let unico = endpoint("/unico", json!({ "profile": "unico", "statuses": [2, 3] })).await;
    endpoint("/waybill", json!({ "events": ["process.status"] })).await;
    endpoint("/reports", json!({ "events": ["report.succeeded"] })).await;
    endpoint("/eclipse", json!({ "profile": "eclipse" })).await;

    let at = Timestamp::now();
    let events: Vec<(Uuid, u32)> = [3, 4, 1].map(|status| (Uuid::new_v4(), status)).to_vec();
    for (event, status) in &events {
        for _ in 0..2 {
            world.send(&world.stack.queues.intake, &tenant.id, &envelope(&tenant.id, *event, at, *status)).await;
        }
    }
    let told = receiver.wait_for("/waybill", 3, LONG).await.unwrap();
    let mut deliveries = Vec::new();
    for (event, _) in &events {
        deliveries.push(settled(&world, &tenant.id, *event, at).await);
    }
    assert_eq!(deliveries, [2, 1, 1]);

    let process = "8e2c86a5-1acf-48b7-aa70-11a1b18c0d84";
    let unico_told = receiver.received("/unico");
    assert_eq!(bodies(&unico_told), [json!({ "id": process, "status": 3 })]);
    let body = String::from_utf8(unico_told[0].body.to_vec()).unwrap();
    let verified = python("verify_webhook.py", task(&unico.secret, &unico_told[0], &body)).await;
    assert_eq!(verified["verified"], true, "{verified}");
    let mut statuses: Vec<u64> = Vec::new();
    for body in bodies(&told) {
        assert_eq!((&body["type"], &body["data"]["process_id"]), (&json!("process.status"), &json!(process)));
        assert_eq!(body["timestamp"].as_str().unwrap().parse::<Timestamp>().unwrap(), at);
        statuses.push(body["data"]["status"].as_u64().unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [1, 3, 4]);
    for path in ["/reports", "/eclipse"] {
        assert!(receiver.received(path).is_empty(), "{path}");
    }

    // Once more, after all is done, and seen through: acknowledged, and told no more.
    let record = json!({ "messageId": "again", "body": envelope(&tenant.id, events[0].0, at, 3) });
    let answer = world.invoke(&world.stack.functions.intake, &json!({ "Records": [record] })).await;
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert_eq!(settled(&world, &tenant.id, events[0].0, at).await, 2);
    assert_eq!((receiver.received("/waybill").len(), receiver.received("/unico").len()), (3, 1));
    tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn what_tells_of_no_process_fails_alone() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let with = |more: Value| {
        let mut envelope = json!({
            "v": "1", "tenant": tenant.id, "source": SOURCE, "event_id": Uuid::new_v4(), "time": Timestamp::now(),
        });
        envelope.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        envelope.to_string()
    };
    let process = json!({ "id": "p", "status": 3 });
    let bodies = [
        ("neither", with(json!({}))),
        ("both", with(json!({ "process": process, "request": tenant.wallet_order() }))),
        ("no id", with(json!({ "process": { "status": 3 } }))),
        ("no status", with(json!({ "process": { "id": "p", "status": 0 } }))),
        ("nobody's", with(json!({ "tenant": "t-nobody", "process": process }))),
        ("good", with(json!({ "process": process }))),
    ];
    let records: Vec<Value> = bodies.iter().map(|(id, body)| json!({ "messageId": id, "body": body })).collect();
    let answer = world.invoke(&world.stack.functions.intake, &json!({ "Records": records })).await;
    let failed: Vec<&Value> =
        answer["batchItemFailures"].as_array().unwrap().iter().map(|failure| &failure["itemIdentifier"]).collect();
    assert_eq!(failed, ["neither", "both", "no id", "no status", "nobody's"]);
    let recorded = world.table.query(&Key::tenant(&tenant.id).pk, PROCESS_EVENTS).await.unwrap();
    assert_eq!(recorded.len(), 1);
}

#[tokio::test]
async fn an_event_on_the_bus_belongs_to_the_tenant_of_the_rule() {
    let world = World::load().await;
    if !world.is_local() {
        skip::skipped("the rule's tenant and source are known of the local cloud only");
        return;
    }
    let (sample, other) = (&world.stack.tenants[0], Tenant::create(&world).await);
    let recorded = async |tenant: &str| world.table.query(&Key::tenant(tenant).pk, PROCESS_EVENTS).await.unwrap().len();
    let before = recorded(&sample.id).await;
    let detail = json!({ "id": Uuid::new_v4(), "status": 3, "tenant": other.id });
    let event = json!({
        "endpoint": world.stack.aws_endpoint_url, "region": world.stack.region, "bus": world.stack.event_bus,
        "source": "waybill.client", "detail_type": "process.status", "detail": detail,
    });
    python("put_event.py", event).await;
    eventually("the event's row", async || (recorded(&sample.id).await > before).then_some(())).await;
    assert_eq!(recorded(&other.id).await, 0, "an event's own word of its tenant counts for nothing");
}
