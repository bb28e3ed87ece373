//! Webhooks as their receivers see them.

use serde_json::{Map, Value, json};
use waybill::domain::id::RequestId;
use waybill_local::receiver::Received;
use waybill_tests::{python::python, tenant::Tenant, wait::eventually};

/// The body, after the official library has verified it, and has refused it with one byte changed.
pub async fn verified(tenant: &Tenant, received: &Received) -> Value {
    assert_eq!(received.method, "POST");
    assert_eq!(received.headers["content-type"], "application/json");
    let body = String::from_utf8(received.body.to_vec()).unwrap();
    let good = verify(tenant, received, &body).await;
    assert_eq!(good["verified"], true, "{good}");
    let bad = verify(tenant, received, &body.replacen('r', "s", 1)).await;
    assert_eq!(bad["verified"], false, "a changed body");
    serde_json::from_str(&body).unwrap()
}

/// The `webhook-id` header.
pub fn id(received: &Received) -> &str {
    received.headers["webhook-id"].to_str().unwrap()
}

async fn verify(tenant: &Tenant, received: &Received, body: &str) -> Value {
    python("verify_webhook.py", task(&tenant.webhook_secret, received, body)).await
}

/// What the libraries of Standard Webhooks need.
pub fn task(secret: &str, received: &Received, body: &str) -> Value {
    json!({ "secret": secret, "headers": headers(received), "body": body })
}

/// All headers of a webhook, by name.
pub fn headers(received: &Received) -> Value {
    let headers = received.headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())));
    headers.collect::<Map<String, Value>>().into()
}

/// A registered endpoint of a test.
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Its first secret.
    pub secret: String,
}

/// Registers an endpoint.
pub async fn register(tenant: &Tenant, settings: Value) -> Endpoint {
    let made = tenant.api.post("/v1/endpoints", &settings).await.unwrap();
    let made = made.expect_status("register an endpoint", &[201]).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Endpoint { id: text("id"), secret: text("secret") }
}

/// Asks for a report that only that endpoint is told of.
pub async fn order_for(tenant: &Tenant, endpoint: &Endpoint) -> RequestId {
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "endpoint": endpoint.id });
    tenant.order(&order).await
}

/// A request's only delivery, once it is over.
pub async fn delivery_over(tenant: &Tenant, id: RequestId) -> Value {
    eventually("the end of the delivery", async || {
        let delivery = tenant.status(id).await["deliveries"][0].clone();
        (delivery.is_object() && delivery["status"] != "PENDING").then_some(delivery)
    })
    .await
}
