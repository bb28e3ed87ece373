//! Processes of the tenant's own, as far as their events have told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest id of a process, in characters.
pub const MAX_ID: usize = 128;

/// The latest status of a process. Statuses are IDUnico's: 1 processing, 2 divergent, 3 finished, 4 cancelled, 5 error,
/// and what is yet to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Whose.
    pub tenant: String,
    /// Its id, the sender's word.
    pub id: String,
    /// Where it stands.
    pub status: u32,
    /// When it got there, by its event.
    pub at: Timestamp,
    /// When that was recorded.
    pub recorded_at: Timestamp,
}

impl Process {
    /// Whether it tells of what came later. Events overtake each other and come twice; whatever their order, the same one
    /// is left. A bus tells times to the second: of two in the same one the greater status counts, so that 1 (processing)
    /// never hides an end.
    pub fn supersedes(&self, known: &Self) -> bool {
        (self.at, self.status) > (known.at, known.status)
    }
}

/// Whether a text can be a process's id.
pub fn is_valid_process_id(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_ID && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn told(second: i64, status: u32) -> Process {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        Process { tenant: "acme".into(), id: "p".into(), status, at, recorded_at: at }
    }

    #[test]
    fn ids_are_texts_of_a_line() {
        for good in ["x", "8e2c86a5-1acf-48b7-aa70-11a1b18c0d84", "é/ä", &"x".repeat(MAX_ID)] {
            assert!(is_valid_process_id(good), "{good}");
        }
        for bad in ["", "a\nb", "\0", &"x".repeat(MAX_ID + 1)] {
            assert!(!is_valid_process_id(bad), "{bad}");
        }
    }

    proptest! {
        /// In whatever order events come, and however often: the same one is left.
        #[test]
        fn the_latest_is_left(events in proptest::collection::vec((0_i64..4, 1_u32..7), 1..12), turn in 0_usize..12) {
            let left = |events: &[(i64, u32)]| {
                let told = events.iter().map(|(second, status)| told(*second, *status));
                told.reduce(|known, new| if new.supersedes(&known) { new } else { known })
            };
            let mut others = events.clone();
            others.rotate_left(turn % events.len());
            others.extend(&events);
            let latest = left(&events);
            prop_assert_eq!(&latest, &left(&others));
            let last = events.iter().max().unwrap();
            prop_assert_eq!(latest, Some(told(last.0, last.1)));
        }
    }
}
