//! Rows to bytes: one encoder per format, each over Arrow's arrays.

mod cells;
mod csv;
mod html;
mod json;
mod layout;
mod ndjson;
mod object;
mod parquet;
mod pdf;
mod room;
mod text;
mod totals;
mod txt;
mod xlsx;
mod xml;

use std::path::Path;

use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use waybill::domain::{failure::FailureCode, outcome::Format};

pub use self::{
    layout::{Document, Layout, LayoutColumn},
    room::{check_columns, check_result, check_rows, too_many_parts},
};
use crate::{ProduceError, error::Cause};

/// Writes rows in one format. Called as `header`, any number of `encode`, then `footer`; each appends to `out`.
pub trait Encoder: Send {
    /// What stands before the first row, also of a report without rows.
    fn header(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// The rows of `batch`, whose columns are the definition's, in its order; `row` is the number of the first one in
    /// the file, from 0. An encoder of a format that [grows row by row](Format::grows_row_by_row) keeps nothing of
    /// them: what it appended may be dropped, and the rows encoded anew.
    fn encode(&mut self, batch: &RecordBatch, row: u64, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// What stands after the last row. Called again while it answers `true`, so that what was held back need not fit
    /// into memory.
    fn footer(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError>;
}

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The format has no room for them; the text is for the caller and names what to do.
    #[error("{0}")]
    TooLarge(String),
    /// Arrow could not read or convert them.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// What was held back on disk could not be written or read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The library that writes the format refused them.
    #[error("{0}")]
    Library(Cause),
}

impl From<EncodeError> for ProduceError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::TooLarge(detail) => Self::permanent(FailureCode::TooLarge, detail),
            other => Self::internal(other),
        }
    }
}

/// The encoder of `format` for one file of the report. `schema` is that of the rows; `scratch` an existing folder for
/// what must be held back on disk.
pub fn encoder(
    format: Format,
    document: &Document,
    schema: &SchemaRef,
    scratch: &Path,
) -> Result<Box<dyn Encoder>, EncodeError> {
    let layout = &document.layout;
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::new(layout)),
        Format::Ndjson => Box::new(ndjson::Ndjson::new(layout)),
        Format::Json => Box::new(json::Json::new(layout)),
        Format::Xml => Box::new(xml::Xml::new(layout)),
        Format::Xlsx => Box::new(xlsx::Xlsx::new(document, schema)),
        Format::Parquet => Box::new(parquet::Parquet::new(schema)?),
        Format::Html => Box::new(html::Html::new(document)),
        Format::Txt => Box::new(txt::Txt::new(layout, scratch)?),
        Format::Pdf => Box::new(pdf::Pdf::new(document)),
    })
}
