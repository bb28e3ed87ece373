//! The life of a report request.
//!
//! ```text
//! QUEUED ─claim─▶ RUNNING ─succeed─▶ SUCCEEDED or, where a check fails, DIVERGENT ─expire, delete─▶ EXPIRED
//!  │ ▲ │             │ │
//!  │ │ └───cancel────┼─┴─▶ CANCELLED
//!  │ └──retryable────┤
//!  └──dead letter────┴─fail, attempts used up─▶ FAILED
//! ```
//!
//! A QUEUED request whose tenant has no free slot is parked: `waiting`, until a slot is freed and its turn comes.
//!
//! A request with `answer_by` is one that somebody waits for: it is run at once or not at all. From that time on nobody
//! claims it, no failure of it is tried again, and what has not ended is ended by the sweeper.
//!
//! [`Request::apply`] is the whole machine: a pure function that answers with the next row and its effects,
//! or with a named [`Refusal`]. A shell loads the row, applies, writes with a condition on what it read, and
//! carries the effects out. While a row has `due_at`, the sweeper looks at it then, so nothing is forgotten.

mod asked;
mod machine;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use uuid::Uuid;

use super::{
    check::CheckOutcome,
    definition::parameter::Value,
    delivery::Target,
    empty::WhenEmpty,
    failure::Failure,
    filter::Filter,
    id::RequestId,
    interface::Interface,
    link::LinkPolicy,
    message::EventKind,
    outcome::{Format, Packaging, ReportFile},
    schedule::Occasion,
    style::Style,
    wrapping::Wrapping,
};

pub use self::{
    asked::{Asked, Receipt},
    machine::Step,
};

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
    /// The file is there until `expires_at`, but a check of the definition did not hold; `checks` says which.
    Divergent,
    /// It ended without a file; `failure` says why.
    Failed,
    /// It was called off before its end.
    Cancelled,
    /// The file is gone: on time, or because somebody deleted it, as `deletion` then says.
    Expired,
}

impl Status {
    /// Whether nothing but expiry can still happen.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// Whether there is a file to fetch.
    pub const fn has_file(self) -> bool {
        matches!(self, Self::Succeeded | Self::Divergent)
    }

    /// Every status.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::Divergent, Self::Failed, Self::Cancelled, Self::Expired];

    /// Name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Divergent => "DIVERGENT",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// Who calls a request off that nobody waits for any more.
pub const BY_SERVICE: &str = "waybill";

/// What somebody did to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who: issuer and subject, API key, or the service itself.
    pub by: String,
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
    /// What relative dates came to when it was recorded, by parameter, as a caller would have given it.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub reckoned: serde_json::Map<String, serde_json::Value>,
    /// Which rows of the output are wanted; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// How rows are written.
    pub format: Format,
    /// What the file is wrapped in.
    pub packaging: Packaging,
    /// How it is wrapped.
    #[serde(default)]
    pub wrapping: Wrapping,
    /// What is written otherwise than the definition says.
    #[serde(default)]
    pub style: Style,
    /// Who is told at the end, if anybody.
    pub delivery: Option<Target>,
    /// What they are told if there are no rows.
    #[serde(default, skip_serializing_if = "WhenEmpty::is_send")]
    pub when_empty: WhenEmpty,
    /// The presenter on whose behalf it was asked for.
    #[serde(default)]
    pub presenter_id: Uuid,
    /// The request that this one repeats.
    #[serde(default)]
    pub repeats: Option<RequestId>,
    /// Life of the file, from success on.
    pub retention_hours: u32,
    /// How the file is fetched.
    #[serde(default)]
    pub link: LinkPolicy,
    /// The interface that it was asked for through.
    #[serde(default, skip_serializing_if = "Interface::is_own")]
    pub interface: Interface,
    /// What that interface keeps with it, for its own answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<serde_json::Value>,
    /// Somebody waits for the file until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_by: Option<Timestamp>,
    /// The run of a schedule that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<Occasion>,
    /// Digest of the key whose licence seat it holds until its end, if it needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Claims so far; also the part of the object key that keeps attempts apart.
    pub attempt: u32,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When the first worker claimed it.
    pub started_at: Option<Timestamp>,
    /// When the attempt under way, or the last one, was claimed.
    #[serde(default)]
    pub attempt_started_at: Option<Timestamp>,
    /// Parked until its tenant has a free slot.
    #[serde(default)]
    pub waiting: bool,
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
    /// Present once SUCCEEDED or DIVERGENT.
    pub file: Option<ReportFile>,
    /// What came of the definition's checks.
    #[serde(default)]
    pub checks: Vec<CheckOutcome>,
    /// End of the file's and the link's life.
    pub expires_at: Option<Timestamp>,
    /// Capability of the managed link that came with the file, sealed for this row.
    pub link_sealed: Option<String>,
    /// Password of its archive, sealed for this row, where one was made for it.
    #[serde(default)]
    pub password_sealed: Option<String>,
    /// Present once FAILED; before that, the latest failed attempt.
    pub failure: Option<Failure>,
    /// Present once CANCELLED.
    #[serde(default)]
    pub cancellation: Option<Deed>,
    /// Present if somebody deleted the file before its time.
    #[serde(default)]
    pub deletion: Option<Deed>,
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

/// How long the file of a request that somebody waits for lies after the time of the answer, should that be lost.
pub const ANSWER_GRACE: SignedDuration = SignedDuration::from_secs(60);

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
        file: Box<ReportFile>,
        /// What came of the definition's checks.
        checks: Vec<CheckOutcome>,
        /// What only a keyring opens.
        sealed: Sealed,
    },
    /// A worker wanted it, but its tenant has no free slot.
    Park,
    /// Somebody calls it off.
    Cancel {
        /// Who.
        by: String,
    },
    /// Somebody wants its file gone.
    Delete {
        /// Who.
        by: String,
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
    /// What [`Effect::DeleteFile`] names is gone.
    FileDeleted,
}

/// What goes with a file and stays sealed in its request's row until the file is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealed {
    /// Capability of the managed link that is recorded with it, if it is one.
    pub link: Option<String>,
    /// Password of its archive, if one was made for it.
    pub password: Option<String>,
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
    /// It is not over yet.
    #[error("the request has not ended")]
    Unfinished,
    /// There is no file.
    #[error("the request has no file")]
    NoFile,
    /// Whoever waited for it has been answered.
    #[error("it is too late for the answer")]
    TooLate,
}

#[cfg(test)]
#[path = "request_tests.rs"]
pub(crate) mod tests;
