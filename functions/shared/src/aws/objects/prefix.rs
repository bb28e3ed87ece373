//! All that stands under a prefix, for the erasure of a tenant.

use aws_sdk_s3::{
    error::ProvideErrorMetadata,
    types::{Delete, ObjectIdentifier},
};

use super::{AwsError, Objects};

/// An upload that was begun and neither finished nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Key of the object to be.
    pub key: String,
    /// Its id.
    pub upload: String,
}

impl Objects {
    /// The first keys under the prefix, up to 1000.
    pub async fn under(&self, prefix: &str) -> Result<Vec<String>, AwsError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let listing = request.send().await.map_err(|e| AwsError::new("s3", "ListObjectsV2", &e))?;
        let keys = listing.contents().iter().filter_map(|object| object.key());
        // What is deleted for being listed must not depend on the listing alone.
        Ok(keys.filter(|key| key.starts_with(prefix)).map(str::to_owned).collect())
    }

    /// Deletes up to 1000 objects; no error for those that are not there.
    pub async fn delete_all(&self, keys: &[String]) -> Result<(), AwsError> {
        let failed = |message: String| AwsError { service: "s3", operation: "DeleteObjects", message };
        if keys.is_empty() {
            return Ok(());
        }
        let objects: Result<Vec<_>, _> = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build()).collect();
        let objects = objects.map_err(|e| failed(e.to_string()))?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|e| failed(e.to_string()))?;
        let request = self.client.delete_objects().bucket(&self.bucket).delete(delete);
        let output = request.send().await.map_err(|e| AwsError::new("s3", "DeleteObjects", &e))?;
        match output.errors().first() {
            None => Ok(()),
            Some(first) => {
                let code = first.code().unwrap_or("no code");
                Err(failed(format!("{} of {} objects: {code}", output.errors().len(), keys.len())))
            }
        }
    }

    /// The first unfinished uploads to keys under the prefix, up to 1000.
    pub async fn unfinished(&self, prefix: &str) -> Result<Vec<Unfinished>, AwsError> {
        let request = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(prefix);
        let listing = request.send().await.map_err(|e| AwsError::new("s3", "ListMultipartUploads", &e))?;
        let uploads = listing.uploads().iter().filter_map(|upload| {
            Some(Unfinished { key: upload.key()?.to_owned(), upload: upload.upload_id()?.to_owned() })
        });
        Ok(uploads.filter(|upload| upload.key.starts_with(prefix)).collect())
    }

    /// Aborts an upload; no error if it ended in between.
    pub async fn abort(&self, upload: &Unfinished) -> Result<(), AwsError> {
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(&upload.key);
        match request.upload_id(&upload.upload).send().await {
            Err(error) if error.code() != Some("NoSuchUpload") => {
                Err(AwsError::new("s3", "AbortMultipartUpload", &error))
            }
            _ => Ok(()),
        }
    }
}
