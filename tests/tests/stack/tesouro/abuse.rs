//! What no client sends by mistake: refused, quickly, with a code, and nothing is recorded.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use waybill_local::api_client::Answer;
use waybill_tests::{tenant::Tenant, world::World};

use super::{ASK, customer, input, refused, send};

async fn raw(tenant: &Tenant, kind: &str, body: Vec<u8>) -> Answer {
    tenant.api.send(Method::POST, "/graphql", &[("content-type", kind)], body).await.unwrap()
}

fn doubling(levels: usize) -> String {
    let fragments = (0..levels).map(|n| format!("fragment f{n} on Query {{ ...f{m} ...f{m} }} ", m = n + 1));
    let fragments = fragments.collect::<Vec<_>>().concat();
    format!("{{ ...f0 }} {fragments} fragment f{levels} on Query {{ __typename }}")
}

/// Documents with the code that each is refused with; status 400 for all of them.
fn documents() -> Vec<(&'static str, String, &'static str)> {
    let many = |count: usize, one: fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(" ");
    let alias = |n| format!("a{n}: reportRequest(requestId: \"0193a1f2-7c1e-7b3a-9c55-2f1de0a4b8c7\") {{ status }}");
    let nested = format!("{{ __schema {{ types {{ {} name {} }} }} }}", "fields { type { ".repeat(5), "} } ".repeat(5));
    let mutation = "mutation($input: RequestReportInput!) {
        a: requestReport(input: $input) { requestId } b: requestReport(input: $input) { requestId } }";
    vec![
        ("depth of selections", "{a".repeat(10_000), "graphql_too_complex"),
        ("depth of values", format!("{{ a(b: {}", "[".repeat(20_000)), "graphql_too_complex"),
        ("depth of objects", format!("{{ a(b: {}", "{c:".repeat(10_000)), "graphql_too_complex"),
        ("aliases", format!("{{ {} }}", many(11, alias)), "graphql_too_complex"),
        ("a flood of aliases", format!("{{ {} }}", many(2_000, |n| format!("a{n}:__typename"))), "graphql_too_complex"),
        (
            "a flood of directives",
            format!("{{ __typename {} }}", "@skip(if: false) ".repeat(3_000)),
            "graphql_too_complex",
        ),
        ("directives on one field", format!("{{ __typename {} }}", "@a ".repeat(20)), "graphql_invalid"),
        ("a flood of spreads", format!("{{ {} }}", "...f".repeat(5_000)), "graphql_too_complex"),
        ("fragments that double", doubling(40), "graphql_too_complex"),
        ("a fragment of itself", "{ ...f } fragment f on Query { ...f }".to_owned(), "graphql_invalid"),
        (
            "fragments of each other",
            "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }".to_owned(),
            "graphql_invalid",
        ),
        ("introspection of introspection", nested, "graphql_too_complex"),
        ("two reports at once", mutation.to_owned(), "graphql_too_complex"),
        ("many operations", many(300, |n| format!("query q{n} {{ __typename }}")), "graphql_too_complex"),
        ("an operation of several", "query a { __typename } query b { __typename }".to_owned(), "graphql_invalid"),
        ("no operation", "fragment f on Query { __typename }".to_owned(), "graphql_invalid"),
        ("nothing", String::new(), "graphql_invalid"),
        ("no GraphQL", "SELECT * FROM reports".to_owned(), "graphql_invalid"),
        ("an unknown field", "{ secrets }".to_owned(), "graphql_invalid"),
        ("an unknown argument", "{ reports(all: true) { id } }".to_owned(), "graphql_invalid"),
        ("a UUID that is none", "{ reportRequest(requestId: \"x\") { status } }".to_owned(), "graphql_invalid"),
        ("a subscription", "subscription { requestReport { status } }".to_owned(), "graphql_invalid"),
        (
            "a variable that is not declared",
            "{ reportRequest(requestId: $id) { status } }".to_owned(),
            "graphql_invalid",
        ),
        ("control characters", "{ \u{0}\u{7f} }".to_owned(), "graphql_invalid"),
    ]
}

