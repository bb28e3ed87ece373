//! Tenants and who may act for them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::outcome::Packaging;

/// A customer of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// 1 to 64 of `a-z`, `0-9` and `-`, first and last no `-`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Identity in interfaces that name a presenter.
    pub presenter_id: Uuid,
    /// Packaging of requests that name none.
    pub packaging: Packaging,
    /// OpenPGP certificates that reports are encrypted to, armored.
    pub recipient_keys: Vec<RecipientKeyRecord>,
    /// Life of a file, unless the operator's default holds.
    pub retention_hours: Option<u32>,
    /// Who may act for the tenant.
    pub identities: Vec<Grant>,
    /// Secret that signs this tenant's webhooks (`whsec_…`), sealed for this row.
    pub webhook_secret_sealed: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A registered OpenPGP certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientKeyRecord {
    /// Fingerprint of the primary key, upper-case hex.
    pub fingerprint: String,
    /// The certificate.
    pub armored: String,
    /// End of its validity, if it has one.
    pub expires_at: Option<Timestamp>,
}

/// A subject of an issuer, and what it may do for the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `sub` of its tokens, or `client_id` where a client-credentials token has no `sub` of its own.
    pub subject: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Read the catalogue, requests and links.
    #[serde(rename = "reports:read")]
    ReportsRead,
    /// Ask for reports.
    #[serde(rename = "reports:request")]
    ReportsRequest,
    /// Create and change tenants. Only the operator's configuration grants it.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Name in tokens and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReportsRead => "reports:read",
            Self::ReportsRequest => "reports:request",
            Self::Admin => "admin",
        }
    }
}

/// Whether a text can be a tenant's id. Ids stand in object keys and lake paths, so nothing else may pass.
pub fn is_valid_tenant_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_ids_are_safe_in_paths() {
        for good in ["a", "acme", "acme-2", &"a".repeat(64)] {
            assert!(is_valid_tenant_id(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "..", "a b", "a%2f", "é", "a=b", &"a".repeat(65)] {
            assert!(!is_valid_tenant_id(bad), "{bad}");
        }
    }
}
