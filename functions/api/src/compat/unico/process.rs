//! Where a process stands.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::{Uuid, Version};
use waybill::{
    aws::table::keys::Key,
    clock,
    domain::{
        id::RequestId,
        interface::Interface,
        process::{MAX_ID, Process, is_valid_process_id},
        request::{Request, Status},
    },
};

use super::{super::using, refusal::Refusal};
use crate::{app::App, auth::MayRead, problem::Problem, routes::requests};

/// `GET /processes/v1/{process}`: `{id, status, …}`, from one read; a process whose id could be a request's takes two.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Result<MayRead, Problem>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Refusal> {
    let tenant = caller?.tenant;
    let id = path.map(|Path(id)| id).ok().filter(|id| is_valid_process_id(id));
    let allowed = using(&app, &tenant, Interface::Unico, |interfaces| interfaces.unico.as_ref());
    let Some(id) = id else {
        allowed.await?;
        let detail = format!("A process's id has 1 to {MAX_ID} characters, none of them a control character.");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "process_id_invalid", detail).into());
    };
    // Side by side: whoever polls has not much time.
    let (allowed, found) = tokio::join!(allowed, find(&app, &tenant, &id));
    allowed?;
    found?.map(Json).ok_or_else(|| Problem::not_found("process").into())
}

async fn find(app: &App, tenant: &str, id: &str) -> Result<Option<Value>, Problem> {
    if let Some(request) = request_id(id)
        && let Some(read) = app.table.get::<Request>(&Key::request(tenant, request)).await?
    {
        return describe(app, &read.row, clock::now()).await.map(Some);
    }
    let known = app.table.get::<Process>(&Key::process(tenant, id)).await?;
    let known = known.map(|known| known.row);
    Ok(known.map(|Process { id, status, at, .. }| json!({ "id": id, "status": status, "updatedAt": at })))
}

/// Requests have UUIDs of version 7, told with hyphens.
fn request_id(id: &str) -> Option<RequestId> {
    let uuid = Uuid::try_parse(id).ok().filter(|_| id.len() == 36)?;
    (uuid.get_version() == Some(Version::SortRand)).then(|| RequestId::new(uuid))
}

async fn describe(app: &App, request: &Request, now: Timestamp) -> Result<Value, Problem> {
    let mut shown = json!({
        "id": request.id.uuid(),
        "status": status(request, now),
        "report": request.report,
        "createdAt": request.created_at,
        "finishedAt": request.finished_at,
    });
    if let Some(file) = &request.file {
        let link = requests::link(app, request, now).await?;
        shown["rows"] = json!(file.rows);
        shown["fileGone"] = json!(requests::status(request, now) == Status::Expired);
        shown["fileUrl"] = json!(link.as_ref().map(|(url, _)| url));
        shown["fileExpiresAt"] = json!(link.map(|(_, end)| end));
    }
    if let Some(failure) = request.failure.as_ref().filter(|_| request.status == Status::Failed) {
        shown["error"] = json!({ "code": failure.code, "message": failure.detail });
    }
    let wrong = request.checks.iter().filter(|check| !check.passed);
    let divergences: Vec<Value> = wrong.map(|check| json!({ "check": check.name, "message": check.detail })).collect();
    if !divergences.is_empty() {
        shown["divergences"] = json!(divergences);
    }
    Ok(shown)
}

/// A report whose file has expired is what it was before: it finished, as was told, and `fileGone` says the rest.
fn status(request: &Request, now: Timestamp) -> u32 {
    match requests::status(request, now) {
        Status::Queued | Status::Running => 1,
        Status::Divergent => 2,
        Status::Cancelled => 4,
        Status::Failed => 5,
        Status::Expired if request.checks.iter().any(|check| !check.passed) => 2,
        Status::Succeeded | Status::Expired => 3,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use waybill::domain::check::CheckOutcome;

    use super::*;

    fn request(status: Status, checks: &[CheckOutcome]) -> Request {
        let row = json!({
            "id": "req_0193500000007000800000000000000a", "tenant": "acme", "requested_by": "a test", "report": "r",
            "report_version": 1, "parameters": {}, "resolved": {}, "format": "csv", "packaging": "plain",
            "retention_hours": 1, "status": status, "attempt": 1, "created_at": Timestamp::UNIX_EPOCH, "handoffs": 0,
            "expires_at": Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1), "checks": checks,
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn every_status_has_its_number() {
        let wrong = [CheckOutcome::condition("c", Some(false))];
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let numbers = Status::ALL.map(|one| status(&request(one, &[]), at(0)));
        assert_eq!(numbers, [1, 1, 3, 2, 5, 4, 3]);
        assert_eq!(status(&request(Status::Expired, &wrong), at(2)), 2, "divergent once, divergent for ever");
        // At the moment its file ends, whether or not it was deleted yet.
        assert_eq!(status(&request(Status::Divergent, &wrong), at(2)), 2);
        assert_eq!(status(&request(Status::Succeeded, &[]), at(2)), 3);
    }

    #[test]
    fn a_request_is_known_by_its_uuid() {
        let id = RequestId::generate();
        assert_eq!(request_id(&id.uuid().to_string()), Some(id));
        assert_eq!(request_id(&id.uuid().to_string().to_uppercase()), Some(id));
        let others = [id.to_string(), id.uuid().simple().to_string(), Uuid::new_v4().to_string(), "p".to_owned()];
        for other in others.iter().chain([&format!("{{{}}}", id.uuid())]) {
            assert_eq!(request_id(other), None, "{other}");
        }
    }
}
