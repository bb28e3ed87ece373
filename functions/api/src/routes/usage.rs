//! What the tenant has used today, and what it may.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use serde_json::{Value, json};
use waybill::{
    clock,
    domain::{quota, tenant::Scope},
};

use crate::{
    app::App,
    auth::MayRead,
    openapi::{
        operation::Operation,
        schema::{count, described, nullable, shown},
    },
    problem::Problem,
};

/// `GET /v1/usage`: requests accepted, rows and bytes finished since midnight UTC, and the quotas on them.
pub async fn show(State(app): State<Arc<App>>, caller: MayRead) -> Result<Json<Value>, Problem> {
    let now = clock::now();
    let tenant = app.tenant(&caller.tenant).await?;
    let usage = app.table.usage(&tenant.id, now).await?;
    let quotas = &tenant.quotas;
    Ok(Json(json!({
        "requests": {"used": usage.requests, "limit": quotas.requests_per_day},
        "rows": {"used": usage.rows, "limit": quotas.rows_per_day},
        "bytes": {"used": usage.bytes, "limit": quotas.bytes_per_day},
        "running": {"limit": quotas.running},
        "reset_seconds": quota::until_midnight(now),
    })))
}

/// What a caller may know of its quotas.
pub fn operations() -> Vec<Operation> {
    let limit = || described(nullable(count()), "null: none.");
    let quota = || shown([("used", count()), ("limit", limit())]);
    let usage = shown([
        ("requests", quota()),
        ("rows", quota()),
        ("bytes", quota()),
        ("running", shown([("limit", limit())])),
        ("reset_seconds", described(count(), "Until midnight, UTC.")),
    ]);
    let operation = Operation::get("/v1/usage", ["showUsage", "Requests", "What the day has used"])
        .about("Requests accepted, rows and bytes finished since midnight UTC, and the quotas on them.")
        .needs(Scope::ReportsRead)
        .answers(StatusCode::OK, "Usage and quotas.", usage);
    vec![operation]
}
