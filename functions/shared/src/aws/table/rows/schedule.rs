//! Schedules and their histories.

use jiff::Timestamp;

use super::{KEEP, Key, Row};
use crate::domain::schedule::{Run, Schedule};

impl Row for Schedule {
    fn key(&self) -> Key {
        Key::schedule(&self.tenant, self.id)
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}

impl Row for Run {
    fn key(&self) -> Key {
        Key::schedule_run(&self.tenant, self.schedule, self.at, self.id)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.recorded_at + KEEP)
    }
}
