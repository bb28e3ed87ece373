//! Rows encoded by several threads, for formats whose rows are written the same whatever came before.

use std::hint::black_box;

use datafusion::arrow::array::RecordBatch;
use waybill_deflate::Crew;

use crate::{
    ProduceError,
    format::{EncodeError, Encoder},
};

/// Bytes that come from memory at once.
const CACHE_LINE: usize = 64;

/// Rows that were encoded.
pub(super) struct Encoded {
    /// How many.
    pub(super) rows: u64,
    /// As bytes.
    pub(super) bytes: Vec<u8>,
}

/// What comes back from a thread: rows, and what they were encoded with.
type Done = Result<(Encoded, Box<dyn Encoder>), EncodeError>;

/// Encodes; what it takes comes back in order.
#[derive(Default)]
pub(super) struct Encoders {
    crew: Crew<Done>,
    free: Vec<Box<dyn Encoder>>,
    buffers: Vec<Vec<u8>>,
}

impl Encoders {
    /// Whether something must be collected before more is handed over.
    pub(super) fn is_full(&self) -> bool {
        self.crew.is_full()
    }

    /// Takes rows, the first one of that number in its file; `encoder` makes one more encoder, where it takes more.
    pub(super) fn hand_over(
        &mut self,
        rows: RecordBatch,
        first: u64,
        encoder: impl FnOnce() -> Result<Box<dyn Encoder>, EncodeError>,
    ) -> Result<(), ProduceError> {
        let mut encoder = self.free.pop().map_or_else(encoder, Ok)?;
        let mut bytes = self.buffers.pop().unwrap_or_default();
        let work = move || {
            bytes.clear();
            fetch(&rows);
            encoder.encode(&rows, first, &mut bytes)?;
            Ok((Encoded { rows: rows.num_rows() as u64, bytes }, encoder))
        };
        self.crew.hand_over(work).map_err(ProduceError::internal)
    }

    /// The rows that were handed over first; none if all have been collected.
    pub(super) fn collect(&mut self) -> Result<Option<Encoded>, ProduceError> {
        let Some(encoded) = self.crew.collect().map_err(ProduceError::internal)? else { return Ok(None) };
        let (encoded, encoder) = encoded?;
        self.free.push(encoder);
        Ok(Some(encoded))
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&mut self, bytes: Vec<u8>) {
        self.buffers.push(bytes);
    }
}

/// Has the rows' values in this processor's cache. They were made on another one; encoders read them row by row, from as
/// many places as there are columns, and wait for each, where one column at a time comes in ahead of the reader.
fn fetch(rows: &RecordBatch) {
    let values = rows.columns().iter().filter_map(|column| column.to_data().buffers().first().cloned());
    black_box(values.fold(0, |sum, values| values.iter().step_by(CACHE_LINE).fold(sum, |sum, byte| sum ^ byte)));
}
