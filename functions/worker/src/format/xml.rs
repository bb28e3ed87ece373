//! XML 1.0: one `row` element a line, with an element for each column, called by its name.
//!
//! * A null is `<c xsi:nil="true"/>`, an empty text `<c></c>`.
//! * Values are those of XML Schema: decimals with all digits of their scale, dates and timestamps ISO 8601, floats the
//!   fewest digits that read back, or `NaN`, `INF` and `-INF`.
//! * `&`, `<` and `>` are escaped. So is CR, which parsers would read as LF.
//! * XML has no way to write most control characters, U+FFFE and U+FFFF, not even escaped. They become U+FFFD; who needs
//!   them asks for another format.

use datafusion::arrow::array::RecordBatch;

use super::{
    EncodeError, Encoder, Layout, LayoutColumn,
    cells::{self, Cell, CellArray},
};

const HEADER: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <report xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n";
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Writes XML.
pub(super) struct Xml {
    columns: Vec<Tags>,
}

/// What stands around the cells of a column, or instead of them. Names of columns are names in XML too.
struct Tags {
    start: Vec<u8>,
    end: Vec<u8>,
    null: Vec<u8>,
}

impl Tags {
    fn of(column: &LayoutColumn) -> Self {
        let name = &column.name;
        Self {
            start: format!("<{name}>").into_bytes(),
            end: format!("</{name}>").into_bytes(),
            null: format!("<{name} xsi:nil=\"true\"/>").into_bytes(),
        }
    }
}

impl Xml {
    /// For rows of these columns.
    pub(super) fn new(layout: &Layout) -> Self {
        Self { columns: layout.columns.iter().map(Tags::of).collect() }
    }
}

impl Encoder for Xml {
    fn header(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(HEADER);
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, _row: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let arrays = CellArray::of(batch)?;
        let columns = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            out.extend_from_slice(b"<row>");
            for (tags, column) in self.columns.iter().zip(&columns) {
                match column.get(row) {
                    Cell::Null => out.extend_from_slice(&tags.null),
                    cell => {
                        out.extend_from_slice(&tags.start);
                        value(out, cell);
                        out.extend_from_slice(&tags.end);
                    }
                }
            }
            out.extend_from_slice(b"</row>\n");
        }
        Ok(())
    }

    fn footer(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        out.extend_from_slice(b"</report>\n");
        Ok(false)
    }
}

fn value(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null => {}
        Cell::Text(text) => escaped(out, text),
        Cell::Integer(value) => cells::integer(out, value),
        Cell::Unsigned(value) => cells::integer(out, value),
        Cell::Decimal(unscaled, scale) => cells::decimal(out, unscaled, scale),
        Cell::Boolean(value) => cells::boolean(out, value),
        Cell::Date(days) => cells::date(out, i64::from(days)),
        Cell::Timestamp(ticks, clock) => cells::timestamp(out, ticks, clock),
        Cell::Float(value) if value.is_infinite() => infinite(out, value < 0.0),
        Cell::Single(value) if value.is_infinite() => infinite(out, value < 0.0),
        Cell::Float(value) => cells::float(out, value),
        Cell::Single(value) => cells::float(out, value),
    }
}

fn infinite(out: &mut Vec<u8>, negative: bool) {
    out.extend_from_slice(if negative { b"-INF" } else { b"INF" });
}

