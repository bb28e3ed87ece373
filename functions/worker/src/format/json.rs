//! JSON: one array with an [object](super::object) for each row, one a line.

use datafusion::arrow::array::RecordBatch;

use super::{EncodeError, Encoder, Layout, object::Objects};

/// Writes JSON.
pub(super) struct Json {
    objects: Objects,
}

impl Json {
    /// For rows of these columns.
    pub(super) fn new(layout: &Layout) -> Self {
        Self { objects: Objects::new(layout) }
    }
}

impl Encoder for Json {
    fn header(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(b'[');
        Ok(())
    }

    fn encode(&mut self, batch: &RecordBatch, row: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let before = |index| if row == 0 && index == 0 { b"\n".as_slice() } else { b",\n" };
        Ok(self.objects.write(batch, out, before, b"")?)
    }

    fn footer(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        out.extend_from_slice(b"\n]\n");
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Decimal128Array, StringArray};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use waybill::domain::{
        definition::{Column, ColumnKind},
        style::Style,
    };

    use super::*;

    type Row = (Option<String>, i128);

    fn batch(rows: &[Row]) -> RecordBatch {
        let text: StringArray = rows.iter().map(|row| row.0.as_deref()).collect();
        let amounts = Decimal128Array::from_iter_values(rows.iter().map(|row| row.1));
        let amounts = amounts.with_precision_and_scale(38, 2).unwrap();
        let columns: [(&str, ArrayRef); 2] = [("t", Arc::new(text)), ("amount", Arc::new(amounts))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    /// One file of these batches.
    fn write(batches: &[&[Row]]) -> String {
        let columns = [Column::new("t", ColumnKind::Text), Column::new("amount", ColumnKind::Decimal)];
        // Nothing of a style holds.
        let style = Style { decimal_separator: Some(','), null_text: Some("-".to_owned()), ..Style::default() };
        let mut encoder = Json::new(&Layout::new(&columns, &style));
        let mut out = Vec::new();
        encoder.header(&mut out).unwrap();
        let mut row = 0;
        for rows in batches {
            encoder.encode(&batch(rows), row, &mut out).unwrap();
            row += rows.len() as u64;
        }
        assert!(!encoder.footer(&mut out).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_array_of_objects_one_a_line() {
        assert_eq!(write(&[]), "[\n]\n");
        let rows = [(Some("é\"\n".to_owned()), -5), (None, 12_300)];
        let expected =
            concat!("[\n", r#"{"t":"é\"\n","amount":"-0.05"},"#, "\n", r#"{"t":null,"amount":"123.00"}"#, "\n]\n");
        assert_eq!(write(&[&rows]), expected);
        assert_eq!(write(&[&rows[..1], &[], &rows[1..]]), expected);
    }

    proptest! {
        #[test]
        fn rows_read_back(
            rows in proptest::collection::vec((proptest::option::of(any::<String>()), -9_999_i128..9_999), 0..20),
            cut in any::<proptest::sample::Index>(),
        ) {
            let (left, right) = rows.split_at(cut.index(rows.len() + 1));
            let read: Value = serde_json::from_str(&write(&[left, right])).unwrap();
            let amount = |unscaled: i128| {
                let sign = if unscaled < 0 { "-" } else { "" };
                format!("{sign}{}.{:02}", unscaled.abs() / 100, unscaled.abs() % 100)
            };
            let expected: Vec<Value> =
                rows.iter().map(|row| json!({"t": row.0, "amount": amount(row.1)})).collect();
            prop_assert_eq!(read, Value::Array(expected));
        }
    }
}
