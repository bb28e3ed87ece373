//! What an operator's rule makes of an event: the tenant is the rule's, everything else the event's.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use waybill::{
    accept::{Rejected, request_id_of_event},
    aws::table::keys::Key,
    domain::{
        id::RequestId,
        tenant::{Tenant, is_valid_tenant_id},
    },
};

use crate::{app::App, error::Refused};

/// Longest source and id of an event, in bytes. Those of EventBridge are shorter.
const MAX_NAME: usize = 256;

/// What a rule puts on the intake queue, and a caller of the function gives it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Version of this form; 1.
    v: String,
    /// Fixed by the operator's rule, never taken from the event.
    #[serde(default)]
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
        for (name, text) in [("source", &envelope.source), ("event_id", &envelope.event_id)] {
            if text.len() > MAX_NAME {
                return Err(Refused::TooLong(name));
            }
        }
        Ok(envelope)
    }

    /// The same for one tenant alone, where there is one: it may be left out then, and no other may be named.
    pub fn parse_for(message: &Value, bound_to: Option<&str>) -> Result<Self, Refused> {
        let envelope = Self::parse(message)?;
        match bound_to {
            Some(bound) if envelope.tenant.is_empty() => Ok(Self { tenant: bound.to_owned(), ..envelope }),
            Some(bound) if envelope.tenant != bound => Err(Refused::OtherTenant),
            _ => Ok(envelope),
        }
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
    if v == "1" { Ok(()) } else { Err(Refused::Version(v.chars().take(16).collect())) }
}

/// A tenant, unless it is gone or going.
pub async fn tenant(app: &App, id: &str) -> Result<Tenant, Refused> {
    if !is_valid_tenant_id(id) {
        return Err(Refused::Tenant(id.chars().take(64).collect()));
    }
    let tenant = app.acceptor.table.get::<Tenant>(&Key::tenant(id)).await?;
    let tenant = tenant.ok_or_else(|| Refused::Tenant(id.to_owned()))?.row;
    if tenant.erasure.is_some() { Err(Rejected::Erased.into()) } else { Ok(tenant) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload(tenant: Option<&str>) -> Value {
        let mut payload = json!({
            "v": "1", "source": "a.test", "event_id": "1", "time": "2026-11-27T10:00:00Z",
            "request": { "report": "r", "tenant": "victim" },
        });
        payload.as_object_mut().unwrap().extend(tenant.map(|id| ("tenant".to_owned(), json!(id))));
        payload
    }

    #[test]
    fn a_bound_call_is_for_its_tenant_or_none() {
        let tenant = |named, bound| Envelope::parse_for(&payload(named), bound).map(|envelope| envelope.tenant);
        assert_eq!(tenant(Some("acme"), None).unwrap(), "acme");
        assert_eq!(tenant(None, Some("acme")).unwrap(), "acme");
        assert_eq!(tenant(Some("acme"), Some("acme")).unwrap(), "acme");
        assert!(matches!(tenant(Some("globex"), Some("acme")), Err(Refused::OtherTenant)));
        assert_eq!(tenant(None, None).unwrap(), "", "which is nobody");
    }

    #[test]
    fn an_envelope_has_its_fields_and_no_others() {
        let refused = |field: &str, value: Value| {
            let mut payload = payload(Some("acme"));
            payload[field] = value;
            Envelope::parse(&payload).unwrap_err()
        };
        assert!(matches!(refused("v", json!("2")), Refused::Version(_)));
        assert!(matches!(refused("v", json!(1)), Refused::Malformed(_)));
        assert!(matches!(refused("detail", json!({})), Refused::Malformed(_)));
        assert!(matches!(refused("time", json!("now")), Refused::Malformed(_)));
        assert!(matches!(refused("source", json!("x".repeat(257))), Refused::TooLong("source")));
        assert!(matches!(refused("event_id", json!("x".repeat(257))), Refused::TooLong("event_id")));
    }
}
