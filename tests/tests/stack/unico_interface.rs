//! IDUnico's interface, as its customers use it: written from its contract alone.

use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    aws::table::Write,
    domain::{health::Health, id::RequestId, request::Request},
};
use waybill_local::{
    api_client::{Answer, ApiClient},
    receiver::{Received, Receiver, Reply},
};
use waybill_tests::{
    doc_lines::{have, lines, public_url, run},
    lake::Lake,
    tenant::{Tenant, WALLET},
    wait::{LONG, eventually},
    world::World,
};

const GUIDE: &str = include_str!("../../../docs/idunico.md");

const DEFINITION: &str = include_str!("../../../infra/reports/Report_digital_wallet_transaction_detail.toml");

/// A tenant with the interface switched on, and these settings besides.
async fn customer(world: &World, more: Value) -> Tenant {
    let mut settings = json!({ "interfaces": { "unico": {} } });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Tenant::create_with(world, settings).await
}

/// A webhook at that path of the receiver, with these settings besides.
async fn webhook(tenant: &Tenant, receiver: &Receiver, path: &str, more: Value) -> Value {
    let mut body = json!({ "url": receiver.url(path), "maxAttempts": 4, "intervalSeconds": 1 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = tenant.api.post("/webhooks/v1", &body).await.unwrap();
    made.expect_status("configure a webhook", &[201]).unwrap()
}

/// A process's status, by polling.
async fn poll(tenant: &Tenant, id: impl std::fmt::Display) -> Value {
    tenant.get(&format!("/processes/v1/{id}")).await.expect_status("poll a process", &[200]).unwrap()
}

/// Checks IDUnico's shape of an error; returns its details.
fn refused(world: &World, what: &str, answer: &Answer, status: u16, reason: &str) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, status, "{what}: {text}");
    assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("application/json", "no-store"));
    let error = &answer.json()["error"];
    assert_eq!((&error["code"], &error["reason"]), (&json!(status), &json!(reason)), "{what}: {text}");
    assert!(!error["message"].as_str().unwrap().is_empty(), "{what}");
    for internal in ["arn:", world.stack.table.as_str(), "panicked", "src/", "amazonaws", "dynamodb"] {
        assert!(!text.contains(internal), "{what} tells of {internal}: {text}");
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let details = error["details"].as_array().cloned().unwrap_or_default();
    details.iter().map(|detail| (text(&detail["field"]), text(&detail["reason"]))).collect()
}

fn told(received: &[Received]) -> Vec<Value> {
    received.iter().map(|one| serde_json::from_slice(&one.body).unwrap()).collect()
}

/// Gives the tenant the wallet report with changes; returns its id.
async fn publish(world: &World, tenant: &Tenant, id: &str, change: impl Fn(&str) -> String) {
    let text = change(&DEFINITION.replace(WALLET, id));
    assert_ne!(text, DEFINITION);
    world.put(&world.stack.buckets.config, &format!("tenants/{}/reports/{id}.toml", tenant.id), text.into()).await;
}

