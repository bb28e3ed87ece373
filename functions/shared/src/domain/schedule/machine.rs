//! The schedule machine: `(schedule, event, now) -> (schedule, effects)` or a named refusal.

use jiff::{SignedDuration, Timestamp};

use super::{Calendar, LastRun, Missed, MissedPolicy, Outcome, Schedule, Settings, StandingOrder, State, run_id};
use crate::domain::{id::ScheduleId, request::Deed, retry};

/// The next row and what the shell does once it is written.
pub type Step = (Schedule, Vec<Effect>);

/// How long after an instant the sweeper looks whether it was run: what wakes the service on the minute comes before.
pub const WAKE_GRACE: SignedDuration = SignedDuration::from_secs(45);

/// How late a run may begin under [`MissedPolicy::Skip`].
pub const SKIP_GRACE: SignedDuration = SignedDuration::from_mins(15);

/// Most missed instants that are run under [`MissedPolicy::All`], the latest ones.
pub const MOST_CAUGHT_UP: usize = 24;

/// Clocks differ: what wakes the service this early counts as on time.
const EARLY: SignedDuration = SignedDuration::from_secs(2);

/// What happens to a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It is to be otherwise from now on.
    Change(Box<Settings>, Box<StandingOrder>),
    /// Somebody holds it.
    Pause(Deed),
    /// It goes on, from the next instant.
    Resume,
    /// Something woke the service for it.
    Wake,
    /// This came of `next_run`.
    Ran(Outcome),
}

/// What the shell must do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask for the report of this instant, then apply [`Event::Ran`]. The row is as it was.
    Run(Timestamp),
    /// With the row: note in the history what was passed over.
    Note(Missed),
    /// Once the row is written: see that the service is woken then.
    Arm(Timestamp),
    /// Once the row is written: it need not be woken then any more.
    Disarm(Timestamp),
    /// With the row: announce that a run was refused.
    Announce,
}

/// Why an event changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is due now.
    #[error("nothing is due")]
    NotDue,
    /// It has no instant left.
    #[error("the schedule has ended")]
    Ended,
    /// It is so already.
    #[error("it is so already")]
    Already,
}

impl Schedule {
    /// The whole machine. `calendar` is that of its settings; of [`Event::Change`], that of the new ones.
    pub fn apply(&self, event: Event, calendar: &Calendar, now: Timestamp) -> Result<Step, Refusal> {
        match event {
            Event::Change(settings, order) => Ok(self.changed((*settings, *order), calendar, now)),
            Event::Pause(deed) => self.pause(deed),
            Event::Resume => self.resume(calendar, now),
            Event::Wake => self.wake(calendar, now),
            Event::Ran(outcome) => self.ran(&outcome, calendar),
        }
    }

    /// One that is held stays so; one that had ended goes on if it has instants again.
    fn changed(&self, (settings, order): (Settings, StandingOrder), calendar: &Calendar, now: Timestamp) -> Step {
        let next = Self { settings, order, updated_at: now, refused_in_a_row: 0, ..self.clone() };
        if next.state == State::Paused {
            return (next, vec![]);
        }
        let (next, mut effects) = next.waiting_for(calendar.next_after(now));
        effects.extend(self.next_run.filter(|_| self.next_run != next.next_run).map(Effect::Disarm));
        (next, effects)
    }

    fn pause(&self, deed: Deed) -> Result<Step, Refusal> {
        match self.state {
            State::Paused => Err(Refusal::Already),
            State::Ended => Err(Refusal::Ended),
            State::Active => {
                let next =
                    Self { state: State::Paused, paused: Some(deed), next_run: None, due_at: None, ..self.clone() };
                Ok((next, self.next_run.map(Effect::Disarm).into_iter().collect()))
            }
        }
    }

    fn resume(&self, calendar: &Calendar, now: Timestamp) -> Result<Step, Refusal> {
        match self.state {
            State::Active => Err(Refusal::Already),
            State::Ended => Err(Refusal::Ended),
            State::Paused => Ok(Self { paused: None, ..self.clone() }.waiting_for(calendar.next_after(now))),
        }
    }

