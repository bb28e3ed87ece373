//! The instants at which a schedule runs.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::DateTime};

use super::{Cron, Every, InvalidCron, Missed, Settings, Timing, Unit, UnknownZone, Zone};

/// Settings that no calendar can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// Of its zone.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// Of its expression.
    #[error(transparent)]
    Cron(#[from] InvalidCron),
}

/// Settings, ready to be asked. All instants are whole seconds, later than the one asked about, and between start and end,
/// both included.
#[derive(Debug, Clone)]
pub struct Calendar {
    times: Times,
    zone: Zone,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
enum Times {
    Cron(Box<Cron>),
    Every(Every, Timestamp),
    At(Timestamp),
}

impl Calendar {
    /// Of settings that are known to be right; a release that does not know their zone any more says so.
    pub fn of(settings: &Settings) -> Result<Self, InvalidSettings> {
        let times = match &settings.timing {
            Timing::Cron(text) => Times::Cron(Box::new(text.parse()?)),
            Timing::Every { every, anchor } => Times::Every(*every, *anchor),
            Timing::At(at) => Times::At(*at),
        };
        let zone = Zone::named(&settings.time_zone)?;
        Ok(Self { times, zone, starts_at: settings.starts_at, ends_at: settings.ends_at })
    }

    /// Its zone.
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first instant after that one; none if none is left.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let before_start = self.starts_at.and_then(|start| start.checked_sub(SignedDuration::from_nanos(1)).ok());
        let after = before_start.map_or(after, |start| after.max(start));
        let next = match &self.times {
            Times::Cron(cron) => cron.next_after(&self.zone, after),
            Times::Every(every, anchor) => self.next_of_interval(*every, *anchor, after),
            Times::At(at) => Some(*at).filter(|at| *at > after),
        };
        next.filter(|next| self.ends_at.is_none_or(|end| *next <= end))
    }

    /// The first few after that one.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last)).take(count).collect()
    }

    /// Instants from `first`, which is one, up to `now`: the last `most` of them, and what was before these.
    pub(super) fn passed(&self, first: Timestamp, now: Timestamp, most: usize) -> (Vec<Timestamp>, Option<Missed>) {
        let mut kept = VecDeque::from([first]);
        let mut missed: Option<Missed> = None;
        while let Some(next) = kept.back().and_then(|last| self.next_after(*last)).filter(|next| *next <= now) {
            kept.push_back(next);
            if kept.len() > most
                && let Some(at) = kept.pop_front()
            {
                missed = Some(Missed::with(missed, at));
            }
        }
        (kept.into(), missed)
    }

    fn next_of_interval(&self, every: Every, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let count = i64::from(every.count);
        match every.unit {
            Unit::Minutes => elapsed(SignedDuration::from_mins(count), anchor, after),
            Unit::Hours => elapsed(SignedDuration::from_hours(count), anchor, after),
            Unit::Days => self.of_days(count, anchor, after),
            Unit::Weeks => self.of_days(count * 7, anchor, after),
        }
    }

    /// At the anchor's time by the clock, so many days apart.
    fn of_days(&self, days: i64, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let (first, now) = (self.zone.local(anchor), self.zone.local(after));
        let steps = (whole_days(first, now) / days).max(0);
        // A day before, for the clock may say another day than the time of day alone.
        (steps.saturating_sub(1)..).take(4).find_map(|step| {
            let local = first.checked_add(step.checked_mul(days)?.days()).ok()?;
            self.zone.instant(local).filter(|at| *at > after && *at >= anchor)
        })
    }
}

/// The first multiple of a time after the anchor that is later.
fn elapsed(step: SignedDuration, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
    if after < anchor {
        return Some(anchor);
    }
    let steps = after.duration_since(anchor).as_secs() / step.as_secs() + 1;
    let steps = i32::try_from(steps).ok()?;
    anchor.checked_add(step.checked_mul(steps)?).ok()
}

fn whole_days(from: DateTime, to: DateTime) -> i64 {
    to.date().duration_since(from.date()).as_hours() / 24
}
