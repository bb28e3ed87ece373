//! `init-keys`: fills the stack's secrets with fresh keys where they are empty. CloudFormation cannot make these
//! keys; running it again changes nothing, so it follows every deployment, local or in AWS.

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    openpgp::{ServiceKey, generate_service_key},
    seal, webhook_key,
};

use crate::{
    deploy,
    error::{Context, Error, Result},
    link_signer::LinkSigner,
};

/// User id of the key that signs reports and shows up when a receiver verifies one.
const SERVICE_USER_ID: &str = "Waybill report delivery";

/// What is asked of the link signer's access keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkSignerKeys {
    /// One must be there.
    Ensure,
    /// A new one takes over; links of the old one live on.
    Rotate,
    /// All go, and with them every direct link: the stack is about to be deleted.
    Remove,
}

/// Makes the keys that the stack lacks; returns the names of those it made.
pub async fn init(
    config: &aws_config::SdkConfig,
    stack: &str,
    link_signer: LinkSignerKeys,
) -> Result<Vec<&'static str>> {
    let outputs = deploy::outputs(config, stack).await?;
    let client = Client::new(config);
    let mut made = Vec::new();
    let sealing = outputs.get("SealingSecretArn")?;
    if is_empty(&client, &sealing).await? {
        put(&client, &sealing, seal::generate_keyring().expose()).await?;
        made.push("sealing key");
    }
    let signing = outputs.get("SigningSecretArn")?;
    if is_empty(&client, &signing).await? {
        put(&client, &signing, &signing_keyring()?.to_string()).await?;
        made.push("OpenPGP signing key");
    }
    if add_webhook_key(&client, &signing).await? {
        made.push("Ed25519 key of webhooks");
    }
    let signer = LinkSigner::new(config, &outputs)?;
    if link_signer == LinkSignerKeys::Remove {
        signer.remove().await?;
    } else if signer.ensure(link_signer == LinkSignerKeys::Rotate).await? {
        made.push("access key of the link signer");
    }
    Ok(made)
}

fn signing_keyring() -> Result<Value> {
    const WHAT: &str = "make the OpenPGP signing key";
    let armored = generate_service_key(SERVICE_USER_ID, Timestamp::now()).context(WHAT)?;
    let fingerprint = ServiceKey::parse(&armored).context(WHAT)?.fingerprint();
    Ok(json!({ "current": fingerprint, "keys": { &fingerprint: { "openpgp_private": armored } } }))
}

/// Completes a signing keyring that has no key for webhooks: a new one, or one that an earlier release made.
async fn add_webhook_key(client: &Client, secret: &str) -> Result<bool> {
    let read = client.get_secret_value().secret_id(secret).send().await.context(format!("read secret {secret}"))?;
    let mut ring: Value =
        serde_json::from_str(read.secret_string().unwrap_or_default()).context(format!("read secret {secret}"))?;
    if !ring["ed25519"].is_null() {
        return Ok(false);
    }
    ring["ed25519"] = webhook_key::generate().context("make the key of webhooks")?.expose().clone();
    put(client, secret, &ring.to_string()).await?;
    Ok(true)
}

/// Whether the secret holds no key yet. What is there but no keyring is an error: overwriting it could make
/// everything sealed with it unreadable.
pub async fn is_empty(client: &Client, secret: &str) -> Result<bool> {
    let text = match client.get_secret_value().secret_id(secret).send().await {
        Ok(answer) => answer.secret_string().unwrap_or_default().trim().to_owned(),
        // The secret is there, without any value. A missing secret fails at the first write.
        Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(true),
        Err(error) => return Err(error).context(format!("read secret {secret}")),
    };
    if text.is_empty() || text == "{}" {
        return Ok(true);
    }
    let ring: Value = serde_json::from_str(&text).unwrap_or_default();
    match (ring["current"].as_str(), ring["keys"].as_object()) {
        (Some(current), Some(keys)) if keys.contains_key(current) => Ok(false),
        _ => Err(Error::new(format!("read secret {secret}"), "it holds something that is no keyring")
            .advise("restore its previous version in Secrets Manager; nothing was changed")),
    }
}

/// Writes the secret.
pub async fn put(client: &Client, secret: &str, value: &str) -> Result<()> {
    let put = client.put_secret_value().secret_id(secret).secret_string(value).send().await;
    put.map(|_| ()).context(format!("write secret {secret}"))
}
