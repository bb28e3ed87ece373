//! What encrypts entries.

mod aes;
mod traditional;

use aws_lc_rs::error::Unspecified;
use waybill::domain::{secret::Secret, wrapping::ZipCipher};

use self::{aes::Aes, traditional::Traditional};
use super::records::DosTime;

/// How every entry of an archive is encrypted.
pub(super) enum Lock {
    /// Not at all.
    None,
    /// With that cipher and password.
    Password(ZipCipher, Secret<String>),
}

impl Lock {
    /// The cipher that headers name.
    pub(super) fn cipher(&self) -> Option<ZipCipher> {
        match self {
            Self::None => None,
            Self::Password(cipher, _) => Some(*cipher),
        }
    }

    /// Begins an entry that was modified then: what encrypts its data, and what precedes them.
    pub(super) fn begin(&self, modified: DosTime) -> Result<(EntryCipher, Vec<u8>), Unspecified> {
        match self {
            Self::None => Ok((EntryCipher::None, Vec::new())),
            Self::Password(ZipCipher::Aes256, password) => {
                let (aes, prefix) = Aes::begin(password.expose().as_bytes())?;
                Ok((EntryCipher::Aes(Box::new(aes)), prefix))
            }
            Self::Password(ZipCipher::Zipcrypto, password) => {
                let (cipher, prefix) = Traditional::begin(password.expose().as_bytes(), modified.check_byte());
                Ok((EntryCipher::Traditional(cipher), prefix))
            }
        }
    }
}

/// Encrypts one entry.
pub(super) enum EntryCipher {
    /// Leaves it as it is.
    None,
    /// AE-2.
    Aes(Box<Aes>),
    /// PKWARE's first.
    Traditional(Traditional),
}

impl EntryCipher {
    /// Encrypts in place.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) -> Result<(), Unspecified> {
        match self {
            Self::None => {}
            Self::Aes(aes) => aes.apply(bytes)?,
            Self::Traditional(cipher) => cipher.apply(bytes),
        }
        Ok(())
    }

    /// What follows the data.
    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::None | Self::Traditional(_) => Vec::new(),
            Self::Aes(aes) => aes.finish(),
        }
    }
}
