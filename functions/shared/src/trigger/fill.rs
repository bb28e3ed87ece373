//! A request's body with the values of a key's placeholders in it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Map, Value as Json, json};

use super::pattern;

/// Fields of a body that placeholders may stand in.
pub const FILLED: [&str; 2] = ["parameters", "filter"];

/// A key that cannot be made a request of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not a period.
    #[error("{0:?} is no period: it must be a year, a month (2011-06) or a day (2011-06-30)")]
    Period(String),
    /// Not a whole number.
    #[error("{0:?} is no whole number")]
    Integer(String),
}

/// A table with this one key is the dates of a period; one with the other, a number.
const PERIOD: &str = "period";
const INTEGER: &str = "integer";

/// The body with every placeholder of its parameters and its filter filled.
pub fn request(body: &Json, values: &BTreeMap<&str, &str>) -> Result<Json, Unfit> {
    let mut filled = body.clone();
    for field in FILLED {
        if let Some(part) = filled.get_mut(field) {
            *part = fill(part, values)?;
        }
    }
    Ok(filled)
}

fn fill(value: &Json, values: &BTreeMap<&str, &str>) -> Result<Json, Unfit> {
    match value {
        Json::String(text) => Ok(text_of(text, values).into()),
        Json::Array(items) => items.iter().map(|item| fill(item, values)).collect(),
        Json::Object(map) => match only(map) {
            Some((PERIOD, text)) => period(&text_of(text, values)),
            Some((INTEGER, text)) => integer(&text_of(text, values)),
            _ => {
                let filled = map.iter().map(|(key, value)| Ok((key.clone(), fill(value, values)?)));
                filled.collect::<Result<Map<_, _>, _>>().map(Json::Object)
            }
        },
        other => Ok(other.clone()),
    }
}

/// The one entry of a table, where it is a text.
fn only(map: &Map<String, Json>) -> Option<(&str, &str)> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((key, Json::String(text))), None) => Some((key, text)),
        _ => None,
    }
}

fn text_of(text: &str, values: &BTreeMap<&str, &str>) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Placeholder(name) => values.get(name).copied().unwrap_or_default(),
        })
        .collect()
}

/// Part of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// What stands for itself, also braces around something that is no name.
    Text(&'a str),
    /// `{name}`.
    Placeholder(&'a str),
}

/// A text's parts. What a placeholder is filled with is not looked at again.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut left = text;
    while let Some(open) = left.find('{') {
        let (before, from) = left.split_at(open);
        let name = from[1..].split_once('}').map(|(name, _)| name).filter(|name| pattern::is_name(name));
        let (text, after) = match name {
            Some(name) => (before, &from[name.len() + 2..]),
            None => left.split_at(open + 1),
        };
        pieces.push(Piece::Text(text));
        pieces.extend(name.map(Piece::Placeholder));
        left = after;
    }
    pieces.push(Piece::Text(left));
    pieces
}

/// Names of all placeholders of a body's part.
pub fn placeholders(value: &Json) -> Vec<&str> {
    match value {
        Json::String(text) => pieces(text)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Text(_) => None,
                Piece::Placeholder(name) => Some(name),
            })
            .collect(),
        Json::Array(items) => items.iter().flat_map(placeholders).collect(),
        Json::Object(map) => map.values().flat_map(placeholders).collect(),
        _ => vec![],
    }
}

/// First and last day: `{from, to}`, as a range of dates is asked for.
fn period(text: &str) -> Result<Json, Unfit> {
    let unfit = || Unfit::Period(text.to_owned());
    let (from, to) = days(text).ok_or_else(unfit)?;
    Ok(json!({ "from": from.to_string(), "to": to.to_string() }))
}

fn days(text: &str) -> Option<(Date, Date)> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return None;
    }
    let parts: Vec<&str> = text.split('-').collect();
    let year = parts.first().filter(|year| year.len() == 4)?.parse().ok()?;
    let number = |text: &str| if text.len() <= 2 { text.parse::<i8>().ok() } else { None };
    match parts[1..] {
        [] => Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?)),
        [month] => {
            let first = Date::new(year, number(month)?, 1).ok()?;
            Some((first, first.last_of_month()))
        }
        [month, day] => {
            let day = Date::new(year, number(month)?, number(day)?).ok()?;
            Some((day, day))
        }
        _ => None,
    }
}

fn integer(text: &str) -> Result<Json, Unfit> {
    text.parse::<i64>().map(Json::from).map_err(|_| Unfit::Integer(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(template: &Json, values: &[(&str, &str)]) -> Result<Json, Unfit> {
        request(&json!({ "report": "{a}", "parameters": template }), &values.iter().copied().collect())
            .map(|body| body["parameters"].clone())
    }

    #[test]
    fn placeholders_are_filled_once_and_in_parameters_alone() {
        let body = json!({ "report": "{a}", "parameters": { "p": ["x{a}y{b}", 1, null] }, "filter": { "q": "{a}" } });
        let values = [("a", "{b}"), ("b", "2")].into_iter().collect();
        let expected = json!({ "report": "{a}", "parameters": { "p": ["x{b}y2", 1, null] }, "filter": { "q": "{b}" } });
        assert_eq!(request(&body, &values), Ok(expected));
    }

    #[test]
    fn periods_are_their_first_and_last_day() {
        let range = |text: &str| filled(&json!({ "period": "{a}" }), &[("a", text)]);
        for (text, from, to) in [
            ("2012", "2012-01-01", "2012-12-31"),
            ("2012-02", "2012-02-01", "2012-02-29"),
            ("2011-2", "2011-02-01", "2011-02-28"),
            ("2011-06-30", "2011-06-30", "2011-06-30"),
        ] {
            assert_eq!(range(text), Ok(json!({ "from": from, "to": to })), "{text}");
        }
        for bad in ["", "June", "11-06", "2011-13", "2011-06-31", "2011-06-1-1", "2011-", "-2011", "2011-006", "+2011"]
        {
            assert_eq!(range(bad), Err(Unfit::Period(bad.to_owned())));
        }
    }

    #[test]
    fn numbers_are_whole() {
        let number = |text: &str| filled(&json!({ "integer": "{a}" }), &[("a", text)]);
        assert_eq!(number("-7"), Ok(json!(-7)));
        assert_eq!(number("7.5"), Err(Unfit::Integer("7.5".to_owned())));
        // More than the one key, or no text: an ordinary object.
        assert_eq!(filled(&json!({ "integer": 7 }), &[]), Ok(json!({ "integer": 7 })));
        let two = json!({ "integer": "7", "period": "2011" });
        assert_eq!(filled(&two, &[]), Ok(two));
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_text_are_the_text(text in "[a{}é*]{0,20}") {
            let whole: String = pieces(&text).iter().map(|piece| match piece {
                Piece::Text(text) => (*text).to_owned(),
                Piece::Placeholder(name) => format!("{{{name}}}"),
            }).collect();
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn any_text_is_a_period_or_not(text in "[0-9-]{0,12}") {
            if let Some((from, to)) = days(&text) {
                prop_assert!(from <= to);
            }
        }
    }
}
