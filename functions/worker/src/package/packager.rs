//! From batches to packaged files: encodes, cuts into parts, counts and digests, and hands all of it to the archive.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};
use serde::Serialize;
use tokio::sync::mpsc::Receiver;
use waybill::domain::wrapping::{MAX_PARTS, Split};
use waybill_deflate::Level;

use super::{Archive, PartWriter, encoders::Encoders};
use crate::{
    Job, ProduceError, Progress,
    format::{self, Document, Encoder},
    manifest::{Manifest, Signers},
    meter::Meter,
};

/// Rows that are encoded at once: what they become is still in the cache when it is digested and packaged.
const SLICE_ROWS: usize = 2_048;

/// Bytes of a part that are kept for what stands after its last row.
const FOOTER: u64 = 64;

/// What the query hands to the packager. A channel that closes without an `End` was cut off: what has been
/// written by then must not pass for a whole file.
pub enum Feed {
    /// What the rows will look like; before anything else.
    Begin(SchemaRef),
    /// More rows.
    Rows(RecordBatch),
    /// There are no more.
    End,
}

/// One file in the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFigures {
    /// Its name.
    pub name: String,
    /// Its rows, without the header.
    pub rows: u64,
    /// Its bytes, before packaging.
    pub bytes: u64,
    /// Its SHA-256, lower-case hex.
    pub sha256: String,
}

/// What was packaged.
pub struct Packaged {
    /// The files, in order, without the manifest.
    pub files: Vec<FileFigures>,
    /// Bytes and SHA-256 of all of them, one after the other.
    pub plaintext: (u64, String),
    /// Bytes and SHA-256 of the package.
    pub object: (u64, String),
    /// Time that it took, without waiting.
    pub busy: Duration,
}

/// Packages one report.
pub struct Packager {
    /// What to make.
    pub job: Job,
    /// What encoders know besides the rows.
    pub document: Document,
    /// Batches.
    pub feed: Receiver<Feed>,
    /// What the files' sizes are told to.
    pub progress: Arc<Progress>,
    /// What signs.
    pub signers: Signers,
    /// For what encoders hold back.
    pub scratch: PathBuf,
    /// Of deflate, where that compresses.
    pub level: Level,
}

impl Packager {
    /// Reads the batches to their end and writes the package to `out`. Blocks.
    pub fn run(mut self, out: PartWriter) -> Result<Packaged, ProduceError> {
        let started = Instant::now();
        let Some(Feed::Begin(schema)) = self.feed.blocking_recv() else { return Err(cut_off()) };
        let waited = started.elapsed();
        let job = &self.job;
        let archive = job.package.open(out, &job.file_name(), job.is_archive(), self.level, self.signers.openpgp())?;
        let open = self.open(1, &schema)?;
        let mut work = Work {
            packager: self,
            schema,
            archive,
            open,
            done: Vec::new(),
            all: Meter::default(),
            buffer: Vec::new(),
            encoders: Encoders::default(),
            batch: None,
            waited,
        };
        work.begin()?;
        while let Some(rows) = work.next()? {
            work.take(rows)?;
        }
        work.end()?;
        work.finish(started)
    }

    /// The file of that number, from 1.
    fn open(&self, number: u32, schema: &SchemaRef) -> Result<Open, ProduceError> {
        let job = &self.job;
        Ok(Open {
            name: job.wrapping.entry_name(&job.stem, job.format, number),
            encoder: self.encoder(schema)?,
            rows: 0,
            meter: Meter::default(),
        })
    }

    fn encoder(&self, schema: &SchemaRef) -> Result<Box<dyn Encoder>, format::EncodeError> {
        format::encoder(self.job.format, &self.document, schema, &self.scratch)
    }
}

/// The file under way.
struct Open {
    name: String,
    encoder: Box<dyn Encoder>,
    rows: u64,
    meter: Meter,
}

