//! A tenant's settings of Eclipse's reports API, and what they promise.

use jiff::{SignedDuration, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::domain::{
    link::{LinkMode, LinkPolicy},
    password::DEFAULT_ALPHABET,
    retry::Schedule,
    wrapping::ZipCipher,
};

/// The longest that a file can be kept, in hours: S3's bound on any signature.
const MAX_FILE_HOURS: u32 = 168;

/// Life of a link, in days, at most: S3's bound on any signature.
pub const MAX_LINK_DAYS: u8 = 7;

/// As recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Eclipse {
    /// IANA name of the zone of times that are given without one.
    pub time_zone: String,
    /// Days that the link of a notification opens the file, counted from that notification; 1–7.
    pub link_days: u8,
    /// How archives are encrypted. The default is **weak**: the documented `unzip -P` opens nothing else.
    pub cipher: ZipCipher,
    /// Characters of an archive's password.
    pub password_length: u8,
}

impl Default for Eclipse {
    fn default() -> Self {
        Self { time_zone: "UTC".to_owned(), link_days: 1, cipher: ZipCipher::Zipcrypto, password_length: 10 }
    }
}

impl Eclipse {
    /// The zone of times that are given without one; none if this release does not know its name.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.time_zone).ok()
    }

    /// Length and alphabet of the passwords of its archives.
    pub const fn password(&self) -> (u8, &'static str) {
        (self.password_length, DEFAULT_ALPHABET)
    }

    /// A link that S3 itself opens, signed for every notification and for all of the promised days.
    pub fn link(&self) -> LinkPolicy {
        LinkPolicy { mode: LinkMode::Direct, life_hours: Some(u32::from(self.link_days) * 24), anew: true }
    }

    /// Hours that a file must be kept so that a notification at the end of the schedule still finds it, and its link
    /// the promised days; none if that is longer than a file can be kept.
    pub fn retention_hours(&self, schedule: &Schedule) -> Option<u32> {
        let hours = delivery_hours(schedule).checked_add(u32::from(self.link_days) * 24)?;
        (hours <= MAX_FILE_HOURS).then_some(hours)
    }
}

/// The most days that a link can be promised with that schedule; 0 if none.
pub fn most_link_days(schedule: &Schedule) -> u8 {
    let left = MAX_FILE_HOURS.saturating_sub(delivery_hours(schedule)) / 24;
    u8::try_from(left).unwrap_or(MAX_LINK_DAYS).min(MAX_LINK_DAYS)
}

/// Hours from the end of a report to the last attempt at telling of it: every wait may be stretched by a tenth, and an
/// attempt takes its time.
fn delivery_hours(schedule: &Schedule) -> u32 {
    /// For the attempts themselves, and whoever has to hand them over.
    const SLACK: SignedDuration = SignedDuration::from_mins(15);
    let window = schedule.total() + schedule.total() / 10 + SLACK;
    u32::try_from((window.as_secs() + 3599) / 3600).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default of the parameter `RetrySchedule`: 75.6 hours.
    const USUAL: &str = "0,5,300,1800,7200,18000,36000,50400,72000,86400";

    #[test]
    fn a_file_is_kept_for_the_schedule_and_the_promise() {
        let hours = |days, schedule| {
            let settings = Eclipse { link_days: days, ..Eclipse::default() };
            settings.retention_hours(&Schedule::parse(schedule).unwrap())
        };
        assert_eq!(hours(1, "0"), Some(25));
        assert_eq!(hours(1, USUAL), Some(84 + 24));
        assert_eq!(hours(3, USUAL), Some(84 + 72));
        assert_eq!((hours(4, USUAL), hours(7, "0"), hours(6, "0")), (None, None, Some(145)), "refused, not shortened");
    }

    #[test]
    fn the_most_days_are_those_that_can_be_kept() {
        for schedule in ["0", USUAL, "0,604800", "0,86400,86400,86400,86400,86400"] {
            let schedule = Schedule::parse(schedule).unwrap();
            let most = most_link_days(&schedule);
            for link_days in 1..=MAX_LINK_DAYS {
                let kept = Eclipse { link_days, ..Eclipse::default() }.retention_hours(&schedule).is_some();
                assert_eq!(kept, link_days <= most, "{link_days} of {most}");
            }
        }
    }

    #[test]
    fn what_is_not_recorded_is_as_documented() {
        let read: Eclipse = serde_json::from_str("{}").unwrap();
        assert_eq!(read, Eclipse::default());
        assert_eq!((read.zone(), read.password().0), (Some(TimeZone::UTC), 10));
    }
}
