//! Keyrings from Secrets Manager, kept for five minutes so that a rotation reaches warm functions.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_secretsmanager::Client;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{AwsError, link_signer::AccessKey};
use crate::{
    domain::secret::Secret,
    openpgp::ServiceKey,
    seal::Keyring,
    webhook_key::{StoredKeys, WebhookKeys},
};

const FRESH: Duration = Duration::from_secs(300);

/// A secret that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not give it.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// It has no value yet, or not the form it must have. The value itself is never named.
    #[error("secret {arn} is unusable: {message}; run init-keys")]
    Unusable {
        /// Which.
        arn: String,
        /// Why.
        message: String,
    },
}

/// One secret, read when needed and parsed once per five minutes.
pub struct CachedSecret<T> {
    client: Client,
    arn: String,
    parse: fn(&str) -> Result<T, String>,
    cached: Mutex<Option<(Instant, Arc<T>)>>,
}

impl<T> CachedSecret<T> {
    fn new(client: Client, arn: String, parse: fn(&str) -> Result<T, String>) -> Self {
        Self { client, arn, parse, cached: Mutex::new(None) }
    }

    /// The parsed secret.
    pub async fn get(&self) -> Result<Arc<T>, SecretError> {
        self.not_older_than(FRESH).await
    }

    /// The parsed secret as it was that long ago at most: for who meets a key that it does not have yet.
    pub async fn not_older_than(&self, age: Duration) -> Result<Arc<T>, SecretError> {
        let mut cached = self.cached.lock().await;
        if let Some((read_at, value)) = &*cached
            && read_at.elapsed() < age
        {
            return Ok(Arc::clone(value));
        }
        let output = self
            .client
            .get_secret_value()
            .secret_id(&self.arn)
            .send()
            .await
            .map_err(|e| AwsError::new("secretsmanager", "GetSecretValue", &e))?;
        let unusable = |message: String| SecretError::Unusable { arn: self.arn.clone(), message };
        let text = output.secret_string.ok_or_else(|| unusable("it has no text".to_owned()))?;
        let value = Arc::new((self.parse)(&text).map_err(unusable)?);
        *cached = Some((Instant::now(), Arc::clone(&value)));
        Ok(value)
    }
}

/// The keyring that seals secrets at rest.
pub fn sealing_keyring(client: Client, arn: String) -> CachedSecret<Keyring> {
    CachedSecret::new(client, arn, |text| Keyring::parse(text).map_err(|e| e.to_string()))
}

/// All keys that sign in the service's name.
pub fn signing_keys(client: Client, arn: String) -> CachedSecret<SigningKeys> {
    CachedSecret::new(client, arn, SigningKeys::parse)
}

/// The access key that signs direct links.
pub fn link_signer_key(client: Client, arn: String) -> CachedSecret<AccessKey> {
    CachedSecret::new(client, arn, AccessKey::parse)
}

/// The credential of the stack's Jira.
pub fn jira_credential(client: Client, arn: String) -> CachedSecret<JiraCredential> {
    CachedSecret::new(client, arn, JiraCredential::parse)
}

/// What opens the stack's Jira.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JiraCredential {
    /// Whose token it is; empty where the token says it.
    pub email: String,
    /// API token or personal access token.
    pub token: Secret<String>,
}

impl JiraCredential {
    /// Reads `{"email":"…","token":"…"}`; a personal access token needs no address.
    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(default)]
            email: String,
            token: String,
        }
        // serde's own message could quote the secret.
        let stored: Stored = serde_json::from_str(text).map_err(|_| "it is no {email, token}".to_owned())?;
        let printable = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        if stored.token.is_empty() || !printable(&stored.token) || !printable(&stored.email) {
            return Err("its token is empty, or it has characters that no credential has".to_owned());
        }
        Ok(Self { email: stored.email, token: Secret::new(stored.token) })
    }
}

/// What signs in the service's name.
#[derive(Debug)]
pub struct SigningKeys {
    /// Files, and webhooks of profiles that want it.
    pub openpgp: ServiceKey,
    /// Webhooks; none until `init-keys` has run after the release that brought them.
    pub webhook: Option<WebhookKeys>,
}

#[derive(Deserialize)]
struct SigningKeyring {
    current: String,
    keys: std::collections::BTreeMap<String, SigningKey>,
    #[serde(default)]
    ed25519: Option<StoredKeys>,
}

#[derive(Deserialize)]
struct SigningKey {
    openpgp_private: String,
}

impl SigningKeys {
    /// Reads `{"current":"<id>","keys":{"<id>":{"openpgp_private":"<armored>"}},"ed25519":<keyring>}`.
    fn parse(text: &str) -> Result<Self, String> {
        // serde's own message could quote the secret.
        let ring: SigningKeyring = serde_json::from_str(text).map_err(|_| "it is no signing keyring".to_owned())?;
        let current = ring.keys.get(&ring.current).ok_or("its current key is missing")?;
        let openpgp = ServiceKey::parse(&current.openpgp_private).map_err(|e| e.to_string())?;
        let webhook = ring.ed25519.map(WebhookKeys::try_from).transpose().map_err(|e| e.to_string())?;
        Ok(Self { openpgp, webhook })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{openpgp::generate_service_key, webhook_key};

    #[test]
    fn a_jira_credential_is_an_address_and_a_token() {
        let read = |text: &str| JiraCredential::parse(text);
        let known = read(r#"{"email":"bot@acme.example","token":"hush"}"#).unwrap();
        assert_eq!((known.email.as_str(), known.token.expose().as_str()), ("bot@acme.example", "hush"));
        assert_eq!(read(r#"{"token":"hush"}"#).unwrap().email, "");
        for bad in [
            "",
            "hush",
            r#"{"email":"a@b"}"#,
            r#"{"token":""}"#,
            r#"{"token":"hu
sh"}"#,
            r#"{"token":7}"#,
        ] {
            assert!(!read(bad).unwrap_err().contains("hush"), "{bad}");
        }
        assert!(!format!("{known:?}").contains("hush"));
    }

    #[test]
    fn a_signing_keyring_may_be_of_the_release_before() {
        let armored = generate_service_key("service", Timestamp::now()).unwrap();
        let mut ring = json!({ "current": "k", "keys": { "k": { "openpgp_private": armored } } });
        assert!(SigningKeys::parse(&ring.to_string()).unwrap().webhook.is_none());
        ring["ed25519"] = webhook_key::generate().unwrap().expose().clone();
        assert!(SigningKeys::parse(&ring.to_string()).unwrap().webhook.is_some());
        ring["ed25519"]["current"] = json!("another");
        let refused = SigningKeys::parse(&ring.to_string()).unwrap_err();
        assert_eq!(refused, "not a keyring of webhook keys: its current key is missing");
    }
}
