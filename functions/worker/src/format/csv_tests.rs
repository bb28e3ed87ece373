use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Decimal256Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
    NullArray, StringArray, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use datafusion::arrow::datatypes::i256;
use proptest::prelude::*;
use waybill::domain::{definition::Column, style::Style};

use super::*;
use crate::format::cells;

type Columns<'a> = &'a [(&'a str, ColumnKind, ArrayRef)];

fn write(columns: Columns<'_>) -> String {
    styled(&Style::default(), columns)
}

fn styled(style: &Style, columns: Columns<'_>) -> String {
    let definition: Vec<_> = columns.iter().map(|(name, kind, _)| Column::new(*name, *kind)).collect();
    let arrays = columns.iter().map(|(name, _, array)| (*name, array.clone(), true));
    let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
    let mut encoder = Csv::new(&Layout::new(&definition, style));
    let mut out = Vec::new();
    encoder.header(&mut out).unwrap();
    encoder.encode(&batch, 0, &mut out).unwrap();
    encoder.footer(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn texts<const N: usize>(cells: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from_iter(cells))
}

fn decimals<const N: usize>(unscaled: [i128; N], scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from_iter_values(unscaled).with_precision_and_scale(38, scale).unwrap())
}

#[test]
fn nulls_empty_text_and_quotes() {
    let text = texts([Some("a,b"), Some("say \"hi\"\r\n"), Some(""), None]);
    let numbers = Int32Array::from(vec![Some(-1), None, Some(0), None]);
    let out = write(&[("t", ColumnKind::Text, text), ("n,", ColumnKind::Integer, Arc::new(numbers))]);
    assert_eq!(out, "t,\"n,\"\r\n\"a,b\",-1\r\n\"say \"\"hi\"\"\r\n\",\r\n\"\",0\r\n,\r\n");
}

#[test]
fn formulas_are_guarded_in_text_only() {
    let text = StringViewArray::from(vec!["=1+1", "+1", "-1", "@a", "\tx", "\rx", "a=1", "'=1", "=\"a,b\""]);
    let columns: Columns<'_> = &[("=t", ColumnKind::Text, Arc::new(text))];
    let expected = "'=t\r\n'=1+1\r\n'+1\r\n'-1\r\n'@a\r\n'\tx\r\n\"'\rx\"\r\na=1\r\n'=1\r\n\"'=\"\"a,b\"\"\"\r\n";
    assert_eq!(write(columns), expected);
    let expected = "=t\r\n=1+1\r\n+1\r\n-1\r\n@a\r\n\tx\r\n\"\rx\"\r\na=1\r\n'=1\r\n\"=\"\"a,b\"\"\"\r\n";
    assert_eq!(styled(&Style { formulas: Some(Formulas::Raw), ..Style::default() }, columns), expected);
    assert_eq!(write(&[("a", ColumnKind::Decimal, decimals([-1250], 3))]), "a\r\n-1.250\r\n");
}

#[test]
fn other_types() {
    let dictionary: DictionaryArray<datafusion::arrow::datatypes::Int8Type> =
        vec![Some("2011-06"), None].into_iter().collect();
    let out = write(&[
        ("m", ColumnKind::Text, Arc::new(dictionary)),
        ("f", ColumnKind::Float, Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        ("t", ColumnKind::Timestamp, Arc::new(TimestampMicrosecondArray::from(vec![0, -1]))),
        ("z", ColumnKind::Text, Arc::new(NullArray::new(2))),
    ]);
    let expected = "m,f,t,z\r\n2011-06,0.1,1970-01-01T00:00:00.000,\r\n,NaN,1969-12-31T23:59:59.999,\r\n";
    assert_eq!(out, expected);
}

#[test]
fn a_row_of_one_null_is_not_lost() {
    let columns: Columns<'_> = &[("t", ColumnKind::Text, texts([None, Some("a")]))];
    assert_eq!(write(columns), "t\r\n\"\"\r\na\r\n");
    let columns: Columns<'_> = &[("t", ColumnKind::Text, texts([None, Some("")]))];
    assert_eq!(styled(&with_null("-"), columns), "t\r\n-\r\n\"\"\r\n");
}

fn with_null(text: &str) -> Style {
    Style { null_text: Some(text.to_owned()), ..Style::default() }
}

#[test]
fn what_reads_as_the_null_text_is_quoted() {
    let columns: Columns<'_> = &[
        ("t", ColumnKind::Text, texts([None, Some("NULL"), Some(""), Some("NULL ")])),
        ("n", ColumnKind::Integer, Arc::new(Int64Array::from(vec![None, Some(0), Some(-1), None]))),
    ];
    assert_eq!(styled(&with_null("NULL"), columns), "t,n\r\nNULL,NULL\r\n\"NULL\",0\r\n,-1\r\nNULL ,NULL\r\n");
    assert_eq!(styled(&with_null("0"), columns), "t,n\r\n0,0\r\nNULL,\"0\"\r\n,-1\r\nNULL ,0\r\n");
    let columns: Columns<'_> = &[("t", ColumnKind::Text, texts([None, Some("-"), Some("'-")]))];
    assert_eq!(styled(&with_null("'-"), columns), "t\r\n'-\r\n\"'-\"\r\n\"'-\"\r\n");
    assert_eq!(styled(&with_null("n,a"), columns), "t\r\n\"n,a\"\r\n'-\r\n'-\r\n");
}

#[test]
fn dialects() {
    let style = Style {
        delimiter: Some(';'),
        bom: Some(true),
        decimal_separator: Some(','),
        titles: [("t".to_owned(), "Name;".to_owned())].into(),
        formats: [("a".to_owned(), "#,##0.00".to_owned())].into(),
        time_zone: Some("America/Sao_Paulo".to_owned()),
        date_format: Some("%d/%m/%Y".to_owned()),
        ..Style::default()
    };
    let out = styled(
        &style,
        &[
            ("t", ColumnKind::Text, texts([Some("a,b"), Some("a;b")])),
            ("a", ColumnKind::Decimal, decimals([123_456_789, -5], 3)),
            ("d", ColumnKind::Decimal, decimals([15, -5], 1)),
            ("s", ColumnKind::Timestamp, Arc::new(TimestampMicrosecondArray::from(vec![0, 1_540_000_000_000_000]))),
        ],
    );
    let expected = concat!(
        "\u{feff}\"Name;\";a;d;s\r\n",
        "a,b;123.456,79;1,5;1969-12-31T21:00:00.000-03:00\r\n",
        "\"a;b\";-0,01;-0,5;2018-10-19T22:46:40.000-03:00\r\n"
    );
    assert_eq!(out, expected);
}

#[test]
fn numbers_with_the_delimiter_in_them_are_quoted() {
    let style = Style { decimal_separator: Some(','), ..Style::default() };
    let wide = Decimal256Array::from_iter_values([i256::from_i128(-15)]).with_precision_and_scale(76, 1).unwrap();
    let columns: Columns<'_> = &[
        ("a", ColumnKind::Decimal, decimals([123_450], 2)),
        ("w", ColumnKind::Decimal, Arc::new(wide)),
        ("f", ColumnKind::Float, Arc::new(Float64Array::from(vec![1.5]))),
    ];
    assert_eq!(styled(&style, columns), "a,w,f\r\n\"1234,50\",\"-1,5\",\"1,5\"\r\n");
    let style = Style { formats: [("a".to_owned(), "#,##0.00".to_owned())].into(), ..Style::default() };
    assert_eq!(styled(&style, columns), "a,w,f\r\n\"1,234.50\",-1.5,1.5\r\n");
}

fn guarded(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

proptest! {
    #[test]
    fn text_reads_back(
        rows in proptest::collection::vec((any::<String>(), r#"[\x00-\x7f]{0,6}|[",;|\t\r\n=+@a-]{0,8}"#), 1..20),
        delimiter in proptest::sample::select(vec![',', ';', '|', '\t']),
        raw in any::<bool>(),
        null in "[a,-]{0,2}",
    ) {
        let left = StringArray::from_iter_values(rows.iter().map(|row| &row.0));
        let right = StringViewArray::from_iter_values(rows.iter().map(|row| &row.1));
        let style = Style {
            delimiter: Some(delimiter),
            formulas: raw.then_some(Formulas::Raw),
            null_text: Some(null),
            ..Style::default()
        };
        let out = styled(&style, &[("l", ColumnKind::Text, Arc::new(left)), ("r", ColumnKind::Text, Arc::new(right))]);
        let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter as u8).from_reader(out.as_bytes());
        let read: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(read.len(), rows.len());
        for (record, row) in read.iter().zip(&rows) {
            for (field, text) in record.iter().zip([&row.0, &row.1]) {
                let expected = if raw { text.clone() } else { guarded(text) };
                prop_assert_eq!(field, expected);
            }
        }
    }

    #[test]
    fn nulls_and_text_are_told_apart(
        cells in proptest::collection::vec(proptest::option::of("[aN\"',-]{0,3}"), 1..20), null in "[aN'-]{0,2}",
    ) {
        let style = with_null(&null);
        let array: StringArray = cells.iter().map(Option::as_deref).collect();
        // A second column, so that no line is empty.
        let last = Int64Array::from(vec![1; cells.len()]);
        let out = styled(&style, &[("t", ColumnKind::Text, Arc::new(array)), ("n", ColumnKind::Integer, Arc::new(last))]);
        let bare = format!("{null},1");
        let read: Vec<bool> = out.split_terminator("\r\n").skip(1).map(|line| line == bare).collect();
        prop_assert_eq!(read, cells.iter().map(Option::is_none).collect::<Vec<_>>());
    }

    #[test]
    fn cells_are_written_whatever_stands_beside_them(
        (rows, scale) in (0..20_i8).prop_flat_map(|scale| (proptest::collection::vec(row(), 1..200), Just(scale))),
        null in proptest::sample::select(vec!["", "", "", "-", "NULL", "fourteen bytes", "fifteen bytes..", "sixteen bytes..."]),
    ) {
        let decimals: Decimal128Array = rows.iter().map(|row| row.2).collect();
        let arrays: [(&str, ColumnKind, ArrayRef); 6] = [
            ("i", ColumnKind::Integer, Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())),
            ("u", ColumnKind::Integer, Arc::new(rows.iter().map(|row| row.1).collect::<UInt64Array>())),
            ("n", ColumnKind::Decimal, Arc::new(decimals.with_precision_and_scale(38, scale).unwrap())),
            ("d", ColumnKind::Date, Arc::new(rows.iter().map(|row| row.3).collect::<Date32Array>())),
            ("t", ColumnKind::Text, Arc::new(rows.iter().map(|row| row.4.as_deref()).collect::<StringViewArray>())),
            ("l", ColumnKind::Text, Arc::new(rows.iter().map(|row| row.4.as_deref()).collect::<StringArray>())),
        ];
        let mut expected = "i,u,n,d,t,l\r\n".to_owned();
        for (integer, unsigned, decimal, days, text) in &rows {
            let cell = |write: &dyn Fn(&mut Vec<u8>), is_null: bool| {
                let mut out = Vec::new();
                write(&mut out);
                if is_null { null.to_owned() } else { String::from_utf8(out).unwrap() }
            };
            let text = text.as_deref().map_or(null.to_owned(), |text| if text == null { format!("\"{text}\"") } else { text.to_owned() });
            expected += &[
                cell(&|out| cells::integer(out, integer.unwrap_or(0)), integer.is_none()),
                cell(&|out| cells::integer(out, unsigned.unwrap_or(0)), unsigned.is_none()),
                cell(&|out| cells::decimal(out, decimal.unwrap_or(0), scale), decimal.is_none()),
                cell(&|out| cells::date(out, days.unwrap_or(0).into()), days.is_none()),
                text.clone(),
                text,
            ].join(",");
            expected += "\r\n";
        }
        prop_assert_eq!(styled(&with_null(null), &arrays), expected);
    }
}

type Row = (Option<i64>, Option<u64>, Option<i128>, Option<i32>, Option<String>);

/// Numbers of every length, dates of every century, texts around the lengths that are written otherwise.
fn row() -> impl Strategy<Value = Row> {
    let digits = |most: u32| (0..most, any::<i128>()).prop_map(|(digits, value)| value % 10_i128.pow(digits));
    let days = prop_oneof![-800_000..3_000_000, 0..40_000];
    (
        proptest::option::of(digits(19).prop_map(|value| i64::try_from(value).unwrap())),
        proptest::option::of(digits(19).prop_map(|value| u64::try_from(value.unsigned_abs()).unwrap())),
        proptest::option::of(digits(38)),
        proptest::option::of(days),
        proptest::option::of("[a-zé]{0,20}"),
    )
}
