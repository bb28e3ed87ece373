//! An OIDC issuer for the local cloud: a key on disk, its public half in `issuers.json`, tokens on demand,
//! well-formed and otherwise, for tests.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use crate::{
    error::{Context, Error, Result},
    instance::write_file,
};

/// `iss` of the tokens. It serves nothing: the key set stands in `issuers.json`.
pub const ISSUER: &str = "https://issuer.waybill.test";
/// `aud` of the tokens.
pub const AUDIENCE: &str = "waybill";
/// The subject that the issuer's configuration makes an administrator.
pub const ADMIN: &str = "operator";

const KEY_ID: &str = "local-1";

/// A signer of tokens (ES256).
pub struct Issuer {
    pem: String,
    public_point: Vec<u8>,
}

impl Issuer {
    /// The issuer whose key is at `path`; made there at first.
    pub fn ensure(path: &Path) -> Result<Self> {
        if path.is_file() {
            return Self::load(path);
        }
        let issuer = Self::generate()?;
        write_file(path, issuer.pem.as_bytes(), true)?;
        Ok(issuer)
    }

    /// The issuer whose key is at `path`.
    pub fn load(path: &Path) -> Result<Self> {
        let pem = fs::read_to_string(path).context(format!("read {}", path.display()))?;
        let pair = KeyPair::from_pem(&pem).context(format!("read the key in {}", path.display()))?;
        Ok(Self { pem, public_point: pair.public_key_raw().to_vec() })
    }

    /// An issuer with a fresh key. It uses the same names and key id, so its tokens are forgeries to everybody
    /// who knows another key under them.
    pub fn generate() -> Result<Self> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("make the issuer's key")?;
        Ok(Self { pem: pair.serialize_pem(), public_point: pair.public_key_raw().to_vec() })
    }

    /// The content of `issuers.json`: this issuer, with its keys inline and its one administrator.
    pub fn configuration(&self) -> Result<Value> {
        Ok(json!({ "issuers": [{
            "issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["ES256"], "jwks": self.jwks()?, "admins": [ADMIN],
        }] }))
    }

    /// Its public keys, as an issuer publishes them.
    pub fn jwks(&self) -> Result<Value> {
        // An uncompressed point of P-256: 04, x, y.
        let [4, point @ ..] = self.public_point.as_slice() else {
            return Err(Error::new("describe the issuer's key", "it is no uncompressed point"));
        };
        let (x, y) = point.split_at(point.len() / 2);
        let key = json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID,
            "x": BASE64.encode(x), "y": BASE64.encode(y),
        });
        Ok(json!({ "keys": [key] }))
    }

    /// A good token for `subject`, valid from now for `lifetime`.
    pub fn token(&self, subject: &str, lifetime: SignedDuration) -> Result<String> {
        self.sign(&claims(subject, lifetime))
    }

    /// A token with exactly these claims.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        let key = EncodingKey::from_ec_pem(self.pem.as_bytes()).context("read the issuer's key")?;
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &key).context("sign a token")
    }
}

/// Claims of a good token; a negative `lifetime` makes them expired. Tests change what they need and sign.
pub fn claims(subject: &str, lifetime: SignedDuration) -> Value {
    let now = Timestamp::now();
    let issued = now.min(now + lifetime - SignedDuration::from_mins(5));
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject,
        "iat": issued.as_second(), "nbf": issued.as_second(), "exp": (now + lifetime).as_second(),
    })
}

/// The claims as an unsecured token (`alg: none`), which nobody may accept.
pub fn unsigned(claims: &Value) -> String {
    let header = json!({ "alg": "none", "typ": "JWT", "kid": KEY_ID });
    format!("{}.{}.", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode, jwk::JwkSet};

    use super::*;

    fn verify(issuer: &Issuer, token: &str) -> Result<Value, jsonwebtoken::errors::Error> {
        let configuration = issuer.configuration().unwrap();
        let set: JwkSet = serde_json::from_value(configuration["issuers"][0]["jwks"].clone()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        decode::<Value>(token, &DecodingKey::from_jwk(&set.keys[0]).unwrap(), &validation).map(|data| data.claims)
    }

    #[test]
    fn tokens_verify_against_the_published_key_and_no_other() {
        let issuer = Issuer::generate().unwrap();
        let token = issuer.token("somebody", SignedDuration::from_mins(5)).unwrap();
        assert_eq!(verify(&issuer, &token).unwrap()["sub"], "somebody");
        assert!(verify(&Issuer::generate().unwrap(), &token).is_err());
    }

    #[test]
    fn bad_tokens_are_bad() {
        let issuer = Issuer::generate().unwrap();
        let expired = issuer.token("somebody", SignedDuration::from_mins(-5)).unwrap();
        assert!(verify(&issuer, &expired).is_err());
        assert!(verify(&issuer, &unsigned(&claims("somebody", SignedDuration::from_mins(5)))).is_err());
    }

    #[test]
    fn the_key_survives_on_disk() {
        let dir = std::env::temp_dir().join(format!("waybill-issuer-{}", std::process::id()));
        let path = dir.join("issuer.pem");
        let first = Issuer::ensure(&path).unwrap();
        let second = Issuer::ensure(&path).unwrap();
        assert_eq!(first.configuration().unwrap(), second.configuration().unwrap());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
