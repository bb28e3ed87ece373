//! Tokens of users who have logged in: JWTs that this service alone mints and believes. Pure: keyring and time are passed in.
//!
//! They are signed with HMAC under a key of their own, derived from the key of the sealing keyring that the header's `kid`
//! names: the current one mints, each verifies, so a rotation ends no session. Their issuer is a name that no other issuer
//! is ever looked up by, and no other issuer's keys are ever tried on them.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, dangerous, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use waybill::{
    digest::{equal, sha256_hex},
    domain::{id::UserId, secret::Secret, user::User},
    seal::Keyring,
};

use super::issuers::MAX_TOKEN;

/// `iss`. No URL, as those of all other issuers are.
const ISSUER: &str = "urn:waybill:users";

/// `aud`.
const AUDIENCE: &str = "urn:waybill:api";

/// `typ` of the header, so that no other token under the same key could ever pass for one.
const KIND: &str = "waybill-user+jwt";

/// What the signing key is derived for.
const PURPOSE: &str = "user tokens, HS256, v1";

/// Life of a token.
const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// Life of a session, however often its token is renewed: then the password is asked for again.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// What a token says. Times are seconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The user.
    pub sub: UserId,
    /// Its tenant.
    pub tenant: String,
    /// The user's stamp: another one there ends the session.
    pub stamp: Uuid,
    /// The session.
    pub sid: Uuid,
    /// SHA-256 of what a renewal must bring beside the token.
    csrf: String,
    /// When the password was given.
    pub auth_time: i64,
    iat: i64,
    /// Refused from here on.
    pub exp: i64,
}

/// Why a token is refused. For logs; the caller learns only that it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Signed under a key that is not in the ring; it may be newer than the ring.
    #[error("unknown key id of a user's token")]
    UnknownKey,
    /// Form, kind, signature, issuer or audience do not hold.
    #[error("user's token: {0}")]
    Invalid(String),
    /// Its time is over.
    #[error("expired token of a user")]
    Expired,
}

impl Claims {
    /// A session that begins.
    pub fn begun(user: &User, session: Uuid, csrf: &Secret<String>, now: Timestamp) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.id,
            tenant: user.tenant.clone(),
            stamp: user.stamp,
            sid: session,
            csrf: sha256_hex(csrf.expose().as_bytes()),
            auth_time: now.as_second(),
            iat: now.as_second(),
            exp: (now + LIFE).as_second(),
        }
    }

    /// The session with a new token, which does not outlive the session.
    #[must_use]
    pub fn renewed(&self, csrf: &Secret<String>, now: Timestamp) -> Self {
        let end = self.auth_time.saturating_add(LONGEST.as_secs());
        let csrf = sha256_hex(csrf.expose().as_bytes());
        Self { csrf, iat: now.as_second(), exp: (now + LIFE).as_second().min(end), ..self.clone() }
    }

    /// Whether this came with the token.
    pub fn came_with(&self, csrf: &str) -> bool {
        equal(self.csrf.as_bytes(), sha256_hex(csrf.as_bytes()).as_bytes())
    }
}

/// Whether a token claims to be one of these. Nothing is proven by that.
pub fn claims_to_be(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Unverified {
        iss: String,
    }
    token.len() <= MAX_TOKEN
        && dangerous::insecure_decode_claims::<Unverified>(token).is_ok_and(|claims| claims.iss == ISSUER)
}

/// Signs with the current key; none if the ring cannot.
pub fn mint(ring: &Keyring, claims: &Claims) -> Option<Secret<String>> {
    let key = ring.derive(ring.current(), PURPOSE)?;
    let typ = Some(KIND.to_owned());
    let header = Header { typ, kid: Some(ring.current().to_owned()), ..Header::new(Algorithm::HS256) };
    encode(&header, claims, &EncodingKey::from_secret(key.expose())).ok().map(Secret::new)
}

/// Checks kind, key, signature, issuer, audience and end. The clock is the one that minted, so there is no leeway.
pub fn verify(ring: &Keyring, token: &str, now: Timestamp) -> Result<Claims, Refused> {
    let header = decode_header(token).map_err(|e| Refused::Invalid(e.to_string()))?;
    if header.alg != Algorithm::HS256 || header.typ.as_deref() != Some(KIND) {
        return Err(Refused::Invalid("another kind of token".to_owned()));
    }
    let kid = header.kid.ok_or(Refused::UnknownKey)?;
    let key = ring.derive(&kid, PURPOSE).ok_or(Refused::UnknownKey)?;
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // By the time that is passed in, below.
    rules.validate_exp = false;
    let decoded = decode::<Claims>(token, &DecodingKey::from_secret(key.expose()), &rules);
    let claims = decoded.map_err(|e| Refused::Invalid(e.to_string()))?.claims;
    if claims.exp <= now.as_second() { Err(Refused::Expired) } else { Ok(claims) }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
