//! Webhooks: endpoints with the profile `unico`. Another endpoint of the tenant is none here.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    aws::table::Stored,
    domain::{
        endpoint::{Endpoint, Profile},
        id::EndpointId,
        interface::Interface,
    },
};

use super::{super::using, refusal::Refusal, terms};
use crate::{
    app::App,
    auth::{MayRead, MayWriteEndpoints},
    body::JsonBody,
    problem::Problem,
    routes::endpoints,
};

/// As many as a tenant has endpoints.
const MOST: u32 = 100;

/// `POST /webhooks/v1`: 201, with the secret that signs what it is told, shown this once.
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Result<MayWriteEndpoints, Problem>,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Refusal> {
    let caller = caller?;
    allowed(&app, &caller.tenant).await?;
    let body = terms::body(&body?.0).map_err(Problem::invalid)?;
    let (endpoint, secret) = endpoints::make(&app, caller, &body).await.map_err(in_terms)?;
    let mut shown = terms::describe(&endpoint);
    shown["signingSecret"] = json!(secret.expose());
    let location = format!("/webhooks/v1/{}", endpoint.id.uuid());
    let location = HeaderValue::from_str(&location).map_err(|e| Problem::unavailable(&e))?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(shown)).into_response())
}

/// `GET /webhooks/v1`: all of them, oldest first.
pub async fn list(State(app): State<Arc<App>>, caller: Result<MayRead, Problem>) -> Result<Json<Value>, Refusal> {
    let tenant = caller?.tenant;
    allowed(&app, &tenant).await?;
    let (found, _) = endpoints::page_of(&app, &tenant, MOST, None).await?;
    let shown: Vec<Value> = found.iter().filter(|endpoint| is_one(endpoint)).map(terms::describe).collect();
    Ok(Json(json!({ "webhooks": shown })))
}

/// `GET /webhooks/v1/{webhook}`: its configuration, and how it fares.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Result<MayRead, Problem>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Refusal> {
    let tenant = caller?.tenant;
    allowed(&app, &tenant).await?;
    let endpoint = load(&app, &tenant, path).await?.row;
    shown(&app, &endpoint).await
}

/// `PUT /webhooks/v1/{webhook}`: its configuration is replaced; a secret that is not sent stays.
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Result<MayWriteEndpoints, Problem>,
    path: Result<Path<String>, PathRejection>,
    body: Result<JsonBody, Problem>,
) -> Result<Json<Value>, Refusal> {
    let caller = caller?;
    allowed(&app, &caller.tenant).await?;
    let stored = load(&app, &caller.tenant, path).await?;
    let body = terms::body(&body?.0).map_err(Problem::invalid)?;
    let endpoint = endpoints::replace(&app, &caller, &stored, &body).await.map_err(in_terms)?;
    shown(&app, &endpoint).await
}

/// `DELETE /webhooks/v1/{webhook}`: it is told of nothing more.
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Result<MayWriteEndpoints, Problem>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Refusal> {
    let caller = caller?;
    allowed(&app, &caller.tenant).await?;
    let endpoint = load(&app, &caller.tenant, path).await?.row;
    endpoints::remove(&app, &caller, &endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn allowed(app: &App, tenant: &str) -> Result<(), Problem> {
    using(app, tenant, Interface::Unico, |interfaces| interfaces.unico.as_ref()).await.map(|_| ())
}

fn is_one(endpoint: &Endpoint) -> bool {
    endpoint.settings.profile == Profile::Unico
}

/// By its UUID. The same answer for what never was, what is another tenant's, and what is no webhook.
async fn load(app: &App, tenant: &str, path: Result<Path<String>, PathRejection>) -> Result<Stored<Endpoint>, Problem> {
    let not_found = || Problem::not_found("webhook");
    let Path(id) = path.map_err(|_| not_found())?;
    let id = Uuid::try_parse(&id).ok().filter(|_| id.len() == 36).ok_or_else(not_found)?;
    let found = endpoints::load(app, tenant, &EndpointId::new(id).to_string()).await;
    let found =
        found.map_err(|problem| if problem.status() == StatusCode::NOT_FOUND { not_found() } else { problem })?;
    if is_one(&found.row) { Ok(found) } else { Err(not_found()) }
}

async fn shown(app: &App, endpoint: &Endpoint) -> Result<Json<Value>, Refusal> {
    let mut shown = terms::describe(endpoint);
    terms::add_state(&mut shown, &endpoints::state(app, endpoint).await?);
    Ok(Json(shown))
}

/// Faults of an endpoint are faults of the configuration that it was made of.
fn in_terms(problem: Problem) -> Problem {
    if problem.errors().is_empty() {
        return problem;
    }
    problem.with_pointers(terms::place)
}
