//! Cron expressions of five fields, in a time zone.
//!
//! The pattern is matched by the `croner` crate over the calendar alone; what the clock's changes make of it is decided here,
//! for its own rule reads `0 2,14 * * *` as an interval, drops what falls into a gap of more than two hours, and leaves out
//! the repeated hour or not by how a field is written.

use jiff::{Timestamp, civil::DateTime};
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};

use super::{SMALLEST_INTERVAL, Zone};

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 100;

const MINUTES_OF_A_DAY: i64 = 24 * 60;

/// Why a text is no expression that is served here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// Not five fields.
    #[error("must have five fields: minute, hour, day of month, month, day of week")]
    Fields,
    /// A field says nothing that cron knows.
    #[error("is not a cron expression: {0}")]
    Pattern(String),
    /// No day is like that.
    #[error("never comes, such as the 30th of February")]
    Never,
    /// Runs come too close.
    #[error("runs more often than every {} minutes", SMALLEST_INTERVAL.as_mins())]
    TooOften,
}

/// An expression that is known to be right.
#[derive(Debug, Clone)]
pub struct Cron {
    text: String,
    pattern: croner::Cron,
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let is_nickname = matches!(fields[..], [one] if one.starts_with('@'));
        if text.len() > MAX_LENGTH || !text.is_ascii() || !(fields.len() == 5 || is_nickname) {
            return Err(InvalidCron::Fields);
        }
        let text = fields.join(" ");
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = parser.parse(&text).map_err(|error| InvalidCron::Pattern(error.to_string()))?;
        let cron = Self { text, pattern };
        cron.check()?;
        Ok(cron)
    }
}

impl Cron {
    /// The expression, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// By the calendar alone: that it comes at all, and never too often.
    fn check(&self) -> Result<(), InvalidCron> {
        // Any day will do to look from.
        self.after(DateTime::constant(2024, 1, 1, 0, 0, 0, 0)).ok_or(InvalidCron::Never)?;
        let (minutes, hours) = (self.pattern.pattern.minutes.values(), self.pattern.pattern.hours.values());
        let times: Vec<i64> =
            hours.iter().flat_map(|hour| minutes.iter().map(move |minute| i64::from(hour * 60 + minute))).collect();
        // The first of the next day comes after the last of a day, as far as days follow one another.
        let next = times.iter().skip(1).copied().chain(times.first().map(|first| first + MINUTES_OF_A_DAY));
        let closest = times.iter().zip(next).map(|(time, next)| next - time).min();
        if closest.is_none_or(|closest| closest < SMALLEST_INTERVAL.as_mins()) {
            return Err(InvalidCron::TooOften);
        }
        Ok(())
    }

    /// The first instant after that one at which it runs.
    pub fn next_after(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        if self.is_of_every_hour() { self.next_of_every_hour(zone, after) } else { self.next_of_hours(zone, after) }
    }

    /// Whether it names no hours.
    fn is_of_every_hour(&self) -> bool {
        self.pattern.pattern.hours.values().len() == 24
    }

    /// Times of the day: each once on its day, whatever the clock does.
    fn next_of_hours(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let mut local = zone.local(after);
        loop {
            local = self.after(local)?;
            // In an hour that comes again, its times have been.
            let at = zone.instant(local)?;
            if at > after {
                return Some(at);
            }
        }
    }

    /// Minutes of every hour: whenever the clock shows one, so that they follow one another in real time. From one change
    /// of the clock to the next its offset is the same.
    fn next_of_every_hour(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let (mut from, mut inclusive) = (after, false);
        loop {
            let offset = zone.offset(from);
            let at = offset.to_timestamp(self.from(offset.to_datetime(from), inclusive)?).ok()?;
            match zone.next_change(from) {
                Some(change) if change <= at => (from, inclusive) = (change, true),
                _ => return Some(at),
            }
        }
    }

    fn after(&self, local: DateTime) -> Option<DateTime> {
        self.from(local, false)
    }

    fn from(&self, local: DateTime, inclusive: bool) -> Option<DateTime> {
        self.pattern.find_next_occurrence(&local, inclusive).ok()
    }
}
