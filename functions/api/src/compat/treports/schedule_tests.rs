use proptest::prelude::*;
use serde_json::json;
use waybill::domain::schedule::Calendar;

use super::*;

/// A Friday at half past nine in São Paulo.
const NOW: &str = "2026-11-27T12:30:20.5Z";

fn plan(schedule: &Json, is_view: bool) -> Result<Option<Plan>, Vec<(String, &'static str)>> {
    let (body, faults) = (json!({ "scheduleParams": schedule }), Faults::default());
    let words = Words::of(&body, "", &["scheduleParams"], &faults).unwrap();
    let zone = Zone::named("America/Sao_Paulo").unwrap();
    let plan = read(&words, is_view, (&zone, NOW.parse().unwrap()), &faults);
    let faults: Vec<_> = faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect();
    if faults.is_empty() { Ok(plan) } else { Err(faults) }
}

/// Its first three runs, as the clock in São Paulo has them, and whether it is made at once, too.
fn runs(schedule: &Json) -> (Vec<String>, bool) {
    let plan = plan(schedule, false).unwrap().unwrap();
    let calendar = Calendar::of(&plan.settings).unwrap();
    let runs = calendar.upcoming(NOW.parse().unwrap(), 3);
    (runs.into_iter().map(|at| calendar.zone().local(at).to_string()).collect(), plan.and_now)
}

fn fault(schedule: &Json) -> (String, &'static str) {
    let mut faults = plan(schedule, false).unwrap_err();
    assert_eq!(faults.len(), 1, "{schedule}: {faults:?}");
    let (place, code) = faults.remove(0);
    (place.strip_prefix("scheduleParams.").unwrap_or(&place).to_owned(), code)
}

#[test]
fn now_and_once_is_no_schedule() {
    for schedule in [
        json!({}),
        json!({ "repeat": false, "type": 0, "repeatTime": "string" }),
        json!({ "Type": "0", "Date": null, "Repeat": false, "RepeatType": 2, "RepeatWeekPattern": { "sunday": true } }),
    ] {
        assert_eq!(plan(&schedule, false), Ok(None), "{schedule}");
    }
    let view = json!({ "repeat": true, "type": 1, "date": "never" });
    assert_eq!(plan(&view, true), Ok(None), "a view has none");
    assert_eq!(plan(&json!({ "type": 2 }), true), Err(vec![("scheduleParams.type".to_owned(), "not_allowed")]));
}

#[test]
fn at_a_date_it_runs_once() {
    for (date, time) in [
        ("2026-12-01T08:00:00-03:00", Json::Null),
        ("2026-12-01T08:00:00", Json::Null),
        ("2026-12-01T11:00:00Z", Json::Null),
        ("2026-12-01T11:00:00.1234567+00:00", Json::Null),
        ("2026-12-01 08:00", Json::Null),
        ("2026-12-01", json!("08:00")),
        ("2026-12-01T00:00:00-03:00", json!("8:00")),
        ("2026-12-01T08:00:00-03:00", json!("08:00:00")),
    ] {
        let once = runs(&json!({ "type": 1, "date": date, "time": time }));
        assert_eq!(once, (vec!["2026-12-01T08:00:00".to_owned()], false), "{date}");
    }
    assert_eq!(fault(&json!({ "type": 1 })), ("date".to_owned(), "missing"));
    for date in
        ["01/12/2026", "amanhã", "2026-13-01", "/Date(1796112000000)/", "2026-12-01T08:00:00[America/Lima]", "08:00"]
    {
        assert_eq!(fault(&json!({ "type": 1, "date": date })), ("date".to_owned(), "format"), "{date}");
    }
    assert_eq!(fault(&json!({ "type": 1, "date": "2026-11-27T12:30:20Z" })), ("date".to_owned(), "never_runs"));
    assert_eq!(fault(&json!({ "type": 1, "date": "2200-01-01" })), ("date".to_owned(), "out_of_range"));
    let twice = json!({ "type": 1, "date": "2026-12-01T08:00:00", "time": "09:00" });
    assert_eq!(fault(&twice), ("time".to_owned(), "not_allowed"));
    assert_eq!(fault(&json!({ "type": 1, "date": "2026-12-01", "time": "24:00" })), ("time".to_owned(), "format"));
}

#[test]
fn daily_is_an_interval() {
    let (first, now) = runs(&json!({ "repeat": true, "repeatType": 0, "repeatTime": "04:00" }));
    assert_eq!(first, ["2026-11-27T13:30:20", "2026-11-27T17:30:20", "2026-11-27T21:30:20"]);
    assert!(now, "the first of them is now");
    let start = json!({ "type": 1, "date": "2026-12-01T08:00:00", "repeat": true, "repeatTime": "24:00" });
    let days = ["2026-12-01T08:00:00", "2026-12-02T08:00:00", "2026-12-03T08:00:00"].map(str::to_owned).to_vec();
    assert_eq!(runs(&start), (days, false));
    let (odd, _) = runs(&json!({ "repeat": true, "repeatTime": "1:30:00", "RepeatWeekPattern": { "sunday": false } }));
    assert_eq!(odd[1], "2026-11-27T12:30:20");

    let with = |time: Json| fault(&json!({ "repeat": true, "repeatTime": time }));
    assert_eq!(with(Json::Null), ("repeatTime".to_owned(), "missing"));
    for text in ["4", "four", "04:60", "24:01", "04:00:30", "-4:00", "04:00:00:00", "99:00", "string", "4h", ":"] {
        assert_eq!(with(json!(text)), ("repeatTime".to_owned(), "format"), "{text}");
    }
    for text in ["00:00", "00:04"] {
        assert_eq!(with(json!(text)), ("repeatTime".to_owned(), "out_of_range"), "{text}");
    }
}

