//! Standard Webhooks: <https://www.standardwebhooks.com>, symmetric signatures (`v1`).

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use waybill::domain::secret::Secret;

/// Id of the message, the same in all of its attempts.
pub const ID: &str = "webhook-id";
/// Seconds since 1970 of this attempt.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Space-separated `v1,<base64>`, one for each live secret.
pub const SIGNATURE: &str = "webhook-signature";

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
}

/// The three headers for `body`. With several secrets, as during rotation, the receiver may know any one of them.
///
/// # Errors
/// [`SignError`].
pub fn headers(id: &str, now: Timestamp, body: &[u8], secrets: &[Secret<String>]) -> Result<HeaderMap, SignError> {
    if secrets.is_empty() {
        return Err(SignError::NoSecret);
    }
    if id.contains('.') {
        return Err(SignError::Id);
    }
    let timestamp = now.as_second();
    let signatures: Vec<String> =
        secrets.iter().map(|secret| sign(id, timestamp, body, secret)).collect::<Result<_, _>>()?;
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| SignError::Id);
    let mut headers = HeaderMap::new();
    headers.insert(ID, value(id)?);
    headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
    headers.insert(SIGNATURE, value(&signatures.join(" "))?);
    Ok(headers)
}

fn sign(id: &str, timestamp: i64, body: &[u8], secret: &Secret<String>) -> Result<String, SignError> {
    let encoded = secret.expose().strip_prefix("whsec_").ok_or(SignError::Secret)?;
    let key = BASE64_STANDARD.decode(encoded).ok().filter(|key| !key.is_empty()).ok_or(SignError::Secret)?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(body);
    Ok(format!("v1,{}", BASE64_STANDARD.encode(context.sign())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn the_published_vector() {
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        let body = br#"{"test": 2432232314}"#;
        let headers = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", now, body, &[secret(SECRET)]).unwrap();
        assert_eq!(headers[ID], "msg_p5jXN8AQM9LWM0D4loKWxJek");
        assert_eq!(headers[TIMESTAMP], "1614265330");
        assert_eq!(headers[SIGNATURE], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn either_secret_verifies_during_rotation() {
        let other = format!("whsec_{}", BASE64_STANDARD.encode([7; 24]));
        let headers = headers("dlv_1", Timestamp::now(), b"{}", &[secret(SECRET), secret(&other)]).unwrap();
        for text in [SECRET, &other] {
            Webhook::new(text).unwrap().verify(b"{}", &headers).unwrap();
        }
        let third = Webhook::new(&format!("whsec_{}", BASE64_STANDARD.encode([8; 24]))).unwrap();
        assert!(third.verify(b"{}", &headers).is_err());
    }

    #[test]
    fn what_cannot_be_signed_is_refused() {
        let refused = |id: &str, secrets: &[Secret<String>]| headers(id, Timestamp::now(), b"", secrets).unwrap_err();
        assert_eq!(refused("a", &[]), SignError::NoSecret);
        assert_eq!(refused("a.b", &[secret(SECRET)]), SignError::Id);
        assert_eq!(refused("a\nb", &[secret(SECRET)]), SignError::Id);
        for text in ["", "whsec_", "whsec_*", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(refused("a", &[secret(text)]), SignError::Secret, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_official_library_verifies_any_message(id in "[a-z0-9_]{1,40}", body: String, key: [u8; 24]) {
            let text = format!("whsec_{}", BASE64_STANDARD.encode(key));
            let headers = headers(&id, Timestamp::now(), body.as_bytes(), &[secret(&text)]).unwrap();
            prop_assert!(Webhook::new(&text).unwrap().verify(body.as_bytes(), &headers).is_ok());
        }
    }
}