/// Every status that a report can end with, told to receivers that know us by other means, and found by polling.
#[tokio::test]
async fn what_was_told_is_what_polling_finds() {
    let world = World::load().await;
    let tenant = customer(&world, json!({ "quotas": { "running": 1 } })).await;
    let receiver = world.receiver().await;
    Lake::generate(&world, &tenant.id, 50, 1).await;
    let basic = json!({ "authenticationType": "basic", "secret": "user:pa:ss" });
    webhook(&tenant, &receiver, "/basic", basic).await;
    let named = json!({ "authenticationType": "apiKey", "secret": "x-token:a:b", "statuses": [2, 5] });
    webhook(&tenant, &receiver, "/named", named).await;
    webhook(&tenant, &receiver, "/bare", json!({ "authenticationType": "apiKey", "secret": "bare", "statuses": [4] }))
        .await;
    // At least once: what fails comes again.
    receiver.reply("/named", [StatusCode::BAD_GATEWAY, StatusCode::CREATED].map(Reply::status));
    let check = "[[checks]]\nname = \"nothing\"\nkind = \"rows\"\nmax = 1\n";
    publish(&world, &tenant, "divergent", |text| format!("{text}\n{check}")).await;
    publish(&world, &tenant, "failing", |text| text.replace("max_rows = 100_000_000", "max_rows = 9")).await;
    let order = |report: &str| {
        let mut order = tenant.wallet_order();
        order["report"] = json!(report);
        order
    };

    tenant.hold_slot(&world).await;
    let cancelled = tenant.order(&order(WALLET)).await;
    tenant.waits(cancelled).await;
    assert_eq!(poll(&tenant, cancelled.uuid()).await["status"], 1);
    let path = format!("/v1/requests/{cancelled}/cancel");
    tenant.api.post(&path, &json!({})).await.unwrap().expect_status("cancel", &[200]).unwrap();
    let mut ended = vec![(cancelled, 4)];
    for (report, status) in [(WALLET, 3), ("divergent", 2), ("failing", 5)] {
        let id = tenant.order(&order(report)).await;
        tenant.free_slot(&world, id).await;
        tenant.finished(id).await;
        ended.push((id, status));
    }
    let expected: Vec<Value> = ended.iter().map(|(id, status)| json!({ "id": id.uuid(), "status": status })).collect();
    for (id, status) in &ended {
        let shown = poll(&tenant, id.uuid()).await;
        assert_eq!((&shown["id"], &shown["status"]), (&json!(id.uuid()), &json!(status)), "{shown}");
        assert_eq!(shown["fileUrl"].is_string(), matches!(status, 2 | 3), "{shown}");
        assert_eq!(shown["error"]["code"].is_string(), *status == 5, "{shown}");
        assert_eq!(shown["divergences"].is_array(), *status == 2, "{shown}");
    }

    let mut all = told(&receiver.wait_for("/basic", 4, LONG).await.unwrap());
    all.sort_by_key(|body| expected.iter().position(|one| one == body));
    assert_eq!(all, expected, "exactly id and status, once each");
    let basic = format!("Basic {}", BASE64_STANDARD.encode("user:pa:ss"));
    assert!(receiver.received("/basic").iter().all(|one| one.headers["authorization"] == basic.as_str()));
    let named = receiver.wait_for("/named", 3, LONG).await.unwrap();
    assert!(named.iter().all(|one| one.headers["x-token"] == "a:b" && !one.headers.contains_key("authorization")));
    assert!(told(&named).iter().all(|body| matches!(body["status"].as_u64(), Some(2 | 5))), "the statuses chosen");
    let bare = receiver.wait_for("/bare", 1, LONG).await.unwrap();
    assert_eq!((told(&bare), &bare[0].headers["authorization"]), (vec![expected[0].clone()], &"bare".parse().unwrap()));
    tenant.nothing_is_left_over(&world).await;
}

/// A report whose file is gone has finished all the same.
#[tokio::test]
async fn an_expired_report_is_finished_and_its_file_gone() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(id).await;
    assert_eq!(poll(&tenant, id.uuid()).await["fileGone"], false);
    let stored = world.request(&tenant.id, id).await;
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    let ended = Request { expires_at: Some(past), due_at: Some(past), ..stored.row.clone() };
    world.table.replace(&stored, ended).await.unwrap();
    let shown = poll(&tenant, id.uuid()).await;
    assert_eq!((&shown["status"], &shown["fileGone"], &shown["fileUrl"]), (&json!(3), &json!(true), &Value::Null));
}

