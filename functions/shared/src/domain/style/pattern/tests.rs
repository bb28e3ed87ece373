use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::*;

const POINT: Separators = Separators { decimal: '.', grouping: ',' };
const COMMA: Separators = Separators { decimal: ',', grouping: '\u{a0}' };

fn number(pattern: &str, unscaled: i128, scale: i8, separators: Separators) -> String {
    let mut out = Vec::new();
    NumberPattern::parse(pattern).unwrap().write(&mut out, unscaled, scale, separators);
    String::from_utf8(out).unwrap()
}

fn number_text(pattern: &str, text: &str) -> Option<String> {
    let mut out = Vec::new();
    let is_number = NumberPattern::parse(pattern).unwrap().write_text(&mut out, text, POINT);
    assert!(is_number || out.is_empty());
    is_number.then(|| String::from_utf8(out).unwrap())
}

fn time(pattern: &str, moment: &Moment) -> String {
    let mut out = Vec::new();
    TimePattern::parse(pattern, true).unwrap().write(&mut out, moment);
    String::from_utf8(out).unwrap()
}

fn moment(at: DateTime, offset: Option<i32>) -> Moment {
    let small = |value: i8| u8::try_from(value).unwrap();
    Moment {
        year: at.year().into(),
        month: small(at.month()),
        day: small(at.day()),
        hour: small(at.hour()),
        minute: small(at.minute()),
        second: small(at.second()),
        millisecond: u16::try_from(at.millisecond()).unwrap(),
        offset,
    }
}

#[test]
fn number_patterns_are_four_forms() {
    let most = format!("#,##0.{}", "0".repeat(38));
    for (text, decimals, grouped) in [
        ("0", 0, false),
        ("0.0", 1, false),
        ("0.00", 2, false),
        ("#,##0", 0, true),
        ("#,##0.000", 3, true),
        (&most, 38, true),
    ] {
        assert_eq!(NumberPattern::parse(text), Ok(NumberPattern { decimals, grouped }), "{text}");
    }
    let too_many = format!("{most}0");
    let long = "0".repeat(100_000);
    for text in ["", "00", "0.", ".0", "#", "#.##", "0,0", "#,##0.0#", "0.00%", "0.0.0", " 0", "R$ 0", &too_many, &long]
    {
        let error = NumberPattern::parse(text).unwrap_err();
        assert!(error.contains("Use 0, 0.00, #,##0 or #,##0.00") && error.len() < 200, "{error}");
    }
}

#[test]
fn numbers_are_rounded_and_filled() {
    let cases = [
        ("0", 0, 0, "0"),
        ("0.00", 0, 0, "0.00"),
        ("0.00", 5, 0, "5.00"),
        ("0.00", -5, 2, "-0.05"),
        ("0.00", 5, 3, "0.01"),
        ("0.00", -5, 3, "-0.01"),
        ("0.00", 4_999, 6, "0.00"),
        ("0", 95, 1, "10"),
        ("0", 5, 1, "1"),
        ("0", 4, 1, "0"),
        ("0", 5, 2, "0"),
        ("0.0", 9_996, 3, "10.0"),
        ("0.0", -4, 2, "0.0"),
        ("#,##0.00", 123, 2, "1.23"),
        ("#,##0.00", 1_234_567_891, 2, "12,345,678.91"),
        ("#,##0", 9_999_995, 1, "1,000,000"),
        ("#,##0", -123, 0, "-123"),
        ("#,##0.0", 7, -6, "7,000,000.0"),
        ("#,##0", 10_i128.pow(38) - 1, 0, "99,999,999,999,999,999,999,999,999,999,999,999,999"),
        ("0", 10_i128.pow(38) - 1, 1, "10000000000000000000000000000000000000"),
        ("0.000", i128::MIN, 38, "-1.701"),
        ("0.0", i128::MIN, 127, "0.0"),
    ];
    for (pattern, unscaled, scale, expected) in cases {
        assert_eq!(number(pattern, unscaled, scale, POINT), expected, "{pattern} {unscaled} {scale}");
    }
    let all = format!("0.{}", "0".repeat(38));
    assert_eq!(number(&all, 10_i128.pow(38) - 1, 38, POINT), format!("0.{}", "9".repeat(38)));
    assert_eq!(number("#,##0.00", -1_234_567, 3, COMMA), "-1\u{a0}234,57");
}

