//! The body of a schedule in the own API's words: when it runs, and what it asks for. Every fault at once.

use jiff::{Timestamp, civil::DateTime};
use serde_json::Value as Json;

use crate::{
    accept::{
        Fault,
        fields::{Faults, Fields},
    },
    domain::schedule::{
        Calendar, Cron, Every, InvalidCron, MAX_NAME, MissedPolicy, SMALLEST_INTERVAL, Settings, Timing, Unit, Zone,
    },
};

/// Fields of a body.
pub const FIELDS: [&str; 10] =
    ["name", "request", "time_zone", "cron", "every", "at", "starts_at", "ends_at", "missed", "validate_only"];

/// Longest text that is read as a time, in bytes.
const MAX_TIME: usize = 64;

/// Times are before this.
const END_OF_TIMES: Timestamp = Timestamp::constant(7_258_118_400, 0);

/// A body that was read.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// When it runs; none if that has a fault.
    pub settings: Option<Settings>,
    /// What each run asks for, as given; none if it is missing.
    pub request: Option<Json>,
    /// The zone, as far as it is known in spite of faults.
    pub time_zone: Option<String>,
    /// Only say whether it would be made.
    pub validate_only: bool,
}

impl Ask {
    /// Reads a body. `before` are the settings that are replaced, if any: an interval that stays the same goes on from where
    /// it was counted.
    pub fn parse(body: &Json, before: Option<&Settings>, now: Timestamp) -> (Self, Vec<Fault>) {
        let faults = Faults::default();
        let ask = Fields::of(body, "", &FIELDS, &faults).map(|fields| Self::read(&fields, before, now, &faults));
        let mut ask = ask.unwrap_or_default();
        let mut faults = faults.into_vec();
        if let Some(settings) = &ask.settings {
            faults.extend(never_runs(settings, now));
        }
        if !faults.is_empty() {
            ask.settings = None;
        }
        (ask, faults)
    }

    fn read(fields: &Fields<'_>, before: Option<&Settings>, now: Timestamp, faults: &Faults) -> Self {
        if fields.get("request").is_none() {
            faults.add("/request", "missing", "Required: what the body of POST /v1/requests would be.");
        }
        let zone = zone(fields, faults);
        let starts_at = time(fields, "starts_at", zone.as_ref(), faults);
        let ends_at = time(fields, "ends_at", zone.as_ref(), faults);
        let name = fields.text("name", MAX_NAME).map(str::to_owned);
        let missed = fields.choice("missed", MissedPolicy::from_name, &MissedPolicy::ALL.map(MissedPolicy::name));
        let timing = timing(fields, zone.as_ref(), (starts_at, before, now), faults);
        let time_zone = zone.map(|zone| zone.name().to_owned());
        let settings = timing.zip(time_zone.clone()).map(|(timing, time_zone)| Settings {
            name,
            timing,
            time_zone,
            starts_at,
            ends_at,
            missed: missed.unwrap_or_default(),
        });
        let (request, validate_only) = (fields.get("request").cloned(), fields.flag("validate_only"));
        Self { settings, request, time_zone, validate_only }
    }
}

fn zone(fields: &Fields<'_>, faults: &Faults) -> Option<Zone> {
    if fields.get("time_zone").is_none() {
        faults.add("/time_zone", "missing", "Required: an IANA name, such as America/Sao_Paulo, or UTC.");
    }
    match Zone::named(fields.any_text("time_zone")?) {
        Ok(zone) => Some(zone),
        Err(error) => {
            let detail =
                format!("There is no time zone {:?}; an IANA name is meant, such as America/Sao_Paulo.", error.0);
            faults.add("/time_zone", "unknown_time_zone", detail);
            None
        }
    }
}

/// An instant, or a time by the zone's clock; whole seconds.
fn time(fields: &Fields<'_>, name: &str, zone: Option<&Zone>, faults: &Faults) -> Option<Timestamp> {
    let text = fields.any_text(name)?;
    let read = if text.len() > MAX_TIME || text.contains('[') { None } else { instant(text, zone) };
    let Some(read) = read else {
        // Without a zone a time by its clock cannot be judged.
        if zone.is_some() || text.parse::<DateTime>().is_err() {
            let detail =
                "Must be a time by the zone's clock, as 2026-12-01T08:00:00, or one with an offset, as in RFC 3339.";
            faults.add(fields.pointer(name), "format", detail);
        }
        return None;
    };
    if !(Timestamp::UNIX_EPOCH..END_OF_TIMES).contains(&read) {
        faults.add(fields.pointer(name), "out_of_range", "Must be between the years 1970 and 2199.");
        return None;
    }
    Some(read)
}

