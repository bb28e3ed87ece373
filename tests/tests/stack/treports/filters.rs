//! Filters and parameters, against the same rows filtered here.

use serde_json::{Value, json};
use waybill_tests::world::World;

use super::{Customer, UID, execute, fields, of_sample, refused};

fn filtered(items: &Value) -> Value {
    let mut body = of_sample(2);
    body["GenerateParams"]["Filters"] = json!([{ "TableName": "transactions", "Active": true, "FilterItens": items }]);
    body
}

fn item(joint: &str, open: &str, column: &str, sign: &str, value: &str, close: &str) -> Value {
    json!({
        "AndOr": joint, "OpenParenth": open, "Column": column, "DataType": "", "Operator": sign, "Value": value,
        "CloseParenth": close,
    })
}

/// `organisation_id` and `amount` of a line.
fn values(line: &str) -> (i64, f64) {
    let cells: Vec<&str> = line.split(',').collect();
    (cells[1].parse().unwrap_or_default(), cells[3].parse().unwrap())
}

#[tokio::test]
async fn only_rows_that_a_filter_wants_are_there() {
    let world = World::load().await;
    let customer = Customer::of(&world, 500).await;
    let all = customer.lines(&of_sample(2)).await;
    assert_eq!(all.len(), 500);
    let organisation = values(&all[0]).0;

    let items = json!([
        item("", "(", "organisation_id", "=", &organisation.to_string(), ""),
        item("OU", "", "amount", "<", "-100.50", ")"),
        item("E", "", "amount", "<>", "0", ""),
    ]);
    let mut found = customer.lines(&filtered(&items)).await;
    let wanted = |line: &&String| {
        let (id, amount) = values(line);
        (id == organisation || amount < -100.50) && amount != 0.0
    };
    let mut expected: Vec<String> = all.iter().filter(wanted).cloned().collect();
    assert!(!expected.is_empty() && expected.len() < all.len(), "{} rows", expected.len());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);

    // What would be SQL is a value, and finds nothing.
    let injected = json!([item("", "", "unique_id", "=", "x' OR '1' = '1", "")]);
    assert!(customer.lines(&filtered(&injected)).await.is_empty());
    let mut parameter = of_sample(2);
    parameter["GenerateParams"]["Parameters"] = json!([{ "Name": "codigo", "Type": "String", "Value": "' OR 1=1 --" }]);
    assert_eq!(customer.lines(&parameter).await.len(), 500);

    // The filter is on record, signed in the manifest, and asked for again by a repeat.
    let id = customer.execute(&filtered(&json!([item("", "", "amount", ">=", "0", "")]))).await;
    let request = waybill::domain::id::RequestId::new(id);
    let own = customer.tenant.succeeded(request).await;
    assert_eq!(own["filter"], json!({ "column": "amount", "operator": "ge", "value": "0" }));
    let manifest = customer.tenant.get(&format!("/v1/requests/{request}/manifest")).await.json();
    assert_eq!(manifest["filter"], own["filter"]);
    let again = customer.post(&format!("/v1/requests/{request}/repeat"), &json!({})).await.json();
    let again = customer.tenant.succeeded(again["id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!((&again["filter"], &again["rows"]), (&own["filter"], &own["rows"]));
}

#[tokio::test]
async fn filters_that_cannot_be_are_refused_by_their_place() {
    let world = World::load().await;
    let customer = Customer::of(&world, 10).await;
    let body = filtered(&json!([
        item("", "", "price", "=", "1", ""),
        item("E", "", "organisation_id", "=", "abc", ""),
        item("E", "", "amount", "LIKE", "1%", ""),
    ]));
    let error = refused(&world, "a filter", &customer.post(&execute(UID), &body).await, 400, "validation_failed");
    let at = |index: usize, field: &str| format!("generateParams.filters[0].filterItens[{index}].{field}");
    let expected = [(at(0, "column"), "unknown"), (at(1, "value"), "type"), (at(2, "operator"), "not_allowed")];
    assert_eq!(fields(&error), expected.iter().map(|(at, code)| (at.as_str(), *code)).collect::<Vec<_>>());
    let unbalanced = filtered(&json!([item("", "((", "amount", "=", "1", ")")]));
    let error =
        refused(&world, "parentheses", &customer.post(&execute(UID), &unbalanced).await, 400, "validation_failed");
    assert_eq!(fields(&error), [("generateParams.filters[0].filterItens[0].openParenth", "format")]);
    customer.tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn the_own_api_filters_too() {
    let world = World::load().await;
    let customer = Customer::of(&world, 200).await;
    let order = |filter: Value| json!({ "report": customer.report, "packaging": "plain", "filter": filter });
    let none = order(json!({ "all": [{ "column": "amount", "operator": "null" }] }));
    let done = customer.tenant.succeeded(customer.tenant.order(&none).await).await;
    assert_eq!((&done["rows"], &done["filter"]), (&json!(0), &none["filter"]));
    let wrong = customer.post("/v1/requests", &order(json!({ "column": "x", "operator": "eq", "value": 1 }))).await;
    let problem = crate::refusal::check(&world, "a filter", &wrong, 422, "validation_failed");
    assert_eq!(crate::refusal::faults(&problem), [("/filter/column".to_owned(), "unknown".to_owned())]);
}
