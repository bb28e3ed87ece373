//! An event that asks for a report: the same request that the API would make of it.

use serde_json::Value;
use waybill::{
    accept::{Accepted, Order},
    clock,
    domain::{id::RequestId, interface::Terms, tenant::Tenant},
};

use crate::{app::App, envelope::Envelope, error::Refused, kind::Taken};

/// Makes the request of an event.
pub async fn take(app: &App, message: &Value) -> Result<Taken, Refused> {
    let envelope = Envelope::parse(message)?;
    let (Some(body), None) = (&envelope.request, &envelope.process) else { return Err(Refused::Content) };
    let tenant = envelope.tenant(app).await?;
    let by = format!("event {}", envelope.source);
    let accepted = ask(app, &tenant, &by, envelope.id(), body).await?;
    Ok(taken(&accepted))
}

/// Asks for a report, once for every id.
pub async fn ask(app: &App, tenant: &Tenant, by: &str, id: RequestId, body: &Value) -> Result<Accepted, Refused> {
    // The id alone keeps what is recorded from being so twice; the key also what joined another request.
    let key = id.to_string();
    let terms = Terms::default();
    let order = Order { tenant, by, id, body, idempotency_key: Some(&key), repeats: None, terms: &terms, seat: None };
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
