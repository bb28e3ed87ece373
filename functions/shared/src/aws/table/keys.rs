//! Every key of the table, and nowhere else.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | tenant | `T#{tenant}` | `TENANT` |
//! | request | `T#{tenant}` | `REQ#{request}` |
//! | progress of a request | `T#{tenant}#{request}` | `PROGRESS` |
//! | outbox event | `T#{tenant}#{request}` | `EVT#{event}` |
//! | delivery | `T#{tenant}#{request}` | `DLV#{delivery}` |
//! | attempt of a delivery | `T#{tenant}#{request}` | `DLV#{delivery}#{number:04}` |
//! | identity | `ID#{sha256(issuer, subject)}` | `IDENTITY` |
//! | managed link | `L#{sha256(capability)}` | `LINK` |
//! | lock of the sweeper | `LOCK` | `SWEEPER` |
//!
//! A request's row stands under its tenant, so listing needs no index and another tenant's id finds
//! nothing; all else of it stands in a partition of its own, so one query tells its whole story.
//!
//! The sparse index `due` holds every row that the sweeper must look at: hash `due_shard` (`0`–`15`, from
//! the row's key), range `due_at` (epoch milliseconds). `ttl` (epoch seconds) only tidies up.

use crate::domain::id::{DeliveryId, EventId, RequestId};

/// Primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// Number of shards of the `due` index.
pub const DUE_SHARDS: u8 = 16;

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// A tenant.
    pub fn tenant(tenant: &str) -> Self {
        Self::new(format!("T#{tenant}"), "TENANT")
    }

    /// A request.
    pub fn request(tenant: &str, request: RequestId) -> Self {
        Self::new(format!("T#{tenant}"), format!("REQ#{request}"))
    }

    /// Progress of a request's run.
    pub fn progress(tenant: &str, request: RequestId) -> Self {
        Self::new(story(tenant, request), "PROGRESS")
    }

    /// An outbox event.
    pub fn event(tenant: &str, request: RequestId, event: EventId) -> Self {
        Self::new(story(tenant, request), format!("EVT#{event}"))
    }

    /// A delivery.
    pub fn delivery(tenant: &str, request: RequestId, delivery: DeliveryId) -> Self {
        Self::new(story(tenant, request), format!("DLV#{delivery}"))
    }

    /// An attempt of a delivery.
    pub fn attempt(tenant: &str, request: RequestId, delivery: DeliveryId, number: u32) -> Self {
        Self::new(story(tenant, request), format!("DLV#{delivery}#{number:04}"))
    }

    /// A subject of an issuer. Both are the caller's words, so they are hashed into a fixed form.
    pub fn identity(issuer: &str, subject: &str) -> Self {
        let hash = crate::digest::sha256_hex(format!("{issuer}\n{subject}").as_bytes());
        Self::new(format!("ID#{hash}"), "IDENTITY")
    }

    /// A managed link, by its capability as it stands in the URL.
    pub fn link(capability: &str) -> Self {
        Self::new(format!("L#{}", crate::digest::sha256_hex(capability.as_bytes())), "LINK")
    }

    /// The lease that keeps sweepers from running side by side.
    pub fn sweeper_lock() -> Self {
        Self::new("LOCK".to_owned(), "SWEEPER")
    }

    /// Shard of the `due` index.
    pub fn due_shard(&self) -> u8 {
        // FNV-1a: stable across releases, which a hasher of the standard library is not promised to be.
        let hash = self
            .pk
            .bytes()
            .chain(self.sk.bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        u8::try_from(hash % u64::from(DUE_SHARDS)).unwrap_or(0)
    }

    /// Associated data under which a row's secrets are sealed.
    pub fn associated(&self) -> String {
        format!("{}|{}", self.pk, self.sk)
    }
}

/// Partition of all that belongs to one request.
pub fn story(tenant: &str, request: RequestId) -> String {
    format!("T#{tenant}#{request}")
}

/// What a due row is, read off its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueRow {
    /// A request.
    Request {
        /// Whose.
        tenant: String,
        /// Which.
        request: RequestId,
    },
    /// An outbox event.
    Event {
        /// Whose.
        tenant: String,
        /// Of which request.
        request: RequestId,
        /// Which.
        event: EventId,
    },
    /// A delivery.
    Delivery {
        /// Whose.
        tenant: String,
        /// Of which request.
        request: RequestId,
        /// Which.
        delivery: DeliveryId,
    },
}

impl DueRow {
    /// Reads a key; none if no due row has this form.
    pub fn of(key: &Key) -> Option<Self> {
        let rest = key.pk.strip_prefix("T#")?;
        if let Some(request) = key.sk.strip_prefix("REQ#") {
            return Some(Self::Request { tenant: rest.to_owned(), request: request.parse().ok()? });
        }
        let (tenant, request) = rest.split_once('#')?;
        let (tenant, request) = (tenant.to_owned(), request.parse().ok()?);
        if let Some(event) = key.sk.strip_prefix("EVT#") {
            return Some(Self::Event { tenant, request, event: event.parse().ok()? });
        }
        let delivery = key.sk.strip_prefix("DLV#")?.parse().ok()?;
        Some(Self::Delivery { tenant, request, delivery })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_rows_are_read_back_from_their_keys() {
        let (request, event) = (RequestId::generate(), EventId::generate());
        let delivery = DeliveryId::derive(event, "https://example.com");
        let tenant = "acme".to_owned();
        assert_eq!(
            DueRow::of(&Key::request("acme", request)),
            Some(DueRow::Request { tenant: tenant.clone(), request })
        );
        assert_eq!(
            DueRow::of(&Key::event("acme", request, event)),
            Some(DueRow::Event { tenant: tenant.clone(), request, event })
        );
        assert_eq!(
            DueRow::of(&Key::delivery("acme", request, delivery)),
            Some(DueRow::Delivery { tenant, request, delivery })
        );
        for other in [Key::attempt("acme", request, delivery, 1), Key::tenant("acme"), Key::sweeper_lock()] {
            assert_eq!(DueRow::of(&other), None);
        }
    }

    #[test]
    fn shards_spread() {
        let used: std::collections::BTreeSet<u8> =
            (0..500).map(|_| Key::request("acme", RequestId::generate()).due_shard()).collect();
        assert_eq!(used.len(), usize::from(DUE_SHARDS));
    }
}
