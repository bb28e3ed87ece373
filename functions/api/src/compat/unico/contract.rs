//! IDUnico's interface, as the API's description has it.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::domain::{process::MAX_ID, tenant::Scope};

use super::terms::{AUTHENTICATIONS, FIELDS, SHOWN};
use crate::{
    openapi::{
        operation::Operation,
        parts::{https_url, note, report_id, uuid},
        schema::{
            Schema, and_perhaps, any, bytes, component, count, described, flag, list_of, list_of_at_most, names,
            nullable, pattern, sent, shown, text, time, whole,
        },
    },
    routes::endpoints::{CONCURRENCIES, FIRST_INTERVALS, MAX_ATTEMPTS, TIMEOUTS},
};

const TAG: &str = "IDUnico";

/// What its clients may do.
pub fn operations() -> Vec<Operation> {
    let (all, one) = ("/webhooks/v1", "/webhooks/v1/{webhook}");
    let refusing = |operation: Operation| operation.refuses_in_its_own_words(component("UnicoError"));
    let of_one = |operation: Operation| operation.at("webhook", uuid());
    let example = json!({
        "url": "https://receiver.example.com/unico", "authenticationType": "apiKey", "secret": "X-Token:s3cret",
        "maxAttempts": 5, "intervalSeconds": 10, "rateLimit": 50, "timeoutSeconds": 10, "statuses": [2, 3, 4, 5],
    });
    let operations = vec![
        Operation::get("/processes/v1/{process}", ["showProcess", TAG, "Status of a process"])
            .about("A report request, by its UUID, or a process of the customer's own.")
            .needs(Scope::ReportsRead)
            .at("process", json!({ "type": "string", "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$", "maxLength": MAX_ID }))
            .answers(StatusCode::OK, "As it is now.", process()),
        Operation::post(all, ["createWebhook", TAG, "Configure a webhook"])
            .about("`signingSecret` is shown this once.")
            .needs(Scope::EndpointsWrite)
            .body(component("UnicoWebhookSettings"), example.clone())
            .answers(StatusCode::CREATED, "The webhook.", webhook(false))
            .with_header("Location", true, pattern("^/webhooks/v1/[0-9a-f-]{36}$"))
            .leads_to("showWebhook", [("webhook", "$response.body#/id")])
            .leads_to("deleteWebhook", [("webhook", "$response.body#/id")]),
        Operation::get(all, ["listWebhooks", TAG, "List webhooks"])
            .about("All of them, oldest first.")
            .needs(Scope::ReportsRead)
            .answers(StatusCode::OK, "The webhooks.", shown([("webhooks", list_of(webhook(false)))])),
        of_one(Operation::get(one, ["showWebhook", TAG, "Show a webhook"]))
            .needs(Scope::ReportsRead)
            .answers(StatusCode::OK, "The webhook.", webhook(true)),
        of_one(Operation::put(one, ["putWebhook", TAG, "Replace a webhook's configuration"]))
            .about("What was shown can be sent back; a secret that is not sent stays, unless the webhook moves to another host.")
            .needs(Scope::EndpointsWrite)
            .body(settings(&FIELDS.iter().map(|(name, _)| *name).chain(SHOWN).collect::<Vec<_>>()), example)
            .answers(StatusCode::OK, "The webhook.", webhook(true)),
        of_one(Operation::delete(one, ["deleteWebhook", TAG, "Delete a webhook"]))
            .needs(Scope::EndpointsWrite)
            .answers_nothing(StatusCode::NO_CONTENT, "It is gone."),
    ];
    operations.into_iter().map(refusing).collect()
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let detail = shown([("field", text()), ("reason", text()), ("message", text())]);
    let error = shown([
        ("code", described(count(), "The HTTP status.")),
        ("message", text()),
        ("reason", described(text(), "A code of the own API's.")),
    ]);
    let error = shown([("error", and_perhaps(error, [("details", list_of(detail))]))]);
    let settings = settings(&FIELDS.map(|(name, _)| name));
    vec![("UnicoError", error), ("UnicoWebhookSettings", settings)]
}

fn settings(fields: &[&str]) -> Schema {
    sent(fields, &["url"], |name| match name {
        "url" | "tokenUrl" => https_url(),
        "description" => note(500),
        "authenticationType" => names(AUTHENTICATIONS.map(|(name, ..)| name)),
        "secret" => {
            described(bytes(4096), "`user:pass`; `header:value`, or a value for `Authorization`; or the client's.")
        }
        "user" | "header" => described(text(), "As it is shown."),
        "clientId" => bytes(255),
        "scope" => bytes(1024),
        "maxAttempts" => described(whole(MAX_ATTEMPTS), "With `intervalSeconds`."),
        "intervalSeconds" => described(whole(FIRST_INTERVALS), "To the second attempt; then twice the one before."),
        "rateLimit" => described(whole(CONCURRENCIES), "Simultaneous sends."),
        "timeoutSeconds" => whole(TIMEOUTS),
        "statuses" => list_of_at_most(json!({ "type": "integer", "enum": [2, 3, 4, 5] }), 4),
        shown if SHOWN.contains(&shown) => described(any(), "As it is shown; nobody sets it."),
        _ => Value::Null,
    })
}

fn webhook(with_state: bool) -> Schema {
    let webhook = shown([
        ("id", uuid()),
        ("url", text()),
        ("description", nullable(text())),
        ("authenticationType", names(AUTHENTICATIONS.map(|(name, ..)| name))),
        ("rateLimit", count()),
        ("timeoutSeconds", count()),
        ("statuses", list_of(count())),
        ("createdAt", time()),
        ("updatedAt", time()),
    ]);
    let webhook = and_perhaps(
        webhook,
        [
            ("user", text()),
            ("header", text()),
            ("tokenUrl", text()),
            ("clientId", text()),
            ("scope", nullable(text())),
            ("maxAttempts", count()),
            ("intervalSeconds", count()),
            ("signingSecret", described(text(), "Shown when it is made.")),
        ],
    );
    if !with_state {
        return webhook;
    }
    let throughput = shown([
        ("rateLimit", count()),
        ("inForce", count()),
        ("reduced", flag()),
        ("errorRate", json!({ "type": "number" })),
        ("inFlight", count()),
        ("waiting", count()),
        ("nextRetryAt", nullable(time())),
    ]);
    and_perhaps(webhook, [("state", text()), ("throughput", throughput)])
}

fn process() -> Schema {
    let process = shown([
        ("id", text()),
        ("status", described(count(), "1 processing, 2 divergent, 3 finished, 4 cancelled, 5 error.")),
    ]);
    and_perhaps(
        process,
        [
            ("report", report_id()),
            ("createdAt", time()),
            ("finishedAt", nullable(time())),
            ("rows", count()),
            ("fileGone", flag()),
            ("fileUrl", nullable(text())),
            ("fileExpiresAt", nullable(time())),
            ("error", shown([("code", text()), ("message", text())])),
            ("divergences", list_of(shown([("check", text()), ("message", text())]))),
            ("updatedAt", described(time(), "Of a process of the customer's own.")),
        ],
    )
}
