//! The recovery of an endpoint: every delivery to it that died since a time is made again, as a job that outlives
//! crashes.
//!
//! ```text
//! RUNNING ─a piece, with more behind it─▶ RUNNING ─the last piece─▶ DONE
//!    └────────the endpoint was deleted────▶ STOPPED
//! ```
//!
//! The sweeper walks the tenant's deliveries in order of their ids, from the one after the last that it looked at. What
//! it makes pending again bears the recovery's id, so a piece that is looked at twice counts, and revives, once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    delivery::{Delivery, Status},
    id::{DeliveryId, EndpointId, RecoveryId},
};

/// A recovery, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Its id.
    pub id: RecoveryId,
    /// Whose.
    pub tenant: String,
    /// Of which endpoint.
    pub endpoint: EndpointId,
    /// Deliveries made before are left alone.
    pub since: Timestamp,
    /// When it was asked for; deliveries made after are left alone too.
    pub requested_at: Timestamp,
    /// Who asked.
    pub requested_by: String,
    /// Where it stands.
    pub state: State,
    /// What it has done so far.
    pub progress: Progress,
    /// The last delivery that it looked at.
    pub after: Option<DeliveryId>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When the sweeper goes on; none once it has ended.
    pub due_at: Option<Timestamp>,
}

/// Where a recovery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// There are deliveries that it has not looked at.
    Running,
    /// It has looked at all.
    Done,
    /// Its endpoint was deleted first.
    Stopped,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Stopped];
}

/// Deliveries, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// That were dead when it came to them.
    pub found: u64,
    /// Of these, made pending again.
    pub redelivered: u64,
    /// Of these, left as they are: what they tell of is gone.
    pub skipped: u64,
}

/// What is to be done about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is not dead, or not of this recovery's time.
    Leave,
    /// It is to be redelivered.
    Redeliver,
    /// An earlier look at the same piece has redelivered it.
    Counted,
}

/// What came of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was none of this recovery's.
    Left,
    /// It is pending again.
    Redelivered,
    /// It cannot be made again.
    Skipped,
}

/// The recovery has ended; there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the recovery has ended")]
pub struct Ended;