#[tokio::test]
async fn documents_that_ask_for_too_much_or_for_nothing_are_refused() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    for (what, document, code) in documents() {
        let began = Instant::now();
        let answer = send(&tenant.api, &document, json!({ "input": input() })).await;
        assert_eq!(answer.status, 400, "{what}: {}", String::from_utf8_lossy(&answer.body));
        let codes = super::codes(&world, &answer);
        assert!(!codes.is_empty() && codes.iter().all(|told| told == code), "{what}: {codes:?}");
        assert!(answer.json()["data"].is_null(), "{what}: nothing was carried out");
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", began.elapsed());
    }
    tenant.nothing_is_recorded(&world).await;
    let alive = send(&tenant.api, "{ __typename }", json!({})).await;
    assert_eq!(alive.json(), json!({ "data": { "__typename": "Query" } }));
}

#[tokio::test]
async fn calls_that_are_no_operation_are_refused() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let one = json!({ "query": "{ __typename }" });
    let deep =
        format!("{{\"query\":\"{{__typename}}\",\"variables\":{{\"a\":{}{}}}}}", "[".repeat(9_000), "]".repeat(9_000));
    let large = json!({ "query": "{ __typename }", "variables": { "a": "x".repeat(70_000) } });
    let json = "application/json";
    for (what, kind, body, status, code) in [
        ("a batch", json, json!([one, one]).to_string(), 400, "graphql_batch"),
        ("an empty batch", json, "[]".to_owned(), 400, "graphql_batch"),
        (
            "a form",
            "application/x-www-form-urlencoded",
            "query=%7B__typename%7D".to_owned(),
            415,
            "content_type_unsupported",
        ),
        ("a bare document", "application/graphql", "{ __typename }".to_owned(), 415, "content_type_unsupported"),
        ("an upload", "multipart/form-data; boundary=x", "--x--".to_owned(), 415, "content_type_unsupported"),
        ("no JSON", json, "{".to_owned(), 400, "malformed_json"),
        ("deep JSON", json, deep, 400, "malformed_json"),
        ("a large body", json, large.to_string(), 413, "body_too_large"),
        (
            "a hash",
            json,
            r#"{"extensions":{"persistedQuery":{"sha256Hash":"x","version":1}}}"#.to_owned(),
            400,
            "graphql_invalid",
        ),
        (
            "another operation",
            json,
            r#"{"query":"query a{__typename}","operationName":"b"}"#.to_owned(),
            400,
            "graphql_invalid",
        ),
        (
            "variables of another type",
            json,
            r#"{"query":"{__typename}","variables":"x"}"#.to_owned(),
            400,
            "graphql_invalid",
        ),
    ] {
        refused(&world, what, &raw(&tenant, kind, body.into_bytes()).await, status, code);
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = tenant.api.send(method.clone(), "/graphql?query=%7B__typename%7D", &[], vec![]).await.unwrap();
        refused(&world, method.as_str(), &answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST");
    }
    tenant.nothing_is_recorded(&world).await;
}

/// JSON that fits its scalar and is no filter is a fault of the filter, never of ours.
#[tokio::test]
async fn strange_filters_are_faults() {
    let world = World::load().await;
    let tenant = customer(&world, json!({})).await;
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    for filter in [
        json!({ "dateRange": "2024" }),
        json!({ "dateRange": { "from": nested, "to": {} } }),
        json!({ "dateRange": { "from": "2024-01-01", "to": "2024-12-31" }, "organisation_id": nested }),
        json!({ "dateRange": { "from": "2024-01-01", "to": "2024-12-31" }, "organisation_id": 1e300 }),
        json!({ "dateRange": { "from": "2024-12-31", "to": "2024-01-01" } }),
        json!({ "dateRange": { "from": "-271821-04-20T00:00:00Z", "to": "9999-12-31T23:59:59Z" } }),
        json!({ "__proto__": {}, "": 1, "a/b": 2 }),
        Value::Object(serde_json::Map::new()),
    ] {
        let mut input = input();
        input["where"] = filter.clone();
        let answer = send(&tenant.api, ASK, json!({ "input": input })).await;
        assert_eq!(answer.status, 200, "{filter}");
        let codes = super::codes(&world, &answer);
        assert!(!codes.is_empty() && codes.iter().all(|code| code == "validation_failed"), "{filter}: {codes:?}");
    }
    let mut input = input();
    input["where"] = json!([1]);
    let answer = send(&tenant.api, ASK, json!({ "input": input })).await;
    refused(&world, "no object", &answer, 400, "graphql_invalid");
    tenant.nothing_is_recorded(&world).await;
}
