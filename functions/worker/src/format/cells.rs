//! Reading cells of Arrow arrays, and writing the ones that look alike in every text format.

use std::io::Write;

use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, LargeStringArray, RecordBatch, StringArray,
        StringViewArray,
    },
    buffer::NullBuffer,
    compute::cast,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
    },
    error::ArrowError,
};
use waybill::domain::style::pattern::Moment;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Text(&'a str),
    Integer(i64),
    Unsigned(u64),
    /// `unscaled / 10^scale`.
    Decimal(i128, i8),
    Boolean(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Ticks since 1970-01-01T00:00:00.
    Timestamp(i64, Clock),
    Float(f64),
    Single(f32),
}

/// How a column's ticks are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    ticks_per_second: i64,
    /// Whether the column's type has a time zone; its ticks are UTC then.
    pub(super) zoned: bool,
}

impl Clock {
    /// Seconds since 1970-01-01T00:00:00, and milliseconds; what is finer is cut off, towards the past.
    pub(super) fn read(self, ticks: i64) -> (i64, u16) {
        let fraction = ticks.rem_euclid(self.ticks_per_second);
        let milliseconds = match self.ticks_per_second {
            per_second if per_second >= 1_000 => fraction / (per_second / 1_000),
            _ => 0,
        };
        (ticks.div_euclid(self.ticks_per_second), u16::try_from(milliseconds).unwrap_or_default())
    }
}

/// A column's array, cast to one of the types that are read here.
pub(super) struct CellArray {
    array: ArrayRef,
    nulls: Option<NullBuffer>,
}

impl CellArray {
    /// The columns of `batch`.
    pub(super) fn of(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        batch.columns().iter().map(Self::new).collect()
    }

    fn new(array: &ArrayRef) -> Result<Self, ArrowError> {
        let array = match canonical(array.data_type()) {
            Some(canonical) => cast(array, &canonical)?,
            None => array.clone(),
        };
        let nulls = array.logical_nulls();
        Ok(Self { array, nulls })
    }

    /// The array behind its type, once for all of its rows.
    pub(super) fn cells(&self) -> Result<Cells<'_>, ArrowError> {
        let array = self.array.as_ref();
        let values = match array.data_type() {
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::LargeUtf8 => Values::LargeText(array.as_string()),
            DataType::Utf8View => Values::TextView(array.as_string_view()),
            DataType::Int64 => Values::Integer(array.as_primitive::<Int64Type>().values()),
            DataType::UInt64 => Values::Unsigned(array.as_primitive::<UInt64Type>().values()),
            DataType::Decimal128(_, scale) => Values::Decimal(array.as_primitive::<Decimal128Type>(), *scale),
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().values()),
            DataType::Float64 => Values::Float(array.as_primitive::<Float64Type>().values()),
            DataType::Float32 => Values::Single(array.as_primitive::<Float32Type>().values()),
            DataType::Timestamp(unit, zone) => {
                let (ticks_per_second, ticks) = ticks(array, *unit);
                Values::Timestamp(ticks, Clock { ticks_per_second, zoned: zone.is_some() })
            }
            other => return Err(ArrowError::NotYetImplemented(format!("cells of type {other}"))),
        };
        Ok(Cells { nulls: self.nulls.as_ref(), values })
    }
}

fn ticks(array: &dyn Array, unit: TimeUnit) -> (i64, &[i64]) {
    match unit {
        TimeUnit::Second => (1, array.as_primitive::<TimestampSecondType>().values()),
        TimeUnit::Millisecond => (1_000, array.as_primitive::<TimestampMillisecondType>().values()),
        TimeUnit::Microsecond => (1_000_000, array.as_primitive::<TimestampMicrosecondType>().values()),
        TimeUnit::Nanosecond => (1_000_000_000, array.as_primitive::<TimestampNanosecondType>().values()),
    }
}

/// What a type that is not read here is cast to, without loss.
fn canonical(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => Some(DataType::Int64),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Some(DataType::UInt64),
        DataType::Float16 => Some(DataType::Float32),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            Some(DataType::Decimal128(*precision, *scale))
        }
        // Wider than any integer of ours: read as the text that it would be written as.
        DataType::Decimal256(..) | DataType::Null => Some(DataType::Utf8),
        DataType::Date64 => Some(DataType::Date32),
        DataType::Dictionary(_, values) => Some(canonical(values).unwrap_or_else(|| values.as_ref().clone())),
        _ => None,
    }
}

/// The cells of one column.
pub(super) struct Cells<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

/// Values behind their types.
pub(super) enum Values<'a> {
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Integer(&'a [i64]),
    Unsigned(&'a [u64]),
    Decimal(&'a Decimal128Array, i8),
    Boolean(&'a BooleanArray),
    Date(&'a [i32]),
    Timestamp(&'a [i64], Clock),
    Float(&'a [f64]),
    Single(&'a [f32]),
}

impl<'a> Cells<'a> {
    /// Where there is none.
    pub(super) fn nulls(&self) -> Option<&'a NullBuffer> {
        self.nulls
    }

    /// All of them behind their type, null or not.
    pub(super) fn values(&self) -> &Values<'a> {
        &self.values
    }

    /// The cell of `row`.
    pub(super) fn get(&self, row: usize) -> Cell<'a> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return Cell::Null;
        }
        match self.values {
            Values::Text(values) => Cell::Text(values.value(row)),
            Values::LargeText(values) => Cell::Text(values.value(row)),
            Values::TextView(values) => Cell::Text(values.value(row)),
            Values::Integer(values) => Cell::Integer(values[row]),
            Values::Unsigned(values) => Cell::Unsigned(values[row]),
            Values::Decimal(values, scale) => Cell::Decimal(values.value(row), scale),
            Values::Boolean(values) => Cell::Boolean(values.value(row)),
            Values::Date(values) => Cell::Date(values[row]),
            Values::Timestamp(values, clock) => Cell::Timestamp(values[row], clock),
            Values::Float(values) => Cell::Float(values[row]),
            Values::Single(values) => Cell::Single(values[row]),
        }
    }
}

/// Writes an integer.
pub(super) fn integer<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a decimal with all digits of its scale: `-0.05`, `12.300`.
pub(super) fn decimal(out: &mut Vec<u8>, unscaled: i128, scale: i8) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs()).as_bytes();
    if unscaled < 0 {
        out.push(b'-');
    }
    let Ok(scale) = usize::try_from(scale) else {
        out.extend_from_slice(digits);
        let zeros = if unscaled == 0 { 0 } else { usize::from(scale.unsigned_abs()) };
        out.resize(out.len() + zeros, b'0');
        return;
    };
    let whole = digits.len().saturating_sub(scale);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits[..whole] });
    if scale > 0 {
        out.push(b'.');
        out.resize(out.len() + scale.saturating_sub(digits.len()), b'0');
        out.extend_from_slice(&digits[whole..]);
    }
}

