//! The message writer: sign, compress, encrypt, in one pass.

use std::{
    io::{self, Write},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::digest::Context;
use waybill_deflate::{DeflateWriter, Level};

use super::{
    Error, RecipientKey, ServiceKey,
    framing::{COMPRESSED, EncryptedBody, LITERAL, PartialBody},
    signature::StreamSignature,
};
use crate::seal::random_bytes;

/// Compression algorithm 1, ZIP: bare deflate, no checksum that the signature would only repeat.
const ZIP: u8 = 1;

/// One binary OpenPGP message under way: what is written to it is signed, compressed and encrypted to every recipient.
///
/// Memory is constant whatever the length; what is longer than a block is compressed by several threads. The message is complete only once [`finish`](Self::finish) returns `Ok`;
/// before that, what it wrote is a fragment that no tool opens without complaint.
pub struct MessageWriter<W: Write> {
    literal: PartialBody<Compressor<W>>,
    signature: StreamSignature,
    signer: ServiceKey,
}

type Compressor<W> = DeflateWriter<PartialBody<EncryptedBody<W>>>;

impl<W: Write> MessageWriter<W> {
    /// Begins a message. `file_name` (at most 255 bytes) is what the recipient's tool may propose. What is compressed
    /// already is best [stored](Level::Stored): time and size are saved.
    ///
    /// # Errors
    /// [`Error::Write`] with the error of `out`; [`Error::Message`] without recipients.
    pub fn begin(
        mut out: W,
        (file_name, level): (&str, Level),
        recipients: &[RecipientKey],
        signer: &ServiceKey,
    ) -> Result<Self, Error> {
        if recipients.is_empty() {
            return Err(Error::Message("no recipients"));
        }
        let literal_header = literal_header(file_name)?;
        let session_key = random_bytes::<32>();
        for recipient in recipients {
            out.write_all(&recipient.session_key_packet(&session_key)?).map_err(Error::Write)?;
        }
        let encrypted = EncryptedBody::begin(out, &session_key, random_bytes()).map_err(Error::Write)?;
        let mut compressed = PartialBody::begin(encrypted, COMPRESSED).map_err(Error::Write)?;
        compressed.write_all(&[ZIP]).map_err(Error::Write)?;
        let mut compressor = DeflateWriter::new(compressed, level);

        let (announcement, signature) = signer.begin_signature()?;
        compressor.write_all(&super::packet_bytes(&announcement)?).map_err(Error::Write)?;
        let mut literal = PartialBody::begin(compressor, LITERAL).map_err(Error::Write)?;
        literal.write_all(&literal_header).map_err(Error::Write)?;
        Ok(Self { literal, signature, signer: signer.clone() })
    }

    /// SHA-256 of what was written so far, where the signature is made of it anyway.
    pub fn sha256(&self) -> Option<Context> {
        self.signature.sha256()
    }

    /// Signs what was written and ends the message.
    ///
    /// # Errors
    /// [`Error::Write`] with the error of what the message is written to.
    pub fn finish(self) -> Result<W, Error> {
        let mut compressor = self.literal.finish().map_err(Error::Write)?;
        compressor.write_all(&self.signer.finish_signature(self.signature)?).map_err(Error::Write)?;
        let finished = compressor.finish().and_then(PartialBody::finish).and_then(EncryptedBody::finish);
        finished.map_err(Error::Write)
    }
}

impl<W: Write> Write for MessageWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_all(data).map(|()| data.len())
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        self.signature.update(data);
        self.literal.write_all(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Every layer has a fixed size to fill: there is nothing that could be sent early.
        Ok(())
    }
}

/// Binary, name, time: what precedes the data in a literal packet.
fn literal_header(file_name: &str) -> Result<Vec<u8>, Error> {
    let name_length = u8::try_from(file_name.len()).map_err(|_| Error::Message("the file name is too long"))?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut header = vec![b'b', name_length];
    header.extend_from_slice(file_name.as_bytes());
    header.extend_from_slice(&u32::try_from(since_1970).unwrap_or(0).to_be_bytes());
    Ok(header)
}

#[cfg(test)]
mod tests;
