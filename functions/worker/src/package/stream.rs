//! What lies between an archive and the parts of the upload.

use std::io::{self, Write};

use aws_lc_rs::digest::Context;
use flate2::Crc;
use waybill::openpgp::MessageWriter;
use waybill_deflate::{DeflateWriter, Level};

use super::PartWriter;
use crate::error::Cause;

/// Zstandard's own default.
const ZSTD_LEVEL: i32 = 3;

/// A writer with an end of its own.
pub(super) trait Stream: Write {
    /// SHA-256 of what was written so far, where it is made of it anyway.
    fn sha256(&self) -> Option<Context> {
        None
    }

    /// Writes what stands at the end.
    fn finish(self) -> Result<PartWriter, Cause>;
}

impl Stream for PartWriter {
    /// What is not wrapped is the file itself.
    fn sha256(&self) -> Option<Context> {
        Some(self.sha256())
    }

    fn finish(self) -> Result<PartWriter, Cause> {
        Ok(self)
    }
}

impl Stream for MessageWriter<PartWriter> {
    fn sha256(&self) -> Option<Context> {
        self.sha256()
    }

    fn finish(self) -> Result<PartWriter, Cause> {
        Ok(self.finish()?)
    }
}

impl Stream for Gzip {
    fn finish(self) -> Result<PartWriter, Cause> {
        let mut out = self.deflate.finish()?;
        out.write_all(&self.crc.sum().to_le_bytes())?;
        out.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(out)
    }
}

impl Stream for zstd::Encoder<'static, PartWriter> {
    fn finish(self) -> Result<PartWriter, Cause> {
        Ok(self.finish()?)
    }
}

/// Compresses by RFC 1952.
pub(super) struct Gzip {
    deflate: DeflateWriter<PartWriter>,
    crc: Crc,
}

impl Gzip {
    pub(super) fn begin(mut out: PartWriter, level: Level) -> io::Result<Self> {
        /// Deflate; no name, no time, and of the system nothing either.
        const HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
        out.write_all(&HEADER)?;
        Ok(Self { deflate: DeflateWriter::new(out, level), crc: Crc::new() })
    }
}

impl Write for Gzip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc.update(bytes);
        self.deflate.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.deflate.flush()
    }
}

/// Compresses by RFC 8878, with a checksum.
pub(super) fn zstd(out: PartWriter) -> io::Result<zstd::Encoder<'static, PartWriter>> {
    let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;
    use crate::package::collect::collect;

    fn compressed<S: Stream>(begin: impl FnOnce(PartWriter) -> S, content: &[u8], piece: usize) -> Vec<u8> {
        let (written, bytes) = collect(|out| {
            let mut stream = begin(out);
            for bytes in content.chunks(piece) {
                stream.write_all(bytes).unwrap();
            }
            Stream::finish(stream).unwrap().finish()
        });
        written.unwrap();
        bytes.unwrap()
    }

    fn gzip(out: PartWriter) -> Gzip {
        Gzip::begin(out, Level::Fast).unwrap()
    }

    fn gunzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut content).map(|_| content)
    }

    proptest! {
        #[test]
        fn contents_read_back(seed in any::<Vec<u8>>(), times in 0_usize..500, piece in 1_usize..10_000) {
            let content = seed.repeat(times);
            prop_assert!(gunzip(&compressed(gzip, &content, piece)).unwrap() == content);
            let frame = compressed(|out| zstd(out).unwrap(), &content, piece);
            prop_assert!(::zstd::decode_all(frame.as_slice()).unwrap() == content);
        }
    }

    #[test]
    fn an_empty_file_is_a_whole_one() {
        assert!(gunzip(&compressed(gzip, b"", 1)).unwrap().is_empty());
        let frame = compressed(|out| zstd(out).unwrap(), b"", 1);
        assert!(!frame.is_empty() && ::zstd::decode_all(frame.as_slice()).unwrap().is_empty());
    }

    #[test]
    fn what_was_cut_off_or_changed_is_noticed() {
        let mut bytes = compressed(gzip, &[7; 10_000], 100);
        assert!(gunzip(&bytes[..bytes.len() - 1]).is_err());
        let mut frame = compressed(|out| zstd(out).unwrap(), &[7; 10_000], 100);
        assert!(::zstd::decode_all(&frame[..frame.len() - 1]).is_err());
        // The checksums stand at the end, before gzip's length.
        let (crc, checksum) = (bytes.len() - 8, frame.len() - 1);
        bytes[crc] ^= 1;
        frame[checksum] ^= 1;
        assert!(gunzip(&bytes).is_err() && ::zstd::decode_all(frame.as_slice()).is_err());
    }
}
