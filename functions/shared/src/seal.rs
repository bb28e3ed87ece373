//! Secrets at rest: sealed with a key from Secrets Manager, bound to the place where they lie.
//!
//! A sealed text is `<key id>.<base64url of nonce and ciphertext>` (AES-256-GCM). The associated data is the key of the
//! table item, so that a sealed value copied into another item does not open.

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, RandomizedNonceKey, UnboundKey},
    hkdf::{HKDF_SHA256, Prk, Salt},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use rand::{RngCore, rngs::OsRng, seq::SliceRandom};
use serde::Deserialize;

use crate::domain::secret::Secret;

const KEY_BYTES: usize = 32;

/// What is wrong with a keyring or a sealed text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a keyring: its form, a key's length, or a current key that is not in it.
    #[error("not a sealing keyring: {0}")]
    Keyring(&'static str),
    /// Not a sealed text at all.
    #[error("not a sealed text")]
    Malformed,
    /// Sealed with a key that is not in the ring.
    #[error("sealed with the unknown key {0}")]
    UnknownKey(String),
    /// Altered, or sealed for another place.
    #[error("the sealed text was altered, or belongs elsewhere")]
    Refused,
    /// The cipher failed to seal; it does not for plaintexts that fit a table item.
    #[error("could not seal")]
    Seal,
}

/// Sealing keys by id: one seals, all open.
pub struct Keyring {
    current: String,
    keys: BTreeMap<String, Key>,
}

struct Key {
    seal: RandomizedNonceKey,
    open: LessSafeKey,
    /// Keys for other purposes come from this one, by HKDF; it gives nothing of the key itself away.
    root: Prk,
}

/// The keyring's form in Secrets Manager.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKeyring {
    current: String,
    keys: BTreeMap<String, String>,
}

/// A new keyring with one random key, `k1`, as JSON for Secrets Manager.
pub fn generate_keyring() -> Secret<String> {
    let key = BASE64_STANDARD.encode(random_bytes::<KEY_BYTES>());
    Secret::new(serde_json::json!({ "current": "k1", "keys": { "k1": key } }).to_string())
}

/// Bytes that nobody can guess, from the operating system's generator.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// A capability or token of 256 random bits, base64url without padding (43 characters).
pub fn random_token() -> Secret<String> {
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
}

/// A password of so many characters, each drawn from `alphabet` with the same chance; empty for an empty alphabet.
pub fn random_password(length: u8, alphabet: &str) -> Secret<String> {
    let characters: Vec<char> = alphabet.chars().collect();
    // `choose` draws without bias.
    Secret::new((0..length).filter_map(|_| characters.choose(&mut OsRng)).collect())
}

/// A secret that signs webhooks, in the form that Standard Webhooks gives it: `whsec_` and 24 random bytes in base64.
pub fn signing_secret() -> Secret<String> {
    Secret::new(format!("whsec_{}", BASE64_STANDARD.encode(random_bytes::<24>())))
}

impl Keyring {
    /// Reads `{"current":"k1","keys":{"k1":"<base64 of 32 bytes>"}}`.
    ///
    /// # Errors
    /// [`SealError::Keyring`].
    pub fn parse(json: &str) -> Result<Self, SealError> {
        let stored: StoredKeyring = serde_json::from_str(json).map_err(|_| SealError::Keyring("its form"))?;
        let mut keys = BTreeMap::new();
        for (id, encoded) in stored.keys {
            if id.is_empty() || id.contains('.') {
                return Err(SealError::Keyring("a key id that is empty or has a dot"));
            }
            keys.insert(id, Key::parse(&encoded)?);
        }
        if !keys.contains_key(&stored.current) {
            return Err(SealError::Keyring("its current key is missing"));
        }
        Ok(Self { current: stored.current, keys })
    }

    /// Seals with the current key, for the place that `associated` names.
    ///
    /// # Errors
    /// [`SealError::Seal`].
    pub fn seal(&self, plaintext: &[u8], associated: &str) -> Result<String, SealError> {
        let key = self.keys.get(&self.current).ok_or(SealError::Seal)?;
        let mut ciphertext = plaintext.to_vec();
        let aad = Aad::from(associated.as_bytes());
        let nonce = key.seal.seal_in_place_append_tag(aad, &mut ciphertext).map_err(|_| SealError::Seal)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut ciphertext);
        Ok(format!("{}.{}", self.current, BASE64_URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`SealError::Malformed`], [`SealError::UnknownKey`] or [`SealError::Refused`].
    pub fn open(&self, sealed: &str, associated: &str) -> Result<Secret<Vec<u8>>, SealError> {
        let (id, encoded) = sealed.split_once('.').ok_or(SealError::Malformed)?;
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| SealError::Malformed)?;
        let (nonce, ciphertext) = bytes.split_first_chunk_mut::<NONCE_LEN>().ok_or(SealError::Malformed)?;
        let key = self.keys.get(id).ok_or_else(|| SealError::UnknownKey(id.to_owned()))?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plaintext = key.open.open_in_place(nonce, Aad::from(associated.as_bytes()), ciphertext);
        plaintext.map(|plaintext| Secret::new(plaintext.to_vec())).map_err(|_| SealError::Refused)
    }