fn instant(text: &str, zone: Option<&Zone>) -> Option<Timestamp> {
    let read = text.parse::<Timestamp>().ok().or_else(|| zone?.instant(text.parse::<DateTime>().ok()?))?;
    Timestamp::from_second(read.as_second()).ok()
}

/// Ways to say when; a body has one.
pub const TIMINGS: [&str; 3] = ["cron", "every", "at"];

fn timing(
    fields: &Fields<'_>,
    zone: Option<&Zone>,
    (starts_at, before, now): (Option<Timestamp>, Option<&Settings>, Timestamp),
    faults: &Faults,
) -> Option<Timing> {
    let given: Vec<&str> = TIMINGS.into_iter().filter(|name| fields.get(name).is_some()).collect();
    match given[..] {
        ["cron"] => cron(fields, faults).map(|cron| Timing::Cron(cron.as_str().to_owned())),
        ["every"] => {
            every(fields, faults).map(|every| Timing::Every { every, anchor: anchor(every, starts_at, before, now) })
        }
        ["at"] => time(fields, "at", zone, faults).map(Timing::At),
        [] => {
            faults.add("/cron", "missing", "One of cron, every and at is required.");
            None
        }
        _ => {
            for name in &given[1..] {
                faults.add(fields.pointer(name), "not_allowed", format!("Not together with {}.", given[0]));
            }
            None
        }
    }
}

fn cron(fields: &Fields<'_>, faults: &Faults) -> Option<Cron> {
    match fields.any_text("cron")?.parse() {
        Ok(cron) => Some(cron),
        Err(error) => {
            let code = match &error {
                InvalidCron::Fields | InvalidCron::Pattern(_) => "format",
                InvalidCron::Never => "never_runs",
                InvalidCron::TooOften => "out_of_range",
            };
            let detail = match &error {
                InvalidCron::Fields => {
                    "Must have five fields: minute, hour, day of month, month, day of week.".to_owned()
                }
                InvalidCron::Pattern(said) => format!("Not a cron expression: {said}."),
                InvalidCron::Never => "No day is like that.".to_owned(),
                InvalidCron::TooOften => too_often(),
            };
            faults.add("/cron", code, detail);
            None
        }
    }
}

fn too_often() -> String {
    format!("Runs must be at least {} minutes apart.", SMALLEST_INTERVAL.as_mins())
}

