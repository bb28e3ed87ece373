//! What anybody may read.

use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use serde_json::{Value, json};
use waybill::webhook_key::WebhookKeys;

use crate::{
    app::App,
    openapi::{
        operation::Operation,
        schema::{any, exactly, list_of, shown, text},
    },
    problem::Problem,
};

/// `GET /health`: the function is up. It looks at nothing else, so that a probe costs nothing.
pub async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /.well-known/waybill-openpgp.asc`: the key that signs reports, armored.
pub async fn openpgp_key(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    let keys = app.signing.get().await?;
    let armored = keys.openpgp.public_armored().map_err(|e| Problem::unavailable(&e))?;
    let headers = [(header::CONTENT_TYPE, "application/pgp-keys"), (header::CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, armored))
}

/// `GET /.well-known/waybill-ed25519.json`: the keys that sign webhooks and manifests, the current one first, as a JWK set.
pub async fn ed25519_keys(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    let keys = app.signing.get().await?;
    let set = keys.webhook.as_ref().map_or_else(|| json!({ "keys": [] }), WebhookKeys::public_set);
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, set.to_string()))
}

/// `GET /.well-known/waybill-ed25519.pem`: the current one of these keys, for OpenSSL.
pub async fn ed25519_pem(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    let keys = app.signing.get().await?;
    let pem = keys.webhook.as_ref().map(WebhookKeys::public_pem).ok_or_else(|| Problem::not_found("key"))?;
    let headers = [(header::CONTENT_TYPE, "application/x-pem-file"), (header::CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, pem))
}

/// What anybody may read.
pub fn operations() -> Vec<Operation> {
    let tag = "Service";
    vec![
        Operation::get("/health", ["health", tag, "The function is up"])
            .about("It looks at nothing else, so that a probe costs nothing.")
            .answers(StatusCode::OK, "It is.", shown([("status", exactly("ok")), ("version", text())])),
        Operation::get("/.well-known/waybill-openpgp.asc", ["openpgpKey", tag, "The key that signs reports"])
            .about("The service's OpenPGP certificate, armored.")
            .answers_with(StatusCode::OK, "The certificate.", "application/pgp-keys", text()),
        Operation::get("/.well-known/waybill-ed25519.json", ["ed25519Keys", tag, "The keys that sign webhooks"])
            .about("And manifests: a JWK set, the current key first. Cached for five minutes.")
            .answers_with(StatusCode::OK, "The keys.", "application/jwk-set+json", shown([("keys", list_of(any()))])),
        Operation::get("/.well-known/waybill-ed25519.pem", ["ed25519Pem", tag, "The current one, for OpenSSL"])
            .answers_with(StatusCode::OK, "The key.", "application/x-pem-file", text())
            .refuses(&["not_found"]),
    ]
}