/// Hands an event of a process to the intake.
async fn process_event(world: &World, tenant: &Tenant, (id, status): (&str, u32), at: Timestamp) {
    let envelope = json!({
        "v": "1", "tenant": tenant.id, "source": "a.test", "event_id": Uuid::new_v4(), "time": at,
        "process": { "id": id, "status": status },
    });
    let record = json!({ "messageId": "one", "body": envelope.to_string() });
    // One that loses to others every time comes again, as from the queue.
    eventually("an event is taken", async || {
        let answer = world.invoke(&world.stack.functions.intake, &json!({ "Records": [record] })).await;
        (answer["batchItemFailures"] == json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn polling_answers_for_the_customers_own_processes_too() {
    let world = World::load().await;
    let (tenant, other) = (customer(&world, json!({})).await, customer(&world, json!({})).await);
    let receiver = world.receiver().await;
    webhook(&tenant, &receiver, "/told", json!({})).await;
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let later = |seconds| now + SignedDuration::from_secs(seconds);
    // Requests have UUIDs of version 7, but they are not the only ones.
    for id in [Uuid::new_v4().to_string(), Uuid::now_v7().to_string(), "order-17".to_owned()] {
        refused(&world, "not yet", &tenant.get(&format!("/processes/v1/{id}")).await, 404, "not_found");
        // They overtake each other, and come twice.
        for (status, at, shown) in
            [(1, 0, 1), (3, 5, 3), (2, 3, 3), (1, 5, 3), (3, 5, 3), (4, 6, 4), (3, 5, 4), (17, 9, 17)]
        {
            process_event(&world, &tenant, (&id, status), later(at)).await;
            let polled = poll(&tenant, &id).await;
            assert_eq!((&polled["id"], &polled["status"]), (&json!(id), &json!(shown)), "{status} at {at}");
        }
        assert_eq!(poll(&tenant, &id).await["updatedAt"], json!(later(9)));
        refused(&world, "another's", &other.get(&format!("/processes/v1/{id}")).await, 404, "not_found");
    }
    let told = told(&receiver.wait_for("/told", 15, LONG).await.unwrap());
    assert!(
        told.iter().all(|body| matches!(body["status"].as_u64(), Some(2..=5))),
        "1 and 17 are never sent: {told:?}"
    );
}

/// What is told is there to be asked for: of many events at once the latest is left.
#[tokio::test]
async fn events_side_by_side_leave_the_latest() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let events = (0..8_u32).map(|n| {
        let (world, tenant) = (&world, &tenant);
        async move {
            process_event(world, tenant, ("p", n + 1), now + SignedDuration::from_secs(i64::from(n % 4))).await;
        }
    });
    futures::future::join_all(events).await;
    assert_eq!(poll(&tenant, "p").await["status"], 8, "of those at the latest second the greatest");
}

async fn call(api: &ApiClient, method: &Method, path: &str) -> Answer {
    let body = if matches!(*method, Method::POST | Method::PUT) { b"{}".to_vec() } else { vec![] };
    api.send(method.clone(), path, &[("content-type", "application/json")], body).await.unwrap()
}

#[tokio::test]
async fn refusals_are_in_its_own_shape() {
    let world = World::load().await;
    let (on, off) = (customer(&world, json!({})).await, Tenant::create(&world).await);
    let other = customer(&world, json!({})).await;
    let receiver = world.receiver().await;
    let theirs = webhook(&other, &receiver, "/x", json!({})).await;
    let own_api = json!({ "url": receiver.url("/y") });
    let endpoint = crate::webhook::register(&on, own_api).await.id.parse::<waybill::domain::id::EndpointId>().unwrap();
    let request = other.order(&other.wallet_order()).await;
    let hook = format!("/webhooks/v1/{}", theirs["id"].as_str().unwrap());
    let process = format!("/processes/v1/{}", request.uuid());
    let routes = [
        (Method::GET, process.as_str()),
        (Method::GET, "/webhooks/v1"),
        (Method::POST, "/webhooks/v1"),
        (Method::GET, &hook),
        (Method::PUT, &hook),
        (Method::DELETE, &hook),
    ];
    for (method, path) in &routes {
        let what = format!("{method} {path}");
        let nobody = call(&world.api, method, path).await;
        refused(&world, &what, &nobody, 401, "credential_missing");
        assert!(nobody.header("www-authenticate").starts_with("Bearer"), "{what}");
        refused(&world, &what, &call(&world.api.with_token("wbk_x_y_z"), method, path).await, 401, "token_invalid");
        refused(&world, &what, &call(&world.admin, method, path).await, 403, "scope_missing");
        refused(&world, &what, &call(&off.api, method, path).await, 403, "interface_off");
        if *path != "/webhooks/v1" {
            refused(&world, &what, &call(&on.api, method, path).await, 404, "not_found");
        }
    }
    for (path, status, reason) in [
        (format!("/processes/v1/{}", RequestId::generate().uuid()), 404, "not_found"),
        (format!("/processes/v1/{}", RequestId::generate()), 404, "not_found"),
        (format!("/processes/v1/{}", "x".repeat(129)), 400, "process_id_invalid"),
        // What is no webhook of this interface is none.
        (format!("/webhooks/v1/{}", endpoint.uuid()), 404, "not_found"),
        (format!("/webhooks/v1/{endpoint}"), 404, "not_found"),
    ] {
        refused(&world, &path, &on.get(&path).await, status, reason);
    }
    // Of what cannot stand in a path, the gateway makes what it will.
    for path in ["/processes/v1/%00", "/processes/v1/%FF", "/webhooks/v1/%FF"] {
        assert!(matches!(on.get(path).await.status, 400 | 404), "{path}");
    }
    for path in [&process, &hook, "/webhooks/v1"] {
        let answer = call(&on.api, &Method::PATCH, path).await;
        refused(&world, path, &answer, 405, "method_not_allowed");
    }
    let large = on.api.send(Method::POST, "/webhooks/v1", &[], vec![b'x'; 70_000]).await.unwrap();
    refused(&world, "a large body", &large, 413, "body_too_large");
    let broken = on.api.send(Method::POST, "/webhooks/v1", &[], b"{".to_vec()).await.unwrap();
    refused(&world, "no JSON", &broken, 400, "malformed_json");
    assert_eq!(other.get(&hook).await.status, 200, "as it was");
}

#[tokio::test]
async fn a_webhook_is_configured_in_its_terms() {
    let world = World::load().await;
    let (tenant, receiver) = (customer(&world, json!({})).await, world.receiver().await);
    let settings = json!({
        "authenticationType": "apiKey", "secret": "X-Token:s3cret", "rateLimit": 500, "timeoutSeconds": 10,
        "statuses": [3, 2], "description": "the ERP",
    });
    let made = webhook(&tenant, &receiver, "/hook", settings).await;
    assert!(made["signingSecret"].as_str().unwrap().starts_with("whsec_"), "{made}");
    let path = format!("/webhooks/v1/{}", made["id"].as_str().unwrap());
    let mut shown = tenant.get(&path).await.expect_status("show a webhook", &[200]).unwrap();
    let throughput = json!({
        "rateLimit": 500, "inForce": 500, "reduced": false, "errorRate": 0.0, "inFlight": 0, "waiting": 0,
        "nextRetryAt": null,
    });
    let expected = json!({
        "id": made["id"], "url": receiver.url("/hook"), "description": "the ERP", "authenticationType": "apiKey",
        "header": "x-token", "maxAttempts": 4, "intervalSeconds": 1, "rateLimit": 500, "timeoutSeconds": 10,
        "statuses": [2, 3], "createdAt": made["createdAt"], "updatedAt": made["updatedAt"], "state": "active",
        "throughput": throughput,
    });
    assert_eq!(shown, expected, "and never a secret");
    let listed = tenant.get("/webhooks/v1").await.json()["webhooks"].clone();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["id"]), (Some(1), &made["id"]));

    // The same row as the own API's, in other words.
    let id = waybill::domain::id::EndpointId::new(made["id"].as_str().unwrap().parse().unwrap());
    let own = tenant.get(&format!("/v1/endpoints/{id}")).await.expect_status("the endpoint", &[200]).unwrap();
    assert_eq!((&own["profile"], &own["concurrency"]), (&json!("unico"), &json!(500)));
    assert_eq!(own["retry"]["factor"], 2.0, "exponential");

    // What is shown can be sent back; the secret stays, unless the webhook moves.
    shown["statuses"] = json!([5]);
    let changed = tenant.api.put(&path, &shown).await.unwrap().expect_status("change it", &[200]).unwrap();
    assert_eq!((&changed["statuses"], &changed["header"]), (&json!([5]), &json!("x-token")));
    shown["url"] = json!("https://elsewhere.example/");
    let moved = tenant.api.put(&path, &shown).await.unwrap();
    assert_eq!(
        refused(&world, "moved", &moved, 422, "validation_failed"),
        [("secret".to_owned(), "missing".to_owned())]
    );

    // Its throughput is reduced while it fails, and that is shown.
    let now = Timestamp::now();
    let health = Health { limit: Some(62), ..Health::new(&tenant.id, &id.to_string(), now) };
    world.table.write(vec![Write::overwrite(&health).unwrap()]).await.unwrap();
    let reduced = tenant.get(&path).await.json()["throughput"].clone();
    assert_eq!((&reduced["inForce"], &reduced["reduced"]), (&json!(62), &json!(true)));

    assert_eq!(tenant.api.delete(&path).await.unwrap().status, 204);
    refused(&world, "deleted", &tenant.get(&path).await, 404, "not_found");
}

#[tokio::test]
async fn a_wrong_configuration_is_told_field_by_field() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let check = async |body: Value, expected: &[(&str, &str)]| {
        let answer = tenant.api.post("/webhooks/v1", &body).await.unwrap();
        let mut found = refused(&world, &body.to_string(), &answer, 422, "validation_failed");
        found.sort();
        assert_eq!(found, expected.iter().map(|(at, code)| ((*at).to_owned(), (*code).to_owned())).collect::<Vec<_>>());
    };
    let url = "https://example.com/";
    check(json!({}), &[("url", "missing")]).await;
    check(json!([]), &[("", "type")]).await;
    check(json!({ "url": "http://example.com/" }), &[("url", "url_refused")]).await;
    check(json!({ "url": "https://169.254.169.254/", "profile": "x" }), &[("profile", "unknown")]).await;
    check(json!({ "url": "https://169.254.169.254/" }), &[("url", "url_refused")]).await;
    let numbers =
        json!({ "url": url, "rateLimit": 501, "timeoutSeconds": 0, "maxAttempts": 99, "intervalSeconds": "1" });
    let faults = [
        ("intervalSeconds", "type"),
        ("maxAttempts", "out_of_range"),
        ("rateLimit", "out_of_range"),
        ("timeoutSeconds", "out_of_range"),
    ];
    check(numbers, &faults).await;
    check(json!({ "url": url, "maxAttempts": 3 }), &[("intervalSeconds", "missing")]).await;
    let statuses = json!({ "url": url, "statuses": [1, 6, "3"] });
    check(statuses, &[("statuses/0", "not_allowed"), ("statuses/1", "not_allowed"), ("statuses/2", "type")]).await;
    let colon = json!({ "url": url, "authenticationType": "basic", "secret": "no colon" });
    check(colon, &[("secret", "format")]).await;
    check(json!({ "url": url, "authenticationType": "basic" }), &[("secret", "missing")]).await;
    check(json!({ "url": url, "authenticationType": "none", "secret": "x" }), &[("secret", "not_allowed")]).await;
    check(json!({ "url": url, "authenticationType": "digest" }), &[("authenticationType", "not_allowed")]).await;
    let oauth = json!({ "url": url, "authenticationType": "oauth2", "secret": "s", "tokenUrl": "https://10.0.0.1/" });
    check(oauth, &[("clientId", "missing"), ("tokenUrl", "url_refused")]).await;
    let injected = json!({ "url": url, "authenticationType": "apiKey", "secret": "x:a\r\nHost: y" });
    check(injected, &[("secret", "format"), ("secret", "format")]).await;
    assert_eq!(tenant.get("/webhooks/v1").await.json(), json!({ "webhooks": [] }));
}

