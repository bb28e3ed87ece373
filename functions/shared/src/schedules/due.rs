//! What is due of a schedule becomes requests: each instant once, however often and by whomever the service is woken.
//!
//! The instant that is run is `next_run` of the row, and names the request's id. First the request is recorded, which a
//! repeat finds done; then the history is written and the row goes on to the next instant, in one transaction. Whatever
//! stops in between is done again, for the row is still due.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Schedules, refusal};
use crate::{
    accept::{Accepted, Order, Rejected},
    aws::table::{Stored, TableError, Write, keys::Key, rows::ProcessEvent},
    domain::{
        id::{RequestId, ScheduleId},
        message::{Announcement, DeliveryMessage, DeliveryTask, EventKind, RefusedRun},
        request::Request,
        schedule::{
            Calendar, Effect, Event, InvalidSettings, MOST_CAUGHT_UP, Missed, Occasion, Outcome, Run, Schedule, run_id,
        },
        tenant::Tenant,
    },
    telemetry::{self, Unit},
};

/// Steps of one call: what is caught up, with as many to spare. What is left is due still.
pub const MAX_STEPS: usize = 2 * MOST_CAUGHT_UP;

/// Why what is due was not done. It comes again.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its request could be neither recorded nor refused.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The table did not do its part, or others were faster every time.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Its settings are of another release.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// Its request is not JSON any more.
    #[error("the request of the schedule cannot be read: {0}")]
    Request(#[from] serde_json::Error),
}

impl Schedules<'_> {
    /// Runs what is due of a schedule of a tenant; nothing if there is none. Returns what dispatchers are to be told.
    pub async fn run_due(
        &self,
        tenant: &Tenant,
        id: ScheduleId,
        now: impl Fn() -> Timestamp,
    ) -> Result<Vec<DeliveryMessage>, RunError> {
        let mut told = Vec::new();
        for _ in 0..MAX_STEPS {
            let Some(read) = self.load(&tenant.id, id).await? else { break };
            let calendar = Calendar::of(&read.row.settings)?;
            let at = now();
            let Ok((next, effects)) = read.row.apply(Event::Wake, &calendar, at) else { break };
            let due = match effects.as_slice() {
                [Effect::Run(due)] => Some(*due),
                // What was asked for before a crash is not passed over, however late it is by now.
                _ => self.asked_before(&read.row).await?,
            };
            match due {
                Some(due) => told.extend(self.run(tenant, &read, &calendar, due, at).await?),
                None => self.pass_over(tenant, &read, next, effects, at).await?,
            }
        }
        Ok(told)
    }
}

