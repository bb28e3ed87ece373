//! ZIP archives, written in one pass: nothing is known of a file before it has passed.
//!
//! ```text
//! file ▶ checksum ▶ deflate ▶ cipher ▶ stream
//! ```
//!
//! Every entry is deflated, also where nothing is compressed: deflate tells where it ends, so that an archive can be read
//! from a pipe. Checksum and sizes follow the data. ZIP64 is used by what needs it, and by nothing else: readers that know
//! little of it still open all the rest (`docs/decisions/0024-own-zip-writer.md`).

mod cipher;
mod records;

use std::io;

use flate2::Crc;
use waybill::domain::{outcome::Format, secret::Secret, wrapping::ZipCipher};
use waybill_deflate::{Deflate, Level};

use self::{
    cipher::{EntryCipher, Lock},
    records::{DosTime, Entry},
};
use super::{Archive, PartWriter, stream::Stream};
use crate::error::Cause;

/// A ZIP archive under way. Memory grows with the number of entries, by what the directory says of each, and with
/// nothing else.
pub(super) struct Zip<S> {
    out: Counted<S>,
    lock: Lock,
    level: Level,
    deflate: Deflate,
    open: Option<Open>,
    directory: Vec<Entry>,
}

/// The entry under way.
struct Open {
    entry: Entry,
    cipher: EntryCipher,
    crc: Crc,
    /// Where its data begins in the archive.
    begin: u64,
}

impl<S: Stream> Zip<S> {
    /// Entries as they are, in deflate's framing: for a stream that compresses and encrypts.
    pub(super) fn stored(out: S) -> Self {
        Self::new(out, Lock::None, Level::Stored)
    }

    /// Entries compressed, not encrypted.
    pub(super) fn deflated(out: S, level: Level) -> Self {
        Self::new(out, Lock::None, level)
    }

    /// Entries compressed and encrypted.
    pub(super) fn encrypted(out: S, level: Level, cipher: ZipCipher, password: &Secret<String>) -> Self {
        Self::new(out, Lock::Password(cipher, password.clone()), level)
    }

    fn new(out: S, lock: Lock, level: Level) -> Self {
        Self {
            out: Counted { out, count: 0 },
            lock,
            level,
            deflate: Deflate::new(level),
            open: None,
            directory: Vec::new(),
        }
    }
}

impl<S: Stream> Archive for Zip<S> {
    fn begin(&mut self, name: &str) -> io::Result<()> {
        debug_assert!(stays_in_its_folder(name), "{name}");
        let entry = Entry::new(name, self.lock.cipher(), DosTime::of(waybill::clock::now()), self.out.count)?;
        self.out.write(&entry.local_header())?;
        let begin = self.out.count;
        let (cipher, prefix) = self.lock.begin(entry.modified).map_err(io::Error::other)?;
        self.out.write(&prefix)?;
        self.deflate.set_level(if Format::is_compressed_file(name) { Level::Stored } else { self.level });
        self.open = Some(Open { entry, cipher, crc: Crc::new(), begin });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let open = self.open.as_mut().ok_or_else(misused)?;
        open.crc.update(bytes);
        open.entry.size += bytes.len() as u64;
        self.deflate.push(bytes, &mut |made| locked(made, &mut open.cipher, &mut self.out))
    }

    fn end(&mut self) -> io::Result<()> {
        let Open { mut entry, mut cipher, crc, begin } = self.open.take().ok_or_else(misused)?;
        self.deflate.finish(&mut |made| locked(made, &mut cipher, &mut self.out))?;
        self.out.write(&cipher.finish())?;
        entry.compressed = self.out.count - begin;
        entry.crc = crc.sum();
        self.out.write(&entry.descriptor())?;
        self.directory.push(entry);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<PartWriter, Cause> {
        let begin = self.out.count;
        for entry in &self.directory {
            self.out.write(&entry.directory_header())?;
        }
        self.out.write(&records::end(self.directory.len() as u64, begin, self.out.count - begin))?;
        self.out.out.finish()
    }
}

/// Encrypts and writes.
fn locked<S: Stream>(made: &mut [u8], cipher: &mut EntryCipher, out: &mut Counted<S>) -> io::Result<()> {
    cipher.apply(made).map_err(io::Error::other)?;
    out.write(made)
}

/// A call in the wrong order.
fn misused() -> io::Error {
    io::Error::other("no entry of the archive is open")
}

/// Whether unpacking cannot write elsewhere. Names are the service's own: this only finds its mistakes.
fn stays_in_its_folder(name: &str) -> bool {
    !name.contains('\\') && name.split('/').all(|step| !matches!(step, "" | "." | ".."))
}

/// Counts what is written.
struct Counted<S> {
    out: S,
    count: u64,
}

impl<S: Stream> Counted<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.count += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

#[cfg(test)]
mod tests;
