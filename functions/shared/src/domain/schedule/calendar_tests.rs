//! Instants against a count of every minute, over the weeks around changes of the clock.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, ToSpan, Unit as Time, civil::DateTime};
use proptest::prelude::*;

use super::{Calendar, Cron, Every, InvalidCron, MissedPolicy, Settings, Timing, Unit, Zone};

fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn settings(zone: &str, timing: Timing) -> Settings {
    let missed = MissedPolicy::Latest;
    Settings { name: None, timing, time_zone: zone.to_owned(), starts_at: None, ends_at: None, missed }
}

fn cron(zone: &str, text: &str) -> Settings {
    settings(zone, Timing::Cron(text.to_owned()))
}

/// The first few, by the clock of the zone.
fn upcoming(settings: &Settings, after: &str, count: usize) -> Vec<String> {
    let calendar = Calendar::of(settings).unwrap();
    let local = |at: Timestamp| calendar.zone().zoned(at).strftime("%m-%dT%H:%M%:z").to_string();
    calendar.upcoming(ts(after), count).into_iter().map(local).collect()
}

#[test]
fn a_time_that_is_skipped_runs_after_the_gap() {
    let at_half_past_two = cron("America/New_York", "30 2 * * *");
    let expected = ["03-07T02:30-05:00", "03-08T03:00-04:00", "03-09T02:30-04:00"];
    assert_eq!(upcoming(&at_half_past_two, "2026-03-07T00:00:00Z", 3), expected);
    // Midnight itself, on the day that had none.
    let at_midnight = cron("America/Sao_Paulo", "0 0 * * *");
    let expected = ["11-03T00:00-03:00", "11-04T01:00-02:00", "11-05T00:00-02:00"];
    assert_eq!(upcoming(&at_midnight, "2018-11-03T00:00:00Z", 3), expected);
    // Half an hour.
    let at_a_quarter_past = cron("Australia/Lord_Howe", "15 2 * * *");
    let expected = ["10-03T02:15+10:30", "10-04T02:30+11:00", "10-05T02:15+11:00"];
    assert_eq!(upcoming(&at_a_quarter_past, "2026-10-02T12:00:00Z", 3), expected);
    // Several times in one gap are one run, and so are one in it and the moment after.
    let several = cron("Europe/Lisbon", "0,30 1,2 * * *");
    let expected = ["03-29T02:00+01:00", "03-29T02:30+01:00", "03-30T01:00+01:00"];
    assert_eq!(upcoming(&several, "2026-03-29T00:10:00Z", 3), expected);
}

#[test]
fn a_time_that_comes_twice_runs_the_first_time() {
    let at_half_past_one = cron("America/New_York", "30 1 * * *");
    let expected = ["10-31T01:30-04:00", "11-01T01:30-04:00", "11-02T01:30-05:00"];
    assert_eq!(upcoming(&at_half_past_one, "2026-10-31T00:00:00Z", 3), expected);
    // Asked in the hour that comes again.
    assert_eq!(upcoming(&at_half_past_one, "2026-11-01T06:10:00Z", 1), ["11-02T01:30-05:00"]);
    let at_a_quarter_to_midnight = cron("America/Sao_Paulo", "45 23 * * *");
    let expected = ["02-17T23:45-02:00", "02-18T23:45-03:00"];
    assert_eq!(upcoming(&at_a_quarter_to_midnight, "2018-02-17T12:00:00Z", 2), expected);
}

