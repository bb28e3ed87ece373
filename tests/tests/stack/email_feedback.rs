//! What becomes of mails after SES has taken them: bounces and complaints come back, as SES tells them and the rule hands
//! them on. Nobody but SES may put its events on a bus, so they are put on the queue behind it.

use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::id::RequestId;
use waybill_local::mail;
use waybill_tests::{
    lake::Lake,
    tenant::{Tenant, fresh_id},
    wait::eventually,
    world::World,
};

/// A tenant, and a mail of its that was sent: to whom, of which request and delivery.
async fn sent(world: &World) -> (Tenant, String, RequestId, String) {
    let tenant = Tenant::create(world).await;
    Lake::generate(world, &tenant.id, 50, 1).await;
    let to = format!("{}@customer.example", fresh_id());
    let (id, delivery) = order(&tenant, &to, "DELIVERED").await;
    (tenant, to, id, delivery)
}

/// Asks for a report by mail, and waits until its delivery has ended so.
async fn order(tenant: &Tenant, to: &str, end: &str) -> (RequestId, String) {
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "email": { "to": [to] } });
    let id = tenant.order(&order).await;
    let delivery = eventually("the end of a mail's delivery", async || {
        let status = tenant.status(id).await;
        let delivery = status["deliveries"].as_array()?.first()?.clone();
        (delivery["status"] != "PENDING").then_some(delivery)
    })
    .await;
    assert_eq!(delivery["status"], end, "{delivery}");
    (id, delivery["id"].as_str().unwrap().to_owned())
}

async fn shown(tenant: &Tenant, delivery: &str) -> Value {
    tenant.get(&format!("/v1/deliveries/{delivery}")).await.json()
}

async fn disabled(tenant: &Tenant) -> Vec<Value> {
    tenant.get("/v1/email/disabled").await.json()["addresses"].as_array().unwrap().clone()
}

/// An event's detail, in the form that SES documents.
fn detail(tenant: &str, (request, delivery): (RequestId, &str), to: &str, what: &Value) -> Value {
    let mut detail = json!({
        "mail": {
            "timestamp": "2026-11-27T10:00:00.000Z", "source": "reports@waybill.example", "messageId": "0101",
            "sendingAccountId": "000000000000", "destination": [to], "headersTruncated": false, "headers": [],
            "commonHeaders": { "from": ["reports@waybill.example"], "to": [to], "subject": "Report" },
            "tags": {
                "ses:operation": ["SendEmail"], "ses:configuration-set": ["waybill"],
                "waybill-tenant": [tenant], "waybill-request": [request.to_string()], "waybill-delivery": [delivery],
            },
        },
    });
    detail.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    detail
}

