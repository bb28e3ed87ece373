//! Verifying one token against one issuer. Pure: keys and time are passed in.

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, jwk::JwkSet};
use serde::Deserialize;
use waybill::{
    aws::table::rows::TenantIssuerRow,
    domain::{
        issuer::{self, Audience},
        tenant::Scope,
    },
};

/// Seconds by which clocks may differ.
const LEEWAY: u64 = 30;

/// A configured issuer of tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Exact `iss`.
    pub issuer: String,
    /// Exact `aud`, or `client_id` where a token has no `aud`. Without any, a token must have no `aud` and name a scope
    /// of ours under `scope_prefix`: then the prefix, a resource server of ours, says for whom it was made.
    #[serde(default)]
    pub audience: Option<Audience>,
    /// Accepted `alg` values. Symmetric ones and `none` are never accepted.
    pub algorithms: Vec<Algorithm>,
    /// Keys, where they are configured.
    pub jwks: Option<JwkSet>,
    /// Where the keys are published, otherwise.
    pub jwks_uri: Option<String>,
    /// What stands before the names of scopes in its tokens.
    #[serde(default)]
    pub scope_prefix: Option<String>,
    /// Subjects that are admins.
    #[serde(default)]
    pub admins: Vec<String>,
    /// The one tenant that it is believed for; none for the operator's issuers. No file says it, the table does.
    #[serde(skip)]
    pub tenant: Option<String>,
}

impl Issuer {
    /// A tenant's own. It has no admins, whatever its tokens say. An error if its keys cannot be read.
    pub fn of_tenant(row: TenantIssuerRow) -> Result<Self, serde_json::Error> {
        let TenantIssuerRow { tenant, settings } = row;
        Ok(Self {
            issuer: settings.issuer,
            audience: Some(settings.audience),
            algorithms: settings.algorithms.into_iter().map(algorithm).collect(),
            jwks: settings.jwks.map(serde_json::from_value).transpose()?,
            jwks_uri: settings.jwks_uri,
            scope_prefix: settings.scope_prefix,
            admins: vec![],
            tenant: Some(tenant),
        })
    }
}

const fn algorithm(named: issuer::Algorithm) -> Algorithm {
    match named {
        issuer::Algorithm::ES256 => Algorithm::ES256,
        issuer::Algorithm::ES384 => Algorithm::ES384,
        issuer::Algorithm::RS256 => Algorithm::RS256,
        issuer::Algorithm::RS384 => Algorithm::RS384,
        issuer::Algorithm::RS512 => Algorithm::RS512,
        issuer::Algorithm::PS256 => Algorithm::PS256,
        issuer::Algorithm::PS384 => Algorithm::PS384,
        issuer::Algorithm::PS512 => Algorithm::PS512,
        issuer::Algorithm::EdDSA => Algorithm::EdDSA,
    }
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
    /// The only tenant that the subject may act for, where the issuer is a tenant's own.
    pub tenant: Option<String>,
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
    aud: Option<Audience>,
    scope: Option<String>,
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
    let prefix = issuer.scope_prefix.as_deref().unwrap_or_default();
    let named: Vec<Scope> = claims.scope.map_or_else(Vec::new, |text| {
        let names: Vec<&str> = text.split_ascii_whitespace().filter_map(|word| word.strip_prefix(prefix)).collect();
        Scope::ALL.into_iter().filter(|scope| names.contains(&scope.name())).collect()
    });
    let made_for_us = match (&issuer.audience, &claims.aud) {
        (Some(ours), Some(theirs)) => theirs.all().iter().any(|audience| ours.admits(audience)),
        (Some(ours), None) => claims.client_id.as_ref().is_some_and(|client| ours.admits(client)),
        (None, None) => !prefix.is_empty() && !named.is_empty(),
        (None, Some(_)) => false,
    };
    if !made_for_us {
        return Err(Refused::Audience);
    }
    let subject = claims.sub.or(claims.client_id).filter(|subject| !subject.is_empty()).ok_or(Refused::Subject)?;
    Ok(Verified {
        admin: issuer.tenant.is_none() && issuer.admins.contains(&subject),
        issuer: claims.iss,
        subject,
        scopes: (!named.is_empty()).then_some(named),
        tenant: issuer.tenant.clone(),
    })
}

#[cfg(test)]
#[path = "token_tests.rs"]
pub(super) mod tests;
