//! How endpoints know the service besides the signature, as a real receiver sees it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use serde_json::{Value, json};
use waybill::aws::table::keys::{Key, PROCESS_EVENTS, story};
use waybill_local::receiver::Reply;
use waybill_tests::{
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::webhook::{Endpoint, register};

/// Tells the endpoint of a test; the delivery once it is over.
async fn tried(tenant: &Tenant, endpoint: &Endpoint) -> Value {
    let answer = tenant.api.post(&format!("/v1/endpoints/{}/test", endpoint.id), &json!({})).await.unwrap();
    let accepted = answer.expect_status("try an endpoint", &[202]).unwrap();
    let path = format!("/v1/deliveries/{}", accepted["delivery"].as_str().unwrap());
    eventually("the end of a test", async || {
        let answer = tenant.get(&path).await;
        let delivery = answer.json();
        (answer.status == 200 && delivery["status"] != "PENDING").then_some(delivery)
    })
    .await
}

#[tokio::test]
async fn fixed_credentials_and_headers_are_sent_and_never_shown() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    // Split on the first colon: a password, and a key, may hold more of them.
    let basic = format!("Basic {}", BASE64_STANDARD.encode("ann:pa:ss-91bc"));
    let cases = [
        (json!({ "type": "basic", "credentials": "ann:pa:ss-91bc" }), "authorization", basic.as_str()),
        (json!({ "type": "api_key", "key": "X-Api-Key: k:ey-77aa" }), "x-api-key", "k:ey-77aa"),
        (json!({ "type": "api_key", "key": "Token t-55dd" }), "authorization", "Token t-55dd"),
    ];
    for (n, (authentication, header, value)) in cases.iter().enumerate() {
        let path = format!("/hook/{n}");
        // It fails once, and repeats what it was sent.
        receiver.reply_with(&path, |received, before| {
            let text: String = received.headers.values().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join("\n");
            let status = if before == 0 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
            Reply::status(status).body(text)
        });
        let settings = json!({
            "url": receiver.url(&path), "authentication": authentication, "headers": { "X-Team": "finance-7f3a" },
        });
        let endpoint = register(&tenant, settings).await;
        let delivery = tried(&tenant, &endpoint).await;
        assert_eq!(delivery["status"], "DELIVERED", "{delivery}");
        let received = receiver.received(&path);
        assert_eq!(received.len(), 2);
        for one in &received {
            assert_eq!(
                (one.headers[*header].to_str().unwrap(), &one.headers["x-team"]),
                (*value, &"finance-7f3a".parse().unwrap())
            );
        }
        let log = delivery["attempt_log"][0]["response"].as_str().unwrap();
        assert!(log.contains("[redacted]"), "{log}");
        let mut texts = vec![delivery.to_string(), world.text_of(&Key::tenant(&tenant.id).pk).await];
        for row in world.table.query(&Key::tenant(&tenant.id).pk, PROCESS_EVENTS).await.unwrap() {
            let event = row.key.sk.trim_start_matches(PROCESS_EVENTS).parse().unwrap();
            texts.push(world.text_of(&story(&tenant.id, event)).await);
        }
        assert!(texts.len() > 2);
        let secret = value.rsplit(' ').next().unwrap();
        for hidden in [secret, "pa:ss-91bc", "k:ey-77aa", "t-55dd", "finance-7f3a"] {
            assert!(texts.iter().all(|text| !text.contains(hidden)), "{hidden}: {texts:?}");
        }
    }
}

fn oauth2(token_url: &str) -> Value {
    json!({ "type": "oauth2", "token_url": token_url, "client_id": "cli:ent", "client_secret": "s/ecret-42",
            "scope": "a b" })
}

/// A token endpoint that issues `token-1`, `token-2`, … of this life.
fn issues(receiver: &waybill_local::receiver::Receiver, expires_in: u32) {
    receiver.reply_with("/token", move |_, before| {
        let text = format!("token-{}", before + 1);
        let token = json!({ "access_token": text, "token_type": "Bearer", "expires_in": expires_in });
        Reply::status(StatusCode::OK).body(token.to_string())
    });
}

