//! Whose tokens are believed: the operator's issuers (`issuers.json` in the configuration bucket), the stack's own user
//! pool, and tenants' issuers from the table, in this order. So a tenant can never take one of the operator's.

use std::{sync::Arc, time::Instant};

use jsonwebtoken::{Algorithm, dangerous, decode_header, jwk::JwkSet};
use serde::Deserialize;
use waybill::{
    accept::Fault,
    aws::{
        config_store::ConfigStore,
        table::{Table, keys::Key, rows::TenantIssuerRow},
    },
    config,
    domain::issuer::TenantIssuer,
    guard::Guard,
};

use super::{
    keys::Keys,
    refused,
    token::{Issuer, Verified},
};
use crate::problem::Problem;

/// Longest token that is looked at, in bytes.
pub(super) const MAX_TOKEN: usize = 16 * 1024;

/// What stands before a scope's name in tokens of a pool: the identifier of the template's resource server.
const POOL_SCOPES: &str = "waybill/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    issuers: Vec<Issuer>,
}

#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

/// The Cognito user pool of the stack's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPool {
    /// `iss` of its tokens; below it the keys are published.
    pub issuer: String,
    /// The app client that is the operator's administrator.
    pub client: String,
}

impl UserPool {
    /// `WAYBILL_USER_POOL_ISSUER` and `WAYBILL_USER_POOL_CLIENT`; none where the stack has no pool.
    pub fn from_env() -> Option<Self> {
        let issuer = config::optional("WAYBILL_USER_POOL_ISSUER");
        let client = config::optional("WAYBILL_USER_POOL_CLIENT");
        (!issuer.is_empty() && !client.is_empty()).then_some(Self { issuer, client })
    }

    /// Its tokens have no audience, and every client of the pool an id of its own: what shows that one is for this
    /// service is a scope of the pool's resource server.
    fn as_issuer(&self) -> Issuer {
        Issuer {
            issuer: self.issuer.clone(),
            audience: None,
            algorithms: vec![Algorithm::RS256],
            jwks: None,
            jwks_uri: Some(format!("{}/.well-known/jwks.json", self.issuer)),
            scope_prefix: Some(POOL_SCOPES.to_owned()),
            admins: vec![self.client.clone()],
            tenant: None,
        }
    }
}

/// Issuers and their keys.
pub struct Issuers {
    config: Arc<ConfigStore>,
    table: Table,
    guard: Arc<Guard>,
    pool: Option<UserPool>,
    keys: Keys,
}

impl Issuers {
    /// Reads `issuers.json` through the configuration store's cache, tenants' issuers from the table.
    pub fn new(config: Arc<ConfigStore>, table: Table, guard: Arc<Guard>, pool: Option<UserPool>) -> Self {
        Self { config, table, keys: Keys::new(Arc::clone(&guard)), guard, pool }
    }

    /// Verifies a token of whichever known issuer it claims to be from.
    pub async fn verify(&self, token: &str) -> Result<Verified, Problem> {
        if token.len() > MAX_TOKEN {
            return Err(refused(&"too long"));
        }
        let header = decode_header(token).map_err(|e| refused(&e))?;
        let claimed = dangerous::insecure_decode_claims::<Unverified>(token).map_err(|e| refused(&e))?;
        let issuer = self.known(&claimed.iss).await?.ok_or_else(|| refused(&"unknown issuer"))?;
        let verified = self.keys.verify(token, &header, &issuer, Instant::now()).await?;
        verified.map_err(|e| refused(&e))
    }

