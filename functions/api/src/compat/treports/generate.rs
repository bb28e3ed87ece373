//! The calls of today: a report, its parameters, and the formats that are wanted.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use waybill::{
    accept::{Fault, fields::Faults},
    domain::{definition::Definition, outcome::Format, request::Receipt},
};

use super::{
    body::{Places, Wanted, list},
    entered, export,
    keeps::Keeps,
    licence,
    order::Generation,
    parameters::{Given, translate},
    refused,
    refused::Refused,
    reports,
    words::Words,
};
use crate::{app::App, auth::MayRequest, body::JsonBody, problem::Problem, routes::requests::idempotency_key};

const FIELDS: [&str; 3] = ["reportId", "parameters", "exportFormats"];

/// Most formats of one generation: as many as are made, each of them twice.
const MAX_FORMATS: usize = 10;

/// Longest identifier of a report, in bytes.
const MAX_ID: usize = 100;

/// `POST /api/reports/v2/generate`: the id of the generation.
pub async fn generate(
    State(app): State<Arc<App>>,
    caller: Result<MayRequest, Problem>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Refused> {
    generation(&app, caller, None, &headers, body).await
}

/// `POST /api/reports/v1/resources/{uid}/generate`: the same of the report in the path.
pub async fn of_resource(
    State(app): State<Arc<App>>,
    caller: Result<MayRequest, Problem>,
    Path(uid): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Refused> {
    generation(&app, caller, Some(uid), &headers, body).await
}

async fn generation(
    app: &Arc<App>,
    caller: Result<MayRequest, Problem>,
    uid: Option<String>,
    headers: &HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Refused> {
    let caller = caller?;
    let (tenant, settings) = entered(app, &caller.tenant).await?;
    let ordered = async {
        let JsonBody(body) = body?;
        let uid = report_of(&body, uid).map_err(refused::invalid)?;
        let definition = reports::find(app, &tenant, &settings, &uid).await?;
        let mut wanted = wanted(&body, &definition).map_err(refused::invalid)?;
        wanted.keeps.uid = uid;
        let user = wanted.keeps.user.as_deref().unwrap_or(&caller.subject);
        let seat = licence::seat(headers, wanted.licence.as_deref(), &tenant.id, user)?;
        let generation = Generation {
            caller: &caller,
            tenant: &tenant,
            settings: &settings,
            report: &definition.id,
            wanted: &wanted,
            seat: &seat,
            idempotency_key: idempotency_key(headers)?,
        };
        generation.order(app).await
    };
    let ordered: Result<Receipt, Problem> = ordered.await;
    ordered.map(|receipt| told(&receipt, headers)).map_err(|problem| Refused::new(problem, settings.language))
}

/// The id as JSON; bare for who wants plain text and no JSON.
fn told(receipt: &Receipt, headers: &HeaderMap) -> Response {
    let id = receipt.id.uuid().to_string();
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/plain") && !accepts.contains("json") && !accepts.contains("*/*") {
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        return ([(header::CONTENT_TYPE, plain)], id).into_response();
    }
    Json(id).into_response()
}

/// In the path, or in the body, or the same in both.
fn report_of(body: &Value, path: Option<String>) -> Result<String, Vec<Fault>> {
    let faults = Faults::default();
    let named =
        Words::of(body, "", &FIELDS, &faults).and_then(|words| words.text("reportId", MAX_ID).map(str::to_owned));
    let report = match (path, named) {
        (Some(path), Some(named)) if !path.eq_ignore_ascii_case(&named) => {
            faults.add("reportId", "not_allowed", "Must be the report in the path, or left out.");
            None
        }
        (Some(path), _) => Some(path),
        (None, Some(named)) => Some(named),
        (None, None) => None,
    };
    let faults = faults.into_vec();
    match report {
        Some(report) if faults.is_empty() => Ok(report),
        None if faults.is_empty() => Err(vec![Fault::new("reportId", "missing", "Required.")]),
        _ => Err(faults),
    }
}

fn wanted(body: &Value, definition: &Definition) -> Result<Wanted, Vec<Fault>> {
    let faults = Faults::default();
    let read = Words::of(body, "", &FIELDS, &faults).map(|words| {
        let given = given(&words, &faults);
        let (parameters, places) = translate(&given, definition, &faults);
        Wanted {
            parameters,
            formats: formats(&words, &faults),
            keeps: Keeps { stop_on_error: true, ..Keeps::default() },
            places: Places {
                parameters: places,
                all_parameters: "parameters",
                format: "exportFormats",
                ..Places::default()
            },
            ..Wanted::default()
        }
    });
    let faults = faults.into_vec();
    read.filter(|_| faults.is_empty()).ok_or(faults)
}

/// An object of values by name; the list of the legacy call will do too.
fn given<'a>(words: &Words<'a>, faults: &'a Faults) -> Vec<Given<'a>> {
    match words.get("parameters") {
        None => vec![],
        Some(Value::Object(values)) => values
            .iter()
            .map(|(name, value)| Given {
                name,
                value: Some(value),
                declared: None,
                place: format!("parameters.{name}"),
            })
            .collect(),
        Some(_) => list(words, "parameters", faults),
    }
}

/// PDF unless others are named, each once.
fn formats(words: &Words, faults: &Faults) -> Vec<Format> {
    let mut formats = Vec::new();
    for (place, name) in words.list("exportFormats", MAX_FORMATS) {
        match export::read(name) {
            Ok(format) if formats.contains(&format) => {}
            Ok(format) => formats.push(format),
            Err(detail) => faults.add(place, "not_allowed", detail),
        }
    }
    if formats.is_empty() { vec![Format::Pdf] } else { formats }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waybill::domain::{definition::Limits, style::Style};

    use super::*;

    fn definition() -> Definition {
        Definition {
            id: "r".to_owned(),
            version: 1,
            title: "R".to_owned(),
            description: String::new(),
            sql: String::new(),
            datasets: std::collections::BTreeMap::new(),
            parameters: vec![],
            columns: vec![],
            formats: vec![Format::Pdf],
            style: Style::default(),
            limits: Limits::default(),
            checks: vec![],
        }
    }

    fn faults<T: std::fmt::Debug>(read: Result<T, Vec<Fault>>) -> Vec<(String, &'static str)> {
        read.unwrap_err().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn formats_are_read_once_each() {
        let formats = |body: Value| wanted(&body, &definition()).unwrap().formats;
        assert_eq!(formats(json!({})), [Format::Pdf]);
        assert_eq!(formats(json!({ "ExportFormats": ["pdf", "XLSX", "pdf"] })), [Format::Pdf, Format::Xlsx]);
        let refused = wanted(&json!({ "exportFormats": ["docx", 7], "parameters": 1, "x": 1 }), &definition());
        let expected = [
            ("x", "unknown"),
            ("parameters", "type"),
            ("exportFormats[0]", "not_allowed"),
            ("exportFormats[1]", "not_allowed"),
        ];
        assert_eq!(faults(refused), expected.map(|(at, code)| (at.to_owned(), code)));
        let refused = wanted(&json!({ "parameters": { "x": 1 } }), &definition());
        assert_eq!(faults(refused), [("parameters.x".to_owned(), "unknown")]);
    }

    #[test]
    fn the_report_is_named_once() {
        let path = || Some("ABC".to_owned());
        assert_eq!(report_of(&json!({}), path()).unwrap(), "ABC");
        assert_eq!(report_of(&json!({ "reportId": "abc" }), path()).unwrap(), "ABC");
        assert_eq!(report_of(&json!({ "reportId": "abc" }), None).unwrap(), "abc");
        assert_eq!(
            faults(report_of(&json!({ "reportId": "other" }), path())),
            [("reportId".to_owned(), "not_allowed")]
        );
        assert_eq!(faults(report_of(&json!({}), None)), [("reportId".to_owned(), "missing")]);
        assert_eq!(faults(report_of(&json!({ "reportId": 7 }), None)), [("reportId".to_owned(), "type")]);
        assert_eq!(faults(report_of(&json!("x"), None)), [("body".to_owned(), "type")]);
    }

    #[test]
    fn the_id_is_json_unless_only_text_will_do() {
        let receipt = Receipt {
            id: waybill::domain::id::RequestId::new(uuid::Uuid::nil()),
            report: "r".to_owned(),
            format: Format::Pdf,
            packaging: waybill::domain::outcome::Packaging::Plain,
            wrapping: waybill::domain::wrapping::Wrapping::default(),
            style: Style::default(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            repeats: None,
            when_empty: waybill::domain::empty::WhenEmpty::Send,
        };
        let kind = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            told(&receipt, &headers).headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned()
        };
        assert_eq!(
            (kind("text/plain"), kind("text/plain, */*")),
            ("text/plain; charset=utf-8".to_owned(), "application/json".to_owned())
        );
    }
}
