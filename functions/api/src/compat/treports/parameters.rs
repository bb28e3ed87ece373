//! Parameters, from what TReports' clients send: mostly texts, with the name of a type beside them.
//!
//! A text becomes what the definition's parameter is; how strictly, the definition's own reader decides. Of a range of
//! dates each end has a name of its own, `dates_from` and `dates_to`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use waybill::{
    accept::fields::Faults,
    domain::definition::{ColumnKind, Definition, Parameter, ParameterKind},
};

/// Names that TReports and .NET have for types, in lower case, and what they mean.
const TYPES: [(&str, Declared); 23] = [
    ("string", Declared::Text),
    ("text", Declared::Text),
    ("char", Declared::Text),
    ("guid", Declared::Text),
    ("int", Declared::Number),
    ("int16", Declared::Number),
    ("int32", Declared::Number),
    ("int64", Declared::Number),
    ("integer", Declared::Number),
    ("long", Declared::Number),
    ("short", Declared::Number),
    ("byte", Declared::Number),
    ("number", Declared::Number),
    ("numeric", Declared::Number),
    ("decimal", Declared::Number),
    ("double", Declared::Number),
    ("float", Declared::Number),
    ("single", Declared::Number),
    ("bool", Declared::Boolean),
    ("boolean", Declared::Boolean),
    ("date", Declared::Time),
    ("datetime", Declared::Time),
    ("datetimeoffset", Declared::Time),
];

/// What a declared type comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// Anything can be sent as a text.
    Text,
    /// Whole or not.
    Number,
    /// True or false.
    Boolean,
    /// With or without a time of day.
    Time,
}

impl Declared {
    /// The type of that name; an empty one declares nothing.
    pub fn from_name(name: &str) -> Result<Option<Self>, String> {
        let name = name.trim().to_ascii_lowercase();
        let name = name.strip_prefix("system.").unwrap_or(&name);
        if name.is_empty() {
            return Ok(None);
        }
        let found = TYPES.into_iter().find(|(known, _)| *known == name).map(|(_, declared)| Some(declared));
        found.ok_or_else(|| {
            "There is no such type. There are String, Int32, Decimal, Boolean, Date, DateTime.".to_owned()
        })
    }

    /// Whether a value that is declared so can be one of that kind.
    const fn fits(self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Text, _)
                | (Self::Number, Kind::Integer | Kind::Decimal)
                | (Self::Boolean, Kind::Boolean)
                | (Self::Time, Kind::Date | Kind::Timestamp)
        )
    }
}

/// What a value is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
    Timestamp,
}

impl From<ColumnKind> for Kind {
    fn from(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text,
            ColumnKind::Integer => Self::Integer,
            ColumnKind::Decimal | ColumnKind::Float => Self::Decimal,
            ColumnKind::Boolean => Self::Boolean,
            ColumnKind::Date => Self::Date,
            ColumnKind::Timestamp => Self::Timestamp,
        }
    }
}

impl Kind {
    /// Why a declared type does not go with it, if it does not.
    pub fn refusal(self, declared: Option<Declared>, what: &str) -> Option<String> {
        let refused = declared.is_some_and(|declared| !declared.fits(self));
        refused.then(|| format!("The type does not go with {what}, which is of the type {}.", self.name()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Integer => "Int64",
            Self::Decimal => "Decimal",
            Self::Boolean => "Boolean",
            Self::Date => "Date",
            Self::Timestamp => "DateTime",
        }
    }

    /// The value as Waybill's own API has it. A text that cannot be one stays as it is, for the reader there to refuse.
    pub fn value(self, given: &Json) -> Json {
        let Some(text) = given.as_str() else { return given.clone() };
        let read = match self {
            Self::Text | Self::Decimal => None,
            Self::Integer => text.trim().parse::<i64>().ok().map(Json::from),
            Self::Boolean => text.trim().to_ascii_lowercase().parse::<bool>().ok().map(Json::from),
            Self::Date => date(text).map(Json::from),
            Self::Timestamp => timestamp(text).map(Json::from),
        };
        read.unwrap_or_else(|| given.clone())
    }
}

/// `YYYY-MM-DD`, also from `YYYYMMDD` and from midnight of that day.
fn date(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]));
    }
    let (date, time) = text.split_once(['T', ' '])?;
    let midnight = matches!(time.trim_end_matches('0'), "" | "00:00:" | "00:00:00.") && time.starts_with("00:00:00");
    midnight.then(|| date.to_owned())
}

