//! Texts of the query as the definition's types. What a value may be is for the definition's own rules; here it only
//! gets its form, and its zone.
//!
//! A time without a zone is of the tenant's zone, one with a zone is what it says; the report gets both in UTC, as the lake
//! has its times. A calendar date is the day that the tenant's clocks show then. A time that a change of clocks leaves out
//! does not exist; of one that it repeats the first is meant.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use serde_json::{Value as Json, json};
use waybill::domain::definition::ParameterKind;

/// Code and sentence of a fault.
type Refused = (&'static str, String);

/// The value of a parameter of that kind, as a request's body has it.
pub fn typed(kind: &ParameterKind, text: &str, zone: &TimeZone) -> Result<Json, Refused> {
    match kind {
        ParameterKind::Text { .. } => Ok(json!(text)),
        ParameterKind::Decimal { .. } => decimal(text),
        ParameterKind::Integer { .. } => integer(text),
        ParameterKind::Boolean => match text {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => refused("Must be true or false."),
        },
        ParameterKind::Timestamp => {
            let at = instant(text, zone)?;
            Ok(json!(Offset::UTC.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string()))
        }
        ParameterKind::Date => day(text, zone).map(|day| json!(day.to_string())),
        ParameterKind::DateRange { .. } => {
            refused("The report wants a range of dates here, which this interface cannot give; ask the operator.")
        }
    }
}

fn refused<T>(detail: &str) -> Result<T, Refused> {
    Err(("format", detail.to_owned()))
}

/// Exactly as written, for the definition to judge.
fn decimal(text: &str) -> Result<Json, Refused> {
    if text.is_empty() { refused("Must be a number.") } else { Ok(json!(text)) }
}

/// `100`, or as some write it `100.0`.
fn integer(text: &str) -> Result<Json, Refused> {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return refused("Must be a whole number.");
    }
    let number = whole.parse::<i64>().map_err(|_| ("out_of_range", "Must fit a 64-bit integer.".to_owned()))?;
    Ok(json!(number))
}

/// What is told of every time that cannot be read.
const FORM: &str = "Must be a date and time that exists, YYYY-MM-DDTHH:mm:ss.SSS, with Z or an offset such as %2B02:00 \
                    (a bare + in a URL is a space) or without a zone.";

/// A time as it is written.
struct Written {
    local: DateTime,
    offset: Option<Offset>,
}

fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, Refused> {
    let Some(Written { local, offset }) = written(text) else { return refused(FORM) };
    let beyond = |_| ("out_of_range", "Beyond the times that there are.".to_owned());
    if let Some(offset) = offset {
        return offset.to_timestamp(local).map_err(beyond);
    }
    let there = zone.to_ambiguous_timestamp(local);
    if matches!(there.offset(), AmbiguousOffset::Gap { .. }) {
        let name = zone.iana_name().unwrap_or("the tenant's zone");
        return Err(("format", format!("There is no such time in {name}: the clocks were put forward over it.")));
    }
    there.earlier().map_err(beyond)
}

fn day(text: &str, zone: &TimeZone) -> Result<Date, Refused> {
    match written(text) {
        None => refused(FORM),
        Some(Written { local, offset: None }) => Ok(local.date()),
        Some(_) => Ok(zone.to_datetime(instant(text, zone)?).date()),
    }
}

/// `YYYY-MM-DD`, or `YYYY-MM-DDTHH:mm:ss` with up to three digits of a second, and with that a zone.
fn written(text: &str) -> Option<Written> {
    let Some((date, rest)) = text.split_once('T') else {
        return Some(Written { local: civil(text, "00:00:00")?, offset: None });
    };
    let Some(at) = rest.find(['Z', '+', '-']) else {
        return Some(Written { local: civil(date, rest)?, offset: None });
    };
    let (time, zone) = rest.split_at(at);
    Some(Written { local: civil(date, time)?, offset: Some(offset(zone)?) })
}

fn civil(date: &str, time: &str) -> Option<DateTime> {
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let has_form = shaped(date, "0000-00-00") && shaped(time, "00:00:00");
    let has_fraction = (1..=3).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    // A leap second would pass for the one before it.
    if !has_form || !has_fraction || time.ends_with("60") {
        return None;
    }
    format!("{date}T{time}.{fraction}").parse().ok()
}

