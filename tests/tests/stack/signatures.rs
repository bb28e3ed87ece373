//! Webhooks verified by programs that know nothing of Waybill: the official libraries of Standard Webhooks in Python and
//! JavaScript (that of Rust verifies in the dispatcher's own tests), and an Ed25519 of somebody else's.

use serde_json::{Value, json};
use waybill_local::receiver::Received;
use waybill_tests::{
    python::{node, python},
    tenant::Tenant,
    wait::LONG,
    world::World,
};

use crate::webhook::{headers, order_for, register, task};

/// What each library says of the signature.
async fn libraries(secret: &str, received: &Received, body: &str) -> Vec<bool> {
    let task = task(secret, received, body);
    let mut said = vec![python("verify_webhook.py", task.clone()).await];
    said.extend(node("verify_webhook.cjs", task).await);
    said.iter().map(|answer| answer["verified"].as_bool().unwrap()).collect()
}

async fn by_public_key(jwks: &Value, received: &Received, body: &str) -> bool {
    let task = json!({ "jwks": jwks, "headers": headers(received), "body": body });
    python("verify_public.py", task).await["verified"].as_bool().unwrap()
}

#[tokio::test]
async fn both_secrets_and_the_public_key_verify_during_a_rotation() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let endpoint = register(&tenant, json!({ "url": receiver.url("/hook") })).await;
    let path = format!("/v1/endpoints/{}/rotate-secret", endpoint.id);
    let rotated = tenant.api.post(&path, &json!({ "overlap_hours": 1 })).await.unwrap();
    let rotated = rotated.expect_status("rotate a secret", &[200]).unwrap();
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(new, endpoint.secret);

    order_for(&tenant, &endpoint).await;
    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap().remove(0);
    let body = String::from_utf8(received.body.to_vec()).unwrap();
    let changed = body.replacen("report", "retort", 1);
    for secret in [&*endpoint.secret, new] {
        assert!(libraries(secret, &received, &body).await.iter().all(|verified| *verified));
        assert!(!libraries(secret, &received, &changed).await.iter().any(|verified| *verified));
    }
    assert!(!libraries(&tenant.webhook_secret, &received, &body).await.iter().any(|verified| *verified));

    let published = world.api.get("/.well-known/waybill-ed25519.json").await.unwrap();
    assert_eq!((published.status, published.header("content-type")), (200, "application/jwk-set+json"));
    let jwks = published.json();
    assert_eq!(jwks["keys"].as_array().map(Vec::len), Some(1));
    assert!(jwks["keys"][0]["d"].is_null(), "the public half alone");
    assert!(by_public_key(&jwks, &received, &body).await);
    assert!(!by_public_key(&jwks, &received, &changed).await);
}

/// One-off receivers get the same.
#[tokio::test]
async fn a_one_off_url_is_signed_with_the_tenants_secret_and_the_public_key() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    tenant.order(&order).await;
    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap().remove(0);
    let body = String::from_utf8(received.body.to_vec()).unwrap();
    assert!(libraries(&tenant.webhook_secret, &received, &body).await.iter().all(|verified| *verified));
    let jwks = world.api.get("/.well-known/waybill-ed25519.json").await.unwrap().json();
    assert!(by_public_key(&jwks, &received, &body).await);
}
