//! Checks of definitions: where one does not hold the report is made, and says so.

use serde_json::{Value, json};
use waybill_tests::{
    files::{self, Oracle},
    lake::Lake,
    tenant::{Tenant, fresh_id},
    wait::LONG,
    world::World,
};

use crate::webhook;

const ROWS: u64 = 1_200;

/// Movements of an organisation, with an id of a test's own and checks to come.
const DEFINITION: &str = r#"
version = 1
title = "Movements of an organisation"
formats = ["csv"]
sql = "SELECT unique_id, amount FROM transactions WHERE $organisation IS NULL OR organisation_id = $organisation"

[datasets.transactions]
location = "wallet/transactions/tenant={tenant}/"
source = "parquet"
partitions = [{ name = "month", type = "text" }]
binding = { kind = "path" }

[parameters.organisation]
type = "integer"

[[columns]]
name = "unique_id"
type = "text"

[[columns]]
name = "amount"
type = "decimal"
"#;

const ORACLE: Oracle = Oracle {
    columns: &[("unique_id", "unique_id", "VARCHAR"), ("amount", "amount", "DECIMAL(18,8)")],
    select: "unique_id, amount",
    totals: &["amount"],
};

/// Gives the tenant a report with these checks; returns its id.
async fn publish(world: &World, tenant: &Tenant, checks: &str) -> String {
    let id = fresh_id();
    let text = format!("id = \"{id}\"\n{DEFINITION}\n{checks}");
    world.put(&world.stack.buckets.config, &format!("tenants/{}/reports/{id}.toml", tenant.id), text.into()).await;
    id
}

async fn finished(tenant: &Tenant, report: &str, parameters: Value) -> Value {
    let order = json!({ "report": report, "parameters": parameters, "packaging": "plain" });
    tenant.finished(tenant.order(&order).await).await
}

#[tokio::test]
async fn a_check_that_does_not_hold_is_told_with_its_figures() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let lake = Lake::generate(&world, &tenant.id, ROWS, 1).await;
    let receiver = world.receiver().await;
    let checks = r#"
        [[checks]]
        name = "everything"
        kind = "rows"
        equals = "SELECT count(*) FROM transactions"

        [[checks]]
        name = "few"
        kind = "rows"
        max = 10

        [[checks]]
        name = "balanced"
        kind = "total"
        column = "amount"
        equals = "SELECT CAST(0 AS DECIMAL(5, 2))"

        [[checks]]
        name = "unique"
        kind = "condition"
        sql = "SELECT count(*) = count(DISTINCT unique_id) FROM output"

        [[checks]]
        name = "positive"
        kind = "condition"
        sql = "SELECT min(amount) > 0 FROM output"
    "#;
    let report = publish(&world, &tenant, checks).await;
    let mut order = json!({ "report": report, "parameters": {}, "packaging": "plain" });
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let status = tenant.finished(tenant.order(&order).await).await;
    assert_eq!((&status["status"], &status["failure"]), (&json!("DIVERGENT"), &Value::Null), "{status}");

    let opened = files::open(&world, &tenant, &status).await;
    let figures = ORACLE.agrees_with(&opened.path, "csv", &lake, "TRUE").await;
    let (rows, sum) = (ROWS.to_string(), figures["totals"]["amount"].as_str().unwrap());
    let expected = json!([
        {
            "name": "everything", "kind": "rows", "passed": true, "expected": rows, "actual": rows,
            "detail": format!("The output has {rows} rows, as the control says."),
        },
        {
            "name": "few", "kind": "rows", "passed": false, "expected": "at most 10", "actual": rows,
            "detail": format!("The output has {rows} rows; expected: at most 10."),
        },
        {
            "name": "balanced", "kind": "total", "passed": false, "expected": "0.00", "actual": sum,
            "detail": format!("The total of amount is {sum}; the control says 0.00."),
        },
        {
            "name": "unique", "kind": "condition", "passed": true, "expected": "true", "actual": "true",
            "detail": "The condition holds.",
        },
        {
            "name": "positive", "kind": "condition", "passed": false, "expected": "true", "actual": "false",
            "detail": "The condition does not hold.",
        },
    ]);
    assert_eq!(status["checks"], expected);

    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap();
    let body = webhook::verified(&tenant, &received[0]).await;
    assert_eq!(body["type"], "report.divergent");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn checks_look_at_what_was_asked_for() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, ROWS, 1).await;
    let checks = r#"
        [[checks]]
        name = "everything"
        kind = "total"
        column = "amount"
        equals = "SELECT sum(amount) FROM transactions"

        [[checks]]
        name = "some"
        kind = "rows"
        equals = "SELECT count(*) FROM transactions WHERE organisation_id = coalesce($organisation, organisation_id)"
    "#;
    let report = publish(&world, &tenant, checks).await;
    for (parameters, status, passed) in [
        (json!({}), "SUCCEEDED", [true, true]),
        (json!({ "organisation": 101 }), "DIVERGENT", [false, true]),
        (json!({ "organisation": 1 }), "DIVERGENT", [false, true]),
    ] {
        let found = finished(&tenant, &report, parameters).await;
        assert_eq!(found["status"], status, "{found}");
        assert_eq!([0, 1].map(|check| found["checks"][check]["passed"] == true), passed, "{found}");
    }
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_check_that_cannot_be_made_is_a_failure() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, ROWS, 1).await;
    for sql in [
        "SELECT price > 0 FROM output",
        "SELECT count(*) FROM output",
        "SELECT amount > 0 FROM output",
        "SELECT true FROM output, information_schema.tables",
    ] {
        let check = format!("[[checks]]\nname = \"broken\"\nkind = \"condition\"\nsql = \"{sql}\"");
        let report = publish(&world, &tenant, &check).await;
        let status = finished(&tenant, &report, json!({})).await;
        assert_eq!((&status["status"], &status["failure"]["code"]), (&json!("FAILED"), &json!("DEFINITION_INVALID")));
        let detail = status["failure"]["detail"].as_str().unwrap();
        assert!(detail.starts_with("The check broken could not be made."), "{detail}");
        assert_eq!(detail.matches("price").count(), 0, "no SQL is told");
    }
    tenant.nothing_is_left_over(&world).await;
}
