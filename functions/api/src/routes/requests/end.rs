//! Calling a request off, and having its file deleted.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::{Value, json};
use waybill::{
    aws::table::{Stored, TableError, requests::Committed},
    clock,
    domain::request::{Event, Refusal, Request, Status},
};

use super::{describe, load, unfinished};
use crate::{app::App, auth::MayRequest, problem::Problem};

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 8;

/// `POST /v1/requests/{request}/cancel`: it is CANCELLED at once; a worker that has it stops within seconds. The
/// second time the same answer.
pub async fn cancel(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let request = call_off(&app, &caller.tenant, &id, &caller.subject).await?;
    if request.status != Status::Cancelled {
        let detail = "The request has ended already; there is nothing to cancel.";
        return Err(Problem::new(StatusCode::CONFLICT, "request_finished", detail));
    }
    Ok(Json(describe::request(&request, clock::now())))
}

/// Calls a request off, unless it has ended. As it is then.
pub async fn call_off(app: &Arc<App>, tenant: &str, id: &str, by: &str) -> Result<Request, Problem> {
    match apply(app, tenant, id, &Event::Cancel { by: by.to_owned() }).await? {
        Applied::Written(committed) => {
            tracing::info!(request.id = id, tenant.id = tenant, "request cancelled");
            Ok(committed.request.row)
        }
        Applied::Refused(row, _) => Ok(*row),
    }
}

/// `DELETE /v1/requests/{request}`: its file is gone when this answers, with a receipt. The second time the same
/// receipt.
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let request = remove_file(&app, &caller.tenant, &id, &caller.subject).await?;
    tracing::info!(request.id = %request.id, tenant.id = request.tenant, "file deleted");
    Ok(Json(receipt(&request)))
}

/// Deletes a request's file. The request as it is then.
pub async fn remove_file(app: &Arc<App>, tenant: &str, id: &str, by: &str) -> Result<Request, Problem> {
    let request = match apply(app, tenant, id, &Event::Delete { by: by.to_owned() }).await? {
        Applied::Written(committed) => committed.request.row,
        Applied::Refused(row, Refusal::NoFile) if row.status == Status::Expired => *row,
        Applied::Refused(_, Refusal::NoFile) => {
            let detail = "The request ended without a file; there is nothing to delete.";
            return Err(Problem::new(StatusCode::CONFLICT, "no_file", detail));
        }
        Applied::Refused(..) => return Err(unfinished("The request has not ended; cancel it first, or wait.")),
    };
    if request.due_at.is_some() { delete_file(app, tenant, id, request).await } else { Ok(request) }
}

/// The row already refuses every link. If this fails, the sweeper repeats it within minutes.
async fn delete_file(app: &Arc<App>, tenant: &str, id: &str, request: Request) -> Result<Request, Problem> {
    let pending = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, request.id = %request.id, "deletion left to the sweeper");
        let detail = "No managed link opens the file any more, but its deletion could not be confirmed yet. It will \
                      be repeated; ask again for the receipt.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "deletion_pending", detail).retry_after(30)
    };
    if let Some(file) = &request.file {
        app.objects.delete_report(&file.key).await.map_err(|e| pending(&e))?;
    }
    match apply(app, tenant, id, &Event::FileDeleted).await? {
        Applied::Written(committed) => Ok(committed.request.row),
        // The sweeper was faster.
        Applied::Refused(row, _) => Ok(*row),
    }
}

enum Applied {
    Written(Box<Committed>),
    Refused(Box<Request>, Refusal),
}

/// Applies an event to the row, and hands on what it announces.
async fn apply(app: &Arc<App>, tenant: &str, id: &str, event: &Event) -> Result<Applied, Problem> {
    for _ in 0..CONFLICTS {
        let read: Stored<Request> = load(app, tenant, id).await?;
        let now = clock::now();
        let step = match read.row.apply(event.clone(), now, &app.rules) {
            Ok(step) => step,
            Err(refusal) => return Ok(Applied::Refused(Box::new(read.row), refusal)),
        };
        match app.table.commit(&read, step, vec![], now).await {
            Ok(committed) => {
                if let Some(message) = &committed.hand_off
                    && let Err(error) = app.deliveries.send(message, tenant, 0).await
                {
                    tracing::warn!(request.id = %read.row.id, %error, "hand-off left to the sweeper");
                }
                return Ok(Applied::Written(Box::new(committed)));
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::unavailable(&"a request's row changes all the time"))
}

fn receipt(request: &Request) -> Value {
    let file = request.file.as_ref();
    json!({
        "id": request.id,
        "status": request.status,
        "deleted_at": request.deletion.as_ref().map_or(request.expires_at, |deed| Some(deed.at)),
        "deleted_by": request.deletion.as_ref().map(|deed| &deed.by),
        "files": file.map(waybill::domain::outcome::ReportFile::describe).into_iter().collect::<Vec<_>>(),
    })
}
