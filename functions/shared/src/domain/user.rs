//! Users of a tenant: people and programs that log in with an identity and a password, as Eclipse's clients do.
//!
//! An identity belongs to one user of all tenants, for a log-in names no tenant. It is compared without regard to case.
//! What ends a user's sessions (a new password, being disabled, logging out) gives it a new stamp, which every session
//! carries: so a session is good only while nothing of that happened.

use std::{collections::BTreeSet, fmt, ops::RangeInclusive};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{id::UserId, tenant::Scope};

/// Characters of an identity, as Eclipse has it.
pub const IDENTITY_LENGTHS: RangeInclusive<usize> = 3..=40;

/// Characters of a password, at least.
pub const SHORTEST_PASSWORD: usize = 12;

/// Bytes of a password, at most: what is longer is never hashed.
pub const LONGEST_PASSWORD: usize = 256;

/// Different characters that a password must have, at least.
const VARIETY: usize = 5;

/// A user's name at log-in, in lower case: `a-z`, `0-9` and `._-+@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserIdentity(String);

/// A text that cannot be an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {} to {} of letters, digits and . _ - + @, all ASCII; case does not count", IDENTITY_LENGTHS.start(), IDENTITY_LENGTHS.end())]
pub struct NoIdentity;

impl UserIdentity {
    /// Reads one, in whatever case. ASCII alone: letters that only look alike, or are written in two ways, name nobody.
    pub fn parse(text: &str) -> Result<Self, NoIdentity> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+@".contains(&b);
        let formed = IDENTITY_LENGTHS.contains(&text.len()) && text.bytes().all(allowed);
        if formed { Ok(Self(text.to_ascii_lowercase())) } else { Err(NoIdentity) }
    }

    /// As it is recorded and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is kept of a password: a hash that carries its algorithm and parameters (PHC string format). Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The PHC string.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

/// A user as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Which.
    pub id: UserId,
    /// For whom it acts.
    pub tenant: String,
    /// Its name at log-in.
    pub identity: UserIdentity,
    /// What it may do; never [`Scope::Admin`].
    pub scopes: Vec<Scope>,
    /// What is kept of its password.
    pub password_hash: PasswordHash,
    /// When that came to be.
    pub password_changed_at: Timestamp,
    /// What its sessions must carry.
    pub stamp: Uuid,
    /// It cannot log in, and its sessions are refused, since.
    #[serde(default)]
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it last logged in.
    #[serde(default)]
    pub last_login_at: Option<Timestamp>,
}

/// What an administrator wants of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Whether it may do nothing at all.
    pub disabled: bool,
    /// Another password.
    pub password: Option<PasswordHash>,
}

impl User {
    /// The user as wanted. `stamp` is fresh, and becomes its own if its sessions end.
    #[must_use]
    pub fn changed(&self, wanted: Wanted, stamp: Uuid, now: Timestamp) -> Self {
        let mut next = Self { scopes: wanted.scopes, ..self.clone() };
        next.disabled_at = wanted.disabled.then(|| self.disabled_at.unwrap_or(now));
        if let Some(hash) = wanted.password {
            next.password_hash = hash;
            next.password_changed_at = now;
        }
        let ends =
            next.password_hash != self.password_hash || (next.disabled_at.is_some() && self.disabled_at.is_none());
        if ends { next.logged_out(stamp) } else { next }
    }

    /// All its sessions ended.
    #[must_use]
    pub fn logged_out(self, stamp: Uuid) -> Self {
        Self { stamp, ..self }
    }

    /// It has logged in. `rehashed` is the same password under the parameters of today.
    #[must_use]
    pub fn logged_in(&self, rehashed: Option<PasswordHash>, now: Timestamp) -> Self {
        let password_hash = rehashed.unwrap_or_else(|| self.password_hash.clone());
        Self { password_hash, last_login_at: Some(now), ..self.clone() }
    }

    /// Whether a session with that stamp is still good.
    pub fn admits(&self, stamp: Uuid) -> bool {
        self.disabled_at.is_none() && self.stamp == stamp
    }

    /// What a change was about.
    pub fn changes(&self, next: &Self) -> Vec<&'static str> {
        let differing = [
            ("scopes", self.scopes != next.scopes),
            ("disabled", self.disabled_at.is_some() != next.disabled_at.is_some()),
            ("password", self.password_hash != next.password_hash),
        ];
        differing.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

/// Why a password is refused. Each goes on behind its name: `must …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too short or too long.
    #[error("must have {SHORTEST_PASSWORD} characters at least, and {LONGEST_PASSWORD} bytes at most")]
    Length,
    /// Characters that nobody can type.
    #[error("must have no control characters")]
    Unprintable,
    /// One that is guessed first.
    #[error("must have {VARIETY} different characters at least")]
    Monotonous,
    /// One that is guessed second.
    #[error("must not contain the identity")]
    Identity,
}

/// Whether a user of that identity may have this password.
pub fn check_password(password: &str, identity: &UserIdentity) -> Result<(), Weak> {
    if password.len() > LONGEST_PASSWORD || password.chars().count() < SHORTEST_PASSWORD {
        return Err(Weak::Length);
    }
    if password.chars().any(char::is_control) {
        return Err(Weak::Unprintable);
    }
    if password.chars().collect::<BTreeSet<char>>().len() < VARIETY {
        return Err(Weak::Monotonous);
    }
    if password.to_lowercase().contains(identity.as_str()) { Err(Weak::Identity) } else { Ok(()) }
}

#[cfg(test)]
#[path = "user_tests.rs"]
pub(crate) mod tests;
