//! Days that are named by where they lie from a day: yesterday, the month before.

use jiff::{ToSpan, civil::Date};

/// A name for one day, or for days that follow each other. The list is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relative {
    /// The day itself.
    Today,
    /// The day before.
    Yesterday,
    /// A calendar period, and which of it.
    Calendar(Period, Which),
    /// So many whole days, the last of them yesterday.
    LastDays(u16),
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// Monday to Sunday (ISO 8601).
    Week,
    /// From the first of the month.
    Month,
    /// From the first of January, April, July, October.
    Quarter,
    /// From the first of January.
    Year,
}

/// Which period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    /// The one that the day lies in, to its own end.
    This,
    /// The whole one before.
    Last,
    /// The one that the day lies in, up to and with the day.
    ToDate,
}

use Period::{Month, Quarter, Week, Year};
use Which::{Last, This, ToDate};

/// Every one there is, by its name on the wire.
const NAMES: [(&str, Relative); 19] = [
    ("today", Relative::Today),
    ("yesterday", Relative::Yesterday),
    ("this_week", Relative::Calendar(Week, This)),
    ("last_week", Relative::Calendar(Week, Last)),
    ("week_to_date", Relative::Calendar(Week, ToDate)),
    ("this_month", Relative::Calendar(Month, This)),
    ("last_month", Relative::Calendar(Month, Last)),
    ("month_to_date", Relative::Calendar(Month, ToDate)),
    ("this_quarter", Relative::Calendar(Quarter, This)),
    ("last_quarter", Relative::Calendar(Quarter, Last)),
    ("quarter_to_date", Relative::Calendar(Quarter, ToDate)),
    ("this_year", Relative::Calendar(Year, This)),
    ("last_year", Relative::Calendar(Year, Last)),
    ("year_to_date", Relative::Calendar(Year, ToDate)),
    ("last_7_days", Relative::LastDays(7)),
    ("last_14_days", Relative::LastDays(14)),
    ("last_30_days", Relative::LastDays(30)),
    ("last_90_days", Relative::LastDays(90)),
    ("last_365_days", Relative::LastDays(365)),
];

impl Relative {
    /// Every name, in the order of the documentation.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().map(|(name, _)| name)
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, relative)| relative)
    }

    /// Whether it is one day, whose first is its last.
    pub const fn is_one_day(self) -> bool {
        matches!(self, Self::Today | Self::Yesterday)
    }

    /// First and last day, both inclusive, as of a day. At the ends of the calendar itself they stay within it.
    pub fn days(self, today: Date) -> (Date, Date) {
        let before = |days: i64| today.saturating_sub(days.days());
        match self {
            Self::Today => (today, today),
            Self::Yesterday => (before(1), before(1)),
            Self::Calendar(period, This) => period.around(today),
            Self::Calendar(period, Last) => period.around(period.around(today).0.saturating_sub(1.day())),
            Self::Calendar(period, ToDate) => (period.around(today).0, today),
            Self::LastDays(days) => (before(days.into()), before(1)),
        }
    }
}

