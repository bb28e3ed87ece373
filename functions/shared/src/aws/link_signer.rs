//! Direct links: presigned URLs that live as long as they promise.
//!
//! What a function signs with its role dies with the role's credentials, within hours. So these are signed with the
//! access key of an IAM user that may read report files and nothing else.

use aws_sdk_s3::{
    Client,
    config::{Builder, Credentials},
    presigning::PresigningConfig,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{
    AwsError,
    secrets::{CachedSecret, SecretError},
};
use crate::domain::{link::MAX_DIRECT_LIFE, secret::Secret};

/// The access key of the IAM user.
pub struct AccessKey {
    id: String,
    secret: Secret<String>,
}

#[derive(Deserialize)]
struct StoredKeyring {
    current: String,
    keys: std::collections::BTreeMap<String, StoredKey>,
}

#[derive(Deserialize)]
struct StoredKey {
    secret: String,
}

impl AccessKey {
    /// Reads the current key of `{"current":"AKIA…","keys":{"AKIA…":{"secret":"…","created_at":"…"}}}`.
    pub fn parse(json: &str) -> Result<Self, String> {
        // serde's own message could quote the secret.
        let mut ring: StoredKeyring =
            serde_json::from_str(json).map_err(|_| "it is no keyring of access keys".to_owned())?;
        let key = ring.keys.remove(&ring.current).ok_or("its current key is missing")?;
        Ok(Self { id: ring.current, secret: Secret::new(key.secret) })
    }
}

/// A presigned URL and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectUrl {
    /// Opens the object with `GET`.
    pub url: String,
    /// S3 refuses it from here on: a whole second, as signatures have it.
    pub expires_at: Timestamp,
}

/// What keeps a link from being signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The access key could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The SDK refused, as it does a life beyond seven days.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// Signs direct links.
pub struct LinkSigner {
    client: Client,
    bucket: String,
    key: CachedSecret<AccessKey>,
}

impl LinkSigner {
    /// Signs for the bucket of that name, with the key in the secret.
    pub fn new(client: Client, bucket: impl Into<String>, key: CachedSecret<AccessKey>) -> Self {
        Self { client, bucket: bucket.into(), key }
    }

    /// A URL that opens the object from `now` until `ends`, to the second; none if that is over. Without a session
    /// token: it outlives every credential of the function. An error if it would have to live longer than seven days.
    pub async fn sign(&self, object: &str, now: Timestamp, ends: Timestamp) -> Result<Option<DirectUrl>, SignError> {
        let Some(life) = life(now, ends) else { return Ok(None) };
        let key = self.key.get().await?;
        let failed = |e| AwsError::new("s3", "presign", &e);
        let start = whole_second(now);
        let config = PresigningConfig::builder().start_time(start.into()).expires_in(life.unsigned_abs());
        let config = config.build().map_err(failed)?;
        let credentials = Credentials::new(&key.id, key.secret.expose(), None, None, "link signer");
        let request = self.client.get_object().bucket(&self.bucket).key(object).customize();
        let request = request.config_override(Builder::new().credentials_provider(credentials));
        let presigned = request.presigned(config).await.map_err(|e| AwsError::new("s3", "presign", &e))?;
        Ok(Some(DirectUrl { url: presigned.uri().to_owned(), expires_at: start + life }))
    }

    /// As [`Self::sign`], for an end that the service itself has set: by clocks that differ a little, seven days may
    /// look longer than they are.
    pub async fn sign_within_bounds(
        &self,
        object: &str,
        now: Timestamp,
        ends: Timestamp,
    ) -> Result<Option<DirectUrl>, SignError> {
        self.sign(object, now, ends.min(now + MAX_DIRECT_LIFE)).await
    }
}

/// Time between the whole seconds of both, if there is any.
fn life(now: Timestamp, ends: Timestamp) -> Option<SignedDuration> {
    let life = whole_second(ends).duration_since(whole_second(now));
    (life >= SignedDuration::from_secs(1)).then_some(life)
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_end_no_later_than_promised() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        assert_eq!(life(at(0), at(60_000)), Some(SignedDuration::from_secs(60)));
        assert_eq!(life(at(900), at(60_100)), Some(SignedDuration::from_secs(60)), "from the second it is in");
        assert_eq!(life(at(900), at(59_999)), Some(SignedDuration::from_secs(59)));
        for ends in [0, 900, 999, -5_000] {
            assert_eq!(life(at(900), at(ends)), None, "{ends}");
        }
    }

    #[test]
    fn the_current_key_signs() {
        let text = r#"{"current":"AKIA2","keys":{"AKIA1":{"secret":"s1"},"AKIA2":{"secret":"s2","created_at":"t"}}}"#;
        let key = AccessKey::parse(text).unwrap();
        assert_eq!((key.id.as_str(), key.secret.expose().as_str()), ("AKIA2", "s2"));
        for wrong in ["", "{}", r#"{"current":"b","keys":{"a":{"secret":"topsecret"}}}"#, r#"{"keys":"topsecret"}"#] {
            let error = AccessKey::parse(wrong).err().unwrap();
            assert!(!error.contains("topsecret"), "{error}");
        }
    }
}
