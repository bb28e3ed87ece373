//! Schedules: reports that are asked for at times of a calendar, not by a call.
//!
//! ```text
//! ACTIVE ─pause─▶ PAUSED ─resume─▶ ACTIVE ─no instant left─▶ ENDED
//!  │ ▲
//!  └─┘ due: an instant is run, or passed over
//! ```
//!
//! [`Schedule::apply`] is the machine: `next_run` is the truth about what comes next, computed here by [`Calendar`], and what
//! wakes the service at that instant only makes it look at the row. So it does not matter who wakes it, how often or how late.

mod calendar;
mod cron;
mod machine;
mod run;
mod settings;
mod zone;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    calendar::{Calendar, InvalidSettings},
    cron::{Cron, InvalidCron},
    machine::{Effect, Event, MOST_CAUGHT_UP, Refusal, SKIP_GRACE, Step, WAKE_GRACE},
    run::{Missed, Outcome, Run, run_id},
    settings::{Every, MAX_NAME, MissedPolicy, SMALLEST_INTERVAL, Settings, Timing, Unit},
    zone::{UnknownZone, Zone},
};
use super::{
    endpoint::Profile,
    id::{RequestId, ScheduleId},
    interface::{Interface, Terms},
    licence::SeatAsk,
    link::LinkPolicy,
    request::Deed,
};

/// The run of a schedule that a request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// Which schedule.
    pub schedule: ScheduleId,
    /// The instant that it was due at; with the schedule, the run's identity.
    pub at: Timestamp,
    /// IANA name of the zone whose calendar relative dates are reckoned in, as of `at`.
    pub time_zone: String,
}

/// Where a schedule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// It runs at `next_run`.
    Active,
    /// Somebody holds it: instants pass without a run.
    Paused,
    /// No instant is left.
    Ended,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Ended];
}

/// A schedule: what is asked for, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its id.
    pub id: ScheduleId,
    /// Whose it is.
    pub tenant: String,
    /// When it runs.
    pub settings: Settings,
    /// What each run asks for.
    pub order: StandingOrder,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When its settings were last written.
    pub updated_at: Timestamp,
    /// SHA-256 of what it was made from, so that a repeat of that call is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Present while PAUSED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Deed>,
    /// The instant that is to be run next; present while ACTIVE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<Timestamp>,
    /// When the sweeper looks whether that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Times the sweeper has handed it over since it last moved.
    #[serde(default)]
    pub handoffs: u32,
    /// What came of the latest instant that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
    /// Runs that were refused since one was recorded.
    #[serde(default)]
    pub refused_in_a_row: u32,
}

/// What each run of a schedule asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandingOrder {
    /// What the body of `POST /v1/requests` would be, as JSON text: a number in it stays as it was written.
    pub request: String,
    /// What the interface settled that it was made through.
    #[serde(default)]
    pub terms: StandingTerms,
    /// The licence seat that each run takes, where it needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<SeatAsk>,
}

/// What an interface settles for every run of a schedule; of [`Terms`] what is not of one request alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StandingTerms {
    /// Which interface.
    #[serde(default, skip_serializing_if = "Interface::is_own")]
    pub interface: Interface,
    /// What it keeps with each request, for its own answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<serde_json::Value>,
    /// Shape of the notification to a URL that the request itself names.
    #[serde(default)]
    pub profile: Profile,
    /// How the file is fetched; none: as the tenant has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkPolicy>,
    /// Life of the file in hours; none: as the tenant has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_hours: Option<u32>,
}

impl StandingTerms {
    /// The terms of one run.
    pub fn on(&self, occasion: Occasion) -> Terms {
        Terms {
            interface: self.interface,
            keeps: self.keeps.clone(),
            profile: self.profile,
            link: self.link,
            retention_hours: self.retention_hours,
            occasion: Some(occasion),
            ..Terms::default()
        }
    }
}

/// The latest run, in short; the history has the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Which instant.
    pub at: Timestamp,
    /// The request that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// Code of the problem for which it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

#[cfg(test)]
mod calendar_tests;
#[cfg(test)]
mod machine_tests;
