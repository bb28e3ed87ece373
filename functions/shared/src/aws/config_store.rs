//! The operator's configuration bucket: report definitions, issuers and triggers, cached by their ETag.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_s3::{Client, error::ProvideErrorMetadata};
use tokio::sync::Mutex;

use super::AwsError;
use crate::domain::definition::{
    Definition, is_valid_report_id,
    parse::{self, Fault},
};

/// How long an object is used without asking S3 whether it has changed.
const FRESH: Duration = Duration::from_secs(30);

/// Objects kept, and misses.
const MAX_CACHED: usize = 1000;

/// Where shared definitions stand.
const REPORTS: &str = "reports/";

/// A definition that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// S3 did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The file is there, but the parser refuses it.
    #[error("{key} is not valid: {faults}")]
    Invalid {
        /// Key in the configuration bucket.
        key: String,
        /// Every fault, with file and line.
        faults: String,
    },
}

impl ConfigError {
    /// The file of that key, with what is wrong with it.
    pub fn invalid(key: impl Into<String>, faults: &[Fault]) -> Self {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Self::Invalid { key: key.into(), faults: faults.join("; ") }
    }
}

#[derive(Clone)]
struct Cached {
    read_at: Instant,
    etag: Option<String>,
    text: Option<Arc<str>>,
}

/// The configuration bucket.
pub struct ConfigStore {
    client: Client,
    bucket: String,
    cache: Mutex<HashMap<String, Cached>>,
}

impl ConfigStore {
    /// Uses the bucket of that name.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), cache: Mutex::default() }
    }

    /// The definition of that id which holds for the tenant: its own override, else the shared one.
    pub async fn definition(&self, tenant: &str, id: &str) -> Result<Option<Arc<Definition>>, ConfigError> {
        if !is_valid_report_id(id) {
            return Ok(None);
        }
        for key in [format!("tenants/{tenant}/{REPORTS}{id}.toml"), format!("{REPORTS}{id}.toml")] {
            if let Some(text) = self.text(&key).await? {
                return parsed(&key, &text).map(Some);
            }
        }
        Ok(None)
    }

    /// Ids of all definitions that hold for the tenant, sorted.
    pub async fn definition_ids(&self, tenant: &str) -> Result<Vec<String>, AwsError> {
        let mut ids = std::collections::BTreeSet::new();
        for prefix in [REPORTS.to_owned(), format!("tenants/{tenant}/{REPORTS}")] {
            let mut pages = self.client.list_objects_v2().bucket(&self.bucket).prefix(&prefix).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|e| AwsError::new("s3", "ListObjectsV2", &e))?;
                let names = page.contents().iter().filter_map(|object| object.key()?.strip_prefix(&prefix));
                ids.extend(names.filter_map(|name| name.strip_suffix(".toml")).map(ToOwned::to_owned));
            }
        }
        Ok(ids.into_iter().collect())
    }

    /// The text of an object, or none if it is not there.
    pub async fn text(&self, key: &str) -> Result<Option<Arc<str>>, AwsError> {
        let known = self.cache.lock().await.get(key).cloned();
        if let Some(known) = &known
            && known.read_at.elapsed() < FRESH
        {
            return Ok(known.text.clone());
        }
        let read = self.read(key, known).await?;
        let text = read.text.clone();
        let mut cache = self.cache.lock().await;
        // Callers choose the ids, so what they make up must not pile up.
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(key.to_owned(), read);
        Ok(text)
    }

    /// Keys and texts of all objects under a prefix, in the order of their keys, as they are at this moment: the list says
    /// which of them have changed.
    pub async fn texts_under(&self, prefix: &str) -> Result<Vec<(String, Arc<str>)>, AwsError> {
        let mut texts = Vec::new();
        let mut pages = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::new("s3", "ListObjectsV2", &e))?;
            for object in page.contents() {
                let Some(key) = object.key().filter(|key| !key.ends_with('/')) else { continue };
                let known = self.cache.lock().await.get(key).cloned();
                let known = known.filter(|known| known.etag.is_some() && known.etag.as_deref() == object.e_tag());
                let text = match known {
                    Some(known) => known.text,
                    None => self.read_anew(key).await?,
                };
                texts.extend(text.map(|text| (key.to_owned(), text)));
            }
        }
        Ok(texts)
    }

    async fn read_anew(&self, key: &str) -> Result<Option<Arc<str>>, AwsError> {
        let read = self.read(key, None).await?;
        let text = read.text.clone();
        self.cache.lock().await.insert(key.to_owned(), read);
        Ok(text)
    }

    async fn read(&self, key: &str, known: Option<Cached>) -> Result<Cached, AwsError> {
        let etag = known.as_ref().and_then(|known| known.etag.clone());
        let request = self.client.get_object().bucket(&self.bucket).key(key).set_if_none_match(etag);
        let read_at = Instant::now();
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) => {
                let status = error.raw_response().map(|response| response.status().as_u16());
                return match (status, known) {
                    (Some(304), Some(known)) => Ok(Cached { read_at, ..known }),
                    _ if error.code() == Some("NoSuchKey") => Ok(Cached { read_at, etag: None, text: None }),
                    _ => Err(AwsError::new("s3", "GetObject", &error)),
                };
            }
        };
        let etag = output.e_tag().map(ToOwned::to_owned);
        let body = output.body.collect().await.map_err(|e| AwsError::new("s3", "GetObject", &e))?;
        let text = String::from_utf8(body.to_vec()).map_err(|e| AwsError::new("s3", "GetObject", &e))?;
        Ok(Cached { read_at, etag, text: Some(text.into()) })
    }
}

fn parsed(key: &str, text: &str) -> Result<Arc<Definition>, ConfigError> {
    let file = key.rsplit('/').next().unwrap_or(key);
    parse::parse(file, text).map(Arc::new).map_err(|faults| ConfigError::invalid(key, &faults))
}
