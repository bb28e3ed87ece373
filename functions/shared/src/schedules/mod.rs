//! How schedules come to be and change, whoever asks, and how their runs become requests.
//!
//! The own API, other interfaces and the intake all end here. The order of things is always the same: the row is written,
//! conditioned on what was read; then the one-shot that wakes the service is armed. If that fails, the run comes by the
//! sweeper, a minute or two late.

mod due;
mod read;
mod refusal;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

pub use self::{
    due::{MAX_STEPS, RunError},
    read::{Ask, FIELDS, TIMINGS},
};
use crate::{
    accept::{Accepted, Acceptor, Fault, Order, Preview, Rejected},
    aws::{
        one_shots::OneShots,
        table::{
            Stored, TableError, Write,
            keys::{Key, SCHEDULES},
        },
    },
    digest::sha256_hex,
    domain::{
        id::{RequestId, ScheduleId},
        licence::SeatAsk,
        schedule::{
            Calendar, Effect, Event, InvalidSettings, Occasion, Refusal, Schedule, Settings, StandingOrder,
            StandingTerms,
        },
        tenant::Tenant,
    },
};

/// Most schedules of one tenant. Two made at the same moment may exceed it by one, which harms nothing.
pub const MOST: i32 = 200;

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 5;

/// Everything that schedules need.
#[derive(Clone, Copy)]
pub struct Schedules<'a> {
    /// How their requests come to be.
    pub acceptor: &'a Acceptor,
    /// What wakes the service for them.
    pub one_shots: &'a OneShots,
}

/// What each run is to ask for, in whose name.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// For whom.
    pub tenant: &'a Tenant,
    /// Who asks.
    pub by: &'a str,
    /// What the body of `POST /v1/requests` would be.
    pub request: &'a Json,
    /// What the interface that it comes through settles.
    pub terms: &'a StandingTerms,
    /// The licence seat that each run takes, where it needs one.
    pub seat: Option<&'a SeatAsk>,
}

impl Standing<'_> {
    fn order(&self) -> StandingOrder {
        StandingOrder { request: self.request.to_string(), terms: self.terms.clone(), seat: self.seat.cloned() }
    }
}

/// A schedule to be made.
#[derive(Debug, Clone)]
pub struct NewSchedule<'a> {
    /// What it asks for.
    pub standing: Standing<'a>,
    /// When.
    pub settings: Settings,
    /// The caller's word for this very schedule, and what came with it.
    pub once: Option<(&'a str, &'a Json)>,
}

/// What became of a schedule to be made.
#[derive(Debug, Clone, PartialEq)]
pub enum Made {
    /// It was made.
    New(Stored<Schedule>),
    /// It was made before, with the same word. As it is now.
    Before(Stored<Schedule>),
}

/// Why a schedule was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// What it asks for, or when, is not right; every fault at once. Those of the request stand under `/request`.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The tenant has [`MOST`].
    #[error("the tenant has {MOST} schedules")]
    TooMany,
    /// It cannot be done as it stands.
    #[error(transparent)]
    State(#[from] Refusal),
    /// Its settings are of another release.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
}

impl From<TableError> for Refused {
    fn from(error: TableError) -> Self {
        Self::Rejected(error.into())
    }
}

