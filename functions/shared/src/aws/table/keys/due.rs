//! What the sweeper finds in the index `due`.

use super::{HEALTH, KEY_WATCH, Key, LANE_SLOTS, RECOVERIES, SCHEDULES};
use crate::domain::id::{DeliveryId, ErasureId, EventId, RecoveryId, RequestId, ScheduleId};

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
    /// The erasure of a tenant.
    Erasure(ErasureId),
    /// A lane whose circuit ends.
    Health {
        /// Whose.
        tenant: String,
        /// Which.
        lane: String,
    },
    /// A slot whose holder did not give it back.
    LaneSlot {
        /// Whose.
        tenant: String,
        /// Of which lane.
        lane: String,
        /// Which.
        number: u32,
    },
    /// A recovery.
    Recovery {
        /// Whose.
        tenant: String,
        /// Which.
        recovery: RecoveryId,
    },
    /// A schedule.
    Schedule {
        /// Whose.
        tenant: String,
        /// Which.
        schedule: ScheduleId,
    },
    /// The watch over recipient keys.
    KeyWatch {
        /// Whose.
        tenant: String,
    },
}

impl DueRow {
    /// Reads a key; none if no due row has this form.
    pub fn of(key: &Key) -> Option<Self> {
        if let Some(erasure) = key.pk.strip_prefix("E#") {
            return erasure.parse().ok().map(Self::Erasure);
        }
        if let Some((tenant, lane)) = key.pk.strip_prefix("N#").and_then(|lane| lane.split_once('#')) {
            let (tenant, lane) = (tenant.to_owned(), lane.to_owned());
            if key.sk == HEALTH {
                return Some(Self::Health { tenant, lane });
            }
            let number = key.sk.strip_prefix(LANE_SLOTS)?.parse().ok()?;
            return Some(Self::LaneSlot { tenant, lane, number });
        }
        let rest = key.pk.strip_prefix("T#")?;
        if let Some(request) = key.sk.strip_prefix("REQ#") {
            return Some(Self::Request { tenant: rest.to_owned(), request: request.parse().ok()? });
        }
        if let Some(recovery) = key.sk.strip_prefix(RECOVERIES) {
            return Some(Self::Recovery { tenant: rest.to_owned(), recovery: recovery.parse().ok()? });
        }
        if let Some(schedule) = key.sk.strip_prefix(SCHEDULES) {
            return Some(Self::Schedule { tenant: rest.to_owned(), schedule: schedule.parse().ok()? });
        }
        if key.sk == KEY_WATCH {
            return Some(Self::KeyWatch { tenant: rest.to_owned() });
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
            Some(DueRow::Delivery { tenant: tenant.clone(), request, delivery })
        );
        let recovery = RecoveryId::generate();
        assert_eq!(DueRow::of(&Key::recovery("acme", recovery)), Some(DueRow::Recovery { tenant, recovery }));
        let (tenant, lane) = ("acme".to_owned(), "end_1".to_owned());
        assert_eq!(
            DueRow::of(&Key::health("acme", "end_1")),
            Some(DueRow::Health { tenant: tenant.clone(), lane: lane.clone() })
        );
        assert_eq!(DueRow::of(&Key::lane_slot("acme", "end_1", 7)), Some(DueRow::LaneSlot { tenant, lane, number: 7 }));
        let schedule = ScheduleId::generate();
        let due = DueRow::Schedule { tenant: "acme".to_owned(), schedule };
        assert_eq!(DueRow::of(&Key::schedule("acme", schedule)), Some(due));
        let watch = DueRow::KeyWatch { tenant: "acme".to_owned() };
        assert_eq!(DueRow::of(&Key::key_watch("acme")), Some(watch));
        let erasure = ErasureId::generate();
        assert_eq!(DueRow::of(&Key::erasure(erasure)), Some(DueRow::Erasure(erasure)));
        for other in [Key::attempt("acme", request, delivery, 1), Key::tenant("acme"), Key::sweeper_lock()] {
            assert_eq!(DueRow::of(&other), None);
        }
    }
}
