//! Each profile as its receivers see it: body, signature, and what their answers mean.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::id::RequestId;
use waybill_local::{
    receiver::{Received, Reply},
    unpack,
};
use waybill_tests::{presigned, python::python, skip, tenant::Tenant, wait::LONG, world::World};

use crate::webhook::{delivery_over, headers, id, order_for, register};

fn body(received: &Received) -> Value {
    serde_json::from_slice(&received.body).unwrap()
}

/// Three attempts within seconds.
fn quick() -> Value {
    json!({ "max_attempts": 3, "first_interval_seconds": 1 })
}

fn uuid_of(id: RequestId) -> Value {
    json!(id.uuid())
}

#[tokio::test]
async fn tesouro_confirms_with_200_alone_and_every_call_is_rendered_and_signed_anew() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let statuses = [StatusCode::NO_CONTENT, StatusCode::GONE, StatusCode::OK];
    receiver.reply("/tesouro", statuses.map(Reply::status));
    let settings = json!({ "url": receiver.url("/tesouro"), "profile": "tesouro", "retry": quick() });
    let endpoint = register(&tenant, settings).await;
    let request = order_for(&tenant, &endpoint).await;

    let calls = receiver.wait_for("/tesouro", 3, LONG).await.unwrap();
    let delivery = delivery_over(&tenant, request).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DELIVERED"), &json!(3)), "{delivery}");
    let status = tenant.status(request).await;
    let bodies: Vec<Value> = calls.iter().map(body).collect();
    for (at, told) in bodies.iter().enumerate() {
        let expected = json!({
            "requestId": uuid_of(request),
            "deliveryId": told["deliveryId"],
            "presenterId": status["presenter_id"].as_str().unwrap_or("00000000-0000-0000-0000-000000000000"),
            "fileUrl": status["link"]["url"],
            "createDateTimeUtc": told["createDateTimeUtc"],
            "expireDateTimeUtc": status["link"]["expires_at"],
            "deliveryDateTimeUtc": told["deliveryDateTimeUtc"],
            "numberOfAttempts": at + 1,
        });
        assert_eq!(told, &expected);
    }
    let time = |told: &Value, name: &str| told[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(bodies.windows(2).all(|two| time(&two[0], "deliveryDateTimeUtc") < time(&two[1], "deliveryDateTimeUtc")));
    assert!(time(&bodies[0], "createDateTimeUtc") <= time(&bodies[0], "deliveryDateTimeUtc"));
    let ids: BTreeSet<Uuid> = bodies.iter().map(|told| told["deliveryId"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(ids.len(), 3, "each call has an id of its own");
    assert!(calls.iter().all(|call| id(call) == id(&calls[0])), "the message has one");
    check_openpgp(&world, &calls).await;
}

/// With `gpg`, over the bytes as they came.
async fn check_openpgp(world: &World, calls: &[Received]) {
    let signer = world.api.get("/.well-known/waybill-openpgp.asc").await.unwrap();
    let signer = String::from_utf8(signer.body).unwrap();
    for call in calls {
        let signature = BASE64_STANDARD.decode(&call.headers["waybill-openpgp-signature"]).unwrap();
        let changed = [&call.body[..], b" "].concat();
        let verify = |data: &[u8]| unpack::verify_detached_with_gpg(data, &signature, &signer).unwrap();
        match verify(&call.body) {
            Some(good) => assert_eq!((good, verify(&changed)), (true, Some(false))),
            None => skip::lacking("gpg is not installed; signatures of webhooks are not verified with it"),
        }
    }
}

#[tokio::test]
async fn eclipse_gets_a_direct_link_and_its_own_signature() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    let endpoint = register(&tenant, json!({ "url": receiver.url("/eclipse"), "profile": "eclipse" })).await;
    let request = order_for(&tenant, &endpoint).await;
    let call = receiver.wait_for("/eclipse", 1, LONG).await.unwrap().remove(0);
    let told = body(&call);
    let url = told["reportUrl"].as_str().unwrap();
    let days = presigned::life(url) / 86_400;
    let report = waybill_tests::tenant::WALLET;
    assert_eq!(told, json!({ "reportId": report, "reportUrl": url, "password": "", "linkExpiryDays": days }));
    assert_eq!(presigned::opens(&world, url).await, 200, "it opens the file itself");

    let task = |secret: &str, body: &str| json!({ "secret": secret, "headers": headers(&call), "body": body });
    let text = String::from_utf8(call.body.to_vec()).unwrap();
    assert_eq!(python("verify_public.py", task(&endpoint.secret, &text)).await["verified"], true);
    assert_eq!(
        python("verify_public.py", task(&endpoint.secret, &text.replacen('r', "s", 1))).await["verified"],
        false
    );
    assert_eq!(python("verify_public.py", task(&tenant.webhook_secret, &text)).await["verified"], false);
    assert_eq!(delivery_over(&tenant, request).await["status"], "DELIVERED");
}

#[tokio::test]
async fn unico_gets_an_id_and_a_status_and_is_called_again_after_410() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    receiver.reply("/unico", [StatusCode::GONE, StatusCode::ACCEPTED].map(Reply::status));
    let settings = json!({ "url": receiver.url("/unico"), "profile": "unico", "retry": quick() });
    let endpoint = register(&tenant, settings).await;
    let request = order_for(&tenant, &endpoint).await;
    let calls = receiver.wait_for("/unico", 2, LONG).await.unwrap();
    for call in &calls {
        assert_eq!(body(call), json!({ "id": uuid_of(request), "status": 3 }));
    }
    assert_eq!(delivery_over(&tenant, request).await["status"], "DELIVERED");
}

#[tokio::test]
async fn a_410_disables_an_endpoint_of_the_waybill_profile() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    receiver.reply("/gone", [Reply::status(StatusCode::GONE)]);
    let endpoint = register(&tenant, json!({ "url": receiver.url("/gone"), "retry": quick() })).await;
    let request = order_for(&tenant, &endpoint).await;
    let delivery = delivery_over(&tenant, request).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("DEAD"), &json!(1)), "{delivery}");
    let shown = tenant.get(&format!("/v1/endpoints/{}", endpoint.id)).await.json();
    assert!(shown["disabled"]["reason"].as_str().unwrap().contains("410"), "{shown}");
    assert_eq!(receiver.received("/gone").len(), 1);
}
