//! What happened, as receivers and the event bus are told of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{
    check::CheckOutcome,
    delivery::Target,
    empty::Telling,
    endpoint::{Endpoint, Profile},
    failure::Failure,
    id::{EndpointId, EventId, RequestId, ScheduleId},
    link::LinkPolicy,
    outcome::ReportFile,
    request::{Deed, HANDOFF_GRACE, Request},
    schedule::{Outcome, Run, Schedule},
    tenant::key_watch::KeyNotice,
};

/// What receivers are told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// The file is ready.
    #[serde(rename = "report.succeeded")]
    ReportSucceeded,
    /// The file is ready, but a check of its definition did not hold.
    #[serde(rename = "report.divergent")]
    ReportDivergent,
    /// There will be no file.
    #[serde(rename = "report.failed")]
    ReportFailed,
    /// It was called off.
    #[serde(rename = "report.cancelled")]
    ReportCancelled,
    /// The file is gone.
    #[serde(rename = "report.expired")]
    ReportExpired,
    /// A process of the customer's own has changed.
    #[serde(rename = "process.status")]
    ProcessStatus,
    /// A recipient key ends soon. The event bus alone is told.
    #[serde(rename = "recipient_key.expiring")]
    RecipientKeyExpiring,
    /// A recipient key has ended. The event bus alone is told.
    #[serde(rename = "recipient_key.expired")]
    RecipientKeyExpired,
    /// A run of a schedule was refused. The event bus alone is told.
    #[serde(rename = "schedule.run_refused")]
    ScheduleRunRefused,
    /// Nothing happened: somebody tries an endpoint. No subscription names it; it goes to its target alone.
    #[serde(rename = "endpoint.test")]
    EndpointTest,
}

impl EventKind {
    /// What an endpoint can be told of.
    pub const SUBSCRIBABLE: [Self; 6] = [
        Self::ReportSucceeded,
        Self::ReportDivergent,
        Self::ReportFailed,
        Self::ReportCancelled,
        Self::ReportExpired,
        Self::ProcessStatus,
    ];

    /// Name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReportSucceeded => "report.succeeded",
            Self::ReportDivergent => "report.divergent",
            Self::ReportFailed => "report.failed",
            Self::ReportCancelled => "report.cancelled",
            Self::ReportExpired => "report.expired",
            Self::ProcessStatus => "process.status",
            Self::RecipientKeyExpiring => "recipient_key.expiring",
            Self::RecipientKeyExpired => "recipient_key.expired",
            Self::ScheduleRunRefused => "schedule.run_refused",
            Self::EndpointTest => "endpoint.test",
        }
    }

    /// Whether it tells of a report, and so of a request.
    pub const fn is_of_a_report(self) -> bool {
        !matches!(
            self,
            Self::ProcessStatus
                | Self::RecipientKeyExpiring
                | Self::RecipientKeyExpired
                | Self::ScheduleRunRefused
                | Self::EndpointTest
        )
    }
}

/// The status of a process of the customer's own, which came in as an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// The customer's id of the process.
    pub id: String,
    /// IDUnico's code: 1 processing, 2 divergent, 3 finished, 4 cancelled, 5 error; there may come more.
    pub status: u32,
}

/// What is told of a run that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRun {
    /// Of which schedule.
    pub schedule: ScheduleId,
    /// The schedule's name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The instant that was to be run.
    pub at: Timestamp,
    /// Code of the problem, as the API has it.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
    /// Runs of the schedule that were refused since one was recorded, this one counted.
    pub refused_in_a_row: u32,
}

impl RefusedRun {
    /// Of a run, and the schedule as it is after it; none if the run was not refused.
    pub fn of(schedule: &Schedule, run: &Run) -> Option<Self> {
        let Outcome::Refused { code, detail, .. } = &run.outcome else { return None };
        Some(Self {
            schedule: schedule.id,
            name: schedule.settings.name.clone(),
            at: run.at,
            code: code.clone(),
            detail: detail.clone(),
            refused_in_a_row: schedule.refused_in_a_row,
        })
    }
}

