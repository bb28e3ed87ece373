use std::sync::Arc;

use datafusion::arrow::{
    array::{
        ArrayRef, Date32Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array, Int64Array, RecordBatch,
        StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
        TimestampSecondArray, UInt64Array,
    },
    datatypes::i256,
};
use proptest::prelude::*;
use waybill::domain::{definition::Column as Defined, style::Style};

use super::*;
use crate::format::cells::CellArray;

/// The cells of an array, as a column of that kind in that style.
fn texts(kind: ColumnKind, array: ArrayRef, style: &Style) -> Vec<String> {
    let batch = RecordBatch::try_from_iter_with_nullable([("c", array, true)]).unwrap();
    let texts = Texts::new(&Layout::new(&[Defined::new("c", kind)], style));
    let arrays = CellArray::of(&batch).unwrap();
    let cells = arrays[0].cells().unwrap();
    let text = |row| {
        let mut out = Vec::new();
        texts.write(0, cells.get(row), &mut out);
        String::from_utf8(out).unwrap()
    };
    (0..batch.num_rows()).map(text).collect()
}

fn array(array: impl datafusion::arrow::array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn format(pattern: &str) -> Style {
    Style { formats: [("c".to_owned(), pattern.to_owned())].into(), ..Style::default() }
}

fn comma(style: Style) -> Style {
    Style { decimal_separator: Some(','), ..style }
}

fn zone(name: &str) -> Style {
    Style { time_zone: Some(name.to_owned()), ..Style::default() }
}

fn decimals(unscaled: Vec<i128>, scale: i8) -> ArrayRef {
    array(Decimal128Array::from(unscaled).with_precision_and_scale(38, scale).unwrap())
}

#[test]
fn numbers() {
    let integers = || array(Int64Array::from(vec![Some(i64::MIN), None, Some(0), Some(1_234_567)]));
    let style = Style { null_text: Some("–".to_owned()), ..Style::default() };
    assert_eq!(texts(ColumnKind::Integer, integers(), &style), ["-9223372036854775808", "–", "0", "1234567"]);
    assert_eq!(
        texts(ColumnKind::Integer, integers(), &comma(format("#,##0"))),
        ["-9.223.372.036.854.775.808", "", "0", "1.234.567"]
    );
    let unsigned = array(UInt64Array::from(vec![u64::MAX]));
    assert_eq!(texts(ColumnKind::Integer, unsigned, &format("0.0")), ["18446744073709551615.0"]);

    let most = 10_i128.pow(38) - 1;
    let exact = || decimals(vec![most, -most, -5, 0], 10);
    assert_eq!(
        texts(ColumnKind::Decimal, exact(), &comma(Style::default())),
        [
            "9999999999999999999999999999,9999999999",
            "-9999999999999999999999999999,9999999999",
            "-0,0000000005",
            "0,0000000000"
        ]
    );
    assert_eq!(
        texts(ColumnKind::Decimal, exact(), &format("#,##0.00")),
        ["10,000,000,000,000,000,000,000,000,000.00", "-10,000,000,000,000,000,000,000,000,000.00", "0.00", "0.00"]
    );
}

#[test]
fn decimals_wider_than_any_integer() {
    let wide = i256::from_string(&format!("-{}", "9".repeat(60))).unwrap();
    let wide = || array(Decimal256Array::from(vec![wide]).with_precision_and_scale(76, 5).unwrap());
    let nines = "9".repeat(55);
    assert_eq!(texts(ColumnKind::Decimal, wide(), &Style::default()), [format!("-{nines}.99999")]);
    assert_eq!(texts(ColumnKind::Decimal, wide(), &comma(Style::default())), [format!("-{nines},99999")]);
    assert_eq!(texts(ColumnKind::Decimal, wide(), &format("0.0")), [format!("-1{}.0", "0".repeat(55))]);
}

#[test]
fn floats() {
    let floats =
        || array(Float64Array::from(vec![-0.0, 0.1, 1e300, 5e-324, f64::NAN, f64::NEG_INFINITY, 1234.5, 2.675]));
    assert_eq!(
        texts(ColumnKind::Float, floats(), &comma(Style::default())),
        ["-0,0", "0,1", "1e300", "5e-324", "NaN", "-inf", "1234,5", "2,675"]
    );
    let most = format!("1{}.00", ",000".repeat(100));
    assert_eq!(
        texts(ColumnKind::Float, floats(), &format("#,##0.00")),
        ["0.00", "0.10", most.as_str(), "0.00", "NaN", "-inf", "1,234.50", "2.68"]
    );
    let single = array(Float32Array::from(vec![0.1, f32::MIN_POSITIVE]));
    assert_eq!(texts(ColumnKind::Float, single, &Style::default()), ["0.1", "1.1754944e-38"]);
}

#[test]
fn text_is_left_alone() {
    let text = || array(StringArray::from(vec![Some("1.5"), Some(""), None, Some("🎉 שלום")]));
    let style =
        Style { null_text: Some("null".to_owned()), time_zone: Some("Asia/Tokyo".to_owned()), ..format("0.00") };
    assert_eq!(texts(ColumnKind::Text, text(), &comma(style)), ["1.5", "", "null", "🎉 שלום"]);
}

#[test]
fn dates() {
    let days = || array(Date32Array::from(vec![-719_529, -141_427, -1, 24_856, 2_932_896, 2_932_897]));
    let style = Style { time_zone: Some("Asia/Tokyo".to_owned()), ..Style::default() };
    assert_eq!(
        texts(ColumnKind::Date, days(), &style),
        ["-000001-12-31", "1582-10-15", "1969-12-31", "2038-01-20", "9999-12-31", "+010000-01-01"]
    );
    let style = Style { date_format: Some("%d/%m/%y, %j".to_owned()), ..Style::default() };
    assert_eq!(
        texts(ColumnKind::Date, days(), &style),
        ["31/12/99, 365", "15/10/82, 288", "31/12/69, 365", "20/01/38, 020", "31/12/99, 365", "01/01/00, 001"]
    );
}

#[test]
fn timestamps_with_and_without_a_zone() {
    let naive = || array(TimestampMicrosecondArray::from(vec![-1, 1_518_919_199_999_999, 1_518_919_200_000_000]));
    let zoned = || array(TimestampMillisecondArray::from(vec![0]).with_timezone("America/New_York"));
    assert_eq!(
        texts(ColumnKind::Timestamp, naive(), &Style::default()),
        ["1969-12-31T23:59:59.999", "2018-02-18T01:59:59.999", "2018-02-18T02:00:00.000"]
    );
    assert_eq!(texts(ColumnKind::Timestamp, zoned(), &Style::default()), ["1970-01-01T00:00:00.000Z"]);
    // The last summer time but one of São Paulo ends.
    let sao_paulo = zone("America/Sao_Paulo");
    assert_eq!(
        texts(ColumnKind::Timestamp, naive(), &sao_paulo),
        ["1969-12-31T20:59:59.999-03:00", "2018-02-17T23:59:59.999-02:00", "2018-02-17T23:00:00.000-03:00"]
    );
    assert_eq!(texts(ColumnKind::Timestamp, zoned(), &sao_paulo), ["1969-12-31T21:00:00.000-03:00"]);
    let patterned = |style: Style| Style { timestamp_format: Some("%d/%m/%Y %H:%M:%S%:z".to_owned()), ..style };
    assert_eq!(texts(ColumnKind::Timestamp, naive(), &patterned(Style::default()))[1], "18/02/2018 01:59:59");
    assert_eq!(texts(ColumnKind::Timestamp, zoned(), &patterned(Style::default())), ["01/01/1970 00:00:00+00:00"]);
    assert_eq!(texts(ColumnKind::Timestamp, naive(), &patterned(sao_paulo))[2], "17/02/2018 23:00:00-03:00");
}

#[test]
fn timestamps_at_the_ends() {
    let nanoseconds = array(TimestampNanosecondArray::from(vec![i64::MIN, i64::MAX]));
    assert_eq!(
        texts(ColumnKind::Timestamp, nanoseconds, &zone("Asia/Kathmandu")),
        ["1677-09-21T05:53:59.145+05:41:16", "2262-04-12T05:32:16.854+05:45"]
    );
    let seconds = array(TimestampSecondArray::from(vec![253_402_300_800, i64::MIN, i64::MAX]));
    let far = texts(ColumnKind::Timestamp, seconds, &zone("Europe/Berlin"));
    assert_eq!(far[0], "+010000-01-01T01:00:00.000+01:00");
    assert!(far[1].starts_with("-292277022") && far[2].starts_with("+292277026"), "{far:?}");
}

const ZONES: [&str; 6] =
    ["America/Sao_Paulo", "Europe/Berlin", "Africa/Casablanca", "Pacific/Apia", "Antarctica/Troll", "UTC"];

proptest! {
    #[test]
    fn zones_are_those_of_the_database(
        index in 0..ZONES.len(), near in -3_000_000_000_i64..6_000_000_000,
        jumps in proptest::collection::vec(-50_000_000_i64..50_000_000, 1..20),
    ) {
        let database = TimeZone::get(ZONES[index]).unwrap();
        let zone = Zone::new(database.clone());
        // Also at the very transitions, where what is remembered ends.
        let start = Timestamp::from_second(near).unwrap();
        let transitions: Vec<i64> = database.following(start).take(4).map(|t| t.timestamp().as_second()).collect();
        let edges = transitions.iter().flat_map(|at| [*at, *at - 1, *at + 1, *at]);
        for second in jumps.iter().map(|jump| near + jump).chain(edges) {
            let expected = database.to_offset(Timestamp::from_second(second).unwrap()).seconds();
            prop_assert_eq!(zone.offset(second), expected, "{} {}", ZONES[index], second);
        }
    }

    #[test]
    fn timestamps_are_those_of_the_calendar(ticks in -2_000_000_000_000_000_i64..4_000_000_000_000_000, index in 0..ZONES.len()) {
        let style = Style { timestamp_format: Some("%F %T.%3f %j %I%p %z".to_owned()), ..zone(ZONES[index]) };
        let written = texts(ColumnKind::Timestamp, array(TimestampMicrosecondArray::from(vec![ticks])), &style);
        let at = Timestamp::new(ticks.div_euclid(1_000_000), i32::try_from(ticks.rem_euclid(1_000_000)).unwrap() * 1_000).unwrap();
        let expected = at.to_zoned(TimeZone::get(ZONES[index]).unwrap()).strftime("%F %T.%3f %j %I%p %z").to_string();
        prop_assert_eq!(&written[0], &expected);
    }
}
