//! The life of a report request.
//!
//! ```text
//! QUEUED ─claim─▶ RUNNING ─succeed─▶ SUCCEEDED ─expire─▶ EXPIRED
//!    ▲               │
//!    └─retryable─────┴─fail, attempts used up─▶ FAILED
//! ```
//!
//! [`Request::apply`] is the whole machine: a pure function that answers with the next row and its effects,
//! or with a named [`Refusal`]. A shell loads the row, applies, writes with a condition on what it read, and
//! carries the effects out. While a row has `due_at`, the sweeper looks at it then, so nothing is forgotten.

mod asked;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    definition::parameter::Value,
    delivery::Target,
    failure::{Failure, FailureCode},
    id::RequestId,
    message::EventKind,
    outcome::{Format, Packaging, ReportFile},
    retry,
};

pub use self::asked::Asked;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Recorded; waits for a worker.
    Queued,
    /// A worker holds, or has lost, its lease.
    Running,
    /// The file is there until `expires_at`.
    Succeeded,
    /// It ended without a file; `failure` says why.
    Failed,
    /// The file was deleted on time.
    Expired,
}

impl Status {
    /// Whether nothing but expiry can still happen.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// The right of one worker to carry a request or delivery on, until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Unique to one claim.
    pub owner: String,
    /// The lease is void from here on, unless renewed before.
    pub until: Timestamp,
}

/// A report request, as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Whose it is.
    pub tenant: String,
    /// Issuer-scoped subject, or operator's rule, that asked.
    pub requested_by: String,
    /// Id of the definition.
    pub report: String,
    /// Version of the definition that validated it.
    pub report_version: u32,
    /// Parameters as the caller gave them.
    pub parameters: serde_json::Value,
    /// What the SQL's placeholders are bound to.
    pub resolved: BTreeMap<String, Value>,
    /// How rows are written.
    pub format: Format,
    /// What the file is wrapped in.
    pub packaging: Packaging,
    /// Who is told at the end, if anybody.
    pub delivery: Option<Target>,
    /// Life of the file, from success on.
    pub retention_hours: u32,
    /// Where it stands.
    pub status: Status,
    /// Claims so far; also the part of the object key that keeps attempts apart.
    pub attempt: u32,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When the first worker claimed it.
    pub started_at: Option<Timestamp>,
    /// When it reached a final status.
    pub finished_at: Option<Timestamp>,
    /// Before this, no retry starts.
    pub retry_at: Option<Timestamp>,
    /// Present while RUNNING.
    pub lease: Option<Lease>,
    /// When the sweeper must look; none when there is nothing left to do.
    pub due_at: Option<Timestamp>,
    /// Times the sweeper has handed it to the queue again since it last moved.
    pub handoffs: u32,
    /// Present once SUCCEEDED.
    pub file: Option<ReportFile>,
    /// End of the file's and the link's life.
    pub expires_at: Option<Timestamp>,
    /// Capability of the managed link, sealed for this row.
    pub link_sealed: Option<String>,
    /// Present once FAILED; before that, the latest failed attempt.
    pub failure: Option<Failure>,
}

/// Settings of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Life of a lease, from claim or renewal.
    pub lease: SignedDuration,
    /// Claims at most.
    pub max_attempts: u32,
}

/// How long a hand-off to a queue may go unanswered before the sweeper repeats it.
pub const HANDOFF_GRACE: SignedDuration = SignedDuration::from_secs(60);

/// What happens to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A worker wants it.
    Claim {
        /// Fresh token of this claim.
        owner: String,
    },
    /// The holder is still at work.
    Renew {
        /// Token of its claim.
        owner: String,
    },
    /// The holder has uploaded the file.
    Succeed {
        /// Token of its claim.
        owner: String,
        /// What it made.
        file: ReportFile,
        /// Sealed capability of the link that is recorded with it.
        link_sealed: String,
    },
    /// The holder could not make the file.
    Fail {
        /// Token of its claim.
        owner: String,
        /// Why.
        failure: Failure,
        /// Whether another attempt may succeed by itself.
        transient: bool,
    },
    /// The sweeper found `due_at` near or past.
    Sweep,
    /// Its message ended in the dead-letter queue.
    DeadLetter,
    /// Its file was deleted after the end of its life.
    FileDeleted,
}

/// What the shell must do once the new row is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send the request's message, to arrive after this many seconds (0–900).
    Enqueue {
        /// SQS `DelaySeconds`.
        delay_seconds: u32,
    },
    /// Record the outbox event in the same transaction as the row, then hand it to the delivery queue.
    Announce(EventKind),
    /// Delete this object, then apply [`Event::FileDeleted`].
    DeleteFile(String),
}

/// Why an event changes nothing. Never an error of the row: the shell acknowledges and goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another worker's lease is live.
    #[error("another worker holds the lease")]
    LeaseHeld,
    /// The caller's lease was taken over, or has ended.
    #[error("the lease was lost")]
    LeaseLost,
    /// The request has ended.
    #[error("the request has ended")]
    Finished,
    /// There is nothing to do now.
    #[error("nothing to do yet")]
    NotDue,
}

/// The next row and what follows from it.
pub type Step = (Request, Vec<Effect>);

impl Request {
    /// The whole machine.
    pub fn apply(&self, event: Event, now: Timestamp, rules: &Rules) -> Result<Step, Refusal> {
        match event {
            Event::Claim { owner } => self.claim(owner, now, rules),
            Event::Renew { owner } => self.renew(owner, now, rules),
            Event::Succeed { owner, file, link_sealed } => self.succeed(&owner, file, link_sealed, now),
            Event::Fail { owner, failure, transient } => self.fail(&owner, failure, transient, now, rules),
            Event::Sweep => self.sweep(now),
            Event::DeadLetter => self.dead_letter(now),
            Event::FileDeleted => self.file_deleted(now),
        }
    }

