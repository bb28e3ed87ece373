//! TReports' interface, as the API's description has it.

use http::StatusCode;
use serde_json::json;
use waybill::domain::{outcome::Format, tenant::Scope};

use crate::openapi::{
    operation::Operation,
    parts::{SAMPLE_REPORT, idempotency_key, licence_context, uuid},
    schema::{Schema, and_perhaps, any, component, count, described, flag, list_of, nullable, shown, text, time},
};

const TAG: &str = "TReports";

/// What its clients may do.
pub fn operations() -> Vec<Operation> {
    let refusing = |operation: Operation| operation.refuses_in_its_own_words(component("TReportsError"));
    let operations = vec![
        generating("/api/reports/v1/resources/{uid}/generate", ["generateResource", TAG, "Generate a report"])
            .at("uid", uid()),
        generating("/api/reports/v2/generate", ["generate", TAG, "Generate the report that the body names"]),
        Operation::get("/api/reports/v2/generate/{generation}/{format}", ["fetchGeneration", TAG, "The file of a generation"])
            .about("Waits up to 20 seconds for its end.")
            .needs(Scope::ReportsRead)
            .at("generation", uuid())
            .at("format", text())
            .answers_with(StatusCode::OK, "The file.", "application/octet-stream", text())
            .answers_nothing(StatusCode::FOUND, "To the file, where it is large.")
            .with_header("Location", true, text()),
        listed("/api/trep/v1/reports", "listTReports"),
        listed("/api/trep/v1/reports/", "listTReportsWithSlash"),
        Operation::post("/api/trep/v1/reports/{uid}/execute", ["execute", TAG, "Execute a report"])
            .about("Names are read in any case; a field that is not known is refused unless it says nothing. `scheduleParams` other than now and once make a schedule.")
            .needs(Scope::ReportsRequest)
            .at("uid", uid())
            .header("Idempotency-Key", idempotency_key())
            .header("X-License-Context", licence_context())
            .body(
                json!({ "type": "object" }),
                json!({
                    "user": "maria",
                    "notificationParams": {},
                    "generateParams": { "exportFileType": 2, "isView": false, "stopExecutionOnError": true, "parameters": [] },
                    "scheduleParams": { "repeat": false, "type": 0 },
                }),
            )
            .answers(StatusCode::OK, "It is recorded, or its schedule is.", shown([("uIdRequest", uuid()), ("scheduleDate", time())])),
        Operation::get("/api/trep/v1/generateds/{id}/info", ["generatedInfo", TAG, "How an execution stands"])
            .about("An empty body until it has ended, unless the tenant's settings want to see more. Of a schedule, its latest run.")
            .needs(Scope::ReportsRead)
            .at("id", described(text(), "`uIdRequest`, or the number."))
            .answers(StatusCode::OK, "As it is now.", info()),
        Operation::get("/api/trep/v1/generateds/{id}/file", ["generatedFile", TAG, "The file of an execution"])
            .needs(Scope::ReportsRead)
            .at("id", described(text(), "The number, or `uIdRequest`."))
            .query("exportFileType", described(text(), "The type that it was made in; may be left out."))
            .answers_with(StatusCode::OK, "The file.", "application/octet-stream", text())
            .answers_nothing(StatusCode::FOUND, "To the file, where it is large.")
            .with_header("Location", true, text()),
    ];
    operations.into_iter().map(refusing).map(with_media_types).collect()
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let detail = shown([("code", text()), ("message", text()), ("detailedMessage", text()), ("field", text())]);
    let error = shown([
        ("code", described(text(), "A code of the own API's.")),
        ("message", described(text(), "For people, in the tenant's language.")),
        ("detailedMessage", text()),
        ("details", list_of(detail)),
    ]);
    vec![("TReportsError", and_perhaps(error, [("licences", any())]))]
}

fn uid() -> Schema {
    described(text(), "The report's GUID, or its id.")
}

fn generating(path: &'static str, names: [&'static str; 3]) -> Operation {
    Operation::post(path, names)
        .about("Each format is a request of its own; the id is that of the first.")
        .needs(Scope::ReportsRequest)
        .header("Idempotency-Key", idempotency_key())
        .header("X-License-Context", licence_context())
        .body(
            json!({ "type": "object" }),
            json!({ "reportId": SAMPLE_REPORT, "parameters": { "codigo": "000839" }, "exportFormats": ["csv"] }),
        )
        .answers(StatusCode::OK, "The id of the generation.", uuid())
        .or_as("text/plain", text())
}

fn listed(path: &'static str, id: &'static str) -> Operation {
    let item = shown([
        ("uId", uuid()),
        ("code", text()),
        ("name", text()),
        ("displayName", text()),
        ("description", nullable(text())),
        ("version", count()),
        ("exportFileTypes", list_of(count())),
    ]);
    let reports = shown([("total", count()), ("hasNext", flag()), ("items", list_of(item))]);
    Operation::get(path, [id, TAG, "What may be generated"]).needs(Scope::ReportsRead).answers(
        StatusCode::OK,
        "Every report.",
        reports,
    )
}

/// A file has the media type of its format.
fn with_media_types(operation: Operation) -> Operation {
    if !operation.path.ends_with("/file") && !operation.path.ends_with("/{format}") {
        return operation;
    }
    let media_types = Format::ALL.map(Format::media_type);
    media_types.into_iter().fold(operation, |operation, media_type| operation.first_or_as(media_type, any()))
}

fn info() -> Schema {
    shown([
        ("id", count()),
        ("requestId", count()),
        ("uIdRequest", uuid()),
        ("uIdReport", nullable(text())),
        ("scheduleDate", time()),
        ("server", text()),
        ("startDate", nullable(time())),
        ("endDate", nullable(time())),
        ("status", text()),
        ("executionMemory", nullable(text())),
        ("errorMessage", nullable(text())),
        ("createdOn", time()),
        ("modifiedOn", time()),
        ("createdBy", text()),
        ("modifiedBy", text()),
        ("user", nullable(text())),
        ("customData", any()),
        ("exportFileType", nullable(count())),
    ])
}