#[tokio::test]
async fn the_guides_lines_configure_and_poll() {
    if !have(&["curl", "jq"]) {
        return;
    }
    let world = World::load().await;
    let (tenant, receiver) = (customer(&world, json!({})).await, world.receiver().await);
    let token = world.issuer.token(&tenant.subject, SignedDuration::from_hours(1)).unwrap();
    let (api, url) = (public_url(&world), receiver.url("/guide"));
    let folder = tempfile::tempdir().unwrap();
    let script = lines(GUIDE, "configure").to_owned();
    let variables = [("API", api.clone()), ("TOKEN", token.clone()), ("NOTIFICATION_URL", url)];
    let folder = tokio::task::spawn_blocking(move || {
        run(&script, folder.path(), &variables.each_ref().map(|(name, value)| (*name, value.as_str())));
        folder
    });
    let folder = folder.await.unwrap();
    let webhook: Value = serde_json::from_slice(&fs::read(folder.path().join("webhook.json")).unwrap()).unwrap();
    assert_eq!(webhook["statuses"], json!([2, 3, 4, 5]));

    let id = tenant.order(&tenant.wallet_order()).await;
    let call = receiver.wait_for("/guide", 1, LONG).await.unwrap().remove(0);
    assert_eq!(
        (told(std::slice::from_ref(&call)), &call.headers["x-token"]),
        (vec![json!({ "id": id.uuid(), "status": 3 })], &"s3cret".parse().unwrap())
    );
    let variables = [("API", api), ("TOKEN", token), ("PROCESS", id.uuid().to_string())];
    let polled = tokio::task::spawn_blocking(move || {
        run(lines(GUIDE, "poll"), folder.path(), &variables.each_ref().map(|(name, value)| (*name, value.as_str())))
    });
    assert_eq!(polled.await.unwrap().trim(), "3");
}
