//! Rows of licence pools.

use jiff::{SignedDuration, Timestamp};

use super::super::{Row, keys::Key};
use crate::domain::licence::{
    MAX_LINGER_SECONDS,
    pool::{End, Holding, Seat, Seating},
};

impl Row for Seating {
    fn key(&self) -> Key {
        Key::seating(&self.tenant, &self.waiver)
    }
}

impl Row for Seat {
    fn key(&self) -> Key {
        Key::seat(&self.tenant, self.number)
    }
}

impl Row for Holding {
    fn key(&self) -> Key {
        Key::holding(&self.tenant, &self.waiver, self.request)
    }
}

impl Row for End {
    fn key(&self) -> Key {
        Key::end(&self.tenant, self.at, self.request)
    }

    /// Nothing lingers that long.
    fn ttl(&self) -> Option<Timestamp> {
        Some(self.at + SignedDuration::from_secs(i64::from(MAX_LINGER_SECONDS)) + SignedDuration::from_hours(1))
    }
}
