//! A caller's parameters, resolved into typed placeholders.
//!
//! | kind | the request gives | the SQL sees |
//! |---|---|---|
//! | text, integer, decimal, boolean | `p` | `$p` |
//! | date, timestamp | `p` | `$p`, and `$p_month`, its month as text `YYYY-MM` |
//! | date range | `p: {from, to}` | `$p_from`, `$p_to` as dates, and `$p_from_month`, `$p_to_month` |
//!
//! The months are there for partition predicates. What was not supplied is a typed null. Dates may be given relative to
//! the day ([`Relative`]); they are reckoned once, when a request is accepted.

mod literal;
pub(super) mod reckon;
mod relative;
pub(super) mod text;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value as Json};

pub use self::{
    literal::{as_asked, literal},
    reckon::Reckoning,
    relative::Relative,
    value::{MAX_DIGITS, Unreadable, Value, ValueType},
};
use super::{Definition, Parameter, ParameterKind};

/// Something wrong with one parameter of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterFault {
    /// JSON pointer into the request's body, e.g. `/parameters/dates/from`.
    pub pointer: String,
    /// What kind of fault.
    pub code: FaultCode,
    /// One sentence for the caller.
    pub detail: String,
}

/// Kinds of faults of parameters. Stable: clients switch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultCode {
    /// Required and not supplied.
    Missing,
    /// The report has no such parameter.
    Unknown,
    /// Of another JSON type.
    Type,
    /// The right JSON type in a form that cannot be read, such as a date that does not exist.
    Format,
    /// Not one of the values that are listed.
    NotAllowed,
    /// Outside its bounds, or longer than it may be.
    OutOfRange,
    /// A range that ends before it begins, or two parameters in that relation.
    RangeReversed,
}

impl fmt::Display for ParameterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.detail)
    }
}

/// Placeholders of the SQL, by name without the `$`.
pub type Placeholders = BTreeMap<String, Value>;

/// What parameters come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// For the SQL.
    pub placeholders: Placeholders,
    /// What relative dates came to, by parameter, as a request would give it.
    pub reckoned: Map<String, Json>,
}

/// Turns the `parameters` of a request into the placeholders of the definition's SQL, or finds every fault.
/// A JSON `null` counts as not supplied. Relative dates, also of defaults, are as of the reckoning.
pub fn resolve(
    definition: &Definition,
    raw: &Map<String, Json>,
    reckoning: &Reckoning,
) -> Result<Resolved, Vec<ParameterFault>> {
    let Resolved { mut placeholders, mut reckoned } = Resolved::default();
    let mut faults = Vec::new();
    let known = |name: &str| definition.parameters.iter().any(|parameter| parameter.name == name);
    for name in raw.keys().filter(|name| !known(name)) {
        let pointer = pointer(name, "");
        let detail = format!("The report {} has no such parameter.", definition.id);
        faults.push(ParameterFault { pointer, code: FaultCode::Unknown, detail });
    }
    for parameter in &definition.parameters {
        let supplied = raw.get(&parameter.name).filter(|value| !value.is_null());
        match supplied.or(parameter.default.as_ref()) {
            Some(json) => match read_as_of(reckoning, &parameter.kind, json) {
                Ok((reading, days)) => {
                    placeholders.extend(reading.placeholders(&parameter.name));
                    reckoned.extend(days.map(|days| (parameter.name.clone(), days)));
                }
                Err(found) => faults.extend(found.into_iter().map(|fault| fault.at(&parameter.name))),
            },
            None if parameter.required => {
                faults.push(Misfit::new(FaultCode::Missing, "Required.").at(&parameter.name));
            }
            None => placeholders
                .extend(parameter.placeholders().into_iter().map(|(name, value_type)| (name, Value::Null(value_type)))),
        }
    }
    for parameter in &definition.parameters {
        faults.extend(reversed(parameter, &placeholders));
    }
    if faults.is_empty() { Ok(Resolved { placeholders, reckoned }) } else { Err(faults) }
}

/// The value's reading, and what it came to if it is relative.
fn read_as_of(
    reckoning: &Reckoning,
    kind: &ParameterKind,
    json: &Json,
) -> Result<(Reading, Option<Json>), Vec<Misfit>> {
    if !reckon::is_relative(kind, json) {
        return Ok((read(kind, json)?, None));
    }
    let days = reckon::reckoned(kind, json, reckoning)?;
    Ok((read(kind, &days)?, Some(days)))
}

/// A fault at either end, where both ends could be read.
fn reversed(later: &Parameter, placeholders: &Placeholders) -> Vec<ParameterFault> {
    let Some(earlier) = &later.not_before else { return vec![] };
    let in_order = match (placeholders.get(earlier), placeholders.get(&later.name)) {
        (Some(Value::Date(from)), Some(Value::Date(to))) => from <= to,
        (Some(Value::Timestamp(from)), Some(Value::Timestamp(to))) => from <= to,
        _ => true,
    };
    if in_order {
        return vec![];
    }
    let detail = format!("`{earlier}` must not be after `{}`.", later.name);
    [earlier, &later.name].map(|name| Misfit::new(FaultCode::RangeReversed, detail.as_str()).at(name)).into()
}

