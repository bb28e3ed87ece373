//! OpenPGP: the service's signing key, recipients' certificates, and messages from one to the others.
//!
//! * [`ServiceKey`]: signs manifests, webhooks and every package; made by [`generate_service_key`].
//! * [`RecipientKey`]: a tenant's certificate, accepted only if a message to it can be opened.
//! * [`MessageWriter`]: signs, compresses and encrypts a stream of any length in constant memory.
//!
//! rPGP does keys, signatures and session keys. The framing of messages is ours, because rPGP's has no
//! compression level and is half as fast. Messages are version 1 (SEIPD, MDC): GnuPG 2.2 opens nothing newer.

use std::io;

use pgp::{errors::Error as PgpError, packet::PacketTrait};

mod cfb;
mod framing;
mod message;
mod recipient;
mod service;
mod signature;
mod standing;

pub use waybill_deflate::Level;

pub use message::MessageWriter;
pub use recipient::{KeyFault, RecipientKey};
pub use service::{ServiceKey, generate_service_key};

/// What can go wrong while signing and encrypting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sink of a message failed; its own error is the source of this one.
    #[error("the encrypted message could not be written")]
    Write(#[source] io::Error),
    /// A service key that cannot sign for GnuPG 2.2, and why.
    #[error("unusable service key: {0}")]
    ServiceKey(&'static str),
    /// A message was asked for that nobody could open, or with a name that does not fit.
    #[error("not a message: {0}")]
    Message(&'static str),
    /// Refused by the OpenPGP library.
    #[error("OpenPGP: {0}")]
    OpenPgp(Box<PgpError>),
}

impl From<PgpError> for Error {
    fn from(error: PgpError) -> Self {
        Self::OpenPgp(Box::new(error))
    }
}

/// A packet with its header, as bytes.
fn packet_bytes(packet: &impl PacketTrait) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    packet.to_writer_with_header(&mut bytes)?;
    Ok(bytes)
}
