//! Links, as the API's description has them.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::domain::{
    link::{LinkMode, MIN_LIFE, UseOutcome},
    tenant::Scope,
};

use super::wish::FIELDS;
use crate::openapi::{
    operation::Operation,
    parts::{link_mode, values},
    schema::{
        Schema, component, count, described, exactly, flag, id, names, nullable, page_of, pattern, sent, shown, text,
        time,
    },
};

const TAG: &str = "Links";

/// What a caller may do with links.
pub fn operations() -> Vec<Operation> {
    let of_request = "/v1/requests/{request}/links";
    vec![
        Operation::get("/v1/links/{capability}", ["followLink", TAG, "Download"])
            .about(
                "Needs no credential: whoever has the link can download. The address behind it is good for five minutes at \
                 most: follow it at once. `HEAD` is answered alike, and uses nothing up.",
            )
            .at("capability", pattern("^[A-Za-z0-9_-]{43}$"))
            .answers_nothing(StatusCode::FOUND, "To the file.")
            .with_header("Location", true, text())
            .refuses(&["not_found", "link_expired", "link_revoked", "file_deleted"]),
        Operation::post(of_request, ["makeLink", TAG, "Make a link"])
            .about("To a file that is there. The URL is shown this once. A life that cannot be kept is refused, not shortened.")
            .needs(Scope::ReportsRequest)
            .at("request", id("req"))
            .bodies(
                wish(),
                json!({
                    "as_long_as_possible": { "value": {} },
                    "direct": { "value": { "mode": "direct", "expires_in_seconds": 3600 } },
                }),
            )
            .answers(StatusCode::CREATED, "The link.", made())
            .leads_to("revokeLink", [("request", "$request.path.request"), ("link", "$response.body#/id")])
            .leads_to("listLinks", [("request", "$request.path.request")])
            .refuses(&["not_found", "request_unfinished", "no_file", "file_gone", "too_many_links"]),
        Operation::get(of_request, ["listLinks", TAG, "List them"])
            .about("Newest first, in pages.")
            .needs(Scope::ReportsRead)
            .at("request", id("req"))
            .in_pages()
            .answers(StatusCode::OK, "A page.", page_of("links", component("Link")))
            .refuses(&["not_found"]),
        Operation::delete("/v1/requests/{request}/links/{link}", ["revokeLink", TAG, "Revoke a managed link"])
            .about("It is refused from now on. Doing it again changes nothing.")
            .needs(Scope::ReportsRequest)
            .at("request", id("req"))
            .at("link", id("lnk"))
            .answers(StatusCode::OK, "The link.", component("Link"))
            .refuses(&["not_found", "link_not_revocable"]),
        Operation::get("/v1/requests/{request}/accesses", ["listAccesses", TAG, "Who used them"])
            .about("Uses of managed links, those that were refused too, newest first, in pages.")
            .needs(Scope::ReportsRead)
            .at("request", id("req"))
            .in_pages()
            .answers(StatusCode::OK, "A page.", page_of("accesses", access()))
            .refuses(&["not_found"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let link = shown([
        ("id", id("lnk")),
        ("mode", link_mode()),
        ("live", described(flag(), "Whether it opens the file now.")),
        ("created_by", described(text(), "`worker` made the one that came with the file.")),
        ("created_at", time()),
        ("expires_at", time()),
        ("revoked_at", nullable(time())),
        ("downloads", described(nullable(count()), "Of a managed one.")),
    ]);
    vec![("Link", link)]
}

/// The body that asks for a link. JSON Schema could not say how much life the file has left.
fn wish() -> Schema {
    let least = |seconds: i64, unit: i64| json!({ "type": "integer", "minimum": (seconds + unit - 1) / unit });
    let mut wish = sent(&FIELDS, &[], |name| match name {
        "mode" => described(names(LinkMode::ALL.map(LinkMode::name)), "The tenant's unless given."),
        "life_hours" => described(least(MIN_LIFE.as_secs(), 3600), "From now on; this or `expires_in_seconds`."),
        "expires_in_seconds" => described(least(MIN_LIFE.as_secs(), 1), "From now on."),
        _ => Value::Null,
    });
    let given = |name: &str| json!({ "required": [name], "properties": { name: { "type": "integer" } } });
    wish["not"] = json!({ "allOf": [given("life_hours"), given("expires_in_seconds")] });
    wish
}

fn made() -> Schema {
    shown([("id", id("lnk")), ("mode", link_mode()), ("url", text()), ("created_at", time()), ("expires_at", time())])
}

fn access() -> Schema {
    shown([
        ("at", time()),
        ("link_id", id("lnk")),
        ("link_created_by", nullable(text())),
        ("method", json!({ "anyOf": [exactly("GET"), exactly("HEAD")] })),
        ("outcome", values(&UseOutcome::ALL)),
        ("ip", described(nullable(text()), "As API Gateway saw it.")),
        ("user_agent", nullable(text())),
    ])
}
