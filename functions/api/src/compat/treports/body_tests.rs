use proptest::prelude::*;
use serde_json::json;
use waybill::domain::{
    definition::{Limits, Parameter, ParameterKind},
    style::Style,
};

use super::*;

fn definition() -> Definition {
    let codigo = Parameter {
        name: "codigo".to_owned(),
        description: String::new(),
        kind: ParameterKind::Text { max_length: 10, allowed: vec![] },
        required: true,
        default: None,
        not_before: None,
    };
    Definition {
        id: "r".to_owned(),
        version: 1,
        title: "R".to_owned(),
        description: String::new(),
        sql: String::new(),
        datasets: BTreeMap::new(),
        parameters: vec![codigo],
        columns: vec![],
        formats: vec![Format::Pdf],
        style: Style::default(),
        limits: Limits::default(),
        checks: vec![],
    }
}

fn read(body: &Json) -> Result<Wanted, Vec<Fault>> {
    let zone = Zone::named("America/Sao_Paulo").unwrap();
    Wanted::of_execution(body, &definition(), (&zone, Timestamp::UNIX_EPOCH))
}

fn faults(body: &Json) -> Vec<(String, &'static str)> {
    let faults = read(body).unwrap_err();
    faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

/// The body of TOTVS's documentation.
fn documented() -> Json {
    json!({
        "user": "", "notificationParams": {},
        "generateParams": {
            "CustomData": "", "stopExecutionOnError": true, "licenseContext": "e30=", "exportFileType": 0, "isView": false,
            "parameters": [
                { "type": "String", "name": "codigo", "value": "000839", "description": "informe o codigo do produto" }
            ],
            "filters": []
        },
        "id": 0,
        "scheduleParams": {
            "repeat": false, "type": 0, "repeatType": 0, "repeatMonthPattern": { "last": false, "day": 0 },
            "repeatTime": "string",
            "repeatWeekPattern": {
                "sunday": false, "monday": false, "thursday": false, "friday": false, "tuesday": false,
                "wednesday": false, "saturday": false
            }
        }
    })
}

#[test]
fn the_documented_body_is_read() {
    let wanted = read(&documented()).unwrap();
    assert_eq!((&wanted.parameters["codigo"], &wanted.formats[..]), (&json!("000839"), &[Format::Pdf][..]));
    assert_eq!((wanted.filter, wanted.delivery, wanted.licence.as_deref()), (None, None, Some("e30=")));
    assert_eq!(wanted.keeps, Keeps { stop_on_error: true, ..Keeps::default() });
}

#[test]
fn a_typed_client_sends_capitals_and_nulls() {
    let body = json!({
        "Id": 7, "User": "maria", "GenerateParams": {
            "Parameters": [{ "Name": "codigo", "Value": "1", "Type": null, "Description": null }], "Filters": null,
            "IsView": true, "StopExecutionOnError": false, "ExportFileType": 5, "LicenseContext": null,
            "CustomData": { "order": [7] },
        },
        "ScheduleParams": { "Type": 1, "Date": "2026-01-01T00:00:00Z", "Repeat": true, "RepeatWeekPattern": null },
        "NotificationParams": { "Emails": ["a@example.com"] }, "Extra": null,
    });
    let wanted = read(&body).unwrap();
    let keeps = Keeps {
        user: Some("maria".to_owned()),
        id: Some(7),
        custom_data: Some(json!({ "order": [7] })),
        is_view: true,
        notification: Some(json!({ "Emails": ["a@example.com"] })),
        ..Keeps::default()
    };
    assert_eq!(wanted.keeps, keeps, "a preview has no schedule");
    assert_eq!(
        (wanted.delivery, wanted.formats),
        (Some(json!({ "email": { "to": ["a@example.com"] } })), vec![Format::Xlsx])
    );
    assert!(read(&json!({})).is_ok(), "what is required is found later");
}

#[test]
fn every_fault_is_found_at_once() {
    let found = faults(&json!({
        "user": 7, "id": "x", "page": 3, "notificationParams": { "sms": "1" },
        "generateParams": {
            "CustomData": "x".repeat(5_000), "stopExecutionOnError": "yes", "licenseContext": 7, "exportFileType": 9,
            "isView": 0, "parameters": [{ "type": "Memo", "name": "codigo" }, { "value": 1 }, "x"], "filters": {},
        },
        "scheduleParams": { "repeat": true, "type": 1 },
    }));
    let expected = [
        ("page", "unknown"),
        ("generateParams.isView", "type"),
        ("scheduleParams.date", "missing"),
        ("scheduleParams.repeatTime", "missing"),
        ("generateParams.parameters[0].type", "not_allowed"),
        ("generateParams.parameters[1].name", "missing"),
        ("generateParams.parameters[2]", "type"),
        ("generateParams.filters", "type"),
        ("generateParams.exportFileType", "not_allowed"),
        ("notificationParams.sms", "unknown"),
        ("generateParams.licenseContext", "type"),
        ("user", "type"),
        ("id", "type"),
        ("generateParams.CustomData", "out_of_range"),
        ("generateParams.stopExecutionOnError", "type"),
    ];
    assert_eq!(found, expected.map(|(at, code)| (at.to_owned(), code)));
    assert_eq!(faults(&json!({ "generateParams": [] })), [("generateParams".to_owned(), "type")]);
    assert_eq!(
        faults(&json!({ "scheduleParams": { "type": 2 } })),
        [("scheduleParams.type".to_owned(), "not_allowed")]
    );
    for no_object in [json!([]), json!("x"), json!(null)] {
        assert_eq!(faults(&no_object), [("body".to_owned(), "type")]);
    }
}

#[test]
fn faults_of_the_own_request_find_their_fields() {
    let places = read(&documented()).unwrap().places;
    for (pointer, place) in [
        ("/parameters/codigo", "generateParams.parameters[0]"),
        ("/parameters/dates/from", "generateParams.parameters.dates_from"),
        ("/format", "generateParams.exportFileType"),
        ("/filter", "generateParams.filters"),
        ("/delivery/endpoint", "notificationParams.endpoint"),
        ("/packaging", "packaging"),
    ] {
        assert_eq!(places.of(pointer), place);
    }
}

proptest! {
    #[test]
    fn nothing_panics(name in "[a-zA-Z.]{0,12}", text in ".{0,12}", number: i64) {
        let body = json!({
            name.clone(): text, "id": number, "generateParams": { name.clone(): { name: number }, "exportFileType": number },
            "scheduleParams": { "type": text },
        });
        let _ = read(&body);
    }
}
