//! Where packaged files go: a bucket, or, for measuring without AWS, a folder.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use aws_sdk_s3::Client;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use waybill::aws::objects::{ED25519_METADATA, OPENPGP_METADATA};

use crate::{
    error::Cause,
    manifest::Signatures,
    upload::{Target, Upload},
};

/// Takes packaged files.
#[derive(Clone)]
pub enum Sink {
    /// The report bucket.
    Bucket {
        /// How to reach it.
        client: Client,
        /// Its name.
        name: String,
    },
    /// A folder of this machine; keys are paths in it.
    Folder(PathBuf),
}

impl Sink {
    /// Puts a manifest in its place, its signatures with it.
    pub async fn put_manifest(&self, key: &str, manifest: Vec<u8>, signatures: &Signatures) -> Result<(), Cause> {
        match self {
            Self::Bucket { client, name } => {
                let request = client.put_object().bucket(name).key(key).body(manifest.into());
                let request = request.content_type("application/json");
                let request = request.metadata(OPENPGP_METADATA, BASE64_STANDARD.encode(&signatures.openpgp));
                let ed25519 = signatures.ed25519.as_ref().map(|signature| BASE64_STANDARD.encode(signature));
                let request = match ed25519 {
                    Some(signature) => request.metadata(ED25519_METADATA, signature),
                    None => request,
                };
                request.send().await?;
            }
            Self::Folder(folder) => {
                let path = folder.join(key);
                fs::create_dir_all(path.parent().unwrap_or(&path))?;
                for (name, bytes) in signatures.entries(&manifest) {
                    fs::write(path.with_file_name(name), bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Begins a file.
    pub fn open(&self, target: Target) -> Writing {
        match self {
            Self::Bucket { client, name } => {
                Writing::Upload(Box::new(Upload::new(client.clone(), name.clone(), target)))
            }
            Self::Folder(folder) => Writing::File { path: folder.join(target.key), partial: None },
        }
    }
}

/// A file on its way into a sink. It is there once finished, and gone if dropped before.
pub enum Writing {
    /// Into a bucket.
    Upload(Box<Upload>),
    /// Into a folder: beside its place until it is whole. Writes block, for they only measure.
    File {
        /// Its place.
        path: PathBuf,
        /// What there is of it.
        partial: Option<File>,
    },
}

impl Writing {
    /// Takes a part that is not the last.
    pub async fn push(&mut self, part: Bytes) -> Result<(), Cause> {
        match self {
            Self::Upload(upload) => upload.push(part).await,
            Self::File { path, partial } => {
                let file = if let Some(file) = partial {
                    file
                } else {
                    fs::create_dir_all(path.parent().unwrap_or(path))?;
                    partial.insert(File::create(beside(path))?)
                };
                Ok(file.write_all(&part)?)
            }
        }
    }

    /// Takes the last part; the file is there when this returns `Ok`.
    pub async fn finish(&mut self, last: Bytes) -> Result<(), Cause> {
        if let Self::Upload(upload) = self {
            return upload.finish(last).await;
        }
        self.push(last).await?;
        if let Self::File { path, partial } = self {
            *partial = None;
            fs::rename(beside(path), path)?;
        }
        Ok(())
    }

    /// Gives up: nothing is left.
    pub async fn abort(&mut self) {
        match self {
            Self::Upload(upload) => upload.abort().await,
            Self::File { path, partial } => discard(path, partial),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Self::File { path, partial } = self {
            discard(path, partial);
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_added_extension("partial")
}

fn discard(path: &Path, partial: &mut Option<File>) {
    if partial.take().is_some()
        && let Err(error) = fs::remove_file(beside(path))
    {
        tracing::warn!(%error, "could not delete what was written");
    }
}
