use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Decimal128Array, Int64Array, StringArray};
use proptest::prelude::*;
use waybill::domain::{definition::Column, style::Style};

use super::*;

type TestColumn<'a> = (&'a str, ColumnKind, ArrayRef);

fn batch(columns: &[TestColumn<'_>]) -> RecordBatch {
    let arrays = columns.iter().map(|(name, _, array)| (*name, array.clone(), true));
    RecordBatch::try_from_iter_with_nullable(arrays).unwrap()
}

/// What all calls append, one piece each.
fn pieces(columns: &[TestColumn<'_>], style: &Style) -> Result<Vec<String>, EncodeError> {
    let definition: Vec<_> = columns.iter().map(|(name, kind, _)| Column::new(*name, *kind)).collect();
    let scratch = tempfile::tempdir()?;
    let mut txt = Txt::new(&Layout::new(&definition, style), scratch.path())?;
    let mut out = Vec::new();
    txt.header(&mut out)?;
    let batch = batch(columns);
    let half = batch.num_rows() / 2;
    txt.encode(&batch.slice(0, half), 0, &mut out)?;
    txt.encode(&batch.slice(half, batch.num_rows() - half), half as u64, &mut out)?;
    assert!(out.is_empty());
    let mut pieces = Vec::new();
    loop {
        let mut out = Vec::new();
        let more = txt.footer(&mut out)?;
        pieces.push(String::from_utf8(out).unwrap());
        if !more {
            return Ok(pieces);
        }
    }
}

fn write(columns: &[TestColumn<'_>]) -> String {
    pieces(columns, &Style::default()).unwrap().concat()
}

fn text<'a>(name: &'a str, cells: &[Option<&str>]) -> TestColumn<'a> {
    (name, ColumnKind::Text, Arc::new(StringArray::from(cells.to_vec())))
}

fn integers<'a>(name: &'a str, cells: &[Option<i64>]) -> TestColumn<'a> {
    (name, ColumnKind::Integer, Arc::new(Int64Array::from(cells.to_vec())))
}

/// The lines cut where the dashes begin, without the spaces around the cells: titles first.
fn cut(file: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = file.strip_suffix('\n').unwrap().split('\n').collect();
    let rule = lines[1];
    let starts: Vec<usize> =
        (0..rule.len()).filter(|at| rule[*at..].starts_with('-') && !rule[..*at].ends_with('-')).collect();
    let cut_line = |line: &&str| {
        let ends = starts.iter().skip(1).map(|start| byte_at(line, *start)).chain([line.len()]);
        let cells = starts.iter().zip(ends).map(|(start, end)| line[byte_at(line, *start)..end].trim_matches(' '));
        cells.map(str::to_owned).collect()
    };
    lines.iter().enumerate().filter(|(index, _)| *index != 1).map(|(_, line)| cut_line(line)).collect()
}

/// Where a column of the terminal begins; the line's end where it has fewer.
fn byte_at(line: &str, column: usize) -> usize {
    if line.is_ascii() {
        return column.min(line.len());
    }
    let mut places = line.char_indices().map(|(at, _)| at);
    places.find(|at| line[..*at].width() >= column).unwrap_or(line.len())
}

#[test]
fn columns_are_aligned() {
    let amounts = Decimal128Array::from(vec![Some(-5), None, Some(1_234_567)]).with_precision_and_scale(12, 2).unwrap();
    let file = write(&[
        text("country", &[Some("Brasil"), Some("日本"), Some("👩‍🚀 e\u{301}")]),
        ("amount", ColumnKind::Decimal, Arc::new(amounts)),
        integers("n", &[Some(7), Some(-12), None]),
        text("note", &[None, Some("a\nb\tc\u{2028}"), Some("x")]),
    ]);
    let expected = [
        "country    amount    n  note",
        "-------  --------  ---  ------",
        "Brasil      -0.05    7",
        "日本               -12  a␊b␉c␤",
        "👩‍🚀 e\u{301}     12345.67       x",
        "",
    ];
    assert_eq!(file, expected.join("\n"));
}

#[test]
fn a_report_without_rows_has_its_head() {
    assert_eq!(write(&[text("a", &[]), text("", &[]), integers("no", &[])]), "a     no\n-  -  --\n");
}

#[test]
fn rows_without_text_are_lines_too() {
    assert_eq!(write(&[text("a", &[None, Some(""), Some("b"), None])]), "a\n-\n\n\nb\n\n");
    let style = Style { null_text: Some("n/a".to_owned()), ..Style::default() };
    let file = pieces(&[integers("a", &[Some(1), None])], &style).unwrap().concat();
    assert_eq!(file, "  a\n---\n  1\nn/a\n");
}

