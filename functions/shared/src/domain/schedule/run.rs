//! The history of a schedule: what came of each of its instants.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::id::{RequestId, ScheduleId};

/// The id of the request that a run is: the same for the same instant of the same schedule, so that it is recorded once.
pub fn run_id(schedule: ScheduleId, at: Timestamp) -> RequestId {
    RequestId::of_event("schedule", &format!("{schedule}:{at}"), at)
}

/// What came of an instant, or of several that were passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Whose.
    pub tenant: String,
    /// Of which schedule.
    pub schedule: ScheduleId,
    /// Which instant; of several, the first.
    pub at: Timestamp,
    /// The run's request, whether or not it was recorded.
    pub id: RequestId,
    /// Who asked for it beyond the schedule's own times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// When that was known.
    pub recorded_at: Timestamp,
}

/// What came of an instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// A request was recorded.
    Requested,
    /// It was asked for and refused.
    Refused {
        /// Code of the problem, as the API has it.
        code: String,
        /// What is wrong, for people.
        detail: String,
        /// Faults one by one, `pointer: what`.
        #[serde(default)]
        faults: Vec<String>,
    },
    /// It was passed over.
    Missed(Missed),
}

/// Instants that were passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// The first.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
    /// How many.
    pub count: u32,
}

impl Missed {
    /// The same with one more, the latest.
    pub(super) fn with(before: Option<Self>, at: Timestamp) -> Self {
        match before {
            None => Self { from: at, to: at, count: 1 },
            Some(before) => Self { to: at, count: before.count.saturating_add(1), ..before },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_known_by_its_schedule_and_instant() {
        let (schedule, other) = (ScheduleId::generate(), ScheduleId::generate());
        let [first, next] = ["2026-11-27T12:00:00Z", "2026-11-27T12:05:00Z"].map(|at| at.parse().unwrap());
        assert_eq!(run_id(schedule, first), run_id(schedule, first));
        assert_ne!(run_id(schedule, first), run_id(schedule, next));
        assert_ne!(run_id(schedule, first), run_id(other, first));
    }
}
