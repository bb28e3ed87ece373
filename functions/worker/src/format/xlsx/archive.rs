//! The ZIP archive that a workbook is.
//!
//! Not the one of [`package`](crate::package): Excel opens an archive that was streamed only if neither its entries nor
//! its end use ZIP64. So sizes and places have 32 bits here, and what would need more is refused.

use std::io::{self, Write};

use flate2::{Compression, Crc, write::DeflateEncoder};

/// Deflate's level: that of the packages.
const LEVEL: u32 = 2;

/// Of the format, as readers must know it: 2.0.
const VERSION: u16 = 20;
/// Checksum and sizes follow the content.
const STREAMED: u16 = 1 << 3;
const DEFLATED: u16 = 8;
/// Midnight of 1980-01-01, the first there is: nobody asks when a part was made.
const TIME_AND_DATE: [u16; 2] = [0, (1 << 5) | 1];

/// An archive under way. What is written waits until it is [taken](Self::take).
pub(super) struct Archive {
    deflate: DeflateEncoder<Vec<u8>>,
    /// Bytes that were taken.
    taken: u64,
    open: Option<Open>,
    /// What stands at the end: a header for each entry.
    directory: Vec<u8>,
    entries: u16,
}

/// The entry under way.
struct Open {
    name: String,
    offset: u64,
    /// Where its content begins.
    start: u64,
    crc: Crc,
}

impl Archive {
    /// An empty one.
    pub(super) fn new() -> Self {
        let deflate = DeflateEncoder::new(Vec::new(), Compression::new(LEVEL));
        Self { deflate, taken: 0, open: None, directory: Vec::new(), entries: 0 }
    }

    /// Adds a part.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.begin(name)?;
        self.write(content)?;
        self.end()
    }

    /// Begins a part.
    pub(super) fn begin(&mut self, name: &str) -> io::Result<()> {
        let offset = self.position();
        let out = self.deflate.get_mut();
        out.extend_from_slice(b"PK\x03\x04");
        shorts(out, [VERSION, STREAMED, DEFLATED]);
        shorts(out, TIME_AND_DATE);
        longs(out, [0, 0, 0]);
        shorts(out, [length(name)?, 0]);
        out.extend_from_slice(name.as_bytes());
        self.open = Some(Open { name: name.to_owned(), offset, start: self.position(), crc: Crc::new() });
        Ok(())
    }

    /// Takes a piece of the part.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(open) = &mut self.open {
            open.crc.update(bytes);
        }
        self.deflate.write_all(bytes)
    }

    /// Ends the part.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let Some(Open { name, offset, start, crc }) = self.open.take() else { return Ok(()) };
        self.deflate.try_finish()?;
        let figures = [crc.sum(), narrow(self.position() - start)?, narrow(self.deflate.total_in())?];
        let mut out = self.deflate.reset(Vec::new())?;
        out.extend_from_slice(b"PK\x07\x08");
        longs(&mut out, figures);
        *self.deflate.get_mut() = out;

        let directory = &mut self.directory;
        directory.extend_from_slice(b"PK\x01\x02");
        shorts(directory, [VERSION, VERSION, STREAMED, DEFLATED]);
        shorts(directory, TIME_AND_DATE);
        longs(directory, figures);
        shorts(directory, [length(&name)?, 0, 0, 0, 0]);
        longs(directory, [0, narrow(offset)?]);
        directory.extend_from_slice(name.as_bytes());
        self.entries = self.entries.checked_add(1).ok_or_else(too_large)?;
        Ok(())
    }

    /// Ends the archive.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let offset = narrow(self.position())?;
        let directory = std::mem::take(&mut self.directory);
        let out = self.deflate.get_mut();
        out.extend_from_slice(&directory);
        out.extend_from_slice(b"PK\x05\x06");
        shorts(out, [0, 0, self.entries, self.entries]);
        longs(out, [narrow(directory.len() as u64)?, offset]);
        shorts(out, [0]);
        Ok(())
    }

    /// Moves what is written to the end of `out`.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) {
        let written = self.deflate.get_mut();
        self.taken += written.len() as u64;
        out.append(written);
    }

    /// Bytes so far, without what is still being compressed.
    fn position(&self) -> u64 {
        self.taken + self.deflate.get_ref().len() as u64
    }
}

fn shorts<const N: usize>(out: &mut Vec<u8>, values: [u16; N]) {
    out.extend(values.into_iter().flat_map(u16::to_le_bytes));
}

fn longs<const N: usize>(out: &mut Vec<u8>, values: [u32; N]) {
    out.extend(values.into_iter().flat_map(u32::to_le_bytes));
}

fn length(name: &str) -> io::Result<u16> {
    u16::try_from(name.len()).map_err(|_| too_large())
}

fn narrow(value: u64) -> io::Result<u32> {
    u32::try_from(value).map_err(|_| too_large())
}

fn too_large() -> io::Error {
    io::ErrorKind::FileTooLarge.into()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_read_back(
            parts in proptest::collection::vec(proptest::collection::vec(any::<Vec<u8>>(), 0..4), 0..5),
            taken in any::<bool>(),
        ) {
            let mut archive = Archive::new();
            let mut file = Vec::new();
            for (number, pieces) in parts.iter().enumerate() {
                archive.begin(&format!("part{number}.xml")).unwrap();
                for piece in pieces {
                    archive.write(piece).unwrap();
                    if taken {
                        archive.take(&mut file);
                    }
                }
                archive.end().unwrap();
            }
            archive.finish().unwrap();
            archive.take(&mut file);
            let mut read = zip::ZipArchive::new(Cursor::new(file)).unwrap();
            prop_assert_eq!(read.len(), parts.len());
            for (number, pieces) in parts.iter().enumerate() {
                let mut content = Vec::new();
                read.by_name(&format!("part{number}.xml")).unwrap().read_to_end(&mut content).unwrap();
                prop_assert_eq!(content, pieces.concat());
            }
        }
    }

    #[test]
    fn what_needs_zip64_is_refused() {
        assert_eq!(narrow(u64::from(u32::MAX)).unwrap(), u32::MAX);
        assert_eq!(narrow(1 << 32).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let mut archive = Archive::new();
        archive.taken = 1 << 32;
        assert_eq!(archive.add("a.xml", b"").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