#[test]
fn controls_cannot_end_or_shift_a_line() {
    let all: String = (0..0xa0).map(char::from).collect();
    let file = write(&[text("a", &[Some(&all)])]);
    let row = file.split('\n').nth(2).unwrap();
    assert_eq!(row.chars().count(), 0xa0);
    assert!(row.starts_with("␀␁␂") && row.contains("␊␋␌␍") && row.contains("␟ !") && row.contains("~␡"));
    assert!(!row.chars().any(char::is_control));
    assert_eq!(row.matches('\u{fffd}').count(), 31);
}

#[test]
fn a_thousand_columns() {
    let names: Vec<String> = (0..1_000).map(|index| format!("c{index}")).collect();
    let cells: Vec<String> = (0..1_000).map(|index| "x".repeat(index % 9)).collect();
    let columns: Vec<_> = names.iter().zip(&cells).map(|(name, cell)| text(name, &[Some(cell), None])).collect();
    let read = cut(&write(&columns));
    assert_eq!(read, [names, cells, vec![String::new(); 1_000]]);
}

#[test]
fn many_rows_come_in_pieces() {
    let words: Vec<String> = (0..100_000).map(|row| format!("word {row}")).collect();
    let cells: Vec<Option<&str>> = words.iter().map(|word| Some(word.as_str())).collect();
    let numbers: Vec<Option<i64>> = (0..100_000).map(Some).collect();
    let pieces = pieces(&[text("w", &cells), integers("n", &numbers)], &Style::default()).unwrap();
    assert!(pieces.len() > 1);
    assert!(pieces.iter().all(|piece| piece.len() < PIECE + 100));
    let file = pieces.concat();
    assert_eq!(file.lines().count(), 100_002);
    assert_eq!(file.lines().last(), Some("word 99999  99999"));
    assert_eq!(file.lines().nth(2), Some("word 0          0"));
}

#[test]
fn lines_that_nobody_can_read_are_refused() {
    let long = "x".repeat(MAX_LINE - GAP - 1);
    let file = write(&[text("a", &[Some(&long)]), text("b", &[Some("y")])]);
    assert_eq!(file.lines().map(str::len).max(), Some(MAX_LINE));
    let refused = pieces(&[text("a", &[Some(&long)]), text("bc", &[Some("y")])], &Style::default());
    assert!(matches!(refused, Err(EncodeError::TooLarge(detail)) if detail.contains("csv")));
}

#[test]
fn a_full_disk_is_a_refusal_that_names_another_format() {
    let full = refusal(io::ErrorKind::StorageFull.into());
    assert!(matches!(full, EncodeError::TooLarge(detail) if detail.contains("csv")));
    assert!(matches!(refusal(io::ErrorKind::PermissionDenied.into()), EncodeError::Io(_)));
}

#[test]
fn rows_wait_in_a_file_without_a_name() {
    let scratch = tempfile::tempdir().unwrap();
    let columns = [integers("n", &[Some(1)])];
    let layout = Layout::new(&[Column::new("n", ColumnKind::Integer)], &Style::default());
    let mut txt = Txt::new(&layout, scratch.path()).unwrap();
    txt.encode(&batch(&columns), 0, &mut Vec::new()).unwrap();
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

proptest! {
    #[test]
    fn cells_read_back_by_the_dashes(
        rows in proptest::collection::vec(
            (
                proptest::option::of(any::<String>()),
                any::<Option<i64>>(),
                "[ -~]{0,12}|[a é\u{301}日本한👩❤⌚🇧🇷ש لا\u{200d}\u{fe0f}\u{fe0e}\n]{0,8}",
            ),
            0..12,
        )
    ) {
        let first: Vec<Option<&str>> = rows.iter().map(|row| row.0.as_deref()).collect();
        let numbers: Vec<Option<i64>> = rows.iter().map(|row| row.1).collect();
        let last: Vec<Option<&str>> = rows.iter().map(|row| Some(row.2.as_str())).collect();
        let file = write(&[text("first", &first), integers("second", &numbers), text("日付", &last)]);
        let mut expected = vec![vec!["first".to_owned(), "second".to_owned(), "日付".to_owned()]];
        for (first, number, last) in &rows {
            let shown = |text: &str| text.chars().map(visible).collect::<String>().trim_matches(' ').to_owned();
            let number = number.map(|number| number.to_string());
            expected.push(vec![shown(first.as_deref().unwrap_or_default()), number.unwrap_or_default(), shown(last)]);
        }
        prop_assert_eq!(cut(&file), expected);
    }
}
