//! Endpoints, as the API's description has them.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::domain::{endpoint::Profile, message::EventKind, tenant::Scope};

use super::{
    authentication::{MAX_SECRET, TYPES, fields_of},
    deeds::{MAX_OVERLAP_HOURS, OVERLAP_HOURS},
    headers::MAX_HEADERS,
    settings::{
        CAP_SECONDS, CONCURRENCIES, CONCURRENCY, FIELDS, FIRST_INTERVALS, MAX_ATTEMPTS, MAX_WAIT_SECONDS, MAX_WAITS,
        RETRY_FIELDS, SHOWN, TIMEOUT_SECONDS, TIMEOUTS,
    },
};
use crate::openapi::{
    operation::Operation,
    parts::{deed, events, https_url, note},
    schema::{
        Schema, and, and_perhaps, any, bytes, component, count, defaulted, described, exactly, id, list_of,
        list_of_at_most, names, nullable, page_of, pattern, sent, shown, text, time, whole,
    },
};

const TAG: &str = "Endpoints";

/// What a caller may do with endpoints.
pub fn operations() -> Vec<Operation> {
    let (all, one) = ("/v1/endpoints", "/v1/endpoints/{endpoint}");
    let mut operations = vec![
        Operation::post(all, ["createEndpoint", TAG, "Register a receiver of notifications"])
            .about("The secret, which signs what it is told, is shown this once.")
            .needs(Scope::EndpointsWrite)
            .bodies(component("EndpointSettings"), examples())
            .answers(StatusCode::CREATED, "The endpoint.", and(component_of_endpoint(), [("secret", secret())]))
            .with_header("Location", true, pattern("^/v1/endpoints/end_[0-9a-f]{32}$"))
            .leads_to("showEndpoint", [("endpoint", "$response.body#/id")])
            .leads_to("putEndpoint", [("endpoint", "$response.body#/id")])
            .leads_to("testEndpoint", [("endpoint", "$response.body#/id")])
            .leads_to("deleteEndpoint", [("endpoint", "$response.body#/id")])
            .refuses(&["too_many_endpoints"]),
        Operation::get(all, ["listEndpoints", TAG, "List them"])
            .about("Oldest first, in pages.")
            .needs(Scope::ReportsRead)
            .in_pages()
            .answers(StatusCode::OK, "A page.", page_of("endpoints", component("Endpoint"))),
        Operation::get(one, ["showEndpoint", TAG, "Its settings, and how it does"])
            .needs(Scope::ReportsRead)
            .at("endpoint", id("end"))
            .answers(StatusCode::OK, "The endpoint.", state())
            .refuses(&["not_found"]),
        Operation::put(one, ["putEndpoint", TAG, "Replace its settings"])
            .about("What is left out has its default again. Secrets that are not sent stay as they are, unless the endpoint moves to another host.")
            .needs(Scope::EndpointsWrite)
            .at("endpoint", id("end"))
            .bodies(replacement(), examples())
            .answers(StatusCode::OK, "The endpoint.", component("Endpoint"))
            .refuses(&["not_found", "conflict"]),
        Operation::delete(one, ["deleteEndpoint", TAG, "Delete it"])
            .about("It is told of nothing more; what is on its way ends as called off.")
            .needs(Scope::EndpointsWrite)
            .at("endpoint", id("end"))
            .answers_nothing(StatusCode::NO_CONTENT, "It is gone.")
            .refuses(&["not_found"]),
    ];
    operations.extend(deeds());
    operations
}

