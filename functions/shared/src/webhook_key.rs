//! The service's own Ed25519 keys, which sign manifests and webhooks: Standard Webhooks calls such signatures `v1a`.
//! Whoever knows the public half can verify and nobody else than the service can sign, so one key serves all receivers.

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{digest::sha256, domain::secret::Secret, seal::random_bytes};

const SEED_BYTES: usize = 32;

/// A keyring that cannot be used. The message never quotes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a keyring of webhook keys: {0}")]
pub struct InvalidKeys(&'static str);

/// Keys with their ids: one signs, all are published.
pub struct WebhookKeys {
    current: (String, Ed25519KeyPair),
    others: BTreeMap<String, Ed25519KeyPair>,
}

/// The keyring's form in Secrets Manager: `{"current":"k","keys":{"k":"<base64 of 32 bytes>"}}`, each key the seed that
/// RFC 8032 calls the private key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredKeys {
    current: String,
    keys: BTreeMap<String, String>,
}

/// A new keyring with one random key, whose id is its thumbprint (RFC 7638), as JSON for Secrets Manager.
///
/// # Errors
/// [`InvalidKeys`], not for the right number of bytes.
pub fn generate() -> Result<Secret<Value>, InvalidKeys> {
    let seed = random_bytes::<SEED_BYTES>();
    let id = thumbprint(&key_pair(&seed)?);
    Ok(Secret::new(json!({ "current": id, "keys": { &id: BASE64_STANDARD.encode(seed) } })))
}

impl TryFrom<StoredKeys> for WebhookKeys {
    type Error = InvalidKeys;

    fn try_from(stored: StoredKeys) -> Result<Self, InvalidKeys> {
        let mut others = BTreeMap::new();
        for (id, encoded) in stored.keys {
            let seed = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidKeys("a key that is not base64"))?;
            others.insert(id, key_pair(&seed)?);
        }
        let current = others.remove_entry(&stored.current).ok_or(InvalidKeys("its current key is missing"))?;
        Ok(Self { current, others })
    }
}

impl WebhookKeys {
    /// Signs with the current key: 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.current.1.sign(message).as_ref().to_vec()
    }

    /// The current key's public half as a SubjectPublicKeyInfo (RFC 8410) in PEM.
    pub fn public_pem(&self) -> String {
        /// What RFC 8410 puts before the 32 bytes of an Ed25519 key.
        const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let der = [&PREFIX, self.current.1.public_key().as_ref()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(der))
    }

    /// The public halves, the current one first, as a JWK set (RFC 7517, RFC 8037). `standard_webhooks` is the same key
    /// as libraries of Standard Webhooks take it.
    pub fn public_set(&self) -> Value {
        let (id, key) = &self.current;
        let keys: Vec<Value> = std::iter::once((id, key)).chain(&self.others).map(|(id, key)| jwk(id, key)).collect();
        json!({ "keys": keys })
    }
}

fn jwk(id: &str, key: &Ed25519KeyPair) -> Value {
    let public = key.public_key().as_ref();
    json!({
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": id,
        "x": BASE64_URL_SAFE_NO_PAD.encode(public),
        "standard_webhooks": format!("whpk_{}", BASE64_STANDARD.encode(public)),
    })
}

impl fmt::Debug for WebhookKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookKeys({})", self.current.0)
    }
}

fn key_pair(seed: &[u8]) -> Result<Ed25519KeyPair, InvalidKeys> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| InvalidKeys("a key that is not 32 bytes"))
}

fn thumbprint(key: &Ed25519KeyPair) -> String {
    let public = BASE64_URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
    BASE64_URL_SAFE_NO_PAD.encode(sha256(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(value: Value) -> Result<WebhookKeys, InvalidKeys> {
        serde_json::from_value::<StoredKeys>(value).unwrap().try_into()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 8032, section 7.1, test 2, and the thumbprint of RFC 8037, appendix A.3.
    #[test]
    fn the_published_vectors() {
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let ring = keys(json!({ "current": "k", "keys": { "k": BASE64_STANDARD.encode(seed) } })).unwrap();
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(ring.sign(&[0x72]), bytes(signature));
        let public = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(ring.public_set()["keys"][0]["x"], BASE64_URL_SAFE_NO_PAD.encode(public));

        let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        assert_eq!(thumbprint(&key_pair(&seed).unwrap()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_new_ring_is_read_and_each_is_another() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        let ring = keys(one.expose().clone()).unwrap();
        assert_eq!(ring.public_set()["keys"][0]["kid"], one.expose()["current"]);
        assert_eq!(ring.sign(b"x").len(), 64);
    }

    #[test]
    fn all_keys_are_published_and_the_current_one_signs() {
        let seed = |byte| BASE64_STANDARD.encode([byte; 32]);
        let ring = |current: &str| keys(json!({ "current": current, "keys": { "a": seed(1), "b": seed(2) } })).unwrap();
        let set = ring("b").public_set();
        assert_eq!((&set["keys"][0]["kid"], &set["keys"][1]["kid"]), (&json!("b"), &json!("a")));
        assert_ne!(ring("a").sign(b"x"), ring("b").sign(b"x"));
        assert!(set["keys"][0]["standard_webhooks"].as_str().unwrap().starts_with("whpk_"));
        let pem = ring("b").public_pem();
        let encoded = pem.lines().nth(1).unwrap();
        let der = BASE64_STANDARD.decode(encoded).unwrap();
        assert_eq!(set["keys"][0]["x"], BASE64_URL_SAFE_NO_PAD.encode(&der[12..]));
        let printed = format!("{:?}{set}", ring("a"));
        assert!(!printed.contains(&seed(1)) && !printed.contains(&seed(2)), "no private half");
    }

    #[test]
    fn what_is_no_ring_is_refused() {
        let seed = BASE64_STANDARD.encode([1; 32]);
        for (current, key) in [("b", seed.as_str()), ("a", "AAAA"), ("a", "*"), ("a", "")] {
            assert!(keys(json!({ "current": current, "keys": { "a": key } })).is_err(), "{current} {key}");
        }
    }
}
