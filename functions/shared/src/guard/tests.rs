//! The guard against a real TLS server on loopback that answers whatever a test wants.

use std::{
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What the server does once it has read a request.
#[derive(Clone)]
enum Script {
    /// Sends this and closes.
    Answer(Vec<u8>),
    /// Sends this and then nothing more, without closing.
    Hang(Vec<u8>),
    /// Sends this, then zeros for ever.
    Endless(Vec<u8>),
    /// Sends this again and again.
    Repeat(Vec<u8>),
    /// Sends this byte by byte, so that something always comes.
    Trickle(Vec<u8>),
    /// Breaks the connection off.
    Reset,
}

struct Server {
    port: u16,
    ca_pem: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let names = ["localhost", "receiver.example", "127.0.0.1"].map(str::to_owned);
        let issued = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![issued.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (acceptor, log) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, log, script) = (acceptor.clone(), Arc::clone(&log), script.clone());
                tokio::spawn(async move {
                    // A client that hangs up is part of the game.
                    let _ = Self::serve(acceptor.accept(stream).await?, &log, script).await;
                    io::Result::Ok(())
                });
            }
        });
        Self { port, ca_pem: issued.cert.pem(), requests }
    }

    async fn serve(
        mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
        log: &Mutex<Vec<String>>,
        script: Script,
    ) -> io::Result<()> {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&request).contains("\r\n\r\n") {
            let length = stream.read(&mut buffer).await?;
            request.extend_from_slice(&buffer[..length]);
        }
        log.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
        match script {
            Script::Answer(bytes) => {
                stream.write_all(&bytes).await?;
                stream.shutdown().await
            }
            Script::Hang(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                // Until the client gives up.
                stream.read(&mut buffer).await.map(drop)
            }
            Script::Endless(bytes) => {
                stream.write_all(&bytes).await?;
                loop {
                    stream.write_all(&[b'0'; 4096]).await?;
                }
            }
            Script::Repeat(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
            Script::Trickle(bytes) => {
                for byte in bytes {
                    stream.write_all(&[byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(SHORT / 10).await;
                }
                Ok(())
            }
            Script::Reset => stream.get_ref().0.set_zero_linger(),
        }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/hook", self.port)
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// A guard that trusts this server and may call loopback.
    fn guard(&self) -> Guard {
        Guard::new(Policy::parse("127.0.0.0/8", "*", &self.ca_pem).unwrap()).unwrap()
    }
}

/// Answers with its lists in order, the last one for ever.
struct Answers(Vec<Vec<&'static str>>, AtomicUsize);

impl Answers {
    fn new(lists: &[&[&'static str]]) -> Arc<Self> {
        Arc::new(Self(lists.iter().map(|list| list.to_vec()).collect(), AtomicUsize::new(0)))
    }
}

impl Resolve for Answers {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        let asked = self.1.fetch_add(1, Ordering::SeqCst);
        let list = &self.0[asked.min(self.0.len() - 1)];
        let addresses: Vec<IpAddr> = list.iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// Never answers.
struct Never;

impl Resolve for Never {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

async fn post(guard: &Guard, url: &str, timeout: Duration) -> Result<Answer, CallError> {
    guard.post(url, HeaderMap::new(), b"{}".to_vec(), timeout).await
}

async fn post_to(script: Script, timeout: Duration) -> Result<Answer, CallError> {
    let server = Server::start(script).await;
    post(&server.guard(), &server.url("127.0.0.1"), timeout).await
}

fn stage(result: Result<Answer, CallError>) -> Stage {
    match result {
        Err(CallError::Network { stage, .. }) => stage,
        other => panic!("not a network error: {other:?}"),
    }
}

#[tokio::test]
async fn an_allowed_receiver_is_called_by_name_and_by_address() {
    let server = Server::start(Script::Answer(OK.to_vec())).await;
    let guard = server.guard().with_resolver(Answers::new(&[&["127.0.0.1"]]));
    for host in ["receiver.example", "127.0.0.1"] {
        let answer = post(&guard, &server.url(host), LONG).await.unwrap();
        assert_eq!((answer.status, answer.first_kib.as_slice()), (200, b"ok".as_slice()));
        assert_eq!(answer.remote_addr, Some(SocketAddr::from(([127, 0, 0, 1], server.port))));
    }
    let request = server.requests.lock().unwrap()[0].to_ascii_lowercase();
    assert!(request.starts_with("post /hook http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: receiver.example:{}", server.port)), "{request}");
    assert!(!request.contains("accept-encoding") && !request.contains("referer"), "{request}");
}

#[tokio::test]
async fn any_address_that_is_not_public_refuses_the_name() {
    let server = Server::start(Script::Answer(OK.to_vec())).await;
    for list in [
        &["8.8.8.8", "10.0.0.1"][..],
        &["169.254.169.254"],
        &["2606:4700:4700::1111", "::ffff:169.254.169.254"],
        &["127.0.0.1", "::1"],
        &["64:ff9b::7f00:1"],
    ] {
        let guard = server.guard().with_resolver(Answers::new(&[list]));
        let refused = post(&guard, &server.url("receiver.example"), LONG).await;
        assert!(matches!(refused, Err(CallError::Refused(Refused::Address(_)))), "{list:?}: {refused:?}");
    }
    let strict = Guard::new(Policy::parse("", "*", &server.ca_pem).unwrap()).unwrap();
    let refused = post(&strict, &server.url("localhost"), LONG).await;
    assert!(matches!(refused, Err(CallError::Refused(Refused::Address(_)))), "{refused:?}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn the_vetted_address_is_dialled_whatever_the_name_says_later() {
    let server = Server::start(Script::Answer(OK.to_vec())).await;
    let rebinding = Answers::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let guard = server.guard().with_resolver(Arc::clone(&rebinding) as Arc<dyn Resolve>);
    let answer = post(&guard, &server.url("receiver.example"), LONG).await.unwrap();
    assert_eq!(answer.remote_addr.map(|address| address.ip()), Some(Ipv4Addr::LOCALHOST.into()));
    assert_eq!(rebinding.1.load(Ordering::SeqCst), 1, "asked once only");
    let refused = post(&guard, &server.url("receiver.example"), LONG).await;
    assert!(matches!(refused, Err(CallError::Refused(Refused::Address(_)))), "judged anew: {refused:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn redirects_are_answers_and_not_followed() {
    let inner = Server::start(Script::Answer(OK.to_vec())).await;
    for to in [inner.url("127.0.0.1"), "http://169.254.169.254/latest/meta-data/".to_owned()] {
        let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        let answer = post_to(Script::Answer(redirect.into_bytes()), LONG).await.unwrap();
        assert_eq!(answer.status, 307);
    }
    assert_eq!(inner.requests(), 0);
}

#[tokio::test]
async fn one_deadline_covers_every_stage() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12".to_vec();
    for sent in [Vec::new(), b"HTTP/1.1 200".to_vec(), head] {
        let result = post_to(Script::Hang(sent), SHORT).await;
        assert!(matches!(result, Err(CallError::Timeout(SHORT))), "{result:?}");
    }
    // Something comes all the time, and never all of it.
    let slow_head = format!("HTTP/1.1 200 OK\r\nx-slow: {}", "0".repeat(200)).into_bytes();
    let slow_body = format!("HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\n{}", "0".repeat(200)).into_bytes();
    let more_to_come = b"HTTP/1.1 102 Processing\r\n\r\n".to_vec();
    for script in [Script::Trickle(slow_head), Script::Trickle(slow_body), Script::Repeat(more_to_come)] {
        let started = Instant::now();
        let result = post_to(script, SHORT).await;
        assert!(matches!(result, Err(CallError::Timeout(SHORT))), "{result:?}");
        assert!(started.elapsed() < LONG / 4, "{:?}", started.elapsed());
    }
    // A listener that never answers the handshake.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let guard = Guard::new(Policy::parse("127.0.0.0/8", "*", "").unwrap()).unwrap();
    let url = format!("https://127.0.0.1:{}/", silent.local_addr().unwrap().port());
    assert!(matches!(post(&guard, &url, SHORT).await, Err(CallError::Timeout(_))));

    let guard = guard.with_resolver(Arc::new(Never));
    assert!(matches!(post(&guard, "https://receiver.example/", SHORT).await, Err(CallError::Timeout(_))));
}

#[tokio::test]
async fn a_body_is_read_to_its_cap_and_not_decoded() {
    let endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n".to_vec();
    let answer = post_to(Script::Endless(endless), LONG).await.unwrap();
    assert_eq!((answer.status, answer.first_kib.len()), (200, KEPT_BYTES));

    let mut gzipped = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n".to_vec();
    gzipped.extend_from_slice(&[0x1f, 0x8b, 0x08, 0x00]);
    let answer = post_to(Script::Answer(gzipped), LONG).await.unwrap();
    assert_eq!(answer.first_kib, [0x1f, 0x8b, 0x08, 0x00]);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 16 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
    let answer = post_to(Script::Answer([head.as_bytes(), &bomb].concat()), LONG).await.unwrap();
    assert_eq!(answer.first_kib, bomb[..KEPT_BYTES], "as it came");
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_the_status() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npartial".to_vec();
    let answer = post_to(Script::Answer(short), LONG).await.unwrap();
    assert_eq!((answer.status, answer.first_kib.as_slice()), (200, b"partial".as_slice()));
}

#[tokio::test]
async fn failures_say_how_far_they_came_and_nothing_secret() {
    assert_eq!(stage(post_to(Script::Answer(Vec::new()), LONG).await), Stage::Exchange);
    assert_eq!(stage(post_to(Script::Answer(b"not http at all\r\n\r\n".to_vec()), LONG).await), Stage::Exchange);
    assert_eq!(stage(post_to(Script::Reset, LONG).await), Stage::Exchange);
    let endless_head = Script::Endless(b"HTTP/1.1 200 OK\r\nx-endless: ".to_vec());
    assert_eq!(stage(post_to(endless_head, LONG).await), Stage::Exchange);

    let server = Server::start(Script::Answer(OK.to_vec())).await;
    let distrustful = Guard::new(Policy::parse("127.0.0.0/8", "*", "").unwrap()).unwrap();
    assert_eq!(stage(post(&distrustful, &server.url("127.0.0.1"), LONG).await), Stage::Tls);
    let misnamed = server.guard().with_resolver(Answers::new(&[&["127.0.0.1"]]));
    assert_eq!(stage(post(&misnamed, &server.url("other.example"), LONG).await), Stage::Tls);

    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    let result = post(&server.guard(), &format!("https://127.0.0.1:{closed}/?secret=hush"), LONG).await;
    assert!(!format!("{result:?}").contains("hush"), "{result:?}");
    assert_eq!(stage(result), Stage::Connect);

    let nameless = server.guard().with_resolver(Answers::new(&[&[]]));
    assert_eq!(stage(post(&nameless, &server.url("receiver.example"), LONG).await), Stage::Resolve);
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_token_endpoint_is_called_through_the_same_guard() {
    let inner = Server::start(Script::Answer(OK.to_vec())).await;
    let redirect = format!("HTTP/1.1 307 Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", inner.url("127.0.0.1"));
    let outer = Server::start(Script::Answer(redirect.into_bytes())).await;
    let ask = async |guard: &Guard, url: &str| {
        guard.post_for_json(url, HeaderMap::new(), b"grant_type=x".to_vec(), 100, LONG).await
    };
    let (status, document) = ask(&outer.guard(), &outer.url("127.0.0.1")).await.unwrap();
    assert_eq!((status, document), (307, serde_json::Value::Null));
    let strict = Guard::new(Policy::parse("", "*", &inner.ca_pem).unwrap()).unwrap();
    let strict = strict.with_resolver(Answers::new(&[&["8.8.8.8", "169.254.169.254"]]));
    for host in ["127.0.0.1", "receiver.example"] {
        let refused = ask(&strict, &inner.url(host)).await;
        assert!(matches!(refused, Err(CallError::Refused(Refused::Address(_)))), "{host}: {refused:?}");
    }
    assert_eq!(inner.requests(), 0);
}

#[tokio::test]
async fn json_is_read_within_its_cap() {
    let answer = |status: &str, body: &str| {
        let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        Script::Answer(text.into_bytes())
    };
    let fetch = async |script: Script, cap: usize| {
        let server = Server::start(script).await;
        server.guard().get_json(&server.url("127.0.0.1"), cap).await
    };
    let keys = r#"{"keys":[]}"#;
    assert_eq!(fetch(answer("200 OK", keys), keys.len()).await.unwrap(), serde_json::json!({ "keys": [] }));
    for (script, cap) in [
        (answer("200 OK", keys), keys.len() - 1),
        (answer("404 Not Found", keys), 100),
        (answer("302 Found", keys), 100),
        (answer("200 OK", "{"), 100),
        (Script::Answer(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}".to_vec()), 100),
        (Script::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()), 100_000),
    ] {
        let result = fetch(script, cap).await;
        assert!(matches!(result, Err(CallError::Network { stage: Stage::Exchange, .. })), "{result:?}");
    }
}
