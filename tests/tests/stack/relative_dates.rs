//! Dates that are given relative to the day: reckoned once, when a request is accepted, and of the same days ever after.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use waybill::{
    aws::table::{Stored, Write},
    domain::{definition::parameter::Relative, id::RequestId, request::Request},
};
use waybill_tests::{
    lake::Lake,
    tenant::{Tenant, WALLET},
    world::World,
};

use crate::refusal;

const DEFINITION: &str = include_str!("../../../infra/reports/Report_digital_wallet_transaction_detail.toml");

/// First and last day of the month before, where it is `zone`.
fn last_month(zone: &str) -> (Date, Date) {
    let today = Timestamp::now().to_zoned(TimeZone::get(zone).unwrap()).date();
    Relative::from_name("last_month").unwrap().days(today)
}

fn relative(edge: &str, zone: &str) -> Value {
    json!({ "relative": "last_month", "edge": edge, "time_zone": zone })
}

async fn manifest(tenant: &Tenant, id: RequestId) -> Value {
    let answer = tenant.get(&format!("/v1/requests/{id}/manifest")).await;
    answer.expect_status("read a manifest", &[200]).unwrap()
}

/// As if it had been asked for in February 2024.
async fn move_to_january(world: &World, tenant: &Tenant, id: RequestId) {
    let read = world.request(&tenant.id, id).await;
    let days = json!({ "d1": "2024-01-01T00:00:00", "d2": "2024-01-31T23:59:59.999" });
    let mut row = read.row.clone();
    row.reckoned = days.as_object().unwrap().clone();
    let read: Stored<Request> = read;
    world.table.write(vec![Write::replace(&read, &row).unwrap()]).await.unwrap();
}

#[tokio::test]
async fn a_request_says_what_was_asked_and_which_days_that_was() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    // In Kiritimati it is the next day long before it is in Pago Pago, and for a day the next month.
    let parameters =
        json!({ "d1": relative("start", "Pacific/Pago_Pago"), "d2": relative("end", "Pacific/Kiritimati") });
    let mut order = json!({ "report": WALLET, "parameters": parameters, "validate_only": true });
    let first = format!("{}T00:00:00.000", last_month("Pacific/Pago_Pago").0);
    let last = format!("{}T23:59:59.999", last_month("Pacific/Kiritimati").1);
    let preview = tenant.api.post("/v1/requests", &order).await.unwrap();
    let preview = preview.expect_status("validate", &[200]).unwrap();
    assert_eq!((&preview["resolved"]["d1"], &preview["resolved"]["d2"]), (&json!(first), &json!(last)));
    tenant.nothing_is_recorded(&world).await;

    order["validate_only"] = json!(false);
    let id = tenant.order(&order).await;
    let status = tenant.succeeded(id).await;
    assert_eq!(status["parameters"], parameters, "as given");
    assert_eq!((&status["resolved"]["d1"], &status["resolved"]["d2"]), (&json!(first), &json!(last)));
    assert_eq!(status["resolved"]["d1_month"], first[..7]);
    // What is signed is which days they are.
    let stated = json!({ "d1": first.trim_end_matches(".000"), "d2": last });
    assert_eq!(manifest(&tenant, id).await["parameters"], stated);
}

#[tokio::test]
async fn the_same_again_is_of_the_same_days() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let parameters = json!({ "d1": relative("start", "UTC"), "d2": relative("end", "UTC") });
    let first = tenant.order(&json!({ "report": WALLET, "parameters": parameters })).await;
    tenant.succeeded(first).await;
    move_to_january(&world, &tenant, first).await;
    let again = tenant.api.post(&format!("/v1/requests/{first}/repeat"), &json!({})).await.unwrap();
    let again = again.expect_status("repeat", &[202]).unwrap()["id"].as_str().unwrap().parse().unwrap();
    let status = tenant.succeeded(again).await;
    assert_eq!(status["resolved"]["d2"], "2024-01-31T23:59:59.999", "not the month before this one");
    assert_eq!(status["parameters"]["d1"], "2024-01-01T00:00:00", "it asks for days");
}

