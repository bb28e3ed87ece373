//! The machine itself: what each event makes of a delivery.

use jiff::{SignedDuration, Timestamp};

use super::{AttemptOutcome, Delivery, Effect, Event, PATIENCE, Refusal, Revival, Status, Target};
use crate::domain::{
    id::{DeliveryId, RecoveryId},
    message::Announcement,
    request::{HANDOFF_GRACE, Lease},
    retry::{self, Schedule},
};

/// The next row and what follows from it.
pub type Step = (Delivery, Vec<Effect>);

impl Delivery {
    /// A new delivery of `announcement`, its first attempt after the schedule's first wait.
    pub fn new(announcement: Announcement, target: Target, now: Timestamp, schedule: &Schedule) -> Self {
        let first = now + schedule.first_wait();
        Self {
            id: DeliveryId::derive(announcement.id, &target.identity()),
            announcement,
            target,
            status: Status::Pending,
            attempts: 0,
            generation: 0,
            created_at: now,
            next_attempt_at: Some(first),
            lease: None,
            finished_at: None,
            reason: None,
            // Whoever makes it hands it on at once; one that must wait first is parked.
            due_at: Some(if first > now { first } else { now + HANDOFF_GRACE }),
            handoffs: 0,
            revival: None,
            waits_since: None,
            feedback: vec![],
        }
    }

    /// The whole machine.
    pub fn apply(&self, event: Event, now: Timestamp, schedule: &Schedule) -> Result<Step, Refusal> {
        match event {
            Event::Begin { owner, lease } => self.begin(owner, lease, now, schedule),
            Event::End { owner, outcome, jitter } => self.end(&owner, outcome, jitter, now, schedule),
            Event::Park { until } => self.park(until, now),
            Event::Sweep => self.sweep(now),
            Event::CallOff => {
                self.require_pending()?;
                Ok(self.ended(Status::CalledOff, Some("The endpoint was deleted.".to_owned()), now))
            }
            Event::Redeliver { recovery } => self.redeliver(recovery, now),
            Event::Redrive { generation } => self.redrive(generation, now),
            Event::DeadLetter => self.dead_letter(now, schedule),
            Event::DeadLetterKept => self.dead_letter_kept(),
        }
    }

    fn begin(
        &self,
        owner: String,
        lease: SignedDuration,
        now: Timestamp,
        schedule: &Schedule,
    ) -> Result<Step, Refusal> {
        self.require_pending()?;
        if self.lease_is_live(now) {
            return Err(Refusal::LeaseHeld);
        }
        // What waits in its lane was due when it was parked; its lane decides.
        let early = self.next_attempt_at.is_some_and(|at| at > now + retry::CLOCK_TOLERANCE);
        if early && self.waits_since.is_none() {
            return Err(Refusal::NotDue);
        }
        if self.announcement.expires_at.is_some_and(|end| end <= now) {
            return Ok(self.ended(Status::Expired, Some("EXPIRED: the file's life has ended".to_owned()), now));
        }
        if self.tries() >= schedule.attempts() {
            // Attempts whose dispatcher died in them count too.
            return Ok(self.ended(Status::Dead, self.reason.clone(), now));
        }
        let until = now + lease;
        let mut next = self.clone();
        next.attempts += 1;
        next.handoffs = 0;
        next.lease = Some(Lease { owner, until });
        next.due_at = Some(until);
        next.waits_since = None;
        Ok((next, vec![]))
    }

    /// No attempt is counted. Whoever holds one of the lane's slots takes it up; the sweeper looks after it all the same.
    fn park(&self, until: Option<Timestamp>, now: Timestamp) -> Result<Step, Refusal> {
        self.require_pending()?;
        if self.lease_is_live(now) {
            return Err(Refusal::LeaseHeld);
        }
        if self.announcement.expires_at.is_some_and(|end| end <= now) {
            return Ok(self.ended(Status::Expired, Some("EXPIRED: the file's life has ended".to_owned()), now));
        }
        let due = self.next_attempt_at.unwrap_or(now);
        let at = until.map_or(due, |until| until.max(due));
        let mut next = self.clone();
        next.lease = None;
        next.waits_since = Some(self.waits_since.unwrap_or(due));
        next.next_attempt_at = Some(at);
        next.due_at = Some(at.max(now) + retry::MAX_QUEUE_DELAY);
        // From the longest grace on: a long queue is not multiplied.
        next.handoffs = next.handoffs.max(4);
        Ok((next, vec![]))
    }

    fn end(
        &self,
        owner: &str,
        outcome: AttemptOutcome,
        jitter: f64,
        now: Timestamp,
        schedule: &Schedule,
    ) -> Result<Step, Refusal> {
        self.require_pending()?;
        if self.lease.as_ref().is_none_or(|lease| lease.owner != owner) {
            return Err(Refusal::LeaseLost);
        }
        match outcome {
            AttemptOutcome::Success => Ok(self.ended(Status::Delivered, None, now)),
            AttemptOutcome::Permanent { reason } => Ok(self.ended(Status::Dead, Some(reason), now)),
            AttemptOutcome::Retryable { reason, retry_after } => {
                match schedule.wait_after(self.tries(), jitter, retry_after) {
                    None => Ok(self.ended(Status::Dead, Some(reason), now)),
                    Some(wait) => Ok(self.waits(wait, reason, now)),
                }
            }
        }
    }

