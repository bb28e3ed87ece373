//! Deliveries and recoveries, as the API's description has them.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::domain::{delivery::Status, recovery, tenant::Scope};

use super::list::PARAMETERS;
use crate::openapi::{
    operation::Operation,
    parts::{rfc3339, values},
    schema::{
        Schema, and, component, count, described, id, list_of, names, nullable, page_of, pattern, sent, shown, text,
        time,
    },
};

const TAG: &str = "Deliveries";

/// What a caller may do with deliveries.
pub fn operations() -> Vec<Operation> {
    vec![
        listed(),
        Operation::get("/v1/deliveries/{delivery}", ["showDelivery", TAG, "One with every attempt"])
            .needs(Scope::ReportsRead)
            .at("delivery", id("dlv"))
            .answers(
                StatusCode::OK,
                "The delivery.",
                and(crate::openapi::parts::delivery(), [("attempt_log", list_of(attempt()))]),
            )
            .refuses(&["not_found"]),
        Operation::post("/v1/deliveries/{delivery}/redeliver", ["redeliver", TAG, "Make it again"])
            .about("Due at once, with its whole retry schedule before it; the `webhook-id` stays.")
            .needs(Scope::ReportsRequest)
            .at("delivery", id("dlv"))
            .answers(StatusCode::ACCEPTED, "It is pending again.", component("Delivery"))
            .leads_to("showDelivery", [("delivery", "$response.body#/id")])
            .refuses(&["not_found", "delivery_pending", "endpoint_deleted", "file_gone"]),
        Operation::post(
            "/v1/endpoints/{endpoint}/recover",
            ["recoverEndpoint", TAG, "Make again what an endpoint has missed"],
        )
        .about("Every dead delivery to it that was made since then is made again, as a job that outlives crashes.")
        .needs(Scope::EndpointsWrite)
        .at("endpoint", id("end"))
        .body(
            sent(&["since"], &["since"], |_| described(rfc3339(), "Not in the future.")),
            json!({ "since": "2026-11-20T00:00:00Z" }),
        )
        .answers(StatusCode::ACCEPTED, "It begins within a minute.", component("Recovery"))
        .with_header("Location", true, pattern("^/v1/recoveries/rcv_[0-9a-f]{32}$"))
        .with_header("Retry-After", true, count())
        .leads_to("showRecovery", [("recovery", "$response.body#/id")])
        .refuses(&["not_found", "too_many_recoveries"]),
        Operation::get("/v1/recoveries/{recovery}", ["showRecovery", TAG, "How far a recovery is"])
            .needs(Scope::ReportsRead)
            .at("recovery", id("rcv"))
            .answers(StatusCode::OK, "As it is now.", component("Recovery"))
            .refuses(&["not_found"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let recovery = shown([
        ("id", id("rcv")),
        ("endpoint", id("end")),
        ("state", values(&recovery::State::ALL)),
        ("since", time()),
        ("requested_at", time()),
        ("requested_by", text()),
        ("found", described(count(), "Were dead.")),
        ("redelivered", count()),
        ("skipped", described(count(), "Tell of files that are gone.")),
        ("finished_at", nullable(time())),
    ]);
    vec![("Recovery", recovery)]
}

fn listed() -> Operation {
    let operation = Operation::get("/v1/deliveries", ["listDeliveries", TAG, "List deliveries"])
        .about("A delivery is one event to one receiver. Newest first, filtered, in pages.")
        .needs(Scope::ReportsRead);
    let filters = PARAMETERS.iter().filter(|name| !matches!(**name, "limit" | "cursor"));
    let operation = filters.fold(operation, |operation, name| operation.query(name, filter(name)));
    operation.in_pages().answers(StatusCode::OK, "A page.", page_of("deliveries", component("Delivery")))
}

fn filter(name: &str) -> Schema {
    match name {
        "request" => id("req"),
        "endpoint" => id("end"),
        "status" => described(names(Status::ALL.map(Status::name)), "One; or several, with commas between."),
        "from" => described(rfc3339(), "Made at or after."),
        "to" => described(rfc3339(), "Made before."),
        _ => Value::Null,
    }
}

fn attempt() -> Schema {
    shown([
        ("number", count()),
        ("started_at", time()),
        ("finished_at", described(nullable(time()), "null: under way, or its dispatcher died in it.")),
        ("duration_ms", nullable(count())),
        ("address", nullable(text())),
        ("http_status", nullable(count())),
        ("outcome", nullable(text())),
        (
            "response",
            described(nullable(text()), "The first KiB of the answer, with what looks like a secret struck out."),
        ),
    ])
}
