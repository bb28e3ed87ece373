//! Verifying one token against one issuer. Pure: keys and time are passed in.

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, jwk::JwkSet};
use serde::Deserialize;
use waybill::domain::tenant::Scope;

/// Seconds by which clocks may differ.
const LEEWAY: u64 = 30;

/// A configured issuer of tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Exact `iss`.
    pub issuer: String,
    /// Exact `aud`, or `client_id` where a token has no `aud`.
    pub audience: String,
    /// Accepted `alg` values. Symmetric ones and `none` are never accepted.
    pub algorithms: Vec<Algorithm>,
    /// Keys, where they are configured.
    pub jwks: Option<JwkSet>,
    /// Where the keys are published, otherwise.
    pub jwks_uri: Option<String>,
    /// Subjects that are admins.
    #[serde(default)]
    pub admins: Vec<String>,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// `iss`.
    pub issuer: String,
    /// `sub`, or `client_id`.
    pub subject: String,
    /// The operator lists the subject as an admin.
    pub admin: bool,
    /// Scopes of ours that the token is limited to; none if it names none of ours.
    pub scopes: Option<Vec<Scope>>,
}

/// Why a token is refused. For logs; the caller learns only that it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its algorithm is not on the issuer's list.
    #[error("algorithm not accepted")]
    Algorithm,
    /// The issuer has no key of that id; it may have been rotated in.
    #[error("unknown key id")]
    UnknownKey,
    /// Signature, issuer or times do not hold.
    #[error("{0}")]
    Invalid(String),
    /// It was not made for this service.
    #[error("wrong audience")]
    Audience,
    /// It names nobody.
    #[error("no subject")]
    Subject,
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    client_id: Option<String>,
    aud: Option<OneOrMany>,
    scope: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Checks algorithm, key, signature, issuer, times and audience.
pub fn verify(token: &str, header: &Header, issuer: &Issuer, keys: &JwkSet) -> Result<Verified, Refused> {
    let symmetric = matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    if symmetric || !issuer.algorithms.contains(&header.alg) {
        return Err(Refused::Algorithm);
    }
    let key = match &header.kid {
        Some(kid) => keys.find(kid),
        None if keys.keys.len() == 1 => keys.keys.first(),
        None => None,
    };
    let key = DecodingKey::from_jwk(key.ok_or(Refused::UnknownKey)?).map_err(|e| Refused::Invalid(e.to_string()))?;
    let mut rules = Validation::new(header.alg);
    rules.leeway = LEEWAY;
    rules.validate_nbf = true;
    rules.validate_aud = false;
    rules.set_issuer(&[&issuer.issuer]);
    rules.set_required_spec_claims(&["exp", "iss"]);
    let claims = decode::<Claims>(token, &key, &rules).map_err(|e| Refused::Invalid(e.to_string()))?.claims;
    accept(claims, issuer)
}

fn accept(claims: Claims, issuer: &Issuer) -> Result<Verified, Refused> {
    let audience_holds = match &claims.aud {
        Some(OneOrMany::One(aud)) => *aud == issuer.audience,
        Some(OneOrMany::Many(all)) => all.contains(&issuer.audience),
        None => claims.client_id.as_ref() == Some(&issuer.audience),
    };
    if !audience_holds {
        return Err(Refused::Audience);
    }
    let subject = claims.sub.or(claims.client_id).filter(|subject| !subject.is_empty()).ok_or(Refused::Subject)?;
    let ours = [Scope::ReportsRead, Scope::ReportsRequest, Scope::Admin];
    let named: Vec<Scope> = claims.scope.map_or_else(Vec::new, |text| {
        ours.into_iter().filter(|scope| text.split_ascii_whitespace().any(|name| name == scope.name())).collect()
    });
    Ok(Verified {
        admin: issuer.admins.contains(&subject),
        issuer: claims.iss,
        subject,
        scopes: (!named.is_empty()).then_some(named),
    })
}

#[cfg(test)]
#[path = "token_tests.rs"]
pub(super) mod tests;