impl Parameter {
    /// Names (without the `$`) and types of the placeholders that this parameter gives.
    pub fn placeholders(&self) -> Vec<(String, ValueType)> {
        let name = &self.name;
        let with_month = |name: String, value_type| {
            let month = format!("{name}_month");
            vec![(name, value_type), (month, ValueType::Text)]
        };
        match self.kind {
            ParameterKind::Text { .. } => vec![(name.clone(), ValueType::Text)],
            ParameterKind::Integer { .. } => vec![(name.clone(), ValueType::Integer)],
            ParameterKind::Decimal { scale, .. } => vec![(name.clone(), ValueType::Decimal { scale })],
            ParameterKind::Boolean => vec![(name.clone(), ValueType::Boolean)],
            ParameterKind::Date => with_month(name.clone(), ValueType::Date),
            ParameterKind::Timestamp => with_month(name.clone(), ValueType::Timestamp),
            ParameterKind::DateRange { .. } => {
                let mut both = with_month(format!("{name}_from"), ValueType::Date);
                both.extend(with_month(format!("{name}_to"), ValueType::Date));
                both
            }
        }
    }
}

/// A fault, before it is known which parameter has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Pointer within the parameter's value: empty, `/from` or `/to`.
    within: String,
    code: FaultCode,
    /// A sentence for the caller, or the author of a default.
    pub detail: String,
}

impl Misfit {
    fn new(code: FaultCode, detail: impl Into<String>) -> Self {
        Self { within: String::new(), code, detail: detail.into() }
    }

    fn under(mut self, key: &str) -> Self {
        self.within = format!("/{}", escape(key));
        self
    }

    fn at(self, parameter: &str) -> ParameterFault {
        ParameterFault { pointer: pointer(parameter, &self.within), code: self.code, detail: self.detail }
    }
}

fn pointer(parameter: &str, within: &str) -> String {
    format!("/parameters/{}{within}", escape(parameter))
}

/// RFC 6901.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value that fits its parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    One(Value),
    Range(jiff::civil::Date, jiff::civil::Date),
}

impl Reading {
    fn placeholders(self, name: &str) -> Vec<(String, Value)> {
        let month = |name: &str, date| (format!("{name}_month"), Value::Text(text::month(date)));
        let derived = match &self {
            Self::One(Value::Date(date)) => vec![month(name, *date)],
            Self::One(Value::Timestamp(at)) => vec![month(name, at.date())],
            Self::One(_) => vec![],
            Self::Range(from, to) => vec![month(&format!("{name}_from"), *from), month(&format!("{name}_to"), *to)],
        };
        let mut placeholders = match self {
            Self::One(value) => vec![(name.to_owned(), value)],
            Self::Range(from, to) => {
                vec![(format!("{name}_from"), Value::Date(from)), (format!("{name}_to"), Value::Date(to))]
            }
        };
        placeholders.extend(derived);
        placeholders
    }
}

/// Reads a request's value for a parameter of that kind.
pub(super) fn read(kind: &ParameterKind, json: &Json) -> Result<Reading, Vec<Misfit>> {
    let one = |result: Result<Value, Misfit>| result.map(Reading::One).map_err(|misfit| vec![misfit]);
    match kind {
        ParameterKind::Text { max_length, allowed } => one(read_text(json, *max_length, allowed)),
        ParameterKind::Integer { min, max } => one(read_integer(json, *min, *max)),
        ParameterKind::Decimal { scale, min, max } => one(read_decimal(json, *scale, *min, *max)),
        ParameterKind::Boolean => one(json.as_bool().map(Value::Boolean).ok_or_else(|| mistyped("true or false"))),
        ParameterKind::Date => one(read_date(json).map(Value::Date)),
        ParameterKind::Timestamp => one(read_timestamp(json)),
        ParameterKind::DateRange { max_days } => read_range(json, *max_days),
    }
}

fn mistyped(expected: &str) -> Misfit {
    Misfit::new(FaultCode::Type, format!("Must be {expected}."))
}

fn malformed(expected: &str) -> Misfit {
    Misfit::new(FaultCode::Format, format!("Must be {expected}."))
}

fn read_text(json: &Json, max_length: usize, allowed: &[String]) -> Result<Value, Misfit> {
    let text = json.as_str().ok_or_else(|| mistyped("a string"))?;
    if !allowed.is_empty() && !allowed.iter().any(|one| one == text) {
        let detail = format!("Must be one of: {}.", allowed.join(", "));
        return Err(Misfit::new(FaultCode::NotAllowed, detail));
    }
    if text.chars().nth(max_length).is_some() {
        return Err(Misfit::new(FaultCode::OutOfRange, format!("Must have at most {max_length} characters.")));
    }
    Ok(Value::Text(text.to_owned()))
}

