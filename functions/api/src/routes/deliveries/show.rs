//! A delivery with every attempt.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::Value;

use super::{describe, load};
use crate::{app::App, auth::MayRead, problem::Problem};

/// `GET /v1/deliveries/{delivery}`: where it stands, and what came of each attempt.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let delivery = load(&app, &caller.tenant, &id).await?.row;
    let attempts = app.table.attempts(&delivery).await?;
    let mut shown = describe::delivery(&delivery);
    shown["attempt_log"] = attempts.iter().map(describe::attempt).collect();
    Ok(Json(shown))
}
