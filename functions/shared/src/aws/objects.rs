//! Objects of the report bucket: presigned reads and deletion. Uploads are the worker's.

pub mod prefix;

use aws_sdk_s3::{Client, presigning::PresigningConfig};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::SignedDuration;

use super::AwsError;
use crate::domain::outcome::ReportFile;

/// Where a manifest's object has its OpenPGP signature: base64 of the ASCII armor.
pub const OPENPGP_METADATA: &str = "waybill-openpgp";

/// Where it has its Ed25519 signature: base64.
pub const ED25519_METADATA: &str = "waybill-ed25519";

/// The report bucket.
#[derive(Debug, Clone)]
pub struct Objects {
    client: Client,
    bucket: String,
}

/// A manifest as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// The canonical JSON that is signed.
    pub json: Vec<u8>,
    /// Its OpenPGP signature, in ASCII armor.
    pub openpgp: Vec<u8>,
    /// Its Ed25519 signature, if the service had such a key then.
    pub ed25519: Option<Vec<u8>>,
}

impl Objects {
    /// Uses the bucket of that name.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// A URL that opens the object for `life`, signed with the function's own role. No call is made.
    pub async fn presigned_get(&self, key: &str, life: SignedDuration) -> Result<String, AwsError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let presigned = request.presigned(lasting(life)?).await.map_err(|e| AwsError::new("s3", "presign", &e))?;
        Ok(presigned.uri().to_owned())
    }

    /// As [`Self::presigned_get`], for `HEAD`: the method is a part of what is signed.
    pub async fn presigned_head(&self, key: &str, life: SignedDuration) -> Result<String, AwsError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key);
        let presigned = request.presigned(lasting(life)?).await.map_err(|e| AwsError::new("s3", "presign", &e))?;
        Ok(presigned.uri().to_owned())
    }

    /// A manifest with its signatures; none if it is not there.
    pub async fn manifest(&self, key: &str) -> Result<Option<StoredManifest>, AwsError> {
        let failed = |message: String| AwsError { service: "s3", operation: "GetObject", message };
        let output = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(output) => output,
            // To who may not list the bucket, S3 answers 403 where there is nothing.
            Err(error) if error.raw_response().is_some_and(|answer| matches!(answer.status().as_u16(), 403 | 404)) => {
                return Ok(None);
            }
            Err(error) => return Err(AwsError::new("s3", "GetObject", &error)),
        };
        let signature = |name| {
            let encoded = output.metadata().and_then(|metadata| metadata.get(name));
            encoded.map(|encoded| BASE64_STANDARD.decode(encoded)).transpose().map_err(|e| failed(e.to_string()))
        };
        let (openpgp, ed25519) = (signature(OPENPGP_METADATA)?.unwrap_or_default(), signature(ED25519_METADATA)?);
        let json = output.body.collect().await.map_err(|e| failed(e.to_string()))?.to_vec();
        Ok(Some(StoredManifest { json, openpgp, ed25519 }))
    }

    /// The whole object, which must have at most `most` bytes; none if it is larger, or not there.
    pub async fn read(&self, key: &str, most: u64) -> Result<Option<Vec<u8>>, AwsError> {
        let failed = |message: String| AwsError { service: "s3", operation: "GetObject", message };
        let output = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(output) => output,
            // As above.
            Err(error) if error.raw_response().is_some_and(|answer| matches!(answer.status().as_u16(), 403 | 404)) => {
                return Ok(None);
            }
            Err(error) => return Err(AwsError::new("s3", "GetObject", &error)),
        };
        let length = output.content_length().and_then(|length| u64::try_from(length).ok());
        if length.is_none_or(|length| length > most) {
            return Ok(None);
        }
        Ok(Some(output.body.collect().await.map_err(|e| failed(e.to_string()))?.to_vec()))
    }

    /// Deletes a report's file and the manifest beside it; no error if they are not there.
    pub async fn delete_report(&self, key: &str) -> Result<(), AwsError> {
        self.delete(key).await?;
        self.delete(&ReportFile::manifest_key(key)).await
    }

    async fn delete(&self, key: &str) -> Result<(), AwsError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key);
        request.send().await.map_err(|e| AwsError::new("s3", "DeleteObject", &e))?;
        Ok(())
    }
}

fn lasting(life: SignedDuration) -> Result<PresigningConfig, AwsError> {
    PresigningConfig::expires_in(life.unsigned_abs()).map_err(|e| AwsError::new("s3", "presign", &e))
}
