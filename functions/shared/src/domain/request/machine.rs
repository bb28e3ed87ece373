//! The machine itself: what each event makes of a request.

use jiff::{SignedDuration, Timestamp};

use super::{
    ANSWER_GRACE, BY_SERVICE, Deed, Effect, Event, HANDOFF_GRACE, Lease, Refusal, Request, Rules, Sealed, Status,
};
use crate::domain::{
    check::CheckOutcome,
    failure::{Failure, FailureCode},
    message::EventKind,
    outcome::ReportFile,
    retry,
};

/// The next row and what follows from it.
pub type Step = (Request, Vec<Effect>);

impl Request {
    /// The whole machine.
    pub fn apply(&self, event: Event, now: Timestamp, rules: &Rules) -> Result<Step, Refusal> {
        match event {
            Event::Claim { owner } => self.claim(owner, now, rules),
            Event::Renew { owner } => self.renew(owner, now, rules),
            Event::Succeed { owner, file, checks, sealed } => self.succeed(&owner, (*file, checks, sealed), now),
            Event::Fail { owner, failure, transient } => self.fail(&owner, failure, transient, now, rules),
            Event::Park => self.park(now),
            Event::Cancel { by } => self.cancel(by, now),
            Event::Delete { by } => self.delete(by, now),
            Event::Sweep => self.sweep(now),
            Event::DeadLetter => self.dead_letter(now),
            Event::FileDeleted => self.file_deleted(now),
        }
    }

    fn claim(&self, owner: String, now: Timestamp, rules: &Rules) -> Result<Step, Refusal> {
        match self.status {
            Status::Running if self.lease_is_live(now) => return Err(Refusal::LeaseHeld),
            Status::Queued | Status::Running => {}
            _ => return Err(Refusal::Finished),
        }
        if self.is_too_late(now) {
            return Err(Refusal::TooLate);
        }
        if self.retry_at.is_some_and(|at| at > now + retry::CLOCK_TOLERANCE) {
            return Err(Refusal::NotDue);
        }
        if self.attempt >= rules.max_attempts {
            let failure = self.failure.clone().unwrap_or_else(|| {
                Failure::new(FailureCode::Internal, format!("The report was lost {} times while it ran.", self.attempt))
            });
            return Ok(self.ended(Status::Failed, Some(failure), now));
        }
        let until = now + rules.lease;
        let mut next = self.clone();
        next.status = Status::Running;
        next.attempt += 1;
        next.waiting = false;
        next.started_at = self.started_at.or(Some(now));
        next.attempt_started_at = Some(now);
        next.lease = Some(Lease { owner, until });
        next.due_at = Some(until);
        next.retry_at = None;
        next.handoffs = 0;
        Ok((next, vec![]))
    }

    /// A holder whose lease ran out but was not taken over gets it back: nobody else has started.
    fn renew(&self, owner: String, now: Timestamp, rules: &Rules) -> Result<Step, Refusal> {
        self.require_holder(&owner)?;
        let until = now + rules.lease;
        let mut next = self.clone();
        next.lease = Some(Lease { owner, until });
        next.due_at = Some(until);
        Ok((next, vec![]))
    }

    fn succeed(
        &self,
        owner: &str,
        (file, checks, sealed): (ReportFile, Vec<CheckOutcome>, Sealed),
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        self.require_holder(owner)?;
        let diverges = checks.iter().any(|check| !check.passed);
        let (mut next, effects) = self.ended(if diverges { Status::Divergent } else { Status::Succeeded }, None, now);
        let expires_at = self.file_ends(now);
        next.file = Some(file);
        next.checks = checks;
        next.link_sealed = sealed.link;
        next.password_sealed = sealed.password;
        next.expires_at = Some(expires_at);
        next.due_at = Some(expires_at);
        Ok((next, effects))
    }

    /// The sweeper hands it over again in case that nobody wakes it. A lost worker's request waits as any other, if
    /// its slot was taken over.
    fn park(&self, now: Timestamp) -> Result<Step, Refusal> {
        match self.status {
            Status::Running if self.lease_is_live(now) => return Err(Refusal::LeaseHeld),
            Status::Queued | Status::Running => {}
            _ => return Err(Refusal::Finished),
        }
        let mut next = self.clone();
        next.status = Status::Queued;
        next.lease = None;
        next.waiting = true;
        next.due_at = Some(self.answer_by.unwrap_or(now + retry::handoff_grace(self.handoffs)));
        Ok((next, vec![]))
    }

