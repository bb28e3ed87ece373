//! What an attempt came to, over whatever channel.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use waybill::domain::delivery::AttemptOutcome;

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// What it means for the delivery.
    pub outcome: AttemptOutcome,
    /// Status of the answer, if one came.
    pub http_status: Option<u16>,
    /// First KiB of the answer, redacted.
    pub response: Option<String>,
    /// Address that was dialled, with its port.
    pub address: Option<String>,
    /// How long the attempt took, in milliseconds.
    pub duration_ms: u64,
}

impl Attempted {
    /// An attempt that ended before the receiver was called, for a reason that may pass.
    pub fn not_made(reason: String) -> Self {
        Self::without_answer(retryable(reason, None), Instant::now())
    }

    /// An attempt that ended before the receiver was called, as every further one would.
    pub fn never_made(reason: String) -> Self {
        Self::without_answer(AttemptOutcome::Permanent { reason }, Instant::now())
    }

    /// An attempt that began then and got no answer.
    pub fn without_answer(outcome: AttemptOutcome, started: Instant) -> Self {
        let duration_ms = millis(started.elapsed());
        Self { outcome, http_status: None, response: None, address: None, duration_ms }
    }
}

/// Whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A failure that may pass.
pub const fn retryable(reason: String, retry_after: Option<SignedDuration>) -> AttemptOutcome {
    AttemptOutcome::Retryable { reason, retry_after }
}
