//! Reports that cannot be made: the caller learns why, in the status and by webhook.

use serde_json::json;
use waybill_tests::{
    lake::Lake,
    tenant::{Tenant, WALLET},
    wait::LONG,
    world::World,
};

use crate::webhook;

const DEFINITION: &str = include_str!("../../../infra/reports/Report_digital_wallet_transaction_detail.toml");

/// The wallet report with the square of its rows.
pub fn every_row_with_every_other() -> String {
    let pairs = "FROM transactions CROSS JOIN (SELECT unique_id AS other FROM transactions) AS others\n";
    let definition = DEFINITION.replace("FROM transactions\n", pairs);
    assert_ne!(definition, DEFINITION);
    definition
}

/// Orders the wallet report under a definition of the tenant's own, and checks that it fails with `code`.
async fn fails(definition: String, code: &str, retryable: bool) {
    assert_ne!(definition, DEFINITION);
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let key = format!("tenants/{}/reports/{WALLET}.toml", tenant.id);
    world.put(&world.stack.buckets.config, &key, definition.into_bytes()).await;
    Lake::generate(&world, &tenant.id, 3_000, 1).await;
    let receiver = world.receiver().await;
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let id = tenant.order(&order).await;

    let status = tenant.finished(id).await;
    assert_eq!((&status["status"], &status["attempt"]), (&json!("FAILED"), &json!(1)), "{status}");
    let failure = &status["failure"];
    assert_eq!((&failure["code"], &failure["retryable"]), (&json!(code), &json!(retryable)), "{status}");
    assert!(failure["next_action"].as_str().is_some_and(|action| !action.is_empty()), "{status}");
    assert!(status["link"].is_null() && status["files"].is_null(), "{status}");
    let told = failure.to_string();
    for internal in ["arn:", "s3://", world.stack.buckets.lake.as_str(), "DataFusion", "Schema error"] {
        assert!(!told.contains(internal), "{told}");
    }

    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap();
    let body = webhook::verified(&tenant, &received[0]).await;
    assert_eq!((&body["type"], &body["data"]["failure"]), (&json!("report.failed"), failure));
    assert!(body["data"]["files"].is_null() && body["data"]["link"].is_null(), "{body}");
    tenant.nothing_is_left_over(&world).await;
    assert_eq!(receiver.received("/hook").len(), 1, "told once");
    assert_eq!(world.uploads(&format!("{}/", tenant.id)).await, [""; 0], "half an upload");
}

#[tokio::test]
async fn more_rows_than_the_definition_allows() {
    fails(DEFINITION.replace("max_rows = 100_000_000", "max_rows = 999"), "TOO_LARGE", false).await;
}

#[tokio::test]
async fn a_definition_that_does_not_fit_its_data() {
    fails(
        DEFINITION.replace("location, external_transaction_id", "place AS location, external_transaction_id"),
        "DEFINITION_INVALID",
        false,
    )
    .await;
}

#[tokio::test]
async fn more_time_than_the_definition_allows() {
    let definition = every_row_with_every_other();
    fails(definition.replace("timeout_seconds = 870", "timeout_seconds = 1"), "TIMED_OUT", false).await;
}