#[tokio::test]
async fn a_default_may_be_relative_and_a_changed_definition_changes_no_days() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    Lake::generate(&world, &tenant.id, 600, 1).await;
    let mut january = tenant.wallet_order();
    january["parameters"]["d2"] = json!("2024-01-31T23:59:59.999");
    let rows = tenant.succeeded(tenant.order(&january).await).await["rows"].as_u64().unwrap();
    assert!((1..600).contains(&rows));

    // Where nothing is given, the month before; a report of its own, which no function has seen yet.
    let own = waybill_tests::tenant::fresh_id();
    let default = |edge: &str| format!("default = {{ relative = \"last_month\", edge = \"{edge}\" }}\n");
    let begins = DEFINITION.replacen("required = true\n", &default("start"), 1).replace(WALLET, &own);
    let definition = begins.replacen("required = true\n", &default("end"), 1);
    let put = async |definition: String| {
        let key = format!("tenants/{}/reports/{own}.toml", tenant.id);
        world.put(&world.stack.buckets.config, &key, definition.into_bytes()).await;
    };
    put(definition.clone()).await;
    let shown = tenant.get(&format!("/v1/reports/{own}")).await.json();
    assert_eq!(shown["parameters"][0]["default"], json!({ "relative": "last_month", "edge": "start" }), "{shown}");

    tenant.hold_slot(&world).await;
    let id = tenant.order(&json!({ "report": own })).await;
    tenant.waits(id).await;
    let waiting = tenant.status(id).await;
    assert_eq!((&waiting["parameters"], waiting["resolved"]["d1"].is_string()), (&json!({}), true), "{waiting}");
    // It waits for very long, and meanwhile the definition becomes another.
    move_to_january(&world, &tenant, id).await;
    put(definition.replace("version = 1", "version = 2")).await;
    tenant.free_slot(&world, id).await;
    assert_eq!(tenant.succeeded(id).await["rows"], rows);
    assert_eq!(manifest(&tenant, id).await["parameters"]["d2"], "2024-01-31T23:59:59.999");
}

#[tokio::test]
async fn what_is_wrong_with_a_relative_date_is_named() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let parameters = json!({
        "d1": { "relative": "last_fortnight", "time_zone": "Brasilia", "edge": "start" },
        "d2": { "relative": "yesterday", "from": 1 },
        "organisation_id": { "relative": "today" },
    });
    let answer = tenant.api.post("/v1/requests", &json!({ "report": WALLET, "parameters": parameters })).await.unwrap();
    let problem = refusal::check(&world, "relative dates", &answer, 422, "validation_failed");
    let mut found = refusal::faults(&problem);
    found.sort();
    let expected = [
        ("/parameters/d1/relative", "not_allowed"),
        ("/parameters/d1/time_zone", "format"),
        ("/parameters/d2/edge", "missing"),
        ("/parameters/d2/from", "unknown"),
        ("/parameters/organisation_id", "type"),
    ];
    assert_eq!(found, expected.map(|(at, code)| (at.to_owned(), code.to_owned())));
    // What it comes to is held against the definition, such as that the end is not before the start.
    let today = json!({ "relative": "today", "edge": "start" });
    let yesterday = json!({ "relative": "yesterday", "edge": "end" });
    let parameters = json!({ "d1": today, "d2": yesterday });
    let answer = tenant.api.post("/v1/requests", &json!({ "report": WALLET, "parameters": parameters })).await.unwrap();
    let problem = refusal::check(&world, "yesterday after today", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem)[0].1, "range_reversed");
    tenant.nothing_is_recorded(&world).await;

    let report = tenant.get(&format!("/v1/reports/{WALLET}")).await.json();
    let names: Vec<&str> = Relative::names().collect();
    assert_eq!(report["parameters"][0]["relative"], json!(names));
    assert!(report["parameters"][2]["relative"].is_null(), "only dates");
}
