//! Reports without rows: who is told of them, and what.

use serde_json::{Value, json};
use waybill::domain::id::RequestId;
use waybill_local::{
    mail,
    receiver::{Received, Receiver},
};
use waybill_tests::{
    events::Consumer,
    lake::Lake,
    tenant::{Tenant, WALLET, fresh_id},
    wait::{LONG, eventually},
    world::World,
};

use crate::{
    refusal,
    webhook::{self, delivery_over, register},
};

const POLICIES: [&str; 3] = ["send", "skip", "notify"];

/// Asks for a report without rows: the tenant has no transactions.
async fn order(tenant: &Tenant, policy: &str, delivery: Option<Value>) -> RequestId {
    let mut order = tenant.wallet_order();
    order["when_empty"] = json!(policy);
    if let Some(delivery) = delivery {
        order["delivery"] = delivery;
    }
    tenant.order(&order).await
}

async fn only(receiver: &Receiver, path: &str) -> Received {
    receiver.wait_for(path, 1, LONG).await.unwrap()[0].clone()
}

/// Its body, after checks of what each policy says. Its signature is checked by the caller, who knows the secret.
fn check_body(policy: &str, received: &Received, request: RequestId) {
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    let data = &body["data"];
    assert_eq!((&body["type"], &data["rows"]), (&json!("report.succeeded"), &json!(0)), "{body}");
    assert_eq!(data["request_id"], request.to_string());
    assert_eq!(data["link"].is_object(), policy == "send", "{body}");
    assert!(data["manifest"]["sha256"].is_string(), "the signed statement that there is nothing: {body}");
}

