//! The operator's issuers (`issuers.json` in the configuration bucket) and their published keys.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jsonwebtoken::{dangerous, decode_header, jwk::JwkSet};
use serde::Deserialize;
use tokio::sync::Mutex;
use waybill::{aws::config_store::ConfigStore, guard::Guard};

use super::token::{self, Issuer, Refused, Verified};
use crate::problem::Problem;

/// How long published keys are used.
const FRESH: Duration = Duration::from_secs(300);

/// An unknown key id fetches the keys again, but not more often than this: anybody can make one up.
const REFETCH: Duration = Duration::from_secs(30);

/// Largest key set that is read, in bytes.
const MAX_JWKS: usize = 256 * 1024;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    issuers: Vec<Issuer>,
}

#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

/// Issuers and their keys.
pub struct Issuers {
    config: Arc<ConfigStore>,
    guard: Arc<Guard>,
    keys: Mutex<HashMap<String, (Instant, Arc<JwkSet>)>>,
}

impl Issuers {
    /// Reads `issuers.json` through the configuration store's cache.
    pub fn new(config: Arc<ConfigStore>, guard: Arc<Guard>) -> Self {
        Self { config, guard, keys: Mutex::default() }
    }

    /// Verifies a token of whichever configured issuer it claims to be from.
    pub async fn verify(&self, token: &str) -> Result<Verified, Problem> {
        let refused = |reason: &dyn std::fmt::Display| {
            tracing::info!(%reason, "token refused");
            let detail = "The token was refused: forged, expired, or not made for this service. Get a new one.";
            Problem::unauthorized("token_invalid", detail)
        };
        if token.len() > MAX_TOKEN {
            return Err(refused(&"too long"));
        }
        let header = decode_header(token).map_err(|e| refused(&e))?;
        let claimed = dangerous::insecure_decode_claims::<Unverified>(token).map_err(|e| refused(&e))?;
        let issuer = self.configured(&claimed.iss).await?.ok_or_else(|| refused(&"unknown issuer"))?;
        let keys = self.keys(&issuer, FRESH).await?;
        match token::verify(token, &header, &issuer, &keys) {
            Err(Refused::UnknownKey) if issuer.jwks_uri.is_some() => {
                let keys = self.keys(&issuer, REFETCH).await?;
                token::verify(token, &header, &issuer, &keys).map_err(|e| refused(&e))
            }
            other => other.map_err(|e| refused(&e)),
        }
    }

    async fn configured(&self, issuer: &str) -> Result<Option<Issuer>, Problem> {
        let text = self.config.text("issuers.json").await?;
        let text = text.ok_or_else(|| Problem::unavailable(&"issuers.json is missing"))?;
        let configured: Configured =
            serde_json::from_str(&text).map_err(|e| Problem::unavailable(&format!("issuers.json: {e}")))?;
        Ok(configured.issuers.into_iter().find(|known| known.issuer == issuer))
    }

    async fn keys(&self, issuer: &Issuer, max_age: Duration) -> Result<Arc<JwkSet>, Problem> {
        if let Some(keys) = &issuer.jwks {
            return Ok(Arc::new(keys.clone()));
        }
        let Some(uri) = &issuer.jwks_uri else {
            return Err(Problem::unavailable(&format!("issuer {} has neither jwks nor jwks_uri", issuer.issuer)));
        };
        let mut cached = self.keys.lock().await;
        if let Some((read_at, keys)) = cached.get(uri)
            && read_at.elapsed() < max_age
        {
            return Ok(Arc::clone(keys));
        }
        let json = self.guard.get_json(uri, MAX_JWKS).await.map_err(|e| Problem::unavailable(&e))?;
        let keys: JwkSet = serde_json::from_value(json).map_err(|e| Problem::unavailable(&e))?;
        let keys = Arc::new(keys);
        cached.insert(uri.clone(), (Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }
}
