//! Where a generation stands.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    aws::table::keys::Key,
    clock,
    domain::{
        id::RequestId,
        interface::{
            Interface, Treports,
            treports::{ExecutionStatus, export_file_type},
        },
        request::{Request, Status},
        schedule::{self, Schedule},
    },
};

use super::{
    entered,
    keeps::Keeps,
    number,
    refused::Refused,
    scheduled::{self, Latest},
};
use crate::{app::App, auth::MayRead, problem::Problem, routes::requests::unfinished};

/// `GET /api/trep/v1/generateds/{id}/info`: an empty body until it has ended, unless the tenant's settings want to see
/// more.
pub async fn info(
    State(app): State<Arc<App>>,
    caller: Result<MayRead, Problem>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let caller = caller?;
    let (_, settings) = entered(&app, &caller.tenant).await?;
    let shown = show(&app, &caller.tenant, &settings, &id).await;
    match shown.map_err(|problem| Refused::new(problem, settings.language))? {
        Some(shown) => Ok(Json(shown).into_response()),
        None => Ok(StatusCode::OK.into_response()),
    }
}

async fn show(app: &Arc<App>, tenant: &str, settings: &Treports, id: &str) -> Result<Option<Value>, Problem> {
    let request = match found(app, tenant, id).await? {
        Found::Generation(request) => request,
        Found::Schedule(schedule) => match scheduled::latest(app, &schedule).await? {
            Latest::Requested(request) => request,
            Latest::Refused(at, reason) => {
                return Ok(Some(scheduled::describe(&schedule, Some((at, reason)), settings)));
            }
            // Nothing will come of it any more.
            Latest::None if settings.info_while_running || schedule.state == schedule::State::Ended => {
                return Ok(Some(scheduled::describe(&schedule, None, settings)));
            }
            Latest::None => return Ok(None),
        },
    };
    if !request.status.is_final() && !settings.info_while_running {
        return Ok(None);
    }
    let number = number::of(app, &request, clock::now()).await?;
    Ok(Some(describe(&request, number, settings)))
}

/// What an identifier leads to.
enum Found {
    Generation(Box<Request>),
    Schedule(Box<Schedule>),
}

/// A generation of the tenant's, by its UUID or its number, or a schedule by its UUID; the same answer for what never was,
/// what is another tenant's, and what came through another interface.
async fn found(app: &Arc<App>, tenant: &str, id: &str) -> Result<Found, Problem> {
    let unknown = || Problem::not_found("generation");
    let id = match (Uuid::try_parse(id), id.parse::<u32>()) {
        (Ok(uuid), _) => RequestId::new(uuid),
        (_, Ok(number)) => number::holder(app, tenant, number).await?.ok_or_else(unknown)?,
        _ => return Err(unknown()),
    };
    if let Some(read) = app.table.get::<Request>(&Key::request(tenant, id)).await? {
        let request = Some(read.row).filter(|request| request.interface == Interface::Treports);
        return request.map(Box::new).map(Found::Generation).ok_or_else(unknown);
    }
    scheduled::find(app, tenant, id.uuid()).await?.map(Box::new).map(Found::Schedule).ok_or_else(unknown)
}

/// The generation that an identifier leads to: of a schedule, the latest that it made.
pub async fn find(app: &Arc<App>, tenant: &str, id: &str) -> Result<Request, Problem> {
    match found(app, tenant, id).await? {
        Found::Generation(request) => Ok(*request),
        Found::Schedule(schedule) => {
            let latest = scheduled::latest_request(app, &schedule).await?;
            latest.ok_or_else(|| unfinished("Its first run is still to come, or was refused; ask `info` for it."))
        }
    }
}

/// Its status in TReports' terms.
pub fn status(request: &Request, keeps: &Keeps) -> ExecutionStatus {
    ExecutionStatus::of(request.status, request.failure.as_ref().map(|failure| failure.code), keeps.stop_on_error)
}