/// The outbox row: what happened, with all that a notification needs, so that attempts read nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// Its id; `webhook-id` of every attempt derives from it.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub occurred_at: Timestamp,
    /// Whose request it is.
    pub tenant: String,
    /// Which request. Of an event that is of no report: an id that names the event's own story and nothing else.
    pub request: RequestId,
    /// Present in [`EventKind::ProcessStatus`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessStatus>,
    /// Present in [`EventKind::RecipientKeyExpiring`] and [`EventKind::RecipientKeyExpired`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyNotice>,
    /// Present in [`EventKind::ScheduleRunRefused`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RefusedRun>,
    /// Id of the definition.
    pub report: String,
    /// Version of the definition; 0 in what an earlier release wrote.
    #[serde(default)]
    pub report_version: u32,
    /// The presenter on whose behalf it was asked for.
    #[serde(default)]
    pub presenter_id: Uuid,
    /// When the request was recorded.
    pub requested_at: Timestamp,
    /// Explicit receiver of the request.
    pub target: Option<Target>,
    /// The file, where there is one, or was.
    pub file: Option<ReportFile>,
    /// What came of the definition's checks.
    #[serde(default)]
    pub checks: Vec<CheckOutcome>,
    /// End of the file's life, where it is there to be fetched: nobody is told of it after that.
    pub expires_at: Option<Timestamp>,
    /// How the file is fetched.
    #[serde(default)]
    pub link: LinkPolicy,
    /// Capability of its link, still sealed for the request's row.
    pub link_sealed: Option<String>,
    /// Password of its archive, still sealed for the request's row.
    #[serde(default)]
    pub password_sealed: Option<String>,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// Who called it off, or had its file deleted.
    #[serde(default)]
    pub deed: Option<Deed>,
    /// Receivers are told that there are no rows, without a link, where their words allow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_notice: bool,
    /// Its deliveries are made; what is left is the event bus.
    #[serde(default)]
    pub fanned_out: bool,
    /// Its deliveries are made for the endpoints up to this one, by id; where there are many, they are made in pieces.
    #[serde(default)]
    pub told_up_to: Option<EndpointId>,
    /// When the sweeper hands it to the queue again.
    pub due_at: Option<Timestamp>,
    /// Times it has done so.
    #[serde(default)]
    pub handoffs: u32,
}

impl Announcement {
    /// Digest of the manifest of a file that is there to be fetched.
    pub fn manifest_sha256(&self) -> Option<&str> {
        self.expires_at.and(self.file.as_ref()?.manifest_sha256.as_deref())
    }

    /// What `request`, in its final state, has to tell.
    pub fn of(request: &Request, id: EventId, kind: EventKind, now: Timestamp) -> Self {
        let telling = request.telling(kind);
        Self {
            id,
            kind,
            occurred_at: now,
            tenant: request.tenant.clone(),
            request: request.id,
            process: None,
            key: None,
            run: None,
            report: request.report.clone(),
            report_version: request.report_version,
            presenter_id: request.presenter_id,
            requested_at: request.created_at,
            target: request.delivery.clone(),
            file: request.file.clone(),
            checks: request.checks.clone(),
            expires_at: request.expires_at.filter(|_| request.status.has_file()),
            link: request.link,
            link_sealed: request.link_sealed.clone(),
            password_sealed: request.password_sealed.clone(),
            failure: request.failure.clone(),
            deed: request.cancellation.clone().or_else(|| request.deletion.clone()),
            empty_notice: telling == Telling::NoRows,
            // Who waits for a report is answered; nobody else asked for it.
            fanned_out: request.answer_by.is_some() || telling == Telling::Nothing,
            told_up_to: None,
            due_at: Some(now + HANDOFF_GRACE),
            handoffs: 0,
        }
    }

    /// An event of no report, whose rows stand in the story of `story`.
    pub fn apart(tenant: &str, story: RequestId, kind: EventKind, occurred_at: Timestamp, now: Timestamp) -> Self {
        Self {
            id: EventId::new(story.uuid()),
            kind,
            occurred_at,
            tenant: tenant.to_owned(),
            request: story,
            process: None,
            key: None,
            run: None,
            report: String::new(),
            report_version: 0,
            presenter_id: Uuid::nil(),
            requested_at: now,
            target: None,
            file: None,
            checks: vec![],
            expires_at: None,
            link: LinkPolicy::default(),
            link_sealed: None,
            password_sealed: None,
            failure: None,
            deed: None,
            empty_notice: false,
            fanned_out: false,
            told_up_to: None,
            due_at: Some(now + HANDOFF_GRACE),
            handoffs: 0,
        }
    }

