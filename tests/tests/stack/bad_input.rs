//! Bad bodies and parameters: refused with the place and the reason, and nothing recorded.

use http::Method;
use serde_json::{Value, json};
use waybill_tests::{
    tenant::{Tenant, WALLET},
    world::World,
};

use crate::refusal;

#[tokio::test]
async fn bodies_that_are_no_request() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let huge = json!({ "report": "x".repeat(65 * 1024) }).to_string();
    let deep = "[".repeat(20_000);
    let cases: [(&str, &str, u16, &str); 9] = [
        ("cut off", "{\"report\": ", 400, "malformed_json"),
        ("empty", "", 400, "malformed_json"),
        ("not UTF-8 escapes", "{\"report\": \"\\ud800\"}", 400, "malformed_json"),
        ("two documents", "{} {}", 400, "malformed_json"),
        ("XML", "<report/>", 400, "malformed_json"),
        ("deep", &deep, 400, "malformed_json"),
        ("an array", "[]", 422, "validation_failed"),
        ("null", "null", 422, "validation_failed"),
        ("more than 64 KiB", &huge, 413, "body_too_large"),
    ];
    for (what, body, status, code) in cases {
        let headers = [("content-type", "application/json")];
        let answer = tenant.api.send(Method::POST, "/v1/requests", &headers, body.into()).await.unwrap();
        refusal::check(&world, what, &answer, status, code);
    }
    tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn reports_and_paths_that_are_not_there() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    for report in ["nothing", "../issuers", "invoice_lines.toml", "INVOICE_LINES", ""] {
        let answer = tenant.api.post("/v1/requests", &json!({ "report": report })).await.unwrap();
        refusal::check(&world, report, &answer, 404, "report_not_found");
    }
    let paths = [
        (Method::GET, "/nowhere", 404, "no_such_route"),
        (Method::GET, "/v1/requests/", 404, "no_such_route"),
        (Method::GET, "/v1/requests/req_1", 404, "not_found"),
        (Method::DELETE, "/v1/requests", 405, "method_not_allowed"),
        (Method::POST, "/v1/reports", 405, "method_not_allowed"),
    ];
    for (method, path, status, code) in paths {
        let answer = tenant.api.send(method.clone(), path, &[], vec![]).await.unwrap();
        refusal::check(&world, &format!("{method} {path}"), &answer, status, code);
    }
    tenant.nothing_is_recorded(&world).await;
}

/// An order of `invoice_lines`, with what a case puts into it.
fn invoices(parameters: &Value) -> Value {
    json!({ "report": "invoice_lines", "parameters": parameters })
}

fn wallet(parameters: &Value) -> Value {
    json!({ "report": WALLET, "parameters": parameters })
}

#[tokio::test]
async fn faults_have_a_place_and_a_code() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let dates = json!({ "from": "2011-06-01", "to": "2011-06-30" });
    let good = json!({ "dates": dates });
    let (d1, d2) = ("2024-01-01T00:00:00", "2024-01-31T00:00:00");
    let cases: Vec<(Value, &[(&str, &str)])> = vec![
        (json!({}), &[("/report", "missing")]),
        (json!({ "report": 7 }), &[("/report", "type")]),
        (json!({ "report": "invoice_lines", "parameters": good, "x/y~": 1 }), &[("/x~1y~0", "unknown")]),
        (
            json!({ "report": "invoice_lines", "parameters": "all" }),
            &[("/parameters", "type"), ("/parameters/dates", "missing")],
        ),
        (json!({ "report": "invoice_lines", "parameters": good, "format": "pdf" }), &[("/format", "not_allowed")]),
        (json!({ "report": "invoice_lines", "parameters": good, "format": 1 }), &[("/format", "type")]),
        (
            json!({ "report": "invoice_lines", "parameters": good, "packaging": "rar" }),
            &[("/packaging", "not_allowed")],
        ),
        (invoices(&json!({})), &[("/parameters/dates", "missing")]),
        (invoices(&json!({ "dates": null })), &[("/parameters/dates", "missing")]),
        (invoices(&json!({ "dates": "2011" })), &[("/parameters/dates", "type")]),
        (invoices(&json!({ "dates": { "from": "2011-06-01" } })), &[("/parameters/dates/to", "missing")]),
        (
            invoices(&json!({ "dates": { "from": "2011-06-31", "to": 20_110_630 } })),
            &[("/parameters/dates/from", "format"), ("/parameters/dates/to", "type")],
        ),
        (
            invoices(&json!({ "dates": { "from": "2011-06-30", "to": "2011-06-01" } })),
            &[("/parameters/dates", "range_reversed")],
        ),
        (invoices(&json!({ "dates": dates, "country": "x".repeat(65) })), &[("/parameters/country", "out_of_range")]),
        (invoices(&json!({ "dates": dates, "country": ["Germany"] })), &[("/parameters/country", "type")]),
        (invoices(&json!({ "dates": dates, "min_amount": "1.2345" })), &[("/parameters/min_amount", "format")]),
        (invoices(&json!({ "dates": dates, "min_amount": "1; DROP" })), &[("/parameters/min_amount", "format")]),
        (invoices(&json!({ "dates": dates, "min_amount": true })), &[("/parameters/min_amount", "type")]),
        (invoices(&json!({ "dates": dates, "tenant": "acme" })), &[("/parameters/tenant", "unknown")]),
        (
            wallet(&json!({ "d1": d1, "d2": d2, "organisation_id": 0 })),
            &[("/parameters/organisation_id", "out_of_range")],
        ),
        (wallet(&json!({ "d1": d1, "d2": d2, "organisation_id": 1.5 })), &[("/parameters/organisation_id", "type")]),
        (wallet(&json!({ "d1": d1, "d2": d2, "organisation_id": "1" })), &[("/parameters/organisation_id", "type")]),
        (wallet(&json!({ "d1": "2024-02-30T00:00:00", "d2": d2 })), &[("/parameters/d1", "format")]),
        (wallet(&json!({ "d1": "2024-01-01T00:00:00Z", "d2": d2 })), &[("/parameters/d1", "format")]),
        (
            json!({
                "report": "invoice_lines", "parameters": { "dates": 1 }, "format": "doc", "delivery": { "webhook": {} },
            }),
            &[("/delivery/webhook/url", "missing"), ("/format", "not_allowed"), ("/parameters/dates", "type")],
        ),
        (
            json!({ "parameters": [], "format": "doc", "packaging": 7, "delivery": { "fax": 1 } }),
            &[
                ("/delivery/fax", "unknown"),
                ("/delivery/webhook", "missing"),
                ("/format", "not_allowed"),
                ("/packaging", "type"),
                ("/parameters", "type"),
                ("/report", "missing"),
            ],
        ),
        (
            wallet(&json!({ "d1": 1, "organisation_id": -1, "more": {} })),
            &[
                ("/parameters/d1", "type"),
                ("/parameters/d2", "missing"),
                ("/parameters/more", "unknown"),
                ("/parameters/organisation_id", "out_of_range"),
            ],
        ),
    ];
    for (body, expected) in cases {
        let answer = tenant.api.post("/v1/requests", &body).await.unwrap();
        let problem = refusal::check(&world, &body.to_string(), &answer, 422, "validation_failed");
        let expected: Vec<_> =
            expected.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect();
        assert_eq!(refusal::faults(&problem), expected, "{body}");
    }
    tenant.nothing_is_recorded(&world).await;
}
