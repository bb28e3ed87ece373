//! The operator's issuers (`issuers.json` in the configuration bucket).

use std::{sync::Arc, time::Instant};

use jsonwebtoken::{dangerous, decode_header};
use serde::Deserialize;
use waybill::{aws::config_store::ConfigStore, guard::Guard};

use super::{
    keys::Keys,
    token::{Issuer, Verified},
};
use crate::problem::Problem;

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
    keys: Keys,
}

impl Issuers {
    /// Reads `issuers.json` through the configuration store's cache.
    pub fn new(config: Arc<ConfigStore>, guard: Arc<Guard>) -> Self {
        Self { config, keys: Keys::new(guard) }
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
        let verified = self.keys.verify(token, &header, &issuer, Instant::now()).await?;
        verified.map_err(|e| refused(&e))
    }

    async fn configured(&self, issuer: &str) -> Result<Option<Issuer>, Problem> {
        let text = self.config.text("issuers.json").await?;
        let text = text.ok_or_else(|| Problem::unavailable(&"issuers.json is missing"))?;
        let configured: Configured =
            serde_json::from_str(&text).map_err(|e| Problem::unavailable(&format!("issuers.json: {e}")))?;
        Ok(configured.issuers.into_iter().find(|known| known.issuer == issuer))
    }
}
