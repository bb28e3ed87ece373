//! Licence contexts: in a header, in the body, and where no seat is free.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use waybill_tests::{wait::eventually, world::World};

use super::{Customer, UID, execute, fields, of_sample, refused};

const GENERATE: &str = "/api/reports/v2/generate";

/// The body of TOTVS's documentation, letter by letter.
const DOCUMENTED: &str = r#"{ "user": "", "notificationParams": {}, "generateParams": { "CustomData": "", "stopExecutionOnError": true, "licenseContext": "eyJmZWRlcmFsSWQiOiAiICAgICAgICAgICAgICAiLCJtYWluVGhyZWFkSWQiOiA1MTMwOCwidGhyZWFkSWQiOiA1MTMwOCwibW9kdWxlSWQiOiAiMiIsImFjdGlvbk5hbWUiOiAiVFJFUE9SVFNfMSIsImxpY2Vuc2VTZXJ2ZXIiOiB7Imhvc3RuYW1lIjogImxvY2FsaG9zdCIsInBvcnQiOiA1NTU1IH0sImNsaWVudCI6IHsiaG9zdG5hbWUiOiAiMTI3LjAuMC4xIiwicG9ydCI6IDEyMzUgfSwidXNlciI6IHsibmFtZSI6ICIwMDAwMDAiLCJpc0Z1bGxEZXRlcm1pbmFkbyI6IGZhbHNlLCJjcmVkZW50aWFscyI6IG51bGx9fQ==", "exportFileType": 0, "isView": false, "parameters": [ { "type": "String", "name": "codigo", "value": "000839", "description": "informe o codigo do produto" } ], "filters": [] }, "id": 0, "scheduleParams": { "repeat": false, "type": 0, "repeatType": 0, "repeatMonthPattern": { "last": false, "day": 0 }, "repeatTime": "string", "repeatWeekPattern": { "sunday": false, "monday": false, "thursday": false, "friday": false, "tuesday": false, "wednesday": false, "saturday": false } } }"#;

fn context(thread: i64) -> Value {
    json!({
        "federalId": "11111111111111", "mainThreadId": thread, "threadId": 999_999, "moduleId": "2", "actionName": "A",
        "licenseServer": { "hostname": "10.0.0.1", "port": 5555 }, "client": { "hostname": "10.0.0.2", "port": 1235 },
        "user": { "name": "maria", "isFullDeterminado": false, "credentials": null },
    })
}

fn encoded(context: &Value) -> String {
    BASE64_STANDARD.encode(context.to_string())
}

#[tokio::test]
async fn the_documented_body_holds_the_seat_of_its_context() {
    let world = World::load().await;
    let pool = json!({ "licence_pool": { "seats": 1, "linger_seconds": 0 }, "quotas": { "running": 1 } });
    let customer = Customer::with(&world, 50, pool, "").await;
    customer.tenant.hold_slot(&world).await;
    let documented: Value = serde_json::from_str(DOCUMENTED).unwrap();
    let id = customer.execute(&documented).await;
    let licences = customer.get("/v1/licences").await.json();
    assert_eq!((&licences["in_use"], &licences["keys"][0]["user"]), (&json!(1), &json!("000000")), "{licences}");

    // The same key shares the seat; another, and the user's own, finds none.
    customer.execute(&documented).await;
    let other = encoded(&context(7));
    let answer = customer.post_with(GENERATE, &[("x-license-context", &other)], &json!({ "reportId": UID })).await;
    let error = refused(&world, "no seat", &answer, 409, "licence_unavailable");
    assert_eq!((&error["licences"]["seats"], &error["licences"]["in_use"]), (&json!(1), &json!(1)), "{error}");
    assert_eq!(error["message"], "Não há licença disponível.");
    assert!(error["licences"].get("frees_at").is_some(), "{error}");
    refused(&world, "no seat", &customer.post(&execute(UID), &of_sample(0)).await, 409, "licence_unavailable");
    assert_eq!(world.requests(&customer.tenant.id).await.len(), 2);

    customer.tenant.free_slot(&world, waybill::domain::id::RequestId::new(id)).await;
    let info = customer.info(id).await;
    assert!(customer.file(&info, 0).await.body.starts_with(b"%PDF-"));
    eventually("a free seat", async || {
        let answer = customer.post_with(GENERATE, &[("x-license-context", &other)], &json!({ "reportId": UID })).await;
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn contexts_that_are_wrong_are_refused_by_their_field() {
    let world = World::load().await;
    let customer = Customer::of(&world, 10).await;
    let with = |at: &str, value: Value| {
        let mut context = context(1);
        *context.pointer_mut(at).unwrap() = value;
        encoded(&context)
    };
    let mut missing = context(1);
    missing.as_object_mut().unwrap().remove("moduleId");
    let cases = [
        ("%%%".to_owned(), "", "base64"),
        (BASE64_STANDARD.encode("{"), "", "json"),
        (BASE64_STANDARD.encode("[]"), "", "type"),
        (with("/mainThreadId", json!("51308")), ".mainThreadId", "type"),
        (with("/client/port", json!(70_000)), ".client.port", "out_of_range"),
        (with("/user/name", json!("  ")), ".user.name", "missing"),
        (encoded(&missing), ".moduleId", "missing"),
        ("A".repeat(8 * 1024), "", "too_long"),
    ];
    for (text, field, code) in cases {
        let mut body = of_sample(0);
        body["GenerateParams"]["LicenseContext"] = json!(text);
        let answer = customer.post(&execute(UID), &body).await;
        let error = refused(&world, field, &answer, 400, "licence_context_invalid");
        assert_eq!(fields(&error), [(format!("generateParams.licenseContext{field}").as_str(), code)], "in the body");
        let answer = customer.post_with(GENERATE, &[("x-license-context", &text)], &json!({ "reportId": UID })).await;
        let error = refused(&world, field, &answer, 400, "licence_context_invalid");
        assert_eq!(fields(&error), [(format!("X-License-Context{field}").as_str(), code)], "in the header");
    }
    let mut body = of_sample(0);
    body["GenerateParams"]["LicenseContext"] = json!(encoded(&context(1)));
    let answer = customer.post_with(&execute(UID), &[("x-license-context", &encoded(&context(2)))], &body).await;
    let error = refused(&world, "two that differ", &answer, 400, "licence_context_invalid");
    assert_eq!(fields(&error), [("generateParams.licenseContext", "not_allowed")]);
    body["GenerateParams"]["LicenseContext"] = json!("A".repeat(1 << 20));
    refused(&world, "1 MB", &customer.post(&execute(UID), &body).await, 413, "body_too_large");
    customer.tenant.nothing_is_recorded(&world).await;
}