/// The end of the request, with nobody told and nothing left to do.
async fn nobody_is_told(world: &World, tenant: &Tenant, id: RequestId) -> Value {
    let status = tenant.succeeded(id).await;
    tenant.nothing_is_left_over(world).await;
    let status = tenant.status(status["id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!((&status["deliveries"], &status["rows"]), (&json!([]), &json!(0)), "{status}");
    status
}

#[tokio::test]
async fn a_webhook_of_the_requests_own_is_told_by_policy() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    for policy in POLICIES {
        let path = format!("/{policy}");
        let webhook = json!({ "webhook": { "url": receiver.url(&path) } });
        let id = order(&tenant, policy, Some(webhook)).await;
        if policy == "skip" {
            let status = nobody_is_told(&world, &tenant, id).await;
            assert_eq!(status["when_empty"], "skip");
            // There is a file all the same, for whoever looks.
            assert!(status["link"]["url"].is_string(), "{status}");
            assert!(receiver.received(&path).is_empty());
            continue;
        }
        let received = only(&receiver, &path).await;
        webhook::verified(&tenant, &received).await;
        check_body(policy, &received, id);
        assert_eq!(delivery_over(&tenant, id).await["status"], "DELIVERED");
        let status = tenant.status(id).await;
        assert_eq!(status["when_empty"].as_str().unwrap_or("send"), policy);
    }
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn subscriptions_are_told_by_policy_and_the_bus_in_any_case() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let consumer = Consumer::of(&world, &tenant.id).await;
    register(&tenant, json!({ "url": receiver.url("/hook") })).await;
    let mut told = 0;
    for policy in POLICIES {
        let id = order(&tenant, policy, None).await;
        if policy == "skip" {
            nobody_is_told(&world, &tenant, id).await;
        } else {
            told += 1;
            let received = receiver.wait_for("/hook", told, LONG).await.unwrap();
            check_body(policy, &received[told - 1], id);
        }
        let detail = consumer.detail(|detail| detail["request_id"] == id.to_string()).await;
        assert_eq!((&detail["event"], &detail["rows"]), (&json!("report.succeeded"), &json!(0)));
        assert!(detail["expires_at"].is_string(), "the operator is told all of it");
        // Who was given no file is not told of its end.
        tenant.api.delete(&format!("/v1/requests/{id}")).await.unwrap().expect_status("delete", &[200]).unwrap();
        told += usize::from(policy == "send");
        receiver.wait_for("/hook", told, LONG).await.unwrap();
    }
    let expired = consumer.detail(|detail| detail["event"] == "report.expired").await;
    assert_eq!(expired["reason"], "DELETED");
    tenant.nothing_is_left_over(&world).await;
    assert_eq!(receiver.received("/hook").len(), told);
    consumer.close().await;
}

#[tokio::test]
async fn mails_are_told_by_policy() {
    let world = World::load().await;
    let settings = json!({ "packaging": "zip", "email": { "password": "second", "language": "pt-BR" } });
    let tenant = Tenant::create_with(&world, settings).await;
    let sent = async |to: &str| mail::sent_to(&world.stack.aws_endpoint_url, to).await.unwrap();
    for policy in POLICIES {
        let to = format!("{}@customer.example", fresh_id());
        let id = order(&tenant, policy, Some(json!({ "email": { "to": [to] } }))).await;
        if policy == "skip" {
            nobody_is_told(&world, &tenant, id).await;
            assert!(sent(&to).await.is_empty());
            continue;
        }
        let expected = if policy == "send" { 2 } else { 1 };
        let mails = eventually("the mails", async || {
            let mails = sent(&to).await;
            (mails.len() >= expected).then_some(mails)
        })
        .await;
        tenant.nothing_is_left_over(&world).await;
        assert_eq!((mails.len(), sent(&to).await.len()), (expected, expected), "{policy}");
        if policy == "notify" {
            assert_eq!(mails[0].subject, format!("O relatório {WALLET} não tem linhas"));
            let password = tenant.get(&format!("/v1/requests/{id}/password")).await.json();
            for text in [mails[0].body_text.as_ref().unwrap(), mails[0].body_html.as_ref().unwrap()] {
                assert!(text.contains("Não há nada para baixar") && !text.contains("/v1/links/"), "{text}");
                assert!(!text.contains(password["password"].as_str().unwrap()), "nothing is there to be opened");
            }
        }
    }
}

#[tokio::test]
async fn other_products_bodies_have_their_link_where_they_cannot_do_without() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let told = async |profile: &str| {
        let path = format!("/{profile}");
        let endpoint = register(&tenant, json!({ "url": receiver.url(&path), "profile": profile })).await;
        let id = order(&tenant, "notify", Some(json!({ "endpoint": endpoint.id }))).await;
        let body: Value = serde_json::from_slice(&only(&receiver, &path).await.body).unwrap();
        (id, body)
    };
    let (_, tesouro) = told("tesouro").await;
    assert!(tesouro["fileUrl"].as_str().unwrap().contains("/v1/links/"), "{tesouro}");
    let (_, eclipse) = told("eclipse").await;
    assert!(eclipse["reportUrl"].as_str().unwrap().starts_with("http"), "{eclipse}");
    let (id, unico) = told("unico").await;
    assert_eq!(unico, json!({ "id": id.uuid(), "status": 3 }));
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_policy_is_of_empty_reports_alone_and_goes_along_with_a_repeat() {
    let world = World::load().await;
    let (full, empty, receiver) = (Tenant::create(&world).await, Tenant::create(&world).await, world.receiver().await);
    Lake::generate(&world, &full.id, 10, 1).await;
    for policy in ["skip", "notify"] {
        let path = format!("/{policy}");
        let id = order(&full, policy, Some(json!({ "webhook": { "url": receiver.url(&path) } }))).await;
        let body = webhook::verified(&full, &only(&receiver, &path).await).await;
        assert_eq!((&body["data"]["rows"], body["data"]["link"].is_object()), (&json!(10), true), "{body}");
        full.succeeded(id).await;
    }
    full.nothing_is_left_over(&world).await;

    let webhook = json!({ "webhook": { "url": receiver.url("/again") } });
    let first = order(&empty, "skip", Some(webhook)).await;
    nobody_is_told(&world, &empty, first).await;
    let again = empty.api.post(&format!("/v1/requests/{first}/repeat"), &json!({})).await.unwrap();
    let again = again.expect_status("repeat", &[202]).unwrap();
    assert_eq!(again["when_empty"], "skip");
    nobody_is_told(&world, &empty, again["id"].as_str().unwrap().parse().unwrap()).await;
    assert!(receiver.received("/again").is_empty());

    let mut order = empty.wallet_order();
    order["when_empty"] = json!("drop");
    let answer = empty.api.post("/v1/requests", &order).await.unwrap();
    let problem = refusal::check(&world, "an unknown policy", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/when_empty".to_owned(), "not_allowed".to_owned())]);
}
