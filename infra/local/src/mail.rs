//! Mail in the local cloud: its SES sends nothing, keeps what it was given, and shows it.

use std::collections::BTreeMap;

use aws_sdk_sesv2::{Client, error::ProvideErrorMetadata};
use serde::Deserialize;

use crate::error::{Context, Result};

/// A mail that was handed to the local cloud.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mail {
    /// Its id.
    pub message_id: String,
    /// The sender's address.
    pub source: String,
    /// To whom.
    pub to: Vec<String>,
    /// One line, decoded.
    pub subject: String,
    /// Its plain text.
    pub body_text: Option<String>,
    /// Its HTML.
    pub body_html: Option<String>,
}

/// Has SES verify the domain of an address, as an operator does in AWS by DNS.
pub async fn verify(config: &aws_config::SdkConfig, address: &str) -> Result<()> {
    let domain = address.rsplit('@').next().unwrap_or(address);
    match Client::new(config).create_email_identity().email_identity(domain).send().await {
        Err(error) if error.code() == Some("AlreadyExistsException") => Ok(()),
        other => other.map(|_| ()).context(format!("verify the mail domain {domain}")),
    }
}

/// Every mail to that address, in the order in which they were sent.
pub async fn sent_to(endpoint: &str, address: &str) -> Result<Vec<Mail>> {
    let what = "read the mails of the local cloud";
    let client = reqwest::Client::builder().no_proxy().build().context(what)?;
    let answer = client.get(format!("{endpoint}/_ministack/ses/messages")).send().await.context(what)?;
    let kept: Kept = serde_json::from_slice(&answer.bytes().await.context(what)?).context(what)?;
    let mails = kept.messages.into_values().flatten().filter(|mail| mail.to.iter().any(|to| to == address));
    Ok(mails.collect())
}

#[derive(Deserialize)]
struct Kept {
    /// By account.
    messages: BTreeMap<String, Vec<Mail>>,
}
