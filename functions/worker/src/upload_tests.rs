//! Uploads to a stand-in of S3 that answers when it is told to.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};

use super::*;

/// How long a test may take; much longer than it does.
const LIMIT: Duration = Duration::from_secs(60);

/// Answers every part, but the first one only once the part of that number is there.
struct SlowFirst {
    until: u32,
    /// Of that number, and those that wait for it.
    there: Notify,
    seen: Mutex<BTreeSet<u32>>,
    /// Parts that were sent and not answered, and the most of them.
    open: AtomicUsize,
    most: AtomicUsize,
}

impl SlowFirst {
    async fn answer(&self, line: &str) -> String {
        let number = line.split(['?', '&', ' ']).find_map(|word| word.strip_prefix("partNumber=")?.parse().ok());
        let Some(number) = number else {
            let body = if line.contains("uploadId=") {
                "<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>"
            } else {
                "<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>"
            };
            return format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        };
        self.most.fetch_max(self.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        self.seen.lock().unwrap().insert(number);
        if number == self.until {
            self.there.notify_one();
        }
        if number == 1 {
            self.there.notified().await;
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n".to_owned()
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some((line, length)) = head(&mut stream).await {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let answer = self.answer(&line).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

/// First line of a request, and the length of its body; none at the end of the connection.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<(String, usize)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    Some((head.lines().next().unwrap().to_owned(), length.unwrap_or(0)))
}

async fn client(server: Arc<SlowFirst>) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(server.clone().serve(stream));
        }
    });
    let config = aws_sdk_s3::Config::builder().behavior_version(BehaviorVersion::latest()).endpoint_url(endpoint);
    let config =
        config.region(Region::new("us-east-1")).credentials_provider(Credentials::new("a", "b", None, None, "t"));
    Client::from_conf(config.force_path_style(true).build())
}

#[tokio::test]
async fn a_part_that_takes_long_keeps_no_other_waiting_and_memory_has_an_end() {
    let server = Arc::new(SlowFirst {
        until: 12,
        there: Notify::new(),
        seen: Mutex::default(),
        open: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let client = client(server.clone()).await;
    let target = Target { key: "k".to_owned(), media_type: "text/csv", file_name: "k.csv".to_owned() };
    let mut upload = Upload::new(client, "b".to_owned(), target);
    let part = Bytes::from(vec![7; part_size(1)]);
    let uploading = async {
        for _ in 1..14 {
            upload.push(part.clone()).await.unwrap();
        }
        upload.finish(Bytes::from_static(b"end")).await.unwrap();
    };
    timeout(LIMIT, uploading).await.expect("the first part was not waited for");
    assert_eq!(*server.seen.lock().unwrap(), (1..=14).collect());
    assert!(server.most.load(Ordering::SeqCst) <= IN_FLIGHT / part_size(1));
}
