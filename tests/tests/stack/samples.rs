//! The sample definitions that are more than a filter, against DuckDB over the same files; their checks hold.

use serde_json::{Value, json};
use waybill_tests::{
    files::{self, Oracle},
    lake::Lake,
    retail::{Retail, public_data},
    tenant::Tenant,
    world::World,
};

const BALANCE: &str = "Report_digital_wallet_balance";

const SALES_ORACLE: Oracle = Oracle {
    columns: &[
        ("country", "Country", "VARCHAR"),
        ("invoices", "Invoices", "BIGINT"),
        ("customers", "Customers", "BIGINT"),
        ("quantity", "Quantity", "BIGINT"),
        ("amount", "Amount", "DECIMAL(38,3)"),
    ],
    select: "",
    totals: &["invoices", "quantity", "amount"],
};

const STATEMENT_ORACLE: Oracle = Oracle {
    columns: &[
        ("invoice_date", "Invoice date", "TIMESTAMP"),
        ("invoice_no", "Invoice", "VARCHAR"),
        ("lines", "Lines", "BIGINT"),
        ("quantity", "Quantity", "BIGINT"),
        ("amount", "Amount", "DECIMAL(38,3)"),
        ("balance", "Balance", "DECIMAL(38,3)"),
    ],
    select: "",
    totals: &["lines", "quantity", "amount", "balance"],
};

const BALANCE_ORACLE: Oracle = Oracle {
    columns: &[
        ("wallet_id", "wallet_id", "BIGINT"),
        ("wallet_name", "wallet_name", "VARCHAR"),
        ("organisation_id", "organisation_id", "BIGINT"),
        ("organisation_name", "organisation_name", "VARCHAR"),
        ("unit_type", "unit_type", "VARCHAR"),
        ("balance", "balance", "DECIMAL(18,8)"),
        ("last_transaction_date", "last_transaction_date", "TIMESTAMP"),
    ],
    select: "",
    totals: &["wallet_id", "balance"],
};

/// What is expected of one report.
struct Expected<'a> {
    oracle: Oracle,
    parquet: &'a str,
    query: &'a str,
    order: &'a [&'a str],
    checks: [&'a str; 2],
    /// How it must be asked for so that the oracle reads every digit.
    output: Value,
}

