//! Upload of one object whose size is not known ahead: S3 multipart with a few parts in flight, or one PUT where
//! the whole fits into a part. Nothing is visible in the bucket before the last part, and an upload that does
//! not get there is aborted.

use aws_sdk_s3::{
    Client,
    error::DisplayErrorContext,
    operation::upload_part::UploadPartOutput,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use tokio::task::JoinSet;

use crate::error::Cause;

const MIB: usize = 1 << 20;

/// S3's own bound.
pub const MOST_PARTS: u32 = 10_000;

/// Parts of one size before it doubles. S3's largest object, 5 TiB, fits into 9,700 parts.
const PARTS_PER_SIZE: u32 = 1_000;

/// Bytes that may be on their way at once, as long as it is one part at least.
const IN_FLIGHT: usize = 32 * MIB;

/// Size in bytes of the part with that number (from 1), unless it is the last.
pub fn part_size(number: u32) -> usize {
    let doubled = number.clamp(1, MOST_PARTS).saturating_sub(1) / PARTS_PER_SIZE;
    (8 * MIB) << doubled
}

/// Names of an object to be.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its key.
    pub key: String,
    /// Its media type.
    pub media_type: &'static str,
    /// The name under which a browser saves it.
    pub file_name: String,
}

impl Target {
    /// The header that names a download. Of the name only what needs no escape is kept.
    fn disposition(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
        format!("attachment; filename=\"{}\"", self.file_name.chars().map(safe).collect::<String>())
    }
}

/// An upload under way. Dropped before it is finished, it is aborted in the background; who can wait calls
/// [`abort`](Self::abort), since a function may be frozen before the background gets to it.
pub struct Upload {
    client: Client,
    bucket: String,
    target: Target,
    multipart: Option<String>,
    number: u32,
    in_flight: JoinSet<Result<CompletedPart, Cause>>,
    completed: Vec<CompletedPart>,
}

impl Upload {
    /// Begins an upload; nothing is sent yet.
    pub fn new(client: Client, bucket: String, target: Target) -> Self {
        let (in_flight, completed) = (JoinSet::new(), Vec::new());
        Self { client, bucket, target, multipart: None, number: 0, in_flight, completed }
    }

    /// Sends a part that is not the last. Waits while enough are on their way.
    pub async fn push(&mut self, part: Bytes) -> Result<(), Cause> {
        let id = match self.multipart.clone() {
            Some(id) => id,
            None => self.begin().await?,
        };
        self.number += 1;
        let most = (IN_FLIGHT / part_size(self.number)).max(1);
        while self.in_flight.len() >= most {
            self.collect().await?;
        }
        self.in_flight.spawn(send(
            self.client.clone(),
            self.bucket.clone(),
            self.target.key.clone(),
            id,
            self.number,
            part,
        ));
        Ok(())
    }

    /// Sends the last part; the object is there when this returns `Ok`.
    pub async fn finish(&mut self, last: Bytes) -> Result<(), Cause> {
        if self.multipart.is_none() {
            return self.put(last).await;
        }
        self.push(last).await?;
        while !self.in_flight.is_empty() {
            self.collect().await?;
        }
        let mut parts = std::mem::take(&mut self.completed);
        parts.sort_by_key(CompletedPart::part_number);
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(&self.target.key);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        request.set_upload_id(self.multipart.clone()).multipart_upload(parts).send().await?;
        self.multipart = None;
        Ok(())
    }

    /// Gives up: parts on their way are dropped, parts that arrived are deleted. Safe to call at any time.
    pub async fn abort(&mut self) {
        self.in_flight.shutdown().await;
        if let Some(id) = self.multipart.take() {
            abort(&self.client, &self.bucket, &self.target.key, id).await;
        }
    }

    async fn begin(&mut self) -> Result<String, Cause> {
        let request = self.client.create_multipart_upload().bucket(&self.bucket).key(&self.target.key);
        let request = request.content_type(self.target.media_type).content_disposition(self.target.disposition());
        let created = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await?;
        let id = created.upload_id.ok_or("S3 named no upload id")?;
        self.multipart = Some(id.clone());
        Ok(id)
    }

    async fn put(&mut self, body: Bytes) -> Result<(), Cause> {
        let request = self.client.put_object().bucket(&self.bucket).key(&self.target.key).body(body.into());
        let request = request.content_type(self.target.media_type).content_disposition(self.target.disposition());
        request.send().await?;
        Ok(())
    }

    async fn collect(&mut self) -> Result<(), Cause> {
        if let Some(part) = self.in_flight.join_next().await {
            self.completed.push(part??);
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.multipart.take(), tokio::runtime::Handle::try_current()) else { return };
        let (client, bucket, key) = (self.client.clone(), self.bucket.clone(), self.target.key.clone());
        runtime.spawn(async move { abort(&client, &bucket, &key, id).await });
    }
}

async fn send(
    client: Client,
    bucket: String,
    key: String,
    upload: String,
    number: u32,
    part: Bytes,
) -> Result<CompletedPart, Cause> {
    let number = i32::try_from(number)?;
    let request = client.upload_part().bucket(bucket).key(key).upload_id(upload).part_number(number).body(part.into());
    let UploadPartOutput { e_tag, checksum_crc32, .. } =
        request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await?;
    let part = CompletedPart::builder().part_number(number).set_e_tag(e_tag).set_checksum_crc32(checksum_crc32);
    Ok(part.build())
}

/// What this cannot delete, the bucket's lifecycle rule does within a day.
async fn abort(client: &Client, bucket: &str, key: &str, upload: String) {
    let request = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(upload);
    if let Err(error) = request.send().await {
        tracing::warn!(key, error = %DisplayErrorContext(&error), "could not abort the upload");
    }
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod slow;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_the_largest_object() {
        let sizes: Vec<u64> = (1..=MOST_PARTS).map(|number| part_size(number) as u64).collect();
        assert!(sizes.iter().sum::<u64>() >= 5 << 40);
        assert!(sizes.iter().all(|size| (5 << 20..=5 << 30).contains(size)), "S3's bounds on a part");
        assert!(sizes.is_sorted());
    }

    #[test]
    fn the_first_eight_gigabytes_go_in_small_parts() {
        assert_eq!(part_size(1), 8 * MIB);
        assert_eq!(part_size(1_000), 8 * MIB);
        assert_eq!(part_size(1_001), 16 * MIB);
    }

    #[test]
    fn names_cannot_break_the_header() {
        let target = Target { key: "k".to_owned(), media_type: "text/csv", file_name: "a\"\r\nb é.csv".to_owned() };
        assert_eq!(target.disposition(), "attachment; filename=\"a___b__.csv\"");
    }
}
