//! Text forms of values: strict, because a lenient reader would let two callers mean different things.

use jiff::civil::{Date, DateTime};

use super::value::MAX_DIGITS;

/// Why text is not a decimal of the scale asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDecimal {
    /// Not an optional minus, digits, and an optional point with digits.
    Form,
    /// More digits after the point than the scale has.
    Scale,
    /// More than 38 digits in all.
    Size,
}

/// `text` times `10^scale`, exactly. Zeros beyond the scale are no loss and pass.
pub fn parse_decimal(text: &str, scale: u8) -> Result<i128, NotDecimal> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return Err(NotDecimal::Form);
    }
    let fraction = fraction.unwrap_or_default().trim_end_matches('0');
    let missing = usize::from(scale).checked_sub(fraction.len()).ok_or(NotDecimal::Scale)?;
    let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', missing));
    let mut unscaled = 0_i128;
    for digit in digits {
        if unscaled >= 10_i128.pow(u32::from(MAX_DIGITS) - 1) {
            return Err(NotDecimal::Size);
        }
        unscaled = unscaled * 10 + i128::from(digit - b'0');
    }
    Ok(if negative { -unscaled } else { unscaled })
}

/// `unscaled / 10^scale` with exactly `scale` digits after the point.
pub fn decimal(unscaled: i128, scale: u8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// Reads exactly `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i16::try_from(number(&bytes[..4])?).ok()?;
    let month = i8::try_from(number(&bytes[5..7])?).ok()?;
    let day = i8::try_from(number(&bytes[8..])?).ok()?;
    Date::new(year, month, day).ok()
}

/// Reads exactly `YYYY-MM-DDTHH:MM:SS` with, optionally, a point and one to three digits.
pub fn parse_timestamp(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once('T')?;
    let (time, fraction) = time.split_once('.').map_or((time, None), |(time, rest)| (time, Some(rest)));
    let bytes = time.as_bytes();
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let part = |range: std::ops::Range<usize>| i8::try_from(number(&bytes[range])?).ok();
    let milliseconds = match fraction {
        None => 0,
        Some(digits) if digits.is_empty() || digits.len() > 3 => return None,
        Some(digits) => number(format!("{digits:0<3}").as_bytes())?,
    };
    let date = parse_date(date)?;
    let nanoseconds = milliseconds * 1_000_000;
    let midnight = DateTime::from_parts(date, jiff::civil::Time::midnight());
    let (hour, minute, second) = (part(0..2)?, part(3..5)?, part(6..8)?);
    midnight.with().hour(hour).minute(minute).second(second).subsec_nanosecond(nanoseconds).build().ok()
}

/// `YYYY-MM-DDTHH:MM:SS.fff`.
pub fn timestamp(value: DateTime) -> String {
    value.strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string()
}

/// `YYYY-MM`, which sorts as time does: the value of a monthly partition.
pub fn month(date: Date) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

/// Decimal digits and nothing else, at most nine.
fn number(digits: &[u8]) -> Option<i32> {
    let valid = !digits.is_empty() && digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit);
    valid.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, datetime};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(parse_decimal("1.5", 2), Ok(150));
        assert_eq!(parse_decimal("-0.05", 2), Ok(-5));
        assert_eq!(parse_decimal("007.500", 1), Ok(75));
        assert_eq!(parse_decimal("1.005", 2), Err(NotDecimal::Scale));
        assert_eq!(parse_decimal(&"9".repeat(38), 0), Ok(10_i128.pow(38) - 1));
        assert_eq!(parse_decimal(&"9".repeat(38), 1), Err(NotDecimal::Size));
        assert_eq!(parse_decimal(&"1".repeat(5_000), 0), Err(NotDecimal::Size));
        for text in ["", "-", ".", "1.", ".5", "+1", "1e3", " 1", "1,5", "--1", "0x1", "१", "NaN"] {
            assert_eq!(parse_decimal(text, 2), Err(NotDecimal::Form), "{text}");
        }
    }

    #[test]
    fn dates_have_one_form() {
        assert_eq!(parse_date("2024-02-29"), Some(date(2024, 2, 29)));
        for text in ["2023-02-29", "2024-2-29", "20240229", "2024-02-29T00:00:00", "2024-13-01", "+024-01-01", "٢٠٢٤"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn timestamps_have_one_form_to_the_millisecond() {
        assert_eq!(parse_timestamp("2024-01-31T23:59:59"), Some(datetime(2024, 1, 31, 23, 59, 59, 0)));
        assert_eq!(parse_timestamp("2024-01-31T23:59:59.5"), Some(datetime(2024, 1, 31, 23, 59, 59, 500_000_000)));
        assert_eq!(parse_timestamp("2024-01-31T23:59:59.999"), Some(datetime(2024, 1, 31, 23, 59, 59, 999_000_000)));
        let refused = [
            "2024-01-31",
            "2024-01-31 23:59:59",
            "2024-01-31T24:00:00",
            "2024-01-31T23:59:60",
            "2024-01-31T23:59:59.",
            "2024-01-31T23:59:59..",
            "2024-01-31T23:59:59.1234",
            "2024-01-31T23:59:59Z",
            "2024-01-31T23:59:59.5Z",
            "2024-01-31T23:59",
        ];
        for text in refused {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".*", scale in 0..=MAX_DIGITS) {
            let _ = (parse_decimal(&text, scale), parse_date(&text), parse_timestamp(&text));
        }

        #[test]
        fn nearly_right_text_does_not_panic(text in "[0-9:T.é-]{8,24}") {
            let _ = (parse_date(&text), parse_timestamp(&text));
        }

        #[test]
        fn timestamps_round_trip(millis in -62_135_596_800_000_i64..253_402_207_200_000) {
            let value = jiff::Timestamp::from_millisecond(millis).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();
            prop_assert_eq!(parse_timestamp(&timestamp(value)), Some(value));
        }
    }
}
