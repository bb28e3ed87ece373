//! An execution that is to come, or comes again: a schedule of Waybill's own, under the same terms as one that is made now.
//!
//! `uIdRequest` is then the schedule's, and leads to its latest run.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;
use waybill::{
    accept::{Accepted, Fault, Rejected},
    aws::table::{
        Stored,
        keys::{Key, runs_of},
        pages::PageQuery,
    },
    clock,
    domain::{
        id::ScheduleId,
        interface::{Interface, Treports, treports::ExecutionStatus},
        outcome::Format,
        request::Request,
        schedule::{Outcome, Run, Schedule, StandingTerms, State},
    },
    schedules::{Made, NewSchedule, Refused, RunError, Standing},
};

use super::{keeps::Keeps, order::Generation, schedule::Plan};
use crate::{app::App, problem::Problem};

/// Runs of a history that are looked at for the latest that was not passed over.
const LOOKED_AT: u32 = 20;

impl Generation<'_> {
    /// Makes the schedule; returns its UUID and when it runs next, which is now if it is made at once, too.
    ///
    /// If that first run is refused, as where no licence seat is free, there is no schedule either.
    pub async fn plan(&self, app: &Arc<App>, plan: &Plan, sent: &Json) -> Result<(Uuid, Timestamp), Problem> {
        let schedules = app.schedules();
        let terms = StandingTerms {
            interface: Interface::Treports,
            keeps: serde_json::to_value(&self.wanted.keeps).ok(),
            link: Some(self.link()),
            ..StandingTerms::default()
        };
        // infallible in effect: an execution has one format.
        let request = self.body(self.wanted.formats.first().copied().unwrap_or(Format::Pdf));
        let (tenant, by, seat) = (self.tenant, self.caller.subject.as_str(), Some(self.seat));
        let standing = Standing { tenant, by, request: &request, terms: &terms, seat };
        let once = self.idempotency_key.map(|key| (key, sent));
        let now = clock::now();
        let new = NewSchedule { standing, settings: plan.settings.clone(), once };
        let made = schedules.create(new, now).await.map_err(|refused| self.not_planned(refused))?;
        let (Made::New(read) | Made::Before(read)) = &made;
        let schedule = &read.row;
        if !plan.and_now {
            return Ok((schedule.id.uuid(), schedule.next_run.unwrap_or(now)));
        }
        match schedules.run_now(tenant, schedule, (by, self.idempotency_key), now).await {
            Ok(accepted) => Ok((schedule.id.uuid(), recorded_at(&accepted).unwrap_or(now))),
            Err(error) => {
                if let (Made::New(read), Err(error)) = (&made, app.schedules().delete(read).await) {
                    tracing::warn!(schedule.id = %read.row.id, %error, "a schedule was left without its first run");
                }
                Err(match error {
                    RunError::Rejected(rejected) => self.refused(rejected),
                    other => Problem::unavailable(&other),
                })
            }
        }
    }

    /// Faults by the names of what was sent: those of the request stand below `/request`.
    fn not_planned(&self, refused: Refused) -> Problem {
        let Refused::Rejected(Rejected::Invalid(faults)) = refused else { return refused.into() };
        let within = |fault: Fault| match fault.pointer.strip_prefix("/request") {
            Some(pointer) => Fault { pointer: pointer.to_owned(), ..fault },
            None => fault,
        };
        self.refused(Rejected::Invalid(faults.into_iter().map(within).collect()))
    }
}

fn recorded_at(accepted: &Accepted) -> Option<Timestamp> {
    match accepted {
        Accepted::Recorded(receipt, _) | Accepted::Replayed { receipt, .. } | Accepted::Joined(receipt) => {
            Some(receipt.created_at)
        }
        Accepted::Valid(_) => None,
    }
}

/// What is known of the latest run of a schedule.
pub enum Latest {
    /// It became a request.
    Requested(Box<Request>),
    /// It was refused: at that instant, for that reason.
    Refused(Timestamp, String),
    /// None has been due yet.
    None,
}

/// A schedule of the tenant's that was made through this interface.
pub async fn find(app: &Arc<App>, tenant: &str, id: Uuid) -> Result<Option<Schedule>, Problem> {
    let read: Option<Stored<Schedule>> = app.table.get(&Key::schedule(tenant, ScheduleId::new(id))).await?;
    Ok(read.map(|read| read.row).filter(|schedule| schedule.order.terms.interface == Interface::Treports))
}

/// The latest run, as the history has it. What was passed over is none.
pub async fn latest(app: &Arc<App>, schedule: &Schedule) -> Result<Latest, Problem> {
    for run in history(app, schedule).await? {
        match run.outcome {
            Outcome::Requested => {
                let read = app.table.get::<Request>(&Key::request(&run.tenant, run.id)).await?;
                // The history stays longer than what it tells of.
                let Some(read) = read else { continue };
                return Ok(Latest::Requested(Box::new(read.row)));
            }
            Outcome::Refused { code, detail, faults } => {
                return Ok(Latest::Refused(run.at, format!("{code}: {}", [vec![detail], faults].concat().join(" "))));
            }
            Outcome::Missed(_) => {}
        }
    }
    Ok(Latest::None)
}

/// The latest run that became a request, for its file.
pub async fn latest_request(app: &Arc<App>, schedule: &Schedule) -> Result<Option<Request>, Problem> {
    for run in history(app, schedule).await?.into_iter().filter(|run| run.outcome == Outcome::Requested) {
        if let Some(read) = app.table.get::<Request>(&Key::request(&run.tenant, run.id)).await? {
            return Ok(Some(read.row));
        }
    }
    Ok(None)
}

async fn history(app: &Arc<App>, schedule: &Schedule) -> Result<Vec<Run>, Problem> {
    let page = PageQuery::newest(&runs_of(schedule.id), LOOKED_AT, None);
    let page = app.table.page(&Key::tenant(&schedule.tenant).pk, page).await?;
    let read = page.rows.into_iter().map(|row| row.read::<Run>().map(|stored| stored.row));
    Ok(read.collect::<Result<_, _>>()?)
}

/// What `info` tells of a schedule that has no request to tell of: it waits, it is held, or its latest run was refused.
/// The number is 0, for clients have no place for none.
pub fn describe(schedule: &Schedule, refused: Option<(Timestamp, String)>, settings: &Treports) -> Json {
    let keeps = Keeps::of_schedule(schedule);
    let status = match (&refused, schedule.state) {
        (Some(_), _) => ExecutionStatus::Error,
        (None, State::Paused) => ExecutionStatus::Disabled,
        (None, State::Active) => ExecutionStatus::Pending,
        (None, State::Ended) => ExecutionStatus::Canceled,
    };
    let by = keeps.user.clone().unwrap_or_else(|| schedule.created_by.clone());
    let at = refused.as_ref().map(|(at, _)| *at);
    json!({
        "id": 0,
        "requestId": 0,
        "uIdRequest": schedule.id.uuid(),
        "uIdReport": keeps.uid,
        "scheduleDate": at.or(schedule.next_run).unwrap_or(schedule.created_at),
        "server": "waybill",
        "startDate": at,
        "endDate": at,
        "status": status.word(settings.language),
        "executionMemory": null,
        "errorMessage": refused.map(|(_, reason)| reason),
        "createdOn": schedule.created_at,
        "modifiedOn": at.unwrap_or(schedule.updated_at),
        "createdBy": by,
        "modifiedBy": by,
        "user": keeps.user,
        "customData": keeps.custom_data,
        "exportFileType": null,
    })
}
