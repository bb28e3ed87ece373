//! What the interface insists on: who may, with which keys, how often.

use http::Method;
use serde_json::{Value, json};
use waybill::domain::id::RequestId;
use waybill_local::api_client::ApiClient;
use waybill_tests::{tenant::Tenant, world::World};

use super::{ASK, STATUS, codes, customer, input, refused, send};
use crate::refusal;

const CURVE: &str = include_str!("../../../../functions/shared/src/openpgp/testdata/curve25519-certified.asc");

async fn with_scopes(world: &World, tenant: &Tenant, scopes: &[&str]) -> ApiClient {
    let body = json!({ "name": "of a test", "scopes": scopes });
    let made = world.admin.post(&format!("/v1/tenants/{}/api-keys", tenant.id), &body).await.unwrap();
    let made = made.expect_status("make an API key", &[201]).unwrap();
    world.api.with_token(made["api_key"].as_str().unwrap())
}

#[tokio::test]
async fn who_may_not_is_told_so_in_graphql() {
    let world = World::load().await;
    let (on, off) = (customer(&world, json!({})).await, Tenant::create(&world).await);
    let asked = json!({ "input": input() });
    let answer = send(&world.api, ASK, asked.clone()).await;
    refused(&world, "nobody", &answer, 401, "credential_missing");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    refused(
        &world,
        "made up",
        &send(&world.api.with_token("wbk_x_y_z"), ASK, asked.clone()).await,
        401,
        "token_invalid",
    );
    refused(&world, "an admin", &send(&world.admin, ASK, asked.clone()).await, 403, "scope_missing");
    refused(&world, "switched off", &send(&off.api, ASK, asked.clone()).await, 403, "interface_off");
    refused(&world, "switched off", &send(&off.api, "{ __typename }", json!({})).await, 403, "interface_off");

    let (reader, writer) =
        (with_scopes(&world, &on, &["reports:read"]).await, with_scopes(&world, &on, &["reports:request"]).await);
    refused(&world, "a reader", &send(&reader, ASK, asked.clone()).await, 403, "scope_missing");
    let made = send(&writer, ASK, asked).await.json()["data"]["requestReport"]["requestId"].clone();
    let blind = send(&writer, STATUS, json!({ "id": made })).await;
    refused(&world, "a writer", &blind, 403, "scope_missing");
    assert_eq!(blind.json()["data"], json!({ "reportRequest": null }));
    assert_eq!(codes(&world, &send(&reader, STATUS, json!({ "id": made })).await), [""; 0]);
    off.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn another_tenants_request_is_none() {
    let world = World::load().await;
    let (owner, other) = (customer(&world, json!({})).await, customer(&world, json!({})).await);
    let made = send(&owner.api, ASK, json!({ "input": input() })).await.json();
    let theirs = send(&other.api, STATUS, json!({ "id": made["data"]["requestReport"]["requestId"] })).await;
    refused(&world, "another's", &theirs, 200, "not_found");
    let never = send(&other.api, STATUS, json!({ "id": RequestId::generate().uuid() })).await;
    assert_eq!((theirs.status, theirs.body), (never.status, never.body), "as if it never was");
    // What is not there does not take what is with it.
    let both = "query($id: UUID!) { reportRequest(requestId: $id) { status } report(id: \"invoice_lines\") { id } }";
    let answer = send(&other.api, both, json!({ "id": RequestId::generate().uuid() })).await;
    refused(&world, "one of two", &answer, 200, "not_found");
    assert_eq!(answer.json()["data"], json!({ "reportRequest": null, "report": { "id": "invoice_lines" } }));
    let unknown = json!({ "input": { "report": "no_such_report" } });
    refused(&world, "no report", &send(&other.api, ASK, unknown).await, 200, "report_not_found");
    other.nothing_is_recorded(&world).await;
}

/// RSA-4096 whatever `recipient_key_floor` says, by every way in.
#[tokio::test]
async fn recipient_keys_are_rsa_4096() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let (path, below) = (format!("/v1/tenants/{}", tenant.id), "recipient_key_below_floor");
    let keys = format!("{path}/recipient-keys");
    let weak =
        world.admin.post(&keys, &json!({ "armored": CURVE })).await.unwrap().expect_status("add", &[201]).unwrap();
    let mut settings = world.admin.get(&path).await.unwrap().json();
    assert_eq!(settings["recipient_key_floor"], "any");
    settings["interfaces"] = json!({ "tesouro": {} });
    let answer = world.admin.put(&path, &settings).await.unwrap();
    let problem = refusal::check(&world, "switched on above a weak key", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/interfaces/tesouro".to_owned(), below.to_owned())]);
    assert!(problem.to_string().contains(weak["fingerprint"].as_str().unwrap()), "{problem}");

    let strong = settings["recipient_keys"].as_array().unwrap().iter().filter(|key| key["algorithm"] == "RSA").cloned();
    settings["recipient_keys"] = strong.collect();
    world.admin.put(&path, &settings).await.unwrap().expect_status("switch it on", &[200]).unwrap();
    let answer = world.admin.post(&keys, &json!({ "armored": CURVE })).await.unwrap();
    let problem = refusal::check(&world, "a weak key", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/armored".to_owned(), below.to_owned())]);
    let mut with_weak = settings.clone();
    with_weak["recipient_keys"] = json!([CURVE]);
    let answer = world.admin.put(&path, &with_weak).await.unwrap();
    let problem = refusal::check(&world, "a weak key in settings", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/recipient_keys/0".to_owned(), below.to_owned())]);

    // Without any, what is packaged by default cannot be.
    settings["recipient_keys"] = json!([]);
    world.admin.put(&path, &settings).await.unwrap().expect_status("without keys", &[200]).unwrap();
    let answer = send(&tenant.api, ASK, json!({ "input": input() })).await;
    refused(&world, "no key", &answer, 200, "validation_failed");
    let extensions = &answer.json()["errors"][0]["extensions"];
    assert_eq!(
        (&extensions["argument"], &extensions["fault"]),
        (&json!("input.packaging"), &json!("recipient_key_missing"))
    );
    tenant.nothing_is_recorded(&world).await;
    let mut plain = input();
    plain["packaging"] = json!("PLAIN");
    assert_eq!(codes(&world, &send(&tenant.api, ASK, json!({ "input": plain })).await), [""; 0]);
}

async fn with_key(tenant: &Tenant, key: &str, input: &Value) -> waybill_local::api_client::Answer {
    let body = json!({ "query": ASK, "variables": { "input": input } }).to_string().into_bytes();
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    tenant.api.send(Method::POST, "/graphql", &headers, body).await.unwrap()
}

#[tokio::test]
async fn a_request_is_recorded_once_however_often_it_is_sent() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let first = with_key(&tenant, "k-1", &input()).await;
    let again = with_key(&tenant, "k-1", &input()).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    assert_eq!(first.body, again.body);
    assert_eq!(world.requests(&tenant.id).await.len(), 1);
    let mut other = input();
    other["format"] = json!("NDJSON");
    refused(&world, "another body", &with_key(&tenant, "k-1", &other).await, 200, "idempotency_key_reused");
    refused(&world, "no key", &with_key(&tenant, " ", &input()).await, 400, "idempotency_key_invalid");
    assert_eq!(world.requests(&tenant.id).await.len(), 1);
}

#[tokio::test]
async fn quotas_are_told_as_in_the_own_api() {
    let world = World::load().await;
    let tenant = customer(&world, json!({ "quotas": { "requests_per_day": 1 } })).await;
    let first = send(&tenant.api, ASK, json!({ "input": input() })).await;
    assert_eq!((first.status, first.header("ratelimit-limit"), first.header("ratelimit-remaining")), (200, "1", "0"));
    let second = send(&tenant.api, ASK, json!({ "input": input() })).await;
    refused(&world, "one too many", &second, 429, "quota_exhausted");
    assert_eq!(second.header("retry-after"), second.header("ratelimit-reset"));
    assert!(second.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds <= 86_400));
}

#[tokio::test]
async fn requests_are_listed_in_pages() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let answer = send(&tenant.api, ASK, json!({ "input": input() })).await.json();
        made.push(answer["data"]["requestReport"]["requestId"].clone());
    }
    made.reverse();
    let list = "query($limit: Int, $token: String, $report: String) {
        reportRequests(where: { report: $report }, limit: $limit, paginationToken: $token) {
            items { requestId packaging } paginationToken } }";
    let page =
        async |variables: Value| send(&tenant.api, list, variables).await.json()["data"]["reportRequests"].clone();
    let (mut found, mut token) = (Vec::new(), Value::Null);
    for _ in 0..3 {
        let shown = page(json!({ "limit": 2, "token": token })).await;
        for item in shown["items"].as_array().unwrap() {
            assert_eq!(item["packaging"], "OPENPGP");
            found.push(item["requestId"].clone());
        }
        token = shown["paginationToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((found, token), (made, Value::Null));
    assert_eq!(page(json!({ "report": "another" })).await["items"], json!([]));
    for (variables, argument) in [
        (json!({ "limit": 101 }), "limit"),
        (json!({ "limit": -1 }), "limit"),
        (json!({ "token": "AAAA" }), "paginationToken"),
    ] {
        let answer = send(&tenant.api, list, variables).await;
        refused(&world, argument, &answer, 200, "query_invalid");
        assert_eq!(answer.json()["errors"][0]["extensions"]["argument"], argument);
    }
}
