//! Rows to bytes: one encoder per format, each over Arrow's arrays. No I/O here.

mod cells;
mod csv;
mod ndjson;

use datafusion::arrow::{array::RecordBatch, error::ArrowError};
use waybill::domain::{definition::Column, outcome::Format};

/// Writes rows in one format. Called as `header`, any number of `encode`, `footer`; each appends to `out`.
pub trait Encoder: Send {
    /// What stands before the first row, also of a report without rows.
    fn header(&mut self, out: &mut Vec<u8>);

    /// The rows of `batch`, whose columns are the definition's, in its order.
    fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError>;

    /// What stands after the last row.
    fn footer(&mut self, out: &mut Vec<u8>);
}

/// The encoder of `format` for rows of these columns.
pub fn encoder(format: Format, columns: &[Column]) -> Box<dyn Encoder> {
    match format {
        Format::Csv => Box::new(csv::Csv::new(columns)),
        Format::Ndjson => Box::new(ndjson::Ndjson::new(columns)),
    }
}
