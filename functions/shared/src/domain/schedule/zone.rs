//! Time zones by their IANA names, and the rule for times that a clock skips or shows twice.

use jiff::{
    SignedDuration, Timestamp, Zoned,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// A name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone {0:?}")]
pub struct UnknownZone(pub String);

/// Longest name that is looked up, in bytes.
const MAX_NAME: usize = 64;

/// A time zone of the IANA database that is built in.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// Looks a name up, such as `America/Sao_Paulo`.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let zone = Some(name).filter(|name| name.len() <= MAX_NAME).and_then(|name| TimeZone::get(name).ok());
        let zone = zone.filter(|zone| zone.iana_name().is_some());
        zone.map(Self).ok_or_else(|| UnknownZone(name.chars().take(MAX_NAME).collect()))
    }

    /// Its name as the database spells it.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What the clock shows then.
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The same with the offset from UTC.
    pub fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.0.clone())
    }

    /// The instant of a time by the clock. One that the clock skips is the first moment after the gap; of one that it shows
    /// twice, the first. So later times never come earlier. None beyond the years that there are.
    pub fn instant(&self, local: DateTime) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        let AmbiguousOffset::Gap { before, .. } = ambiguous.offset() else { return ambiguous.earlier().ok() };
        // By the offset of before the gap it would be at or after the change, and the change is the latest up to there.
        let within = before.to_timestamp(local).ok()?.checked_add(SignedDuration::from_secs(1)).ok()?;
        self.0.preceding(within).next().map(|change| change.timestamp())
    }

    /// Offset from UTC then.
    pub(super) fn offset(&self, at: Timestamp) -> Offset {
        self.0.to_offset(at)
    }

    /// When the clock is next put forward or back, or its offset is given another name.
    pub(super) fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        self.0.following(after).next().map(|change| change.timestamp()).filter(|change| *change > after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(zone: &str, local: &str) -> String {
        Zone::named(zone).unwrap().instant(local.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn names_are_looked_up() {
        assert_eq!(Zone::named("america/sao_paulo").unwrap().name(), "America/Sao_Paulo");
        assert_eq!(Zone::named("UTC").unwrap().name(), "UTC");
        for name in ["", "Mars/Olympus", "-03:00", "EST5EDT,M3.2.0,M11.1.0", "../etc/passwd", &"x".repeat(500)] {
            assert!(Zone::named(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_time_that_the_clock_skips_is_the_moment_after() {
        assert_eq!(instant("America/New_York", "2026-03-08T02:30:00"), "2026-03-08T07:00:00Z");
        assert_eq!(instant("America/Sao_Paulo", "2018-11-04T00:00:00"), "2018-11-04T03:00:00Z");
        assert_eq!(instant("Europe/Lisbon", "2026-03-29T01:59:59"), "2026-03-29T01:00:00Z");
        assert_eq!(instant("Australia/Lord_Howe", "2026-10-04T02:15:00"), "2026-10-03T15:30:00Z");
        // A whole day that never was.
        assert_eq!(instant("Pacific/Apia", "2011-12-30T12:00:00"), "2011-12-30T10:00:00Z");
    }

    #[test]
    fn of_a_time_that_comes_twice_it_is_the_first() {
        assert_eq!(instant("America/New_York", "2026-11-01T01:30:00"), "2026-11-01T05:30:00Z");
        assert_eq!(instant("America/Sao_Paulo", "2018-02-17T23:30:00"), "2018-02-18T01:30:00Z");
        assert_eq!(instant("Australia/Lord_Howe", "2026-04-05T01:45:00"), "2026-04-04T14:45:00Z");
        assert_eq!(instant("Asia/Kathmandu", "2026-04-05T01:45:00"), "2026-04-04T20:00:00Z");
    }
}
