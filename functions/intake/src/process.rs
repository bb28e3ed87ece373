//! The status of a process of the customer's own: it came as an event and goes out to the endpoints that want it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use waybill::{
    aws::table::{Row, TableError, Write, rows::ProcessEvent},
    clock,
    domain::{
        id::RequestId,
        message::{Announcement, DeliveryMessage, DeliveryTask, EventKind, ProcessStatus},
        process::{MAX_ID, Process, is_valid_process_id},
        tenant::Tenant,
    },
};

use crate::{app::App, envelope::Envelope, error::Refused, kind::Taken};

/// How often recording is tried anew when another event of the process was written in between.
const CONFLICTS: usize = 5;

/// Statuses that there can be.
const STATUSES: std::ops::RangeInclusive<u32> = 1..=99;

/// A detail that tells of no process.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStatus {
    /// Not an object with `id` and `status`.
    #[error("the detail must be an object with a text \"id\" and a whole number \"status\"")]
    Form,
    /// The id is not one.
    #[error("a process's id has 1 to {MAX_ID} characters, none of them a control character")]
    Id,
    /// The status is not one.
    #[error("a process's status is from 1 to 99")]
    Status,
}

/// What is read of the detail. Senders may add to it; a tenant in it counts for nothing.
#[derive(Deserialize)]
struct Detail {
    id: String,
    status: i64,
}

/// Makes the notification of an event.
pub async fn take(app: &App, message: &Value) -> Result<Taken, Refused> {
    let envelope = Envelope::parse(message)?;
    let (None, Some(detail)) = (&envelope.request, &envelope.process) else { return Err(Refused::Content) };
    let tenant = envelope.tenant(app).await?;
    told(app, &tenant, &envelope, detail).await
}

/// Keeps where the process stands and tells its endpoints.
pub async fn told(app: &App, tenant: &Tenant, envelope: &Envelope, detail: &Value) -> Result<Taken, Refused> {
    let status = parse(detail)?;
    remember(app, tenant, &status, envelope.time).await?;
    Ok(tell(app, tenant, envelope.id(), status, envelope.time).await?)
}

/// Reads an event's detail.
fn parse(detail: &Value) -> Result<ProcessStatus, InvalidStatus> {
    let Detail { id, status } = Detail::deserialize(detail).map_err(|_| InvalidStatus::Form)?;
    if !is_valid_process_id(&id) {
        return Err(InvalidStatus::Id);
    }
    let status = u32::try_from(status).ok().filter(|status| STATUSES.contains(status)).ok_or(InvalidStatus::Status)?;
    Ok(ProcessStatus { id, status })
}

/// Records where the process stands now, for those who ask; an event that was overtaken changes nothing. Before anybody
/// is told, so that who is told and asks finds no less.
async fn remember(app: &App, tenant: &Tenant, process: &ProcessStatus, at: Timestamp) -> Result<(), TableError> {
    let next = Process {
        tenant: tenant.id.clone(),
        id: process.id.clone(),
        status: process.status,
        at,
        recorded_at: clock::now(),
    };
    for _ in 0..CONFLICTS {
        let write = match app.acceptor.table.get::<Process>(&next.key()).await? {
            Some(known) if !next.supersedes(&known.row) => return Ok(()),
            Some(known) => Write::replace(&known, &next)?,
            None => Write::insert(&next)?,
        };
        match app.acceptor.table.write(vec![write]).await {
            Err(TableError::Conflict) => {}
            other => return other,
        }
    }
    // The message comes again.
    Err(TableError::Conflict)
}

/// Records the event, once, and hands it to the dispatchers. `story` is the same for every copy of it.
async fn tell(
    app: &App,
    tenant: &Tenant,
    story: RequestId,
    process: ProcessStatus,
    at: Timestamp,
) -> Result<Taken, TableError> {
    let now = clock::now();
    let event = Announcement::apart(&tenant.id, story, EventKind::ProcessStatus, at, now);
    let event = Announcement { process: Some(process), ..event };
    let came = ProcessEvent { tenant: tenant.id.clone(), story, recorded_at: now };
    match app.acceptor.table.write(vec![Write::insert(&came)?, Write::insert(&event)?]).await {
        Ok(()) => {}
        Err(TableError::Conflict) => return recorded_before(app, &came).await,
        Err(error) => return Err(error),
    }
    tracing::info!(event.id = %event.id, tenant.id = tenant.id, "event of a process recorded");
    let task = DeliveryTask::FanOut(event.id);
    let message = DeliveryMessage::V1 { tenant: tenant.id.clone(), request: story, task, dead: None };
    if let Err(error) = app.deliveries.send(&message, &tenant.id, 0).await {
        tracing::warn!(event.id = %event.id, tenant.id = tenant.id, %error, "hand-off left to the sweeper");
    }
    Ok(Taken::New)
}

/// Of two copies side by side both may lose to each other: then nothing is recorded, and the message comes again. Was
/// only the message of what is recorded lost, then its row is due.
async fn recorded_before(app: &App, came: &ProcessEvent) -> Result<Taken, TableError> {
    let there = app.acceptor.table.get::<ProcessEvent>(&came.key()).await?;
    there.map(|_| Taken::Again).ok_or(TableError::Conflict)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn id_and_status_are_read_and_nothing_else() {
        let detail = json!({ "id": "8e2c86a5", "status": 3, "tenant": "somebody else", "more": {} });
        assert_eq!(parse(&detail), Ok(ProcessStatus { id: "8e2c86a5".into(), status: 3 }));
    }

    #[test]
    fn what_is_no_status_of_a_process_is_refused() {
        let long = "x".repeat(MAX_ID + 1);
        let cases = [
            (json!(null), InvalidStatus::Form),
            (json!([]), InvalidStatus::Form),
            (json!({ "status": 3 }), InvalidStatus::Form),
            (json!({ "id": "x" }), InvalidStatus::Form),
            (json!({ "id": 1, "status": 3 }), InvalidStatus::Form),
            (json!({ "id": "x", "status": "3" }), InvalidStatus::Form),
            (json!({ "id": "x", "status": 3.5 }), InvalidStatus::Form),
            (json!({ "id": "", "status": 3 }), InvalidStatus::Id),
            (json!({ "id": long, "status": 3 }), InvalidStatus::Id),
            (json!({ "id": "a\nb", "status": 3 }), InvalidStatus::Id),
            (json!({ "id": "x", "status": 0 }), InvalidStatus::Status),
            (json!({ "id": "x", "status": -1 }), InvalidStatus::Status),
            (json!({ "id": "x", "status": 100 }), InvalidStatus::Status),
            (json!({ "id": "x", "status": 256 }), InvalidStatus::Status),
        ];
        for (detail, refused) in cases {
            assert_eq!(parse(&detail), Err(refused), "{detail}");
        }
    }
}
