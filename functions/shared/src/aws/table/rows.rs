//! Which domain types are rows, and the few rows that are nothing else.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Row, keys::Key};
use crate::domain::{
    delivery::{Attempt, Delivery},
    id::{DeliveryId, RequestId},
    link::Link,
    message::Announcement,
    request::{Lease, Request},
    tenant::{Scope, Tenant},
};

/// How long rows about a finished request are kept for support.
const KEEP: SignedDuration = SignedDuration::from_hours(24 * 400);

impl Row for Tenant {
    fn key(&self) -> Key {
        Key::tenant(&self.id)
    }
}

impl Row for Request {
    fn key(&self) -> Key {
        Key::request(&self.tenant, self.id)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    /// Only a row that nothing more can happen to may go.
    fn ttl(&self) -> Option<Timestamp> {
        self.finished_at.filter(|_| self.due_at.is_none()).map(|end| end + KEEP)
    }
}

impl Row for Announcement {
    fn key(&self) -> Key {
        Key::event(&self.tenant, self.request, self.id)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}

impl Row for Delivery {
    fn key(&self) -> Key {
        Key::delivery(&self.announcement.tenant, self.announcement.request, self.id)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    fn ttl(&self) -> Option<Timestamp> {
        self.finished_at.filter(|_| self.due_at.is_none()).map(|end| end + KEEP)
    }
}

/// An attempt with what its key needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// Whose.
    pub tenant: String,
    /// Of which request.
    pub request: RequestId,
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// The attempt itself.
    #[serde(flatten)]
    pub attempt: Attempt,
}

impl Row for AttemptRow {
    fn key(&self) -> Key {
        Key::attempt(&self.tenant, self.request, self.delivery, self.attempt.number)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.attempt.started_at + KEEP)
    }
}

/// The hash of a capability stands in the key alone, so it is not a part of the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// Key of the item.
    #[serde(skip)]
    pub capability: String,
    /// What it opens.
    #[serde(flatten)]
    pub link: Link,
}

impl Row for LinkRow {
    fn key(&self) -> Key {
        Key::link(&self.capability)
    }

    /// Kept a month past its end, so that an old link is answered with 410 and not with 404.
    fn ttl(&self) -> Option<Timestamp> {
        Some(self.link.expires_at + SignedDuration::from_hours(24 * 30))
    }
}

/// Which tenant a subject of an issuer acts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `iss`.
    pub issuer: String,
    /// `sub`, or `client_id`.
    pub subject: String,
    /// The tenant that the mapping fixes.
    pub tenant: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Row for Identity {
    fn key(&self) -> Key {
        Key::identity(&self.issuer, &self.subject)
    }
}

/// How far a run has come. Written every few seconds, by the run alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whose.
    pub tenant: String,
    /// Of which request.
    pub request: RequestId,
    /// Which of its attempts.
    pub attempt: u32,
    /// Rows encoded so far.
    pub rows: u64,
    /// Bytes encoded so far.
    pub bytes: u64,
    /// When.
    pub at: Timestamp,
}

impl Row for Progress {
    fn key(&self) -> Key {
        Key::progress(&self.tenant, self.request)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.at + KEEP)
    }
}

/// The right to sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweeperLock {
    /// Who holds it and until when.
    pub lease: Lease,
}

impl Row for SweeperLock {
    fn key(&self) -> Key {
        Key::sweeper_lock()
    }
}
