use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    sync::Arc,
};

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array, Int64Array,
    StringArray, TimestampMicrosecondArray, TimestampSecondArray, UInt64Array,
};
use proptest::prelude::*;
use waybill::domain::{
    definition::{Column as Defined, ColumnKind},
    style::Style,
};
use zip::ZipArchive;

use super::{
    super::Layout,
    escape::tests::{escaped, unescaped},
    *,
};

type Given<'a> = (&'a str, ColumnKind, ArrayRef);

fn document(columns: &[Given<'_>], style: &Style) -> Document {
    let columns: Vec<_> = columns.iter().map(|(name, kind, _)| Defined::new(*name, *kind)).collect();
    Document {
        title: "Sales & more".to_owned(),
        description: "a < b".to_owned(),
        parameters: Vec::new(),
        as_of: "2026-11-22T13:45:00.5Z".parse().unwrap(),
        layout: Layout::new(&columns, style),
    }
}

fn batch(columns: &[Given<'_>]) -> RecordBatch {
    let arrays = columns.iter().map(|(name, _, array)| (*name, array.clone(), true));
    RecordBatch::try_from_iter_with_nullable(arrays).unwrap()
}

/// A file of these rows, whose sheets have at most so many.
fn try_write(columns: &[Given<'_>], style: &Style, limits: Limits) -> Result<Book, EncodeError> {
    let rows = batch(columns);
    let mut encoder = Xlsx::with_limits(&document(columns, style), &rows.schema(), limits);
    let mut file = Vec::new();
    encoder.header(&mut file)?;
    let half = rows.num_rows() / 2;
    encoder.encode(&rows.slice(0, half), 0, &mut file)?;
    encoder.encode(&rows.slice(half, rows.num_rows() - half), half as u64, &mut file)?;
    while encoder.footer(&mut file)? {}
    Ok(Book(ZipArchive::new(Cursor::new(file)).unwrap()))
}

fn write_book(columns: &[Given<'_>], style: &Style) -> Book {
    try_write(columns, style, LIMITS).unwrap()
}

struct Book(ZipArchive<Cursor<Vec<u8>>>);

/// What a cell says, after `n:` for numbers, `b:` for booleans, `t:` for text; then the format's code, if any.
type Cells = BTreeMap<String, String>;

impl Book {
    fn part(&mut self, name: &str) -> String {
        let mut text = String::new();
        self.0.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn sheet(&mut self, number: u32) -> String {
        self.part(&format!("xl/worksheets/sheet{number}.xml"))
    }

    fn cells(&mut self, number: u32) -> Cells {
        let sheet = self.sheet(number);
        sheet.split("<c ").skip(1).map(|cell| read_cell(cell.split_once("</c>").unwrap().0)).collect()
    }

    /// The number format of each style.
    fn formats(&mut self) -> Vec<String> {
        let styles = self.part("xl/styles.xml");
        let between = |text: &str, from: &str| text.split_once(from).unwrap().1.split_once('"').unwrap().0.to_owned();
        let codes: BTreeMap<_, _> = styles
            .split("<numFmt ")
            .skip(1)
            .map(|format| (between(format, "numFmtId=\""), unescaped(&between(format, "formatCode=\""))))
            .collect();
        let used = styles.split_once("<cellXfs").unwrap().1.split_once("</cellXfs>").unwrap().0;
        let number = |style: &str| between(style, "numFmtId=\"");
        used.split("<xf ").skip(1).map(|style| codes.get(&number(style)).cloned().unwrap_or_default()).collect()
    }
}

/// Place and content of a cell.
fn read_cell(cell: &str) -> (String, String) {
    let (attributes, content) = cell.split_once('>').unwrap();
    let attribute = |name: &str| {
        let value = attributes.split_once(&format!("{name}=\""))?.1;
        value.split_once('"').map(|(value, _)| value.to_owned())
    };
    let text = content.rsplit_once("</").map(|(text, _)| text).unwrap();
    let said = match attribute("t").as_deref() {
        None => format!("n:{}", text.strip_prefix("<v>").unwrap()),
        Some("b") => format!("b:{}", text.strip_prefix("<v>").unwrap()),
        Some("inlineStr") => {
            let text = text.strip_prefix("<is><t xml:space=\"preserve\">").unwrap().strip_suffix("</t>").unwrap();
            format!("t:{}", unescaped(text))
        }
        Some(other) => panic!("a cell of type {other}"),
    };
    (attribute("r").unwrap(), said)
}

/// One column's cells, from its first row on; empty where there is none.
fn column(kind: ColumnKind, array: ArrayRef, style: &Style) -> Vec<String> {
    let rows = array.len();
    let cells = write_book(&[("c", kind, array)], style).cells(1);
    assert_eq!(cells["A1"], "t:c");
    (2..rows + 2).map(|row| cells.get(&format!("A{row}")).cloned().unwrap_or_default()).collect()
}

fn arrays(array: impl datafusion::arrow::array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

#[test]
fn a_workbook_has_all_its_parts() {
    let text = arrays(StringArray::from(vec!["x", "y"]));
    let number = arrays(Int64Array::from(vec![1, 2]));
    let mut book = write_book(&[("a", ColumnKind::Text, text), ("b", ColumnKind::Integer, number)], &Style::default());
    let names: Vec<_> =
        (0..book.0.len()).map(|index| book.0.by_index(index).unwrap().name().unwrap().into_owned()).collect();
    let expected = [
        "_rels/.rels",
        "docProps/app.xml",
        "docProps/core.xml",
        "xl/styles.xml",
        "xl/worksheets/sheet1.xml",
        "xl/_rels/workbook.xml.rels",
        "xl/workbook.xml",
        "[Content_Types].xml",
    ];
    assert_eq!(names, expected);
    assert!(book.part("xl/workbook.xml").contains("<sheet name=\"Sales &amp; more\" sheetId=\"1\" r:id=\"rId1\"/>"));
    let root = book.part("_rels/.rels");
    let core = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties";
    assert!(root.contains(&format!("Type=\"{core}\" Target=\"docProps/core.xml\"")), "{root}");
    let core = book.part("docProps/core.xml");
    assert!(core.contains("<dc:title>Sales &amp; more<") && core.contains(">2026-11-22T13:45:00Z<"), "{core}");
    let sheet = book.sheet(1);
    assert!(sheet.contains("<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>"));
    assert!(sheet.contains("<autoFilter ref=\"A1:B3\"/>"));
    assert!(sheet.contains("<row r=\"1\"><c r=\"A1\" s=\"1\" t=\"inlineStr\">"));
    assert_eq!(book.cells(1)["B3"], "n:2");
}

#[test]
fn a_report_without_rows_has_its_titles() {
    let none = arrays(StringArray::from(Vec::<&str>::new()));
    let mut book = write_book(&[("a", ColumnKind::Text, none)], &Style::default());
    assert_eq!(book.cells(1), BTreeMap::from([("A1".to_owned(), "t:a".to_owned())]));
    assert!(book.sheet(1).contains("<autoFilter ref=\"A1:A1\"/>"));
}

#[test]
fn numbers_that_a_spreadsheet_would_round_are_text() {
    let plain = Style::default();
    let integers = Int64Array::from(vec![Some(-1), Some(999_999_999_999_999), Some(1_000_000_000_000_000), None]);
    let expected = ["n:-1", "n:999999999999999", "t:1000000000000000", ""];
    assert_eq!(column(ColumnKind::Integer, arrays(integers), &plain), expected);
    let extremes = Int64Array::from(vec![i64::MIN, i64::MAX]);
    let expected = ["t:-9223372036854775808", "t:9223372036854775807"];
    assert_eq!(column(ColumnKind::Integer, arrays(extremes), &plain), expected);
    let unsigned = UInt64Array::from(vec![7, u64::MAX]);
    assert_eq!(column(ColumnKind::Integer, arrays(unsigned), &plain), ["n:7", "t:18446744073709551615"]);

    let most = 10_i128.pow(38) - 1;
    let decimals = Decimal128Array::from(vec![-12_500_000_000_000_000_000, most, 5, 0]);
    let decimals = arrays(decimals.with_precision_and_scale(38, 10).unwrap());
    let expected =
        ["n:-1250000000.0000000000", "t:9999999999999999999999999999.9999999999", "n:0.0000000005", "n:0.0000000000"];
    assert_eq!(column(ColumnKind::Decimal, decimals, &plain), expected);
    let wide = Decimal256Array::from_iter_values([(-125).into(), most.into()]);
    let wide = arrays(wide.with_precision_and_scale(60, 2).unwrap());
    assert_eq!(column(ColumnKind::Decimal, wide, &plain), ["n:-1.25", "t:999999999999999999999999999999999999.99"]);
}

#[test]
fn floats_and_booleans() {
    let plain = Style::default();
    let floats = Float64Array::from(vec![-0.0, 0.1, 1e300, 5e-324, f64::NAN, f64::NEG_INFINITY]);
    let expected = ["n:-0.0", "n:0.1", "n:1e300", "n:5e-324", "t:NaN", "t:-inf"];
    assert_eq!(column(ColumnKind::Float, arrays(floats), &plain), expected);
    assert_eq!(column(ColumnKind::Float, arrays(Float32Array::from(vec![0.1, f32::NAN])), &plain), ["n:0.1", "t:NaN"]);
    let booleans = BooleanArray::from(vec![Some(true), Some(false), None]);
    assert_eq!(column(ColumnKind::Boolean, arrays(booleans), &plain), ["b:1", "b:0", ""]);
}

fn day(text: &str) -> i32 {
    let date: jiff::civil::Date = text.parse().unwrap();
    date.since(jiff::civil::date(1970, 1, 1)).unwrap().get_days()
}

#[test]
fn dates_are_days_from_march_1900_on() {
    let days = ["1583-01-01", "1899-12-31", "1900-02-28", "1900-03-01", "1969-12-31", "2038-01-20", "9999-12-31"];
    let mut days: Vec<_> = days.into_iter().map(day).collect();
    days.push(days[6] + 1);
    let expected =
        ["t:1583-01-01", "t:1899-12-31", "t:1900-02-28", "n:61", "n:25568", "n:50425", "n:2958465", "t:+010000-01-01"];
    assert_eq!(column(ColumnKind::Date, arrays(Date32Array::from(days)), &Style::default()), expected);
}

#[test]
fn timestamps_are_days_with_milliseconds() {
    let plain = Style::default();
    let micros = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let times = vec![micros("1900-02-28T23:59:59.999Z"), micros("1900-03-01T00:00:00Z"), -1, 43_200_000_000];
    let times = TimestampMicrosecondArray::from(times);
    let expected = ["t:1900-02-28T23:59:59.999", "n:61", "n:25568.99999998843", "n:25569.5"];
    assert_eq!(column(ColumnKind::Timestamp, arrays(times.clone()), &plain), expected);
    let zoned = times.with_timezone("UTC".to_owned());
    assert_eq!(column(ColumnKind::Timestamp, arrays(zoned), &plain)[0], "t:1900-02-28T23:59:59.999Z");
    let far = TimestampSecondArray::from(vec![253_402_300_800, i64::MAX]);
    let far = column(ColumnKind::Timestamp, arrays(far), &plain);
    assert_eq!(far[0], "t:+010000-01-01T00:00:00.000");
    assert!(far[1].starts_with("t:+"));
}

#[test]
fn timestamps_are_in_the_layouts_zone() {
    let style = Style { time_zone: Some("America/Sao_Paulo".to_owned()), ..Style::default() };
    let summer = "2018-12-01T02:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    let winter = "2018-06-01T03:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    let times = TimestampSecondArray::from(vec![summer, winter, -3_000_000_000]);
    let cells = column(ColumnKind::Timestamp, arrays(times), &style);
    assert_eq!(cells[..2], ["n:43435", "n:43252"]);
    assert_eq!(cells[2], "t:1874-12-07T15:33:32.000-03:06:28");
}

#[test]
fn text_is_no_formula() {
    let plain = Style::default();
    let texts =
        vec![Some("=1+1"), Some("-5"), Some(""), None, Some(" a\r\n\tb "), Some("_x0041_\u{1}\u{5e9}\u{1f600}")];
    let expected = ["t:=1+1", "t:-5", "t:", "", "t: a\r\n\tb ", "t:_x0041_\u{1}\u{5e9}\u{1f600}"];
    let texts = arrays(StringArray::from(texts));
    assert_eq!(column(ColumnKind::Text, texts.clone(), &plain), expected);
    let mut book = write_book(&[("c", ColumnKind::Text, texts)], &plain);
    let sheet = book.sheet(1);
    assert!(!sheet.contains("<f"));
    assert!(sheet.contains("<c r=\"A2\" s=\"2\" t=\"inlineStr\">") && sheet.contains("<c r=\"A6\" t=\"inlineStr\">"));
    assert!(book.part("xl/styles.xml").contains("quotePrefix=\"1\""));
}

#[test]
fn nulls_have_the_layouts_text() {
    let style = Style { null_text: Some("n/a".to_owned()), ..Style::default() };
    assert_eq!(column(ColumnKind::Integer, arrays(Int64Array::from(vec![None, Some(1)])), &style), ["t:n/a", "n:1"]);
}

#[test]
fn formats_say_what_the_style_says() {
    let style = |formats: &[(&str, &str)]| Style {
        formats: formats.iter().map(|(column, text)| ((*column).to_owned(), (*text).to_owned())).collect(),
        ..Style::default()
    };
    let columns = [
        ("n", ColumnKind::Integer, arrays(Int64Array::from(vec![1]))),
        ("d", ColumnKind::Decimal, arrays(Decimal128Array::from(vec![1]).with_precision_and_scale(12, 3).unwrap())),
        ("z", ColumnKind::Decimal, arrays(Decimal128Array::from(vec![1]).with_precision_and_scale(38, 38).unwrap())),
        ("f", ColumnKind::Float, arrays(Float64Array::from(vec![1.5]))),
        ("day", ColumnKind::Date, arrays(Date32Array::from(vec![1]))),
        ("t", ColumnKind::Timestamp, arrays(TimestampSecondArray::from(vec![1]))),
    ];
    let shown = |style: &Style| {
        let mut book = write_book(&columns, style);
        let (formats, sheet) = (book.formats(), book.sheet(1));
        let row = sheet.split_once("<row r=\"2\">").unwrap().1;
        let style = |cell: &str| cell.split_once(" s=\"").map_or(0, |(_, rest)| rest[..1].parse().unwrap());
        let cells = row.split("</c>").take(columns.len());
        cells.map(|cell| formats[style(cell)].clone()).collect::<Vec<_>>()
    };
    let thirty = format!("0.{}", "0".repeat(30));
    assert_eq!(shown(&style(&[])), ["0", "0.000", &thirty, "", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss.000"]);
    let own = style(&[("n", "#,##0"), ("d", "#,##0.00"), ("f", "0.0"), ("day", "%d/%m/%Y"), ("t", "%d/%m/%Y %H:%M")]);
    assert_eq!(shown(&own)[..5], ["#,##0", "#,##0.00", &thirty, "0.0", "dd\\/mm\\/yyyy"]);
    assert_eq!(shown(&own)[5], "dd\\/mm\\/yyyy hh:mm");
}

#[test]
fn full_sheets_are_followed_by_others() {
    let numbers = arrays(Int64Array::from_iter_values(0..10));
    let limits = Limits { rows: 5, ..LIMITS };
    let mut book = try_write(&[("n", ColumnKind::Integer, numbers)], &Style::default(), limits).unwrap();
    let rows: Vec<Vec<_>> = (1..=3).map(|sheet| book.cells(sheet).into_values().collect()).collect();
    let expected: [&[&str]; 3] =
        [&["t:n", "n:0", "n:1", "n:2", "n:3"], &["t:n", "n:4", "n:5", "n:6", "n:7"], &["t:n", "n:8", "n:9"]];
    assert_eq!(rows, expected);
    let workbook = book.part("xl/workbook.xml");
    assert!(workbook.contains("\"Sales &amp; more (2)\"") && workbook.contains("\"Sales &amp; more (3)\""));
    assert_eq!(book.part("[Content_Types].xml").matches("worksheet+xml").count(), 3);
    assert_eq!(book.part("xl/_rels/workbook.xml.rels").matches("/worksheet\"").count(), 3);
    assert!(book.sheet(3).contains("<autoFilter ref=\"A1:A3\"/>"));
}

#[test]
fn a_sheet_that_is_full_to_the_row_has_no_successor() {
    let numbers = arrays(Int64Array::from_iter_values(0..4));
    let limits = Limits { rows: 5, ..LIMITS };
    let mut book = try_write(&[("n", ColumnKind::Integer, numbers)], &Style::default(), limits).unwrap();
    assert_eq!(book.part("[Content_Types].xml").matches("worksheet+xml").count(), 1);
}

#[test]
fn sheets_are_bounded_in_bytes_too() {
    let texts = arrays(StringArray::from_iter_values((0..10).map(|_| "x".repeat(30_000))));
    let limits = Limits { bytes: 100_000, ..LIMITS };
    let mut book = try_write(&[("t", ColumnKind::Text, texts)], &Style::default(), limits).unwrap();
    // Looked at between pieces, of which the second batch of five rows begins one.
    let rows = |sheet| book.cells(sheet).len() - 1;
    assert_eq!((1..=2).map(rows).collect::<Vec<_>>(), [5, 5]);
}

#[test]
fn text_that_no_cell_can_hold_is_refused() {
    let write = |text: String| {
        try_write(&[("note", ColumnKind::Text, arrays(StringArray::from(vec![text])))], &Style::default(), LIMITS)
    };
    // Characters count in UTF-16, where these have two.
    assert!(write("\u{1f600}".repeat(16_383) + "x").is_ok());
    assert!(write("é".repeat(32_767)).is_ok());
    for text in ["x".repeat(32_768), "\u{1f600}".repeat(16_384)] {
        let Err(EncodeError::TooLarge(detail)) = write(text) else { panic!() };
        assert!(detail.contains("\"note\"") && detail.contains("csv"), "{detail}");
    }
}

#[test]
fn a_thousand_columns() {
    let names: Vec<_> = (0..1_000).map(|number| format!("c{number}")).collect();
    let columns: Vec<_> = (0..)
        .zip(&names)
        .map(|(number, name)| (name.as_str(), ColumnKind::Integer, arrays(Int64Array::from(vec![number, -number]))))
        .collect();
    let cells = write_book(&columns, &Style::default()).cells(1);
    assert_eq!(cells.len(), 3_000);
    assert_eq!((cells["ALL1"].as_str(), cells["ALL3"].as_str()), ("t:c999", "n:-999"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_read_back(
        rows in proptest::collection::vec((any::<Option<String>>(), any::<Option<i64>>()), 0..30),
        limit in 2_u32..40,
    ) {
        let columns = [
            ("t", ColumnKind::Text, arrays(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>())),
            ("n", ColumnKind::Integer, arrays(rows.iter().map(|row| row.1).collect::<Int64Array>())),
        ];
        let limits = Limits { rows: limit, ..LIMITS };
        let mut book = try_write(&columns, &Style::default(), limits).unwrap();
        for (sheet, rows) in (1..).zip(rows.chunks(limit as usize - 1)) {
            let mut expected = Cells::from([("A1".to_owned(), "t:t".to_owned()), ("B1".to_owned(), "t:n".to_owned())]);
            for (number, (text, integer)) in (2..).zip(rows) {
                expected.extend(text.as_ref().map(|text| (format!("A{number}"), format!("t:{text}"))));
                let is_number = |value: i64| value.unsigned_abs() < 1_000_000_000_000_000;
                let integer = integer.map(|value| format!("{}:{value}", if is_number(value) { 'n' } else { 't' }));
                expected.extend(integer.map(|integer| (format!("B{number}"), integer)));
            }
            prop_assert_eq!(book.cells(sheet), expected);
        }
    }

    #[test]
    fn titles_of_workbooks_are_escaped(title in any::<String>()) {
        let mut document = document(&[], &Style::default());
        document.title.clone_from(&title);
        let properties = String::from_utf8(parts::properties(&document)).unwrap();
        let expected = format!("<dc:title>{}</dc:title>", escaped(&title));
        prop_assert!(properties.contains(&expected), "{}", properties);
    }
}
