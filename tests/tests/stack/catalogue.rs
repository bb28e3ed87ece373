//! What may be asked for, and how.

use serde_json::{Value, json};
use waybill_tests::{
    tenant::{Tenant, WALLET, fresh_id},
    world::World,
};

use crate::refusal;

const ORDINARY: &str = include_str!("../../../infra/reports/Report_digital_wallet_transaction_detail.toml");

fn ids(catalogue: &Value) -> Vec<&str> {
    catalogue["reports"].as_array().unwrap().iter().map(|report| report["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_catalogue_tells_how_to_ask() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let catalogue = tenant.get("/v1/reports").await.expect_status("list reports", &[200]).unwrap();
    let shipped = ["Report_digital_wallet_balance", WALLET, "customer_statement", "invoice_lines", "sales_by_country"];
    assert_eq!(ids(&catalogue), shipped, "{catalogue}");
    for report in catalogue["reports"].as_array().unwrap() {
        assert!(report["title"].is_string() && report["version"].is_u64(), "{report}");
        assert_eq!(report["formats"][0], "csv", "the default");
    }

    let report = tenant.get("/v1/reports/invoice_lines").await.expect_status("show a report", &[200]).unwrap();
    let parameter = |name: &str| {
        let parameters = report["parameters"].as_array().unwrap();
        parameters.iter().find(|parameter| parameter["name"] == name).unwrap().clone()
    };
    let dates = parameter("dates");
    assert_eq!((&dates["type"], &dates["required"]), (&json!("date_range"), &json!(true)));
    assert_eq!(parameter("country")["max_length"], 64);
    assert_eq!((&parameter("min_amount")["type"], &parameter("min_amount")["scale"]), (&json!("decimal"), &json!(3)));
    assert_eq!(report["columns"].as_array().unwrap().len(), 9);
    assert_eq!(report["columns"][0]["title"], "Invoice");
    assert_eq!(report["limits"], json!({ "max_rows": 10_000_000, "timeout_seconds": 600 }));
    assert_eq!(report["formats"], json!(["csv", "ndjson", "json", "xml", "xlsx", "parquet", "txt"]));
    assert_eq!(report["format_limits"], json!({ "xlsx": { "max_columns": 16_384 } }));
    assert_eq!(report["output"], json!({}));
    let sales = tenant.get("/v1/reports/sales_by_country").await.json();
    let amount = json!({ "name": "amount", "title": "Amount", "type": "decimal", "format": "#,##0.00", "total": true });
    assert_eq!(sales["columns"][4], amount);
    assert_eq!(sales["format_limits"]["pdf"], json!({ "max_rows": 20_000, "max_columns": 24 }));

    for unknown in ["/v1/reports/nothing", "/v1/reports/invoice_lines.toml"] {
        let answer = tenant.get(unknown).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("not_found")), "{unknown}");
    }
}

#[tokio::test]
async fn parameters_that_contradict_each_other_are_both_at_fault() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let report = tenant.get(&format!("/v1/reports/{WALLET}")).await.json();
    assert_eq!(
        (&report["parameters"][1]["name"], &report["parameters"][1]["not_before"]),
        (&json!("d2"), &json!("d1"))
    );
    let parameters = json!({ "d1": "2024-01-02T00:00:00", "d2": "2024-01-01T23:59:59.999" });
    let answer = tenant.api.post("/v1/requests", &json!({ "report": WALLET, "parameters": parameters })).await.unwrap();
    let problem = refusal::check(&world, "d1 after d2", &answer, 422, "validation_failed");
    let both = ["/parameters/d1", "/parameters/d2"].map(|at| (at.to_owned(), "range_reversed".to_owned()));
    assert_eq!(refusal::faults(&problem), both);
    tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn a_report_that_is_shared_with_others_does_not_exist() {
    let world = World::load().await;
    let (listed, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    // A definition of their own for both, of the same words; its data is shared with the first alone.
    let name = fresh_id();
    let definition = ORDINARY
        .replace(WALLET, &name)
        .replace("tenant={tenant}/", "")
        .replace(r#"{ kind = "path" }"#, &format!(r#"{{ kind = "shared", tenants = ["{}"] }}"#, listed.id));
    for tenant in [&listed, &other] {
        let key = format!("tenants/{}/reports/{name}.toml", tenant.id);
        world.put(&world.stack.buckets.config, &key, definition.clone().into_bytes()).await;
    }
    let order = json!({ "report": name, "parameters": { "d1": "2030-01-01T00:00:00", "d2": "2030-01-02T00:00:00" } });
    for (tenant, sees) in [(&listed, true), (&other, false)] {
        assert_eq!(ids(&tenant.get("/v1/reports").await.json()).contains(&name.as_str()), sees);
        assert_eq!(tenant.get(&format!("/v1/reports/{name}")).await.status, if sees { 200 } else { 404 });
        let answer = tenant.api.post("/v1/requests", &order).await.unwrap();
        assert_eq!(answer.status, if sees { 202 } else { 404 });
    }
    other.nothing_is_recorded(&world).await;
    let request = world.requests(&listed.id).await[0].id;
    listed.succeeded(request).await;
    listed.nothing_is_left_over(&world).await;
}
