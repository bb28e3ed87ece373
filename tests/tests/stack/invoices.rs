//! `invoice_lines` over the public Online Retail data, where the machine has it.

use serde_json::{Value, json};
use waybill_tests::{
    files::{self, INVOICES_ORACLE},
    retail::public_data,
    tenant::Tenant,
    world::World,
};

async fn compared(parameters: Value, packaging: &str, condition: &str) -> Option<Value> {
    let parquet = public_data()?;
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let order = json!({ "report": "invoice_lines", "parameters": parameters, "packaging": packaging });
    let status = tenant.succeeded(tenant.order(&order).await).await;
    let opened = files::open(&world, &tenant, &status).await;
    let figures = INVOICES_ORACLE.agrees(&opened.path, "csv", &parquet, condition).await;
    assert_eq!(figures["rows"], status["rows"]);
    tenant.nothing_is_left_over(&world).await;
    Some(figures)
}

#[tokio::test]
async fn the_whole_data_set_has_its_known_totals() {
    let parameters = json!({ "dates": { "from": "2010-12-01", "to": "2011-12-09" } });
    let Some(figures) = compared(parameters, "openpgp", "TRUE").await else { return };
    let known = json!({ "rows": 541_909, "totals": { "quantity": "5176450", "amount": "9747747.934" } });
    assert_eq!(figures, known);
}

#[tokio::test]
async fn a_month_of_a_country() {
    let parameters = json!({ "dates": { "from": "2011-06-01", "to": "2011-06-30" }, "country": "Germany" });
    let condition = "invoice_date >= '2011-06-01' AND invoice_date < '2011-07-01' AND country = 'Germany'";
    let Some(figures) = compared(parameters, "plain", condition).await else { return };
    assert_eq!(figures["rows"], 677);
}

#[tokio::test]
async fn a_text_is_a_value_and_never_sql() {
    let dates = json!({ "from": "2011-06-01", "to": "2011-06-30" });
    let parameters = json!({ "dates": dates, "country": "Germany' OR '1' = '1" });
    let Some(figures) = compared(parameters, "plain", "FALSE").await else { return };
    assert_eq!(figures["rows"], 0);
}

#[tokio::test]
async fn lines_from_an_amount_on() {
    let parameters = json!({ "dates": { "from": "2011-03-15", "to": "2011-05-02" }, "min_amount": "99.5" });
    let condition =
        "CAST(invoice_date AS DATE) BETWEEN '2011-03-15' AND '2011-05-02' AND quantity * unit_price >= 99.5";
    let Some(figures) = compared(parameters, "plain", condition).await else { return };
    assert!(figures["rows"].as_u64().unwrap() > 100, "{figures}");
}
