//! The watch over a tenant's recipient keys: it is told once that a key ends soon, and once that it has ended.
//!
//! ```text
//! VALID ─30 days before its end─▶ EXPIRING ─its end─▶ EXPIRED
//! ```
//!
//! A row stands for all active keys of a tenant. It is written in the transaction that changes them, and is due when the
//! next of them comes to another stage; what has been told of stays noted, so that nothing is told twice. A key that is
//! retired is watched no more; one that comes again, or with a later end, is watched anew.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::RecipientKeyRecord;
use crate::domain::message::EventKind;

/// How long before its end a key is warned of.
pub const WARNING: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How near a key is to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// More than [`WARNING`] is left, or it has no end.
    #[default]
    Valid,
    /// It ends soon.
    Expiring,
    /// It has ended: nothing is encrypted to it any more.
    Expired,
}

impl Stage {
    /// Where a key with that end stands.
    pub fn at(expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        match expires_at {
            Some(end) if end <= now => Self::Expired,
            Some(end) if end.duration_since(now) <= WARNING => Self::Expiring,
            _ => Self::Valid,
        }
    }

    /// When a key that stands here comes to the next stage.
    fn ends_at(self, expires_at: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Valid => expires_at.map(|end| end - WARNING),
            Self::Expiring => expires_at,
            Self::Expired => None,
        }
    }

    /// What is told of a key that comes here.
    const fn event(self) -> Option<EventKind> {
        match self {
            Self::Valid => None,
            Self::Expiring => Some(EventKind::RecipientKeyExpiring),
            Self::Expired => Some(EventKind::RecipientKeyExpired),
        }
    }
}

/// The watch over one tenant's active keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyWatch {
    /// Whose.
    pub tenant: String,
    /// The active keys, those without an end too.
    pub keys: Vec<WatchedKey>,
    /// When the next of them comes to another stage.
    pub due_at: Option<Timestamp>,
}

/// A key as it is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedKey {
    /// Fingerprint of the primary key.
    pub fingerprint: String,
    /// Algorithm of the key in it that encrypts.
    pub algorithm: Option<String>,
    /// End of its validity, if it has one.
    pub expires_at: Option<Timestamp>,
    /// What has been told of it.
    pub stage: Stage,
}

/// What is told of a key that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyNotice {
    /// Fingerprint of the primary key.
    pub fingerprint: String,
    /// Algorithm of the key in it that encrypts.
    pub algorithm: Option<String>,
    /// End of its validity.
    pub expires_at: Timestamp,
    /// The tenant's active keys that are still valid once this one has ended.
    pub active_keys_left: usize,
}

impl KeyWatch {
    /// The watch over these active keys, from what it was `before`.
    pub fn over<'a>(tenant: &str, active: impl Iterator<Item = &'a RecipientKeyRecord>, before: Option<&Self>) -> Self {
        let told = |key: &RecipientKeyRecord| {
            let known = before?.keys.iter().find(|known| known.fingerprint == key.fingerprint)?;
            (known.expires_at == key.expires_at).then_some(known.stage)
        };
        let keys = active.map(|key| WatchedKey {
            fingerprint: key.fingerprint.clone(),
            algorithm: key.algorithm.clone(),
            expires_at: key.expires_at,
            stage: told(key).unwrap_or_default(),
        });
        Self { tenant: tenant.to_owned(), keys: keys.collect(), due_at: None }.scheduled()
    }

    /// The next row, and what is to be told; none if no key has come to another stage.
    pub fn looked_at(&self, now: Timestamp) -> Option<(Self, Vec<(EventKind, KeyNotice)>)> {
        let mut next = self.clone();
        let mut told = Vec::new();
        for key in &mut next.keys {
            let stage = Stage::at(key.expires_at, now);
            if stage > key.stage {
                key.stage = stage;
                told.extend(self.notice(key, now));
            }
        }
        (!told.is_empty()).then(|| (next.scheduled(), told))
    }

    fn notice(&self, key: &WatchedKey, now: Timestamp) -> Option<(EventKind, KeyNotice)> {
        let expires_at = key.expires_at?;
        let ends = expires_at.max(now);
        let left = self.keys.iter().filter(|other| other.expires_at.is_none_or(|end| end > ends));
        let notice = KeyNotice {
            fingerprint: key.fingerprint.clone(),
            algorithm: key.algorithm.clone(),
            expires_at,
            active_keys_left: left.count(),
        };
        Some((key.stage.event()?, notice))
    }

    fn scheduled(mut self) -> Self {
        self.due_at = self.keys.iter().filter_map(|key| key.stage.ends_at(key.expires_at)).min();
        self
    }
}

#[cfg(test)]
#[path = "key_watch_tests.rs"]
mod tests;