#[test]
fn weekly_and_monthly_are_at_the_starts_time_of_day() {
    let week = json!({ "monday": true, "thursday": true, "sunday": false });
    let weekly =
        json!({ "type": 1, "date": "2026-12-01T08:15:00", "repeat": true, "repeatType": 1, "repeatWeekPattern": week });
    let days = ["2026-12-03T08:15:00", "2026-12-07T08:15:00", "2026-12-10T08:15:00"].map(str::to_owned).to_vec();
    assert_eq!(runs(&weekly), (days, false));
    let now =
        json!({ "repeat": true, "repeatType": "1", "repeatWeekPattern": { "Friday": true }, "repeatTime": "00:00" });
    let days = ["2026-12-04T09:30:00", "2026-12-11T09:30:00", "2026-12-18T09:30:00"].map(str::to_owned).to_vec();
    assert_eq!(runs(&now), (days, true));

    let monthly = |pattern: Json| json!({ "repeat": true, "repeatType": 2, "repeatMonthPattern": pattern });
    let (last, _) = runs(&monthly(json!({ "last": true, "day": 0 })));
    assert_eq!(last, ["2026-11-30T09:30:00", "2026-12-31T09:30:00", "2027-01-31T09:30:00"]);
    let (day, _) = runs(&monthly(json!({ "last": false, "day": 31 })));
    assert_eq!(day, ["2026-12-31T09:30:00", "2027-01-31T09:30:00", "2027-03-31T09:30:00"], "in months that have one");
    for (pattern, place, code) in [
        (Json::Null, "repeatMonthPattern", "missing"),
        (json!({ "last": false, "day": 0 }), "repeatMonthPattern", "missing"),
        (json!({ "day": 32 }), "repeatMonthPattern.day", "not_allowed"),
        (json!({ "day": -1 }), "repeatMonthPattern.day", "not_allowed"),
        (json!({ "day": 5, "last": true }), "repeatMonthPattern.day", "not_allowed"),
        (json!({ "first": true }), "repeatMonthPattern.first", "unknown"),
    ] {
        let faults = plan(&monthly(pattern.clone()), false).unwrap_err();
        assert_eq!(faults[0], (format!("scheduleParams.{place}"), code), "{pattern}");
    }
    let weekly = |pattern: Json| fault(&json!({ "repeat": true, "repeatType": 1, "repeatWeekPattern": pattern }));
    assert_eq!(weekly(Json::Null), ("repeatWeekPattern".to_owned(), "missing"));
    assert_eq!(weekly(json!({ "monday": false })), ("repeatWeekPattern".to_owned(), "missing"));
    assert_eq!(weekly(json!("monday")), ("repeatWeekPattern".to_owned(), "type"));
}

#[test]
fn what_belongs_to_another_way_of_repeating_is_refused() {
    let schedule =
        json!({ "repeat": true, "repeatType": 0, "repeatTime": "04:00", "repeatWeekPattern": { "monday": true } });
    assert_eq!(fault(&schedule), ("repeatWeekPattern".to_owned(), "not_allowed"));
    let schedule =
        json!({ "repeat": true, "repeatType": 1, "repeatTime": "04:00", "repeatWeekPattern": { "monday": true } });
    assert_eq!(fault(&schedule), ("repeatTime".to_owned(), "not_allowed"));
    assert_eq!(fault(&json!({ "repeat": true, "repeatType": 3 })), ("repeatType".to_owned(), "not_allowed"));
    assert_eq!(fault(&json!({ "repeat": 1 })), ("repeat".to_owned(), "type"));
    let both = plan(&json!({ "type": 1, "date": "x", "repeat": true, "repeatTime": "x" }), false).unwrap_err();
    assert_eq!(both.iter().map(|(_, code)| *code).collect::<Vec<_>>(), ["format", "format"], "every fault at once");
}

proptest! {
    /// Whatever comes in: nothing, a plan that is one, or faults at their places.
    #[test]
    fn what_is_read_is_a_schedule(
        kind in 0..3_u8, repeats: bool, repeat_type in 0..4_u8, time in "([0-9]{1,2}:[0-9]{2}(:[0-9]{2})?|.{0,8})",
        date in "(20(2[6-9]|3[0-9])-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:00(-03:00|Z)?)?|.{0,8})",
        days: [bool; 7], day in -1..33_i64, last: bool,
    ) {
        let week: serde_json::Map<_, _> = DAYS.iter().zip(days).map(|((name, _), on)| ((*name).to_owned(), json!(on))).collect();
        let schedule = json!({
            "type": kind, "repeat": repeats, "repeatType": repeat_type, "repeatTime": time, "date": date,
            "repeatWeekPattern": if repeat_type == 1 { json!(week) } else { json!(null) },
            "repeatMonthPattern": if repeat_type == 2 { json!({ "day": day, "last": last }) } else { json!(null) },
        });
        match plan(&schedule, false) {
            Ok(Some(plan)) => {
                let calendar = Calendar::of(&plan.settings).unwrap();
                prop_assert!(calendar.next_after(NOW.parse().unwrap()).is_some(), "{schedule}");
                prop_assert_eq!(plan.and_now, kind == 0);
            }
            Ok(None) => prop_assert!(kind == 0 && !repeats),
            Err(faults) => prop_assert!(faults.iter().all(|(place, _)| place.starts_with("scheduleParams."))),
        }
    }
}
