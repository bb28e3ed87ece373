//! Rows encoded by several threads, for formats whose rows are written the same whatever came before.

use datafusion::arrow::array::RecordBatch;
use waybill_deflate::Crew;

use crate::{
    ProduceError,
    format::{EncodeError, Encoder},
};

/// Rows, and the number of the first one in its file.
struct Slice {
    rows: RecordBatch,
    first: u64,
    /// For what they become.
    out: Vec<u8>,
}

/// Rows that were encoded.
pub(super) struct Encoded {
    /// How many.
    pub(super) rows: u64,
    /// As bytes.
    pub(super) bytes: Vec<u8>,
}

/// Encodes; what it takes comes back in order.
pub(super) struct Encoders {
    crew: Crew<Slice, Result<Encoded, EncodeError>>,
    free: Vec<Vec<u8>>,
}

impl Encoders {
    /// Each thread with an encoder of its own.
    pub(super) fn begin(
        mut encoder: impl FnMut() -> Result<Box<dyn Encoder>, EncodeError>,
    ) -> Result<Self, ProduceError> {
        let worker = || {
            let mut encoder = encoder()?;
            Ok::<_, EncodeError>(move |mut slice: Slice| {
                encoder.encode(&slice.rows, slice.first, &mut slice.out)?;
                Ok(Encoded { rows: slice.rows.num_rows() as u64, bytes: slice.out })
            })
        };
        Ok(Self { crew: Crew::begin("encode", worker)?, free: Vec::new() })
    }

    /// Whether something must be collected before more is handed over.
    pub(super) fn is_full(&self) -> bool {
        self.crew.is_full()
    }

    /// Takes rows.
    pub(super) fn hand_over(&mut self, rows: RecordBatch, first: u64) -> Result<(), ProduceError> {
        let mut out = self.free.pop().unwrap_or_default();
        out.clear();
        self.crew.hand_over(Slice { rows, first, out }).map_err(ProduceError::internal)
    }

    /// The rows that were handed over first; none if all have been collected.
    pub(super) fn collect(&mut self) -> Result<Option<Encoded>, ProduceError> {
        Ok(self.crew.collect().map_err(ProduceError::internal)?.transpose()?)
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&mut self, bytes: Vec<u8>) {
        self.free.push(bytes);
    }
}
