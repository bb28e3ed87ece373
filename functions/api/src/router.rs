//! Every route of the API in one place. Public ones: health, managed links, `/.well-known/*`.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use http::{StatusCode, header};

use crate::{
    app::App,
    body::MAX_BODY,
    problem::Problem,
    routes::{links, reports, requests, tenants, well_known},
};

/// The router, ready to serve.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(well_known::health))
        .route("/.well-known/waybill-openpgp.asc", get(well_known::openpgp_key))
        .route("/v1/links/{capability}", get(links::follow))
        .route("/v1/reports", get(reports::list))
        .route("/v1/reports/{report}", get(reports::show))
        .route("/v1/requests", post(requests::create))
        .route("/v1/requests/{request}", get(requests::show))
        .route("/v1/tenants/{tenant}", put(tenants::put).get(tenants::show))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "no_such_route", "There is no such path.") })
        .method_not_allowed_fallback(|| async {
            let detail = "The path exists, but not with this method; see the Allow header.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(map_response(every_error_is_a_problem))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// The framework's own refusals, as of a path that is not UTF-8, say nothing that a client could switch on.
async fn every_error_is_a_problem(response: Response) -> Response {
    let status = response.status();
    let said = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if said || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    Problem::new(status, "malformed_request", "The request cannot be read.").into_response()
}
