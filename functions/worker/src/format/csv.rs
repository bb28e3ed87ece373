//! CSV by RFC 4180, readable by spreadsheets without running what is in it.
//!
//! * Lines end in CR LF; fields are quoted only where they must be; the header holds the columns' titles.
//! * A null is an empty field, an empty text is `""`. A line of one null is `""` too, since readers skip
//!   empty lines and the row would be lost.
//! * Text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, TAB or CR) gets a `'`
//!   in front. Columns of other kinds never do: `-5` stays a number.
//! * Decimals have all digits of their scale, timestamps milliseconds, floats the fewest digits that read back.

use datafusion::arrow::{array::RecordBatch, error::ArrowError};
use waybill::domain::definition::{Column, ColumnKind};

use super::{
    Encoder,
    cells::{self, Cell, CellArray},
};

/// Writes CSV.
pub(super) struct Csv {
    titles: Vec<String>,
    /// Which columns are text, hence guarded.
    guarded: Vec<bool>,
}

impl Csv {
    /// For rows of these columns.
    pub(super) fn new(columns: &[Column]) -> Self {
        Self {
            titles: columns.iter().map(|column| column.title.clone()).collect(),
            guarded: columns.iter().map(|column| column.kind == ColumnKind::Text).collect(),
        }
    }
}

impl Encoder for Csv {
    fn header(&mut self, out: &mut Vec<u8>) {
        for (index, title) in self.titles.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            field(out, title, false);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let arrays = CellArray::of(batch)?;
        let columns = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let start = out.len();
            for (index, (column, guarded)) in columns.iter().zip(&self.guarded).enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                cell(out, column.get(row), *guarded);
            }
            if out.len() == start {
                out.extend_from_slice(b"\"\"");
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn footer(&mut self, _out: &mut Vec<u8>) {}
}

fn cell(out: &mut Vec<u8>, cell: Cell<'_>, guarded: bool) {
    match cell {
        Cell::Null => {}
        Cell::Text(text) => field(out, text, guarded),
        Cell::Integer(value) => cells::integer(out, value),
        Cell::Unsigned(value) => cells::integer(out, value),
        Cell::Decimal(unscaled, scale) => cells::decimal(out, unscaled, scale),
        Cell::Boolean(value) => cells::boolean(out, value),
        Cell::Date(days) => cells::date(out, i64::from(days)),
        Cell::Timestamp(ticks, clock) => cells::timestamp(out, ticks, clock),
        Cell::Float(value) => cells::float(out, value),
        Cell::Single(value) => cells::float(out, value),
    }
}

fn field(out: &mut Vec<u8>, text: &str, guarded: bool) {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else {
        out.extend_from_slice(b"\"\"");
        return;
    };
    let guard = guarded && matches!(first, b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r');
    let quoted = bytes.iter().any(|byte| matches!(byte, b'"' | b',' | b'\r' | b'\n'));
    if quoted {
        out.push(b'"');
    }
    if guard {
        out.push(b'\'');
    }
    if quoted {
        for (index, piece) in bytes.split(|byte| *byte == b'"').enumerate() {
            if index > 0 {
                out.extend_from_slice(b"\"\"");
            }
            out.extend_from_slice(piece);
        }
        out.push(b'"');
    } else {
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int32Array, NullArray, StringArray, StringViewArray,
        TimestampMicrosecondArray,
    };
    use proptest::prelude::*;

    use super::*;

    fn column(name: &str, kind: ColumnKind) -> Column {
        Column { name: name.to_owned(), title: name.to_owned(), kind }
    }

    fn write(columns: &[(&str, ColumnKind, ArrayRef)]) -> String {
        let definition: Vec<_> = columns.iter().map(|(name, kind, _)| column(name, *kind)).collect();
        let arrays = columns.iter().map(|(name, _, array)| (*name, array.clone(), true));
        let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
        let mut encoder = Csv::new(&definition);
        let mut out = Vec::new();
        encoder.header(&mut out);
        encoder.encode(&batch, &mut out).unwrap();
        encoder.footer(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nulls_empty_text_and_quotes() {
        let text = StringArray::from(vec![Some("a,b"), Some("say \"hi\"\r\n"), Some(""), None]);
        let numbers = Int32Array::from(vec![Some(-1), None, Some(0), None]);
        let out = write(&[("t", ColumnKind::Text, Arc::new(text)), ("n,", ColumnKind::Integer, Arc::new(numbers))]);
        assert_eq!(out, "t,\"n,\"\r\n\"a,b\",-1\r\n\"say \"\"hi\"\"\r\n\",\r\n\"\",0\r\n,\r\n");
    }

    #[test]
    fn formulas_are_guarded_in_text_only() {
        let text = StringViewArray::from(vec!["=1+1", "+1", "-1", "@a", "\tx", "\rx", "a=1", "'=1", "=\"a,b\""]);
        let out = write(&[("t", ColumnKind::Text, Arc::new(text))]);
        let expected = "t\r\n'=1+1\r\n'+1\r\n'-1\r\n'@a\r\n'\tx\r\n\"'\rx\"\r\na=1\r\n'=1\r\n\"'=\"\"a,b\"\"\"\r\n";
        assert_eq!(out, expected);
        let amounts = Decimal128Array::from(vec![-1250]).with_precision_and_scale(12, 3).unwrap();
        assert_eq!(write(&[("a", ColumnKind::Decimal, Arc::new(amounts))]), "a\r\n-1.250\r\n");
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
        let out = write(&[("t", ColumnKind::Text, Arc::new(StringArray::from(vec![None::<&str>, Some("a")])))]);
        assert_eq!(out, "t\r\n\"\"\r\na\r\n");
    }

    proptest! {
        #[test]
        fn text_reads_back(
            rows in proptest::collection::vec((any::<String>(), r#"[\x00-\x7f]{0,6}|[",\r\n=+@a-]{0,8}"#), 1..20)
        ) {
            let left = StringArray::from_iter_values(rows.iter().map(|row| &row.0));
            let right = StringArray::from_iter_values(rows.iter().map(|row| &row.1));
            let out = write(&[("l", ColumnKind::Text, Arc::new(left)), ("r", ColumnKind::Text, Arc::new(right))]);
            let mut reader = ::csv::ReaderBuilder::new().from_reader(out.as_bytes());
            let read: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read.len(), rows.len());
            for (record, row) in read.iter().zip(&rows) {
                for (field, text) in record.iter().zip([&row.0, &row.1]) {
                    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
                    let expected = if formula { format!("'{text}") } else { text.clone() };
                    prop_assert_eq!(field, expected);
                }
            }
        }
    }
}