    fn claim(&self, owner: String, now: Timestamp, rules: &Rules) -> Result<Step, Refusal> {
        match self.status {
            Status::Running if self.lease_is_live(now) => return Err(Refusal::LeaseHeld),
            Status::Queued | Status::Running => {}
            _ => return Err(Refusal::Finished),
        }
        if self.retry_at.is_some_and(|at| at > now + retry::CLOCK_TOLERANCE) {
            return Err(Refusal::NotDue);
        }
        if self.attempt >= rules.max_attempts {
            let failure = self.failure.clone().unwrap_or_else(|| {
                Failure::new(FailureCode::Internal, format!("The report was lost {} times while it ran.", self.attempt))
            });
            return Ok(self.ended(Status::Failed, Some(failure), now));
        }
        let until = now + rules.lease;
        let mut next = self.clone();
        next.status = Status::Running;
        next.attempt += 1;
        next.started_at = self.started_at.or(Some(now));
        next.lease = Some(Lease { owner, until });
        next.due_at = Some(until);
        next.retry_at = None;
        next.handoffs = 0;
        Ok((next, vec![]))
    }

    /// A holder whose lease ran out but was not taken over gets it back: nobody else has started.
    fn renew(&self, owner: String, now: Timestamp, rules: &Rules) -> Result<Step, Refusal> {
        self.require_holder(&owner)?;
        let until = now + rules.lease;
        let mut next = self.clone();
        next.lease = Some(Lease { owner, until });
        next.due_at = Some(until);
        Ok((next, vec![]))
    }

    fn succeed(&self, owner: &str, file: ReportFile, link_sealed: String, now: Timestamp) -> Result<Step, Refusal> {
        self.require_holder(owner)?;
        let (mut next, effects) = self.ended(Status::Succeeded, None, now);
        let expires_at = now + SignedDuration::from_hours(i64::from(self.retention_hours));
        next.file = Some(file);
        next.link_sealed = Some(link_sealed);
        next.expires_at = Some(expires_at);
        next.due_at = Some(expires_at);
        Ok((next, effects))
    }

    fn fail(
        &self,
        owner: &str,
        failure: Failure,
        transient: bool,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<Step, Refusal> {
        self.require_holder(owner)?;
        if !transient || self.attempt >= rules.max_attempts {
            return Ok(self.ended(Status::Failed, Some(failure), now));
        }
        let delay = retry::backoff(self.attempt);
        let mut next = self.clone();
        next.status = Status::Queued;
        next.lease = None;
        next.failure = Some(failure);
        next.retry_at = Some(now + delay);
        next.due_at = Some(now + delay + HANDOFF_GRACE);
        Ok((next, vec![Effect::Enqueue { delay_seconds: retry::delay_seconds(delay) }]))
    }

    fn sweep(&self, now: Timestamp) -> Result<Step, Refusal> {
        match self.status {
            Status::Queued => {
                // The row is due a grace after its message should have arrived: before that it is on its way.
                if self.due_at.is_none_or(|due| due > now) {
                    return Err(Refusal::NotDue);
                }
                Ok(self.handed_off_again(now))
            }
            Status::Running if self.lease_is_live(now) => Err(Refusal::NotDue),
            Status::Running => Ok(self.handed_off_again(now)),
            Status::Succeeded => match (&self.file, self.expires_at) {
                (Some(file), Some(end)) if end <= now => Ok((self.clone(), vec![Effect::DeleteFile(file.key.clone())])),
                _ => Err(Refusal::NotDue),
            },
            Status::Failed | Status::Expired => Err(Refusal::Finished),
        }
    }

    fn dead_letter(&self, now: Timestamp) -> Result<Step, Refusal> {
        if self.status.is_final() {
            return Err(Refusal::Finished);
        }
        if self.lease_is_live(now) {
            return Err(Refusal::LeaseHeld);
        }
        let failure = Failure::new(FailureCode::Internal, "The report could not be started after repeated tries.");
        Ok(self.ended(Status::Failed, Some(failure), now))
    }

    fn file_deleted(&self, now: Timestamp) -> Result<Step, Refusal> {
        if self.status != Status::Succeeded || self.expires_at.is_none_or(|end| end > now) {
            return Err(Refusal::NotDue);
        }
        let mut next = self.clone();
        next.status = Status::Expired;
        next.link_sealed = None;
        next.due_at = None;
        Ok((next, vec![]))
    }

    /// Whether somebody may be at work on it.
    pub fn lease_is_live(&self, now: Timestamp) -> bool {
        self.status == Status::Running && self.lease.as_ref().is_some_and(|lease| lease.until > now)
    }

    fn require_holder(&self, owner: &str) -> Result<(), Refusal> {
        match &self.lease {
            Some(lease) if self.status == Status::Running && lease.owner == owner => Ok(()),
            _ => Err(Refusal::LeaseLost),
        }
    }

    fn handed_off_again(&self, now: Timestamp) -> Step {
        let mut next = self.clone();
        next.handoffs += 1;
        next.due_at = Some(now + retry::handoff_grace(next.handoffs));
        (next, vec![Effect::Enqueue { delay_seconds: 0 }])
    }

    fn ended(&self, status: Status, failure: Option<Failure>, now: Timestamp) -> Step {
        let kind = if status == Status::Failed { EventKind::ReportFailed } else { EventKind::ReportSucceeded };
        let mut next = self.clone();
        next.status = status;
        next.finished_at = Some(now);
        next.lease = None;
        next.retry_at = None;
        next.due_at = None;
        next.failure = failure;
        (next, vec![Effect::Announce(kind)])
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
pub(super) mod tests;