impl Schedules<'_> {
    /// Whether a run would be accepted now, and what it would be: nothing is recorded, no seat taken, no quota looked at.
    pub async fn check(
        &self,
        standing: &Standing<'_>,
        occasion: Occasion,
        now: Timestamp,
    ) -> Result<Preview, Rejected> {
        let mut body = standing.request.clone();
        let mut faults = Vec::new();
        if let Some(fields) = body.as_object_mut() {
            for name in ["validate_only", "coalesce"] {
                if fields.remove(name).is_some_and(|value| !value.is_null()) {
                    let detail = "Not in a schedule: each run is recorded, and is its own.";
                    faults.push(Fault::new(format!("/request/{name}"), "not_allowed", detail));
                }
            }
            fields.insert("validate_only".to_owned(), json!(true));
        }
        let terms = standing.terms.on(occasion);
        let order = Order {
            tenant: standing.tenant,
            by: standing.by,
            id: RequestId::generate(),
            body: &body,
            idempotency_key: None,
            repeats: None,
            terms: &terms,
            seat: None,
        };
        let found = match self.acceptor.accept(order, now).await {
            Ok(Accepted::Valid(preview)) if faults.is_empty() => return Ok(*preview),
            Ok(_) => vec![],
            Err(Rejected::Invalid(found)) => found,
            Err(Rejected::UnknownReport(_)) => {
                let detail = "There is no such report; GET /v1/reports lists those you may ask for.";
                vec![Fault::new("/report", "report_not_found", detail)]
            }
            Err(other) => return Err(other),
        };
        faults.extend(found.into_iter().map(|f| Fault { pointer: format!("/request{}", f.pointer), ..f }));
        Err(Rejected::Invalid(faults))
    }

    /// Makes a schedule, if each of its runs would be accepted as things are.
    pub async fn create(&self, new: NewSchedule<'_>, now: Timestamp) -> Result<Made, Refused> {
        let NewSchedule { standing, settings, once } = new;
        let tenant = &standing.tenant.id;
        let id = once.map_or_else(ScheduleId::generate, |(key, _)| ScheduleId::of_key(tenant, key));
        let made_from = once.map(|(_, body)| sha256_hex(body.to_string().as_bytes()));
        if once.is_some()
            && let Some(known) = self.load(tenant, id).await?
        {
            return known_before(known, made_from.as_deref());
        }
        let schedule = self.draft(&standing, id, settings, now).await?;
        let schedule = Schedule { made_from, ..schedule };
        let known = self.acceptor.table.keys(&Key::tenant(tenant).pk, SCHEDULES, MOST).await?;
        if i32::try_from(known.len()).is_ok_and(|known| known >= MOST) {
            return Err(Refused::TooMany);
        }
        match self.acceptor.table.write(vec![Write::insert(&schedule)?]).await {
            Ok(()) => {}
            Err(TableError::Conflict) if once.is_some() => {
                let known = self.load(tenant, id).await?.ok_or(TableError::Conflict)?;
                return known_before(known, schedule.made_from.as_deref());
            }
            Err(error) => return Err(error.into()),
        }
        self.see_to_wake(&schedule).await;
        tracing::info!(schedule.id = %id, tenant.id = tenant, subject = standing.by, "schedule made");
        Ok(Made::New(Stored { row: schedule, revision: 1 }))
    }

    /// The schedule that would be made.
    pub async fn draft(
        &self,
        standing: &Standing<'_>,
        id: ScheduleId,
        settings: Settings,
        now: Timestamp,
    ) -> Result<Schedule, Refused> {
        let calendar = Calendar::of(&settings)?;
        let first = calendar.next_after(now);
        let occasion = Occasion { schedule: id, at: first.unwrap_or(now), time_zone: settings.time_zone.clone() };
        self.check(standing, occasion, now).await?;
        let (tenant, by) = (standing.tenant.id.clone(), standing.by.to_owned());
        Ok(Schedule::made((id, tenant), settings, standing.order(), by, first, now))
    }

    /// Replaces what a schedule asks for, and when. In conflict if it is not what was read any more.
    pub async fn replace(
        &self,
        read: &Stored<Schedule>,
        standing: &Standing<'_>,
        settings: Settings,
        now: Timestamp,
    ) -> Result<Stored<Schedule>, Refused> {
        let calendar = Calendar::of(&settings)?;
        let at = calendar.next_after(now).unwrap_or(now);
        let occasion = Occasion { schedule: read.row.id, at, time_zone: settings.time_zone.clone() };
        self.check(standing, occasion, now).await?;
        let event = Event::Change(Box::new(settings), Box::new(standing.order()));
        let (next, effects) = read.row.apply(event, &calendar, now)?;
        let stored = self.acceptor.table.replace(read, next).await?;
        self.carry_out(&stored.row, &effects).await;
        Ok(stored)
    }

    /// Applies an event, such as a pause, to what the schedule is, whoever changes it at the same time. None if there is no
    /// such schedule.
    pub async fn apply(
        &self,
        tenant: &str,
        id: ScheduleId,
        event: &Event,
        now: Timestamp,
    ) -> Result<Option<Stored<Schedule>>, Refused> {
        for _ in 0..CONFLICTS {
            let Some(read) = self.load(tenant, id).await? else { return Ok(None) };
            let calendar = Calendar::of(&read.row.settings)?;
            let (next, effects) = match read.row.apply(event.clone(), &calendar, now) {
                Ok(step) => step,
                Err(Refusal::Already) => return Ok(Some(read)),
                Err(refusal) => return Err(refusal.into()),
            };
            match self.acceptor.table.replace(&read, next).await {
                Ok(stored) => {
                    self.carry_out(&stored.row, &effects).await;
                    return Ok(Some(stored));
                }
                Err(TableError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TableError::Conflict.into())
    }

    /// Removes a schedule that must still be what was read. Its requests and its history stay, the latter out of sight.
    pub async fn delete(&self, read: &Stored<Schedule>) -> Result<(), TableError> {
        self.acceptor.table.write(vec![Write::remove(read)]).await?;
        if let Some(at) = read.row.next_run {
            self.disarm(&read.row, at).await;
        }
        Ok(())
    }

    /// A schedule of the tenant.
    pub async fn load(&self, tenant: &str, id: ScheduleId) -> Result<Option<Stored<Schedule>>, TableError> {
        self.acceptor.table.get(&Key::schedule(tenant, id)).await
    }

    async fn see_to_wake(&self, schedule: &Schedule) {
        if let Some(at) = schedule.next_run {
            self.arm(schedule, at).await;
        }
    }

    /// What is left to do of effects once the row is written. What fails here is made good by the sweeper.
    async fn carry_out(&self, schedule: &Schedule, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Arm(at) => self.arm(schedule, *at).await,
                Effect::Disarm(at) => self.disarm(schedule, *at).await,
                Effect::Run(_) | Effect::Note(_) | Effect::Announce => {}
            }
        }
    }

    async fn arm(&self, schedule: &Schedule, at: Timestamp) {
        if let Err(error) = self.one_shots.arm(&schedule.tenant, schedule.id, at).await {
            tracing::warn!(schedule.id = %schedule.id, tenant.id = schedule.tenant, %error, "waking left to the sweeper");
        }
    }

    /// One that is left wakes the service for nothing.
    async fn disarm(&self, schedule: &Schedule, at: Timestamp) {
        if let Err(error) = self.one_shots.disarm(schedule.id, at).await {
            tracing::warn!(schedule.id = %schedule.id, tenant.id = schedule.tenant, %error, "a one-shot was left");
        }
    }
}

fn known_before(known: Stored<Schedule>, made_from: Option<&str>) -> Result<Made, Refused> {
    if known.row.made_from.as_deref() == made_from { Ok(Made::Before(known)) } else { Err(Rejected::KeyReused.into()) }
}
