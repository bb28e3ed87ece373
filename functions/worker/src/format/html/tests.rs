use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, StringArray};
use proptest::prelude::*;
use waybill::domain::{definition::Column, style::Style};

use super::{super::Layout, *};

fn document(columns: &[Column], style: &Style) -> Document {
    Document {
        title: "Sales & more".to_owned(),
        description: "What was sold.\nBy <country>.".to_owned(),
        parameters: vec![("from".to_owned(), "2024-01-01".to_owned()), ("who".to_owned(), "\"O'Neil\"".to_owned())],
        as_of: "2024-02-01T03:04:05.678Z".parse().unwrap(),
        layout: Layout::new(columns, style),
    }
}

fn page(document: &Document, arrays: &[ArrayRef]) -> String {
    let names = document.layout.columns.iter().map(|column| column.name.clone());
    let columns = names.zip(arrays).map(|(name, array)| (name, array.clone(), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut html = Html::new(document);
    let mut out = Vec::new();
    html.header(&mut out).unwrap();
    let half = batch.num_rows() / 2;
    html.encode(&batch.slice(0, half), 0, &mut out).unwrap();
    html.encode(&batch.slice(half, batch.num_rows() - half), half as u64, &mut out).unwrap();
    assert!(!html.footer(&mut out).unwrap());
    String::from_utf8(out).unwrap()
}

/// What stands between, the first time.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).unwrap().0
}

/// The cells of the table's body, as a parser gives them.
fn cells(page: &str) -> Vec<Vec<String>> {
    // Every parser reads line ends so.
    let page = page.replace("\r\n", "\n").replace('\r', "\n");
    let row = |row: &str| row.split("<td").skip(1).map(|cell| unescape(between(cell, ">", "</td>"))).collect();
    between(&page, "<tbody>", "</tbody>").split("<tr>").skip(1).map(row).collect()
}

fn unescape(text: &str) -> String {
    assert!(!text.contains(['<', '>', '"', '\'']));
    let names = [("&#13;", "\r"), ("&#39;", "'"), ("&quot;", "\""), ("&gt;", ">"), ("&lt;", "<"), ("&amp;", "&")];
    names.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

fn total(name: &str, kind: ColumnKind) -> Column {
    Column { total: true, ..Column::new(name, kind) }
}

#[test]
fn what_stands_around_the_table() {
    let columns = [Column::new("a<b", ColumnKind::Text), Column::new("n", ColumnKind::Integer)];
    let document = document(&columns, &Style::default());
    let page = page(&document, &[Arc::new(StringArray::from(vec!["x"])), Arc::new(Int64Array::from(vec![1]))]);
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"));
    assert!(page.contains("<title>Sales &amp; more</title>"));
    assert!(page.contains("<h1>Sales &amp; more</h1>\n<p>What was sold.\nBy &lt;country&gt;.</p>"));
    assert!(page.contains("<dt>Data as of</dt><dd>2024-02-01 03:04:05 UTC</dd>"));
    assert!(page.contains("<dt>who</dt><dd>&quot;O&#39;Neil&quot;</dd>"));
    assert!(page.contains("<tr><th scope=\"col\">a&lt;b</th><th scope=\"col\" class=\"n\">n</th></tr>"));
    assert!(page.contains("<tbody>\n<tr><td>x</td><td class=\"n\">1</td></tr></tbody>"));
    assert!(page.ends_with("</table>\n<footer><p>1 row</p></footer>\n</body>\n</html>\n"));
    assert!(page.contains("<body>"));
    assert!(!page.contains("<tfoot>") && !page.contains("<script") && !page.contains("http:"));
}

#[test]
fn totals_and_rows_stand_below() {
    let columns = [
        Column::new("country", ColumnKind::Text),
        total("n", ColumnKind::Integer),
        Column::new("day", ColumnKind::Date),
        total("amount", ColumnKind::Decimal),
    ];
    let amounts = Decimal128Array::from(vec![Some(i128::MAX), None, Some(i128::MAX)]);
    let arrays: [ArrayRef; 4] = [
        Arc::new(StringArray::from(vec![Some("BR"), None, Some("PT")])),
        Arc::new(Int64Array::from(vec![i64::MAX, 1, 1])),
        Arc::new(Date32Array::from(vec![0, -1, 1])),
        Arc::new(amounts.with_precision_and_scale(38, 2).unwrap()),
    ];
    let page = page(&document(&columns, &Style::default()), &arrays);
    let expected = "\n<tr><th scope=\"row\">Total</th><td class=\"n\">9223372036854775809</td><td class=\"t\"></td>\
                    <td class=\"n\">3402823669209384634633746074317682114.54</td></tr>\n";
    assert_eq!(between(&page, "<tfoot>", "</tfoot>"), expected);
    assert_eq!(between(&page, "<footer>", "</footer>"), "<p>3 rows</p>");
}

#[test]
fn a_report_without_rows_says_so() {
    let columns = [total("n", ColumnKind::Integer)];
    let page = page(&document(&columns, &Style::default()), &[Arc::new(Int64Array::from(Vec::<i64>::new()))]);
    assert_eq!(cells(&page), Vec::<Vec<String>>::new());
    assert!(page.contains("<p>0 rows</p>"));
    assert!(page.contains("<tfoot>\n<tr><td class=\"n\">0</td></tr>\n</tfoot>"));
}

#[test]
fn time_and_count_are_in_the_layouts_style() {
    let zone = Some("America/Sao_Paulo".to_owned());
    let style = Style { time_zone: zone, decimal_separator: Some(','), ..Style::default() };
    let columns = [Column::new("n", ColumnKind::Integer)];
    let page = page(&document(&columns, &style), &[Arc::new(Int64Array::from(vec![7; 1_234]))]);
    assert!(page.contains("<dt>Data as of</dt><dd>2024-02-01 00:04:05 -03:00</dd>"));
    assert!(page.contains("<p>1.234 rows</p>"));
}

#[test]
fn nulls_and_directions() {
    let columns = [Column::new("t", ColumnKind::Text), Column::new("n", ColumnKind::Integer)];
    let style = Style { null_text: Some("n/a".to_owned()), ..Style::default() };
    let texts = StringArray::from(vec![None, Some(""), Some("שלום")]);
    let page =
        page(&document(&columns, &style), &[Arc::new(texts), Arc::new(Int64Array::from(vec![None, Some(1), None]))]);
    let expected = "\n<tr><td class=\"null\">n/a</td><td class=\"n null\">n/a</td></tr>\
                    \n<tr><td></td><td class=\"n\">1</td></tr>\
                    \n<tr><td dir=\"auto\">שלום</td><td class=\"n null\">n/a</td></tr>";
    assert_eq!(between(&page, "<tbody>", "</tbody>"), expected);
}

#[test]
fn what_html_cannot_hold_is_replaced() {
    let mut out = Vec::new();
    escape(&mut out, "a\0\u{1}\t\n\u{b}\u{c}\r\u{7f}\u{85}\u{fdd0}\u{fffe}\u{fffd}\u{1ffff}\u{10ffff}\u{a0}é");
    let replaced =
        "a\u{fffd}\u{fffd}\t\n\u{fffd}\u{fffd}&#13;\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{a0}é";
    assert_eq!(String::from_utf8(out).unwrap(), replaced);
}

#[test]
fn a_thousand_columns() {
    let columns: Vec<Column> = (0..1_000).map(|index| Column::new(format!("c{index}"), ColumnKind::Integer)).collect();
    let arrays: Vec<ArrayRef> = (0..1_000).map(|index| Arc::new(Int64Array::from(vec![index])) as ArrayRef).collect();
    let page = page(&document(&columns, &Style::default()), &arrays);
    let expected: Vec<String> = (0..1_000).map(|index| index.to_string()).collect();
    assert_eq!(cells(&page), [expected]);
    assert!(page.contains("<body class=\"wide\">"));
}

proptest! {
    #[test]
    fn cells_read_back(
        rows in proptest::collection::vec(
            (proptest::option::of(any::<String>()), any::<Option<i64>>(), "[\x00-\x7f]{0,8}|[&<>\"'#;lt13\r\n é\u{85}]{0,10}"),
            0..12,
        )
    ) {
        let columns = ["a", "b", "c"].map(|name| Column::new(name, ColumnKind::Text));
        let arrays: [ArrayRef; 3] = [
            Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.2))),
        ];
        let page = page(&document(&columns, &Style::default()), &arrays);
        let is_held = |c: char| (!c.is_control() && u32::from(c) % 0x1_0000 < 0xfffe && !('\u{fdd0}'..='\u{fdef}').contains(&c)) || "\t\n\r".contains(c);
        let held = |text: &str| text.chars().map(|c| if is_held(c) { c } else { '\u{fffd}' }).collect::<String>();
        let expected: Vec<Vec<String>> = rows
            .iter()
            .map(|(a, b, c)| {
                let b = b.map(|number| number.to_string());
                vec![held(a.as_deref().unwrap_or_default()), b.unwrap_or_default(), held(c)]
            })
            .collect();
        prop_assert_eq!(cells(&page), expected);
    }
}
