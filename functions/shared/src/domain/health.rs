//! How a receiver has fared: how many notifications it may be sent at a time, and when it is let alone.
//!
//! ```text
//! CLOSED ─10 failures in a row─▶ OPEN, 30 s ─time─▶ HALF-OPEN, one probe ─success─▶ CLOSED
//!                                 ▲ doubled, up to 15 min ──────failure──┘
//! ```
//!
//! A window of outcomes that is half failures halves the limit; a good one grows it back by one. What has not failed
//! of late leaves no trace, so that a receiver that is well costs no write.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Outcomes in a window.
pub const WINDOW: u32 = 20;

/// Failures in a row that open the circuit.
pub const OPENS_AFTER: u32 = 10;

/// How long the circuit is open at first, and at most.
pub const FIRST_OPEN: SignedDuration = SignedDuration::from_secs(30);
/// See [`FIRST_OPEN`].
pub const LONGEST_OPEN: SignedDuration = SignedDuration::from_mins(15);

/// An endpoint that has failed for so long without a success is called no more.
pub const DISABLES_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

/// What is remembered of a lane's outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Health {
    /// Whose.
    pub tenant: String,
    /// Which lane.
    pub lane: String,
    /// The window that fills.
    pub window: Window,
    /// The one before.
    pub before: Window,
    /// At a time at most; none: as many as its owner allows.
    pub limit: Option<u32>,
    /// Since the latest success.
    pub failures_in_row: u32,
    /// When the first of these was.
    pub failing_since: Option<Timestamp>,
    /// Present from the failure that opened the circuit to the next success.
    pub circuit: Option<Open>,
    /// When the next retry that is known of is due.
    #[serde(default)]
    pub next_retry_at: Option<Timestamp>,
    /// When any of it changed.
    pub changed_at: Timestamp,
    /// When the sweeper must wake what waits: at the circuit's end.
    pub due_at: Option<Timestamp>,
}

/// Outcomes, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Window {
    /// Outcomes.
    pub seen: u32,
    /// Failures among them.
    pub failed: u32,
}

/// That nothing is attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Open {
    /// Until then; after it, one probe at a time.
    pub until: Timestamp,
    /// How often it was opened without a success.
    pub times: u32,
}

/// Where the circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// Attempts are made.
    Closed,
    /// None is.
    Open {
        /// Until then.
        until: Timestamp,
    },
    /// One is, to see.
    HalfOpen,
}

/// What was seen, or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The receiver confirmed.
    Succeeded,
    /// The receiver failed, in a way that may pass.
    Failed {
        /// When that delivery is tried again.
        retry_at: Option<Timestamp>,
    },
    /// The sweeper has sent word to what waits.
    Roused,
}

/// What follows for the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is to be called no more.
    Disable {
        /// It has failed since then.
        since: Timestamp,
    },
}

impl Health {
    /// Of a lane of which nothing is known.
    pub fn new(tenant: &str, lane: &str, now: Timestamp) -> Self {
        Self {
            tenant: tenant.to_owned(),
            lane: lane.to_owned(),
            window: Window::default(),
            before: Window::default(),
            limit: None,
            failures_in_row: 0,
            failing_since: None,
            circuit: None,
            next_retry_at: None,
            changed_at: now,
            due_at: None,
        }
    }

    /// The whole machine. `concurrency` is what the lane's owner allows.
    pub fn apply(&self, event: Event, concurrency: u32, now: Timestamp) -> (Self, Vec<Effect>) {
        let (mut next, effects) = match event {
            Event::Succeeded => (self.succeeded(concurrency), vec![]),
            Event::Failed { retry_at } => self.failed(retry_at, concurrency, now),
            Event::Roused => (Self { due_at: None, ..self.clone() }, vec![]),
        };
        if next != *self {
            next.changed_at = now;
        }
        (next, effects)
    }

    fn succeeded(&self, concurrency: u32) -> Self {
        let mut next = self.clone();
        next.failures_in_row = 0;
        next.failing_since = None;
        next.circuit = None;
        next.due_at = None;
        let unremarkable = next.window.failed + next.before.failed == 0 && next.limit.is_none();
        if unremarkable {
            (next.window, next.before) = (Window::default(), Window::default());
        } else {
            next.count(false, concurrency);
        }
        next
    }

    fn failed(&self, retry_at: Option<Timestamp>, concurrency: u32, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut next = self.clone();
        next.failures_in_row = self.failures_in_row.saturating_add(1);
        let since = self.failing_since.unwrap_or(now);
        next.failing_since = Some(since);
        next.next_retry_at = self.next_retry_at.filter(|at| *at > now).into_iter().chain(retry_at).min();
        if next.failures_in_row >= OPENS_AFTER && now >= since + DISABLES_AFTER {
            // It begins anew once somebody resumes it.
            return (Self::new(&self.tenant, &self.lane, now), vec![Effect::Disable { since }]);
        }
        next.count(true, concurrency);
        let times = match self.circuit {
            None if next.failures_in_row >= OPENS_AFTER => Some(1),
            // A failure of what was under way when it opened says nothing new.
            Some(open) if open.until <= now => Some(open.times.saturating_add(1)),
            _ => None,
        };
        if let Some(times) = times {
            let until = now + open_for(times);
            next.circuit = Some(Open { until, times });
            next.due_at = Some(until);
        }
        (next, vec![])
    }

    fn count(&mut self, failed: bool, concurrency: u32) {
        self.window.seen += 1;
        self.window.failed += u32::from(failed);
        let Window { seen, failed } = self.window;
        if seen < WINDOW {
            return;
        }
        let allowed = self.limit.unwrap_or(concurrency).min(concurrency);
        if failed * 2 >= seen {
            self.limit = Some((allowed / 2).max(1));
        } else if failed * 10 <= seen {
            self.limit = Some(allowed + 1).filter(|limit| *limit < concurrency);
        }
        self.before = std::mem::take(&mut self.window);
    }

    /// Where the circuit stands.
    pub fn circuit(&self, now: Timestamp) -> Circuit {
        match self.circuit {
            None => Circuit::Closed,
            Some(open) if open.until > now => Circuit::Open { until: open.until },
            Some(_) => Circuit::HalfOpen,
        }
    }

    /// Attempts at a time at most, now.
    pub fn limit(&self, concurrency: u32, now: Timestamp) -> u32 {
        match self.circuit(now) {
            Circuit::Open { .. } => 0,
            Circuit::HalfOpen => 1.min(concurrency),
            Circuit::Closed => self.limit.unwrap_or(concurrency).min(concurrency),
        }
    }

    /// Failures among the latest outcomes (20 to 39, where there were so many), 0 to 1.
    pub fn error_rate(&self) -> f64 {
        let (seen, failed) = (self.window.seen + self.before.seen, self.window.failed + self.before.failed);
        f64::from(failed) / f64::from(seen.max(1))
    }
}

/// 30 s, 1 min, 2 min … 15 min.
fn open_for(times: u32) -> SignedDuration {
    let factor = 1_i32 << times.saturating_sub(1).min(10);
    (FIRST_OPEN * factor).min(LONGEST_OPEN)
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
