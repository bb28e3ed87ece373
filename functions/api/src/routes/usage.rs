//! What the tenant has used today, and what it may.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};
use waybill::{clock, domain::quota};

use crate::{app::App, auth::MayRead, problem::Problem};

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
