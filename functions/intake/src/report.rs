//! An event that asks for a report: the same request that the API would make of it.

use serde_json::Value;
use waybill::{
    accept::{Accepted, Order},
    clock,
    domain::{id::RequestId, interface::Terms, tenant::Tenant},
};

use crate::{app::App, envelope::Envelope, error::Refused, kind::Taken};

/// Longest body, in bytes of JSON; that of the API.
const MAX_BODY: usize = 64 * 1024;

/// Who asks for what.
pub struct Asking<'a> {
    /// For whom.
    pub tenant: &'a Tenant,
    /// Who asks.
    pub by: &'a str,
    /// Id of the request; the same for every copy of the event.
    pub id: RequestId,
    /// What the event is known by besides: the id alone keeps what is recorded from being so twice, the key also what
    /// joined another request.
    pub key: &'a str,
    /// What is asked for.
    pub body: &'a Value,
}

/// Makes the request of an event.
pub async fn take(app: &App, message: &Value) -> Result<Taken, Refused> {
    let envelope = Envelope::parse(message)?;
    let (Some(body), None) = (&envelope.request, &envelope.process) else { return Err(Refused::Content) };
    let tenant = envelope.tenant(app).await?;
    let (by, id) = (format!("event {}", envelope.source), envelope.id());
    let asking = Asking { tenant: &tenant, by: &by, id, key: &id.to_string(), body };
    Ok(taken(&ask(app, &asking).await?))
}

/// Asks for a report, once for every id.
pub async fn ask(app: &App, asking: &Asking<'_>) -> Result<Accepted, Refused> {
    let Asking { tenant, by, id, key, body } = *asking;
    if body.to_string().len() > MAX_BODY {
        return Err(Refused::TooLong("request"));
    }
    let terms = Terms::default();
    let order = Order { tenant, by, id, body, idempotency_key: Some(key), repeats: None, terms: &terms, seat: None };
    let accepted = app.acceptor.accept(order, clock::now()).await?;
    match &accepted {
        Accepted::Recorded(receipt, _) | Accepted::Replayed { receipt, .. } | Accepted::Joined(receipt) => {
            tracing::info!(request.id = %receipt.id, tenant.id = tenant.id, "event became a request");
        }
        Accepted::Valid(_) => tracing::info!(tenant.id = tenant.id, "event would be a request; it only asked whether"),
    }
    Ok(accepted)
}

/// Whether it was asked for before.
pub const fn taken(accepted: &Accepted) -> Taken {
    match accepted {
        Accepted::Replayed { .. } => Taken::Again,
        Accepted::Recorded(..) | Accepted::Joined(_) | Accepted::Valid(_) => Taken::New,
    }
}
