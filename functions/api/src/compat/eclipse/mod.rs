//! Eclipse's reports API: its path, its query parameters, its answers and errors.
//!
//! [`query`] reads what is asked, [`parameter`] turns texts into the definition's types, [`delivery`] who is to be told,
//! [`order`] makes one order of it. [`reports`] is the route; [`at_once`] has a report made while its caller waits.

mod at_once;
mod delivery;
#[allow(dead_code, reason = "wrong credentials are told by the login")]
mod error;
mod order;
mod parameter;
mod query;
mod reports;

use std::sync::Arc;

use axum::{Router, routing::get};

use crate::app::App;

/// Its routes.
pub fn routes() -> Router<Arc<App>> {
    // A `HEAD` would run the report and throw it away.
    let report = get(reports::run).head(reports::not_this_method).fallback(reports::not_this_method);
    Router::new().route("/eclipse-conductor/rest/v1/tenants/{tenant}/reports/{report}", report)
}
