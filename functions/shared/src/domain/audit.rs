//! The audit trail: what administrators did to a tenant. It says who, when, from where and what, never a secret.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::id::AuditId;

/// Actor of what the service does by itself.
pub const SERVICE: &str = "waybill";

/// One action, recorded in the transaction that carried it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id, whose order is that of time.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// To which tenant.
    pub tenant: String,
    /// Who: the administrator's issuer and subject, or [`SERVICE`].
    pub actor: String,
    /// From which address, where it is known.
    pub ip: Option<String>,
    /// What, such as `tenant.changed`.
    pub action: String,
    /// Names, ids and fingerprints of what changed; a small object.
    pub detail: Value,
}

impl Entry {
    /// As administrators see it.
    pub fn describe(&self) -> Value {
        json!({
            "id": self.id,
            "at": self.at,
            "actor": self.actor,
            "ip": self.ip,
            "action": self.action,
            "detail": self.detail,
        })
    }
}
