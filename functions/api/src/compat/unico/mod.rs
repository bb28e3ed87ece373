//! IDUnico's processes: a report request is one, and so is what the tenant's own events tell of. Their status is asked for
//! here, and told to webhooks, which are endpoints with the profile `unico` in IDUnico's terms.

mod contract;
mod process;
mod refusal;
mod terms;
mod webhook;

use std::sync::Arc;

use axum::{Router, routing::get};

use crate::app::App;

pub use self::contract::{components, operations};

/// Its routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/processes/v1/{process}", get(process::show).fallback(refusal::other_method))
        .route("/webhooks/v1", get(webhook::list).post(webhook::create).fallback(refusal::other_method))
        .route(
            "/webhooks/v1/{webhook}",
            get(webhook::show).put(webhook::put).delete(webhook::delete).fallback(refusal::other_method),
        )
}
