//! Values that a column is compared with, read as parameters of the column's type are.

use serde_json::Value as Json;

use super::{FaultCode, MAX_DIGITS, Misfit, Value, read_date, read_decimal, read_integer, read_text, read_timestamp};
use crate::domain::definition::ColumnKind;

/// Longest text, in characters.
const MAX_LENGTH: usize = 1_000;

/// Reads a value to compare a column of that type with; or the kind of fault and a sentence.
pub fn literal(kind: ColumnKind, json: &Json) -> Result<Value, (FaultCode, String)> {
    let read = match kind {
        ColumnKind::Text => read_text(json, MAX_LENGTH, &[]),
        ColumnKind::Integer => read_integer(json, None, None),
        // Written out, no decimal loses anything; against a double the engine compares as doubles.
        ColumnKind::Decimal | ColumnKind::Float => read_decimal(json, scale(json), None, None),
        ColumnKind::Boolean => json.as_bool().map(Value::Boolean).ok_or_else(|| super::mistyped("true or false")),
        ColumnKind::Date => read_date(json).map(Value::Date),
        ColumnKind::Timestamp => read_timestamp(json),
    };
    read.map_err(|misfit: Misfit| (misfit.code, misfit.detail))
}

/// The value as [`literal`] reads it, from a request's JSON.
pub fn as_asked(value: &Value) -> Json {
    match value {
        Value::Null(_) => Json::Null,
        Value::Integer(value) => (*value).into(),
        Value::Boolean(value) => (*value).into(),
        other => other.to_string().into(),
    }
}

/// Digits after the point, as they are written.
fn scale(json: &Json) -> u8 {
    let text = match json {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return 0,
    };
    let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len());
    u8::try_from(digits).unwrap_or(MAX_DIGITS).min(MAX_DIGITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_type_reads_its_own() {
        let read = |kind, json: Json| literal(kind, &json).map(|value| value.to_string()).map_err(|(code, _)| code);
        assert_eq!(read(ColumnKind::Text, json!("x' OR '1'='1")), Ok("x' OR '1'='1".to_owned()));
        assert_eq!(read(ColumnKind::Integer, json!(-7)), Ok("-7".to_owned()));
        assert_eq!(read(ColumnKind::Decimal, json!("12.50")), Ok("12.5".to_owned()));
        assert_eq!(read(ColumnKind::Decimal, json!(0.1)), Ok("0.1".to_owned()));
        assert_eq!(read(ColumnKind::Float, json!(3)), Ok("3".to_owned()));
        assert_eq!(read(ColumnKind::Date, json!("2024-02-29")), Ok("2024-02-29".to_owned()));
        assert_eq!(read(ColumnKind::Boolean, json!(true)), Ok("true".to_owned()));
        for (kind, json, code) in [
            (ColumnKind::Text, json!(1), FaultCode::Type),
            (ColumnKind::Integer, json!("1"), FaultCode::Type),
            (ColumnKind::Decimal, json!("1,5"), FaultCode::Format),
            (ColumnKind::Date, json!("2023-02-29"), FaultCode::Format),
            (ColumnKind::Timestamp, json!("2023-02-28"), FaultCode::Format),
            (ColumnKind::Boolean, json!("true"), FaultCode::Type),
            (ColumnKind::Text, json!("x".repeat(1_001)), FaultCode::OutOfRange),
        ] {
            assert_eq!(read(kind, json.clone()), Err(code), "{kind:?} {json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_told_is_read_again(text in "-?[0-9]{1,20}(\\.[0-9]{1,15})?") {
            for kind in [ColumnKind::Decimal, ColumnKind::Text] {
                let value = literal(kind, &json!(text)).unwrap();
                prop_assert_eq!(literal(kind, &as_asked(&value)), Ok(value));
            }
        }

        #[test]
        fn nothing_panics(text in ".*", number: f64) {
            for kind in [ColumnKind::Text, ColumnKind::Integer, ColumnKind::Decimal, ColumnKind::Timestamp] {
                let _ = (literal(kind, &json!(text)), literal(kind, &json!(number)));
            }
        }
    }
}