    /// Whether a notification of that profile gives the link to the file, where there is one. Of an empty report only
    /// those do that cannot say so without it.
    pub const fn gives_link(&self, profile: Profile) -> bool {
        !self.empty_notice || !profile.can_do_without_link()
    }

    /// The request that it tells of, if any.
    pub fn of_request(&self) -> Option<RequestId> {
        self.kind.is_of_a_report().then_some(self.request)
    }

    /// Whether a subscribed endpoint is to be told of it.
    pub fn wanted_by(&self, endpoint: &Endpoint) -> bool {
        match &self.process {
            Some(process) => endpoint.wants_status(process.status),
            None => EventKind::SUBSCRIBABLE.contains(&self.kind) && endpoint.wants(self.kind),
        }
    }

    /// End of the link that goes with it; none without a file to fetch.
    pub fn link_expires_at(&self) -> Option<Timestamp> {
        self.expires_at.map(|file_ends| self.link.expires_at(self.occurred_at, file_ends))
    }

    /// End of the link that a notification at that time gives. One whose life counts from then on is not shortened by
    /// those that came before; never after the file.
    pub fn link_ends_when_told_at(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.link.anew {
            return self.link_expires_at();
        }
        self.expires_at.map(|file_ends| self.link.expires_at(now, file_ends))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::{Status, tests::queued};

    #[test]
    fn the_sweeper_looks_whether_an_events_message_arrived() {
        let now = Timestamp::UNIX_EPOCH + HANDOFF_GRACE * 7;
        let event = Announcement::of(&queued(), EventId::generate(), EventKind::ReportFailed, now);
        assert_eq!((event.occurred_at, event.due_at), (now, Some(now + HANDOFF_GRACE)));
    }

    /// The bus is told all the same.
    #[test]
    fn the_end_of_what_somebody_waited_for_is_told_to_no_receiver() {
        let now = Timestamp::UNIX_EPOCH;
        let told = |request: &Request| Announcement::of(request, EventId::generate(), EventKind::ReportFailed, now);
        assert!(!told(&queued()).fanned_out);
        assert!(told(&Request { answer_by: Some(now), ..queued() }).fanned_out);
    }

    #[test]
    fn a_link_may_live_anew_from_each_notification() {
        let hours = |hours| Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(hours);
        let link = |anew| LinkPolicy { life_hours: Some(24), anew, ..LinkPolicy::default() };
        let file = Request { status: Status::Succeeded, expires_at: Some(hours(100)), ..queued() };
        let told = |anew| {
            let request = Request { link: link(anew), ..file.clone() };
            Announcement::of(&request, EventId::generate(), EventKind::ReportSucceeded, hours(0))
        };
        let ends = |anew, at| told(anew).link_ends_when_told_at(hours(at));
        assert_eq!([ends(false, 0), ends(false, 50)], [Some(hours(24)); 2]);
        assert_eq!([ends(true, 0), ends(true, 50), ends(true, 90)], [24, 74, 100].map(|end| Some(hours(end))));
        let request = Request { link: link(true), finished_at: Some(hours(0)), ..file };
        assert_eq!(request.link_expires_at(), Some(hours(100)), "the status gives one as long as there is a file");
    }

    /// Or it would be dropped as a notification that comes too late.
    #[test]
    fn the_end_of_a_file_is_told_after_it() {
        let now = Timestamp::UNIX_EPOCH;
        let request = |status| Request { status, expires_at: Some(now), ..queued() };
        let ends = |status, kind| Announcement::of(&request(status), EventId::generate(), kind, now).expires_at;
        assert_eq!(ends(Status::Expired, EventKind::ReportExpired), None);
        assert_eq!(ends(Status::Divergent, EventKind::ReportDivergent), Some(now));
    }
}