    /// Id of the key that seals now.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// A key of 32 bytes for another purpose, derived from the key of that id (HKDF-SHA-256, the purpose as `info`).
    /// Purposes get unlike keys; none for an id that is not in the ring.
    pub fn derive(&self, id: &str, purpose: &str) -> Option<Secret<[u8; KEY_BYTES]>> {
        let info = [purpose.as_bytes()];
        let material = self.keys.get(id)?.root.expand(&info, HKDF_SHA256).ok()?;
        let mut bytes = [0; KEY_BYTES];
        material.fill(&mut bytes).ok()?;
        Some(Secret::new(bytes))
    }

    /// As [`Self::open`], for what was a text.
    ///
    /// # Errors
    /// [`SealError::Refused`] if it was none, besides those of `open`.
    pub fn open_text(&self, sealed: &str, associated: &str) -> Result<Secret<String>, SealError> {
        let opened = self.open(sealed, associated)?;
        String::from_utf8(opened.expose().clone()).map(Secret::new).map_err(|_| SealError::Refused)
    }
}

impl Key {
    fn parse(encoded: &str) -> Result<Self, SealError> {
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SealError::Keyring("a key that is not base64"))?;
        let wrong_length = |_| SealError::Keyring("a key that has not 32 bytes");
        let seal = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(wrong_length)?;
        let open = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).map_err(wrong_length)?);
        let root = Salt::new(HKDF_SHA256, b"waybill keyring").extract(&bytes);
        Ok(Self { seal, open, root })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(current {}, {} keys)", self.current, self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(current: &str, ids: &[(&str, u8)]) -> Keyring {
        let keys: BTreeMap<_, _> = ids.iter().map(|(id, byte)| (id, BASE64_STANDARD.encode([*byte; 32]))).collect();
        Keyring::parse(&serde_json::json!({ "current": current, "keys": keys }).to_string()).unwrap()
    }

    #[test]
    fn a_generated_keyring_seals_and_opens() {
        let ring = Keyring::parse(generate_keyring().expose()).unwrap();
        let sealed = ring.seal(b"secret", "tenant#acme").unwrap();
        assert!(sealed.starts_with("k1."));
        assert_eq!(ring.open(&sealed, "tenant#acme").unwrap().expose(), b"secret");
        assert_ne!(sealed, ring.seal(b"secret", "tenant#acme").unwrap(), "a nonce of its own each time");
    }

    #[test]
    fn an_old_key_still_opens_after_rotation() {
        let sealed = ring("k1", &[("k1", 1)]).seal(b"x", "a").unwrap();
        let rotated = ring("k2", &[("k1", 1), ("k2", 2)]);
        assert_eq!(rotated.open(&sealed, "a").unwrap().expose(), b"x");
        assert!(rotated.seal(b"x", "a").unwrap().starts_with("k2."));
    }

    #[test]
    fn faults_are_told_apart() {
        let ring = ring("k1", &[("k1", 1)]);
        let sealed = ring.seal(b"secret", "here").unwrap();
        assert_eq!(ring.open(&sealed, "there"), Err(SealError::Refused));
        let moved = sealed.replacen("k1.", "k9.", 1);
        assert_eq!(ring.open(&moved, "here"), Err(SealError::UnknownKey("k9".into())));
        let padded = format!("{sealed}=");
        for text in ["", "k1", "k1.", "k1.AAAA", "k1.!", &padded] {
            assert_eq!(ring.open(text, "here"), Err(SealError::Malformed), "{text}");
        }
        for json in [
            "{}",
            "null",
            r#"{"current":"k1","keys":{}}"#,
            r#"{"current":"k1","keys":{"k1":"AAAA"}}"#,
            r#"{"current":"k1","keys":{"k1":"?"}}"#,
        ] {
            assert!(matches!(Keyring::parse(json), Err(SealError::Keyring(_))), "{json}");
        }
    }

    #[test]
    fn derived_keys_differ_by_key_and_purpose() {
        let ring = ring("k2", &[("k1", 1), ("k2", 2)]);
        let derive = |id: &str, purpose: &str| ring.derive(id, purpose).map(|key| *key.expose());
        let one = derive("k1", "a").unwrap();
        assert_eq!(Some(one), derive("k1", "a"));
        assert!(one != [1; 32] && Some(one) != derive("k2", "a") && Some(one) != derive("k1", "b"));
        assert_eq!((derive("k9", "a"), ring.current()), (None, "k2"));
        // By an implementation of its own: HMAC(salt, key) is the root, HMAC(root, "a" 01) the key.
        let hmac = |key: &[u8], text: &[u8]| {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
            aws_lc_rs::hmac::sign(&key, text).as_ref().to_vec()
        };
        assert_eq!(one.to_vec(), hmac(&hmac(b"waybill keyring", &[1; 32]), b"a\x01"));
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", ring("k1", &[("k1", 1)]));
        assert_eq!(shown, "Keyring(current k1, 1 keys)");
    }

    proptest! {
        #[test]
        fn any_altered_byte_is_refused(plaintext: Vec<u8>, at: prop::sample::Index, flip in 1..=255_u8) {
            let ring = ring("k1", &[("k1", 7)]);
            let sealed = ring.seal(&plaintext, "here").unwrap();
            prop_assert_eq!(ring.open(&sealed, "here"), Ok(Secret::new(plaintext)));
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&sealed["k1.".len()..]).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let altered = format!("k1.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
            prop_assert_eq!(ring.open(&altered, "here"), Err(SealError::Refused));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = ring("k1", &[("k1", 7)]).open(&text, "here");
        }
    }
}
