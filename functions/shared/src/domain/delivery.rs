//! The life of a delivery: one event to one receiver, over however many attempts.
//!
//! ```text
//! PENDING ─begin─▶ PENDING, leased ─end─▶ DELIVERED
//!    ▲                    │
//!    └──retryable─────────┴─▶ DEAD (schedule used up, or permanent) · EXPIRED (the file is gone)
//!                                            · CALLED_OFF (the endpoint is gone)
//! DEAD · DELIVERED ─redeliver─▶ PENDING      DEAD ─redrive─▶ PENDING
//! ```
//!
//! Whatever makes an ended delivery pending again raises its generation, and the schedule begins anew. A dead letter
//! counts only if it is of the row's generation: an old one revives nothing.
//!
//! An attempt's number is recorded by [`Event::Begin`] before the receiver is called and its outcome by
//! [`Event::End`] before the message is acknowledged, so a crash anywhere repeats an attempt at most.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    id::{DeliveryId, EndpointId, RecoveryId},
    message::Announcement,
    request::{HANDOFF_GRACE, Lease},
    retry::{self, Schedule},
};

/// How long dead letters are taken for an outage of ours.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// Where a delivery goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An HTTPS POST, signed with the tenant's webhook secret.
    Webhook {
        /// Where to.
        url: String,
    },
    /// A registered endpoint, by its settings at the time of each attempt.
    Endpoint {
        /// Which.
        id: EndpointId,
    },
}

impl Target {
    /// The registered endpoint, if it is one.
    pub const fn endpoint(&self) -> Option<EndpointId> {
        match self {
            Self::Endpoint { id } => Some(*id),
            Self::Webhook { .. } => None,
        }
    }

    /// What tells receivers apart in a delivery's id.
    pub fn identity(&self) -> String {
        match self {
            Self::Webhook { url } => url.clone(),
            Self::Endpoint { id } => id.to_string(),
        }
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// An attempt is due, under way or waiting for its time.
    Pending,
    /// The receiver has confirmed.
    Delivered,
    /// No attempt is left, or none can help.
    Dead,
    /// The file's life ended first.
    Expired,
    /// Its endpoint was deleted first.
    CalledOff,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Delivered, Self::Dead, Self::Expired, Self::CalledOff];

    /// Name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Dead => "DEAD",
            Self::Expired => "EXPIRED",
            Self::CalledOff => "CALLED_OFF",
        }
    }
}

/// How an ended delivery came to be pending again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revival {
    /// When.
    pub at: Timestamp,
    /// Attempts that were begun before.
    pub attempts_before: u32,
    /// The recovery that did it; none if somebody asked for this delivery, or redrove its letter.
    #[serde(default)]
    pub recovery: Option<RecoveryId>,
}

/// A delivery, as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Derived from event and receiver; also the `webhook-id`.
    pub id: DeliveryId,
    /// What is told.
    pub announcement: Announcement,
    /// To whom.
    pub target: Target,
    /// Where it stands.
    pub status: Status,
    /// Attempts begun, in all generations.
    pub attempts: u32,
    /// Raised by whatever makes it pending again, so that an old dead letter cannot revive it.
    pub generation: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// No attempt begins before.
    pub next_attempt_at: Option<Timestamp>,
    /// Present while an attempt is under way.
    pub lease: Option<Lease>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Outcome of the latest attempt, or why it is dead, for people.
    pub reason: Option<String>,
    /// When the sweeper must look.
    pub due_at: Option<Timestamp>,
    /// Times the sweeper has handed it to the queue since an attempt began.
    #[serde(default)]
    pub handoffs: u32,
    /// How this generation began; none in the first.
    #[serde(default)]
    pub revival: Option<Revival>,
    /// Present while it waits in its lane: since when its attempt is due.
    #[serde(default)]
    pub waits_since: Option<Timestamp>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver confirmed.
    Success,
    /// Another attempt may succeed.
    Retryable {
        /// For people, without internal detail.
        reason: String,
        /// What the receiver asked for.
        retry_after: Option<SignedDuration>,
    },
    /// No further attempt can help.
    Permanent {
        /// For people, without internal detail.
        reason: String,
    },
}

/// One attempt, as recorded for support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// Absent while under way, or for ever if the dispatcher died in it.
    pub finished_at: Option<Timestamp>,
    /// How long the exchange took.
    pub duration_ms: Option<u64>,
    /// Address that was dialled.
    pub address: Option<String>,
    /// Status of the receiver's answer.
    pub http_status: Option<u16>,
    /// How it ended: `success`, or the reason it failed.
    pub outcome: Option<String>,
    /// First KiB of the answer, redacted.
    pub response: Option<String>,
}

/// What happens to a delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A dispatcher wants to make the next attempt.
    Begin {
        /// Fresh token of this attempt.
        owner: String,
        /// How long it may hold the delivery.
        lease: SignedDuration,
    },
    /// The attempt is over.
    End {
        /// Token of the attempt.
        owner: String,
        /// How it ended.
        outcome: AttemptOutcome,
        /// 0..=1, from the shell's random source.
        jitter: f64,
    },
    /// Its lane has no room for its attempt, which is due: it waits there.
    Park {
        /// Until then nobody is called in that lane.
        until: Option<Timestamp>,
    },
    /// The sweeper found `due_at` near or past.
    Sweep,
    /// Its endpoint is there no more.
    CallOff,
    /// Somebody wants it made again.
    Redeliver {
        /// The recovery that it is part of.
        recovery: Option<RecoveryId>,
    },
    /// Its dead letter came back to the queue.
    Redrive {
        /// The letter's.
        generation: u32,
    },
    /// Its message ended in the dead-letter queue.
    DeadLetter,
    /// The dead-letter queue keeps its message.
    DeadLetterKept,
}

/// What the shell must do once the new row is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send the delivery's message, to arrive after this many seconds (0–900).
    Enqueue {
        /// SQS `DelaySeconds`.
        delay_seconds: u32,
    },
    /// Put a dead letter, then apply [`Event::DeadLetterKept`].
    KeepDeadLetter,
}

/// Why an event changes nothing; the shell acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another dispatcher's attempt is under way.
    #[error("another attempt is under way")]
    LeaseHeld,
    /// The caller's lease was taken over.
    #[error("the lease was lost")]
    LeaseLost,
    /// The delivery has ended.
    #[error("the delivery has ended")]
    Finished,
    /// There is nothing to do now.
    #[error("nothing to do yet")]
    NotDue,
    /// It is pending: there is nothing to make again.
    #[error("the delivery has not ended")]
    Unfinished,
    /// What it would tell of is gone.
    #[error("the file is gone")]
    FileGone,
    /// Its endpoint was deleted.
    #[error("the endpoint was deleted")]
    EndpointGone,
    /// The letter is of an earlier generation, or of a delivery that did not die.
    #[error("the dead letter is out of date")]
    OldLetter,
}

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
    /// over again. Only where that has not helped for a day beyond the whole schedule, nothing will.
    fn dead_letter(&self, now: Timestamp, schedule: &Schedule) -> Result<Step, Refusal> {
        self.require_pending()?;
        if self.lease_is_live(now) {
            return Err(Refusal::LeaseHeld);
        }
        let began = self.revival.as_ref().map_or(self.created_at, |revival| revival.at);
        if now < began + schedule.total() + PATIENCE {
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

#[cfg(test)]
#[path = "delivery_tests.rs"]
pub(crate) mod tests;
