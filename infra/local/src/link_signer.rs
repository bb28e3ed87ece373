//! Access keys of the link signer, the IAM user whose signature direct links carry. CloudFormation rotates a key by
//! replacing it, which ends every link of the old one: so `init-keys` makes and rotates them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aws_sdk_s3::{config::Credentials, error::ProvideErrorMetadata};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use waybill::domain::link::MAX_DIRECT_LIFE;

use crate::{
    deploy::Outputs,
    error::{Context, Error, Result},
    keys,
};

/// How long a key lives on once another signs: the longest link, and the minutes for which functions keep a secret.
const OVERLAP: SignedDuration = SignedDuration::from_secs(MAX_DIRECT_LIFE.as_secs() + 3600);

/// IAM's own bound on the keys of a user.
const MOST_KEYS: usize = 2;

/// IAM takes seconds to make a new key known everywhere.
const KNOWN_DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(500);

/// What the secret holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ring {
    current: String,
    keys: BTreeMap<String, StoredKey>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredKey {
    secret: String,
    created_at: Timestamp,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey").field("created_at", &self.created_at).finish_non_exhaustive()
    }
}

/// What brings ring and user to where they should be.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// Keys of the user that go: their links have ended, or nobody knows their secret.
    delete: Vec<String>,
    /// The ring without keys that are gone.
    ring: Ring,
    /// Whether a new key is made and signs from now on.
    make: bool,
}

/// `user` has these keys. Refused, with the time from which it works, while a rotation would end links that live.
fn plan(ring: &Ring, user: &[String], rotate: bool, now: Timestamp) -> std::result::Result<Plan, Timestamp> {
    let mut kept = ring.clone();
    kept.keys.retain(|id, _| user.contains(id));
    let took_over = kept.keys.get(&kept.current).map(|key| key.created_at);
    if let Some(took_over) = took_over
        && now >= took_over + OVERLAP
    {
        let Ring { current, keys } = &mut kept;
        keys.retain(|id, _| id == current);
    }
    let make = rotate || took_over.is_none();
    if make && kept.keys.len() == MOST_KEYS {
        return Err(took_over.unwrap_or(now) + OVERLAP);
    }
    let delete = user.iter().filter(|id| !kept.keys.contains_key(*id)).cloned().collect();
    Ok(Plan { delete, ring: kept, make })
}

/// The user and the secret.
pub struct LinkSigner<'a> {
    config: &'a aws_config::SdkConfig,
    iam: aws_sdk_iam::Client,
    secrets: aws_sdk_secretsmanager::Client,
    user: String,
    secret: String,
    report_bucket: String,
}

impl<'a> LinkSigner<'a> {
    /// That of a stack.
    pub fn new(config: &'a aws_config::SdkConfig, outputs: &Outputs) -> Result<Self> {
        let output = |name| outputs.get(name);
        Ok(Self::of(config, output("LinkSignerUserName")?, output("LinkSignerSecretArn")?, output("ReportBucketName")?))
    }

    /// That user, whose keys are kept in that secret and open files in that bucket.
    pub fn of(config: &'a aws_config::SdkConfig, user: String, secret: String, report_bucket: String) -> Self {
        let (iam, secrets) = (aws_sdk_iam::Client::new(config), aws_sdk_secretsmanager::Client::new(config));
        Self { config, iam, secrets, user, secret, report_bucket }
    }

    /// Makes a key if there is none or `rotate` asks for it, and deletes keys that nothing needs any more. Whether a
    /// key was made.
    pub async fn ensure(&self, rotate: bool) -> Result<bool> {
        let ring = self.ring().await?;
        let Plan { delete, ring: mut next, make } = plan(&ring, &self.keys().await?, rotate, Timestamp::now())
            .map_err(|from| {
                Error::new("rotate the link signer", "links that were signed with the key before may still live")
                    .advise(format!("try again after {from:.0}; a key that has leaked is deleted in IAM first"))
            })?;
        for id in &delete {
            self.delete(id).await?;
        }
        if make {
            let (id, key) = self.make().await?;
            next.current.clone_from(&id);
            next.keys.insert(id, key);
        }
        if next != ring {
            let text = serde_json::to_string(&next).context("describe the link signer's keys")?;
            keys::put(&self.secrets, &self.secret, &text).await?;
        }
        Ok(make)
    }

    /// Deletes every key: every direct link ends. CloudFormation deletes no user that has one.
    pub async fn remove(&self) -> Result<()> {
        for id in self.keys().await? {
            self.delete(&id).await?;
        }
        keys::put(&self.secrets, &self.secret, "{}").await
    }

