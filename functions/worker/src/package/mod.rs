//! What the formatted files are wrapped in. Packaging runs on a thread of its own and blocks there: on the left it takes
//! the batches that arrive and encodes them, on the right it fills the parts of the upload.
//!
//! ```text
//! Packager ─files─▶ Archive (bare file, or ZIP) ▶ Stream (compression, OpenPGP, or nothing) ▶ PartWriter
//! ```

mod bare;
#[cfg(test)]
mod collect;
mod encoders;
mod packager;
mod parts;
mod stream;
mod zip;

use std::io;

use aws_lc_rs::digest::Context;
use waybill::{
    domain::{
        failure::FailureCode,
        outcome,
        secret::Secret,
        wrapping::{Compression, ZipCipher},
    },
    openpgp::{MessageWriter, RecipientKey, ServiceKey},
};
use waybill_deflate::Level;

use self::{bare::Bare, zip::Zip};
pub use self::{
    packager::{Feed, FileFigures, Packaged, Packager},
    parts::{Part, PartWriter},
};
use crate::{ProduceError, error::Cause};

/// How the files are wrapped, with the keys for it.
#[derive(Clone)]
pub enum Package {
    /// Encrypted to these keys and signed by the service.
    Openpgp(Vec<RecipientKey>),
    /// In an archive whose entries are encrypted.
    Zip {
        /// With which cipher.
        cipher: ZipCipher,
        /// With which password.
        password: Secret<String>,
    },
    /// Not encrypted.
    Plain(Compression),
}

impl Package {
    /// Its name in requests and outcomes.
    pub fn kind(&self) -> outcome::Packaging {
        match self {
            Self::Openpgp(_) => outcome::Packaging::Openpgp,
            Self::Zip { .. } => outcome::Packaging::Zip,
            Self::Plain(_) => outcome::Packaging::Plain,
        }
    }

    /// Begins the package. `file_name` is that of the packaged file; with `archive` it holds a ZIP archive of several
    /// files, else one file. `level` is that of deflate.
    pub fn open(
        &self,
        out: PartWriter,
        file_name: &str,
        archive: bool,
        level: Level,
        signer: &ServiceKey,
    ) -> Result<Box<dyn Archive>, ProduceError> {
        let opened = match self {
            Self::Openpgp(recipients) if recipients.is_empty() => {
                let detail = "There is no recipient key to encrypt the report to.";
                return Err(ProduceError::permanent(FailureCode::EncryptionKeyInvalid, detail));
            }
            Self::Openpgp(recipients) => {
                let inner = file_name.strip_suffix(".pgp").unwrap_or(file_name);
                let level = if outcome::Format::is_compressed_file(inner) { Level::Stored } else { level };
                let message =
                    MessageWriter::begin(out, (inner, level), recipients, signer).map_err(ProduceError::internal)?;
                // The message compresses.
                if archive { boxed(Zip::stored(message)) } else { boxed(Bare::new(message)) }
            }
            Self::Zip { cipher, password } => boxed(Zip::encrypted(out, level, *cipher, password)),
            Self::Plain(_) if archive => boxed(Zip::deflated(out, level)),
            Self::Plain(Compression::None) => boxed(Bare::new(out)),
            Self::Plain(Compression::Gzip) => {
                boxed(Bare::new(stream::Gzip::begin(out, level).map_err(ProduceError::internal)?))
            }
            Self::Plain(Compression::Zstd) => boxed(Bare::new(stream::zstd(out).map_err(ProduceError::internal)?)),
        };
        Ok(opened)
    }
}

fn boxed(archive: impl Archive + 'static) -> Box<dyn Archive> {
    Box::new(archive)
}

/// Takes files one after the other. Called as `begin`, any number of `write`, `end`, for each; then `finish`. What is
/// dropped before is a fragment.
pub trait Archive {
    /// Begins a file.
    fn begin(&mut self, name: &str) -> io::Result<()>;

    /// Takes a piece of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// SHA-256 of what was written of it, where the package needs it anyway.
    fn sha256(&self) -> Option<Context> {
        None
    }

    /// Ends it.
    fn end(&mut self) -> io::Result<()>;

    /// Ends the package.
    fn finish(self: Box<Self>) -> Result<PartWriter, Cause>;
}
