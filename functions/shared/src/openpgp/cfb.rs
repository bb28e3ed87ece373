//! AES-256 in the mode CFB with a zero IV, as OpenPGP encrypts (RFC 4880, section 13.9), by way of the mode CBC.
//!
//! In both modes a block waits for the one before it, and libraries have only CBC in one piece of assembler; CFB they do
//! block by block, for a half more of the time. What CFB combines with a block of text is the cipher of the block of ciphertext
//! before it, `X₁ = E(0)` and `Xₖ₊₁ = E(Pₖ ⊕ Xₖ)`: that is what CBC makes of a block of zeros and the text.

use std::io;

use aws_lc_rs::{
    cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey},
    error::Unspecified,
    iv::FixedLength,
};

/// Of AES, in bytes.
pub(super) const BLOCK: usize = 16;

/// Encrypts what comes piece by piece.
pub(super) struct Cfb {
    /// Never ended, so that nothing is padded.
    cbc: StreamingEncryptingKey,
    /// What text is combined with: a block of which so many bytes are `used`, and room for those after it.
    stream: Vec<u8>,
    used: usize,
}

impl Cfb {
    /// For pieces of up to `most` bytes.
    pub(super) fn new(key: &[u8; 32], most: usize) -> io::Result<Self> {
        let context = EncryptionContext::Iv128(FixedLength::from([0; BLOCK]));
        let begin = || {
            let key = UnboundCipherKey::new(&AES_256, key)?;
            let mut cbc = StreamingEncryptingKey::less_safe_cbc_pkcs7(key, context)?;
            let mut stream = vec![0; BLOCK + most + BLOCK];
            cbc.update(&[0; BLOCK], &mut stream)?;
            Ok(Self { cbc, stream, used: 0 })
        };
        begin().map_err(|error: Unspecified| io::Error::other(error))
    }

    /// The ciphertext of `text`, in place of what is in `out`.
    pub(super) fn encrypt(&mut self, text: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let made = self.cbc.update(text, &mut self.stream[BLOCK..]).map_err(io::Error::other)?.written().len();
        out.clear();
        out.extend(text.iter().zip(&self.stream[self.used..]).map(|(byte, with)| byte ^ with));
        // CBC has made whole blocks, those that the text filled.
        self.used = self.used + text.len() - made;
        self.stream.copy_within(made..made + BLOCK, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 100;

    /// By the library's own CFB.
    fn reference(key: &[u8; 32], text: &[u8]) -> Vec<u8> {
        let context = EncryptionContext::Iv128(FixedLength::from([0; BLOCK]));
        let key = UnboundCipherKey::new(&AES_256, key).unwrap();
        let mut cfb = StreamingEncryptingKey::less_safe_cfb128(key, context).unwrap();
        let mut out = vec![0; text.len() + BLOCK];
        let written = cfb.update(text, &mut out).unwrap().written().len();
        out.truncate(written);
        out
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_are_as_the_library_has_the_whole(
            key: [u8; 32],
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=MOST), 0..20),
        ) {
            let mut cfb = Cfb::new(&key, MOST).unwrap();
            let (mut piece, mut all) = (Vec::new(), Vec::new());
            for text in &pieces {
                cfb.encrypt(text, &mut piece).unwrap();
                all.extend_from_slice(&piece);
            }
            prop_assert_eq!(all, reference(&key, &pieces.concat()));
        }
    }
}
