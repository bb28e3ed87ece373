//! Eclipse's reports API.

mod error;

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// Its routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
}
