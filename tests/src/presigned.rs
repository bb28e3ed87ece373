//! Presigned URLs of S3, taken apart and tried.

use std::collections::BTreeMap;

use waybill_local::api_client::{Answer, ApiClient};

use crate::world::World;

/// What the URL says of its signature, by name. Names and values are as they stand there, percent signs and all.
pub fn query(url: &str) -> BTreeMap<&str, &str> {
    let (_, query) = url.split_once('?').unwrap_or_else(|| panic!("no query: {url}"));
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}

/// Access key that it was signed with.
pub fn access_key(url: &str) -> &str {
    query(url)["X-Amz-Credential"].split("%2F").next().unwrap_or_default()
}

/// Seconds that it lives.
pub fn life(url: &str) -> i64 {
    query(url)["X-Amz-Expires"].parse().unwrap()
}

/// What S3 answers to `GET`.
pub async fn get(world: &World, url: &str) -> Answer {
    let host = url.split('/').nth(2).unwrap();
    ApiClient::at(&world.stack.api_url, host).unwrap().get(url).await.unwrap()
}

/// The status with which S3 answers.
pub async fn opens(world: &World, url: &str) -> u16 {
    get(world, url).await.status
}
