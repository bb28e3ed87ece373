//! Objects of the report bucket: presigned reads and deletion. Uploads are the worker's.

pub mod prefix;

use aws_sdk_s3::{Client, presigning::PresigningConfig};
use jiff::SignedDuration;

use super::AwsError;

/// The report bucket.
#[derive(Debug, Clone)]
pub struct Objects {
    client: Client,
    bucket: String,
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

    /// Deletes the object; no error if it is not there.
    pub async fn delete(&self, key: &str) -> Result<(), AwsError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key);
        request.send().await.map_err(|e| AwsError::new("s3", "DeleteObject", &e))?;
        Ok(())
    }
}

fn lasting(life: SignedDuration) -> Result<PresigningConfig, AwsError> {
    PresigningConfig::expires_in(life.unsigned_abs()).map_err(|e| AwsError::new("s3", "presign", &e))
}
