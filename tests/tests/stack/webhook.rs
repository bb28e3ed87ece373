//! Webhooks as their receivers see them.

use serde_json::{Map, Value, json};
use waybill_local::receiver::Received;
use waybill_tests::{python::python, tenant::Tenant};

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
    let header = |name: &str| (name.to_owned(), json!(received.headers[name].to_str().unwrap()));
    let headers: Map<String, Value> =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].into_iter().map(header).collect();
    python("verify_webhook.py", json!({ "secret": tenant.webhook_secret, "headers": headers, "body": body })).await
}
