//! Whole documents, read back. What other readers make of them is in the interoperability tests.

mod reader;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Decimal128Array, Int64Array, StringArray};
use proptest::prelude::*;
use waybill::domain::{definition::Column as Defined, style::Style};

use super::{super::Layout, *};

fn document(columns: &[Defined]) -> Document {
    Document {
        title: "Sales by country".to_owned(),
        description: "What was sold.".to_owned(),
        parameters: vec![("from".to_owned(), "2024-01-01".to_owned())],
        as_of: "2024-02-01T03:04:05Z".parse().unwrap(),
        layout: Layout::new(columns, &Style::default()),
    }
}

fn encode(columns: &[Defined], arrays: &[ArrayRef]) -> Result<Vec<u8>, EncodeError> {
    let named = columns.iter().zip(arrays).map(|(column, array)| (column.name.as_str(), array.clone(), true));
    let batch = RecordBatch::try_from_iter_with_nullable(named).unwrap();
    let mut pdf = Pdf::new(&document(columns));
    let mut out = Vec::new();
    pdf.header(&mut out)?;
    let half = batch.num_rows() / 2;
    pdf.encode(&batch.slice(0, half), 0, &mut out)?;
    pdf.encode(&batch.slice(half, batch.num_rows() - half), half as u64, &mut out)?;
    assert!(!pdf.footer(&mut out)?);
    Ok(out)
}

fn texts(rows: &[&str]) -> Vec<u8> {
    encode(&[Defined::new("t", ColumnKind::Text)], &[Arc::new(StringArray::from(rows.to_vec()))]).unwrap()
}

/// The cells of the only column.
fn cells(pdf: &[u8]) -> Vec<String> {
    let mut pages = reader::pages(pdf);
    let page = pages.remove(0);
    let header = page.iter().position(|text| text == "t").unwrap();
    page[header + 1..page.len() - 2].to_vec()
}

#[test]
fn heading_table_totals_and_footer() {
    let columns = [
        Defined::new("country", ColumnKind::Text),
        Defined { total: true, ..Defined::new("invoices", ColumnKind::Integer) },
        Defined { total: true, ..Defined::new("revenue", ColumnKind::Decimal) },
    ];
    let revenue = Decimal128Array::from(vec![Some(123_450), None]).with_precision_and_scale(12, 2).unwrap();
    let arrays: [ArrayRef; 3] = [
        Arc::new(StringArray::from(vec!["España", "Ελλάδα"])),
        Arc::new(Int64Array::from(vec![7, -3])),
        Arc::new(revenue),
    ];
    let pdf = encode(&columns, &arrays).unwrap();
    assert!(pdf.starts_with(b"%PDF-1.7"));
    let expected = [
        "Sales by country",
        "What was sold.",
        "Data as of",
        "2024-02-01 03:04:05 UTC",
        "from",
        "2024-01-01",
        "Rows",
        "2",
        "country",
        "invoices",
        "revenue",
        "España",
        "7",
        "1234.50",
        "Ελλάδα",
        "-3",
        "Total",
        "4",
        "1234.50",
        "Sales by country",
        "Page 1 of 1",
    ];
    assert_eq!(reader::pages(&pdf), [expected]);
    assert_eq!(pdf, encode(&columns, &arrays).unwrap());
}

#[test]
fn every_page_has_the_header_and_its_number() {
    let columns = [Defined::new("n", ColumnKind::Integer), Defined::new("t", ColumnKind::Text)];
    let numbers = Int64Array::from_iter_values(0..400);
    let text = StringArray::from_iter_values((0..400).map(|n| format!("row {n}")));
    let pages = reader::pages(&encode(&columns, &[Arc::new(numbers), Arc::new(text)]).unwrap());
    let mut rows = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        let header = page.windows(2).position(|texts| texts == ["n", "t"]).unwrap();
        let (cells, footer) = page[header + 2..].split_at(page.len() - header - 4);
        assert_eq!(footer, ["Sales by country", &format!("Page {} of {}", index + 1, pages.len())]);
        rows.extend(cells.chunks(2).map(<[String]>::to_vec));
    }
    assert!(pages.len() > 3);
    let expected: Vec<_> = (0..400).map(|n| vec![n.to_string(), format!("row {n}")]).collect();
    assert_eq!(rows, expected);
}

#[test]
fn counts_are_grouped() {
    let layout = document(&[]).layout;
    let counts = [0, 999, 1_000, 1_234_567].map(|count| layout.count_text(count));
    assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
}

#[test]
fn no_rows() {
    let pages = reader::pages(&texts(&[]));
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0][6..], ["Rows", "0", "t", "Sales by country", "Page 1 of 1"]);
}

#[test]
fn characters_without_a_glyph_are_shown_as_such_and_kept_beside() {
    let pdf = texts(&["a日b", "日本", "\u{fffd}", "x\u{7}"]);
    assert_eq!(cells(&pdf), ["a\u{fffd}b", "\u{fffd}\u{fffd}", "\u{fffd}", "x\u{fffd}"]);
    let streams = String::from_utf8_lossy(&reader::streams(&pdf)).into_owned();
    assert_eq!(streams.matches("/ActualText").count(), 3);
}

#[test]
fn right_to_left_is_drawn_from_the_left() {
    let drawn = cells(&texts(&["שלום", "abc שלום def"])).concat();
    assert_eq!(drawn.replace(' ', ""), "םולשabcםולשdef");
}

#[test]
fn what_is_too_long_is_refused_by_name() {
    let long = "x".repeat(70_000);
    let columns = [Defined::new("t", ColumnKind::Text)];
    let refused = encode(&columns, &[Arc::new(StringArray::from(vec![long.as_str()]))]);
    assert!(matches!(refused, Err(EncodeError::TooLarge(detail)) if detail.contains("xlsx or csv")));
    let lines = "\n".repeat(60_000);
    let refused = encode(&columns, &[Arc::new(StringArray::from(vec![lines.as_str(); 20]))]);
    assert!(matches!(refused, Err(EncodeError::TooLarge(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn text_reads_back(rows in proptest::collection::vec("[!-~À-ž€Ж]{1,9}( [!-~À-ž]{1,80}){0,9}", 1..4)) {
        let pdf = texts(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        let drawn = cells(&pdf).concat();
        let without_spaces = |text: &str| text.replace(' ', "");
        prop_assert_eq!(without_spaces(&drawn), without_spaces(&rows.concat()));
    }

    #[test]
    fn lines_of_any_text_fit_and_cover_it(text in any::<String>(), room in 4.0_f32..40.0) {
        let face = Faces::new().unwrap().regular;
        let (mut clusters, mut lines) = (Vec::new(), Vec::new());
        face.wrap(&text, room, &mut clusters, &mut lines);
        prop_assert!(clusters.windows(2).all(|pair| pair[0].start < pair[1].start));
        let mut end = 0;
        for line in lines {
            prop_assert!(line.width <= room || clusters.iter().any(|cluster| cluster.width > room));
            prop_assert!(text[end..line.text.start].chars().all(|c| matches!(c, ' ' | '\n')));
            end = line.text.end;
        }
        prop_assert!(text[end..].chars().all(|c| matches!(c, ' ' | '\n')));
    }

    #[test]
    fn any_text_is_written(rows in proptest::collection::vec(any::<String>(), 0..4)) {
        texts(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