/// Copies what needs no escape in runs as long as there are.
fn escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let (escape, width): (&[u8], usize) = match byte {
            b'&' => (b"&amp;", 1),
            b'<' => (b"&lt;", 1),
            b'>' => (b"&gt;", 1),
            b'\r' => (b"&#13;", 1),
            b'\t' | b'\n' => continue,
            0..b' ' => (REPLACEMENT, 1),
            // U+FFFE and U+FFFF.
            0xef if matches!(bytes[index..], [_, 0xbf, 0xbe | 0xbf, ..]) => (REPLACEMENT, 3),
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..index]);
        out.extend_from_slice(escape);
        copied = index + width;
    }
    out.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };
    use proptest::prelude::*;
    use quick_xml::{Reader, events::Event};
    use waybill::domain::{
        definition::{Column, ColumnKind},
        style::Style,
    };

    use super::*;

    fn write(columns: &[(&str, ArrayRef)]) -> String {
        let definition: Vec<_> = columns.iter().map(|(name, _)| Column::new(*name, ColumnKind::Text)).collect();
        let mut encoder = Xml::new(&Layout::new(&definition, &Style::default()));
        let mut out = Vec::new();
        encoder.header(&mut out).unwrap();
        let arrays = columns.iter().map(|(name, array)| (*name, array.clone(), true));
        let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
        encoder.encode(&batch, 0, &mut out).unwrap();
        assert!(!encoder.footer(&mut out).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_kind() {
        let amounts = Decimal128Array::from(vec![Some(-5), None]).with_precision_and_scale(38, 2).unwrap();
        let out = write(&[
            ("t", Arc::new(StringArray::from(vec![Some("a<b>&\"\r\n\t]]>"), Some("")]))),
            ("amount", Arc::new(amounts)),
            ("n", Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN]))),
            ("ok", Arc::new(BooleanArray::from(vec![true, false]))),
            ("day", Arc::new(Date32Array::from(vec![0, -1]))),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![0, -1]).with_timezone("UTC"))),
            ("f", Arc::new(Float64Array::from(vec![-0.0, f64::INFINITY]))),
            ("s", Arc::new(Float32Array::from(vec![f32::NEG_INFINITY, f32::NAN]))),
        ]);
        let expected = concat!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
            "<report xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n",
            "<row><t>a&lt;b&gt;&amp;\"&#13;\n\t]]&gt;</t><amount>-0.05</amount><n>9223372036854775807</n><ok>true</ok>",
            "<day>1970-01-01</day><at>1970-01-01T00:00:00.000Z</at><f>-0.0</f><s>-INF</s></row>\n",
            "<row><t></t><amount xsi:nil=\"true\"/><n>-9223372036854775808</n><ok>false</ok>",
            "<day>1969-12-31</day><at>1969-12-31T23:59:59.999Z</at><f>INF</f><s>NaN</s></row>\n",
            "</report>\n",
        );
        assert_eq!(out, expected);
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        let text = "\0\u{1}\u{b}\u{1f}|\u{fffd}\u{fffe}\u{ffff}\u{ffee}\u{7f}\u{85}\u{2028}😀";
        let out = write(&[("t", Arc::new(StringArray::from(vec![text])))]);
        let expected = "<t>\u{fffd}\u{fffd}\u{fffd}\u{fffd}|\u{fffd}\u{fffd}\u{fffd}\u{ffee}\u{7f}\u{85}\u{2028}😀</t>";
        assert!(out.contains(expected), "{out:?}");
    }

    #[test]
    fn an_empty_report_is_a_whole_document() {
        let out = write(&[("t", Arc::new(StringArray::from(Vec::<&str>::new())))]);
        assert_eq!(out, format!("{}</report>\n", std::str::from_utf8(HEADER).unwrap()));
    }

    /// The cells of a document, by another reader.
    fn read(document: &str) -> Vec<Option<String>> {
        let mut reader = Reader::from_str(document);
        let mut cells = Vec::new();
        let mut depth = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(_) => {
                    depth += 1;
                    if depth == 3 {
                        cells.push(Some(String::new()));
                    }
                }
                Event::End(_) => depth -= 1,
                Event::Empty(element) => {
                    let nil = element.try_get_attribute("xsi:nil").unwrap().unwrap();
                    assert_eq!(nil.value.as_ref(), b"true");
                    cells.push(None);
                }
                Event::Text(text) if depth == 3 => add(&mut cells, &text.xml10_content().unwrap()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref().unwrap() {
                    Some(character) => add(&mut cells, &character.to_string()),
                    None => add(
                        &mut cells,
                        match &*reference {
                            b"amp" => "&",
                            b"lt" => "<",
                            b"gt" => ">",
                            other => panic!("{other:?}"),
                        },
                    ),
                },
                Event::Eof => return cells,
                _ => {}
            }
        }
    }

    fn add(cells: &mut [Option<String>], text: &str) {
        cells.last_mut().unwrap().as_mut().unwrap().push_str(text);
    }

    /// What a parser gives for it.
    fn representable(text: &str) -> String {
        let is_held = |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\t' | '\n' | '\r');
        text.chars().map(|c| if is_held(c) { c } else { '\u{fffd}' }).collect()
    }

    proptest! {
        #[test]
        fn rows_read_back(
            rows in proptest::collection::vec((proptest::option::of(any::<String>()), "[\\x00-\\x7f\u{fffc}-\u{ffff}]{0,8}|[<>&'\"\r\n\\]]{0,8}"), 0..20)
        ) {
            let left: StringArray = rows.iter().map(|row| row.0.as_deref()).collect();
            let right = StringArray::from_iter_values(rows.iter().map(|row| &row.1));
            let out = write(&[("l", Arc::new(left)), ("r", Arc::new(right))]);
            let expected: Vec<_> =
                rows.iter().flat_map(|(left, right)| [left.as_deref().map(representable), Some(representable(right))]).collect();
            prop_assert_eq!(read(&out), expected);
        }
    }
}