#[test]
fn numbers_in_text() {
    let wide = format!("-{}.5", "9".repeat(76));
    let carried = format!("-1{}", "0".repeat(76));
    let cases = [
        ("0.00", "12.345", Some("12.35")),
        // As it reads, though its nearest double is less.
        ("0.00", "2.675", Some("2.68")),
        ("0.00", "-0.0", Some("0.00")),
        ("0.00", "1e3", Some("1000.00")),
        ("0.000", "-1.5e-3", Some("-0.002")),
        ("0.00", "5e-324", Some("0.00")),
        ("#,##0", "1.5E6", Some("1,500,000")),
        ("0", ".5", Some("1")),
        ("0", "5.", Some("5")),
        ("0", "007", Some("7")),
        ("0", &wide, Some(carried.as_str())),
        ("0", "NaN", None),
        ("0", "-inf", None),
        ("0", "", None),
        ("0", "-", None),
        ("0", ".", None),
        ("0", "1.2.3", None),
        ("0", "+1", None),
        ("0", "1e", None),
        ("0", "1e99999", None),
        ("0", "1 000", None),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(number_text(pattern, text).as_deref(), expected, "{pattern} {text}");
    }
    assert_eq!(number_text("0", "1e300").unwrap(), format!("1{}", "0".repeat(300)));
    assert_eq!(number_text("0", &"9".repeat(78)), None);
}

#[test]
fn excel_codes_of_numbers() {
    for text in ["0", "0.00", "#,##0", "#,##0.000"] {
        assert_eq!(NumberPattern::parse(text).unwrap().excel_code(), text);
    }
    let most = NumberPattern { decimals: 38, grouped: false };
    assert_eq!(most.excel_code(), format!("0.{}", "0".repeat(30)));
}

#[test]
fn time_patterns_name_what_they_cannot() {
    for text in ["%Y-%m-%d", "%d.%m.%y", "%j", "%d %%", "%F", "dia %d"] {
        TimePattern::parse(text, false).unwrap();
        TimePattern::parse(text, true).unwrap();
    }
    for text in ["plain", "100 %%"] {
        assert!(TimePattern::parse(text, true).unwrap_err().contains("without a directive"), "{text}");
    }
    for text in ["%H", "%F %T", "%3f", "%z", "%:z", "%p"] {
        let error = TimePattern::parse(text, false).unwrap_err();
        assert!(error.contains("in a format of dates. Use %Y %y %m %d %j %F %%."), "{error}");
        TimePattern::parse(text, true).unwrap();
    }
    for (text, named) in
        [("%q", "%q"), ("%", "%"), ("a%", "%"), ("%é", "%é"), ("%:Y", "%:"), ("%.3f", "%."), ("%f", "%f")]
    {
        let error = TimePattern::parse(text, true).unwrap_err();
        assert!(error.starts_with(&format!("{named} has no meaning in a format of timestamps. Use %Y")), "{error}");
    }
    let long = "x".repeat(MAX_PATTERN_LENGTH + 1);
    for text in ["", "%F\n", &long] {
        assert!(TimePattern::parse(text, true).unwrap_err().contains("1 to 64 characters"));
    }
}

#[test]
fn times_as_patterns_say() {
    let leap = moment(jiff::civil::datetime(2024, 2, 29, 0, 5, 9, 7_999_999), Some(-3 * 3_600));
    let cases = [
        ("%d/%m/%Y %H:%M:%S.%3f", "29/02/2024 00:05:09.007"),
        ("%y%m%d (%j) 100%%", "240229 (060) 100%"),
        ("%I:%M %p", "12:05 AM"),
        ("%FT%T%:z", "2024-02-29T00:05:09-03:00"),
        ("%T %z", "00:05:09 -0300"),
        ("às %Hh%M", "às 00h05"),
    ];
    for (pattern, expected) in cases {
        assert_eq!(time(pattern, &leap), expected);
    }
    assert_eq!(time("%H%z%:z", &Moment { offset: None, ..leap }), "00");
    assert_eq!(time("%:z", &Moment { offset: Some(-11_188), ..leap }), "-03:06:28");
    assert_eq!(time("%Y %y", &Moment { year: 10_000, ..leap }), "+010000 00");
    assert_eq!(time("%F", &Moment { year: -1, ..leap }), "-000001-02-29");
    let evening = Moment { month: 12, day: 31, hour: 23, ..leap };
    assert_eq!(time("%j %I %p", &evening), "366 11 PM");
    assert_eq!(time("%j", &Moment { year: 1900, ..evening }), "365");
}