/// `YYYY-MM-DDTHH:MM:SS`, also of a date, whose midnight it then is.
fn timestamp(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some((day, time)) = text.split_once(' ') {
        return Some(format!("{day}T{time}"));
    }
    let day = date(text).unwrap_or_else(|| text.to_owned());
    (day.len() == 10).then(|| format!("{day}T00:00:00"))
}

/// One parameter as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Given<'a> {
    pub name: &'a str,
    pub value: Option<&'a Json>,
    pub declared: Option<Declared>,
    /// Where it stands, for faults.
    pub place: String,
}

/// Waybill's own `parameters`, and the place of each by its pointer below that.
pub fn translate(
    given: &[Given<'_>],
    definition: &Definition,
    faults: &Faults,
) -> (Map<String, Json>, BTreeMap<String, String>) {
    let (mut parameters, mut places) = (Map::new(), BTreeMap::new());
    for one in given {
        let Some((parameter, end)) = named(definition, one.name) else {
            faults.add(
                &one.place,
                "unknown",
                format!("The report has no parameter {:?}.{}", one.name, known(definition)),
            );
            continue;
        };
        let path = end.map_or_else(|| parameter.name.clone(), |end| format!("{}/{end}", parameter.name));
        if places.insert(path, one.place.clone()).is_some() {
            faults.add(&one.place, "not_allowed", "The parameter is there twice.");
        }
        let kind = kind(&parameter.kind);
        if let Some(refusal) = kind.and_then(|kind| kind.refusal(one.declared, one.name)) {
            faults.add(format!("{}.type", one.place), "type", refusal);
        }
        let Some(value) = one.value.filter(|value| is_given(kind, value)) else { continue };
        match (kind, end) {
            // A range as a whole: an object, or an interval of ISO 8601.
            (None, None) => {
                parameters.insert(parameter.name.clone(), interval(value));
            }
            (None, Some(end)) => {
                let range = parameters.entry(parameter.name.clone()).or_insert_with(|| json!({}));
                if let Some(range) = range.as_object_mut() {
                    range.insert(end.to_owned(), Kind::Date.value(value));
                }
            }
            (Some(kind), _) => {
                parameters.insert(parameter.name.clone(), kind.value(value));
            }
        }
    }
    (parameters, places)
}

/// An empty text is no number, date or flag: nothing was filled in.
fn is_given(kind: Option<Kind>, value: &Json) -> bool {
    let blank = value.as_str().is_some_and(|text| text.trim().is_empty());
    !value.is_null() && (kind == Some(Kind::Text) || !blank)
}

/// None for a range, which has two.
const fn kind(kind: &ParameterKind) -> Option<Kind> {
    Some(match kind {
        ParameterKind::Text { .. } => Kind::Text,
        ParameterKind::Integer { .. } => Kind::Integer,
        ParameterKind::Decimal { .. } => Kind::Decimal,
        ParameterKind::Boolean => Kind::Boolean,
        ParameterKind::Date => Kind::Date,
        ParameterKind::Timestamp => Kind::Timestamp,
        ParameterKind::DateRange { .. } => return None,
    })
}

fn named<'d>(definition: &'d Definition, name: &str) -> Option<(&'d Parameter, Option<&'static str>)> {
    let of = |name: &str| definition.parameters.iter().find(|parameter| parameter.name == name);
    let end = || {
        let ends = [("_from", "from"), ("_to", "to")];
        let (range, end) = ends.into_iter().find_map(|(suffix, end)| Some((name.strip_suffix(suffix)?, end)))?;
        let range = of(range).filter(|parameter| matches!(parameter.kind, ParameterKind::DateRange { .. }))?;
        Some((range, Some(end)))
    };
    of(name).map(|parameter| (parameter, None)).or_else(end)
}

fn known(definition: &Definition) -> String {
    let names = definition.parameters.iter().flat_map(|parameter| match parameter.kind {
        ParameterKind::DateRange { .. } => vec![format!("{}_from", parameter.name), format!("{}_to", parameter.name)],
        _ => vec![parameter.name.clone()],
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() { " It has none.".to_owned() } else { format!(" It has {}.", names.join(", ")) }
}

fn interval(value: &Json) -> Json {
    let ends = value.as_str().and_then(|text| text.split_once('/'));
    let end = |text: &str| Kind::Date.value(&json!(text.trim()));
    ends.map_or_else(|| value.clone(), |(from, to)| json!({ "from": end(from), "to": end(to) }))
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