#[test]
fn minutes_of_every_hour_go_on_in_real_time() {
    let every_half_hour = cron("Europe/Lisbon", "*/30 * * * *");
    let expected = ["00:30+00:00", "02:00+01:00", "02:30+01:00"];
    let found = upcoming(&every_half_hour, "2026-03-29T00:00:00Z", 3);
    assert!(found.iter().zip(expected).all(|(found, expected)| found.ends_with(expected)), "{found:?}");
    let expected = ["01:30+01:00", "01:00+00:00", "01:30+00:00", "02:00+00:00"];
    let found = upcoming(&every_half_hour, "2026-10-25T00:00:00Z", 4);
    assert!(found.iter().zip(expected).all(|(found, expected)| found.ends_with(expected)), "{found:?}");
    let past_the_hour = cron("Asia/Kathmandu", "15 * * * *");
    assert_eq!(upcoming(&past_the_hour, "2026-01-01T00:00:00Z", 2), ["01-01T06:15+05:45", "01-01T07:15+05:45"]);
}

#[test]
fn hours_pass_and_days_are_the_calendars() {
    let anchor = ts("2026-03-07T07:30:00Z");
    let every = |count, unit| Timing::Every { every: Every { count, unit }, anchor };
    let hours = settings("America/New_York", every(24, Unit::Hours));
    let expected = ["03-07T02:30-05:00", "03-08T03:30-04:00", "03-09T03:30-04:00"];
    assert_eq!(upcoming(&hours, "2026-03-07T00:00:00Z", 3), expected);
    let days = settings("America/New_York", every(1, Unit::Days));
    let expected = ["03-07T02:30-05:00", "03-08T03:00-04:00", "03-09T02:30-04:00"];
    assert_eq!(upcoming(&days, "2026-03-07T00:00:00Z", 3), expected);
    let weeks = settings("America/New_York", every(2, Unit::Weeks));
    let expected = ["03-07T02:30-05:00", "03-21T02:30-04:00", "04-04T02:30-04:00"];
    assert_eq!(upcoming(&weeks, "2026-03-07T00:00:00Z", 3), expected);
    assert_eq!(upcoming(&days, "2036-03-07T00:00:00Z", 1), ["03-07T02:30-05:00"], "far from its anchor");
}

