//! Endpoints of a tenant: registered receivers of its notifications.

mod authentication;
mod contract;
mod deeds;
mod describe;
pub mod headers;
mod record;
mod secrets;
mod settings;
mod state;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
};
use http::StatusCode;
use serde_json::{Value, json};
use waybill::{
    aws::{
        lanes,
        table::{
            Stored, TableError, Write,
            keys::{ENDPOINTS, Key},
            pages::PageQuery,
        },
    },
    clock,
    domain::{endpoint::Endpoint, id::EndpointId},
};

pub use self::{
    contract::{components, operations},
    deeds::{pause, resume, rotate_secret, test},
    record::{create, make, put, replace},
    settings::{CONCURRENCIES, FIRST_INTERVALS, MAX_ATTEMPTS, TIMEOUTS},
    state::state,
};
use crate::{
    app::App,
    auth::{MayRead, MayWriteEndpoints},
    page::{self, Query},
    problem::Problem,
};

/// Times that an endpoint is read again because somebody else changed it in between.
const TRIES: usize = 5;

/// `GET /v1/endpoints`: all of them, oldest first.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: MayRead,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let (limit, after) = Query::parse(query.as_deref(), &["limit", "cursor"])?.page("endpoints", vec![])?;
    let (endpoints, next) = page_of(&app, &caller.tenant, limit, after).await?;
    let now = clock::now();
    let shown: Vec<Value> = endpoints.iter().map(|endpoint| describe::endpoint(endpoint, now)).collect();
    let cursor = next.map(|next| page::cursor("endpoints", &next));
    Ok(Json(json!({ "endpoints": shown, "next_cursor": cursor })))
}

/// At most so many of the tenant's endpoints, the oldest first, and the sort key that the next page goes on after.
pub async fn page_of(
    app: &App,
    tenant: &str,
    limit: u32,
    after: Option<String>,
) -> Result<(Vec<Endpoint>, Option<String>), Problem> {
    let page = PageQuery { newest_first: false, ..PageQuery::newest(ENDPOINTS, limit, after) };
    let page = app.table.page(&Key::tenant(tenant).pk, page).await?;
    let rows = page.rows.into_iter().map(|row| row.read::<Endpoint>().map(|stored| stored.row));
    Ok((rows.collect::<Result<_, _>>()?, page.next))
}

/// `GET /v1/endpoints/{endpoint}`: settings, and how it does.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let endpoint = load(&app, &caller.tenant, &id).await?.row;
    let mut shown = describe::endpoint(&endpoint, clock::now());
    if let (Value::Object(shown), Value::Object(state)) = (&mut shown, state::state(&app, &endpoint).await?) {
        shown.extend(state);
    }
    Ok(Json(shown))
}

/// `DELETE /v1/endpoints/{endpoint}`: it is told of nothing more. What is on its way ends as called off.
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let endpoint = load(&app, &caller.tenant, &id).await?.row;
    remove(&app, &caller, &endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes an endpoint with what is remembered of how it fares.
pub async fn remove(app: &App, caller: &MayWriteEndpoints, endpoint: &Endpoint) -> Result<(), Problem> {
    let lane = endpoint.id.to_string();
    let keys = [Key::endpoint(&caller.tenant, endpoint.id), Key::health(&caller.tenant, &lane)];
    let mut outcome = Err(TableError::Conflict);
    for _ in 0..TRIES {
        outcome = app.table.write(keys.iter().cloned().map(Write::delete).collect()).await;
        // Of an endpoint that fails, dispatchers write the health all the time.
        if !matches!(outcome, Err(TableError::Conflict)) {
            break;
        }
    }
    outcome?;
    wake(app, &caller.tenant, &lane).await;
    tracing::info!(endpoint.id = %endpoint.id, tenant.id = caller.tenant, subject = caller.subject, "endpoint deleted");
    Ok(())
}

/// An endpoint of the tenant; the same answer for what never was and what is another tenant's.
pub async fn load(app: &App, tenant: &str, id: &str) -> Result<Stored<Endpoint>, Problem> {
    let not_found = || Problem::not_found("endpoint");
    let id: EndpointId = id.parse().map_err(|_| not_found())?;
    app.table.get(&Key::endpoint(tenant, id)).await?.ok_or_else(not_found)
}

/// What waits for an endpoint is looked at again; if this fails, the sweeper does it within minutes.
async fn wake(app: &App, tenant: &str, lane: &str) {
    if let Err(error) = lanes::wake(&app.table, &app.deliveries, tenant, lane, 0).await {
        tracing::warn!(endpoint.id = lane, %error, "what waits is left to the sweeper");
    }
}

/// Changes an endpoint, whoever else does at the same time, and writes `also` with it.
async fn change(
    app: &App,
    tenant: &str,
    id: &str,
    also: &[Write],
    next: impl Fn(&Endpoint) -> Endpoint,
) -> Result<Endpoint, Problem> {
    for _ in 0..TRIES {
        let read = load(app, tenant, id).await?;
        let row = next(&read.row);
        let writes = [&[Write::replace(&read, &row)?], also].concat();
        match app.table.write(writes).await {
            Ok(()) => return Ok(row),
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict())
}

fn conflict() -> Problem {
    let detail = "The endpoint was changed at the same time; read it and try again.";
    Problem::new(StatusCode::CONFLICT, "conflict", detail)
}
