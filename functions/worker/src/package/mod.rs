//! What the formatted file is wrapped in. Packaging runs on a thread of its own and blocks there: on the left
//! it reads what the encoder makes of the batches that arrive, on the right it fills the parts of the upload.

mod formatted;
mod parts;

use std::io::{self, BufRead, Write};

use waybill::{
    domain::{failure::FailureCode, outcome},
    openpgp::{self, RecipientKey, ServiceKey},
};

pub use self::{
    formatted::{Feed, Formatted},
    parts::{Part, PartWriter},
};
use crate::ProduceError;

/// How the file is wrapped, with the keys for it.
#[derive(Clone)]
pub enum Package {
    /// Encrypted to these keys and signed by the service.
    Openpgp(Vec<RecipientKey>),
    /// The bare file.
    Plain,
}

impl Package {
    /// Its name in requests and outcomes.
    pub fn kind(&self) -> outcome::Packaging {
        match self {
            Self::Openpgp(_) => outcome::Packaging::Openpgp,
            Self::Plain => outcome::Packaging::Plain,
        }
    }

    /// Media type of the packaged file.
    pub fn media_type(&self, format: outcome::Format) -> &'static str {
        match self {
            Self::Openpgp(_) => "application/octet-stream",
            Self::Plain => format.media_type(),
        }
    }

    /// Reads `source` to its end and writes the package to `out`. `file_name` is that of the packaged file.
    pub fn write(
        &self,
        mut source: impl BufRead,
        file_name: &str,
        signer: &ServiceKey,
        mut out: impl Write,
    ) -> Result<(), ProduceError> {
        match self {
            Self::Openpgp(recipients) if recipients.is_empty() => {
                let detail = "There is no recipient key to encrypt the report to.";
                Err(ProduceError::permanent(FailureCode::EncryptionKeyInvalid, detail))
            }
            Self::Openpgp(recipients) => {
                let inner = file_name.strip_suffix(self.kind().suffix()).unwrap_or(file_name);
                openpgp::encrypt_to_writer(source, inner, recipients, signer, out).map_err(ProduceError::internal)
            }
            Self::Plain => copy(&mut source, &mut out).map_err(ProduceError::internal),
        }
    }
}

/// `io::copy` without its buffer: the encoder's is written from.
fn copy(source: &mut impl BufRead, out: &mut impl Write) -> io::Result<()> {
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return out.flush();
        }
        let length = bytes.len();
        out.write_all(bytes)?;
        source.consume(length);
    }
}
