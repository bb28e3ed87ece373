//! Tenants, as the API's description has them.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::domain::{
    erasure,
    issuer::MAX_TEXT,
    licence::MAX_LINGER_SECONDS,
    outcome::Packaging,
    tenant::{KeyFloor, Scope, recipient_keys::MAX_ACTIVE},
};

use super::{
    email, interfaces, issuers, jira,
    settings::{
        FIELDS, IDENTITY_FIELDS, LINK_FIELDS, MAX_HOURS, MAX_IDENTITIES, MAX_NAME, MAX_REPORTS, MAX_RUNNING, MAX_SEATS,
        POOL_FIELDS, QUOTA_FIELDS,
    },
    zip,
};
use crate::openapi::{
    operation::Operation,
    parts::{TENANT_ID, fingerprint, link_mode, packaging, report_id, scopes, tenant_id, uuid, values},
    schema::{
        Schema, and_perhaps, any, bytes, component, count, defaulted, described, flag, id, list_of, list_of_at_most,
        names, nullable, page_of, pattern, sent, shown, text, time, whole,
    },
};

const TAG: &str = "Tenants";

/// What an administrator may do with tenants.
pub fn operations() -> Vec<Operation> {
    let one = "/v1/tenants/{tenant}";
    let mut operations = vec![
        Operation::get("/v1/tenants", ["listTenants", TAG, "List tenants"])
            .about("All of them by id, in pages.")
            .needs(Scope::Admin)
            .in_pages()
            .answers(StatusCode::OK, "A page.", page_of("tenants", summary())),
        Operation::put(one, ["putTenant", TAG, "Create a tenant, or replace its settings"])
            .about(
                "The first `PUT` answers 201 with `webhook_secret`, shown this once. A later one replaces all settings, \
                 recipient keys and webhook secret excepted; what `GET` shows can be put back as it is.",
            )
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .header("If-Match", described(text(), "Only if the tenant still is what this `ETag` says."))
            .body(component("TenantSettings"), example())
            .answers(StatusCode::OK, "Its settings are replaced.", recorded())
            .with_header("ETag", true, text())
            .answers(StatusCode::CREATED, "It is made.", recorded())
            .with_header("ETag", true, text())
            .refuses(&["precondition_failed", "conflict", "tenant_erasing"]),
        Operation::get(one, ["showTenant", TAG, "Show a tenant"])
            .about("Without its secrets.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .answers(StatusCode::OK, "The tenant.", component("Tenant"))
            .with_header("ETag", true, text())
            .refuses(&["not_found"]),
        Operation::delete(one, ["eraseTenant", TAG, "Erase a tenant with all that it has"])
            .about("With this answer nobody acts for the tenant any more; then its rows and files are removed. It cannot be called off.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .query("confirm", described(pattern(TENANT_ID), "The tenant's id, once more."))
            .header("If-Match", text())
            .answers(StatusCode::ACCEPTED, "It is under way.", component("Erasure"))
            .with_header("Location", true, pattern("^/v1/erasures/era_[0-9a-f]{32}$"))
            .with_header("Retry-After", true, count())
            .leads_to("showErasure", [("erasure", "$response.body#/id")])
            .refuses(&["not_found", "confirmation_missing", "precondition_failed", "conflict"]),
        Operation::get("/v1/erasures/{erasure}", ["showErasure", TAG, "How far an erasure is"])
            .about("Once it is `DONE`, this is the receipt, and it stays.")
            .needs(Scope::Admin)
            .at("erasure", id("era"))
            .answers(StatusCode::OK, "As it is now.", component("Erasure"))
            .refuses(&["not_found"]),
        Operation::get("/v1/tenants/{tenant}/audit", ["listAudit", TAG, "What administrators did to a tenant"])
            .about("Newest first, in pages. The trail of a tenant that was erased stays.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .in_pages()
            .answers(StatusCode::OK, "A page.", page_of("entries", audit_entry()))
            .refuses(&["not_found"]),
    ];
    operations.extend(recipient_keys());
    operations
}

fn recipient_keys() -> Vec<Operation> {
    let path = "/v1/tenants/{tenant}/recipient-keys";
    vec![
        Operation::post(path, ["addRecipientKey", TAG, "Upload a recipient key"])
            .about("Reports are encrypted to it from now on. Two may be active at a time.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .body(
                sent(&["armored"], &["armored"], |_| {
                    described(bytes(crate::body::MAX_BODY), "An OpenPGP public key, armored.")
                }),
                json!({ "armored": SAMPLE_KEY }),
            )
            .answers(StatusCode::CREATED, "The key.", component("RecipientKey"))
            .refuses(&["not_found", "recipient_key_exists", "too_many_active_keys", "tenant_erasing", "conflict"]),
        Operation::get(path, ["listRecipientKeys", TAG, "List recipient keys"])
            .about("The active ones, then the latest that were retired.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .answers(StatusCode::OK, "The keys.", shown([("recipient_keys", list_of(component("RecipientKey")))]))
            .refuses(&["not_found"]),
        Operation::delete(
            "/v1/tenants/{tenant}/recipient-keys/{fingerprint}",
            ["retireRecipientKey", TAG, "Retire one"],
        )
        .about("Reports are no longer encrypted to it. The last one goes with `force=true` only, where it is needed.")
        .needs(Scope::Admin)
        .at("tenant", tenant_id())
        .at("fingerprint", fingerprint())
        .query("force", names(["true", "false"]))
        .answers(StatusCode::OK, "The key.", component("RecipientKey"))
        .refuses(&["not_found", "last_active_key", "tenant_erasing", "conflict"]),
    ]
}

/// A recipient key for examples.
const SAMPLE_KEY: &str = include_str!("../../../../shared/src/openpgp/testdata/curve25519-certified.asc");

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let erasure = shown([
        ("id", id("era")),
        ("tenant", tenant_id()),
        ("state", values(&erasure::State::ALL)),
        ("requested_at", time()),
        ("requested_by", text()),
        ("rows_removed", count()),
        ("objects_removed", count()),
        ("uploads_aborted", count()),
        ("confirmed_from", nullable(time())),
        ("finished_at", nullable(time())),
    ]);
    let key = shown([
        ("fingerprint", fingerprint()),
        ("algorithm", nullable(text())),
        ("bits", nullable(count())),
        ("expires_at", nullable(time())),
        ("expires_soon", flag()),
        ("added_at", nullable(time())),
        ("retired_at", nullable(time())),
    ]);
    vec![("TenantSettings", settings()), ("Tenant", tenant()), ("Erasure", erasure), ("RecipientKey", key)]
}

fn example() -> Value {
    json!({
        "name": "Acme Ltd",
        "packaging": "zip",
        "zip": { "cipher": "aes256", "password": { "kind": "generated", "length": 24 } },
        "link": { "mode": "managed", "life_hours": 48 },
        "quotas": { "running": 3, "requests_per_day": 500 },
        "allowed_reports": [crate::openapi::parts::SAMPLE_REPORT],
        "retention_hours": 96,
    })
}

fn summary() -> Schema {
    shown([("id", tenant_id()), ("name", text()), ("created_at", time()), ("erasure", nullable(id("era")))])
}

/// What an administrator decides.
fn settings() -> Schema {
    let as_shown = || described(any(), "As it is shown; nobody sets it.");
    sent(&FIELDS, &["name"], |name| match name {
        "name" => bytes(MAX_NAME),
        "presenter_id" => described(uuid(), "Made unless given, and then kept."),
        "packaging" => defaulted(packaging(), Packaging::Openpgp.name()),
        "zip" => zip::schema(),
        "manifest_inside" => described(flag(), "Whether archives end with their manifest."),
        "recipient_key_floor" => names(KeyFloor::ALL.map(KeyFloor::name)),
        "link" => sent(&LINK_FIELDS, &[], |name| match name {
            "mode" => link_mode(),
            "life_hours" => described(whole(1..=MAX_HOURS), "No more than the file's own."),
            _ => Value::Null,
        }),
        "quotas" => sent(&QUOTA_FIELDS, &[], |name| match name {
            "running" => whole(1..=MAX_RUNNING),
            _ => whole(1..=u64::MAX),
        }),
        "licence_pool" => sent(&POOL_FIELDS, &["seats"], |name| match name {
            "seats" => whole(1..=MAX_SEATS),
            "linger_seconds" => whole(0..=MAX_LINGER_SECONDS),
            _ => Value::Null,
        }),
        "allowed_reports" => described(list_of_at_most(report_id(), MAX_REPORTS), "Without it all; with `[]` none."),
        "interfaces" => interfaces::schema(),
        "jira" => jira::schema(),
        "email" => email::schema(),
        "retention_hours" => described(whole(1..=MAX_HOURS), "Life of a file."),
        "identities" => described(list_of_at_most(identity(), MAX_IDENTITIES), "Who acts for it."),
        "issuers" => list_of_at_most(issuers::schema(), issuers::MAX_ISSUERS),
        "recipient_keys" => {
            described(list_of_at_most(recipient_key(), MAX_ACTIVE), "That are to be active; others are retired.")
        }
        "new_webhook_secret" => described(defaulted(flag(), false), "Make a fresh one; the old one ends at once."),
        "id" | "created_at" | "erasure" | "warnings" => as_shown(),
        _ => Value::Null,
    })
}

fn identity() -> Schema {
    sent(&IDENTITY_FIELDS, &IDENTITY_FIELDS, |name| match name {
        "issuer" | "subject" => bytes(MAX_TEXT),
        "scopes" => scopes(),
        _ => Value::Null,
    })
}

fn recipient_key() -> Schema {
    let known =
        json!({ "type": "object", "required": ["fingerprint"], "properties": { "fingerprint": fingerprint() } });
    json!({ "anyOf": [described(text(), "Armored."), known] })
}

fn tenant() -> Schema {
    let object = || json!({ "type": "object" });
    shown([
        ("id", tenant_id()),
        ("name", text()),
        ("presenter_id", uuid()),
        ("packaging", packaging()),
        ("zip", object()),
        ("manifest_inside", nullable(flag())),
        ("recipient_key_floor", names(KeyFloor::ALL.map(KeyFloor::name))),
        ("link", shown([("mode", link_mode()), ("life_hours", nullable(count()))])),
        ("quotas", object()),
        ("licence_pool", nullable(shown([("seats", count()), ("linger_seconds", count())]))),
        ("allowed_reports", nullable(list_of(report_id()))),
        ("interfaces", object()),
        ("jira", nullable(object())),
        ("email", object()),
        ("retention_hours", nullable(count())),
        ("identities", list_of(shown([("issuer", text()), ("subject", text()), ("scopes", scopes())]))),
        ("issuers", list_of(object())),
        ("recipient_keys", described(list_of(component("RecipientKey")), "The active ones.")),
        ("created_at", time()),
        ("erasure", nullable(id("era"))),
        ("warnings", described(list_of(text()), "What is set and better were not.")),
    ])
}

fn recorded() -> Schema {
    and_perhaps(tenant(), [("webhook_secret", described(pattern("^whsec_"), "A fresh one, shown this once."))])
}

fn audit_entry() -> Schema {
    shown([
        ("id", id("aud")),
        ("at", time()),
        ("actor", text()),
        ("ip", nullable(text())),
        ("action", text()),
        ("detail", any()),
    ])
}
