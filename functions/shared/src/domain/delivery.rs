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

mod machine;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::machine::Step;
use super::{
    email::{Content, feedback::Feedback},
    endpoint::Profile,
    id::{DeliveryId, EndpointId, RecoveryId},
    jira::IssueKey,
    message::Announcement,
    request::Lease,
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
        /// Body, further signatures, and the meaning of answers.
        #[serde(default, skip_serializing_if = "Profile::is_own")]
        profile: Profile,
        /// Headers that are sent along, by lower-case name; values sealed for the request's row.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    /// A registered endpoint, by its settings at the time of each attempt.
    Endpoint {
        /// Which.
        id: EndpointId,
    },
    /// The Jira of the tenant's settings, as they are at each attempt.
    Jira {
        /// The issue that gets a comment; none: an issue is made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issue: Option<IssueKey>,
    },
    /// A mail to each address.
    Email {
        /// Addresses as they were given; in a delivery, one.
        to: Vec<String>,
        /// What the mail says of what there is to say; settled when deliveries are made.
        #[serde(default, skip_serializing_if = "Content::is_whole")]
        content: Content,
    },
}

impl Target {
    /// A URL that is told in Waybill's own shape.
    pub fn webhook(url: impl Into<String>) -> Self {
        Self::Webhook { url: url.into(), profile: Profile::Waybill, headers: BTreeMap::new() }
    }

    /// A mail to each address.
    pub const fn email(to: Vec<String>) -> Self {
        Self::Email { to, content: Content::Whole }
    }

    /// The registered endpoint, if it is one.
    pub const fn endpoint(&self) -> Option<EndpointId> {
        match self {
            Self::Endpoint { id } => Some(*id),
            Self::Webhook { .. } | Self::Email { .. } | Self::Jira { .. } => None,
        }
    }

    /// What tells receivers apart in a delivery's id.
    pub fn identity(&self) -> String {
        match self {
            Self::Webhook { url, .. } => url.clone(),
            Self::Endpoint { id } => id.to_string(),
            Self::Jira { issue: None } => "jira".to_owned(),
            Self::Jira { issue: Some(issue) } => format!("jira {issue}"),
            Self::Email { to, content: Content::Password } => format!("mailto:{}#password", to.join(",")),
            Self::Email { to, .. } => format!("mailto:{}", to.join(",")),
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
    /// What the mail service told of its mails after it had taken them, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feedback: Vec<Feedback>,
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

#[cfg(test)]
#[path = "delivery_tests.rs"]
pub(crate) mod tests;
