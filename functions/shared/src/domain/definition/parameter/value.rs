//! Typed values of placeholders, and their stored form.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use super::text;

/// Most digits that a decimal may have, before and after the point together.
pub const MAX_DIGITS: u8 = 38;

/// What a `$placeholder` of the SQL stands for. Stored with the request as `{type, value}`, both text,
/// so that no store rounds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub enum Value {
    /// SQL `NULL` of that type: an optional parameter that was not supplied.
    Null(ValueType),
    /// UTF-8 text.
    Text(String),
    /// 64-bit integer.
    Integer(i64),
    /// `unscaled / 10^scale`, exactly; at most 38 digits.
    Decimal {
        /// The digits as an integer.
        unscaled: i128,
        /// Digits after the point, at most 38.
        scale: u8,
    },
    /// `true` or `false`.
    Boolean(bool),
    /// Calendar date.
    Date(Date),
    /// Local date and time, whole milliseconds.
    Timestamp(DateTime),
}

/// Type of a placeholder, known also where its value is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// UTF-8 text.
    Text,
    /// 64-bit integer.
    Integer,
    /// Decimal of 38 digits.
    Decimal {
        /// Digits after the point.
        scale: u8,
    },
    /// `true` or `false`.
    Boolean,
    /// Calendar date.
    Date,
    /// Local date and time.
    Timestamp,
}

impl Value {
    /// Its type, also of a null.
    pub const fn value_type(&self) -> ValueType {
        match self {
            Self::Null(value_type) => *value_type,
            Self::Text(_) => ValueType::Text,
            Self::Integer(_) => ValueType::Integer,
            Self::Decimal { scale, .. } => ValueType::Decimal { scale: *scale },
            Self::Boolean(_) => ValueType::Boolean,
            Self::Date(_) => ValueType::Date,
            Self::Timestamp(_) => ValueType::Timestamp,
        }
    }

    /// The value as a caller would write it; none for a null.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Null(_) => None,
            Self::Text(value) => Some(value.clone()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Decimal { unscaled, scale } => Some(text::decimal(*unscaled, *scale)),
            Self::Boolean(value) => Some(value.to_string()),
            Self::Date(value) => Some(value.to_string()),
            Self::Timestamp(value) => Some(text::timestamp(*value)),
        }
    }

    /// Reads [`Self::to_text`] back.
    fn from_text(value_type: ValueType, text: String) -> Option<Self> {
        Some(match value_type {
            ValueType::Text => Self::Text(text),
            ValueType::Integer => Self::Integer(text.parse().ok()?),
            ValueType::Decimal { scale } => Self::Decimal { unscaled: text::parse_decimal(&text, scale).ok()?, scale },
            ValueType::Boolean => Self::Boolean(text.parse().ok()?),
            ValueType::Date => Self::Date(text::parse_date(&text)?),
            ValueType::Timestamp => Self::Timestamp(text::parse_timestamp(&text)?),
        })
    }
}

impl fmt::Display for Value {
    /// The value as a caller would write it; `null` for a null.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_text().as_deref().unwrap_or("null"))
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Integer => f.write_str("integer"),
            Self::Decimal { scale } => write!(f, "decimal({scale})"),
            Self::Boolean => f.write_str("boolean"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
        }
    }
}

/// A stored value that this release cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a stored parameter value of type {0}")]
pub struct Unreadable(String);

impl FromStr for ValueType {
    type Err = Unreadable;

    fn from_str(name: &str) -> Result<Self, Unreadable> {
        let unreadable = || Unreadable(name.to_owned());
        match name {
            "text" => Ok(Self::Text),
            "integer" => Ok(Self::Integer),
            "boolean" => Ok(Self::Boolean),
            "date" => Ok(Self::Date),
            "timestamp" => Ok(Self::Timestamp),
            _ => {
                let scale = name.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
                let scale = scale.and_then(|scale| scale.parse().ok()).filter(|scale| *scale <= MAX_DIGITS);
                Ok(Self::Decimal { scale: scale.ok_or_else(unreadable)? })
            }
        }
    }
}

/// Stored form of a [`Value`].
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(rename = "type")]
    value_type: String,
    #[serde(default)]
    value: Option<String>,
}

impl From<Value> for Stored {
    fn from(value: Value) -> Self {
        Self { value_type: value.value_type().to_string(), value: value.to_text() }
    }
}

impl TryFrom<Stored> for Value {
    type Error = Unreadable;

    fn try_from(stored: Stored) -> Result<Self, Unreadable> {
        let value_type = stored.value_type.parse()?;
        match stored.value {
            None => Ok(Self::Null(value_type)),
            Some(text) => Self::from_text(value_type, text).ok_or(Unreadable(stored.value_type)),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, datetime};
    use proptest::prelude::*;

    use super::*;

    fn round_trip(value: &Value) {
        let json = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<Value>(&json).unwrap(), value, "{json}");
    }

    #[test]
    fn stored_form_is_stable() {
        let stored = |value: Value| serde_json::to_string(&value).unwrap();
        assert_eq!(stored(Value::Decimal { unscaled: -5, scale: 2 }), r#"{"type":"decimal(2)","value":"-0.05"}"#);
        assert_eq!(stored(Value::Null(ValueType::Date)), r#"{"type":"date","value":null}"#);
        let timestamp = Value::Timestamp(datetime(2024, 1, 31, 23, 59, 59, 999_000_000));
        assert_eq!(stored(timestamp), r#"{"type":"timestamp","value":"2024-01-31T23:59:59.999"}"#);
    }

    #[test]
    fn every_type_round_trips() {
        let values = [
            Value::Text(String::new()),
            Value::Integer(i64::MIN),
            Value::Decimal { unscaled: 10_i128.pow(38) - 1, scale: 38 },
            Value::Boolean(true),
            Value::Date(date(1, 1, 1)),
            Value::Timestamp(datetime(2024, 2, 29, 0, 0, 0, 0)),
        ];
        for value in values {
            round_trip(&Value::Null(value.value_type()));
            round_trip(&value);
        }
    }

    #[test]
    fn foreign_forms_are_refused() {
        for json in [r#"{"type":"float","value":"1"}"#, r#"{"type":"decimal(39)"}"#, r#"{"type":"date","value":"1"}"#] {
            assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn decimals_round_trip(digits in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in 0..=MAX_DIGITS) {
            round_trip(&Value::Decimal { unscaled: digits, scale });
        }

        #[test]
        fn text_round_trips(text in ".*") {
            round_trip(&Value::Text(text));
        }
    }
}