    /// A worker that has it learns of it from the row. What it, or one that was lost before, may have uploaded without
    /// being able to say so is looked for when its lease would have ended.
    fn cancel(&self, by: String, now: Timestamp) -> Result<Step, Refusal> {
        if self.status.is_final() {
            return Err(Refusal::Finished);
        }
        let (mut next, effects) = self.ended(Status::Cancelled, None, now);
        next.cancellation = Some(Deed { at: now, by });
        let lease_ends = self.lease.as_ref().map(|lease| lease.until.max(now));
        next.due_at = lease_ends.or_else(|| (self.attempt > 0).then_some(now)).map(|at| at + HANDOFF_GRACE);
        Ok((next, effects))
    }

    /// The row says so first: from then on no link opens the file, and if the deletion itself is lost, the sweeper
    /// repeats it.
    fn delete(&self, by: String, now: Timestamp) -> Result<Step, Refusal> {
        let (true, Some(file)) = (self.status.has_file(), &self.file) else {
            return Err(if self.status.is_final() { Refusal::NoFile } else { Refusal::Unfinished });
        };
        let mut next = self.clone();
        next.status = Status::Expired;
        next.link_sealed = None;
        next.password_sealed = None;
        next.expires_at = Some(now.min(self.expires_at.unwrap_or(now)));
        next.deletion = Some(Deed { at: now, by });
        next.due_at = Some(now + HANDOFF_GRACE);
        Ok((next, vec![Effect::DeleteFile(file.key.clone())]))
    }

