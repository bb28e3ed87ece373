//! NDJSON: one object a line, keyed by the columns' names, in their order.
//!
//! Every key stands in every object; a null is `null`. **Decimals are strings** (`"12.300"`), with all digits of
//! their scale: most JSON readers make doubles of numbers, and money must not depend on the reader. Integers and
//! finite floats are numbers, floats that are not finite `null`, dates and timestamps ISO 8601 strings.

use datafusion::arrow::{array::RecordBatch, error::ArrowError};
use waybill::domain::definition::Column;

use super::{
    Encoder,
    cells::{self, Cell, CellArray},
};

/// Writes NDJSON.
pub(super) struct Ndjson {
    /// What stands before each value: `{"a":` for the first, `,"b":` for the others.
    keys: Vec<Vec<u8>>,
}

impl Ndjson {
    /// For rows of these columns.
    pub(super) fn new(columns: &[Column]) -> Self {
        let key = |(index, column): (usize, &Column)| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            string(&mut key, &column.name);
            key.push(b':');
            key
        };
        Self { keys: columns.iter().enumerate().map(key).collect() }
    }
}

impl Encoder for Ndjson {
    fn header(&mut self, _out: &mut Vec<u8>) {}

    fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let arrays = CellArray::of(batch)?;
        let columns = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            for (key, column) in self.keys.iter().zip(&columns) {
                out.extend_from_slice(key);
                value(out, column.get(row));
            }
            out.extend_from_slice(b"}\n");
        }
        Ok(())
    }

    fn footer(&mut self, _out: &mut Vec<u8>) {}
}

fn value(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Text(text) => string(out, text),
        Cell::Integer(value) => cells::integer(out, value),
        Cell::Unsigned(value) => cells::integer(out, value),
        Cell::Decimal(unscaled, scale) => quoted(out, |out| cells::decimal(out, unscaled, scale)),
        Cell::Boolean(value) => cells::boolean(out, value),
        Cell::Date(days) => quoted(out, |out| cells::date(out, i64::from(days))),
        Cell::Timestamp(ticks, clock) => quoted(out, |out| cells::timestamp(out, ticks, clock)),
        Cell::Float(value) if value.is_finite() => cells::float(out, value),
        Cell::Single(value) if value.is_finite() => cells::float(out, value),
        Cell::Null | Cell::Float(_) | Cell::Single(_) => out.extend_from_slice(b"null"),
    }
}

/// What `write` writes needs no escape.
fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn string(out: &mut Vec<u8>, text: &str) {
    // A str into a Vec: neither serializing nor writing can fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use waybill::domain::definition::ColumnKind;

    use super::*;

    fn write(columns: &[(&str, ArrayRef)]) -> String {
        let definition: Vec<_> = columns
            .iter()
            .map(|(name, _)| Column { name: (*name).to_owned(), title: "-".to_owned(), kind: ColumnKind::Text })
            .collect();
        let arrays = columns.iter().map(|(name, array)| (*name, array.clone(), true));
        let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
        let mut out = Vec::new();
        Ndjson::new(&definition).encode(&batch, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_kind() {
        let amounts = Decimal128Array::from(vec![Some(-5), None]).with_precision_and_scale(38, 2).unwrap();
        let out = write(&[
            ("a\"b", Arc::new(StringArray::from(vec![Some("x\n"), None]))),
            ("amount", Arc::new(amounts)),
            ("n", Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN]))),
            ("ok", Arc::new(BooleanArray::from(vec![true, false]))),
            ("day", Arc::new(Date32Array::from(vec![0, -1]))),
            ("f", Arc::new(Float64Array::from(vec![1e300, f64::INFINITY]))),
        ]);
        let expected = concat!(
            r#"{"a\"b":"x\n","amount":"-0.05","n":9223372036854775807,"ok":true,"day":"1970-01-01","f":1e300}"#,
            "\n",
            r#"{"a\"b":null,"amount":null,"n":-9223372036854775808,"ok":false,"day":"1969-12-31","f":null}"#,
            "\n"
        );
        assert_eq!(out, expected);
    }

    proptest! {
        #[test]
        fn rows_read_back(
            rows in proptest::collection::vec((proptest::option::of(any::<String>()), any::<Option<i64>>()), 0..20)
        ) {
            let text: StringArray = rows.iter().map(|row| row.0.as_deref()).collect();
            let numbers: Int64Array = rows.iter().map(|row| row.1).collect();
            let out = write(&[("t", Arc::new(text)), ("n", Arc::new(numbers))]);
            let read: Vec<Value> =
                out.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect();
            let expected: Vec<Value> = rows.iter().map(|row| json!({"t": row.0, "n": row.1})).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