fn deeds() -> Vec<Operation> {
    let deed = |path, names, about| {
        Operation::post(path, names)
            .about(about)
            .needs(Scope::EndpointsWrite)
            .at("endpoint", id("end"))
            .refuses(&["not_found"])
    };
    let tested = shown([("delivery", id("dlv")), ("status_url", text())]);
    let overlap = sent(&["overlap_hours"], &[], |_| {
        let hours = defaulted(whole(0..=MAX_OVERLAP_HOURS), OVERLAP_HOURS);
        described(hours, "For so long the former one signs too.")
    });
    vec![
        deed(
            "/v1/endpoints/{endpoint}/test",
            ["testEndpoint", TAG, "Tell it of nothing"],
            "It is told of an `endpoint.test`, whatever its events; the delivery says what came of it.",
        )
        .answers(StatusCode::ACCEPTED, "It is on its way.", tested)
        .with_header("Location", true, pattern("^/v1/deliveries/dlv_[0-9a-f]{32}$"))
        .refuses(&["endpoint_held"]),
        deed(
            "/v1/endpoints/{endpoint}/rotate-secret",
            ["rotateSecret", TAG, "Give it another secret"],
            "Shown this once. Both sign until the overlap ends.",
        )
        .body(overlap, json!({ "overlap_hours": 24 }))
        .answers(StatusCode::OK, "The endpoint.", and(component_of_endpoint(), [("secret", secret())]))
        .refuses(&["conflict"]),
        deed("/v1/endpoints/{endpoint}/pause", ["pauseEndpoint", TAG, "Pause it"], "What it is to be told waits.")
            .answers(StatusCode::OK, "The endpoint.", component("Endpoint"))
            .refuses(&["conflict"]),
        deed(
            "/v1/endpoints/{endpoint}/resume",
            ["resumeEndpoint", TAG, "Resume it"],
            "It is called again, whether it was paused or disabled.",
        )
        .answers(StatusCode::OK, "The endpoint.", component("Endpoint"))
        .refuses(&["conflict"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    vec![("EndpointSettings", settings(&FIELDS)), ("Endpoint", component_of_endpoint())]
}

fn examples() -> Value {
    json!({
        "all_of_it": { "value": { "url": "https://erp.example.com/hooks/waybill" } },
        "with_a_key": { "value": {
            "url": "https://erp.example.com/hooks/waybill",
            "description": "the ledger",
            "authentication": { "type": "api_key", "key": "X-Api-Key:8f2c1d" },
            "headers": { "X-Team": "finance" },
            "events": ["report.succeeded", "report.failed"],
            "retry": { "max_attempts": 8, "first_interval_seconds": 10, "factor": 2, "cap_seconds": 3600 },
            "timeout_seconds": 10,
            "concurrency": 20,
        }},
    })
}

/// What its owner decides.
fn settings(fields: &[&str]) -> Schema {
    sent(fields, &["url"], |name| match name {
        "url" => https_url(),
        "description" => note(500),
        "authentication" => authentication(),
        "headers" => headers(),
        "profile" => described(
            defaulted(names(Profile::ALL.map(Profile::name)), "waybill"),
            "Body, signatures, meaning of answers.",
        ),
        "events" => described(
            list_of_at_most(events(), EventKind::SUBSCRIBABLE.len()),
            "What it is told of; all that its profile can express unless given.",
        ),
        "statuses" => described(
            list_of_at_most(json!({ "type": "integer", "enum": [2, 3, 4, 5] }), 4),
            "IDUnico's, which stand for events.",
        ),
        "retry" => retry(),
        "timeout_seconds" => defaulted(whole(TIMEOUTS), TIMEOUT_SECONDS),
        "concurrency" => described(defaulted(whole(CONCURRENCIES), CONCURRENCY), "Attempts at the same time."),
        // What `GET` shows, and nobody sets.
        shown if SHOWN.contains(&shown) => described(any(), "As it is shown; nobody sets it."),
        _ => Value::Null,
    })
}

/// Settings that replace others: what is shown may be sent back.
fn replacement() -> Schema {
    settings(&FIELDS.into_iter().chain(SHOWN).collect::<Vec<_>>())
}

fn authentication() -> Schema {
    let field = |kind: &'static str, name: &str| match name {
        "type" => exactly(kind),
        "token_url" => https_url(),
        "client_id" => bytes(255),
        "scope" => bytes(1024),
        "credentials" => {
            described(pattern_of_secret("^[^\\x00-\\x1f\\x7f:]+:[^\\x00-\\x1f\\x7f]*$"), "`user:password`.")
        }
        "key" => described(
            pattern_of_secret("^[!-9;-~][ -9;-~]*[!-9;-~]$|^[A-Za-z][A-Za-z-]*:[!-~]+$"),
            "`header:value`, or the value alone for `Authorization`.",
        ),
        "client_secret" => pattern_of_secret("^[^\\x00-\\x1f\\x7f]+$"),
        "user" | "header" => described(bytes(MAX_SECRET), "As it is shown; read off the secret."),
        _ => Value::Null,
    };
    let required = |kind: &str| match kind {
        "oauth2" => vec!["type", "token_url", "client_id"],
        _ => vec!["type"],
    };
    let kinds: Vec<Schema> =
        TYPES.iter().map(|kind| sent(fields_of(kind), &required(kind), |name| field(kind, name))).collect();
    json!({ "oneOf": kinds, "description": "Besides the signature. A recorded secret need not be sent again." })
}

fn pattern_of_secret(expression: &str) -> Schema {
    let mut secret = pattern(expression);
    secret["maxLength"] = json!(MAX_SECRET);
    secret
}

fn headers() -> Schema {
    let value = nullable(described(pattern("^[!-~]([ -~]*[!-~])?$"), "null keeps what is recorded."));
    json!({
        "type": "object",
        "description": "Sent with every notification, by name. Reserved ones are refused.",
        "maxProperties": MAX_HEADERS,
        "propertyNames": { "pattern": "^[Xx]-[A-Za-z0-9-]*$|^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
        "additionalProperties": value,
    })
}

fn retry() -> Schema {
    let [listed @ .., waits] = RETRY_FIELDS;
    let steps = sent(&listed, &["max_attempts", "first_interval_seconds"], |name| match name {
        "max_attempts" => whole(MAX_ATTEMPTS),
        "first_interval_seconds" => whole(FIRST_INTERVALS),
        "factor" => json!({ "type": "number", "minimum": 1, "maximum": 10, "default": 2 }),
        "cap_seconds" => defaulted(whole(1..=MAX_WAIT_SECONDS), CAP_SECONDS),
        _ => Value::Null,
    });
    let list = sent(&[waits], &[waits], |_| {
        let mut list = list_of_at_most(whole(0..=MAX_WAIT_SECONDS), MAX_WAITS);
        list["minItems"] = json!(1);
        list
    });
    json!({ "oneOf": [steps, list], "description": "Seconds before each attempt: by rule, or one by one." })
}

fn secret() -> Schema {
    described(pattern("^whsec_"), "Shown this once.")
}

fn component_of_endpoint() -> Schema {
    let secret = shown([("created_at", time()), ("ends_at", nullable(time()))]);
    let disabled = shown([("at", time()), ("reason", text())]);
    let authentication = and_perhaps(
        shown([("type", names(TYPES))]),
        [
            ("user", text()),
            ("header", text()),
            ("token_url", text()),
            ("client_id", text()),
            ("scope", nullable(text())),
        ],
    );
    shown([
        ("id", id("end")),
        ("url", text()),
        ("description", nullable(text())),
        ("authentication", authentication),
        ("headers", json!({ "type": "object", "additionalProperties": { "type": "null" } })),
        ("profile", names(Profile::ALL.map(Profile::name))),
        ("events", described(list_of(events()), "Empty: all that its profile can express.")),
        ("retry", described(nullable(any_object()), "null: the operator's.")),
        ("timeout_seconds", count()),
        ("concurrency", count()),
        ("secrets", described(list_of(secret), "Those that sign now.")),
        ("paused", nullable(deed())),
        ("disabled", nullable(disabled)),
        ("created_at", time()),
        ("updated_at", time()),
    ])
}

fn any_object() -> Schema {
    and_perhaps(
        json!({ "type": "object", "properties": {} }),
        [
            ("waits_seconds", list_of(count())),
            ("max_attempts", count()),
            ("first_interval_seconds", count()),
            ("factor", json!({ "type": "number" })),
            ("cap_seconds", count()),
        ],
    )
}

fn state() -> Schema {
    let circuit = and_perhaps(shown([("state", names(["closed", "open", "half_open"]))]), [("until", time())]);
    and(
        component_of_endpoint(),
        [
            ("state", names(["active", "paused", "disabled"])),
            ("error_rate", json!({ "type": "number", "minimum": 0, "maximum": 1 })),
            ("limit", described(count(), "Attempts at a time that are allowed now.")),
            ("in_flight", count()),
            ("waiting", count()),
            ("next_retry_at", nullable(time())),
            ("circuit", circuit),
        ],
    )
}
