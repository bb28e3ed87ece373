//! Rows of delivery: deliveries and their attempts, endpoints, lanes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::KEEP;
use crate::aws::table::{Row, keys::Key};
use crate::domain::{
    delivery::{Attempt, Delivery},
    email::feedback::DisabledAddress,
    endpoint::Endpoint,
    health::Health,
    id::{DeliveryId, EndpointId, RequestId},
    lane,
    process::Process,
    recovery::Recovery,
};

/// That an event of no report came. Its story holds all else; this row keeps a repeat from making it anew, and leads
/// an erasure to the story, so it outlives the story's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEvent {
    /// Whose.
    pub tenant: String,
    /// Its story.
    pub story: RequestId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

impl Row for ProcessEvent {
    fn key(&self) -> Key {
        Key::process_event(&self.tenant, self.story)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.recorded_at + KEEP + SignedDuration::from_hours(24 * 30))
    }
}

impl Row for Process {
    fn key(&self) -> Key {
        Key::process(&self.tenant, &self.id)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.recorded_at + KEEP)
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

/// Finds a delivery by its id, and a tenant's deliveries in order of time. Written with the delivery, and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryIndex {
    /// Whose.
    pub tenant: String,
    /// Which.
    pub delivery: DeliveryId,
    /// In the story of which request it stands.
    pub request: RequestId,
    /// The endpoint that it goes to, if it is a registered one.
    pub endpoint: Option<EndpointId>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl DeliveryIndex {
    /// The entry of a delivery.
    pub fn of(delivery: &Delivery) -> Self {
        Self {
            tenant: delivery.announcement.tenant.clone(),
            delivery: delivery.id,
            request: delivery.announcement.request,
            endpoint: delivery.target.endpoint(),
            created_at: delivery.created_at,
        }
    }
}

impl Row for DeliveryIndex {
    fn key(&self) -> Key {
        Key::delivery_index(&self.tenant, self.delivery)
    }

    /// A month longer than a delivery of which all schedules ran their course.
    fn ttl(&self) -> Option<Timestamp> {
        Some(self.created_at + KEEP + SignedDuration::from_hours(24 * 30))
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

impl Row for DisabledAddress {
    fn key(&self) -> Key {
        Key::disabled_address(&self.tenant, &self.address)
    }
}

impl Row for Endpoint {
    fn key(&self) -> Key {
        Key::endpoint(&self.tenant, self.id)
    }
}

impl Row for Recovery {
    fn key(&self) -> Key {
        Key::recovery(&self.tenant, self.id)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    fn ttl(&self) -> Option<Timestamp> {
        self.finished_at.map(|end| end + KEEP)
    }
}

impl Row for Health {
    fn key(&self) -> Key {
        Key::health(&self.tenant, &self.lane)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.changed_at + SignedDuration::from_hours(24 * 30))
    }
}

/// There only while it is taken.
impl Row for lane::Slot {
    fn key(&self) -> Key {
        Key::lane_slot(&self.tenant, &self.lane, self.number)
    }

    fn due_at(&self) -> Option<Timestamp> {
        Some(self.until)
    }
}

impl Row for lane::Waiting {
    fn key(&self) -> Key {
        Key::lane_waiting(&self.tenant, &self.lane, self.since, self.delivery)
    }

    /// The delivery's own row is due all the while.
    fn ttl(&self) -> Option<Timestamp> {
        Some(self.since + SignedDuration::from_hours(24 * 60))
    }
}
