//! What is done to a schedule besides changing it.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use waybill::{
    aws::table::TableError,
    clock,
    domain::{request::Deed, schedule::Event},
};

use super::{TRIES, conflict, id_of, load, not_found, require_match, shown};
use crate::{
    app::App,
    auth::MayRequest,
    problem::Problem,
    routes::requests::{answer, idempotency_key},
};

/// `POST /v1/schedules/{schedule}/pause`: its times pass without a run. Doing so again changes nothing.
pub async fn pause(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let deed = Deed { at: clock::now(), by: caller.subject.clone() };
    apply(&app, &caller, &id, &Event::Pause(deed)).await
}

/// `POST /v1/schedules/{schedule}/resume`: it goes on with the next of its times. Doing so again changes nothing.
pub async fn resume(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    apply(&app, &caller, &id, &Event::Resume).await
}

async fn apply(app: &App, caller: &MayRequest, id: &str, event: &Event) -> Result<Response, Problem> {
    let stored = app.schedules().apply(&caller.tenant, id_of(id)?, event, clock::now()).await?;
    let schedule = stored.ok_or_else(not_found)?.row;
    tracing::info!(
        schedule.id = id, tenant.id = caller.tenant, subject = caller.subject, state = ?schedule.state, "schedule held or let go"
    );
    Ok(shown(&schedule))
}

/// `DELETE /v1/schedules/{schedule}`: there are no more runs. Requests of those that were stay.
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    for _ in 0..TRIES {
        let read = load(&app, &caller.tenant, &id).await?;
        require_match(&headers, &read.row)?;
        match app.schedules().delete(&read).await {
            Ok(()) => {
                tracing::info!(
                    schedule.id = id,
                    tenant.id = caller.tenant,
                    subject = caller.subject,
                    "schedule deleted"
                );
                return Ok(StatusCode::NO_CONTENT);
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict())
}

/// `POST /v1/schedules/{schedule}/run`: once more, now, besides its times; answered as `POST /v1/requests` is.
pub async fn run(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let tenant = app.tenant(&caller.tenant).await?;
    let schedule = load(&app, &caller.tenant, &id).await?.row;
    let (schedules, by) = (app.schedules(), (caller.subject.as_str(), key));
    answer(&app, &tenant.id, Box::pin(schedules.run_now(&tenant, &schedule, by, clock::now())).await?)
}
