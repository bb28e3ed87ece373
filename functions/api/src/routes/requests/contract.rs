//! Requests, as the API's description has them.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::{
    accept::ask::{CHANNELS, FIELDS, MAX_URL, OUTPUT_FIELDS, PACKAGE_FIELDS, SPLIT_FIELDS},
    domain::{
        email::MAX_RECIPIENTS,
        empty::WhenEmpty,
        style::Formulas,
        tenant::Scope,
        wrapping::{Compression, MIN_PART_BYTES, ZipCipher},
    },
};

use super::{list::PARAMETERS, show::MAX_WAIT};
use crate::openapi::{
    operation::Operation,
    parts::{
        SAMPLE_REPORT, delivery, file_format, https_url, idempotency_key, licence_context, packaging, report_id,
        rfc3339, status, uuid,
    },
    schema::{
        Schema, and, and_perhaps, any, bytes, component, count, defaulted, described, exactly, flag, id, list_of,
        list_of_at_most, map_of, names, nullable, page_of, pattern, sent, shown, text, time, whole,
    },
};

const TAG: &str = "Requests";

/// What a caller may do with requests.
pub fn operations() -> Vec<Operation> {
    let path = "/v1/requests/{request}";
    vec![
        create(),
        listed(),
        Operation::get(path, ["showRequest", TAG, "Follow a request"])
            .about("Where it stands; once it has ended, the file's figures, its link, and who was told.")
            .needs(Scope::ReportsRead)
            .at("request", id("req"))
            .query("wait", described(whole(0..=MAX_WAIT), "Answer when it has ended, at the latest after so many seconds."))
            .header("If-None-Match", described(text(), "An `ETag` of an earlier answer."))
            .answers(StatusCode::OK, "As it is now.", component("Request"))
            .with_header("ETag", true, text())
            .with_header("Retry-After", false, described(count(), "While it is not over: when to look again."))
            .answers_nothing(StatusCode::NOT_MODIFIED, "It is what `If-None-Match` names.")
            .with_header("ETag", true, text())
            .refuses(&["not_found"]),
        Operation::delete(path, ["deleteRequest", TAG, "Delete its file now"])
            .about("When this answers, the file is gone and no link opens it. The answer is the receipt, the same each time.")
            .needs(Scope::ReportsRequest)
            .at("request", id("req"))
            .answers(StatusCode::OK, "The receipt.", receipt())
            .refuses(&["not_found", "request_unfinished", "no_file", "deletion_pending"]),
        Operation::post("/v1/requests/{request}/cancel", ["cancelRequest", TAG, "Call it off"])
            .about("From then on there will be no file. The second time the answer is the same.")
            .needs(Scope::ReportsRequest)
            .at("request", id("req"))
            .answers(StatusCode::OK, "It is off.", component("Request"))
            .refuses(&["not_found", "request_finished"]),
        answered_as_a_request(
            Operation::post("/v1/requests/{request}/repeat", ["repeatRequest", TAG, "The same again"])
                .about("Under a new id, checked against the definition as it is now.")
                .needs(Scope::ReportsRequest)
                .at("request", id("req"))
                .header("Idempotency-Key", idempotency_key())
                .header("X-License-Context", licence_context()),
        )
        .refuses(&["not_found", "validation_failed"]),
        Operation::get("/v1/requests/{request}/password", ["showPassword", TAG, "The password of its archive"])
            .about("The generated password of a ZIP archive, while its file is there. Who read it is logged.")
            .needs(Scope::ReportsRead)
            .at("request", id("req"))
            .answers(StatusCode::OK, "The password.", shown([("password", text())]))
            .refuses(&["not_found", "no_password", "request_unfinished", "file_gone"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    vec![
        ("NewRequest", new_request()),
        ("AcceptedRequest", accepted_request()),
        ("RequestPreview", preview()),
        ("RequestSummary", summary()),
        ("Request", request()),
        ("Delivery", delivery()),
    ]
}

/// What a report of the sample deployment is asked for with.
pub fn sample() -> Value {
    json!({
        "report": SAMPLE_REPORT,
        "parameters": { "d1": "2024-01-01T00:00:00", "d2": "2024-01-31T23:59:59" },
        "format": "csv",
    })
}

fn create() -> Operation {
    let mut whether = sample();
    whether["validate_only"] = json!(true);
    let mut told = sample();
    told["delivery"] = json!({ "webhook": { "url": "https://erp.example.com/hooks/waybill" } });
    let operation = Operation::post("/v1/requests", ["createRequest", TAG, "Ask for a report"])
        .about(
            "202 once it is recorded; from then on it is carried out. All faults are named at once, and nothing is recorded \
             then. With an `Idempotency-Key` it is safe to send again.",
        )
        .needs(Scope::ReportsRequest)
        .header("Idempotency-Key", idempotency_key())
        .header("X-License-Context", licence_context())
        .bodies(
            component("NewRequest"),
            json!({
                "a_month": { "summary": "A month of transactions", "value": sample() },
                "told": { "summary": "And tell a webhook", "value": told },
                "only_whether": { "summary": "Only whether it would be accepted", "value": whether },
            }),
        )
        .answers(StatusCode::OK, "With `validate_only`: it would be accepted.", component("RequestPreview"));
    answered_as_a_request(operation)
}

/// What all ways to ask have in common.
pub fn answered_as_a_request(operation: Operation) -> Operation {
    let quota = |what: &str| described(count(), what);
    operation
        .answers(StatusCode::ACCEPTED, "It is recorded.", component("AcceptedRequest"))
        .with_header("Location", true, pattern("^/v1/requests/req_[0-9a-f]{32}$"))
        .with_header("Retry-After", true, described(count(), "Seconds until it is worth looking."))
        .with_header("Idempotency-Replayed", false, described(exactly("true"), "This answer was given before."))
        .with_header("RateLimit-Limit", false, quota("Requests that the tenant has in a day."))
        .with_header("RateLimit-Remaining", false, quota("Of which are left."))
        .with_header("RateLimit-Reset", false, quota("Seconds until the day (UTC) ends."))
        .leads_to("showRequest", [("request", "$response.body#/id")])
        .leads_to("cancelRequest", [("request", "$response.body#/id")])
        .leads_to("listLinks", [("request", "$response.body#/id")])
        .refuses(&[
            "report_not_found",
            "idempotency_key_invalid",
            "idempotency_key_reused",
            "idempotency_key_in_flight",
            "licence_context_invalid",
            "licence_unavailable",
            "quota_exhausted",
            "definition_invalid",
        ])
}

fn listed() -> Operation {
    let operation = Operation::get("/v1/requests", ["listRequests", TAG, "List requests"])
        .about("Newest first, filtered, in pages. A page may be short, or empty, and still have a `next_cursor`.")
        .needs(Scope::ReportsRead);
    let filters = PARAMETERS.iter().filter(|name| !matches!(**name, "limit" | "cursor"));
    let operation = filters.fold(operation, |operation, name| operation.query(name, filter(name)));
    operation.in_pages().answers(StatusCode::OK, "A page.", page_of("requests", component("RequestSummary")))
}

fn filter(name: &str) -> Schema {
    match name {
        "status" => described(status(), "One; or several, with commas between."),
        "report" => described(text(), "Id of the report."),
        "presenter" => uuid(),
        "schedule" => described(id("sch"), "Runs of that schedule."),
        "from" => described(rfc3339(), "Recorded at or after."),
        "to" => described(rfc3339(), "Recorded before."),
        _ => Value::Null,
    }
}

/// The body that asks for a report.
fn new_request() -> Schema {
    sent(&FIELDS, &["report"], |name| match name {
        "report" => report_id(),
        "parameters" => described(map_of(any()), "As the report's catalogue entry says; a `null` counts as not given."),
        "filter" => component("Filter"),
        "format" => described(file_format(), "One that the report offers; its first unless given."),
        "output" => described(output(), "How values are written for people."),
        "split" => described(split(), "Into parts: by rows or by bytes."),
        "packaging" => described(packaging(), "The tenant's own unless given."),
        "package" => package(),
        "delivery" => described(channels(), "Who is told: one of these. The tenant's subscriptions unless given."),
        "when_empty" => described(
            defaulted(names(WhenEmpty::ALL.map(WhenEmpty::name)), WhenEmpty::default().name()),
            "What is told of a report without rows.",
        ),
        "presenter_id" => described(uuid(), "On whose behalf; the tenant's own unless given."),
        "validate_only" => described(defaulted(flag(), false), "Only say whether it would be accepted."),
        "coalesce" => described(defaulted(flag(), false), "Be content with an identical request that is in flight."),
        _ => Value::Null,
    })
}

fn output() -> Schema {
    sent(&OUTPUT_FIELDS, &[], |name| match name {
        "titles" | "formats" => described(map_of(nullable(text())), "By column."),
        "time_zone" => described(bytes(64), "IANA name of a zone."),
        "date_format" | "timestamp_format" => described(bytes(64), "A pattern such as %d.%m.%Y."),
        "decimal_separator" => names([".", ","]),
        "grouping_separator" => names([".", ",", "'", " ", "\u{a0}"]),
        "null_text" => json!({ "type": "string", "maxLength": 32 }),
        "delimiter" => names([",", ";", "|", "\t"]),
        "bom" => flag(),
        "formulas" => names(Formulas::ALL.map(Formulas::name)),
        _ => Value::Null,
    })
}

fn split() -> Schema {
    let one = |name: &'static str, least: u64| sent(&[name], &[name], |_| whole(least..=u64::MAX));
    let [rows, bytes] = SPLIT_FIELDS;
    json!({ "type": "object", "oneOf": [one(rows, 1), one(bytes, MIN_PART_BYTES)] })
}

fn package() -> Schema {
    sent(&PACKAGE_FIELDS, &[], |name| match name {
        "compression" => described(names(Compression::ALL.map(Compression::name)), "With `plain`, not with `split`."),
        "cipher" => described(names(ZipCipher::ALL.map(ZipCipher::name)), "With `zip`."),
        "manifest" => described(flag(), "Whether the last entries of an archive are the manifest and its signatures."),
        _ => Value::Null,
    })
}

fn channels() -> Schema {
    let of = |name: &str| match name {
        "webhook" => sent(&["url"], &["url"], |_| {
            let mut url = https_url();
            url["maxLength"] = json!(MAX_URL);
            url
        }),
        "endpoint" => id("end"),
        "email" => sent(&["to"], &["to"], |_| {
            let mut to = list_of_at_most(address(), MAX_RECIPIENTS);
            to["minItems"] = json!(1);
            to["uniqueItems"] = json!(true);
            to
        }),
        "jira" => sent(&["issue"], &[], |_| described(pattern("^[A-Z][A-Z0-9_]+-[1-9][0-9]*$"), "To comment on.")),
        _ => Value::Null,
    };
    let ways: Vec<Schema> = CHANNELS.iter().map(|name| sent(&[name], &[name], of)).collect();
    json!({ "type": "object", "oneOf": ways })
}

/// An address of a mail.
pub fn address() -> Schema {
    let atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    let label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    let last = "[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    json!({ "type": "string", "maxLength": 254, "pattern": format!("^{atom}(\\.{atom})*@({label}\\.)+{last}$") })
}

fn accepted_request() -> Schema {
    let accepted = shown([
        ("id", id("req")),
        ("status", exactly("QUEUED")),
        ("report", report_id()),
        ("format", file_format()),
        ("packaging", packaging()),
        ("created_at", time()),
        ("status_url", text()),
    ]);
    let repeats = ("repeats", described(id("req"), "The request that it repeats."));
    let coalesced = ("coalesced", described(exactly_true(), "It is another's, which asks for the same."));
    and_perhaps(with_wishes(accepted), [repeats, coalesced])
}

fn exactly_true() -> Schema {
    json!({ "type": "boolean", "const": true })
}

fn with_wishes(schema: Schema) -> Schema {
    and_perhaps(
        schema,
        [
            ("output", component("Style")),
            ("split", any()),
            ("package", component("Package")),
            ("when_empty", names(WhenEmpty::ALL.map(WhenEmpty::name))),
        ],
    )
}

fn preview() -> Schema {
    let expected = shown([("rows", count()), ("basis", text()), ("runs", count())]);
    let preview = shown([
        ("valid", exactly_true()),
        ("report", report_id()),
        ("report_version", count()),
        ("parameters", map_of(any())),
        ("resolved", described(map_of(nullable(text())), "What the placeholders of the SQL are bound to.")),
        ("format", file_format()),
        ("packaging", packaging()),
        ("presenter_id", uuid()),
        ("retention_hours", count()),
        ("expected_rows", described(nullable(expected), "By the tenant's latest runs, where there were any.")),
    ]);
    and_perhaps(with_wishes(preview), [("filter", component("Filter"))])
}

fn summary() -> Schema {
    let summary = shown([
        ("id", id("req")),
        ("status", status()),
        ("report", report_id()),
        ("format", file_format()),
        ("packaging", packaging()),
        ("presenter_id", uuid()),
        ("requested_by", text()),
        ("created_at", time()),
        ("started_at", nullable(time())),
        ("finished_at", nullable(time())),
    ]);
    and_perhaps(
        summary,
        [
            ("rows", described(count(), "Where there is, or was, a file.")),
            ("expires_at", nullable(time())),
            ("failure_code", described(text(), "Of one that is FAILED.")),
            ("schedule", described(shown([("id", id("sch")), ("at", time())]), "The run of a schedule that it is.")),
        ],
    )
}

fn request() -> Schema {
    let progress =
        shown([("rows", count()), ("bytes", count()), ("rows_per_second", nullable(count())), ("at", time())]);
    let told = shown([
        ("id", id("dlv")),
        ("event", text()),
        ("status", text()),
        ("attempts", count()),
        ("next_attempt_at", nullable(time())),
        ("finished_at", nullable(time())),
        ("reason", nullable(text())),
    ]);
    let link = shown([("mode", crate::openapi::parts::link_mode()), ("url", text()), ("expires_at", time())]);
    let request = and(
        summary(),
        [
            ("report_version", count()),
            ("parameters", map_of(any())),
            ("resolved", described(map_of(nullable(text())), "What the placeholders of the SQL are bound to.")),
            ("delivery", nullable(component("Target"))),
            ("attempt", described(count(), "Claims so far.")),
            ("waiting_for_slot", flag()),
            ("queue_ms", described(nullable(json!({ "type": "integer" })), "From its recording to its first claim.")),
        ],
    );
    and_perhaps(
        with_wishes(request),
        [
            ("filter", component("Filter")),
            ("repeats", id("req")),
            ("files", list_of(component("ReportFile"))),
            ("checks", list_of(component("CheckOutcome"))),
            ("failure", component("Failure")),
            ("cancelled_at", time()),
            ("cancelled_by", text()),
            ("deleted_at", time()),
            ("deleted_by", text()),
            ("progress", progress),
            ("deliveries", described(list_of(told), "In its own status alone.")),
            ("password_url", text()),
            ("link", described(link, "While the file is there.")),
        ],
    )
}

fn receipt() -> Schema {
    shown([
        ("id", id("req")),
        ("status", status()),
        ("deleted_at", nullable(time())),
        ("deleted_by", described(nullable(text()), "null: it went on time.")),
        ("files", list_of(component("ReportFile"))),
    ])
}
