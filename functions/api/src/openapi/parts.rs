//! What several operations have in common: ids, headers, and objects that are shown in more than one place.

use serde::Serialize;
use serde_json::json;
use waybill::domain::{
    check::CheckKind,
    delivery,
    failure::FailureCode,
    licence::context::MAX_ENCODED,
    link::LinkMode,
    message::EventKind,
    outcome::{Format, Packaging},
    request::Status,
    tenant::Scope,
};

use super::schema::{
    Schema, and_perhaps, any, bytes, component, count, described, flag, format, id, list_of, names, nullable, pattern,
    sent, sha256, shown, text, time,
};
use crate::routes::requests::MAX_KEY;

/// Id of a tenant, as `is_valid_tenant_id` has it.
pub const TENANT_ID: &str = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$";

/// Id of a report, as `is_valid_report_id` has it.
pub const REPORT_ID: &str = "^[A-Za-z0-9_-]{1,64}$";

/// Names of the sample deployment, for examples.
pub const SAMPLE_REPORT: &str = "Report_digital_wallet_transaction_detail";

/// Values as they stand in JSON, for an enumeration.
pub fn values<T: Serialize>(all: &[T]) -> Schema {
    json!({ "type": "string", "enum": all })
}

/// A tenant's id.
pub fn tenant_id() -> Schema {
    described(pattern(TENANT_ID), "Id of the tenant.")
}

/// A report's id.
pub fn report_id() -> Schema {
    described(pattern(REPORT_ID), "Id of the report, from the catalogue.")
}

/// A key of a tenant's table, as OpenPGP prints them.
pub fn fingerprint() -> Schema {
    pattern("^[0-9A-F]{40}([0-9A-F]{24})?$")
}

/// Scopes that a tenant's credential can have.
pub fn scopes() -> Schema {
    list_of(names(Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin).map(Scope::name)))
}

/// `Idempotency-Key`.
pub fn idempotency_key() -> Schema {
    let key = json!({ "type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$" });
    described(
        key,
        "The caller's word for this very call: sent again with the same body, it has the same answer. Kept for 24 hours.",
    )
}

/// `X-License-Context`.
pub fn licence_context() -> Schema {
    let context = json!({ "type": "string", "contentEncoding": "base64", "maxLength": MAX_ENCODED });
    described(
        context,
        "The licence context of a TOTVS product, base64 of JSON: the request takes a seat of the tenant's licence pool.",
    )
}

/// A status of requests.
pub fn status() -> Schema {
    names(Status::ALL.map(Status::name))
}

/// Events that an endpoint can be told of.
pub fn events() -> Schema {
    names(EventKind::SUBSCRIBABLE.map(EventKind::name))
}

/// A file's format.
pub fn file_format() -> Schema {
    names(Format::ALL.map(Format::name))
}

/// How a file is packaged.
pub fn packaging() -> Schema {
    names(Packaging::ALL.map(Packaging::name))
}

/// A kind of link.
pub fn link_mode() -> Schema {
    names(LinkMode::ALL.map(LinkMode::name))
}

/// An https URL that a caller names; the guard judges its host.
pub fn https_url() -> Schema {
    json!({
        "type": "string", "pattern": "^https://", "maxLength": 2048,
        "description": "https, to a host that is publicly reachable: the guard judges it now and at every call.",
    })
}

/// A time that a caller names.
pub fn rfc3339() -> Schema {
    described(time(), "RFC 3339.")
}

/// Who did something, and when.
pub fn deed() -> Schema {
    shown([("at", time()), ("by", text())])
}

/// Components that stand under their own names in the document.
pub fn components() -> Vec<(&'static str, Schema)> {
    vec![
        ("Problem", super::problems::schema()),
        ("ReportFile", file()),
        ("CheckOutcome", check()),
        ("Failure", failure()),
        ("Target", target()),
        ("Filter", filter()),
        ("Style", json!({ "type": "object", "description": "As asked for: see `output` of a request." })),
        ("Package", json!({ "type": "object", "description": "As asked for: see `package` of a request." })),
    ]
}

fn file() -> Schema {
    let timings = shown([("plan_ms", count()), ("encode_ms", count()), ("total_ms", count())]);
    let file = shown([
        ("name", described(text(), "Of the file that is downloaded.")),
        ("rows", described(count(), "Without headers.")),
        ("parts", described(count(), "Files in the package, without the manifest.")),
        ("plaintext_bytes", described(count(), "Of the formatted file, before packaging.")),
        ("plaintext_sha256", sha256()),
        ("object_bytes", described(count(), "Of what is downloaded.")),
        ("object_sha256", sha256()),
        (
            "manifest_sha256",
            described(nullable(sha256()), "Of the manifest beside it; null if an earlier release made it."),
        ),
    ]);
    and_perhaps(file, [("timings", nullable(timings))])
}

fn check() -> Schema {
    shown([
        ("name", text()),
        ("kind", values(&CheckKind::ALL)),
        ("passed", flag()),
        ("expected", described(nullable(text()), "As text: exact figures are never floats.")),
        ("actual", nullable(text())),
        ("detail", text()),
    ])
}

fn failure() -> Schema {
    shown([
        ("code", values(&FailureCode::ALL)),
        ("detail", text()),
        ("retryable", described(flag(), "Whether asking again, unchanged, can succeed.")),
        ("next_action", text()),
    ])
}

/// Whom a delivery goes to: one of these.
fn target() -> Schema {
    json!({
        "description": "One of these.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "webhook": shown([("url", text())]),
            "endpoint": id("end"),
            "email": and_perhaps(shown([("to", list_of(text()))]), [("content", text())]),
            "jira": shown([("issue", nullable(text()))]),
        },
    })
}

/// A condition, or several that must hold together or one by one.
fn filter() -> Schema {
    let all = sent(&["all"], &["all"], |_| list_of(component("Filter")));
    let any_of = sent(&["any"], &["any"], |_| list_of(component("Filter")));
    let operators = names(waybill::domain::filter::Operator::ALL.map(waybill::domain::filter::Operator::name));
    let condition = sent(&["column", "operator", "value"], &["column", "operator"], |name| match name {
        "column" => described(text(), "One of the report's columns."),
        "operator" => operators.clone(),
        _ => described(any(), "As a parameter of the column's type is written."),
    });
    json!({
        "description": "A condition on the report's columns, or several of them.",
        "anyOf": [all, any_of, condition],
    })
}

/// A delivery, as a list of them shows it.
pub fn delivery() -> Schema {
    let delivery = shown([
        ("id", id("dlv")),
        ("status", names(delivery::Status::ALL.map(delivery::Status::name))),
        ("event", text()),
        ("event_id", id("evt")),
        ("occurred_at", time()),
        ("request_id", nullable(id("req"))),
        ("target", component("Target")),
        ("attempts", count()),
        ("generation", described(count(), "How often it was made again.")),
        ("created_at", time()),
        ("next_attempt_at", nullable(time())),
        ("finished_at", nullable(time())),
        ("reason", described(nullable(text()), "What the latest attempt came to, where it was not confirmed.")),
    ]);
    let feedback = shown([("kind", text()), ("at", time()), ("detail", nullable(text()))]);
    and_perhaps(delivery, [("feedback", described(list_of(feedback), "Of a mail: what came of it after it was sent."))])
}

/// A UUID.
pub fn uuid() -> Schema {
    format("uuid")
}

/// A text that is there for people, if there is any.
pub fn note(most: usize) -> Schema {
    described(bytes(most), "For people.")
}