    /// Waits that SQS can keep go to the queue at once; longer ones are parked for the sweeper.
    fn waits(&self, wait: SignedDuration, reason: String, now: Timestamp) -> Step {
        let at = now + wait;
        let mut next = self.clone();
        next.lease = None;
        next.reason = Some(reason);
        next.next_attempt_at = Some(at);
        if wait > retry::MAX_QUEUE_DELAY {
            next.due_at = Some(at);
            return (next, vec![]);
        }
        next.due_at = Some(at + HANDOFF_GRACE);
        (next, vec![Effect::Enqueue { delay_seconds: retry::delay_seconds(wait) }])
    }

    /// Hands a parked or lost delivery to the queue, with the exact delay where its time is near.
    fn sweep(&self, now: Timestamp) -> Result<Step, Refusal> {
        match self.status {
            Status::Pending => {}
            Status::Dead if self.due_at.is_some() => return Ok((self.clone(), vec![Effect::KeepDeadLetter])),
            _ => return Err(Refusal::Finished),
        }
        if self.lease_is_live(now) {
            return Err(Refusal::LeaseHeld);
        }
        let wait = self.next_attempt_at.map_or(SignedDuration::ZERO, |at| at.duration_since(now));
        let on_its_way = self.due_at.is_some_and(|due| due > now) && !self.is_parked();
        if on_its_way || wait > retry::MAX_QUEUE_DELAY {
            return Err(Refusal::NotDue);
        }
        let mut next = self.clone();
        next.lease = None;
        next.due_at = Some(now.max(self.next_attempt_at.unwrap_or(now)) + retry::handoff_grace(self.handoffs));
        next.handoffs += 1;
        Ok((next, vec![Effect::Enqueue { delay_seconds: retry::delay_seconds(wait) }]))
    }

    /// Whether no message is on its way: a parked row is due when its attempt is.
    fn is_parked(&self) -> bool {
        self.due_at == self.next_attempt_at
    }

    /// Receives are not attempts: a message may die of our own outage, while the row is due and will be handed
    /// over again. Only where that has not helped for a day beyond the whole schedule, and beyond the time of the next
    /// attempt, nothing will; and what waits for its lane has had no chance yet.
    fn dead_letter(&self, now: Timestamp, schedule: &Schedule) -> Result<Step, Refusal> {
        self.require_pending()?;
        if self.lease_is_live(now) {
            return Err(Refusal::LeaseHeld);
        }
        let began = self.revival.as_ref().map_or(self.created_at, |revival| revival.at);
        let expected = self.next_attempt_at.map_or(began, |next| next.max(began + schedule.total()));
        if self.waits_since.is_some() || now < expected + PATIENCE {
            return Err(Refusal::NotDue);
        }
        Ok(self.ended(
            Status::Dead,
            Some("The notification could not be processed after repeated tries.".to_owned()),
            now,
        ))
    }

    /// [`Event::Redeliver`], which needs no schedule: it is due at once.
    pub fn redeliver(&self, recovery: Option<RecoveryId>, now: Timestamp) -> Result<Step, Refusal> {
        match self.status {
            Status::Pending => Err(Refusal::Unfinished),
            Status::Expired => Err(Refusal::FileGone),
            Status::CalledOff => Err(Refusal::EndpointGone),
            Status::Delivered | Status::Dead => self.revived(recovery, now),
        }
    }

    fn redrive(&self, generation: u32, now: Timestamp) -> Result<Step, Refusal> {
        if self.status != Status::Dead || self.generation != generation {
            return Err(Refusal::OldLetter);
        }
        self.revived(None, now)
    }

    /// Due at once, with all of its schedule before it; attempts go on being numbered.
    fn revived(&self, recovery: Option<RecoveryId>, now: Timestamp) -> Result<Step, Refusal> {
        if self.announcement.expires_at.is_some_and(|end| end <= now) {
            return Err(Refusal::FileGone);
        }
        let mut next = self.clone();
        next.status = Status::Pending;
        next.generation += 1;
        next.revival = Some(Revival { at: now, attempts_before: self.attempts, recovery });
        next.next_attempt_at = Some(now);
        next.finished_at = None;
        next.due_at = Some(now + HANDOFF_GRACE);
        next.handoffs = 0;
        Ok((next, vec![Effect::Enqueue { delay_seconds: 0 }]))
    }

    fn dead_letter_kept(&self) -> Result<Step, Refusal> {
        if self.status != Status::Dead || self.due_at.is_none() {
            return Err(Refusal::Finished);
        }
        Ok((Self { due_at: None, ..self.clone() }, vec![]))
    }

    /// Attempts begun in this generation.
    pub fn tries(&self) -> u32 {
        self.attempts.saturating_sub(self.revival.as_ref().map_or(0, |revival| revival.attempts_before))
    }

    fn require_pending(&self) -> Result<(), Refusal> {
        if self.status == Status::Pending { Ok(()) } else { Err(Refusal::Finished) }
    }

    /// Whether an attempt may be under way.
    pub fn lease_is_live(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.until > now)
    }

    fn ended(&self, status: Status, reason: Option<String>, now: Timestamp) -> Step {
        let dead = status == Status::Dead;
        let mut next = self.clone();
        next.status = status;
        next.lease = None;
        next.waits_since = None;
        next.next_attempt_at = None;
        next.finished_at = Some(now);
        next.reason = reason;
        // Dead, but its letter is not yet kept: the sweeper sees to it if this process does not.
        next.due_at = dead.then(|| now + HANDOFF_GRACE);
        (next, if dead { vec![Effect::KeepDeadLetter] } else { vec![] })
    }
}