    /// The instant that is run is made `next_run` before, so that a crash on the way changes nothing of which it is.
    fn wake(&self, calendar: &Calendar, now: Timestamp) -> Result<Step, Refusal> {
        let due = self.next_run.filter(|_| self.state == State::Active).filter(|at| *at <= now + EARLY);
        let due = due.ok_or(Refusal::NotDue)?;
        let most = if self.settings.missed == MissedPolicy::All { MOST_CAUGHT_UP } else { 1 };
        let (passed, mut missed) = calendar.passed(due, now, most);
        let latest = passed.last().copied().unwrap_or(due);
        if self.settings.missed == MissedPolicy::Skip && now.duration_since(latest) > SKIP_GRACE {
            missed = Some(Missed::with(missed, latest));
            return Ok(self.passed_over(calendar.next_after(now), missed));
        }
        match passed.first() {
            Some(first) if *first != due => Ok(self.passed_over(Some(*first), missed)),
            _ => Ok((self.clone(), vec![Effect::Run(due)])),
        }
    }

    fn passed_over(&self, next: Option<Timestamp>, missed: Option<Missed>) -> Step {
        let (next, mut effects) = self.clone().waiting_for(next);
        effects.extend(missed.map(Effect::Note));
        (next, effects)
    }

    /// What follows is the instant after the one that was run, even if it has passed: that is for the next look to judge.
    fn ran(&self, outcome: &Outcome, calendar: &Calendar) -> Result<Step, Refusal> {
        let at = self.next_run.ok_or(Refusal::NotDue)?;
        let (next, mut effects) = self.with_run(at, outcome).waiting_for(calendar.next_after(at));
        effects.extend(announced(outcome));
        Ok((next, effects))
    }

    fn with_run(&self, at: Timestamp, outcome: &Outcome) -> Self {
        let (request, refused) = match outcome {
            Outcome::Requested => (Some(run_id(self.id, at)), None),
            Outcome::Refused { code, .. } => (None, Some(code.clone())),
            Outcome::Missed(_) => return self.clone(),
        };
        let refused_in_a_row = if refused.is_some() { self.refused_in_a_row.saturating_add(1) } else { 0 };
        Self { last_run: Some(LastRun { at, request, refused }), refused_in_a_row, ..self.clone() }
    }

    /// The sweeper found `due_at` near or past: the row once it is handed over again, which happens less and less often
    /// until it moves. No calendar is needed for that, nor any look into the settings.
    pub fn swept(&self, now: Timestamp) -> Result<Self, Refusal> {
        if self.state != State::Active || self.due_at.is_none_or(|due| due > now) {
            return Err(Refusal::NotDue);
        }
        let due_at = Some(now + retry::handoff_grace(self.handoffs));
        Ok(Self { due_at, handoffs: self.handoffs.saturating_add(1), ..self.clone() })
    }

    /// One that is made now, and waits for its first instant.
    pub fn made(
        (id, tenant): (ScheduleId, String),
        settings: Settings,
        order: StandingOrder,
        created_by: String,
        first: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let made = Self {
            id,
            tenant,
            settings,
            order,
            created_by,
            created_at: now,
            updated_at: now,
            made_from: None,
            state: State::Active,
            paused: None,
            next_run: None,
            due_at: None,
            handoffs: 0,
            last_run: None,
            refused_in_a_row: 0,
        };
        made.waiting_for(first).0
    }

    /// Waits for that instant, or has ended.
    fn waiting_for(self, next_run: Option<Timestamp>) -> Step {
        let state = if next_run.is_some() { State::Active } else { State::Ended };
        let due_at = next_run.map(|at| at + WAKE_GRACE);
        let effects = next_run.map(Effect::Arm).into_iter().collect();
        (Self { state, next_run, due_at, handoffs: 0, ..self }, effects)
    }
}

fn announced(outcome: &Outcome) -> Option<Effect> {
    matches!(outcome, Outcome::Refused { .. }).then_some(Effect::Announce)
}
