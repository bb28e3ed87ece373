//! Which domain types are rows, and the few rows that are nothing else.

mod delivery;
mod licence;
mod schedule;
mod treports;
mod user;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::{
    delivery::{AttemptRow, DeliveryIndex, ProcessEvent},
    treports::TreportsNumber,
    user::UserPlace,
};
use super::{Row, keys::Key};
use crate::domain::{
    admission::Slot,
    api_key::ApiKey,
    audit,
    erasure::Erasure,
    id::{ErasureId, RequestId},
    issuer::TenantIssuer,
    link::{Link, LinkPointer, LinkUse},
    message::Announcement,
    request::{Lease, Receipt, Request},
    statistics::Statistics,
    tenant::{Scope, Tenant, key_watch::KeyWatch},
};

/// How long rows about a finished request are kept for support.
const KEEP: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The request's own row is kept longer than all that belongs to it, such as uses of its links after their end: an
/// erasure finds that by this row alone.
const KEEP_REQUEST: SignedDuration = SignedDuration::from_hours(24 * 500);

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
        self.finished_at.filter(|_| self.due_at.is_none()).map(|end| end + KEEP_REQUEST)
    }
}

impl Row for Announcement {
    fn key(&self) -> Key {
        Key::event(&self.tenant, self.request, self.id)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    /// One that nobody looks at any more was given up.
    fn ttl(&self) -> Option<Timestamp> {
        self.due_at.is_none().then(|| self.occurred_at + KEEP)
    }
}

impl Row for Link {
    fn key(&self) -> Key {
        Key::link(&self.tenant, self.request, self.id)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.expires_at + KEEP)
    }
}

/// The hash of a capability stands in the key alone, so it is not a part of the pointer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// SHA-256 of the capability, in hex: key of the item. Empty in a row that was read.
    #[serde(skip)]
    pub hash: String,
    /// Where the link is recorded.
    #[serde(flatten)]
    pub pointer: LinkPointer,
}

impl LinkRow {
    /// The row that leads to the link; none to a direct one, which has no capability.
    pub fn of(link: &Link) -> Option<Self> {
        link.capability_hash.clone().map(|hash| Self { hash, pointer: link.pointer() })
    }
}

impl Row for LinkRow {
    fn key(&self) -> Key {
        Key::link_pointer_of_hash(&self.hash)
    }

    /// Kept a month past its end, so that an old link is answered with 410 and not with 404.
    fn ttl(&self) -> Option<Timestamp> {
        Some(self.pointer.expires_at + SignedDuration::from_hours(24 * 30))
    }
}

impl Row for LinkUse {
    fn key(&self) -> Key {
        Key::link_use(&self.tenant, self.request, self.id)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.at + KEEP)
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

impl Row for ApiKey {
    fn key(&self) -> Key {
        Key::api_key(&self.tenant, self.id)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.ends_at() + KEEP)
    }
}

/// Which tenant an issuer belongs to. It can yield no other, and never an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantIssuerRow {
    /// Whose.
    pub tenant: String,
    /// As its settings say.
    pub settings: TenantIssuer,
}

impl Row for TenantIssuerRow {
    fn key(&self) -> Key {
        Key::issuer(&self.settings.issuer)
    }
}

impl Row for KeyWatch {
    fn key(&self) -> Key {
        Key::key_watch(&self.tenant)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}

impl Row for audit::Entry {
    fn key(&self) -> Key {
        Key::audit(&self.tenant, self.id)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.at + KEEP)
    }
}

/// A tenant in the list of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantsEntry {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The erasure that is under way.
    #[serde(default)]
    pub erasure: Option<ErasureId>,
}

impl TenantsEntry {
    /// The entry of a tenant.
    pub fn of(tenant: &Tenant) -> Self {
        let Tenant { id, name, created_at, erasure, .. } = tenant;
        Self { id: id.clone(), name: name.clone(), created_at: *created_at, erasure: *erasure }
    }
}

impl Row for TenantsEntry {
    fn key(&self) -> Key {
        Key::tenants_entry(&self.id)
    }
}

impl Row for Erasure {
    fn key(&self) -> Key {
        Key::erasure(self.id)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}

/// A request that an erasure has removed. Somebody at work on it may still write into its story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedRequest {
    /// The erasure.
    pub erasure: ErasureId,
    /// The request.
    pub request: RequestId,
}

impl Row for ErasedRequest {
    fn key(&self) -> Key {
        Key::erased_request(self.erasure, self.request)
    }
}

impl Row for Slot {
    fn key(&self) -> Key {
        Key::slot(&self.tenant, self.number)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.until + SignedDuration::from_hours(24))
    }
}

/// A request that waits for a slot of its tenant. The request's own row decides; this one only finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Whose.
    pub tenant: String,
    /// Which.
    pub request: RequestId,
}

impl Row for Waiting {
    fn key(&self) -> Key {
        Key::waiting(&self.tenant, self.request)
    }
}

/// The answer that an idempotency key was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Whose.
    pub tenant: String,
    /// Key of the item.
    #[serde(skip)]
    pub key: String,
    /// SHA-256 of the body that came with it.
    pub body_digest: String,
    /// What it was answered with.
    pub receipt: Receipt,
    /// Whether that was a request of somebody else's, which it joined.
    pub coalesced: bool,
    /// The key may be used anew from here on.
    pub expires_at: Timestamp,
}

impl Row for Idempotency {
    fn key(&self) -> Key {
        Key::idempotency(&self.tenant, &self.key)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// The latest request for the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Whose.
    pub tenant: String,
    /// Digest of what is asked.
    pub digest: String,
    /// Which request.
    pub request: RequestId,
    /// When it was recorded.
    pub at: Timestamp,
}

impl Row for Flight {
    fn key(&self) -> Key {
        Key::flight(&self.tenant, &self.digest)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.at + SignedDuration::from_hours(48))
    }
}

impl Row for Statistics {
    fn key(&self) -> Key {
        Key::statistics(&self.tenant, &self.report)
    }

    fn ttl(&self) -> Option<Timestamp> {
        self.samples.last().map(|sample| sample.at + KEEP)
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        id::{EventId, LinkId},
        link::UseOutcome,
        message::EventKind,
        request::tests::queued,
    };

    /// Or an erasure would not find what belongs to it.
    #[test]
    fn a_requests_row_outlives_its_story() {
        let end = Timestamp::UNIX_EPOCH;
        let request = Request { finished_at: Some(end), due_at: None, ..queued() };
        // A file lives for a week at most, its link leads to a refusal for a month more, and TTL is two days late.
        let last = end + SignedDuration::from_hours(24 * (7 + 30 + 2));
        let used = LinkUse {
            id: Uuid::nil(),
            tenant: request.tenant.clone(),
            request: request.id,
            link: LinkId::generate(),
            at: last,
            method: "GET".into(),
            outcome: UseOutcome::Expired,
            ip: None,
            user_agent: None,
        };
        assert!(used.ttl() < request.ttl());
        let event = Announcement::of(&request, EventId::generate(), EventKind::ReportExpired, last);
        assert_eq!(event.ttl(), None, "it is owed");
        let given_up = Announcement { due_at: None, ..event };
        assert!(given_up.ttl().is_some() && given_up.ttl() < request.ttl());
    }
}
