//! Signatures over a notification: those of Standard Webhooks (<https://www.standardwebhooks.com>) always, and the one
//! that its profile adds.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use waybill::{
    aws::secrets::SigningKeys,
    domain::{endpoint::Profile, secret::Secret},
};

/// Id of the message, the same in all of its attempts.
pub const ID: HeaderName = HeaderName::from_static("webhook-id");
/// Seconds since 1970 of this attempt.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// Space-separated `v1,<base64>`, one for each live secret, and `v1a,<base64>` of the service's own key.
pub const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// Tesouro: base64 of the service's binary detached OpenPGP signature over the body.
pub const OPENPGP_SIGNATURE: HeaderName = HeaderName::from_static("waybill-openpgp-signature");
/// Eclipse: `t=<epoch ms>,v1=<base64>`, with a further `v1=` for each further live secret.
pub const ECLIPSE_SIGNATURE: HeaderName = HeaderName::from_static("eclipse-signature");

/// A message that cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// A secret is not `whsec_` and base64.
    #[error("a webhook secret is not of the form whsec_<base64>")]
    Secret,
    /// There is no secret.
    #[error("there is no webhook secret")]
    NoSecret,
    /// The id cannot stand in a header, or holds the dot that separates what is signed.
    #[error("the message id cannot be signed")]
    Id,
    /// The service's OpenPGP key does not sign.
    #[error("the service's OpenPGP key does not sign")]
    OpenPgp,
}

/// What is signed: one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Id of the delivery.
    pub id: &'a str,
    /// Time of the attempt.
    pub now: Timestamp,
    /// As it is sent, byte for byte.
    pub body: &'a [u8],
}

/// All headers that prove where the message comes from. With several secrets, as during rotation, the receiver may know
/// any one of them.
///
/// # Errors
/// [`SignError`].
pub fn headers(
    message: Message<'_>,
    secrets: &[Secret<String>],
    service: &SigningKeys,
    profile: Profile,
) -> Result<HeaderMap, SignError> {
    if secrets.is_empty() {
        return Err(SignError::NoSecret);
    }
    if message.id.contains('.') {
        return Err(SignError::Id);
    }
    let mut headers = HeaderMap::new();
    headers.insert(ID, value(message.id)?);
    headers.insert(TIMESTAMP, HeaderValue::from(message.now.as_second()));
    headers.insert(SIGNATURE, value(&standard(message, secrets, service)?)?);
    match profile {
        Profile::Tesouro => {
            let signature = service.openpgp.sign_detached(message.body).map_err(|_| SignError::OpenPgp)?;
            headers.insert(OPENPGP_SIGNATURE, value(&BASE64_STANDARD.encode(signature))?);
        }
        Profile::Eclipse => _ = headers.insert(ECLIPSE_SIGNATURE, value(&eclipse(message, secrets))?),
        Profile::Waybill | Profile::Unico => {}
    }
    Ok(headers)
}

fn value(text: &str) -> Result<HeaderValue, SignError> {
    HeaderValue::from_str(text).map_err(|_| SignError::Id)
}

fn standard(message: Message<'_>, secrets: &[Secret<String>], service: &SigningKeys) -> Result<String, SignError> {
    let mut signed = format!("{}.{}.", message.id, message.now.as_second()).into_bytes();
    signed.extend_from_slice(message.body);
    let mut entries = Vec::new();
    for secret in secrets {
        entries.push(format!("v1,{}", hmac_base64(&key(secret)?, &signed)));
    }
    entries.extend(service.webhook.iter().map(|keys| format!("v1a,{}", BASE64_STANDARD.encode(keys.sign(&signed)))));
    Ok(entries.join(" "))
}

/// Its clients use the secret as the text that they were given.
fn eclipse(message: Message<'_>, secrets: &[Secret<String>]) -> String {
    let millis = message.now.as_millisecond();
    let mut signed = format!("{millis}.").into_bytes();
    signed.extend_from_slice(message.body);
    let signatures = secrets.iter().map(|secret| format!(",v1={}", hmac_base64(secret.expose().as_bytes(), &signed)));
    format!("t={millis}{}", signatures.collect::<String>())
}

fn key(secret: &Secret<String>) -> Result<Vec<u8>, SignError> {
    let encoded = secret.expose().strip_prefix("whsec_").ok_or(SignError::Secret)?;
    BASE64_STANDARD.decode(encoded).ok().filter(|key| !key.is_empty()).ok_or(SignError::Secret)
}

fn hmac_base64(key: &[u8], signed: &[u8]) -> String {
    BASE64_STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed))
}

#[cfg(test)]
pub mod tests;
