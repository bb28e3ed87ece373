//! Report requests: ask, and see what became of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        RawRow, Row,
        keys::{self, Key},
        rows::Progress,
    },
    clock,
    domain::{
        delivery::Delivery,
        id::RequestId,
        request::{Request, Status},
        tenant::Tenant,
    },
};

use crate::{
    app::App,
    auth::{MayRead, MayRequest},
    body::JsonBody,
    problem::Problem,
};

/// Seconds after which asking again is worth while.
const POLL_AFTER: &str = "2";

/// `POST /v1/requests`: 202 once it is recorded.
pub async fn create(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let tenant = app.table.get::<Tenant>(&Key::tenant(&caller.tenant)).await?;
    let tenant = tenant.ok_or_else(|| Problem::unavailable(&"an identity names a tenant that is not there"))?.row;
    let id = RequestId::generate();
    let request = app.acceptor.accept(&tenant, &caller.subject, id, &body, clock::now()).await?;
    tracing::info!(request.id = %id, tenant.id = tenant.id, report.id = request.report, "request recorded");
    let location = format!("/v1/requests/{id}");
    let shown = json!({
        "id": id,
        "status": request.status,
        "report": request.report,
        "format": request.format,
        "packaging": request.packaging,
        "created_at": request.created_at,
        "status_url": format!("{}{location}", app.public_url),
    });
    let headers = [
        (header::LOCATION, HeaderValue::from_str(&location).map_err(|e| Problem::unavailable(&e))?),
        (header::RETRY_AFTER, HeaderValue::from_static(POLL_AFTER)),
    ];
    Ok((StatusCode::ACCEPTED, headers, Json(shown)).into_response())
}

/// `GET /v1/requests/{request}`: where it stands, and once done the file's figures and link.
pub async fn show(State(app): State<Arc<App>>, caller: MayRead, Path(id): Path<String>) -> Result<Response, Problem> {
    let not_found = || Problem::not_found("request");
    let id: RequestId = id.parse().map_err(|_| not_found())?;
    let key = Key::request(&caller.tenant, id);
    let request = app.table.get::<Request>(&key).await?.ok_or_else(not_found)?.row;
    let story = app.table.query(&keys::story(&caller.tenant, id), "").await?;
    let capability = capability(&app, &key, &request).await?;
    let shown = describe(&app, &request, story, capability.as_deref(), clock::now());
    let mut response = Json(shown).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !request.status.is_final() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(POLL_AFTER));
    }
    Ok(response)
}

async fn capability(app: &App, key: &Key, request: &Request) -> Result<Option<String>, Problem> {
    let Some(sealed) = &request.link_sealed else { return Ok(None) };
    let keyring = app.sealing.get().await?;
    let opened = keyring.open(sealed, &key.associated()).map_err(|e| Problem::unavailable(&e))?;
    let capability = String::from_utf8(opened.expose().clone()).map_err(|e| Problem::unavailable(&e))?;
    Ok(Some(capability))
}

fn describe(app: &App, request: &Request, story: Vec<RawRow>, capability: Option<&str>, now: Timestamp) -> Value {
    // What is promised to end at a time ends then, whether or not the sweeper has been there.
    let ended = request.expires_at.is_some_and(|end| end <= now);
    let status = if ended && request.status == Status::Succeeded { Status::Expired } else { request.status };
    let mut shown = json!({
        "id": request.id,
        "status": status,
        "report": request.report,
        "report_version": request.report_version,
        "parameters": request.parameters,
        "format": request.format,
        "packaging": request.packaging,
        "attempt": request.attempt,
        "created_at": request.created_at,
        "started_at": request.started_at,
        "finished_at": request.finished_at,
        "queue_ms": request.started_at.map(|start| start.duration_since(request.created_at).as_millis()),
    });
    if let Some(file) = &request.file {
        shown["file"] = file.describe();
        shown["file"]["timings"] = json!(file.timings);
        shown["expires_at"] = json!(request.expires_at);
    }
    if let (Some(capability), Status::Succeeded) = (capability, status) {
        shown["link"] = json!({"url": app.link_url(capability), "expires_at": request.expires_at});
    }
    if let Some(failure) = request.failure.as_ref().filter(|_| request.status == Status::Failed) {
        shown["failure"] = failure.describe();
    }
    let (progress, deliveries) = read_story(story, request);
    if let Some(progress) = progress.filter(|_| request.status == Status::Running) {
        shown["progress"] = json!({"rows": progress.rows, "bytes": progress.bytes, "at": progress.at});
    }
    shown["deliveries"] = deliveries.iter().map(describe_delivery).collect();
    shown
}

fn read_story(story: Vec<RawRow>, request: &Request) -> (Option<Progress>, Vec<Delivery>) {
    let (mut progress, mut deliveries) = (None, Vec::new());
    for row in story {
        match row.key.sk.as_str() {
            "PROGRESS" => progress = read::<Progress>(row).filter(|progress| progress.attempt == request.attempt),
            // `DLV#dlv_…` is a delivery, `DLV#dlv_…#0001` one of its attempts.
            sk if sk.starts_with("DLV#") && sk.matches('#').count() == 1 => deliveries.extend(read::<Delivery>(row)),
            _ => {}
        }
    }
    (progress, deliveries)
}

/// A row that this release cannot read must not hide the rest of the story.
fn read<T: Row>(row: RawRow) -> Option<T> {
    row.read().inspect_err(|error| tracing::error!(%error, "row left out of a status")).ok().map(|stored| stored.row)
}

fn describe_delivery(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "event": delivery.announcement.kind,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "finished_at": delivery.finished_at,
        "reason": delivery.reason,
    })
}