    /// Everything that speaks against taking tokens of this issuer for a tenant.
    pub async fn faults(&self, at: &str, issuer: &TenantIssuer) -> Result<Vec<Fault>, Problem> {
        let found = issuer.findings().into_iter();
        let mut faults: Vec<Fault> =
            found.map(|(field, code, detail)| Fault::new(format!("{at}{field}"), code, detail)).collect();
        if self.operators(&issuer.issuer).await?.is_some() {
            let detail = "This issuer is the operator's: list subjects of it under `identities`.";
            faults.push(Fault::new(format!("{at}/issuer"), "taken", detail));
        }
        if let Some(uri) = &issuer.jwks_uri
            && let Err(reason) = self.guard.check_url(uri)
        {
            faults.push(Fault::new(format!("{at}/jwks_uri"), "url_refused", reason.to_string()));
        }
        if let Some(keys) = &issuer.jwks
            && !serde_json::from_value::<JwkSet>(keys.clone()).is_ok_and(|set| !set.keys.is_empty())
        {
            faults.push(Fault::new(format!("{at}/jwks"), "format", "Must be a JWK set with a key in it."));
        }
        Ok(faults)
    }

    async fn known(&self, issuer: &str) -> Result<Option<Issuer>, Problem> {
        if let Some(operators) = self.operators(issuer).await? {
            return Ok(Some(operators));
        }
        let Some(stored) = self.table.get::<TenantIssuerRow>(&Key::issuer(issuer)).await? else { return Ok(None) };
        Issuer::of_tenant(stored.row).map(Some).map_err(|e| Problem::unavailable(&e))
    }

    /// The operator's issuer of that name.
    pub async fn operators(&self, issuer: &str) -> Result<Option<Issuer>, Problem> {
        let text = self.config.text("issuers.json").await?;
        if text.is_none() && self.pool.is_none() {
            return Err(Problem::unavailable(&"issuers.json is missing, and there is no user pool"));
        }
        let configured = match text {
            None => vec![],
            Some(text) => {
                let read: Result<Configured, _> = serde_json::from_str(&text);
                read.map_err(|e| Problem::unavailable(&format!("issuers.json: {e}")))?.issuers
            }
        };
        Ok(choose(configured, self.pool.as_ref(), issuer))
    }
}

/// The operator's issuer of that name: as `issuers.json` has it, or else the pool.
fn choose(configured: Vec<Issuer>, pool: Option<&UserPool>, issuer: &str) -> Option<Issuer> {
    let named = configured.into_iter().find(|known| known.issuer == issuer);
    named.or_else(|| pool.filter(|pool| pool.issuer == issuer).map(UserPool::as_issuer))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POOL: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x";

    fn pool() -> UserPool {
        UserPool { issuer: POOL.to_owned(), client: "operator".to_owned() }
    }

    fn read(file: &serde_json::Value) -> Vec<Issuer> {
        serde_json::from_value::<Configured>(file.clone()).unwrap().issuers
    }

    #[test]
    fn the_pool_needs_no_entry_and_an_entry_wins() {
        let by_itself = choose(vec![], Some(&pool()), POOL).unwrap();
        assert_eq!(by_itself.jwks_uri.as_deref(), Some(&*format!("{POOL}/.well-known/jwks.json")));
        assert_eq!(by_itself.admins, ["operator"]);
        let file = json!({ "issuers": [{ "issuer": POOL, "audience": ["a", "b"], "algorithms": ["RS256"],
                                         "jwks": { "keys": [] } }] });
        let entry = choose(read(&file), Some(&pool()), POOL).unwrap();
        assert!(entry.admins.is_empty() && entry.jwks_uri.is_none());
        for other in ["", "https://issuer.example", &POOL[..POOL.len() - 1]] {
            assert!(choose(read(&file), Some(&pool()), other).is_none(), "{other}");
        }
        assert!(choose(vec![], None, POOL).is_none());
    }

    #[test]
    fn audiences_are_one_text_or_a_list() {
        let entry = |audience: serde_json::Value| json!({ "issuers": [{ "issuer": "i", "audience": audience, "algorithms": ["ES256"], "jwks_uri": "u" }] });
        for (audience, expected) in [(json!("a"), vec!["a"]), (json!(["a", "b"]), vec!["a", "b"])] {
            assert_eq!(read(&entry(audience))[0].audience.as_ref().unwrap().all(), expected);
        }
        let mut tenants = entry(json!("a"));
        tenants["issuers"][0]["tenant"] = json!("acme");
        assert!(serde_json::from_value::<Configured>(tenants).is_err(), "the file has nothing to say about tenants");
    }
}
