//! What is refused, each in TReports' own shape, and nothing recorded.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill_tests::{tenant::Tenant, world::World};

use super::{Customer, UID, execute, fields, of_sample, refused};

const GENERATE: &str = "/api/reports/v2/generate";

fn with(pointer: &str, value: Value) -> Value {
    let mut body = of_sample(0);
    body["NotificationParams"] = json!({});
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

#[tokio::test]
async fn what_is_asked_for_and_not_done_is_refused_by_its_name() {
    let world = World::load().await;
    let customer = Customer::of(&world, 10).await;
    let parameter = |name: &str, kind: &str| json!([{ "Name": name, "Type": kind, "Value": "1" }]);
    let cases = [
        (with("/ScheduleParams/Repeat", json!(true)), "scheduleParams.repeatTime", "missing"),
        (with("/ScheduleParams/Type", json!(1)), "scheduleParams.date", "missing"),
        (with("/ScheduleParams", json!("now")), "scheduleParams", "type"),
        (with("/GenerateParams/ExportFileType", json!(10)), "generateParams.exportFileType", "not_allowed"),
        (with("/GenerateParams/ExportFileType", json!(4)), "generateParams.exportFileType", "not_allowed"),
        (with("/GenerateParams/Parameters", parameter("code", "")), "generateParams.parameters[0]", "unknown"),
        (with("/GenerateParams/Parameters", parameter("codigo", "Int32")), "generateParams.parameters[0].type", "type"),
        (with("/GenerateParams/CustomData", json!("x".repeat(5_000))), "generateParams.CustomData", "out_of_range"),
        (with("/NotificationParams", json!({ "users": [7] })), "notificationParams.users", "unknown"),
        (
            with("/NotificationParams", json!({ "webhook": "https://169.254.169.254/" })),
            "notificationParams.webhook",
            "url_refused",
        ),
        (
            with("/NotificationParams", json!({ "endpoint": "end_x" })),
            "notificationParams.endpoint",
            "unknown_endpoint",
        ),
        (with("/User", json!(7)), "user", "type"),
        (json!([]), "body", "type"),
        (json!({ "generateParams": { "sql": "DROP TABLE x" } }), "generateParams.sql", "unknown"),
    ];
    for (body, field, code) in cases {
        let error = refused(&world, field, &customer.post(&execute(UID), &body).await, 400, "validation_failed");
        assert_eq!(fields(&error), [(field, code)], "{error}");
    }
    // A preview has no schedule, whatever it says.
    let mut view = with("/ScheduleParams/Repeat", json!(true));
    view["GenerateParams"]["IsView"] = json!(true);
    assert_eq!(customer.post(&execute(UID), &view).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_read_or_found_is_refused() {
    let world = World::load().await;
    let customer = Customer::of(&world, 10).await;
    let send = async |method: Method, path: &str, body: &[u8]| {
        let headers = [("content-type", "application/json")];
        customer.tenant.api.send(method, path, &headers, body.to_vec()).await.unwrap()
    };
    let path = execute(UID);
    for body in [&b""[..], b"{", b"\xff\xfe", b"user=x"] {
        refused(&world, "no JSON", &send(Method::POST, &path, body).await, 400, "malformed_json");
    }
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    refused(&world, "deep JSON", &send(Method::POST, &path, deep.as_bytes()).await, 400, "malformed_json");
    refused(&world, "a method", &send(Method::GET, &path, b"").await, 405, "malformed_request");
    for uid in [Uuid::new_v4().to_string(), "nothing".into(), "..".into(), "%FF".into(), "%00".into(), "é".into()] {
        let answer = customer.post(&execute(&uid), &of_sample(0)).await;
        assert!(matches!(answer.status, 400 | 404), "{uid}: {}", answer.status);
    }
    refused(
        &world,
        "a report",
        &customer.post(&execute(&Uuid::new_v4().to_string()), &of_sample(0)).await,
        404,
        "report_not_found",
    );
    refused(
        &world,
        "a report",
        &customer.post(GENERATE, &json!({ "reportId": "nothing" })).await,
        404,
        "report_not_found",
    );
    let error = refused(&world, "no report", &customer.post(GENERATE, &json!({})).await, 400, "validation_failed");
    assert_eq!(fields(&error), [("reportId", "missing")]);
    for id in [Uuid::new_v4().to_string(), "7".into(), "-1".into(), "99999999999999".into(), "x".into(), "1.5".into()] {
        for what in ["info", "file"] {
            let answer = customer.get(&format!("/api/trep/v1/generateds/{id}/{what}")).await;
            refused(&world, &id, &answer, 404, "not_found");
        }
        refused(&world, &id, &customer.get(&format!("{GENERATE}/{id}/pdf")).await, 404, "not_found");
    }
    customer.tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn nobody_else_gets_in() {
    let world = World::load().await;
    let (customer, other) = (Customer::of(&world, 10).await, Customer::of(&world, 10).await);
    let id = customer.execute(&of_sample(0)).await;
    let info = customer.info(id).await;
    let off = Tenant::create(&world).await;
    let gets = [
        "/api/trep/v1/reports/".to_owned(),
        format!("/api/trep/v1/generateds/{id}/info"),
        format!("/api/trep/v1/generateds/{id}/file"),
        format!("/api/trep/v1/generateds/{}/file", info["id"]),
        format!("{GENERATE}/{id}/pdf"),
    ];
    for (index, path) in gets.iter().enumerate() {
        assert!(matches!(customer.get(path).await.status, 200), "{path}");
        refused(&world, path, &world.api.get(path).await.unwrap(), 401, "credential_missing");
        refused(&world, path, &world.admin.get(path).await.unwrap(), 403, "scope_missing");
        refused(&world, path, &off.get(path).await, 403, "interface_off");
        if index > 0 {
            refused(&world, path, &other.get(path).await, 404, "not_found");
        }
    }
    for (path, body) in [(execute(UID), of_sample(0)), (GENERATE.to_owned(), json!({ "reportId": UID }))] {
        refused(&world, &path, &world.api.post(&path, &body).await.unwrap(), 401, "credential_missing");
        refused(&world, &path, &off.api.post(&path, &body).await.unwrap(), 403, "interface_off");
    }
    // Another tenant's report is none, by whatever name.
    let named = other.post(GENERATE, &json!({ "reportId": customer.report })).await;
    refused(&world, "another tenant's report", &named, 404, "report_not_found");
}