/// Asks for the report, checks every cell, the order and the outcomes of its checks; returns the control figures.
async fn compared(world: &World, tenant: &Tenant, report: &str, parameters: &Value, expected: &Expected<'_>) -> Value {
    let order = json!({ "report": report, "parameters": parameters, "packaging": "plain", "output": expected.output });
    let status = tenant.succeeded(tenant.order(&order).await).await;
    let checks: Vec<_> = status["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(json!(checks), json!(expected.checks), "{status}");
    assert!(status["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true), "{status}");
    let opened = files::open(world, tenant, &status).await;
    let Expected { oracle, parquet, query, order, .. } = expected;
    oracle.answers(&opened.path, "csv", parquet, query, order).await
}

async fn sales(world: &World, tenant: &Tenant, parquet: &str, from: &str, to: &str) -> Value {
    let query = format!(
        "SELECT country, count(DISTINCT invoice_no) AS invoices, count(DISTINCT customer_id) AS customers, \
                sum(quantity) AS quantity, sum(quantity * unit_price) AS amount \
         FROM lake WHERE CAST(invoice_date AS DATE) BETWEEN '{from}' AND '{to}' GROUP BY ALL"
    );
    let checks = ["countries", "amount"];
    let formats = json!({ "invoices": "0", "customers": "0", "quantity": "0", "amount": "0.000" });
    let output = json!({ "formats": formats });
    let expected = Expected { oracle: SALES_ORACLE, parquet, query: &query, order: &["country"], checks, output };
    let parameters = json!({ "dates": { "from": from, "to": to } });
    compared(world, tenant, "sales_by_country", &parameters, &expected).await
}

async fn statement(world: &World, tenant: &Tenant, parquet: &str, customer: u32, (from, to): (&str, &str)) -> Value {
    let query = format!(
        "WITH invoices AS (SELECT min(invoice_date) AS invoice_date, invoice_no, count(*) AS lines, \
                sum(quantity) AS quantity, sum(quantity * unit_price) AS amount FROM lake \
         WHERE CAST(invoice_date AS DATE) BETWEEN '{from}' AND '{to}' AND customer_id = {customer} GROUP BY invoice_no) \
         SELECT one.*, (SELECT sum(amount) FROM invoices AS other \
                WHERE (other.invoice_date, other.invoice_no) <= (one.invoice_date, one.invoice_no)) AS balance \
         FROM invoices AS one"
    );
    let order: &[&str] = &["invoice_date", "invoice_no"];
    let checks = ["amount", "balance"];
    let expected = Expected { oracle: STATEMENT_ORACLE, parquet, query: &query, order, checks, output: json!({}) };
    let parameters = json!({ "customer_id": customer, "dates": { "from": from, "to": to } });
    compared(world, tenant, "customer_statement", &parameters, &expected).await
}

#[tokio::test]
async fn sales_and_statements_of_generated_invoices() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let retail = Retail::generate(&world, &tenant, &["sales_by_country", "customer_statement"]).await;
    let parquet = retail.glob();
    let figures = sales(&world, &tenant, &parquet, "2010-12-01", "2011-12-31").await;
    assert_eq!((&figures["rows"], &figures["totals"]["invoices"]), (&json!(5), &json!("750")));
    let figures = sales(&world, &tenant, &parquet, "2011-02-10", "2011-04-20").await;
    assert_eq!(figures["rows"], 5);
    assert_eq!(sales(&world, &tenant, &parquet, "2012-01-01", "2012-01-31").await["rows"], 0);

    let all = ("2010-12-01", "2011-12-31");
    let figures = statement(&world, &tenant, &parquet, 12_346, all).await;
    assert!(figures["rows"].as_u64().unwrap() > 30, "{figures}");
    statement(&world, &tenant, &parquet, 12_348, ("2011-02-10", "2011-04-20")).await;
    assert_eq!(statement(&world, &tenant, &parquet, 1, all).await["rows"], 0, "a customer whom nobody knows");
    let order = json!({ "report": "customer_statement", "parameters": { "dates": { "from": all.0, "to": all.1 } } });
    assert_eq!(tenant.api.post("/v1/requests", &order).await.unwrap().status, 422, "whose statement?");

    // Lines in the wrong folder are not in the report; its check misses them.
    retail.misplace(&world, "2011-01", "2011-08").await;
    let january = json!({ "dates": { "from": "2011-01-01", "to": "2011-01-31" } });
    let order = json!({ "report": "sales_by_country", "parameters": january, "packaging": "plain" });
    let status = tenant.finished(tenant.order(&order).await).await;
    let passed = |check: usize| &status["checks"][check]["passed"];
    assert_eq!((&status["status"], passed(0), passed(1)), (&json!("DIVERGENT"), &json!(true), &json!(false)));
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn sales_and_statements_of_the_public_data() {
    let Some(parquet) = public_data() else { return };
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let figures = sales(&world, &tenant, &parquet, "2010-12-01", "2011-12-09").await;
    let known = json!({ "invoices": "25900", "quantity": "5176450", "amount": "9747747.934" });
    assert_eq!((&figures["rows"], &figures["totals"]), (&json!(38), &known));
    sales(&world, &tenant, &parquet, "2011-06-15", "2011-07-02").await;
    let figures = statement(&world, &tenant, &parquet, 17_850, ("2010-12-01", "2011-12-09")).await;
    assert_eq!(figures["rows"], 35);
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn balances_at_a_time_and_now() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let lake = Lake::generate(&world, &tenant.id, 3_000, 1).await;
    let cases = [
        (json!({}), "TRUE"),
        (json!({ "d1": "2024-03-15T12:00:00.250" }), "transaction_date <= '2024-03-15 12:00:00.25'"),
        (
            json!({ "d1": "2024-06-30T23:59:59.999", "organisation_id": 101 }),
            "transaction_date < '2024-07-01' AND organisation_id = 101",
        ),
        (json!({ "d1": "2023-12-31T23:59:59.999" }), "FALSE"),
    ];
    let mut rows = Vec::new();
    for (parameters, condition) in cases {
        let query = format!(
            "SELECT wallet_id, wallet_name, organisation_id, organisation_name, unit_type, \
                    wallet_closing_balance AS balance, transaction_date AS last_transaction_date \
             FROM lake WHERE {condition} \
             QUALIFY row_number() OVER (PARTITION BY wallet_id ORDER BY transaction_date DESC) = 1"
        );
        let parquet = lake.glob();
        let order: &[&str] = &["wallet_id"];
        let checks = ["wallets", "balance"];
        let output = json!({});
        let expected = Expected { oracle: BALANCE_ORACLE, parquet: &parquet, query: &query, order, checks, output };
        let figures = compared(&world, &tenant, BALANCE, &parameters, &expected).await;
        rows.push(figures["rows"].as_u64().unwrap());
    }
    assert!(rows[0] >= rows[1] && rows[0] > rows[2] && rows[2] > 0 && rows[3] == 0, "{rows:?}");
    tenant.nothing_is_left_over(&world).await;
}