/// A package under way.
struct Work {
    packager: Packager,
    schema: SchemaRef,
    archive: Box<dyn Archive>,
    open: Open,
    done: Vec<FileFigures>,
    all: Meter,
    /// What was encoded last.
    buffer: Vec<u8>,
    /// On other threads, for what comes after the first slice.
    encoders: Encoders,
    /// Rows that have come and are not encoded yet, from that row on.
    batch: Option<(RecordBatch, usize)>,
    waited: Duration,
}

impl Work {
    /// The rows that come next; none at their end.
    fn next(&mut self) -> Result<Option<RecordBatch>, ProduceError> {
        loop {
            if let Some((batch, offset)) = self.batch.take().filter(|(batch, offset)| *offset < batch.num_rows()) {
                let length = SLICE_ROWS.min(batch.num_rows() - offset);
                let rows = batch.slice(offset, length);
                self.batch = Some((batch, offset + length));
                return Ok(Some(rows));
            }
            let since = Instant::now();
            let received = self.packager.feed.blocking_recv();
            self.waited += since.elapsed();
            match received {
                Some(Feed::Rows(batch)) => self.batch = Some((batch, 0)),
                Some(Feed::End) => return Ok(None),
                Some(Feed::Begin(_)) | None => return Err(cut_off()),
            }
        }
    }

    /// Rows into this file, and into further ones where they do not fit.
    fn take(&mut self, rows: RecordBatch) -> Result<(), ProduceError> {
        match self.packager.job.wrapping.split {
            None => self.add(rows),
            Some(Split::Rows(most)) => self.take_by_rows(rows, most),
            Some(Split::Bytes(most)) => self.take_by_bytes(&rows, most),
        }
    }

    fn take_by_rows(&mut self, mut rows: RecordBatch, most: u64) -> Result<(), ProduceError> {
        while rows.num_rows() > 0 {
            if self.open.rows >= most {
                self.turn()?;
            }
            let room = usize::try_from(most - self.open.rows).unwrap_or(usize::MAX).min(rows.num_rows());
            self.add(rows.slice(0, room))?;
            rows = rows.slice(room, rows.num_rows() - room);
        }
        Ok(())
    }

    /// Rows into this file, however long they will be. The first ones are encoded here, for mostly there are no others.
    fn add(&mut self, rows: RecordBatch) -> Result<(), ProduceError> {
        if self.open.rows == 0 || !self.packager.job.format.grows_row_by_row() {
            self.encode(&rows)?;
            return self.keep(&rows);
        }
        self.check(rows.num_rows())?;
        if self.encoders.is_full() {
            self.collect()?;
        }
        let first = self.open.rows;
        self.open.rows += rows.num_rows() as u64;
        self.encoders.hand_over(rows, first, || self.packager.encoder(&self.schema))
    }

    /// Writes the rows that a thread was given first. Whether there were any.
    fn collect(&mut self) -> Result<bool, ProduceError> {
        let Some(encoded) = self.encoders.collect()? else { return Ok(false) };
        self.write(&encoded.bytes, encoded.rows)?;
        self.encoders.recycle(encoded.bytes);
        Ok(true)
    }

    /// Rows that do not fit are tried by halves, down to a single one, which begins the next part.
    fn take_by_bytes(&mut self, rows: &RecordBatch, most: u64) -> Result<(), ProduceError> {
        self.encode(rows)?;
        if self.open.meter.bytes() + self.buffer.len() as u64 + FOOTER <= most {
            return self.keep(rows);
        }
        if rows.num_rows() > 1 {
            let half = rows.num_rows() / 2;
            self.take_by_bytes(&rows.slice(0, half), most)?;
            return self.take_by_bytes(&rows.slice(half, rows.num_rows() - half), most);
        }
        if self.open.rows > 0 {
            self.turn()?;
            self.encode(rows)?;
        }
        self.keep(rows)
    }

    /// Encodes rows into the emptied buffer.
    fn encode(&mut self, rows: &RecordBatch) -> Result<(), ProduceError> {
        self.check(rows.num_rows())?;
        self.buffer.clear();
        Ok(self.open.encoder.encode(rows, self.open.rows, &mut self.buffer)?)
    }

