use serde_json::json;

use super::{
    super::{
        Value,
        tests::{definition, parameter},
    },
    *,
};
use crate::domain::definition::parameter::{ParameterFault, Resolved, resolve};

const RANGE: ParameterKind = ParameterKind::DateRange { max_days: Some(31) };

/// The last hour of February in São Paulo; March in UTC.
const MONTHS_TURN: &str = "2024-03-01T02:30:00Z";

fn as_of(at: &str) -> Reckoning {
    Reckoning::of(None, at.parse().unwrap())
}

fn resolved(kind: ParameterKind, json: Json, reckoning: &Reckoning) -> Result<Resolved, Vec<ParameterFault>> {
    resolve(&definition(vec![parameter("p", kind)]), &Map::from_iter([("p".to_owned(), json)]), reckoning)
}

fn value_of(kind: ParameterKind, json: Json) -> Json {
    resolved(kind, json, &as_of(MONTHS_TURN)).unwrap().reckoned["p"].clone()
}

fn faults(kind: ParameterKind, json: Json) -> Vec<(String, FaultCode)> {
    let faults = resolved(kind, json, &as_of(MONTHS_TURN)).unwrap_err();
    faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

#[test]
fn a_range_has_the_days_of_its_zone() {
    let days = |from: &str, to: &str| json!({ "from": from, "to": to });
    assert_eq!(value_of(RANGE, json!({ "relative": "last_month" })), days("2024-02-01", "2024-02-29"));
    let brazil = json!({ "relative": "last_month", "time_zone": "America/Sao_Paulo" });
    assert_eq!(value_of(RANGE, brazil.clone()), days("2024-01-01", "2024-01-31"));
    let resolved = resolved(RANGE, brazil, &as_of(MONTHS_TURN)).unwrap().placeholders;
    assert_eq!(resolved["p_to"], Value::Date(jiff::civil::date(2024, 1, 31)));
    assert_eq!(resolved["p_from_month"], Value::Text("2024-01".to_owned()));
}

#[test]
fn a_schedules_run_is_of_the_day_that_it_was_due_at_in_its_zone() {
    let occasion = Occasion {
        schedule: crate::domain::id::ScheduleId::generate(),
        at: MONTHS_TURN.parse().unwrap(),
        time_zone: "America/Sao_Paulo".to_owned(),
    };
    let much_later = "2025-12-31T00:00:00Z".parse().unwrap();
    let reckoning = Reckoning::of(Some(&occasion), much_later);
    let day = |json: Json| resolved(ParameterKind::Date, json, &reckoning).unwrap().reckoned["p"].clone();
    assert_eq!(day(json!({ "relative": "today" })), "2024-02-29");
    assert_eq!(
        day(json!({ "relative": "today", "time_zone": "Asia/Tokyo" })),
        "2024-03-01",
        "the value's own zone wins"
    );
}

#[test]
fn single_dates_are_an_edge_and_times_the_first_or_last_of_a_day() {
    let (date, time) = (ParameterKind::Date, ParameterKind::Timestamp);
    assert_eq!(value_of(date.clone(), json!({ "relative": "yesterday" })), "2024-02-29");
    assert_eq!(value_of(date.clone(), json!({ "relative": "last_month", "edge": "end" })), "2024-02-29");
    assert_eq!(value_of(time.clone(), json!({ "relative": "last_month", "edge": "start" })), "2024-02-01T00:00:00");
    assert_eq!(value_of(time.clone(), json!({ "relative": "today", "edge": "end" })), "2024-03-01T23:59:59.999");
    let edge = vec![("/parameters/p/edge".to_owned(), FaultCode::Missing)];
    assert_eq!(faults(date, json!({ "relative": "last_month" })), edge);
    assert_eq!(faults(time, json!({ "relative": "today" })), edge, "a day has many times");
}

#[test]
fn every_fault_is_named_where_it_is() {
    let at = |key: &str, code| (format!("/parameters/p{key}"), code);
    let given = json!({ "relative": "last_fortnight", "time_zone": "Brasilia", "edge": "start", "from": "2024-01-01" });
    let found = faults(RANGE, given);
    let expected = [
        at("/edge", FaultCode::Unknown),
        at("/from", FaultCode::Unknown),
        at("/relative", FaultCode::NotAllowed),
        at("/time_zone", FaultCode::Format),
    ];
    assert_eq!(found, expected);
    assert_eq!(faults(RANGE, json!({ "relative": null })), [at("/relative", FaultCode::Type)]);
    assert_eq!(faults(RANGE, json!({ "relative": ["today"], "time_zone": 3 })).len(), 2);
    let date = json!({ "relative": "today", "edge": "middle" });
    assert_eq!(faults(ParameterKind::Date, date), [at("/edge", FaultCode::NotAllowed)]);
    // Bounds hold of what it comes to.
    assert_eq!(faults(RANGE, json!({ "relative": "last_90_days" })), [at("", FaultCode::OutOfRange)]);
    // Only dates can be relative.
    let text = ParameterKind::Text { max_length: 99, allowed: vec![] };
    assert_eq!(faults(text, json!({ "relative": "today" })), [at("", FaultCode::Type)]);
}

#[test]
fn a_default_is_reckoned_with_each_request() {
    let mut dates = parameter("dates", RANGE);
    dates.default = Some(json!({ "relative": "last_month" }));
    let resolved = |raw: Json, at: &str| {
        resolve(&definition(vec![dates.clone()]), raw.as_object().unwrap(), &as_of(at)).unwrap().reckoned
    };
    assert_eq!(resolved(json!({}), "2024-02-10T00:00:00Z")["dates"]["to"], "2024-01-31");
    assert_eq!(resolved(json!({}), "2024-03-10T00:00:00Z")["dates"]["to"], "2024-02-29");
    let days = json!({ "dates": { "from": "2024-01-01", "to": "2024-01-02" } });
    assert!(resolved(days, "2024-03-10T00:00:00Z").is_empty(), "nothing was relative");
}

#[test]
fn a_default_fits_on_the_longest_of_its_days() {
    let fits = |name: &str, max_days| {
        faults_on_any_day(&ParameterKind::DateRange { max_days: Some(max_days) }, &json!({ "relative": name }))
            .is_empty()
    };
    for (name, longest) in
        [("week_to_date", 7), ("last_month", 31), ("last_quarter", 92), ("last_year", 366), ("year_to_date", 366)]
    {
        assert!(fits(name, longest) && !fits(name, longest - 1), "{name}");
    }
    for (name, longest) in [("month_to_date", 31), ("this_week", 7), ("quarter_to_date", 92), ("today", 1)] {
        assert!(fits(name, longest), "{name}");
    }
    assert!(!faults_on_any_day(&ParameterKind::Date, &json!({ "relative": "last_year" })).is_empty(), "which end?");
}