fn bearers(receiver: &waybill_local::receiver::Receiver) -> Vec<String> {
    let received = receiver.received("/hook");
    received.iter().map(|one| one.headers["authorization"].to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_within_the_attempt() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    issues(&receiver, 3600);
    // Whatever the first token is, it has been withdrawn.
    receiver.reply_with("/hook", |_, before| {
        Reply::status(if before == 0 { StatusCode::UNAUTHORIZED } else { StatusCode::OK })
    });
    let settings = json!({ "url": receiver.url("/hook"), "authentication": oauth2(&receiver.url("/token")) });
    let endpoint = register(&tenant, settings).await;
    let delivery = tried(&tenant, &endpoint).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DELIVERED"), &json!(1)), "{delivery}");
    assert_eq!(bearers(&receiver), ["Bearer token-1", "Bearer token-2"]);
    let asked = receiver.received("/token");
    let expected = format!("Basic {}", BASE64_STANDARD.encode("cli%3Aent:s%2Fecret-42"));
    for one in &asked {
        assert_eq!(one.headers["authorization"], expected.as_str());
        assert_eq!(one.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(&one.body[..], b"grant_type=client_credentials&scope=a+b");
        assert!(!one.headers.contains_key("webhook-id"));
    }
    let hook = &receiver.received("/hook");
    assert_eq!(hook[0].headers["webhook-signature"], hook[1].headers["webhook-signature"], "the same attempt");
    let rows = world.text_of(&Key::tenant(&tenant.id).pk).await;
    assert!(!rows.contains("s/ecret-42") && !rows.contains("token-1"));

    // It is kept for the next delivery, if that meets the same process.
    tried(&tenant, &endpoint).await;
    let (tokens, used) = (receiver.received("/token").len(), bearers(&receiver));
    assert!(tokens <= 3 && used.len() == 3 && used[2] != "Bearer token-1", "{tokens} {used:?}");
}

#[tokio::test]
async fn a_token_is_not_used_beyond_its_end() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    issues(&receiver, 0);
    let settings = json!({ "url": receiver.url("/hook"), "authentication": oauth2(&receiver.url("/token")) });
    let endpoint = register(&tenant, settings).await;
    for _ in 0..2 {
        assert_eq!(tried(&tenant, &endpoint).await["status"], "DELIVERED");
    }
    assert_eq!(bearers(&receiver), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_failing_token_endpoint_is_asked_again_and_tells_nothing() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let elsewhere = http::HeaderValue::from_str(&receiver.url("/elsewhere")).unwrap();
    let good = json!({ "access_token": "t", "token_type": "Bearer", "expires_in": 60 }).to_string();
    receiver.reply(
        "/token",
        [
            Reply::status(StatusCode::INTERNAL_SERVER_ERROR).body("stack trace"),
            Reply::status(StatusCode::FOUND).header("location", elsewhere),
            Reply::status(StatusCode::OK).body("{}"),
            Reply::status(StatusCode::OK).body(good),
        ],
    );
    let settings = json!({ "url": receiver.url("/hook"), "authentication": oauth2(&receiver.url("/token")) });
    let endpoint = register(&tenant, settings).await;
    let delivery = tried(&tenant, &endpoint).await;
    assert_eq!(delivery["status"], "DELIVERED", "{delivery}");
    let outcomes: Vec<&str> =
        delivery["attempt_log"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes[0], "no access token: the token endpoint answered 500");
    assert_eq!(outcomes[1], "no access token: the token endpoint answered 302");
    assert_eq!(outcomes[2..], ["no access token: the token endpoint's answer holds none", "success"]);
    assert!(receiver.received("/elsewhere").is_empty());
    receiver.wait_for("/hook", 1, LONG).await.unwrap();
}
