//! Tesouro's interface, as its customers use it: written from its contract alone.

mod abuse;
mod flow;
mod guide;
mod rules;

use serde_json::{Value, json};
use waybill_local::api_client::{Answer, ApiClient};
use waybill_tests::{tenant::Tenant, world::World};

const ASK: &str = "mutation($input: RequestReportInput!) { requestReport(input: $input) { requestId status } }";

const STATUS: &str = "query($id: UUID!) { reportRequest(requestId: $id) { status fileUrl rowCount error { code } } }";

/// A tenant with the interface switched on, and these settings besides.
async fn customer(world: &World, more: Value) -> Tenant {
    let mut settings = json!({ "interfaces": { "tesouro": {} } });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Tenant::create_with(world, settings).await
}

/// What `requestReport` is asked with: all of the wallet's movements.
fn input() -> Value {
    let range = json!({ "from": "2024-01-01", "to": "2024-12-31" });
    json!({ "report": waybill_tests::tenant::WALLET, "where": { "dateRange": range } })
}

/// Sends an operation.
async fn send(api: &ApiClient, query: &str, variables: Value) -> Answer {
    api.post("/graphql", &json!({ "query": query, "variables": variables })).await.unwrap()
}

/// Codes of an answer's errors; every one has one, and a message without anything internal.
fn codes(world: &World, answer: &Answer) -> Vec<String> {
    let shown = answer.json();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    for internal in ["arn:", world.stack.table.as_str(), "panicked", "src/", "amazonaws", "dynamodb", "async_graphql"] {
        assert!(!text.contains(internal), "tells of {internal}: {text}");
    }
    assert_eq!(answer.header("cache-control"), "no-store", "{text}");
    let errors = shown["errors"].as_array().cloned().unwrap_or_default();
    let code = |error: &Value| {
        assert!(!error["message"].as_str().unwrap().is_empty(), "{text}");
        error["extensions"]["code"].as_str().unwrap_or_else(|| panic!("an error without a code: {text}")).to_owned()
    };
    errors.iter().map(code).collect()
}

/// Checks status and the only code of a refusal.
fn refused(world: &World, what: &str, answer: &Answer, status: u16, code: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{what}: {text}");
    assert_eq!(codes(world, answer), [code], "{what}: {text}");
}
