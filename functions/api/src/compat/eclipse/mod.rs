//! Eclipse's reports API.

mod error;
mod login;

use std::sync::Arc;

use axum::{Router, routing::post};

use crate::app::App;

/// Its routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/eclipse-conductor/rest/v1/authentication/login", post(login::login))
        .route("/eclipse-conductor/rest/v1/authentication/renew", post(login::renew))
        .route("/eclipse-conductor/rest/v1/authentication/logout", post(login::logout))
        .method_not_allowed_fallback(error::wrong_method)
}