impl Recovery {
    /// A recovery that begins: the sweeper takes it up with its next run.
    pub fn begun(
        id: RecoveryId,
        (tenant, endpoint): (&str, EndpointId),
        since: Timestamp,
        requested_by: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            tenant: tenant.to_owned(),
            endpoint,
            since,
            requested_at: now,
            requested_by: requested_by.to_owned(),
            state: State::Running,
            progress: Progress::default(),
            after: None,
            finished_at: None,
            due_at: Some(now),
        }
    }

    /// What is to be done about `delivery`, which goes to this recovery's endpoint.
    pub fn verdict(&self, delivery: &Delivery) -> Verdict {
        if delivery.created_at < self.since || delivery.created_at > self.requested_at {
            return Verdict::Leave;
        }
        if delivery.revival.as_ref().is_some_and(|revival| revival.recovery == Some(self.id)) {
            return Verdict::Counted;
        }
        if delivery.status == Status::Dead { Verdict::Redeliver } else { Verdict::Leave }
    }

    /// The row after a piece: what came of its deliveries, the last of them, and whether there are more.
    pub fn advanced(
        &self,
        outcomes: &[Outcome],
        last: Option<DeliveryId>,
        more: bool,
        now: Timestamp,
    ) -> Result<Self, Ended> {
        let mut next = self.running()?;
        for outcome in outcomes {
            let progress = &mut next.progress;
            match outcome {
                Outcome::Left => continue,
                Outcome::Redelivered => progress.redelivered += 1,
                Outcome::Skipped => progress.skipped += 1,
            }
            progress.found += 1;
        }
        next.after = last.or(self.after);
        next.due_at = Some(now);
        Ok(if more { next } else { next.ended(State::Done, now) })
    }

    /// The row once its endpoint is gone.
    pub fn stopped(&self, now: Timestamp) -> Result<Self, Ended> {
        Ok(self.running()?.ended(State::Stopped, now))
    }

    fn running(&self) -> Result<Self, Ended> {
        if self.state == State::Running { Ok(self.clone()) } else { Err(Ended) }
    }

    fn ended(self, state: State, now: Timestamp) -> Self {
        Self { state, finished_at: Some(now), due_at: None, ..self }
    }

    /// As its tenant sees it.
    pub fn describe(&self) -> Value {
        json!({
            "id": self.id,
            "endpoint": self.endpoint,
            "state": self.state,
            "since": self.since,
            "requested_at": self.requested_at,
            "requested_by": self.requested_by,
            "found": self.progress.found,
            "redelivered": self.progress.redelivered,
            "skipped": self.progress.skipped,
            "finished_at": self.finished_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        delivery::{Event, Refusal, tests::pending},
        retry::Schedule,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn begun() -> Recovery {
        let endpoint = EndpointId::generate();
        Recovery::begun(RecoveryId::generate(), ("acme", endpoint), at(-10), "somebody", at(100))
    }

    fn delivery(status: Status, created_at: i64, expires_at: Option<i64>) -> Delivery {
        Delivery { status, created_at: at(created_at), ..pending(expires_at.map(at)) }
    }

    /// Looks at a delivery as the sweeper does.
    fn look(recovery: &Recovery, delivery: &mut Delivery) -> Outcome {
        match recovery.verdict(delivery) {
            Verdict::Leave => Outcome::Left,
            Verdict::Counted => Outcome::Redelivered,
            Verdict::Redeliver => {
                let event = Event::Redeliver { recovery: Some(recovery.id) };
                match delivery.apply(event, at(100), &Schedule::parse("0").unwrap()) {
                    Ok((next, _)) => {
                        *delivery = next;
                        Outcome::Redelivered
                    }
                    Err(Refusal::FileGone) => Outcome::Skipped,
                    Err(refusal) => panic!("{refusal}"),
                }
            }
        }
    }

    #[test]
    fn the_dead_of_its_time_are_recovered_and_no_others() {
        let recovery = begun();
        let cases = [
            (delivery(Status::Dead, 0, None), Outcome::Redelivered),
            (delivery(Status::Dead, 0, Some(101)), Outcome::Redelivered),
            (delivery(Status::Dead, 0, Some(100)), Outcome::Skipped),
            (delivery(Status::Dead, -11, None), Outcome::Left),
            (delivery(Status::Dead, 101, None), Outcome::Left),
            (delivery(Status::Delivered, 0, None), Outcome::Left),
            (delivery(Status::Pending, 0, None), Outcome::Left),
            (delivery(Status::Expired, 0, None), Outcome::Left),
            (delivery(Status::CalledOff, 0, None), Outcome::Left),
        ];
        for (mut delivery, expected) in cases {
            assert_eq!(look(&recovery, &mut delivery), expected, "{delivery:?}");
        }
    }

    #[test]
    fn an_endpoint_that_is_gone_stops_it() {
        let stopped = begun().stopped(at(101)).unwrap();
        assert_eq!((stopped.state, stopped.due_at, stopped.finished_at), (State::Stopped, None, Some(at(101))));
        assert_eq!(stopped.advanced(&[], None, true, at(102)), Err(Ended));
        assert_eq!(stopped.stopped(at(102)), Err(Ended));
    }

    proptest! {
        /// Pieces of any size, each of which may be lost after its deliveries were written: every dead delivery is
        /// revived once, and counted once.
        #[test]
        fn crashes_neither_revive_nor_count_twice(
            dead in proptest::collection::vec(any::<bool>(), 0..30),
            pieces in proptest::collection::vec((1_usize..8, any::<bool>()), 1..40),
        ) {
            let status = |dead| if dead { Status::Dead } else { Status::Delivered };
            let mut deliveries: Vec<Delivery> = dead.iter().map(|dead| delivery(status(*dead), 0, None)).collect();
            deliveries.sort_by_key(|delivery| delivery.id);
            let mut recovery = begun();
            // The last ones are never lost, so that it ends.
            let certain = std::iter::repeat_n((8, false), 5);
            for (size, lost) in pieces.into_iter().chain(certain) {
                let left = deliveries.iter_mut().filter(|delivery| recovery.after.is_none_or(|after| delivery.id > after));
                let mut left: Vec<&mut Delivery> = left.collect();
                let more = left.len() > size;
                left.truncate(size);
                let outcomes: Vec<Outcome> = left.iter_mut().map(|delivery| look(&recovery, delivery)).collect();
                let last = left.last().map(|delivery| delivery.id);
                let Ok(next) = recovery.advanced(&outcomes, last, more, at(200)) else { break };
                if !lost {
                    recovery = next;
                }
            }
            let count = dead.iter().filter(|dead| **dead).count() as u64;
            prop_assert_eq!(recovery.state, State::Done);
            prop_assert_eq!(recovery.progress, Progress { found: count, redelivered: count, skipped: 0 });
            prop_assert!(deliveries.iter().all(|delivery| delivery.generation <= 1));
        }
    }
}
