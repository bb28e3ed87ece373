//! Schedules: reports that are asked for at times of a calendar, not by a call.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::ScheduleId;

/// The run of a schedule that a request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// Which schedule.
    pub schedule: ScheduleId,
    /// The instant that it was due at; with the schedule, the run's identity.
    pub at: Timestamp,
    /// IANA name of the zone whose calendar relative dates are reckoned in, as of `at`.
    pub time_zone: String,
}