    async fn ring(&self) -> Result<Ring> {
        if keys::is_empty(&self.secrets, &self.secret).await? {
            return Ok(Ring::default());
        }
        let what = format!("read secret {}", self.secret);
        let answer = self.secrets.get_secret_value().secret_id(&self.secret).send().await.context(&what)?;
        // serde's own message could quote the secret.
        serde_json::from_str(answer.secret_string().unwrap_or_default())
            .map_err(|_| Error::new(what, "it holds something that is no keyring of access keys"))
    }

    async fn keys(&self) -> Result<Vec<String>> {
        let listing = self.iam.list_access_keys().user_name(&self.user).send().await;
        let listing = listing.context(format!("list the access keys of {}", self.user))?;
        let ids = listing.access_key_metadata().iter();
        Ok(ids.filter_map(|key| key.access_key_id().map(ToOwned::to_owned)).collect())
    }

    async fn delete(&self, id: &str) -> Result<()> {
        let deleted = self.iam.delete_access_key().user_name(&self.user).access_key_id(id).send().await;
        deleted.map(|_| ()).context(format!("delete access key {id}"))
    }

    async fn make(&self) -> Result<(String, StoredKey)> {
        let what = format!("make an access key of {}", self.user);
        let made = self.iam.create_access_key().user_name(&self.user).send().await.context(&what)?;
        let key = made.access_key().ok_or_else(|| Error::new(&what, "IAM answered without one"))?;
        let (id, secret) = (key.access_key_id().to_owned(), key.secret_access_key().to_owned());
        self.until_known(&id, &secret).await?;
        Ok((id, StoredKey { secret, created_at: Timestamp::now() }))
    }

    /// Links must open from the first on: waits until S3 knows the key.
    async fn until_known(&self, id: &str, secret: &str) -> Result<()> {
        let credentials = Credentials::new(id, secret, None, None, "link signer");
        let config = aws_sdk_s3::config::Builder::from(self.config).credentials_provider(credentials).build();
        let client = aws_sdk_s3::Client::from_conf(config);
        let began = Instant::now();
        loop {
            let probe = client.get_object().bucket(&self.report_bucket).key("of-nobody").send().await;
            // What S3 says of the object does not matter, as long as it knows who asks.
            match probe {
                Err(error) if error.code() == Some("InvalidAccessKeyId") && began.elapsed() < KNOWN_DEADLINE => {
                    tokio::time::sleep(POLL).await;
                }
                Err(error) if error.code() == Some("InvalidAccessKeyId") => {
                    return Err(error).context(format!("use access key {id}"));
                }
                _ => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days)
    }

    /// Keys with the days on which they were made; the last one signs.
    fn ring(keys: &[(&str, i64)]) -> Ring {
        let stored =
            |(id, day): &(&str, i64)| ((*id).to_owned(), StoredKey { secret: "s".into(), created_at: at(*day) });
        let current = keys.last().map(|(id, _)| (*id).to_owned()).unwrap_or_default();
        Ring { current, keys: keys.iter().map(stored).collect() }
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn keys_come_and_go_when_they_should() {
        let (none, one, two) = (ring(&[]), ring(&[("a", 0)]), ring(&[("a", 0), ("b", 20)]));
        let cases = [
            // What the secret holds, keys of the user, rotate, day; what is deleted, kept, whether one is made.
            (&none, vec![], false, 0, vec![], none.clone(), true),
            (&none, vec!["x"], false, 0, vec!["x"], none.clone(), true),
            (&one, vec!["a"], false, 100, vec![], one.clone(), false),
            (&one, vec!["a"], true, 100, vec![], one.clone(), true),
            (&one, vec!["a", "x"], true, 100, vec!["x"], one.clone(), true),
            (&two, vec!["a", "b"], false, 27, vec![], two.clone(), false),
            (&two, vec!["a", "b"], false, 28, vec!["a"], ring(&[("b", 20)]), false),
            (&two, vec!["a", "b"], true, 28, vec!["a"], ring(&[("b", 20)]), true),
            // The signing key was deleted by hand: links of the other one live on.
            (&two, vec!["a"], false, 21, vec![], Ring { current: "b".into(), ..ring(&[("a", 0)]) }, true),
            (&two, vec!["b"], true, 21, vec![], ring(&[("b", 20)]), true),
        ];
        for (ring, user, rotate, day, delete, kept, make) in cases {
            let expected = Plan { delete: ids(&delete), ring: kept, make };
            assert_eq!(plan(ring, &ids(&user), rotate, at(day)), Ok(expected), "{ring:?} {user:?} {rotate} {day}");
        }
        assert_eq!(plan(&two, &ids(&["a", "b"]), true, at(21)), Err(at(20) + OVERLAP));
    }

    #[test]
    fn a_keyring_is_what_functions_read() {
        let text = serde_json::to_string(&ring(&[("a", 0)])).unwrap();
        assert!(waybill::aws::link_signer::AccessKey::parse(&text).is_ok(), "{text}");
        assert!(!format!("{:?}", ring(&[("a", 0)])).contains("\"s\""));
    }
}