#[test]
fn the_dialect_is_vixies_with_last_nearest_and_nth_days() {
    for (text, expected) in [
        ("0 8 13 * 5", ["11-27", "12-04", "12-11"]),
        ("0 8 13 * +5", ["08-13", "10-13", "04-13"]),
        ("0 8 L * *", ["11-30", "12-31", "01-31"]),
        ("0 8 15W * *", ["12-15", "01-15", "02-15"]),
        ("0 8 * * MON#2", ["12-14", "01-11", "02-08"]),
        ("0 8 * * 5L", ["11-27", "12-25", "01-29"]),
        ("0 8 ? JAN 7", ["01-03", "01-10", "01-17"]),
        ("@monthly", ["12-01", "01-01", "02-01"]),
        ("0 8 29 2 *", ["02-29", "02-29", "02-29"]),
    ] {
        let found = upcoming(&cron("UTC", text), "2026-11-27T00:00:00Z", 3);
        let days: Vec<&str> = found.iter().map(|found| &found[..5]).collect();
        assert_eq!(days, expected, "{text}");
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    let refused = |text: &str| text.parse::<Cron>().map(|_| ()).unwrap_err();
    for text in ["", "* * * *", "0 0 8 * * *", "0 8 * * * 2026", "@", "@every 5m", "0 8 * * \u{661}"] {
        assert!(matches!(refused(text), InvalidCron::Fields | InvalidCron::Pattern(_)), "{text}");
    }
    for text in ["60 8 * * *", "0 24 * * *", "0 8 0 * *", "0 8 * 13 *", "0 8 * * 8", "0-5-7 8 * * *", "*/0 8 * * *"] {
        assert!(matches!(refused(text), InvalidCron::Pattern(_)), "{text}: {:?}", refused(text));
    }
    for text in ["0 8 30 2 *", "0 8 31 4,6,9,11 *", ", 8 * * *"] {
        assert_eq!(refused(text), InvalidCron::Never, "{text}");
    }
    for text in ["* * * * *", "*/4 * * * *", "0,58 * * * *", "0,59 8-9 * * *", "1,58 0,23 * * *"] {
        assert_eq!(refused(text), InvalidCron::TooOften, "{text}");
    }
    for text in ["*/5 * * * *", "0,59 8 * * *", "0,55 0,23 * * *", "0 8 29 2 +1"] {
        assert!(text.parse::<Cron>().is_ok(), "{text}");
    }
}

#[test]
fn start_and_end_are_included() {
    let daily = cron("America/Sao_Paulo", "0 8 * * *");
    let bounded =
        Settings { starts_at: Some(ts("2026-12-01T11:00:00Z")), ends_at: Some(ts("2026-12-03T11:00:00Z")), ..daily };
    let expected = ["12-01T08:00-03:00", "12-02T08:00-03:00", "12-03T08:00-03:00"];
    assert_eq!(upcoming(&bounded, "2026-11-27T00:00:00Z", 5), expected);
    let once = settings("UTC", Timing::At(ts("2026-12-01T11:00:00Z")));
    assert_eq!(upcoming(&once, "2026-11-27T00:00:00Z", 5).len(), 1);
    assert_eq!(upcoming(&once, "2026-12-01T11:00:00Z", 5).len(), 0);
}

/// Minutes and hours as sets, for the oracle and as text.
#[derive(Debug, Clone)]
struct Pattern {
    minutes: BTreeSet<i8>,
    /// None: every hour.
    hours: Option<BTreeSet<i8>>,
    /// None: every day.
    weekdays: Option<BTreeSet<i8>>,
}

impl Pattern {
    fn text(&self) -> String {
        let list = |set: &BTreeSet<i8>| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let or_all = |set: &Option<BTreeSet<i8>>| set.as_ref().map_or("*".to_owned(), list);
        format!("{} {} * * {}", list(&self.minutes), or_all(&self.hours), or_all(&self.weekdays))
    }

    fn matches(&self, local: DateTime) -> bool {
        local.second() == 0
            && self.minutes.contains(&local.minute())
            && self.hours.as_ref().is_none_or(|hours| hours.contains(&local.hour()))
            && self.weekdays.as_ref().is_none_or(|days| days.contains(&local.weekday().to_sunday_zero_offset()))
    }

    /// Every instant of a span, minute by minute: of a pattern of every hour, whenever the clock shows a time; else each
    /// minute of the calendar, where it is or where the gap ends.
    fn instants(&self, zone: &Zone, from: Timestamp, to: Timestamp) -> BTreeSet<Timestamp> {
        let minutes = to.duration_since(from).as_mins();
        if self.hours.is_none() {
            let every = (0..=minutes).map(|minute| from + SignedDuration::from_mins(minute));
            return every.filter(|at| self.matches(zone.local(*at))).collect();
        }
        let first = zone.local(from).date().to_datetime(jiff::civil::Time::midnight()).checked_sub(1.day()).unwrap();
        let every = (0..minutes + 3 * 24 * 60).map(|minute| first.checked_add(minute.minutes()).unwrap());
        let of = |local| by_search(zone, local);
        every.filter(|local| self.matches(*local)).map(of).filter(|at| (from..=to).contains(at)).collect()
    }
}

/// The rule once more, in another way: the first minute from which on the clock shows that time or a later one, and never
/// an earlier one that it had not shown before.
fn by_search(zone: &Zone, local: DateTime) -> Timestamp {
    let guess = local.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp() - SignedDuration::from_hours(16);
    let minutes = (0..32 * 60).map(|minute| guess + SignedDuration::from_mins(minute));
    minutes.into_iter().find(|at| zone.local(*at) >= local).unwrap()
}

/// Changes of the clock, and one zone that has none.
const CHANGES: [(&str, &str); 8] = [
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Europe/Lisbon", "2026-03-29T01:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Asia/Kathmandu", "2026-03-08T07:00:00Z"),
];

fn any_pattern() -> impl Strategy<Value = Pattern> {
    let minutes = prop::collection::btree_set((0_i8..12).prop_map(|n| n * 5), 1..4);
    let hours = prop::option::of(prop::collection::btree_set(prop_oneof![0_i8..4, 0_i8..24], 1..4));
    let weekdays = prop::option::weighted(0.3, prop::collection::btree_set(0_i8..7, 1..4));
    (minutes, hours, weekdays).prop_map(|(minutes, hours, weekdays)| Pattern { minutes, hours, weekdays })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn instants_are_those_of_a_count_of_every_minute(
        pattern in any_pattern(),
        change in 0..CHANGES.len(),
        seconds in 0_i64..7200,
        bounds in prop::option::of((0_i64..96, 0_i64..96)),
    ) {
        let (zone, change) = CHANGES[change];
        let change = ts(change);
        let from = change - SignedDuration::from_hours(60);
        let to = change + SignedDuration::from_hours(60);
        let hours = |hours: i64| from + SignedDuration::from_hours(hours);
        let (start, end) = bounds.map_or((None, None), |(start, life)| (Some(hours(start)), Some(hours(start + life))));
        let settings = Settings { starts_at: start, ends_at: end, ..cron(zone, &pattern.text()) };
        let calendar = Calendar::of(&settings).unwrap();

        let mut expected = pattern.instants(calendar.zone(), from, to);
        expected.retain(|at| start.is_none_or(|start| *at >= start) && end.is_none_or(|end| *at <= end));
        let mut last = from + SignedDuration::from_secs(seconds);
        expected.retain(|at| *at > last);
        for expected in expected {
            let next = calendar.next_after(last);
            prop_assert_eq!(next, Some(expected), "after {}", last);
            // Whatever is asked in between, the answer is the same.
            let between = last + (expected.duration_since(last) / 2);
            prop_assert_eq!(calendar.next_after(between), Some(expected));
            last = expected;
        }
        let after = calendar.next_after(last);
        prop_assert!(after.is_none_or(|after| after > to && end.is_none_or(|end| after <= end)));
    }

    #[test]
    fn intervals_are_later_and_in_step(
        count in 1_u32..50, unit in 0..Unit::ALL.len(), change in 0..CHANGES.len(), anchor in -2000_i64..2000, ask in -500_i64..9000,
    ) {
        let (zone, change) = CHANGES[change];
        let unit = Unit::ALL[unit];
        let count = count.max(unit.bounds().0);
        let anchor = ts(change) + SignedDuration::from_mins(anchor);
        let calendar = Calendar::of(&settings(zone, Timing::Every { every: Every { count, unit }, anchor })).unwrap();
        let after = anchor + SignedDuration::from_mins(ask);
        let next = calendar.next_after(after).unwrap();
        prop_assert!(next > after && next >= anchor);
        let step = i64::from(count) * match unit { Unit::Minutes => 1, Unit::Hours => 60, Unit::Days => 24 * 60, Unit::Weeks => 7 * 24 * 60 };
        let off = next.duration_since(anchor).as_mins();
        match unit {
            Unit::Minutes | Unit::Hours => {
                prop_assert_eq!(off % step, 0);
                prop_assert!(after < anchor || next.duration_since(after) <= SignedDuration::from_mins(step));
            }
            Unit::Days | Unit::Weeks => {
                let (first, day) = (calendar.zone().local(anchor), calendar.zone().local(next));
                let days = first.date().until((Time::Day, day.date())).unwrap().get_days();
                prop_assert_eq!(i64::from(days) * 24 * 60 % step, 0);
                prop_assert!(after < anchor || next.duration_since(after) <= SignedDuration::from_mins(step + 60));
            }
        }
    }

    #[test]
    fn no_text_does_harm(text in ".{0,40}", fields in "[-0-9*/,LW#?+A-Z @]{0,30}") {
        let _ = text.parse::<Cron>();
        if let Ok(cron) = fields.parse::<Cron>() {
            prop_assert!(cron.next_after(&Zone::named("UTC").unwrap(), ts("2026-01-01T00:00:00Z")).is_some());
        }
    }
}