fn read_integer(json: &Json, min: Option<i64>, max: Option<i64>) -> Result<Value, Misfit> {
    let number = json.as_number().ok_or_else(|| mistyped("a whole number"))?;
    if number.is_f64() {
        return Err(mistyped("a whole number"));
    }
    let too_large = || Misfit::new(FaultCode::OutOfRange, "Must fit a 64-bit integer.");
    let value = number.as_i64().ok_or_else(too_large)?;
    within_bounds(value, min, max, |bound| bound.to_string())?;
    Ok(Value::Integer(value))
}

fn read_decimal(json: &Json, scale: u8, min: Option<i128>, max: Option<i128>) -> Result<Value, Misfit> {
    let expected = format!("a decimal with at most {scale} digits after the point, as a number or a string");
    let text = match json {
        Json::String(text) => text.clone(),
        Json::Number(number) => exact_text(number, scale)?,
        _ => return Err(mistyped(&expected)),
    };
    let unscaled = text::parse_decimal(&text, scale).map_err(|reason| match reason {
        text::NotDecimal::Form | text::NotDecimal::Scale => malformed(&expected),
        text::NotDecimal::Size => Misfit::new(FaultCode::OutOfRange, "Must have at most 38 digits."),
    })?;
    within_bounds(unscaled, min, max, |bound| text::decimal(bound, scale))?;
    Ok(Value::Decimal { unscaled, scale })
}

/// Text of a JSON number, if it surely is what the caller wrote: a double tells decimals of up to 15 digits apart.
fn exact_text(number: &serde_json::Number, scale: u8) -> Result<String, Misfit> {
    if !number.is_f64() {
        return Ok(number.to_string());
    }
    let limit = 10_f64.powi(15 - i32::from(scale));
    match number.as_f64() {
        // Rust's own formatting: the shortest text that reads back the same, never with an exponent.
        Some(value) if value.abs() < limit => Ok(value.to_string()),
        _ => Err(malformed("a string: a JSON number of that size is not exact")),
    }
}

fn within_bounds<T: PartialOrd + Copy>(
    value: T,
    min: Option<T>,
    max: Option<T>,
    show: impl Fn(T) -> String,
) -> Result<(), Misfit> {
    let refused = |detail: String| Err(Misfit::new(FaultCode::OutOfRange, detail));
    match (min, max) {
        (Some(min), _) if value < min => refused(format!("Must be at least {}.", show(min))),
        (_, Some(max)) if value > max => refused(format!("Must be at most {}.", show(max))),
        _ => Ok(()),
    }
}

fn read_date(json: &Json) -> Result<jiff::civil::Date, Misfit> {
    let text = json.as_str().ok_or_else(|| mistyped("a date as a string, YYYY-MM-DD"))?;
    text::parse_date(text).ok_or_else(|| malformed("a date that exists, YYYY-MM-DD"))
}

fn read_timestamp(json: &Json) -> Result<Value, Misfit> {
    let expected = "a local date and time, YYYY-MM-DDTHH:MM:SS with up to three digits of a second";
    let text = json.as_str().ok_or_else(|| mistyped(expected))?;
    text::parse_timestamp(text).map(Value::Timestamp).ok_or_else(|| malformed(expected))
}

fn read_range(json: &Json, max_days: Option<u32>) -> Result<Reading, Vec<Misfit>> {
    let object = json.as_object().ok_or_else(|| vec![mistyped("an object with `from` and `to`")])?;
    let unknown = object.keys().filter(|key| *key != "from" && *key != "to");
    let mut misfits: Vec<_> =
        unknown.map(|key| Misfit::new(FaultCode::Unknown, "A range has `from` and `to`.").under(key)).collect();
    let mut end = |key: &str| {
        match object.get(key).filter(|value| !value.is_null()) {
            None => Err(Misfit::new(FaultCode::Missing, "Required.").under(key)),
            Some(json) => read_date(json).map_err(|misfit| misfit.under(key)),
        }
        .map_err(|misfit| misfits.push(misfit))
    };
    let (Ok(from), Ok(to)) = (end("from"), end("to")) else { return Err(misfits) };
    if from > to {
        misfits.push(Misfit::new(FaultCode::RangeReversed, "`from` must not be after `to`."));
    } else if let Some(max_days) = max_days
        // Both ends count; a civil range has at most a few million days.
        && from.duration_until(to).as_hours() / 24 + 1 > i64::from(max_days)
    {
        misfits.push(Misfit::new(FaultCode::OutOfRange, format!("Must span at most {max_days} days.")));
    }
    if misfits.is_empty() { Ok(Reading::Range(from, to)) } else { Err(misfits) }
}

#[cfg(test)]
mod tests;
