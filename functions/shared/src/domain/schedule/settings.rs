//! When a schedule runs, as its owner has it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Two runs never come closer than that.
pub const SMALLEST_INTERVAL: SignedDuration = SignedDuration::from_mins(5);

/// Longest name, in bytes.
pub const MAX_NAME: usize = 200;

/// When a schedule runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The instants.
    pub timing: Timing,
    /// IANA name of the zone whose clock and calendar count.
    pub time_zone: String,
    /// No run before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// No run after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// What becomes of instants that passed without a run.
    #[serde(default)]
    pub missed: MissedPolicy,
}

/// Instants, one way or another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// A cron expression of five fields.
    Cron(String),
    /// An interval, counted from an instant, which is itself one of the runs if it is still to come.
    Every {
        /// How long.
        every: Every,
        /// From when.
        anchor: Timestamp,
    },
    /// Once.
    At(Timestamp),
}

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Every {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
}

/// What an interval is counted in. Minutes and hours are time that passes; days and weeks are the calendar's, at the same
/// time by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// 60 seconds.
    Minutes,
    /// 60 minutes.
    Hours,
    /// Days of the calendar.
    Days,
    /// Seven of them.
    Weeks,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 4] = [Self::Minutes, Self::Hours, Self::Days, Self::Weeks];

    /// Name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
            Self::Weeks => "weeks",
        }
    }

    /// Least and greatest count: five minutes to about a year.
    pub const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Minutes => (5, 527_040),
            Self::Hours => (1, 8_784),
            Self::Days => (1, 366),
            Self::Weeks => (1, 52),
        }
    }
}

/// What becomes of instants that passed while the service could not run them. Those of a pause are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedPolicy {
    /// The latest is run if it passed only just now; the others are not.
    Skip,
    /// The latest is run, the others are not.
    #[default]
    Latest,
    /// Each is run, up to a bound.
    All,
}

impl MissedPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Latest, Self::All];

    /// Name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Latest => "latest",
            Self::All => "all",
        }
    }

    /// The policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}
