//! Mails, as the API's description has them.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::domain::{
    email::{
        Language, feedback,
        notice::{Notice, Part},
    },
    tenant::Scope,
};

use super::preview::FIELDS;
use crate::openapi::{
    operation::Operation,
    parts::{tenant_id, values},
    schema::{
        Schema, any, component, count, described, flag, id, list_of, map_of, names, nullable, page_of, sent, shown,
        text, time,
    },
};
use crate::routes::requests::address;

const TAG: &str = "Mail";

/// What there is to do about mails.
pub fn operations() -> Vec<Operation> {
    let enabled = || shown([("enabled", text())]);
    let addresses = || page_of("addresses", component("DisabledAddress"));
    let body = || sent(&["address"], &["address"], |_| address());
    let example = || json!({ "address": "somebody@customer.example" });
    let preview = |operation: Operation| {
        operation
            .about("With templates that are not in force yet, or with those that are. Nothing is sent or recorded.")
            .needs(Scope::Admin)
            .body(component("MailQuestion"), json!({ "mail": "ready", "language": "en" }))
            .answers(StatusCode::OK, "How it would read, or what is wrong with its templates.", shown_preview())
    };
    vec![
        Operation::get("/v1/email/disabled", ["listDisabledAddresses", TAG, "Addresses that mails no longer go to"])
            .needs(Scope::ReportsRead)
            .in_pages()
            .answers(StatusCode::OK, "A page.", addresses()),
        Operation::post("/v1/email/enable", ["enableAddress", TAG, "Write to one again"])
            .needs(Scope::EndpointsWrite)
            .body(body(), example())
            .answers(StatusCode::OK, "Mails go to it again.", enabled())
            .refuses(&["not_found", "conflict"]),
        Operation::get(
            "/v1/tenants/{tenant}/email/disabled",
            ["listDisabledAddressesOfTenant", TAG, "Addresses that a tenant's mails no longer go to"],
        )
        .needs(Scope::Admin)
        .at("tenant", tenant_id())
        .in_pages()
        .answers(StatusCode::OK, "A page.", addresses())
        .refuses(&["not_found"]),
        Operation::post(
            "/v1/tenants/{tenant}/email/enable",
            ["enableAddressOfTenant", TAG, "Have a tenant write to one again"],
        )
        .needs(Scope::Admin)
        .at("tenant", tenant_id())
        .body(body(), example())
        .answers(StatusCode::OK, "Mails go to it again.", enabled())
        .refuses(&["not_found", "conflict"]),
        preview(Operation::post("/v1/email/preview", ["previewMail", TAG, "A mail as it would read"])),
        preview(
            Operation::post(
                "/v1/tenants/{tenant}/email/preview",
                ["previewMailOfTenant", TAG, "A tenant's mail as it would read"],
            )
            .at("tenant", tenant_id()),
        )
        .refuses(&["not_found"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let disabled = shown([
        ("address", text()),
        ("kind", values(&feedback::Kind::ALL)),
        ("detail", nullable(text())),
        ("disabled_at", time()),
        ("request_id", nullable(id("req"))),
        ("delivery_id", nullable(id("dlv"))),
    ]);
    let question = sent(&FIELDS, &["mail"], |name| match name {
        "mail" => names(Notice::ALL.map(Notice::name)),
        "language" => described(names(Language::ALL.map(Language::name)), "The tenant's unless given."),
        "templates" => {
            let templates = sent(&Part::ALL.map(Part::name), &[], |_| text());
            described(templates, "In place of those that are in force.")
        }
        _ => Value::Null,
    });
    vec![("DisabledAddress", disabled), ("MailQuestion", question)]
}

fn shown_preview() -> Schema {
    let fault = shown([("line", count()), ("column", count()), ("code", text()), ("detail", text())]);
    let part = shown([
        ("source", names(["given", "built_in", "tenant", "operator"])),
        ("key", nullable(text())),
        ("template", text()),
        ("rendered", nullable(text())),
        ("faults", list_of(fault)),
    ]);
    let of_part = |_: &str| part.clone();
    let mut parts = sent(&Part::ALL.map(Part::name), &Part::ALL.map(Part::name), of_part);
    parts["additionalProperties"] = any();
    shown([
        ("mail", names(Notice::ALL.map(Notice::name))),
        ("language", text()),
        ("valid", flag()),
        ("parts", parts),
        ("variables", described(map_of(text()), "What templates may name.")),
    ])
}