fn bounce(kind: &str, to: &str) -> Value {
    json!({ "eventType": "Bounce", "bounce": {
        "feedbackId": "0102", "bounceType": kind, "bounceSubType": "General", "timestamp": "2026-11-27T10:00:05.123Z",
        "reportingMTA": "dns; mx.customer.example",
        "bouncedRecipients": [
            { "emailAddress": to, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no such user" },
        ],
    } })
}

fn complaint(to: &str) -> Value {
    json!({ "eventType": "Complaint", "complaint": {
        "feedbackId": "0103", "complainedRecipients": [{ "emailAddress": to }], "complaintFeedbackType": "abuse",
        "timestamp": "2026-11-27T11:00:00.000Z", "arrivalDate": "2026-11-27T11:00:00.000Z",
    } })
}

/// Invokes the function with what the rule makes of the event, and says whether it was acknowledged.
async fn acknowledged(world: &World, event: Uuid, detail: &Value) -> bool {
    let envelope = json!({ "v": "1", "event_id": event, "mail": detail });
    let record = json!({ "messageId": "one", "body": envelope.to_string(), "eventSource": "aws:sqs" });
    let answer = world.invoke(&world.stack.functions.intake, &json!({ "Records": [record] })).await;
    answer["batchItemFailures"] == json!([])
}

#[tokio::test]
async fn a_bounce_disables_the_address_until_somebody_enables_it() {
    let world = World::load().await;
    let (tenant, to, request, delivery) = sent(&world).await;
    assert_eq!(shown(&tenant, &delivery).await["feedback"], json!([]));

    // For now: shown, and that is all.
    let told = detail(&tenant.id, (request, &delivery), &to, &bounce("Transient", &to));
    assert!(acknowledged(&world, Uuid::new_v4(), &told).await);
    assert_eq!(shown(&tenant, &delivery).await["feedback"][0]["kind"], "transient_bounce");
    assert_eq!(disabled(&tenant).await, [Value::Null; 0]);

    let (event, told) = (Uuid::new_v4(), detail(&tenant.id, (request, &delivery), &to, &bounce("Permanent", &to)));
    for _ in 0..2 {
        let envelope = json!({ "v": "1", "event_id": event, "mail": told }).to_string();
        world.send(&world.stack.queues.intake, &tenant.id, &envelope).await;
    }
    let list = eventually("a disabled address", async || {
        let list = disabled(&tenant).await;
        (!list.is_empty()).then_some(list)
    })
    .await;
    let [one] = &list[..] else { panic!("{list:?}") };
    assert_eq!((&one["address"], &one["kind"]), (&json!(to), &json!("permanent_bounce")));
    assert_eq!((&one["delivery_id"], &one["detail"]), (&json!(delivery), &json!("smtp; 550 5.1.1 no such user")));
    assert!(acknowledged(&world, event, &told).await);
    let after = shown(&tenant, &delivery).await;
    assert_eq!((&after["status"], after["feedback"].as_array().unwrap().len()), (&json!("DELIVERED"), 2), "{after}");

    // Another spelling of the same mailbox is the same, and nothing is sent.
    let (_, dead) = order(&tenant, &to.to_uppercase(), "DEAD").await;
    let dead = shown(&tenant, &dead).await;
    assert!(dead["reason"].as_str().unwrap().contains("disabled") && dead["attempts"] == 1, "{dead}");
    let spelt = to.to_uppercase().replace("CUSTOMER.EXAMPLE", "customer.example");
    assert!(mail::sent_to(&world.stack.aws_endpoint_url, &spelt).await.unwrap().is_empty());

    // A copy that comes after it was enabled changes nothing; another tenant was never touched.
    let other = Tenant::create(&world).await;
    assert_eq!(disabled(&other).await, [Value::Null; 0]);
    let body = json!({ "address": to });
    assert_eq!(other.api.post("/v1/email/enable", &body).await.unwrap().status, 404);
    assert_eq!(tenant.api.post("/v1/email/enable", &body).await.unwrap().status, 200);
    assert_eq!(tenant.api.post("/v1/email/enable", &body).await.unwrap().status, 404);
    assert!(acknowledged(&world, event, &told).await);
    assert_eq!(disabled(&tenant).await, [Value::Null; 0]);
    order(&tenant, &to, "DELIVERED").await;
}

#[tokio::test]
async fn a_complaint_disables_too_and_an_administrator_may_enable() {
    let world = World::load().await;
    let (tenant, to, request, delivery) = sent(&world).await;
    let told = detail(&tenant.id, (request, &delivery), &to, &complaint(&to));
    assert!(acknowledged(&world, Uuid::new_v4(), &told).await);
    assert_eq!(shown(&tenant, &delivery).await["feedback"][0]["kind"], "complaint");
    let base = format!("/v1/tenants/{}/email", tenant.id);
    let list = world.admin.get(&format!("{base}/disabled")).await.unwrap().json();
    assert_eq!(list["addresses"][0]["address"], json!(to));
    let enabled = world.admin.post(&format!("{base}/enable"), &json!({ "address": to })).await.unwrap();
    assert_eq!((enabled.status, enabled.json()), (200, json!({ "enabled": to })));
    assert_eq!(disabled(&tenant).await, [Value::Null; 0]);
    let trail = world.admin.get(&format!("/v1/tenants/{}/audit", tenant.id)).await.unwrap();
    let text = String::from_utf8_lossy(&trail.body).into_owned();
    assert!(text.contains("email_address.enabled") && text.contains(&delivery) && !text.contains(&to), "{text}");
}

#[tokio::test]
async fn what_is_of_no_mail_of_this_stack_disables_nothing() {
    let world = World::load().await;
    let (tenant, to, request, delivery) = sent(&world).await;
    // Nothing to keep, and nobody to tell: of a tenant or a delivery that is not there.
    let gone = detail("t-nobody", (request, &delivery), &to, &bounce("Permanent", &to));
    assert!(acknowledged(&world, Uuid::new_v4(), &gone).await);
    let elsewhere = detail(&tenant.id, (RequestId::generate(), &delivery), &to, &bounce("Permanent", &to));
    assert!(acknowledged(&world, Uuid::new_v4(), &elsewhere).await);
    // What cannot be read stays for the operator to see.
    let good = detail(&tenant.id, (request, &delivery), &to, &bounce("Permanent", &to));
    let mut untagged = good.clone();
    untagged["mail"]["tags"].as_object_mut().unwrap().remove("waybill-tenant");
    let mut unknown = good.clone();
    unknown["bounce"]["bounceType"] = json!("Final");
    for bad in [untagged, unknown, json!({ "eventType": "Bounce" }), json!(null)] {
        assert!(!acknowledged(&world, Uuid::new_v4(), &bad).await, "{bad}");
    }
    assert_eq!(disabled(&tenant).await, [Value::Null; 0]);
    // The event's word for the address counts for nothing: it is the delivery's that is disabled.
    let forged =
        detail(&tenant.id, (request, &delivery), "x@customer.example", &bounce("Permanent", "x@customer.example"));
    assert!(acknowledged(&world, Uuid::new_v4(), &forged).await);
    assert_eq!(disabled(&tenant).await[0]["address"], json!(to));
}
