//! What an operator's rule makes of an event: the tenant is the rule's, everything else the event's.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use waybill::{
    accept::{Rejected, request_id_of_event},
    aws::table::keys::Key,
    domain::{id::RequestId, tenant::Tenant},
};

use crate::{app::App, error::Refused};

/// What a rule puts on the intake queue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Version of this form; 1.
    v: String,
    /// Fixed by the operator's rule, never taken from the event.
    tenant: String,
    /// Who sent the event.
    pub source: String,
    /// The same for every copy of the event.
    event_id: String,
    /// When it was sent.
    pub time: Timestamp,
    /// The event's detail, where it asks for a report: what the body of `POST /v1/requests` would be.
    pub request: Option<Value>,
    /// The event's detail, where it tells of a process of the tenant's own.
    pub process: Option<Value>,
}

impl Envelope {
    /// Reads it strictly.
    pub fn parse(message: &Value) -> Result<Self, Refused> {
        let envelope = Self::deserialize(message)?;
        check_version(&envelope.v)?;
        Ok(envelope)
    }

    /// The tenant that the rule names.
    pub async fn tenant(&self, app: &App) -> Result<Tenant, Refused> {
        tenant(app, &self.tenant).await
    }

    /// Id of what the event brings about; the same for every copy of it.
    pub fn id(&self) -> RequestId {
        request_id_of_event(&self.source, &self.event_id, self.time)
    }
}

/// Every message has a version, and this release knows one.
pub fn check_version(v: &str) -> Result<(), Refused> {
    if v == "1" { Ok(()) } else { Err(Refused::Version(v.to_owned())) }
}

/// A tenant, unless it is gone or going.
pub async fn tenant(app: &App, id: &str) -> Result<Tenant, Refused> {
    let tenant = app.acceptor.table.get::<Tenant>(&Key::tenant(id)).await?;
    let tenant = tenant.ok_or_else(|| Refused::Tenant(id.to_owned()))?.row;
    if tenant.erasure.is_some() { Err(Rejected::Erased.into()) } else { Ok(tenant) }
}
