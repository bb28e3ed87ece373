//! Relative dates of a request, reckoned: `{"relative": "last_month"}` becomes `{"from": …, "to": …}`.
//!
//! What comes out is what a caller would have written, and is read as that is: bounds hold of it all the same.

use jiff::{
    Timestamp,
    civil::{Date, date},
    tz::TimeZone,
};
use serde_json::{Map, Value as Json, json};

use super::{FaultCode, Misfit, Relative, malformed, mistyped, read};
use crate::domain::{definition::ParameterKind, schedule::Occasion};

/// When it is, and on whose calendar, for values that do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reckoning {
    at: Timestamp,
    time_zone: String,
}

/// The zone of values that name none, where no schedule has one.
const UTC: &str = "UTC";

impl Reckoning {
    /// Of the run of a schedule, as of the time that it was due at; else as of `now`, in UTC.
    pub fn of(occasion: Option<&Occasion>, now: Timestamp) -> Self {
        match occasion {
            Some(occasion) => Self { at: occasion.at, time_zone: occasion.time_zone.clone() },
            None => Self { at: now, time_zone: UTC.to_owned() },
        }
    }

    /// The day that it is in a zone, or in its own.
    fn day(&self, time_zone: Option<&str>) -> Option<Date> {
        let name = time_zone.unwrap_or(&self.time_zone);
        let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())?;
        Some(self.at.to_zoned(zone).date())
    }
}

/// Which end of the days a single date is.
#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

const KEYS: [&str; 3] = ["relative", "time_zone", "edge"];

/// Whether a value is given relatively, be it well or badly: an object with that key, where dates are taken.
pub fn is_relative(kind: &ParameterKind, json: &Json) -> bool {
    takes(kind) && json.get(KEYS[0]).is_some()
}

/// Whether relative values are taken for parameters of that kind.
pub const fn takes(kind: &ParameterKind) -> bool {
    matches!(kind, ParameterKind::Date | ParameterKind::Timestamp | ParameterKind::DateRange { .. })
}

/// The value that a relative one stands for, in the form of a request.
pub fn reckoned(kind: &ParameterKind, json: &Json, reckoning: &Reckoning) -> Result<Json, Vec<Misfit>> {
    let none = Map::new();
    let object = json.as_object().unwrap_or(&none);
    let mut misfits: Vec<Misfit> = object
        .keys()
        .filter(|key| !known(kind).contains(&key.as_str()))
        .map(|key| Misfit::new(FaultCode::Unknown, format!("Known here: {}.", known(kind).join(", "))).under(key))
        .collect();
    let given = |key: &str| object.get(key).filter(|value| !value.is_null());
    let mut noted = |key: &str, misfit: Misfit| misfits.push(misfit.under(key));
    let relative = word(given(KEYS[0])).map_err(|misfit| noted(KEYS[0], misfit)).ok();
    let today = day(given(KEYS[1]), reckoning).map_err(|misfit| noted(KEYS[1], misfit)).ok();
    let edge = edge(kind, given(KEYS[2]), relative).map_err(|misfit| noted(KEYS[2], misfit)).ok();
    match (relative, today, edge) {
        (Some(relative), Some(today), Some(edge)) if misfits.is_empty() => Ok(value(kind, relative.days(today), edge)),
        _ => Err(misfits),
    }
}

/// A range has both ends; of a single date it must be said which one it is.
fn known(kind: &ParameterKind) -> &'static [&'static str] {
    if matches!(kind, ParameterKind::DateRange { .. }) { &KEYS[..2] } else { &KEYS }
}

fn word(given: Option<&Json>) -> Result<Relative, Misfit> {
    let all = || Relative::names().collect::<Vec<_>>().join(", ");
    let name = given.and_then(Json::as_str).ok_or_else(|| mistyped(&format!("one of {}", all())))?;
    let unknown = || Misfit::new(FaultCode::NotAllowed, format!("Must be one of {}.", all()));
    Relative::from_name(name).ok_or_else(unknown)
}

fn day(time_zone: Option<&Json>, reckoning: &Reckoning) -> Result<Date, Misfit> {
    let expected = "the name of a time zone, such as America/Sao_Paulo";
    let name = time_zone.map(|zone| zone.as_str().ok_or_else(|| mistyped(expected))).transpose()?;
    reckoning.day(name).ok_or_else(|| malformed(expected))
}

fn edge(kind: &ParameterKind, given: Option<&Json>, relative: Option<Relative>) -> Result<Edge, Misfit> {
    let which = "Must be start or end: the first or the last of these days.";
    match given.map(Json::as_str) {
        Some(Some("start")) => Ok(Edge::Start),
        Some(Some("end")) => Ok(Edge::End),
        Some(Some(_)) => Err(Misfit::new(FaultCode::NotAllowed, which)),
        Some(None) => Err(Misfit::new(FaultCode::Type, which)),
        None if matches!(kind, ParameterKind::DateRange { .. }) => Ok(Edge::Start),
        // A day is a date, but has many times.
        None if matches!(kind, ParameterKind::Date) && relative.is_none_or(Relative::is_one_day) => Ok(Edge::Start),
        None => Err(Misfit::new(FaultCode::Missing, which)),
    }
}

fn value(kind: &ParameterKind, (from, to): (Date, Date), edge: Edge) -> Json {
    match (kind, edge) {
        (ParameterKind::Timestamp, Edge::Start) => json!(format!("{from}T00:00:00")),
        (ParameterKind::Timestamp, Edge::End) => json!(format!("{to}T23:59:59.999")),
        (ParameterKind::Date, Edge::Start) => json!(from.to_string()),
        (ParameterKind::Date, Edge::End) => json!(to.to_string()),
        _ => json!({ "from": from.to_string(), "to": to.to_string() }),
    }
}

/// Days as of which the periods are at their longest: 7, 31, 92 and 366 days.
const LONGEST: [Date; 3] = [date(2024, 12, 29), date(2024, 12, 31), date(2025, 1, 1)];

/// What keeps a value from being right on every day: for the author of a default.
pub fn faults_on_any_day(kind: &ParameterKind, json: &Json) -> Vec<Misfit> {
    let noon = |day: Date| day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).map(|noon| noon.timestamp());
    let mut at = LONGEST.into_iter().filter_map(|day| noon(day).ok());
    let faults = |at| reckoned(kind, json, &Reckoning::of(None, at)).and_then(|json| read(kind, &json)).err();
    at.find_map(faults).unwrap_or_default()
}

#[cfg(test)]
#[path = "reckon_tests.rs"]
mod tests;
