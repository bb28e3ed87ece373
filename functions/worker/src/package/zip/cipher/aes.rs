//! AE-2 with 256 bits, by WinZip's "AES Encryption Information": AES in counter mode, then HMAC-SHA1 over the
//! ciphertext. The counter is little-endian and begins at 1, which no library's counter mode does: the counters are
//! encrypted here as blocks of their own.

use std::num::NonZeroU32;

use aws_lc_rs::{
    cipher::{AES_256, StreamingEncryptingKey, UnboundCipherKey},
    error::Unspecified,
    hmac, pbkdf2,
};
use waybill::seal::random_bytes;

/// Fixed by the format. Passwords must be strong by themselves.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
const SALT: usize = 16;
const KEY: usize = 32;
/// By which most wrong passwords are told at once.
const VERIFIER: usize = 2;
/// What is written of the authentication code.
const CODE: usize = 10;
const BLOCK: usize = 16;
/// Bytes of key stream that are made at once.
const CHUNK: usize = 256 * BLOCK;

/// Encrypts one entry.
pub(in super::super) struct Aes {
    cipher: StreamingEncryptingKey,
    authenticator: hmac::Context,
    /// Of the next block.
    counter: u128,
    counters: Vec<u8>,
    stream: Vec<u8>,
    /// How much of the key stream is used up.
    used: usize,
}

impl Aes {
    /// With a new salt; returns what precedes the data: the salt and the verifier.
    pub(super) fn begin(password: &[u8]) -> Result<(Self, Vec<u8>), Unspecified> {
        Self::salted(password, random_bytes())
    }

    fn salted(password: &[u8], salt: [u8; SALT]) -> Result<(Self, Vec<u8>), Unspecified> {
        let mut keys = [0; 2 * KEY + VERIFIER];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, ITERATIONS, &salt, password, &mut keys);
        let (encryption, rest) = keys.split_at(KEY);
        let (authentication, verifier) = rest.split_at(KEY);
        let authentication = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication);
        let aes = Self {
            // Block by block. It is never finished, so that it pads nothing.
            cipher: StreamingEncryptingKey::ecb_pkcs7(UnboundCipherKey::new(&AES_256, encryption)?)?,
            authenticator: hmac::Context::with_key(&authentication),
            counter: 1,
            counters: vec![0; CHUNK],
            stream: vec![0; CHUNK + BLOCK],
            used: CHUNK,
        };
        Ok((aes, [&salt, verifier].concat()))
    }

    /// Encrypts in place.
    pub(super) fn apply(&mut self, mut bytes: &mut [u8]) -> Result<(), Unspecified> {
        while !bytes.is_empty() {
            if self.used == CHUNK {
                self.refill()?;
            }
            let stream = &self.stream[self.used..CHUNK];
            let (now, later) = bytes.split_at_mut(stream.len().min(bytes.len()));
            for (byte, key) in now.iter_mut().zip(stream) {
                *byte ^= key;
            }
            self.authenticator.update(now);
            self.used += now.len();
            bytes = later;
        }
        Ok(())
    }

    fn refill(&mut self) -> Result<(), Unspecified> {
        for block in self.counters.chunks_exact_mut(BLOCK) {
            block.copy_from_slice(&self.counter.to_le_bytes());
            self.counter += 1;
        }
        self.cipher.update(&self.counters, &mut self.stream)?;
        self.used = 0;
        Ok(())
    }

    /// What follows the data: the authentication code.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut code = self.authenticator.sign().as_ref().to_vec();
        code.truncate(CODE);
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_no_difference() {
        let encrypt = |pieces: &[usize]| {
            let (mut aes, prefix) = Aes::salted(b"password", [7; SALT]).unwrap();
            let mut bytes: Vec<u8> = (0..=255).cycle().take(3 * CHUNK + 5).collect();
            let mut rest = bytes.as_mut_slice();
            for piece in pieces.iter().cycle() {
                let (now, later) = rest.split_at_mut((*piece).min(rest.len()));
                aes.apply(now).unwrap();
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            (prefix, bytes, aes.finish())
        };
        let whole = encrypt(&[usize::MAX]);
        assert_eq!((whole.0.len(), whole.2.len()), (SALT + VERIFIER, CODE));
        for pieces in [&[1][..], &[BLOCK], &[CHUNK], &[CHUNK - 1, 0, 2]] {
            assert!(encrypt(pieces) == whole, "{pieces:?}");
        }
    }

    #[test]
    fn a_salt_is_used_once() {
        assert_ne!(Aes::begin(b"password").unwrap().1, Aes::begin(b"password").unwrap().1);
    }
}