    /// Whether the file has room for so many rows more.
    fn check(&self, more: usize) -> Result<(), ProduceError> {
        let job = &self.packager.job;
        let count = self.open.rows + more as u64;
        Ok(format::check_rows(job.format, count, job.wrapping.split.is_some(), &job.definition)?)
    }

    /// The rows that were encoded last are part of this file.
    fn keep(&mut self, rows: &RecordBatch) -> Result<(), ProduceError> {
        self.open.rows += rows.num_rows() as u64;
        self.write_buffer(rows.num_rows() as u64)
    }

    fn write_buffer(&mut self, rows: u64) -> Result<(), ProduceError> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write(&buffer, rows);
        self.buffer = buffer;
        written
    }

    /// Counts, digests and packages.
    fn write(&mut self, bytes: &[u8], rows: u64) -> Result<(), ProduceError> {
        self.open.meter.update(bytes);
        if self.packager.job.wrapping.split.is_some() {
            self.all.update(bytes);
        }
        self.packager.progress.add(rows, bytes.len() as u64);
        self.archive.write(bytes).map_err(ProduceError::internal)
    }

    fn begin(&mut self) -> Result<(), ProduceError> {
        self.archive.begin(&self.open.name).map_err(ProduceError::internal)?;
        if self.archive.sha256().is_some() {
            self.open.meter = Meter::without_digest();
        }
        self.buffer.clear();
        self.open.encoder.header(&mut self.buffer)?;
        self.write_buffer(0)
    }

    fn end(&mut self) -> Result<(), ProduceError> {
        while self.collect()? {}
        loop {
            self.buffer.clear();
            let more = self.open.encoder.footer(&mut self.buffer)?;
            self.write_buffer(0)?;
            if !more {
                break;
            }
        }
        if let Some(digest) = self.archive.sha256() {
            self.open.meter.set_digest(digest);
        }
        self.archive.end().map_err(ProduceError::internal)?;
        let (bytes, sha256) = std::mem::take(&mut self.open.meter).finish();
        self.done.push(FileFigures { name: std::mem::take(&mut self.open.name), rows: self.open.rows, bytes, sha256 });
        Ok(())
    }

    /// Ends this part and begins the next.
    fn turn(&mut self) -> Result<(), ProduceError> {
        self.end()?;
        let number = u32::try_from(self.done.len()).unwrap_or(u32::MAX).saturating_add(1);
        if number > MAX_PARTS {
            return Err(format::too_many_parts().into());
        }
        self.open = self.packager.open(number, &self.schema)?;
        self.begin()
    }

    /// Adds the manifest where it belongs, and ends the package.
    fn finish(mut self, started: Instant) -> Result<Packaged, ProduceError> {
        let job = &self.packager.job;
        if job.is_archive() && job.wrapping.manifest_inside {
            let manifest = Manifest::of(job, self.packager.document.as_of, &self.done).canonical()?;
            let signatures = self.packager.signers.sign(&manifest)?;
            for (name, bytes) in signatures.entries(&manifest) {
                self.add_entry(name, bytes).map_err(ProduceError::internal)?;
            }
        }
        let out = self.archive.finish().map_err(ProduceError::internal)?;
        let busy = started.elapsed().saturating_sub(self.waited + out.waited());
        let plaintext = match self.done.as_slice() {
            [only] if self.packager.job.wrapping.split.is_none() => (only.bytes, only.sha256.clone()),
            _ => self.all.finish(),
        };
        let object = out.finish().map_err(ProduceError::internal)?;
        Ok(Packaged { files: self.done, plaintext, object, busy })
    }

    fn add_entry(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.archive.begin(name)?;
        self.archive.write(bytes)?;
        self.archive.end()
    }
}

fn cut_off() -> ProduceError {
    ProduceError::internal(io::Error::new(io::ErrorKind::UnexpectedEof, "the query was cut off"))
}

#[cfg(test)]
#[path = "packager_tests.rs"]
mod tests;
