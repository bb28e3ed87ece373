//! API keys: `wbk_{tenant}_{32 hex digits of the key's id}_{43 characters of secret}`.
//!
//! The text says which row it must match, so it is found without an index; what proves it is the secret alone. Only
//! the secret's hash is kept: 256 random bits need no salt and no slow hash.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    id::ApiKeyId,
    secret::Secret,
    tenant::{Scope, is_valid_tenant_id},
};
use crate::digest::{equal, sha256, sha256_hex};

/// How every key begins, so that scanners of repositories and logs know one.
pub const PREFIX: &str = "wbk_";

/// Longest life of a key, and the life of one that is made without an end.
pub const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(24 * 366);

/// How exactly the last use is known: it is written at most this often.
pub const USE_STEP: SignedDuration = SignedDuration::from_mins(5);

/// Characters of the secret part: 32 bytes in base64url without padding.
const SECRET_LENGTH: usize = 43;

/// A key as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Which.
    pub id: ApiKeyId,
    /// For whom it acts.
    pub tenant: String,
    /// For people.
    pub name: String,
    /// What it may do; never [`Scope::Admin`].
    pub scopes: Vec<Scope>,
    /// SHA-256 of the secret part, lower-case hex.
    pub secret_sha256: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Refused from here on.
    pub expires_at: Timestamp,
    /// Refused since.
    pub revoked_at: Option<Timestamp>,
    /// Last use, to [`USE_STEP`].
    pub last_used_at: Option<Timestamp>,
}

/// A key as a caller sends it: well formed, nothing proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// For whom it claims to act.
    pub tenant: String,
    /// Which it claims to be.
    pub id: ApiKeyId,
    secret: Secret<String>,
}

/// Why a key is refused. For logs; the caller learns only that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is none of that id.
    #[error("unknown API key")]
    Unknown,
    /// It has another secret.
    #[error("wrong secret of an API key")]
    Secret,
    /// It was revoked.
    #[error("revoked API key")]
    Revoked,
    /// Its time is over.
    #[error("expired API key")]
    Expired,
}

impl Presented {
    /// A key with that secret: 32 random bytes in base64url without padding.
    pub fn new(tenant: &str, id: ApiKeyId, secret: Secret<String>) -> Self {
        Self { tenant: tenant.to_owned(), id, secret }
    }

    /// Reads a key; none if it has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        // The secret may hold `_`, tenant and id may not.
        let (tenant, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let (id, secret) = rest.split_once('_')?;
        let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let formed = is_valid_tenant_id(tenant) && secret.len() == SECRET_LENGTH && secret.bytes().all(alphabet);
        let id = format!("key_{id}").parse().ok()?;
        formed.then(|| Self::new(tenant, id, Secret::new(secret.to_owned())))
    }

    /// The key as its owner keeps it.
    pub fn text(&self) -> Secret<String> {
        let (tenant, id, secret) = (&self.tenant, self.id.uuid(), self.secret.expose());
        Secret::new(format!("{PREFIX}{tenant}_{}_{secret}", id.as_simple()))
    }

    /// What is kept of the secret.
    pub fn secret_sha256(&self) -> String {
        sha256_hex(self.secret.expose().as_bytes())
    }

    /// Whether this is the recorded key, and good at `now`. The secret is compared whatever was found, in a time that
    /// does not depend on it.
    pub fn verify<'a>(&self, recorded: Option<&'a ApiKey>, now: Timestamp) -> Result<&'a ApiKey, Refused> {
        let nothing = sha256_hex(&sha256(b""));
        let kept = recorded.map_or(nothing.as_str(), |key| key.secret_sha256.as_str());
        let same_secret = equal(self.secret_sha256().as_bytes(), kept.as_bytes());
        let key = recorded.filter(|key| key.id == self.id && key.tenant == self.tenant).ok_or(Refused::Unknown)?;
        match key.revoked_at {
            _ if !same_secret => Err(Refused::Secret),
            Some(_) => Err(Refused::Revoked),
            None if key.expires_at <= now => Err(Refused::Expired),
            None => Ok(key),
        }
    }
}

impl ApiKey {
    /// Whether it can be used at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// When it ends, or ended.
    pub fn ends_at(&self) -> Timestamp {
        self.revoked_at.map_or(self.expires_at, |revoked| revoked.min(self.expires_at))
    }

    /// The row after a use at `now`; none if the last one that is written down is recent enough.
    pub fn used(&self, now: Timestamp) -> Option<Self> {
        let recent = self.last_used_at.is_some_and(|last| now.duration_since(last) < USE_STEP);
        (!recent).then(|| Self { last_used_at: Some(now), ..self.clone() })
    }

    /// The row after it was revoked; none if it was before.
    pub fn revoked(&self, now: Timestamp) -> Option<Self> {
        self.revoked_at.is_none().then(|| Self { revoked_at: Some(now), ..self.clone() })
    }
}

#[cfg(test)]
#[path = "api_key_tests.rs"]
mod tests;
