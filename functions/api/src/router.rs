//! Every route of the own API in one place; `compat` has those of other products. Public ones: health, managed links, `/.well-known/*`;
//! there also Eclipse's log-in.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use http::{HeaderValue, StatusCode, header};

use crate::{
    app::App,
    body::MAX_BODY,
    call, compat, cors, openapi,
    problem::Problem,
    routes::{
        api_keys, dead_letters, deliveries, email, endpoints, licences, links, manifest, reports, requests, schedules,
        tenants, usage, users, well_known,
    },
};

/// The router, ready to serve.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/openapi.json", get(openapi::serve_document))
        .route("/docs", get(openapi::serve_page))
        .route("/health", get(well_known::health))
        .route("/.well-known/waybill-openpgp.asc", get(well_known::openpgp_key))
        .route("/.well-known/waybill-ed25519.json", get(well_known::ed25519_keys))
        .route("/.well-known/waybill-ed25519.pem", get(well_known::ed25519_pem))
        .route("/v1/links/{capability}", get(links::follow))
        .route("/v1/reports", get(reports::list))
        .route("/v1/reports/{report}", get(reports::show))
        .route("/v1/requests", post(requests::create).get(requests::list))
        .route("/v1/requests/{request}", get(requests::show).delete(requests::delete))
        .route("/v1/requests/{request}/cancel", post(requests::cancel))
        .route("/v1/requests/{request}/repeat", post(requests::repeat))
        .route("/v1/requests/{request}/manifest", get(manifest::show))
        .route("/v1/requests/{request}/manifest/{name}", get(manifest::show_part))
        .route("/v1/requests/{request}/password", get(requests::password))
        .route("/v1/requests/{request}/links", post(links::make).get(links::list))
        .route("/v1/requests/{request}/links/{link}", delete(links::revoke))
        .route("/v1/requests/{request}/accesses", get(links::accesses))
        .route("/v1/schedules", post(schedules::create).get(schedules::list))
        .route("/v1/schedules/{schedule}", get(schedules::show).put(schedules::put).delete(schedules::delete))
        .route("/v1/schedules/{schedule}/pause", post(schedules::pause))
        .route("/v1/schedules/{schedule}/resume", post(schedules::resume))
        .route("/v1/schedules/{schedule}/run", post(schedules::run))
        .route("/v1/schedules/{schedule}/runs", get(schedules::runs))
        .route("/v1/usage", get(usage::show))
        .route("/v1/licences", get(licences::list))
        .route("/v1/deliveries", get(deliveries::list))
        .route("/v1/deliveries/{delivery}", get(deliveries::show))
        .route("/v1/deliveries/{delivery}/redeliver", post(deliveries::redeliver))
        .route("/v1/endpoints/{endpoint}/recover", post(deliveries::recover))
        .route("/v1/recoveries/{recovery}", get(deliveries::recovery))
        .route("/v1/dead-letters/redrive", post(dead_letters::redrive))
        .route("/v1/endpoints", post(endpoints::create).get(endpoints::list))
        .route("/v1/endpoints/{endpoint}", get(endpoints::show).put(endpoints::put).delete(endpoints::delete))
        .route("/v1/endpoints/{endpoint}/test", post(endpoints::test))
        .route("/v1/endpoints/{endpoint}/rotate-secret", post(endpoints::rotate_secret))
        .route("/v1/endpoints/{endpoint}/pause", post(endpoints::pause))
        .route("/v1/endpoints/{endpoint}/resume", post(endpoints::resume))
        .route("/v1/email/disabled", get(email::list))
        .route("/v1/email/enable", post(email::enable))
        .route("/v1/tenants/{tenant}/email/disabled", get(email::list_of_tenant))
        .route("/v1/tenants/{tenant}/email/enable", post(email::enable_of_tenant))
        .route("/v1/email/preview", post(email::of_stack))
        .route("/v1/tenants/{tenant}/email/preview", post(email::of_tenant))
        .route("/v1/tenants", get(tenants::list))
        .route("/v1/tenants/{tenant}", put(tenants::put).get(tenants::show).delete(tenants::erasures::request))
        .route("/v1/tenants/{tenant}/licences", get(licences::list_of_tenant))
        .route("/v1/tenants/{tenant}/audit", get(tenants::audit_trail::list))
        .route(
            "/v1/tenants/{tenant}/recipient-keys",
            post(tenants::recipient_keys::add).get(tenants::recipient_keys::list),
        )
        .route("/v1/tenants/{tenant}/recipient-keys/{fingerprint}", delete(tenants::recipient_keys::retire))
        .route("/v1/erasures/{erasure}", get(tenants::erasures::show))
        .route("/v1/tenants/{tenant}/api-keys", post(api_keys::create).get(api_keys::list))
        .route("/v1/tenants/{tenant}/api-keys/{key}", delete(api_keys::revoke))
        .route("/v1/tenants/{tenant}/users", post(users::create).get(users::list))
        .route("/v1/tenants/{tenant}/users/{user}", get(users::show).put(users::put).delete(users::delete))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "no_such_route", "There is no such path.") })
        .method_not_allowed_fallback(|| async {
            let detail = "The path exists, but not with this method; see the Allow header.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(map_response(every_error_is_a_problem))
        // After the layers above: these answer in their own shapes.
        .merge(compat::routes())
        .layer(map_response(nothing_is_kept))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(app.cors.clone(), cors::shared))
        .layer(from_fn(call::identified))
        .with_state(app)
}

/// What is told to one caller must not be kept by anybody in between, unless a route says otherwise.
async fn nothing_is_kept(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
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
