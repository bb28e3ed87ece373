//! The erasure of a tenant: everything of it goes, as a job that outlives crashes and leaves a receipt.
//!
//! ```text
//! ERASING ─a look finds nothing─▶ CONFIRMING ─a look after the pause finds nothing─▶ DONE
//!    ▲                                │
//!    └───────a look finds something───┘
//! ```
//!
//! A look removes what it finds, as much as a sweep may. The pause is longer than anybody who was at work for the
//! tenant when it was shut out can go on without noticing. [`Erasure::looked`] is the whole machine.

use std::ops::AddAssign;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::id::ErasureId;

/// How much longer than a worker's lease the pause is: the longest that a call to the API or to a receiver takes.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// An erasure, as recorded. When it is done, it is the receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// Of which tenant.
    pub tenant: String,
    /// Where it stands.
    pub state: State,
    /// When the tenant was shut out.
    pub requested_at: Timestamp,
    /// Which administrator asked for it.
    pub requested_by: String,
    /// What was removed so far. Where a sweep was killed, its last piece may not be counted.
    pub removed: Found,
    /// When nothing was left.
    pub finished_at: Option<Timestamp>,
    /// When the sweeper looks next; none once it is done.
    pub due_at: Option<Timestamp>,
}

/// Where an erasure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Things are being removed.
    Erasing,
    /// Nothing was found; looked for once more after the pause.
    Confirming,
    /// Nothing is left.
    Done,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Erasing, Self::Confirming, Self::Done];
}

/// Things of the tenant that were found, and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Found {
    /// Rows of the table.
    pub rows: u64,
    /// Objects in the report bucket.
    pub objects: u64,
    /// Uploads to the report bucket that were not finished.
    pub uploads: u64,
}

impl Found {
    /// Whether there was nothing.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.objects += other.objects;
        self.uploads += other.uploads;
    }
}

/// What came of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What it found and removed.
    pub found: Found,
    /// Whether there are places that it has not looked at.
    pub more: bool,
}

/// Why there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is done.
    #[error("the erasure is done")]
    Finished,
    /// The pause is not over.
    #[error("nothing to do yet")]
    NotDue,
}

impl Erasure {
    /// An erasure that begins: the sweeper takes it up with its next run.
    pub fn begun(id: ErasureId, tenant: &str, requested_by: &str, now: Timestamp) -> Self {
        Self {
            id,
            tenant: tenant.to_owned(),
            state: State::Erasing,
            requested_at: now,
            requested_by: requested_by.to_owned(),
            removed: Found::default(),
            finished_at: None,
            due_at: Some(now),
        }
    }

    /// Whether there is something to look for now.
    pub fn may_look(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.due_at {
            None => Err(Refusal::Finished),
            Some(due) if due > now => Err(Refusal::NotDue),
            Some(_) => Ok(()),
        }
    }

    /// The row after a look. `lease` is that of a worker.
    pub fn looked(&self, look: Look, now: Timestamp, lease: SignedDuration) -> Result<Self, Refusal> {
        self.may_look(now)?;
        let mut next = self.clone();
        next.removed += look.found;
        next.due_at = Some(now);
        match self.state {
            _ if !look.found.is_nothing() => next.state = State::Erasing,
            _ if look.more => {}
            State::Erasing => {
                next.state = State::Confirming;
                next.due_at = Some(now + lease + MARGIN);
            }
            State::Confirming | State::Done => {
                next.state = State::Done;
                next.due_at = None;
                next.finished_at = Some(now);
            }
        }
        Ok(next)
    }

    /// As administrators see it.
    pub fn describe(&self) -> Value {
        json!({
            "id": self.id,
            "tenant": self.tenant,
            "state": self.state,
            "requested_at": self.requested_at,
            "requested_by": self.requested_by,
            "rows_removed": self.removed.rows,
            "objects_removed": self.removed.objects,
            "uploads_aborted": self.removed.uploads,
            "confirmed_from": self.due_at.filter(|_| self.state == State::Confirming),
            "finished_at": self.finished_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEASE: SignedDuration = SignedDuration::from_secs(90);
    const NOTHING: Look = Look { found: Found { rows: 0, objects: 0, uploads: 0 }, more: false };

    fn begun() -> Erasure {
        Erasure::begun(ErasureId::generate(), "acme", "an admin", Timestamp::UNIX_EPOCH)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn an_empty_tenant_is_gone_after_one_pause() {
        let confirming = begun().looked(NOTHING, at(5), LEASE).unwrap();
        assert_eq!((confirming.state, confirming.due_at), (State::Confirming, Some(at(155))));
        assert_eq!(confirming.looked(NOTHING, at(154), LEASE), Err(Refusal::NotDue));
        let done = confirming.looked(NOTHING, at(155), LEASE).unwrap();
        assert_eq!((done.state, done.due_at, done.finished_at), (State::Done, None, Some(at(155))));
        assert_eq!(done.looked(NOTHING, at(1000), LEASE), Err(Refusal::Finished));
    }

    #[test]
    fn what_turns_up_late_makes_it_pause_anew() {
        let confirming = begun().looked(NOTHING, at(0), LEASE).unwrap();
        let late = Look { found: Found { rows: 1, ..Found::default() }, more: false };
        let again = confirming.looked(late, at(200), LEASE).unwrap();
        assert_eq!((again.state, again.due_at, again.removed.rows), (State::Erasing, Some(at(200)), 1));
        assert_eq!(again.looked(NOTHING, at(201), LEASE).unwrap().due_at, Some(at(351)));
    }

    proptest! {
        /// Whatever is found: it is done only after two looks, a pause apart, between which nothing was found.
        #[test]
        fn nothing_is_done_that_was_not_confirmed(
            looks in proptest::collection::vec((0_u64..3, any::<bool>(), 0_i64..400), 1..40)
        ) {
            let (mut erasure, mut now, mut clean_since, mut removed) = (begun(), 0, None, 0);
            for (rows, more, wait) in looks {
                now += wait;
                let look = Look { found: Found { rows, ..Found::default() }, more };
                let Ok(next) = erasure.looked(look, at(now), LEASE) else { continue };
                removed += rows;
                if rows > 0 {
                    clean_since = None;
                } else if !more {
                    clean_since = clean_since.or(Some(now));
                }
                prop_assert_eq!(next.removed.rows, removed);
                prop_assert_eq!(next.due_at.is_none(), next.state == State::Done);
                prop_assert_eq!(next.finished_at.is_some(), next.state == State::Done);
                if next.state == State::Done {
                    prop_assert!(rows == 0 && !more);
                    prop_assert!(clean_since.is_some_and(|since| now - since >= 150));
                }
                erasure = next;
            }
        }
    }
}