    fn fail(
        &self,
        owner: &str,
        failure: Failure,
        transient: bool,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<Step, Refusal> {
        self.require_holder(owner)?;
        // Who waits for it asks again sooner than it would be tried again.
        if !transient || self.attempt >= rules.max_attempts || self.answer_by.is_some() {
            return Ok(self.ended(Status::Failed, Some(failure), now));
        }
        let delay = retry::backoff(self.attempt);
        let mut next = self.clone();
        next.status = Status::Queued;
        next.lease = None;
        next.failure = Some(failure);
        next.retry_at = Some(now + delay);
        next.due_at = Some(now + delay + HANDOFF_GRACE);
        Ok((next, vec![Effect::Enqueue { delay_seconds: retry::delay_seconds(delay) }]))
    }

    fn sweep(&self, now: Timestamp) -> Result<Step, Refusal> {
        match self.status {
            Status::Queued | Status::Running if self.answer_by.is_some() => self.sweep_unanswered(now),
            Status::Queued => {
                // The row is due a grace after its message should have arrived: before that it is on its way.
                if self.due_at.is_none_or(|due| due > now) {
                    return Err(Refusal::NotDue);
                }
                Ok(self.handed_off_again(now))
            }
            Status::Running if self.lease_is_live(now) => Err(Refusal::NotDue),
            Status::Running => Ok(self.handed_off_again(now)),
            Status::Succeeded | Status::Divergent => match (&self.file, self.expires_at) {
                (Some(file), Some(end)) if end <= now => Ok((self.clone(), vec![Effect::DeleteFile(file.key.clone())])),
                _ => Err(Refusal::NotDue),
            },
            Status::Expired | Status::Cancelled => self.delete_what_is_left(now),
            Status::Failed => Err(Refusal::Finished),
        }
    }

    /// It is not handed over again: whoever was to run it had its message at once, or never.
    fn sweep_unanswered(&self, now: Timestamp) -> Result<Step, Refusal> {
        if !self.is_too_late(now) || self.lease_is_live(now) {
            return Err(Refusal::NotDue);
        }
        self.cancel(BY_SERVICE.to_owned(), now)
    }

    /// Of a deletion that was begun, or of a worker that was called off.
    fn delete_what_is_left(&self, now: Timestamp) -> Result<Step, Refusal> {
        match self.due_at {
            None => return Err(Refusal::Finished),
            Some(due) if due > now => return Err(Refusal::NotDue),
            Some(_) => {}
        }
        let key = self.file.as_ref().map_or_else(|| self.object_key(self.attempt), |file| file.key.clone());
        Ok((self.clone(), vec![Effect::DeleteFile(key)]))
    }

    fn dead_letter(&self, now: Timestamp) -> Result<Step, Refusal> {
        if self.status.is_final() {
            return Err(Refusal::Finished);
        }
        if self.lease_is_live(now) {
            return Err(Refusal::LeaseHeld);
        }
        // Its message served others whose turn it was, and may have died of them: it has not been tried yet, and is due.
        if self.waiting {
            return Err(Refusal::NotDue);
        }
        let failure = Failure::new(FailureCode::Internal, "The report could not be started after repeated tries.");
        Ok(self.ended(Status::Failed, Some(failure), now))
    }

    fn file_deleted(&self, now: Timestamp) -> Result<Step, Refusal> {
        let ended = self.expires_at.is_some_and(|end| end <= now);
        let expired = match self.status {
            Status::Succeeded | Status::Divergent if ended => true,
            Status::Expired if self.due_at.is_some() => true,
            Status::Cancelled if self.due_at.is_some() => false,
            _ => return Err(Refusal::NotDue),
        };
        let mut next = self.clone();
        next.due_at = None;
        if !expired {
            return Ok((next, vec![]));
        }
        next.status = Status::Expired;
        next.link_sealed = None;
        next.password_sealed = None;
        Ok((next, vec![Effect::Announce(EventKind::ReportExpired)]))
    }

    /// Key of an attempt's object. Every attempt has its own, so that none can overwrite another's file.
    pub fn object_key(&self, attempt: u32) -> String {
        format!("{}{}", self.folder(attempt), self.file_name())
    }

    /// What the keys of an attempt's objects begin with.
    pub fn folder(&self, attempt: u32) -> String {
        format!("{}/{}/{attempt}/", self.tenant, self.id)
    }

    /// Name of the file as its receiver sees it.
    pub fn file_name(&self) -> String {
        self.wrapping.file_name(&self.file_stem(), self.format, self.packaging)
    }

    /// The same without extensions.
    pub fn file_stem(&self) -> String {
        format!("{}-{}", self.report, self.id)
    }

    /// Whether somebody may be at work on it.
    pub fn lease_is_live(&self, now: Timestamp) -> bool {
        self.status == Status::Running && self.lease.as_ref().is_some_and(|lease| lease.until > now)
    }

    /// Whether the answer that somebody waits for would come too late.
    fn is_too_late(&self, now: Timestamp) -> bool {
        self.answer_by.is_some_and(|answer_by| answer_by <= now)
    }

    /// End of the life of a file that is finished now. One that somebody waits for is handed over and deleted at once.
    fn file_ends(&self, now: Timestamp) -> Timestamp {
        match self.answer_by {
            Some(answer_by) => answer_by.max(now) + ANSWER_GRACE,
            None => now + SignedDuration::from_hours(i64::from(self.retention_hours)),
        }
    }

    fn require_holder(&self, owner: &str) -> Result<(), Refusal> {
        match &self.lease {
            Some(lease) if self.status == Status::Running && lease.owner == owner => Ok(()),
            _ => Err(Refusal::LeaseLost),
        }
    }

    fn handed_off_again(&self, now: Timestamp) -> Step {
        let mut next = self.clone();
        next.handoffs += 1;
        next.due_at = Some(now + retry::handoff_grace(next.handoffs));
        (next, vec![Effect::Enqueue { delay_seconds: 0 }])
    }

    fn ended(&self, status: Status, failure: Option<Failure>, now: Timestamp) -> Step {
        let kind = match status {
            Status::Divergent => EventKind::ReportDivergent,
            Status::Failed => EventKind::ReportFailed,
            Status::Cancelled => EventKind::ReportCancelled,
            _ => EventKind::ReportSucceeded,
        };
        let mut next = self.clone();
        next.status = status;
        next.finished_at = Some(now);
        next.waiting = false;
        next.lease = None;
        next.retry_at = None;
        next.due_at = None;
        next.failure = failure;
        (next, vec![Effect::Announce(kind)])
    }
}
