//! Tenants and who may act for them.

pub mod key_watch;
pub mod recipient_keys;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    email::EmailSettings,
    id::ErasureId,
    interface::{Interface, Interfaces},
    jira,
    licence::{DEFAULT_LINGER_SECONDS, pool::Pool},
    link::LinkPolicy,
    outcome::Packaging,
    password,
    password::PasswordPolicy,
    wrapping::ZipCipher,
};

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
    /// How its archives are encrypted.
    #[serde(default)]
    pub zip: ZipSettings,
    /// Whether archives end with their manifest; none: yes.
    #[serde(default)]
    pub manifest_inside: Option<bool>,
    /// What its recipient keys must be, by its settings; [`Self::floor`] is what holds.
    #[serde(default)]
    pub key_floor: KeyFloor,
    /// OpenPGP certificates, retired ones included; reports are encrypted to every active one.
    pub recipient_keys: Vec<RecipientKeyRecord>,
    /// Life of a file, unless the operator's default holds.
    pub retention_hours: Option<u32>,
    /// How its files are fetched.
    #[serde(default)]
    pub link: LinkPolicy,
    /// What it may use.
    #[serde(default)]
    pub quotas: Quotas,
    /// Seats of its licence pool; none: as many as are asked for.
    #[serde(default)]
    pub licence_seats: Option<u32>,
    /// How long a seat stays its key's after the last end, in seconds; none: [`DEFAULT_LINGER_SECONDS`].
    #[serde(default)]
    pub licence_linger_seconds: Option<u32>,
    /// Ids of the reports that it may ask for; none: all.
    #[serde(default)]
    pub allowed_reports: Option<BTreeSet<String>>,
    /// Interfaces of other products that its clients may use.
    #[serde(default)]
    pub interfaces: Interfaces,
    /// How reports are told of in Jira; none: they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jira: Option<jira::Settings>,
    /// What holds for its mails.
    #[serde(default)]
    pub email: EmailSettings,
    /// Issuers of its own, whose tokens can only ever act for this tenant.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// Who may act for the tenant.
    pub identities: Vec<Grant>,
    /// Secret that signs this tenant's webhooks (`whsec_…`), sealed for this row.
    pub webhook_secret_sealed: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The erasure that is under way: from its start nothing is accepted any more.
    #[serde(default)]
    pub erasure: Option<ErasureId>,
}

impl Tenant {
    /// Whether the tenant's settings let it ask for the report.
    pub fn may_ask_for(&self, report: &str) -> bool {
        self.allowed_reports.as_ref().is_none_or(|allowed| allowed.contains(report))
    }

    /// Its licence pool; none: as many seats as are asked for, and none is counted.
    pub fn licence_pool(&self) -> Option<Pool> {
        let linger = self.licence_linger_seconds.unwrap_or(DEFAULT_LINGER_SECONDS);
        let linger = SignedDuration::from_secs(i64::from(linger));
        self.licence_seats.map(|seats| Pool { seats, linger })
    }

    /// Where the password comes from of an archive that was asked for through that interface. Eclipse's notifications
    /// tell it, so that there it is never the tenant's own.
    pub fn archive_password(&self, interface: Interface) -> ArchivePassword<'_> {
        if interface == Interface::Eclipse {
            let (length, alphabet) = self.interfaces.eclipse.clone().unwrap_or_default().password();
            return ArchivePassword::Generated { length, alphabet };
        }
        if let Some(PasswordPolicy::Held { sealed }) = &self.zip.password {
            return ArchivePassword::Held { sealed };
        }
        let (length, alphabet) = self.zip.generated();
        ArchivePassword::Generated { length, alphabet }
    }
}

/// Where an archive's password comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchivePassword<'a> {
    /// One is made for it.
    Generated {
        /// Characters.
        length: u8,
        /// What they are drawn from.
        alphabet: &'a str,
    },
    /// The tenant's own.
    Held {
        /// Sealed for the tenant's row.
        sealed: &'a str,
    },
}

/// How a tenant's archives are encrypted, unless a request wants it otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ZipSettings {
    /// With which cipher.
    #[serde(default)]
    pub cipher: ZipCipher,
    /// With which password; none: a generated one of the default kind.
    #[serde(default)]
    pub password: Option<PasswordPolicy>,
}

impl ZipSettings {
    /// Length and alphabet of passwords that are made.
    pub fn generated(&self) -> (u8, &str) {
        match &self.password {
            Some(PasswordPolicy::Generated { length, alphabet }) => (*length, alphabet),
            Some(PasswordPolicy::Held { .. }) | None => (password::DEFAULT_LENGTH, password::DEFAULT_ALPHABET),
        }
    }
}

/// The least that a recipient key must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFloor {
    /// Whatever the service can encrypt to: RSA from 2048 bits on, Curve25519, X25519, the NIST curves.
    #[default]
    Any,
    /// RSA of 4096 bits at least, as Tesouro's interface wants it.
    Rsa4096,
}

impl KeyFloor {
    /// Every one there is.
    pub const ALL: [Self; 2] = [Self::Any, Self::Rsa4096];

    /// Name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Rsa4096 => "rsa4096",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|floor| floor.name() == name)
    }
}

/// What a tenant may use; none: no limit, except where the operator's default holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Reports that are generated at the same time; more wait. The operator's `TenantMaxRunning` unless set.
    #[serde(default)]
    pub running: Option<u32>,
    /// Requests that are accepted in a day (UTC).
    #[serde(default)]
    pub requests_per_day: Option<u64>,
    /// Rows of reports that were finished in a day (UTC), after which no request is accepted.
    #[serde(default)]
    pub rows_per_day: Option<u64>,
    /// Bytes of stored files that were finished in a day (UTC), after which no request is accepted.
    #[serde(default)]
    pub bytes_per_day: Option<u64>,
}

/// A registered OpenPGP certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientKeyRecord {
    /// Fingerprint of the primary key, upper-case hex.
    pub fingerprint: String,
    /// The certificate; empty once it is retired.
    pub armored: String,
    /// Algorithm of the key in it that encrypts.
    #[serde(default)]
    pub algorithm: Option<String>,
    /// Length of that key.
    #[serde(default)]
    pub bits: Option<u32>,
    /// End of its validity, if it has one.
    pub expires_at: Option<Timestamp>,
    /// When it was uploaded.
    #[serde(default)]
    pub added_at: Option<Timestamp>,
    /// From here on reports are no longer encrypted to it.
    #[serde(default)]
    pub retired_at: Option<Timestamp>,
}

impl RecipientKeyRecord {
    /// Whether reports are encrypted to it, as far as the record tells.
    pub fn is_active(&self) -> bool {
        self.retired_at.is_none()
    }
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
    /// Register and change endpoints.
    #[serde(rename = "endpoints:write")]
    EndpointsWrite,
    /// Create and change tenants. Only the operator's configuration grants it.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::ReportsRead, Self::ReportsRequest, Self::EndpointsWrite, Self::Admin];

    /// Name in tokens and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReportsRead => "reports:read",
            Self::ReportsRequest => "reports:request",
            Self::EndpointsWrite => "endpoints:write",
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
