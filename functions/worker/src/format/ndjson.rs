//! NDJSON: one [object](super::object) a line.

use datafusion::arrow::array::RecordBatch;

use super::{EncodeError, Encoder, Layout, object::Objects};

/// Writes NDJSON.
pub(super) struct Ndjson {
    objects: Objects,
}

impl Ndjson {
    /// For rows of these columns.
    pub(super) fn new(layout: &Layout) -> Self {
        Self { objects: Objects::new(layout) }
    }
}

impl Encoder for Ndjson {
    fn header(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, _row: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(self.objects.write(batch, out, |_| b"", b"\n")?)
    }

    fn footer(&mut self, _out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use waybill::domain::{
        definition::{Column, ColumnKind},
        style::Style,
    };

    use super::*;

    fn write(columns: &[(&str, ArrayRef)]) -> String {
        let definition: Vec<_> = columns
            .iter()
            .map(|(name, _)| Column { title: "-".to_owned(), ..Column::new(*name, ColumnKind::Text) })
            .collect();
        let arrays = columns.iter().map(|(name, array)| (*name, array.clone(), true));
        let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
        let mut out = Vec::new();
        Ndjson::new(&Layout::new(&definition, &Style::default())).encode(&batch, 0, &mut out).unwrap();
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
