//! The API as a contract: OpenAPI 3.1, made of what stands beside the handlers.
//!
//! Each module of `routes` and `compat` describes its operations in `operations()`; names of fields, enumerations and
//! bounds come from the constants that its handlers read by. A test holds this list against the router, so a route that
//! is not described, or a description without a route, fails it. The document is served, shown as a page, and kept as
//! `docs/openapi.json`, which another test compares.

pub mod operation;
mod page;
pub mod parts;
pub mod problems;
pub mod schema;
mod serve;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use self::{
    operation::Operation,
    schema::{Schema, described, pattern},
};
use crate::{
    compat,
    routes::{
        api_keys, dead_letters, deliveries, email, endpoints, licences, links, manifest, reports, requests, schedules,
        tenants, usage, users, well_known,
    },
};

pub use self::serve::{document as serve_document, operations as own_operations, page as serve_page};

/// What the document says first.
const ABOUT: &str = "\
Asynchronous report delivery: ask for a report, get an id at once, and receive later a packaged, encrypted file with a \
signed statement of exactly what is in it.

Times are RFC 3339 in UTC. Answers may get further fields: ignore those that you do not know. Bodies that are sent are read \
strictly: a field that is not described is refused, and a `null` counts as not given. A body may have 64 KiB.

Every error is `application/problem+json` (RFC 9457) with a stable `code`. Every answer has an `X-Request-Id`: the one that \
was sent, if it has 1 to 128 visible ASCII characters, or else one that is made; name it to whoever looks into it. API \
Gateway itself answers 429 (too many requests) and a few more with `{\"message\": …}`, and without it.";

/// Chapters in their order, each with what it is about.
const TAGS: [(&str, &str); 16] = [
    ("Catalogue", "What may be asked for."),
    ("Requests", "Ask for reports, follow them, call them off, delete their files."),
    ("Schedules", "Reports that are asked for at times of a calendar."),
    ("Links", "How a file is fetched, and who has."),
    ("Endpoints", "Registered receivers of notifications."),
    ("Deliveries", "Notifications with their attempts; what is done again."),
    ("Mail", "Addresses that are no good, and previews."),
    ("Licences", "Seats of a tenant's licence pool."),
    ("Tenants", "For administrators: tenants, their recipient keys, their end."),
    ("API keys", "For administrators."),
    ("Users", "For administrators: users who log in through Eclipse's interface."),
    ("Service", "What anybody may read."),
    ("Eclipse", "The interface of Eclipse's Conductor, for its clients. It refuses in that product's words."),
    ("Tesouro", "Tesouro's downloadable reports: GraphQL."),
    ("TReports", "The interface of TOTVS TReports, for its clients. It refuses in that product's words."),
    ("IDUnico", "IDUnico's processes and webhooks, for its clients. It refuses in that product's words."),
];

/// Every operation, by chapters.
pub fn operations() -> Vec<Operation> {
    let all = [
        reports::operations(),
        requests::operations(),
        schedules::operations(),
        manifest::operations(),
        usage::operations(),
        links::operations(),
        endpoints::operations(),
        deliveries::operations(),
        dead_letters::operations(),
        email::operations(),
        licences::operations(),
        tenants::operations(),
        api_keys::operations(),
        users::operations(),
        well_known::operations(),
        own_operations(),
        compat::operations(),
    ];
    all.into_iter().flatten().collect()
}

/// Every schema that stands under a name of its own.
fn schemas() -> Map<String, Schema> {
    let all = [
        parts::components(),
        reports::components(),
        requests::components(),
        schedules::components(),
        links::components(),
        endpoints::components(),
        deliveries::components(),
        email::components(),
        licences::components(),
        tenants::components(),
        api_keys::components(),
        users::components(),
        compat::components(),
    ];
    all.into_iter().flatten().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The document; `public_url` is where the API is.
pub fn document(public_url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let path = paths
            .entry(operation.path)
            .or_insert_with(|| json!({ "parameters": [{ "$ref": "#/components/parameters/X-Request-Id" }] }));
        path[operation.method.as_str().to_ascii_lowercase()] = operation.describe();
    }
    let tags: Vec<Value> = TAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Waybill", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "servers": [{ "url": public_url }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": refusals(),
            "parameters": { "X-Request-Id": request_id_parameter() },
            "headers": { "X-Request-Id": request_id_header() },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A JWT of an issuer that the operator, or the tenant's settings, name; or an API key.",
                },
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "An API key." },
            },
        },
    })
}

/// Every problem that operations answer with, by status and codes.
fn refusals() -> Map<String, Value> {
    let all = operations().into_iter().flat_map(|operation| problems::by_status(&operation.codes()));
    all.map(|(status, codes)| (problems::name(status, &codes), problems::response(status, &codes))).collect()
}

fn request_id_parameter() -> Value {
    json!({
        "in": "header",
        "name": "X-Request-Id",
        "description": "The caller's id of this call, for its logs and ours. One that is not 1 to 128 visible ASCII characters \
                        is replaced.",
        "schema": { "type": "string" },
    })
}

fn request_id_header() -> Value {
    json!({ "required": true, "schema": described(pattern("^[!-~]{1,128}$"), "Id of this call.") })
}
