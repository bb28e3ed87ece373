//! The password of an archive, for those who may read the report.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::Row,
    clock,
    domain::{
        outcome::Packaging,
        request::{Request, Status},
    },
};

use super::{describe::status, load, unfinished};
use crate::{app::App, auth::MayRead, problem::Problem};

/// `GET /v1/requests/{request}/password`: `{"password"}` of the archive, while its file is there. Who read it is logged.
pub async fn password(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let request = load(&app, &caller.tenant, &id).await?.row;
    let sealed = sealed(&request, clock::now())?;
    let keyring = app.sealing.get().await?;
    let opened = keyring.open_text(sealed, &request.key().associated()).map_err(|e| Problem::unavailable(&e))?;
    tracing::info!(request.id = %request.id, tenant.id = request.tenant, subject = caller.subject, "password told");
    Ok(Json(json!({ "password": opened.expose() })))
}

/// Where the password is read, if there is one to be told.
pub fn url(app: &App, request: &Request, now: Timestamp) -> Option<String> {
    sealed(request, now).ok().map(|_| format!("{}/v1/requests/{}/password", app.public_url, request.id))
}

/// The password as it is recorded, or why there is none.
fn sealed(request: &Request, now: Timestamp) -> Result<&str, Problem> {
    let none = |detail| Problem::new(StatusCode::NOT_FOUND, "no_password", detail);
    if request.packaging != Packaging::Zip {
        return Err(none("Only archives of the packaging `zip` have a password."));
    }
    match status(request, now) {
        status if !status.is_final() => {
            Err(unfinished("The password is made with the file; ask again once the request has ended."))
        }
        Status::Expired => {
            let detail = "The report's file is gone, and its password with it; request the report again.";
            Err(Problem::new(StatusCode::GONE, "file_gone", detail))
        }
        status if !status.has_file() => Err(none("The request ended without a file; see its status.")),
        _ => request.password_sealed.as_deref().ok_or_else(|| {
            none("The archive has the password that the tenant's settings hold, which is told to nobody.")
        }),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use waybill::domain::outcome::Format;

    use super::*;

    fn request(status: Status, packaging: Packaging) -> Request {
        let row = json!({
            "id": "req_0193500000007000800000000000000a", "tenant": "acme", "requested_by": "a test", "report": "r",
            "report_version": 1, "parameters": {}, "resolved": {}, "format": Format::Csv, "packaging": packaging,
            "retention_hours": 1, "status": status, "attempt": 1, "created_at": Timestamp::UNIX_EPOCH, "handoffs": 0,
            "expires_at": Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1), "password_sealed": "k1.x",
        });
        serde_json::from_value(row).unwrap()
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    fn refused(request: &Request, hours: i64) -> &'static str {
        sealed(request, at(hours)).unwrap_err().code
    }

    #[test]
    fn the_password_is_told_while_the_file_is_there() {
        for status in [Status::Succeeded, Status::Divergent] {
            let request = request(status, Packaging::Zip);
            assert_eq!(sealed(&request, at(0)), Ok("k1.x"));
            assert_eq!(refused(&request, 1), "file_gone", "the moment it ends");
            let held = Request { password_sealed: None, ..request };
            assert_eq!(refused(&held, 0), "no_password");
        }
    }

    #[test]
    fn where_there_is_no_archive_there_is_no_password() {
        for (status, code) in [
            (Status::Queued, "request_unfinished"),
            (Status::Running, "request_unfinished"),
            (Status::Failed, "no_password"),
            (Status::Cancelled, "no_password"),
            (Status::Expired, "file_gone"),
        ] {
            let unexpired = Request { expires_at: None, ..request(status, Packaging::Zip) };
            assert_eq!(refused(&unexpired, 0), code, "{status:?}");
        }
        for packaging in [Packaging::Plain, Packaging::Openpgp] {
            assert_eq!(refused(&request(Status::Succeeded, packaging), 0), "no_password");
        }
    }
}
