//! Typed identifiers: a prefix that says what it is, and a UUID.
//!
//! On the wire an id is `req_` and 32 lower-case hex digits. UUIDv7 makes them sort by time of creation.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_<32 hex digits>")]
pub struct InvalidId {
    /// The prefix that was expected, without its underscore.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// A fresh id whose order is that of creation (UUIDv7).
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The bare UUID, for interfaces that promise one.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let refused = InvalidId { prefix: $prefix };
                let hex = text.strip_prefix(concat!($prefix, "_")).ok_or(refused.clone())?;
                let canonical = hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !canonical {
                    return Err(refused);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| refused)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A report request.
    RequestId, "req"
);
id!(
    /// A lifecycle event of a request, as announced to receivers.
    EventId, "evt"
);
id!(
    /// One delivery: one event to one receiver, over however many attempts.
    DeliveryId, "dlv"
);
id!(
    /// A registered receiver of notifications.
    EndpointId, "end"
);
id!(
    /// A recovery: many deliveries made again.
    RecoveryId, "rcv"
);
id!(
    /// A link to a report's file.
    LinkId, "lnk"
);
id!(
    /// The erasure of a tenant.
    ErasureId, "era"
);
id!(
    /// An entry of the audit trail.
    AuditId, "aud"
);
id!(
    /// An API key of a tenant.
    ApiKeyId, "key"
);
id!(
    /// A schedule of a tenant.
    ScheduleId, "sch"
);
id!(
    /// A user of a tenant.
    UserId, "usr"
);

impl RequestId {
    /// The id of what an event asks for: the same for the same event, and still sorted by time. UUIDv7 with the event's
    /// instant, and a hash of its identity in place of random bits.
    pub fn of_event(source: &str, event: &str, at: Timestamp) -> Self {
        let hash = crate::digest::sha256(format!("{source}\n{event}").as_bytes());
        let mut bits = [0_u8; 10];
        bits.copy_from_slice(&hash[..10]);
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        Self::new(uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid())
    }
}

impl ScheduleId {
    /// The schedule that a tenant makes with an idempotency key: the same for the same two.
    pub fn of_key(tenant: &str, key: &str) -> Self {
        Self::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{tenant}\n{key}").as_bytes()))
    }
}

impl DeliveryId {
    /// The delivery of `event` to `receiver`: the same two give the same id, so that a repeated fan-out
    /// makes no second delivery. It begins as the event's id does, with its time: deliveries sort by that.
    pub fn derive(event: EventId, receiver: &str) -> Self {
        let mut bytes = Uuid::new_v5(&event.uuid(), receiver.as_bytes()).into_bytes();
        bytes[..6].copy_from_slice(&event.uuid().as_bytes()[..6]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let id = RequestId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("req_"));
    }

    #[test]
    fn other_forms_are_refused() {
        let uuid = Uuid::now_v7();
        let refused = [
            uuid.to_string(),
            format!("req_{uuid}"),
            format!("evt_{}", uuid.as_simple()),
            format!("req_{}", uuid.as_simple().to_string().to_uppercase()),
            "req_".to_owned(),
            "req_é".to_owned(),
        ];
        for text in refused {
            assert!(text.parse::<RequestId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_delivery_is_derived_from_event_and_receiver() {
        let event = EventId::generate();
        assert_eq!(DeliveryId::derive(event, "a"), DeliveryId::derive(event, "a"));
        assert_ne!(DeliveryId::derive(event, "a"), DeliveryId::derive(event, "b"));
    }

    #[test]
    fn deliveries_sort_by_the_time_of_their_event() {
        let at = |seconds| {
            let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0);
            DeliveryId::derive(EventId::new(Uuid::new_v7(time)), "a").to_string()
        };
        assert!(at(1_700_000_000) < at(1_700_000_001));
        assert!(at(1_700_000_000).starts_with("dlv_018bcfe56800"), "{}", at(1_700_000_000));
    }
}