fn describe(request: &Request, number: u32, settings: &Treports) -> Value {
    let keeps = Keeps::of(request);
    let by = keeps.user.clone().unwrap_or_else(|| request.requested_by.clone());
    json!({
        "id": number,
        "requestId": number,
        // What was asked for: of a run, its schedule.
        "uIdRequest": request.occasion.as_ref().map_or(request.id.uuid(), |occasion| occasion.schedule.uuid()),
        "uIdReport": keeps.uid,
        "scheduleDate": request.occasion.as_ref().map_or(request.created_at, |occasion| occasion.at),
        "server": "waybill",
        "startDate": request.started_at,
        "endDate": request.finished_at,
        "status": status(request, &keeps).word(settings.language),
        "executionMemory": null,
        "errorMessage": error_message(request),
        "createdOn": request.created_at,
        "modifiedOn": request.finished_at.or(request.attempt_started_at).unwrap_or(request.created_at),
        "createdBy": by,
        "modifiedBy": by,
        "user": keeps.user,
        "customData": keeps.custom_data,
        "exportFileType": export_file_type(request.format),
    })
}

/// What went wrong and what to do, or which checks did not hold.
pub fn error_message(request: &Request) -> Option<String> {
    match request.status {
        Status::Failed => {
            let failure = request.failure.as_ref()?;
            let code = json!(failure.code);
            Some(format!("{}: {} {}", code.as_str().unwrap_or_default(), failure.detail, failure.code.next_action()))
        }
        Status::Divergent => {
            let failed = request.checks.iter().filter(|check| !check.passed);
            let failed: Vec<String> = failed.map(|check| format!("{}: {}", check.name, check.detail)).collect();
            Some(failed.join(" "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use waybill::domain::{
        check::{CheckKind, CheckOutcome},
        failure::{Failure, FailureCode},
        interface::treports::Language,
        outcome::Format,
    };

    use super::*;

    fn request(status: Status) -> Request {
        let row = json!({
            "id": "req_0193500000007000800000000000000a", "tenant": "acme", "requested_by": "issuer subject",
            "report": "r", "report_version": 1, "parameters": {}, "resolved": {}, "format": Format::Xlsx,
            "packaging": "plain", "retention_hours": 1, "status": status, "attempt": 1,
            "created_at": Timestamp::UNIX_EPOCH, "finished_at": "1970-01-01T00:00:05Z", "handoffs": 0,
            "interface": "treports",
            "keeps": { "uid": "0de072a9-4e6f-4ee8-b5bc-f562b538dada", "user": "maria", "custom_data": { "a": 1 } },
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn every_documented_field_is_told() {
        let shown = describe(&request(Status::Succeeded), 7, &Treports::default());
        let fields = [
            "id",
            "requestId",
            "scheduleDate",
            "server",
            "startDate",
            "endDate",
            "status",
            "executionMemory",
            "errorMessage",
            "createdOn",
            "modifiedOn",
            "createdBy",
            "modifiedBy",
        ];
        for field in fields {
            assert!(shown.get(field).is_some(), "{field}");
        }
        assert_eq!(
            (&shown["id"], &shown["status"], &shown["exportFileType"]),
            (&json!(7), &json!("Finalizado"), &json!(5))
        );
        assert_eq!((&shown["createdBy"], &shown["customData"]), (&json!("maria"), &json!({ "a": 1 })));
        assert_eq!(shown["modifiedOn"], "1970-01-01T00:00:05Z");
    }

    #[test]
    fn errors_are_told_with_what_to_do() {
        let failure = Some(Failure::new(FailureCode::TooLarge, "Too many rows."));
        let failed = Request { failure, ..request(Status::Failed) };
        let settings = Treports { language: Language::En, ..Treports::default() };
        let shown = describe(&failed, 7, &settings);
        assert_eq!(shown["status"], "Error");
        assert!(shown["errorMessage"].as_str().unwrap().starts_with("TOO_LARGE: Too many rows. Do what"), "{shown}");
        let check = |name: &str, passed| CheckOutcome {
            name: name.to_owned(),
            kind: CheckKind::Rows,
            passed,
            expected: None,
            actual: None,
            detail: "It has 1 row.".to_owned(),
        };
        let divergent = Request { checks: vec![check("a", true), check("b", false)], ..request(Status::Divergent) };
        assert_eq!(error_message(&divergent).as_deref(), Some("b: It has 1 row."));
        assert_eq!(status(&divergent, &Keeps::default()), ExecutionStatus::Warning);
    }
}