fn offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let (sign, hours_minutes) = if let Some(rest) = text.strip_prefix('+') { (1, rest) } else { (-1, &text[1..]) };
    if !shaped(hours_minutes, "00:00") {
        return None;
    }
    let number = |digits: &str| digits.parse::<i32>().ok();
    let (hours, minutes) = (number(&hours_minutes[..2])?, number(&hours_minutes[3..])?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// Whether there is a digit wherever the shape has a zero, and else the same.
fn shaped(text: &str, shape: &str) -> bool {
    let fits = |(b, s): (u8, u8)| if s == b'0' { b.is_ascii_digit() } else { b == s };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMESTAMP: ParameterKind = ParameterKind::Timestamp;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn time(text: &str, name: &str) -> Result<String, &'static str> {
        let typed = typed(&TIMESTAMP, text, &zone(name)).map_err(|(code, _)| code)?;
        Ok(typed.as_str().unwrap().to_owned())
    }

    #[test]
    fn a_time_without_a_zone_is_the_tenants() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(time("2024-01-01T00:00:00.000", "UTC"), ok("2024-01-01T00:00:00.000"));
        assert_eq!(time("2024-01-01T00:00:00.000", "Africa/Johannesburg"), ok("2023-12-31T22:00:00.000"));
        assert_eq!(time("2024-07-01T12:30:00.5", "Europe/Berlin"), ok("2024-07-01T10:30:00.500"));
        assert_eq!(time("2024-01-01", "America/Sao_Paulo"), ok("2024-01-01T03:00:00.000"), "its midnight");
    }

    #[test]
    fn a_zone_is_honoured() {
        for name in ["UTC", "Africa/Johannesburg"] {
            let expected = Ok("2024-01-01T00:00:00.000".to_owned());
            assert_eq!(time("2024-01-01T00:00:00.000Z", name), expected);
            assert_eq!(time("2024-01-01T02:00:00+02:00", name), expected);
            assert_eq!(time("2023-12-31T20:30:00.0-03:30", name), expected);
        }
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        let wrong = [
            "2024-02-30T00:00:00.000",
            "2023-02-29",
            "2024-13-01",
            "2024-01-01T24:00:00",
            "2024-01-01T23:59:60",
            "2024-01-01T00:00",
            "2024-01-01 00:00:00",
            "2024-01-01T00:00:00.0000",
            "2024-01-01T00:00:00.",
            "2024-01-01T00:00:00 02:00",
            "2024-01-01T00:00:00+2",
            "2024-01-01T00:00:00+19:00",
            "2024-01-01T00:00:00+01:60",
            "2024-01-01T00:00:00Zulu",
            "2024-01-01T00:00:00[Europe/Berlin]",
            "1704067200",
            "",
            "T",
            "é",
        ];
        for text in wrong {
            assert_eq!(time(text, "UTC"), Err("format"), "{text}");
        }
        assert_eq!(time("9999-12-31T23:59:59-18:00", "UTC"), Err("out_of_range"));
    }

    #[test]
    fn clocks_that_change_leave_out_an_hour_and_repeat_one() {
        let berlin = |text| time(text, "Europe/Berlin");
        assert_eq!(berlin("2024-03-31T02:30:00"), Err("format"), "put forward from two to three");
        let (_, detail) = typed(&TIMESTAMP, "2024-03-31T02:30:00", &zone("Europe/Berlin")).unwrap_err();
        assert!(detail.contains("Europe/Berlin"), "{detail}");
        assert_eq!(berlin("2024-03-31T03:00:00"), Ok("2024-03-31T01:00:00.000".to_owned()));
        assert_eq!(berlin("2024-10-27T02:30:00"), Ok("2024-10-27T00:30:00.000".to_owned()), "the first of two");
        assert_eq!(berlin("2024-10-27T02:30:00+01:00"), Ok("2024-10-27T01:30:00.000".to_owned()), "an offset chooses");
        assert_eq!(berlin("2024-03-31T02:30:00Z"), Ok("2024-03-31T02:30:00.000".to_owned()));
    }

    #[test]
    fn a_date_is_the_day_on_the_tenants_clocks() {
        let day = |text| typed(&ParameterKind::Date, text, &zone("Africa/Johannesburg"));
        assert_eq!(day("2024-01-01T00:00:00.000"), Ok(json!("2024-01-01")));
        assert_eq!(day("2024-01-01"), Ok(json!("2024-01-01")));
        assert_eq!(day("2023-12-31T22:00:00Z"), Ok(json!("2024-01-01")));
        assert!(day("2024-02-30").is_err());
    }

    #[test]
    fn numbers_are_exact() {
        let integer = |text| typed(&ParameterKind::Integer { min: None, max: None }, text, &TimeZone::UTC);
        assert_eq!((integer("100"), integer("-7.00")), (Ok(json!(100)), Ok(json!(-7))));
        for wrong in ["", "-", "1.5", "1e3", "+1", " 1", "0x10", "1.", "NaN", "١"] {
            assert!(integer(wrong).is_err(), "{wrong}");
        }
        assert_eq!(integer("9223372036854775808").unwrap_err().0, "out_of_range");
        let decimal = ParameterKind::Decimal { scale: 2, min: None, max: None };
        let exact = typed(&decimal, "12345678901234567890.12", &TimeZone::UTC);
        assert_eq!(exact, Ok(json!("12345678901234567890.12")), "a text, which no double rounds");
        let text = ParameterKind::Text { max_length: 9, allowed: vec![] };
        assert_eq!(typed(&text, "", &TimeZone::UTC), Ok(json!("")));
        assert_eq!(typed(&ParameterKind::Boolean, "true", &TimeZone::UTC), Ok(json!(true)));
        assert!(typed(&ParameterKind::Boolean, "1", &TimeZone::UTC).is_err());
        assert!(typed(&ParameterKind::DateRange { max_days: None }, "2024-01-01", &TimeZone::UTC).is_err());
    }

    proptest! {
        /// Whatever the zone, one instant is one time.
        #[test]
        fn an_instant_is_the_same_in_every_zone(second in 0_i64..4_000_000_000, hours in -12_i32..=14) {
            let at = Timestamp::from_second(second).unwrap();
            let offset = Offset::from_seconds(hours * 3600).unwrap();
            let text = format!("{}{offset:#}", offset.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S"));
            let text = if text.len() == 22 { format!("{text}:00") } else { text };
            let expected = Offset::UTC.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.000").to_string();
            prop_assert_eq!(time(&text, "Asia/Kathmandu"), Ok(expected));
        }

        #[test]
        fn nothing_is_too_strange(text in ".{0,40}") {
            for name in ["UTC", "Europe/Berlin"] {
                let _ = typed(&TIMESTAMP, &text, &zone(name));
                let _ = typed(&ParameterKind::Date, &text, &zone(name));
                let _ = typed(&ParameterKind::Integer { min: None, max: None }, &text, &zone(name));
            }
        }
    }
}