#[test]
fn excel_codes_of_times() {
    let cases = [
        ("%Y-%m-%d", Some("yyyy-mm-dd")),
        ("%F %T.%3f", Some("yyyy-mm-dd hh:mm:ss.000")),
        ("%d.%m.%y", Some(r"dd\.mm\.yy")),
        ("%d/%m/%Y", Some(r"dd\/mm\/yyyy")),
        ("%I:%M %p", Some("hh:mm AM/PM")),
        ("%FT%T", Some(r"yyyy-mm-dd\Thh:mm:ss")),
        ("%M:%S", Some("mm:ss")),
        ("0%% \"h\" %Y年", Some("\\0\\% \\\"\\h\\\" yyyy\"年\"")),
        ("%j", None),
        ("%T%z", None),
        ("%H %p", None),
        ("%I", None),
        ("%M", None),
        ("%H %m", None),
        ("%m %S", None),
        ("%d %M", None),
        ("%S,%3f", None),
        ("%S %3f", None),
        ("%3f", None),
        ("%M.%3f", None),
    ];
    for (pattern, expected) in cases {
        assert_eq!(TimePattern::parse(pattern, true).unwrap().excel_code().as_deref(), expected, "{pattern}");
    }
}

/// Digits of `value` in groups of three.
fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

/// The same by integer division.
fn divided(unscaled: i128, scale: i32, decimals: u8, group: bool) -> String {
    let power = |exponent: i32| 10_u128.pow(u32::try_from(exponent).unwrap());
    let cut = scale - i32::from(decimals);
    let shifted = if cut > 0 {
        let (quotient, rest) = (unscaled.unsigned_abs() / power(cut), unscaled.unsigned_abs() % power(cut));
        quotient + u128::from(rest * 2 >= power(cut))
    } else {
        unscaled.unsigned_abs() * power(-cut)
    };
    let (whole, fraction) = (shifted / power(decimals.into()), shifted % power(decimals.into()));
    let sign = if unscaled < 0 && shifted > 0 { "-" } else { "" };
    let whole = if group { grouped(whole) } else { whole.to_string() };
    let width = usize::from(decimals);
    if width == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction:0width$}") }
}

const DIRECTIVES: [&str; 14] = ["%Y", "%m", "%d", "%j", "%H", "%I", "%p", "%M", "%S", "%3f", "%z", "%:z", "%F", "%T"];
const ZONES: [&str; 5] = ["America/Sao_Paulo", "Asia/Kathmandu", "UTC", "Australia/Lord_Howe", "Africa/Monrovia"];

proptest! {
    #[test]
    fn numbers_equal_integer_division(
        unscaled in -10_i128.pow(24)..10_i128.pow(24), small in -2_000_i128..2_000, scale in -4_i8..30, decimals in 0_u8..9,
        group in any::<bool>(),
    ) {
        for unscaled in [unscaled, small] {
            let pattern = NumberPattern { decimals, grouped: group };
            let expected = divided(unscaled, scale.into(), decimals, group);
            let mut out = Vec::new();
            pattern.write(&mut out, unscaled, scale, POINT);
            prop_assert_eq!(std::str::from_utf8(&out).unwrap(), &expected);
            out.clear();
            let is_number = pattern.write_text(&mut out, &format!("{unscaled}e{}", -scale), POINT);
            prop_assert!(is_number);
            prop_assert_eq!(std::str::from_utf8(&out).unwrap(), &expected);
        }
    }

    #[test]
    fn times_equal_strftime(
        second in -62_135_510_400_i64..253_402_207_200, millisecond in 0_i32..1_000, zone in 0..ZONES.len(),
        directives in proptest::collection::vec((0..DIRECTIVES.len(), r"[ /.,:TZ年-]{0,2}"), 1..8),
    ) {
        let pattern: String = directives.iter().flat_map(|(index, text)| [DIRECTIVES[*index], text]).collect();
        let at = Timestamp::new(second, millisecond * 1_000_000).unwrap();
        let zoned = at.to_zoned(TimeZone::get(ZONES[zone]).unwrap());
        let moment = moment(zoned.datetime(), Some(zoned.offset().seconds()));
        prop_assert_eq!(time(&pattern, &moment), zoned.strftime(&pattern).to_string(), "{}", pattern);
    }

    #[test]
    fn any_text_is_read_or_refused(text in r"\PC{0,70}|[%YymdjHIpMSTFz:3f.]{0,70}", has_time in any::<bool>()) {
        if let Ok(pattern) = TimePattern::parse(&text, has_time) {
            pattern.excel_code();
            pattern.write(&mut Vec::new(), &moment(DateTime::MIN, None));
        }
        let _ = NumberPattern::parse(&text);
    }
}
