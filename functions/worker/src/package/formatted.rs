//! The formatted file as a reader: pulls batches, encodes them, counts and digests what comes out.

use std::{
    io::{self, BufRead, Read},
    sync::Arc,
    time::{Duration, Instant},
};

use datafusion::arrow::array::RecordBatch;
use tokio::sync::mpsc::Receiver;

use crate::{Progress, format::Encoder, meter::Meter};

/// Rows that are encoded at once: what they become is still in the cache when it is digested and packaged.
const SLICE_ROWS: usize = 1_024;

/// What the query hands to the packager. A channel that closes without an `End` was cut off: what has been
/// written by then must not pass for a whole file.
pub enum Feed {
    /// More rows.
    Rows(RecordBatch),
    /// There are no more.
    End,
}

/// Reads the formatted file. Blocks while no batch is there: for a thread that may.
pub struct Formatted {
    batches: Receiver<Feed>,
    encoder: Box<dyn Encoder>,
    progress: Arc<Progress>,
    batch: Option<(RecordBatch, usize)>,
    stage: Stage,
    buffer: Vec<u8>,
    position: usize,
    rows: u64,
    meter: Meter,
    waited: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Rows,
    End,
}

impl Formatted {
    /// What `encoder` makes of `batches`.
    pub fn new(batches: Receiver<Feed>, encoder: Box<dyn Encoder>, progress: Arc<Progress>) -> Self {
        Self {
            batches,
            encoder,
            progress,
            batch: None,
            stage: Stage::Header,
            buffer: Vec::new(),
            position: 0,
            rows: 0,
            meter: Meter::default(),
            waited: Duration::ZERO,
        }
    }

    /// How long it waited for batches.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Rows, bytes and SHA-256 of what was read.
    pub fn finish(self) -> (u64, u64, String) {
        let (bytes, digest) = self.meter.finish();
        (self.rows, bytes, digest)
    }

    /// Encodes what comes next into the emptied buffer.
    fn advance(&mut self) -> io::Result<()> {
        let mut rows = 0;
        match self.stage {
            Stage::Header => {
                self.encoder.header(&mut self.buffer);
                self.stage = Stage::Rows;
            }
            Stage::Rows => {
                if let Some(slice) = self.slice()? {
                    rows = slice.num_rows() as u64;
                    self.encoder.encode(&slice, &mut self.buffer).map_err(io::Error::other)?;
                } else {
                    self.encoder.footer(&mut self.buffer);
                    self.stage = Stage::End;
                }
            }
            Stage::End => {}
        }
        self.rows += rows;
        self.meter.update(&self.buffer);
        self.progress.add(rows, self.buffer.len() as u64);
        Ok(())
    }

    fn slice(&mut self) -> io::Result<Option<RecordBatch>> {
        loop {
            if let Some((batch, offset)) = self.batch.take().filter(|(batch, offset)| *offset < batch.num_rows()) {
                let length = SLICE_ROWS.min(batch.num_rows() - offset);
                let slice = batch.slice(offset, length);
                self.batch = Some((batch, offset + length));
                return Ok(Some(slice));
            }
            let since = Instant::now();
            let received = self.batches.blocking_recv();
            self.waited += since.elapsed();
            match received {
                Some(Feed::Rows(batch)) => self.batch = Some((batch, 0)),
                Some(Feed::End) => return Ok(None),
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the query was cut off")),
            }
        }
    }
}

impl BufRead for Formatted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.position == self.buffer.len() && self.stage != Stage::End {
            self.buffer.clear();
            self.position = 0;
            self.advance()?;
        }
        Ok(&self.buffer[self.position..])
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount;
    }
}

impl Read for Formatted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array};
    use tokio::sync::mpsc;
    use waybill::domain::{
        definition::{Column, ColumnKind},
        outcome::Format,
    };

    use super::*;
    use crate::format::encoder;

    fn batch(values: std::ops::Range<i64>) -> Feed {
        let array: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
        Feed::Rows(RecordBatch::try_from_iter([("n", array)]).unwrap())
    }

    fn formatted(feed: Vec<Feed>) -> Formatted {
        let (sender, receiver) = mpsc::channel(feed.len().max(1));
        for message in feed {
            sender.try_send(message).ok().unwrap();
        }
        let columns = [Column { name: "n".to_owned(), title: "N".to_owned(), kind: ColumnKind::Integer }];
        Formatted::new(receiver, encoder(Format::Csv, &columns), Arc::default())
    }

    #[test]
    fn batches_become_one_counted_file() {
        let mut source = formatted(vec![batch(0..0), batch(0..3_000), batch(3_000..3_001), Feed::End]);
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap();
        let expected: Vec<String> = (0..3_001).map(|n: u32| n.to_string()).collect();
        assert_eq!(text, format!("N\r\n{}\r\n", expected.join("\r\n")));
        assert_eq!((source.progress.rows(), source.progress.bytes()), (3_001, text.len() as u64));
        let (rows, bytes, digest) = source.finish();
        let mut meter = Meter::default();
        meter.update(text.as_bytes());
        assert_eq!((rows, (bytes, digest)), (3_001, meter.finish()));
    }

    #[test]
    fn no_rows_still_give_the_header() {
        let mut text = String::new();
        formatted(vec![Feed::End]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "N\r\n");
    }

    #[test]
    fn a_query_that_is_cut_off_is_no_file() {
        let mut text = String::new();
        let error = formatted(vec![batch(0..2)]).read_to_string(&mut text).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