impl Period {
    /// The one that a day lies in.
    fn around(self, day: Date) -> (Date, Date) {
        match self {
            Self::Week => {
                let monday = day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days());
                (monday, monday.saturating_add(6.days()))
            }
            Self::Month => (day.first_of_month(), day.last_of_month()),
            Self::Quarter => {
                let first = day.first_of_month().saturating_sub(i64::from((day.month() - 1) % 3).months());
                (first, first.saturating_add(2.months()).last_of_month())
            }
            Self::Year => (day.first_of_year(), day.last_of_year()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn days(name: &str, today: Date) -> (String, String) {
        let (from, to) = Relative::from_name(name).unwrap().days(today);
        (from.to_string(), to.to_string())
    }

    /// The table of the documentation.
    #[test]
    fn each_is_what_it_says() {
        let wednesday = date(2024, 5, 15);
        for (name, from, to) in [
            ("today", "2024-05-15", "2024-05-15"),
            ("yesterday", "2024-05-14", "2024-05-14"),
            ("this_week", "2024-05-13", "2024-05-19"),
            ("last_week", "2024-05-06", "2024-05-12"),
            ("week_to_date", "2024-05-13", "2024-05-15"),
            ("this_month", "2024-05-01", "2024-05-31"),
            ("last_month", "2024-04-01", "2024-04-30"),
            ("month_to_date", "2024-05-01", "2024-05-15"),
            ("this_quarter", "2024-04-01", "2024-06-30"),
            ("last_quarter", "2024-01-01", "2024-03-31"),
            ("quarter_to_date", "2024-04-01", "2024-05-15"),
            ("this_year", "2024-01-01", "2024-12-31"),
            ("last_year", "2023-01-01", "2023-12-31"),
            ("year_to_date", "2024-01-01", "2024-05-15"),
            ("last_7_days", "2024-05-08", "2024-05-14"),
            ("last_14_days", "2024-05-01", "2024-05-14"),
            ("last_30_days", "2024-04-15", "2024-05-14"),
            ("last_90_days", "2024-02-15", "2024-05-14"),
            ("last_365_days", "2023-05-16", "2024-05-14"),
        ] {
            assert_eq!(days(name, wednesday), (from.to_owned(), to.to_owned()), "{name}");
        }
        assert_eq!(Relative::from_name("last_fortnight"), None);
    }

    #[test]
    fn leap_years_and_turns_of_the_year_are_kept() {
        let of = |name, today| days(name, today);
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(of("last_month", date(2024, 3, 31)), pair("2024-02-01", "2024-02-29"));
        assert_eq!(of("last_month", date(2023, 3, 31)), pair("2023-02-01", "2023-02-28"));
        assert_eq!(of("last_month", date(2024, 1, 1)), pair("2023-12-01", "2023-12-31"));
        assert_eq!(of("yesterday", date(2024, 3, 1)), pair("2024-02-29", "2024-02-29"));
        assert_eq!(of("last_quarter", date(2024, 1, 1)), pair("2023-10-01", "2023-12-31"));
        assert_eq!(of("last_year", date(2025, 1, 1)), pair("2024-01-01", "2024-12-31"));
        assert_eq!(of("this_week", date(2024, 12, 31)), pair("2024-12-30", "2025-01-05"));
        assert_eq!(of("week_to_date", date(2024, 5, 12)), pair("2024-05-06", "2024-05-12"), "a Sunday ends its week");
        assert_eq!(of("month_to_date", date(2024, 5, 1)), pair("2024-05-01", "2024-05-01"));
    }

    fn any_day() -> impl Strategy<Value = Date> {
        (0..3_652_058_i64).prop_map(|days| date(1, 1, 1).saturating_add(days.days()))
    }

    proptest! {
        #[test]
        fn first_comes_before_last_and_periods_abut(today in any_day()) {
            for (name, relative) in NAMES {
                let (from, to) = relative.days(today);
                prop_assert!(from <= to, "{name} as of {today}");
                prop_assert_eq!(relative.is_one_day(), matches!(name, "today" | "yesterday"));
                if let Relative::Calendar(period, which) = relative {
                    let this = Relative::Calendar(period, This).days(today);
                    prop_assert!(this.0 <= today && today <= this.1, "{name} as of {today}");
                    match which {
                        This => {}
                        Last => prop_assert_eq!(to.tomorrow().unwrap(), this.0),
                        ToDate => prop_assert_eq!((from, to), (this.0, today)),
                    }
                }
                if let Relative::LastDays(days) = relative {
                    prop_assert_eq!(to.tomorrow().unwrap(), today);
                    prop_assert_eq!(from.until(to).unwrap().get_days() + 1, i32::from(days));
                }
            }
        }

        /// The same period, whichever of its days it is.
        #[test]
        fn a_period_does_not_depend_on_the_day_in_it(today in any_day(), other in 0..366_i64) {
            for period in [Week, Month, Quarter, Year] {
                let (from, to) = period.around(today);
                let day = from.saturating_add(other.days()).min(to);
                prop_assert_eq!(period.around(day), (from, to));
            }
        }
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        for (_, relative) in NAMES {
            let _ = (relative.days(Date::MIN), relative.days(Date::MAX));
        }
    }
}
