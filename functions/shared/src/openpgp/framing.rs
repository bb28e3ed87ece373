//! Packet framing of RFC 4880: partial body lengths, and the encrypted body with its modification detection code.

use std::io::{self, Write};

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use super::cfb::{BLOCK, Cfb};

/// Packet tags, RFC 4880 section 4.3.
pub(super) const COMPRESSED: u8 = 8;
pub(super) const LITERAL: u8 = 11;
const ENCRYPTED: u8 = 18;

/// Partial bodies are 2^16 bytes: large enough that framing costs nothing, small enough to hold a few.
const CHUNK_BITS: u8 = 16;
const CHUNK: usize = 1 << CHUNK_BITS;

/// The body of one packet of unknown length, cut into partial bodies.
pub(super) struct PartialBody<W> {
    out: W,
    chunk: Vec<u8>,
}

impl<W: Write> PartialBody<W> {
    /// Writes the packet's tag; the body follows through [`Write`].
    pub(super) fn begin(mut out: W, tag: u8) -> io::Result<Self> {
        out.write_all(&[0xC0 | tag])?;
        Ok(Self { out, chunk: Vec::with_capacity(CHUNK) })
    }

    /// Writes what is left with its definite length, which ends the packet.
    pub(super) fn finish(mut self) -> io::Result<W> {
        // infallible: a chunk holds at most 2^16 bytes
        let length = u32::try_from(self.chunk.len()).unwrap_or(u32::MAX);
        self.out.write_all(&[0xFF])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&self.chunk)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for PartialBody<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // Only once more data is there: the last chunk must be left for `finish`.
        if self.chunk.len() == CHUNK && !data.is_empty() {
            partial(&mut self.out, &self.chunk)?;
            self.chunk.clear();
        }
        if self.chunk.is_empty() && data.len() > CHUNK {
            partial(&mut self.out, &data[..CHUNK])?;
            return Ok(CHUNK);
        }
        let taken = data.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&data[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A partial body has a fixed size: there is nothing that could be sent early.
        Ok(())
    }
}

/// Writes a partial body.
fn partial(out: &mut impl Write, chunk: &[u8]) -> io::Result<()> {
    out.write_all(&[0xE0 | CHUNK_BITS])?;
    out.write_all(chunk)
}

/// A "symmetrically encrypted, integrity protected" packet, version 1: AES-256 in CFB, SHA-1 as the specification
/// fixes it for detecting modification. The signature inside is what proves the origin.
pub(super) struct EncryptedBody<W> {
    out: PartialBody<W>,
    cipher: Cfb,
    digest: Context,
    ciphertext: Vec<u8>,
}

impl<W: Write> EncryptedBody<W> {
    /// Starts the packet: version, then the random prefix whose last two bytes are repeated.
    pub(super) fn begin(out: W, session_key: &[u8; 32], prefix: [u8; BLOCK]) -> io::Result<Self> {
        let mut out = PartialBody::begin(out, ENCRYPTED)?;
        out.write_all(&[1])?;
        // The specification's IV is zero; a random prefix, a block long, takes its place.
        let cipher = Cfb::new(session_key, CHUNK)?;
        let digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        let mut body = Self { out, cipher, digest, ciphertext: Vec::with_capacity(CHUNK) };
        body.write_all(&prefix)?;
        body.write_all(&prefix[BLOCK - 2..])?;
        Ok(body)
    }

    /// Appends the modification detection code, which ends the packet.
    pub(super) fn finish(mut self) -> io::Result<W> {
        const MDC_HEADER: [u8; 2] = [0xD3, 0x14];
        self.write_all(&MDC_HEADER)?;
        let code = self.digest.clone().finish();
        self.write_all(code.as_ref())?;
        self.out.finish()
    }
}

impl<W: Write> Write for EncryptedBody<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let data = &data[..data.len().min(CHUNK)];
        self.digest.update(data);
        self.cipher.encrypt(data, &mut self.ciphertext)?;
        self.out.write_all(&self.ciphertext)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(length: usize) -> Vec<u8> {
        let mut body = PartialBody::begin(Vec::new(), LITERAL).unwrap();
        body.write_all(&vec![7; length]).unwrap();
        body.finish().unwrap()
    }

    /// Sizes of the bodies, the last one definite.
    fn bodies(packet: &[u8]) -> Vec<usize> {
        assert_eq!(packet[0], 0xC0 | LITERAL);
        let mut rest = &packet[1..];
        let mut sizes = Vec::new();
        while rest[0] == 0xE0 | CHUNK_BITS {
            sizes.push(CHUNK);
            rest = &rest[1 + CHUNK..];
        }
        assert_eq!(rest[0], 0xFF);
        let last = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        assert_eq!(rest.len(), 5 + last);
        sizes.push(last);
        sizes
    }

    /// What the bodies hold.
    fn content(packet: &[u8]) -> Vec<u8> {
        let (mut rest, mut content) = (&packet[1..], Vec::new());
        while rest[0] == 0xE0 | CHUNK_BITS {
            content.extend_from_slice(&rest[1..=CHUNK]);
            rest = &rest[1 + CHUNK..];
        }
        content.extend_from_slice(&rest[5..]);
        content
    }

    #[test]
    fn bodies_are_cut_into_chunks_and_end_with_a_definite_length() {
        assert_eq!(bodies(&framed(0)), [0]);
        assert_eq!(bodies(&framed(1)), [1]);
        assert_eq!(bodies(&framed(CHUNK)), [CHUNK]);
        assert_eq!(bodies(&framed(CHUNK + 1)), [CHUNK, 1]);
        assert_eq!(bodies(&framed(3 * CHUNK)), [CHUNK, CHUNK, CHUNK]);
    }

    #[test]
    fn how_it_arrives_does_not_show() {
        for size in [1_000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 500] {
            let mut body = PartialBody::begin(Vec::new(), LITERAL).unwrap();
            let text: Vec<u8> = (0..=255).cycle().take(5 * CHUNK + 7).collect();
            for piece in text.chunks(size) {
                body.write_all(piece).unwrap();
            }
            let packet = body.finish().unwrap();
            assert_eq!(bodies(&packet), [CHUNK, CHUNK, CHUNK, CHUNK, CHUNK, 7]);
            assert_eq!(content(&packet), text);
        }
    }
}