/// Writes `true` or `false`.
pub(super) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes the shortest text that reads back as the same finite number.
pub(super) fn float(out: &mut Vec<u8>, value: impl std::fmt::Debug) {
    // `Debug` of floats is the shortest round trip, with an exponent where it is long; writing to a Vec cannot fail.
    let _ = write!(out, "{value:?}");
}

/// Writes `YYYY-MM-DD`.
pub(super) fn date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil(days);
    if (0..=9999).contains(&year) {
        digits(out, year.unsigned_abs(), 4);
    } else {
        // ISO 8601's expanded form, by which years beyond four digits keep their order and their sign.
        out.push(if year < 0 { b'-' } else { b'+' });
        digits(out, year.unsigned_abs(), 6);
    }
    out.push(b'-');
    digits(out, month, 2);
    out.push(b'-');
    digits(out, day, 2);
}

/// Writes `YYYY-MM-DDTHH:MM:SS.mmm`, with `Z` behind it where the column's type has a time zone. What is finer
/// than a millisecond is cut off, towards the past.
pub(super) fn timestamp(out: &mut Vec<u8>, ticks: i64, clock: Clock) {
    let (seconds, milliseconds) = clock.read(ticks);
    local(out, seconds, milliseconds);
    if clock.zoned {
        out.push(b'Z');
    }
}

/// Writes `YYYY-MM-DDTHH:MM:SS.mmm` of seconds since 1970-01-01T00:00:00 on the same clock.
pub(super) fn local(out: &mut Vec<u8>, seconds: i64, milliseconds: u16) {
    date(out, seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY).unsigned_abs();
    out.push(b'T');
    digits(out, second / 3_600, 2);
    out.push(b':');
    digits(out, second / 60 % 60, 2);
    out.push(b':');
    digits(out, second % 60, 2);
    out.push(b'.');
    digits(out, u64::from(milliseconds), 3);
}

/// What clocks show, so many seconds after they showed 1970-01-01T00:00:00.
pub(super) fn moment(seconds: i64, millisecond: u16, offset: Option<i32>) -> Moment {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    // All of them are less than 60.
    let small = |value: i64| u8::try_from(value).unwrap_or_default();
    Moment {
        year,
        month: u8::try_from(month).unwrap_or_default(),
        day: u8::try_from(day).unwrap_or_default(),
        hour: small(second / 3_600),
        minute: small(second / 60 % 60),
        second: small(second % 60),
        millisecond,
        offset,
    }
}

/// Writes `value` with at least `width` digits.
fn digits(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    out.resize(out.len() + width.saturating_sub(text.len()), b'0');
    out.extend_from_slice(text);
}

/// Year, month and day of a day number, in the proleptic Gregorian calendar: over eras of 400 years, in years
/// that begin in March, so that the leap day comes last.
pub(super) fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_are_exact() {
        let cases = [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (-5, 2, "-0.05"),
            (5, 1, "0.5"),
            (12_300, 3, "12.300"),
            (7, -3, "7000"),
            (0, -3, "0"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
            (10_i128.pow(38) - 1, 0, "99999999999999999999999999999999999999"),
        ];
        for (unscaled, scale, expected) in cases {
            assert_eq!(text(|out| decimal(out, unscaled, scale)), expected);
        }
    }

    #[test]
    fn timestamps_before_1970_and_beyond_four_digits() {
        let millis = Clock { ticks_per_second: 1_000, zoned: false };
        let micros = Clock { ticks_per_second: 1_000_000, zoned: true };
        let seconds = Clock { ticks_per_second: 1, zoned: false };
        assert_eq!(text(|out| timestamp(out, -1, millis)), "1969-12-31T23:59:59.999");
        assert_eq!(text(|out| timestamp(out, 1_709_208_000_123_999, micros)), "2024-02-29T12:00:00.123Z");
        assert_eq!(text(|out| timestamp(out, 253_402_300_800, seconds)), "+010000-01-01T00:00:00.000");
        assert_eq!(text(|out| date(out, -719_529)), "-000001-12-31");
        assert_eq!(text(|out| date(out, i64::from(i32::MAX))), "+5881580-07-11");
    }

    proptest! {
        #[test]
        fn dates_are_those_of_the_calendar(days in -719_162_i32..2_932_896) {
            let expected = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(days);
            prop_assert_eq!(text(|out| date(out, i64::from(days))), expected.to_string());
        }

        #[test]
        fn floats_read_back(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(text(|out| float(out, value)).parse::<f64>(), Ok(value));
        }
    }
}
