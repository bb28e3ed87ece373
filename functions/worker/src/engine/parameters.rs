//! Placeholders as DataFusion's typed scalars.

use datafusion::{arrow::datatypes::DECIMAL128_MAX_PRECISION, scalar::ScalarValue};
use jiff::civil::{Date, DateTime, date};
use waybill::domain::definition::parameter::{Value, ValueType};

/// The scalar of a placeholder. Nulls are typed, so that a comparison with one plans as it would with a value.
pub(super) fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Null(ValueType::Text) => ScalarValue::Utf8(None),
        Value::Null(ValueType::Integer) => ScalarValue::Int64(None),
        Value::Null(ValueType::Decimal { scale }) => decimal(None, *scale),
        Value::Null(ValueType::Boolean) => ScalarValue::Boolean(None),
        Value::Null(ValueType::Date) => ScalarValue::Date32(None),
        Value::Null(ValueType::Timestamp) => ScalarValue::TimestampMicrosecond(None, None),
        Value::Text(text) => ScalarValue::Utf8(Some(text.clone())),
        Value::Integer(value) => ScalarValue::Int64(Some(*value)),
        Value::Decimal { unscaled, scale } => decimal(Some(*unscaled), *scale),
        Value::Boolean(value) => ScalarValue::Boolean(Some(*value)),
        Value::Date(value) => ScalarValue::Date32(Some(days(*value))),
        Value::Timestamp(value) => ScalarValue::TimestampMicrosecond(Some(microseconds(*value)), None),
    }
}

/// With no more precision than the value has: DataFusion widens comparisons and sums by it, and 38 digits on
/// one side leave no room for the other's scale.
fn decimal(unscaled: Option<i128>, scale: u8) -> ScalarValue {
    let digits = unscaled.and_then(|value| value.unsigned_abs().checked_ilog10()).map_or(1, |log| log + 1);
    let digits = u8::try_from(digits).unwrap_or(DECIMAL128_MAX_PRECISION);
    let precision = digits.max(scale).max(1);
    ScalarValue::Decimal128(unscaled, precision, i8::try_from(scale).unwrap_or(i8::MAX))
}

fn days(value: Date) -> i32 {
    // jiff's years end at 9999: some three million days.
    i32::try_from(value.duration_since(date(1970, 1, 1)).as_hours() / 24).unwrap_or(i32::MAX)
}

fn microseconds(value: DateTime) -> i64 {
    let since = value.duration_since(date(1970, 1, 1).at(0, 0, 0, 0));
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::datetime;

    use super::*;

    #[test]
    fn decimals_keep_room_for_the_other_side() {
        assert_eq!(scalar(&Value::Decimal { unscaled: -1250, scale: 2 }), ScalarValue::Decimal128(Some(-1250), 4, 2));
        assert_eq!(scalar(&Value::Decimal { unscaled: 0, scale: 0 }), ScalarValue::Decimal128(Some(0), 1, 0));
        assert_eq!(scalar(&Value::Null(ValueType::Decimal { scale: 38 })), ScalarValue::Decimal128(None, 38, 38));
    }

    #[test]
    fn times_count_from_1970() {
        assert_eq!(scalar(&Value::Date(date(1969, 12, 31))), ScalarValue::Date32(Some(-1)));
        let timestamp = Value::Timestamp(datetime(1969, 12, 31, 23, 59, 59, 999_000_000));
        assert_eq!(scalar(&timestamp), ScalarValue::TimestampMicrosecond(Some(-1_000), None));
        assert_eq!(scalar(&Value::Date(date(9999, 12, 31))), ScalarValue::Date32(Some(2_932_896)));
    }
}
