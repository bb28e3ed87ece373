//! `scheduleParams`: a report at a later time, or again and again, in the terms of Waybill's own schedules.
//!
//! | TReports | Waybill |
//! |---|---|
//! | `type` 1, `date`, `time` | once at that instant |
//! | `repeatType` 0, `repeatTime` | an interval, counted from the date, or from now |
//! | `repeatType` 1, `repeatWeekPattern` | a cron expression: those days of the week at the date's time of day, or now's |
//! | `repeatType` 2, `repeatMonthPattern` | a cron expression: that day of the month, or its last |
//!
//! What repeats from now on (`type` 0) is made at once, too. What cannot be said exactly is refused by its name.

use jiff::{
    SignedDuration, Timestamp,
    civil::{DateTime, Time},
    fmt::temporal::Pieces,
};
use serde_json::Value as Json;
use waybill::{
    accept::fields::Faults,
    domain::schedule::{Every, MissedPolicy, SMALLEST_INTERVAL, Settings, Timing, Unit, Zone},
};

use super::words::{Words, says_something};

const FIELDS: [&str; 8] =
    ["repeat", "type", "date", "time", "repeatType", "repeatTime", "repeatMonthPattern", "repeatWeekPattern"];

/// Days of the week, as they are named here and in cron.
const DAYS: [(&str, &str); 7] = [
    ("sunday", "SUN"),
    ("monday", "MON"),
    ("tuesday", "TUE"),
    ("wednesday", "WED"),
    ("thursday", "THU"),
    ("friday", "FRI"),
    ("saturday", "SAT"),
];

/// Longest text that is read as a time, in bytes.
const MAX_TIME: usize = 64;

/// Dates are before this.
const END_OF_TIMES: Timestamp = Timestamp::constant(7_258_118_400, 0);

/// When a report is made, other than now and once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Of the schedule.
    pub settings: Settings,
    /// Whether it is made at once besides.
    pub and_now: bool,
}

/// Reads `scheduleParams`; none: now, and once. A view has no schedule, whatever is said of one, but it must be readable.
pub fn read(body: &Words, is_view: bool, (zone, now): (&Zone, Timestamp), faults: &Faults) -> Option<Plan> {
    let schedule = body.object("scheduleParams", &FIELDS)?;
    let repeats = schedule.flag("repeat").unwrap_or(false);
    let at_a_date = number(&schedule, "type", "Must be 0 (now) or 1 (at a date).", 1, faults)? == 1;
    if is_view || !(repeats || at_a_date) {
        return None;
    }
    let reader = Reader { schedule, zone, now, faults };
    let start = at_a_date.then(|| reader.start());
    let timing = repeats.then(|| reader.timing(start.flatten()));
    let (timing, starts_at) = match (timing, start) {
        (Some(timing), None) => (timing?, None),
        (Some(timing), Some(start)) => (timing?, Some(start?)),
        (None, start) => (Timing::At(start.flatten()?), None),
    };
    let settings = Settings {
        name: None,
        timing,
        time_zone: zone.name().to_owned(),
        starts_at,
        ends_at: None,
        missed: MissedPolicy::default(),
    };
    Some(Plan { settings, and_now: !at_a_date })
}

/// A number up to `most`, also as a text, as .NET's clients may write it; 0 unless given.
fn number(words: &Words, name: &str, detail: &str, most: i64, faults: &Faults) -> Option<i64> {
    let read = match words.get(name) {
        None => Some(0),
        Some(Json::String(text)) if text.is_empty() => Some(0),
        Some(Json::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
    };
    let read = read.filter(|number| (0..=most).contains(number));
    if read.is_none() {
        faults.add(words.place(name), "not_allowed", detail);
    }
    read
}

struct Reader<'a> {
    schedule: Words<'a>,
    zone: &'a Zone,
    now: Timestamp,
    faults: &'a Faults,
}