impl Schedules<'_> {
    /// Asks for the report of an instant, and goes on to the next.
    async fn run(
        &self,
        tenant: &Tenant,
        read: &Stored<Schedule>,
        calendar: &Calendar,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<DeliveryMessage>, RunError> {
        let schedule = &read.row;
        let outcome = self.outcome(tenant, schedule, at, now).await?;
        let run = Run {
            tenant: tenant.id.clone(),
            schedule: schedule.id,
            at,
            id: run_id(schedule.id, at),
            by: None,
            outcome: outcome.clone(),
            recorded_at: now,
        };
        let Ok((next, effects)) = schedule.apply(Event::Ran(outcome), calendar, now) else { return Ok(None) };
        let mut writes = vec![Write::replace(read, &next)?, Write::overwrite(&run)?];
        let mut told = None;
        if effects.contains(&Effect::Announce) {
            let (announced, message) = announcement(&next, &run, now)?;
            writes.extend(announced);
            told = Some(message);
        }
        match self.acceptor.table.write(writes).await {
            Ok(()) => {
                let late = u64::try_from(now.duration_since(at).as_millis()).unwrap_or_default();
                telemetry::emit(&[], &[("ScheduleLag", Unit::Milliseconds, late)]);
                self.carry_out(&next, &effects).await;
                Ok(told)
            }
            // What was recorded stays in the history, whatever the schedule is now.
            Err(TableError::Conflict) => self.keep(&run).await.map(|()| None),
            Err(error) => Err(error.into()),
        }
    }

    /// What comes of asking. The run's request may be there already: its recording is not undone by what happens after.
    async fn outcome(
        &self,
        tenant: &Tenant,
        schedule: &Schedule,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Outcome, RunError> {
        let id = run_id(schedule.id, at);
        if self.is_recorded(&tenant.id, id).await? {
            return Ok(Outcome::Requested);
        }
        let body: Json = serde_json::from_str(&schedule.order.request)?;
        let by = format!("schedule {} of {}", schedule.id, schedule.created_by);
        let time_zone = schedule.settings.time_zone.clone();
        let terms = schedule.order.terms.on(Occasion { schedule: schedule.id, at, time_zone });
        let order = Order {
            tenant,
            by: &by,
            id,
            body: &body,
            idempotency_key: None,
            repeats: None,
            terms: &terms,
            seat: schedule.order.seat.as_ref(),
        };
        match Box::pin(self.acceptor.accept(order, now)).await {
            Ok(_) => {
                tracing::info!(schedule.id = %schedule.id, request.id = %id, tenant.id = tenant.id, "a run became a request");
                Ok(Outcome::Requested)
            }
            Err(rejected) => {
                let Some(outcome) = refusal::outcome(&rejected) else { return Err(rejected.into()) };
                tracing::warn!(schedule.id = %schedule.id, tenant.id = tenant.id, error = %rejected, "a run was refused");
                Ok(outcome)
            }
        }
    }

    /// The instant that is next, if its request is there already.
    async fn asked_before(&self, schedule: &Schedule) -> Result<Option<Timestamp>, TableError> {
        let Some(next) = schedule.next_run else { return Ok(None) };
        let recorded = self.is_recorded(&schedule.tenant, run_id(schedule.id, next)).await?;
        Ok(recorded.then_some(next))
    }

    async fn is_recorded(&self, tenant: &str, request: RequestId) -> Result<bool, TableError> {
        Ok(self.acceptor.table.get::<Request>(&Key::request(tenant, request)).await?.is_some())
    }

    async fn keep(&self, run: &Run) -> Result<(), RunError> {
        if run.outcome == Outcome::Requested && self.load(&run.tenant, run.schedule).await?.is_some() {
            self.acceptor.table.write(vec![Write::overwrite(run)?]).await?;
        }
        Ok(())
    }

    /// Notes what is not run any more. If somebody else was faster, the next look judges anew.
    async fn pass_over(
        &self,
        tenant: &Tenant,
        read: &Stored<Schedule>,
        next: Schedule,
        effects: Vec<Effect>,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let mut writes = vec![Write::replace(read, &next)?];
        for effect in &effects {
            let Effect::Note(missed) = effect else { continue };
            let Missed { from, to, count } = *missed;
            tracing::warn!(schedule.id = %next.id, tenant.id = tenant.id, %from, %to, count, "runs were missed");
            writes.push(Write::overwrite(&Run {
                tenant: tenant.id.clone(),
                schedule: next.id,
                at: from,
                id: run_id(next.id, from),
                by: None,
                outcome: Outcome::Missed(*missed),
                recorded_at: now,
            })?);
        }
        match self.acceptor.table.write(writes).await {
            Ok(()) => {
                self.carry_out(&next, &effects).await;
                Ok(())
            }
            Err(TableError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// One run more, now, whatever the schedule's state. It is in the history once it is recorded.
    pub async fn run_now(
        &self,
        tenant: &Tenant,
        schedule: &Schedule,
        (by, idempotency_key): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Accepted, RunError> {
        let body: Json = serde_json::from_str(&schedule.order.request)?;
        let occasion = Occasion { schedule: schedule.id, at: now, time_zone: schedule.settings.time_zone.clone() };
        let terms = schedule.order.terms.on(occasion);
        let order = Order {
            tenant,
            by,
            id: RequestId::generate(),
            body: &body,
            idempotency_key,
            repeats: None,
            terms: &terms,
            seat: schedule.order.seat.as_ref(),
        };
        let accepted = Box::pin(self.acceptor.accept(order, now)).await?;
        let (Accepted::Recorded(receipt, _) | Accepted::Replayed { receipt, .. }) = &accepted else {
            return Ok(accepted);
        };
        let run = Run {
            tenant: tenant.id.clone(),
            schedule: schedule.id,
            at: receipt.created_at,
            id: receipt.id,
            by: Some(by.to_owned()),
            outcome: Outcome::Requested,
            recorded_at: receipt.created_at,
        };
        self.acceptor.table.write(vec![Write::overwrite(&run)?]).await?;
        Ok(accepted)
    }
}

/// The outbox event of a refused run, the row by which an erasure finds it, and the message that hands it over.
fn announcement(schedule: &Schedule, run: &Run, now: Timestamp) -> Result<(Vec<Write>, DeliveryMessage), TableError> {
    let story = RequestId::generate();
    let event = Announcement::apart(&run.tenant, story, EventKind::ScheduleRunRefused, now, now);
    let event = Announcement { run: RefusedRun::of(schedule, run), ..event };
    let found_by = ProcessEvent { tenant: run.tenant.clone(), story, recorded_at: now };
    let task = DeliveryTask::FanOut(event.id);
    let message = DeliveryMessage::V1 { tenant: run.tenant.clone(), request: story, task, dead: None };
    Ok((vec![Write::insert(&event)?, Write::insert(&found_by)?], message))
}
