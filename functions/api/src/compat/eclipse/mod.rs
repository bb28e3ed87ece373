//! Eclipse's reports API: its path, its query parameters, its answers and errors; and its log-in.
//!
//! [`login`] gives its clients a token. [`query`] reads what is asked, [`parameter`] turns texts into the definition's
//! types, [`delivery`] who is to be told, [`order`] makes one order of it. [`reports`] is the route; [`at_once`] has a
//! report made while its caller waits.

mod at_once;
mod contract;
mod delivery;
mod error;
mod login;
mod order;
mod parameter;
mod query;
mod reports;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use crate::app::App;

pub use self::contract::{components, operations};

/// Its routes.
pub fn routes() -> Router<Arc<App>> {
    // A `HEAD` would run the report and throw it away.
    let report = get(reports::run).head(reports::not_this_method).fallback(reports::not_this_method);
    Router::new()
        .route("/eclipse-conductor/rest/v1/tenants/{tenant}/reports/{report}", report)
        .route("/eclipse-conductor/rest/v1/authentication/login", post(login::login))
        .route("/eclipse-conductor/rest/v1/authentication/renew", post(login::renew))
        .route("/eclipse-conductor/rest/v1/authentication/logout", post(login::logout))
        .method_not_allowed_fallback(error::wrong_method)
}
