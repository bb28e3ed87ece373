//! Counts the AWS calls of a function on their way to the local cloud.

use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Header that names the operation in AWS's JSON protocols: all services that the dispatcher calls, but S3.
const TARGET: &str = "x-amz-target: ";

type Counts = Arc<Mutex<BTreeMap<String, usize>>>;

/// Passes bytes on as they are, and counts. It stops when it is dropped.
pub struct Tally {
    /// What a function is given as `AWS_ENDPOINT_URL`.
    pub url: String,
    counts: Counts,
    server: JoinHandle<()>,
}

impl Tally {
    /// Before the local cloud at this endpoint.
    pub async fn start(endpoint: &str) -> Self {
        let cloud = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let counts = Counts::default();
        let kept = Arc::clone(&counts);
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (cloud, kept) = (cloud.clone(), Arc::clone(&kept));
                tokio::spawn(async move { pass(client, TcpStream::connect(cloud).await?, &kept).await });
            }
        });
        Self { url, counts, server }
    }

    /// Calls by operation, as `DynamoDB_20120810.GetItem`, since the last time this was asked.
    pub fn take(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut *self.counts.lock().unwrap())
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(client: TcpStream, cloud: TcpStream, counts: &Counts) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_cloud, mut to_cloud) = cloud.into_split();
    tokio::spawn(async move { copy(&mut from_cloud, &mut to_client).await });
    // What was read and may hold the beginning of a header.
    let mut unread = String::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from_client.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        unread.push_str(&String::from_utf8_lossy(&buffer[..length]));
        while let Some((operation, rest)) = next(&unread) {
            *counts.lock().unwrap().entry(operation).or_default() += 1;
            unread = rest;
        }
        let keep = unread.find(TARGET).unwrap_or_else(|| unread.len().saturating_sub(TARGET.len()));
        unread.drain(..unread.ceil_char_boundary(keep));
        to_cloud.write_all(&buffer[..length]).await?;
    }
}

/// The first operation of a text, and what comes after it.
fn next(text: &str) -> Option<(String, String)> {
    let (operation, rest) = text[text.find(TARGET)? + TARGET.len()..].split_once("\r\n")?;
    Some((operation.to_owned(), rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_read_from_the_headers() {
        let text = "POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.GetItem\r\nhost: x\r\n";
        let (operation, rest) = next(text).unwrap();
        assert_eq!((operation.as_str(), rest.as_str()), ("DynamoDB_20120810.GetItem", "host: x\r\n"));
        assert_eq!((next(&rest), next("x-amz-target: Dyna")), (None, None), "not complete");
    }
}
