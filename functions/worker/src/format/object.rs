//! Rows as JSON objects, keyed by the columns' names, in their order.
//!
//! Every key stands in every object; a null is `null`. **Decimals are strings** (`"12.300"`), with all digits of
//! their scale: most JSON readers make doubles of numbers, and money must not depend on the reader. Integers and
//! finite floats are numbers, floats that are not finite `null`, dates and timestamps ISO 8601 strings.

use datafusion::arrow::{array::RecordBatch, error::ArrowError};

use super::{
    Layout, LayoutColumn,
    cells::{self, Cell, CellArray},
};

/// Writes objects.
pub(super) struct Objects {
    /// What stands before each value: `{"a":` for the first, `,"b":` for the others.
    keys: Vec<Vec<u8>>,
}

impl Objects {
    /// For rows of these columns.
    pub(super) fn new(layout: &Layout) -> Self {
        let key = |(index, column): (usize, &LayoutColumn)| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            string(&mut key, &column.name);
            key.push(b':');
            key
        };
        Self { keys: layout.columns.iter().enumerate().map(key).collect() }
    }

    /// Appends an object for each row. Before each stands what `before` says of its number in the batch, and `after`
    /// behind it.
    pub(super) fn write(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        before: impl Fn(usize) -> &'static [u8],
        after: &[u8],
    ) -> Result<(), ArrowError> {
        let arrays = CellArray::of(batch)?;
        let columns = arrays.iter().map(CellArray::cells).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            out.extend_from_slice(before(row));
            for (key, column) in self.keys.iter().zip(&columns) {
                out.extend_from_slice(key);
                value(out, column.get(row));
            }
            out.push(b'}');
            out.extend_from_slice(after);
        }
        Ok(())
    }
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
