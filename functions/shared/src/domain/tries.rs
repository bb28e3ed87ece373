//! Tries to log in, counted so that nobody can guess a password.
//!
//! A try is counted before the password is looked at, and given back when it was right: so of any number of guesses at
//! the same time no more are looked at than are left. Each try is counted in three ways:
//!
//! | together are counted | free | then waits | stops |
//! |---|---|---|---|
//! | one identity from one address | 5; 20 once it has logged in from there | 30 s, doubling to 15 min | guessing one password |
//! | all identities from one address | 50 | 10 s, doubling to 5 min | trying one password on many |
//! | one identity from all addresses where it has not logged in before | 20 | 30 s, doubling to 15 min | guessing from many addresses |
//!
//! So strangers cannot lock a user out where it usually logs in from; elsewhere they can make it wait. Every wait ends by
//! itself, and a day without a try is a fresh start. [`Tries::tried`] and [`Tries::succeeded`] are the whole machine.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::digest::sha256_hex;

/// Time without a try after which all is forgotten.
const FORGET: SignedDuration = SignedDuration::from_hours(24);

/// How long an address counts as one where the identity has logged in before.
pub const KNOWN: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Free tries of one identity from an address where it has logged in before.
const FREE_WHERE_KNOWN: u32 = 20;

/// What is counted together. Digests, not the identity and the address themselves: anybody's are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "counted", rename_all = "snake_case")]
pub enum Counted {
    /// One identity from one address.
    Pair {
        /// Of the identity.
        identity: String,
        /// Of the address.
        source: String,
    },
    /// All identities from one address.
    Source {
        /// Of the address.
        source: String,
    },
    /// One identity from everywhere.
    Identity {
        /// Of the identity.
        identity: String,
    },
}

impl Counted {
    const fn limit(&self) -> Limit {
        match self {
            Self::Pair { .. } => Limit { free: 5, first: 30, longest: 900 },
            Self::Source { .. } => Limit { free: 50, first: 10, longest: 300 },
            Self::Identity { .. } => Limit { free: 20, first: 30, longest: 900 },
        }
    }
}

/// How many tries are free, and the seconds of the waits after that.
#[derive(Debug, Clone, Copy)]
struct Limit {
    free: u32,
    first: i64,
    longest: i64,
}

impl Limit {
    fn wait(self, count: u32) -> SignedDuration {
        let Some(over) = count.checked_sub(self.free) else { return SignedDuration::ZERO };
        let doubled = 2_i64.checked_pow(over).and_then(|times| times.checked_mul(self.first));
        SignedDuration::from_secs(doubled.unwrap_or(i64::MAX).min(self.longest))
    }
}

/// Tries that are counted together, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Which.
    #[serde(flatten)]
    pub of: Counted,
    /// Those that were wrong, or are being looked at.
    pub count: u32,
    /// When the latest was.
    pub last_at: Timestamp,
    /// When one was last right.
    #[serde(default)]
    pub succeeded_at: Option<Timestamp>,
}

/// Nothing is looked at before that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("too many tries; the next at {0}")]
pub struct Locked(pub Timestamp);

impl Locked {
    /// Whole seconds to wait from now on; one at least.
    pub fn seconds(self, now: Timestamp) -> u32 {
        let wait = self.0.as_millisecond() - now.as_millisecond();
        u32::try_from((wait + 999) / 1000).unwrap_or_default().max(1)
    }
}

impl Tries {
    /// None yet.
    pub fn none(of: Counted, now: Timestamp) -> Self {
        Self { of, count: 0, last_at: now, succeeded_at: None }
    }

    /// With one more, which may be looked at; or how long not.
    pub fn tried(&self, now: Timestamp) -> Result<Self, Locked> {
        let forgotten = now.duration_since(self.last_at) >= FORGET;
        let count = if forgotten { 0 } else { self.count };
        let wait = self.limit(now).wait(count);
        // Without a wait the clock is not asked: another function's may be ahead.
        if !wait.is_zero() && self.last_at + wait > now {
            return Err(Locked(self.last_at + wait));
        }
        Ok(Self { count: count.saturating_add(1), last_at: self.last_at.max(now), ..self.clone() })
    }

    /// The latest was right. Of one identity from one address that is the end of all suspicion; otherwise only that try
    /// is given back, or who has a password of their own could go on guessing others.
    #[must_use]
    pub fn succeeded(&self, now: Timestamp) -> Self {
        match self.of {
            Counted::Pair { .. } => Self { count: 0, succeeded_at: Some(now), ..self.clone() },
            Counted::Source { .. } | Counted::Identity { .. } => {
                Self { count: self.count.saturating_sub(1), ..self.clone() }
            }
        }
    }

    /// Whether the identity has logged in from there before.
    pub fn is_known(&self, now: Timestamp) -> bool {
        self.succeeded_at.is_some_and(|at| now.duration_since(at) < KNOWN)
    }

    /// When nothing depends on it any more.
    pub fn ends_at(&self) -> Timestamp {
        let known = self.succeeded_at.map(|at| at + KNOWN);
        known.unwrap_or(self.last_at).max(self.last_at + FORGET)
    }

    fn limit(&self, now: Timestamp) -> Limit {
        let limit = self.of.limit();
        if self.is_known(now) { Limit { free: FREE_WHERE_KNOWN, ..limit } } else { limit }
    }
}

/// Digest of an address: of IPv6 the /64 network, for one caller has all of it. None: the address is not known.
pub fn source_digest(address: Option<&str>) -> String {
    let network = match address.map(str::parse::<IpAddr>) {
        Some(Ok(IpAddr::V6(address))) => match address.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => format!("{:?}", &address.segments()[..4]),
        },
        Some(Ok(IpAddr::V4(address))) => address.to_string(),
        Some(Err(_)) | None => String::new(),
    };
    sha256_hex(network.as_bytes())
}

#[cfg(test)]
#[path = "tries_tests.rs"]
mod tests;
