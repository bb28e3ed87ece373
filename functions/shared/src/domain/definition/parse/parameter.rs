//! Parameters: type, bounds, default.

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::named_sections;
use super::section::{Section, to_json};
use crate::domain::definition::parameter::{MAX_DIGITS, read as read_value, reckon, text};
use crate::domain::definition::{Parameter, ParameterKind};

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
    Timestamp,
    DateRange,
}

const KINDS: [(&str, Kind); 7] = [
    ("text", Kind::Text),
    ("integer", Kind::Integer),
    ("decimal", Kind::Decimal),
    ("boolean", Kind::Boolean),
    ("date", Kind::Date),
    ("timestamp", Kind::Timestamp),
    ("date_range", Kind::DateRange),
];

/// Longest text a parameter may take, in characters, and what it takes unless told.
const TEXT_LIMIT: i64 = 10_000;
const TEXT_DEFAULT: usize = 1_000;

/// The parameters in the file's order, and whether that is all of them: one without a known type is left out.
pub fn read_all(root: &Section<'_>) -> (Vec<Parameter>, bool) {
    let mut parameters: Vec<Parameter> = Vec::new();
    let sections = named_sections(root, "parameters");
    for (name, section) in &sections {
        let Some(parameter) = read(name.clone(), section) else { continue };
        for (placeholder, _) in parameter.placeholders() {
            let gives = |other: &Parameter| other.placeholders().iter().any(|(name, _)| *name == placeholder);
            if let Some(other) = parameters.iter().find(|other| gives(other)) {
                let reason =
                    format!("`{}` and `{}` both give the placeholder `${placeholder}`", other.name, parameter.name);
                section.faults.add(section.at, reason);
            }
        }
        parameters.push(parameter);
    }
    let complete = parameters.len() == sections.len();
    for (name, section) in sections.iter().filter(|_| complete) {
        check_not_before(name, section, &parameters);
    }
    (parameters, complete)
}

/// What it must not be before is another parameter of the same kind.
fn check_not_before(name: &str, section: &Section<'_>, parameters: &[Parameter]) {
    let find = |name: &str| parameters.iter().find(|parameter| parameter.name == name);
    let Some(parameter) = find(name) else { return };
    let Some(other) = &parameter.not_before else { return };
    let kind = find(other).filter(|_| other != name).map(|other| &other.kind);
    if kind != Some(&parameter.kind) {
        let at = section.get("not_before").map_or(section.at, |value| value.span().start);
        section.faults.add(at, "`not_before` must name another parameter of the same type");
    }
}

/// None where even the type is unknown, without which nothing else can be judged.
fn read(name: String, section: &Section<'_>) -> Option<Parameter> {
    let description = section.text("description").map(|text| text.get_ref().trim().to_owned()).unwrap_or_default();
    let required = section.boolean("required").unwrap_or_default();
    let kind = read_kind(section)?;
    let default = section.get("default");
    let ordered = matches!(kind, ParameterKind::Date | ParameterKind::Timestamp);
    let not_before = if ordered { section.text("not_before") } else { None };
    let not_before = not_before.map(|other| (*other.get_ref()).to_owned());
    section.refuse_unknown_keys();
    let mut parameter = Parameter { name, description, kind, required, default: None, not_before };
    if let Some(default) = default {
        if required {
            section.faults.add(default.span().start, "a required parameter has no use for a `default`");
        }
        parameter.default = read_default(&parameter.kind, section, default);
    }
    Some(parameter)
}

fn read_kind(section: &Section<'_>) -> Option<ParameterKind> {
    Some(match section.required_choice("type", &KINDS)? {
        Kind::Text => read_text(section),
        Kind::Integer => {
            let (min, max) = (section.integer("min", i64::MIN..=i64::MAX), section.integer("max", i64::MIN..=i64::MAX));
            check_order(section, min, max);
            ParameterKind::Integer { min, max }
        }
        Kind::Decimal => {
            let scale = section.required_integer("scale", 0..=MAX_DIGITS.into())?;
            let (min, max) = (decimal_bound(section, "min", scale), decimal_bound(section, "max", scale));
            check_order(section, min, max);
            ParameterKind::Decimal { scale, min, max }
        }
        Kind::Boolean => ParameterKind::Boolean,
        Kind::Date => ParameterKind::Date,
        Kind::Timestamp => ParameterKind::Timestamp,
        Kind::DateRange => ParameterKind::DateRange { max_days: section.integer("max_days", 1..=u32::MAX.into()) },
    })
}

fn read_text(section: &Section<'_>) -> ParameterKind {
    let max_length = section.integer("max_length", 1..=TEXT_LIMIT).unwrap_or(TEXT_DEFAULT);
    let listed = section.get("allowed").and_then(|value| section.strings("allowed", value)).unwrap_or_default();
    let mut allowed: Vec<String> = Vec::new();
    for one in listed {
        if one.get_ref().chars().nth(max_length).is_some() {
            section.faults.add(one.span().start, format!("longer than the {max_length} characters of `max_length`"));
        } else if allowed.iter().any(|known| known == one.get_ref()) {
            section.faults.add(one.span().start, format!("`{}` is there twice", one.get_ref()));
        }
        allowed.push((*one.get_ref()).to_owned());
    }
    ParameterKind::Text { max_length, allowed }
}

/// A bound of a decimal: an integer, or a string. A TOML float would be a double, which is not exact.
fn decimal_bound(section: &Section<'_>, key: &'static str, scale: u8) -> Option<i128> {
    let value = section.get(key)?;
    let text = match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(digits) if digits.radix() == 10 => Some(digits.as_str().to_owned()),
        _ => None,
    };
    let bound = text.and_then(|text| text::parse_decimal(text.trim_start_matches('+'), scale).ok());
    if bound.is_none() {
        let reason =
            format!("`{key}` must be an integer, or a decimal in quotes with at most {scale} digits after the point");
        section.faults.add(value.span().start, reason);
    }
    bound
}

fn check_order<T: PartialOrd>(section: &Section<'_>, min: Option<T>, max: Option<T>) {
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        section.faults.add(section.at, "`min` must not be greater than `max`");
    }
}

/// The default in the form of a request, checked as a request's value would be.
fn read_default(kind: &ParameterKind, section: &Section<'_>, value: &Spanned<DeValue<'_>>) -> Option<Json> {
    let Some(json) = to_json(value.get_ref()) else {
        section.faults.add(value.span().start, "`default` is no value that a request could give");
        return None;
    };
    let misfits = if reckon::is_relative(kind, &json) {
        reckon::faults_on_any_day(kind, &json)
    } else {
        read_value(kind, &json).err().unwrap_or_default()
    };
    for misfit in misfits {
        section.faults.add(value.span().start, format!("`default` does not fit: {}", misfit.detail));
    }
    Some(json)
}