fn every(fields: &Fields<'_>, faults: &Faults) -> Option<Every> {
    let every = fields.object("every", &Unit::ALL.map(Unit::name))?;
    let given: Vec<Unit> = Unit::ALL.into_iter().filter(|unit| every.get(unit.name()).is_some()).collect();
    let [unit] = given[..] else {
        faults.add("/every", "format", r#"Must be one of {"minutes": n}, {"hours": n}, {"days": n} and {"weeks": n}."#);
        return None;
    };
    let (least, most) = unit.bounds();
    every.whole(unit.name(), least..=most).map(|count| Every { count, unit })
}

/// From its start; without one, from where it was counted before, or else from now.
fn anchor(every: Every, starts_at: Option<Timestamp>, before: Option<&Settings>, now: Timestamp) -> Timestamp {
    let known = before.filter(|before| before.starts_at == starts_at).and_then(|before| match before.timing {
        Timing::Every { every: known, anchor } if known == every => Some(anchor),
        _ => None,
    });
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    starts_at.or(known).unwrap_or(now)
}

/// All instants are past, or none is between start and end.
fn never_runs(settings: &Settings, now: Timestamp) -> Option<Fault> {
    // infallible in effect: its zone and its expression were read just now.
    let calendar = Calendar::of(settings).ok()?;
    if calendar.next_after(now).is_some() {
        return None;
    }
    let endless = Calendar::of(&Settings { ends_at: None, ..settings.clone() }).ok()?;
    let (place, detail) = match (endless.next_after(now), &settings.timing) {
        (Some(first), _) => ("/ends_at", format!("It would never run: the first time is {first}, after its end.")),
        (None, Timing::At(_)) if settings.starts_at.is_some_and(|start| start > now) => {
            ("/starts_at", "It would never run: the time is before its start.".to_owned())
        }
        (None, Timing::At(_)) => ("/at", "The time has passed.".to_owned()),
        (None, _) => ("/cron", "It would never run.".to_owned()),
    };
    Some(Fault::new(place, "never_runs", detail))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-27T12:00:00.5Z".parse().unwrap()
    }

    fn faults(body: &Json) -> Vec<(String, &'static str)> {
        let (ask, faults) = Ask::parse(body, None, now());
        assert_eq!(ask.settings.is_none(), !faults.is_empty(), "{body}");
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    fn read(more: &Json) -> Settings {
        let mut body = json!({ "request": {}, "time_zone": "America/Sao_Paulo" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (ask, faults) = Ask::parse(&body, None, now());
        ask.settings.unwrap_or_else(|| panic!("{faults:?}"))
    }

    #[test]
    fn each_timing_is_read() {
        let settings = read(&json!({ "cron": " 0  8 * * 1-5 ", "name": "Mornings", "missed": "all" }));
        assert_eq!(settings.timing, Timing::Cron("0 8 * * 1-5".to_owned()));
        assert_eq!((settings.name.as_deref(), settings.missed), (Some("Mornings"), MissedPolicy::All));
        let anchor: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let every = Every { count: 6, unit: Unit::Hours };
        assert_eq!(read(&json!({ "every": { "hours": 6 } })).timing, Timing::Every { every, anchor });
        let start = json!({ "every": { "hours": 6 }, "starts_at": "2026-12-01T08:00:00" });
        let anchor: Timestamp = "2026-12-01T11:00:00Z".parse().unwrap();
        assert_eq!(read(&start).timing, Timing::Every { every, anchor });
        for at in ["2026-12-01T08:00:00", "2026-12-01T08:00", "2026-12-01T11:00:00Z", "2026-12-01T12:00:00.9+01:00"] {
            assert_eq!(read(&json!({ "at": at })).timing, Timing::At(anchor), "{at}");
        }
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let found = faults(&json!({
            "time_zone": "Mars/Olympus", "cron": "* * * *", "starts_at": "soon", "ends_at": 7, "missed": "none",
            "name": "", "validate_only": 1, "more": 1,
        }));
        let expected = [
            ("/more", "unknown"),
            ("/request", "missing"),
            ("/time_zone", "unknown_time_zone"),
            ("/starts_at", "format"),
            ("/ends_at", "type"),
            ("/name", "out_of_range"),
            ("/missed", "not_allowed"),
            ("/cron", "format"),
            ("/validate_only", "type"),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        for body in [json!([]), json!(null), json!("x")] {
            assert_eq!(faults(&body), [(String::new(), "type")]);
        }
    }

    #[test]
    fn timings_that_are_none_are_refused() {
        for (more, pointer, code) in [
            (json!({}), "/cron", "missing"),
            (json!({ "cron": "0 8 * * *", "at": "2026-12-01T08:00:00" }), "/at", "not_allowed"),
            (json!({ "cron": "0 0 8 * * *" }), "/cron", "format"),
            (json!({ "cron": "61 8 * * *" }), "/cron", "format"),
            (json!({ "cron": "0 8 30 2 *" }), "/cron", "never_runs"),
            (json!({ "cron": "* 8 * * *" }), "/cron", "out_of_range"),
            (json!({ "cron": "0,4 8 * * *" }), "/cron", "out_of_range"),
            (json!({ "every": { "minutes": 4 } }), "/every/minutes", "out_of_range"),
            (json!({ "every": { "hours": 1, "days": 1 } }), "/every", "format"),
            (json!({ "every": { "months": 1 } }), "/every/months", "unknown"),
            (json!({ "every": "hour" }), "/every", "type"),
            (json!({ "at": "2026-11-27T12:00:00Z" }), "/at", "never_runs"),
            (json!({ "at": "2026-12-01T08:00:00[America/Lima]" }), "/at", "format"),
            (json!({ "at": "2500-01-01T00:00:00Z" }), "/at", "out_of_range"),
            (json!({ "at": "2026-12-01T08:00:00", "starts_at": "2026-12-02T00:00:00" }), "/starts_at", "never_runs"),
            (json!({ "cron": "0 8 * * *", "ends_at": "2026-11-28T07:59:59" }), "/ends_at", "never_runs"),
        ] {
            let mut body = json!({ "request": {}, "time_zone": "America/Sao_Paulo" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(faults(&body).first(), Some(&(pointer.to_owned(), code)), "{more}");
        }
    }

    #[test]
    fn an_interval_that_stays_the_same_goes_on() {
        let before = Settings { time_zone: "UTC".to_owned(), ..read(&json!({ "every": { "days": 2 } })) };
        let later = now() + jiff::SignedDuration::from_hours(24);
        let again = |body: &Json| Ask::parse(body, Some(&before), later).0.settings.unwrap().timing;
        let same = json!({ "request": {}, "time_zone": "UTC", "every": { "days": 2 } });
        assert_eq!(again(&same), before.timing);
        let other = json!({ "request": {}, "time_zone": "UTC", "every": { "days": 3 } });
        assert_ne!(again(&other), before.timing);
    }
}