impl Reader<'_> {
    fn fault<T>(&self, name: &str, code: &'static str, detail: impl Into<String>) -> Option<T> {
        self.faults.add(self.schedule.place(name), code, detail);
        None
    }

    /// `date`, at `time` where that is given: an instant that is still to come, in whole seconds.
    fn start(&self) -> Option<Timestamp> {
        let Some(text) = self.schedule.text("date", MAX_TIME) else {
            return self.fault("date", "missing", "Required with `type` 1: when.");
        };
        let Some((local, offset)) = moment(text) else {
            let detail = "Must be a date as 2026-12-01T08:00:00-03:00, 2026-12-01T08:00:00 or 2026-12-01.";
            return self.fault("date", "format", detail);
        };
        let local = self.at_time(local)?;
        // Without an offset it is by the clock of the tenant's zone.
        let at = offset.map_or_else(|| self.zone.instant(local), |offset| offset.to_timestamp(local).ok());
        let at = at.and_then(|at| Timestamp::from_second(at.as_second()).ok());
        match at.filter(|at| *at < END_OF_TIMES) {
            None => self.fault("date", "out_of_range", "Must be before the year 2200."),
            Some(at) if at <= self.now => self.fault("date", "never_runs", "Must be a time that is still to come."),
            at => at,
        }
    }

    fn at_time(&self, local: DateTime) -> Option<DateTime> {
        let Some(text) = self.schedule.text("time", MAX_TIME) else { return Some(local) };
        let Some(time) = clock(text).and_then(time_of_day) else {
            return self.fault("time", "format", "Must be a time of day, as 08:30.");
        };
        if local.time() != Time::midnight() && local.time() != time {
            return self.fault("time", "not_allowed", "`date` has another time of day already.");
        }
        Some(local.date().to_datetime(time))
    }

    fn timing(&self, start: Option<Timestamp>) -> Option<Timing> {
        let detail = "Must be 0 (daily), 1 (weekly) or 2 (monthly).";
        match number(&self.schedule, "repeatType", detail, 2, self.faults)? {
            0 => self.interval().map(|every| Timing::Every { every, anchor: start.unwrap_or(whole(self.now)) }),
            1 => self.weekly(start).map(Timing::Cron),
            _ => self.monthly(start).map(Timing::Cron),
        }
    }

    /// `repeatTime`: so many hours and minutes, of which a day is the most.
    fn interval(&self) -> Option<Every> {
        self.unused("repeatWeekPattern", "repeatType` 1");
        self.unused("repeatMonthPattern", "repeatType` 2");
        let Some(text) = self.schedule.text("repeatTime", MAX_TIME) else {
            let detail =
                "Required with `repeatType` 0: after how long, as 04:00 for every four hours, 24:00 for every day.";
            return self.fault("repeatTime", "missing", detail);
        };
        let Some(after) = clock(text).filter(|after| after.as_secs() % 60 == 0) else {
            return self.fault("repeatTime", "format", "Must be hours and minutes, as 04:00 for every four hours.");
        };
        if !(SMALLEST_INTERVAL..=SignedDuration::from_hours(24)).contains(&after) {
            let detail = format!("Must be 00:{:02} to 24:00.", SMALLEST_INTERVAL.as_mins());
            return self.fault("repeatTime", "out_of_range", detail);
        }
        let minutes = u32::try_from(after.as_mins()).ok()?;
        Some(match minutes {
            // At the same time by the clock.
            1_440 => Every { count: 1, unit: Unit::Days },
            hours if hours % 60 == 0 => Every { count: hours / 60, unit: Unit::Hours },
            minutes => Every { count: minutes, unit: Unit::Minutes },
        })
    }

    fn weekly(&self, start: Option<Timestamp>) -> Option<String> {
        self.unused("repeatTime", "repeatType` 0");
        self.unused("repeatMonthPattern", "repeatType` 2");
        let missing = "Required with `repeatType` 1: at least one day of the week.";
        if self.schedule.get("repeatWeekPattern").is_none() {
            return self.fault("repeatWeekPattern", "missing", missing);
        }
        let pattern = self.schedule.object("repeatWeekPattern", &DAYS.map(|(name, _)| name))?;
        let days: Vec<&str> =
            DAYS.into_iter().filter(|(name, _)| pattern.flag(name).unwrap_or(false)).map(|(_, day)| day).collect();
        if days.is_empty() {
            return self.fault("repeatWeekPattern", "missing", missing);
        }
        Some(format!("{} * * {}", self.minute_and_hour(start), days.join(",")))
    }

    fn monthly(&self, start: Option<Timestamp>) -> Option<String> {
        self.unused("repeatTime", "repeatType` 0");
        self.unused("repeatWeekPattern", "repeatType` 1");
        let missing = "Required with `repeatType` 2: `day`, 1 to 31, or `last`.";
        if self.schedule.get("repeatMonthPattern").is_none() {
            return self.fault("repeatMonthPattern", "missing", missing);
        }
        let pattern = self.schedule.object("repeatMonthPattern", &["last", "day"])?;
        let last = pattern.flag("last").unwrap_or(false);
        let day = number(&pattern, "day", "Must be a day of the month, 1 to 31.", 31, self.faults)?;
        let day = match (last, day) {
            (false, 0) => return self.fault("repeatMonthPattern", "missing", missing),
            (true, 0) => "L".to_owned(),
            (false, day) => day.to_string(),
            (true, _) => {
                self.faults.add(pattern.place("day"), "not_allowed", "Not together with `last`.");
                return None;
            }
        };
        Some(format!("{} {day} * *", self.minute_and_hour(start)))
    }

    /// To the minute: of the start's, or of now, as the zone's clock has it.
    fn minute_and_hour(&self, start: Option<Timestamp>) -> String {
        let local = self.zone.local(start.unwrap_or(self.now));
        format!("{} {}", local.minute(), local.hour())
    }

    /// What another way of repeating would need. Clients with types send it empty.
    fn unused(&self, name: &str, with: &str) {
        if self.schedule.get(name).is_some_and(says_something) && !self.is_filler(name) {
            let detail = format!("It belongs to `{with}.");
            self.faults.add(self.schedule.place(name), "not_allowed", detail);
        }
    }

    /// A time of day that is midnight, and the word that stands in TOTVS's documentation for any text.
    fn is_filler(&self, name: &str) -> bool {
        self.schedule
            .get(name)
            .and_then(Json::as_str)
            .is_some_and(|text| text == "string" || clock(text).is_some_and(|after| after.is_zero()))
    }
}

fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A date with or without a time of day, and the offset that is written with it.
fn moment(text: &str) -> Option<(DateTime, Option<jiff::tz::Offset>)> {
    let text = text.trim();
    let pieces = Pieces::parse(text).ok().filter(|pieces| pieces.time_zone_annotation().is_none())?;
    let local = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
    Some((local, pieces.to_numeric_offset()))
}

/// `H:MM`, `HH:MM` or `HH:MM:SS`, as far as 24:00.
fn clock(text: &str) -> Option<SignedDuration> {
    let mut parts = text.trim().split(':');
    let mut part = |length: std::ops::RangeInclusive<usize>, below: i64| {
        let text = parts.next()?;
        let fits = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &i64| fits && *number < below)
    };
    let (hours, minutes) = (part(1..=2, 25)?, part(2..=2, 60)?);
    let seconds = if text.matches(':').count() == 2 { part(2..=2, 60)? } else { 0 };
    let ended = parts.next().is_none();
    let after = SignedDuration::from_secs(hours * 3_600 + minutes * 60 + seconds);
    Some(after).filter(|after| ended && *after <= SignedDuration::from_hours(24))
}

fn time_of_day(after: SignedDuration) -> Option<Time> {
    Some(after)
        .filter(|after| *after < SignedDuration::from_hours(24))
        .map(|after| Time::midnight().saturating_add(after))
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
