//! A batch of events in, the ones that must come again out.
//!
//! What can never become a request fails every time and so ends in the dead-letter queue, where the alarm
//! and the operator see it: an event has no caller that could be told.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use waybill::{
    accept::{Accepted, Order, Rejected, request_id_of_event},
    aws::table::{TableError, keys::Key},
    clock,
    domain::{id::RequestId, interface::Terms, tenant::Tenant},
};

use crate::{
    app::App,
    mail::{self, InvalidFeedback},
    process::{self, InvalidStatus},
    schedule,
};

/// What a rule puts on the intake queue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    /// Version of this form; 1.
    v: String,
    /// Fixed by the operator's rule, never taken from the event.
    tenant: String,
    /// Who sent the event.
    source: String,
    /// The same for every copy of the event.
    event_id: String,
    /// When it was sent.
    time: Timestamp,
    /// The event's detail, where it asks for a report: what the body of `POST /v1/requests` would be.
    request: Option<Value>,
    /// The event's detail, where it tells of a process of the tenant's own.
    process: Option<Value>,
}

/// What the stack's own rule puts there of a mail. Whose it was stands in the mail's tags.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailEnvelope {
    /// Version of this form; 1.
    v: String,
    /// The same for every copy of the event.
    event_id: String,
    /// The event's detail: a bounce or a complaint, as SES tells it.
    mail: Value,
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("not an event of this queue: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("unknown version {0:?}")]
    Version(String),
    #[error("it must have either a request or a process")]
    Kind,
    #[error(transparent)]
    Process(#[from] InvalidStatus),
    #[error(transparent)]
    Mail(#[from] InvalidFeedback),
    #[error(transparent)]
    Schedule(#[from] schedule::NotRun),
    #[error("there is no tenant {0:?}")]
    Tenant(String),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// Accepts events one after the other; each fails alone.
pub async fn handle(app: &App, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let id = message.message_id.unwrap_or_default();
        let Err(error) = one(app, message.body.as_deref().unwrap_or_default()).await else { continue };
        if let Refused::Rejected(Rejected::Invalid(faults)) = &error {
            for fault in faults {
                tracing::warn!(message.id = id, pointer = fault.pointer, code = fault.code, "fault in an event");
            }
        }
        tracing::error!(message.id = id, %error, "event not accepted");
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}

async fn one(app: &App, body: &str) -> Result<(), Refused> {
    let kind: Value = serde_json::from_str(body)?;
    if kind.get("mail").is_some() {
        return came_back(app, serde_json::from_str(body)?).await;
    }
    if kind.get("schedule").is_some() {
        return Ok(schedule::run(app, &serde_json::from_str(body)?).await?);
    }
    let envelope: Envelope = serde_json::from_str(body)?;
    if envelope.v != "1" {
        return Err(Refused::Version(envelope.v));
    }
    let tenant = app.acceptor.table.get::<Tenant>(&Key::tenant(&envelope.tenant)).await?;
    let tenant = tenant.ok_or_else(|| Refused::Tenant(envelope.tenant.clone()))?.row;
    if tenant.erasure.is_some() {
        return Err(Rejected::Erased.into());
    }
    let id = request_id_of_event(&envelope.source, &envelope.event_id, envelope.time);
    match (&envelope.request, &envelope.process) {
        (Some(request), None) => ask(app, &tenant, id, &envelope.source, request).await,
        (None, Some(detail)) => {
            let status = process::parse(detail)?;
            process::remember(app, &tenant, &status, envelope.time).await?;
            Ok(process::tell(app, &tenant, id, status, envelope.time).await?)
        }
        _ => Err(Refused::Kind),
    }
}

async fn came_back(app: &App, envelope: MailEnvelope) -> Result<(), Refused> {
    if envelope.v != "1" {
        return Err(Refused::Version(envelope.v));
    }
    let told = mail::parse(&envelope.event_id, &envelope.mail)?;
    Ok(mail::remember(&app.acceptor.table, &told).await?)
}

async fn ask(app: &App, tenant: &Tenant, id: RequestId, source: &str, body: &Value) -> Result<(), Refused> {
    let by = format!("event {source}");
    // The id alone keeps what is recorded from being so twice; the key also what joined another request.
    let key = id.to_string();
    let terms = Terms::default();
    let order =
        Order { tenant, by: &by, id, body, idempotency_key: Some(&key), repeats: None, terms: &terms, seat: None };
    match app.acceptor.accept(order, clock::now()).await? {
        Accepted::Recorded(receipt, _) | Accepted::Replayed { receipt, .. } | Accepted::Joined(receipt) => {
            tracing::info!(request.id = %receipt.id, tenant.id = tenant.id, "event became a request");
        }
        Accepted::Valid(_) => tracing::info!(tenant.id = tenant.id, "event would be a request; it only asked whether"),
    }
    Ok(())
}
