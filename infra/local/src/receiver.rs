//! An HTTPS receiver in this process, for the demo and the tests: it keeps every request and answers as told.

use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::sync::watch;

use crate::ca::Ca;

/// Far more than any notification.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// When its body was complete.
    pub received_at: Timestamp,
}

/// How to answer one request.
#[derive(Debug, Clone)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    delay: Duration,
}

impl Reply {
    /// An answer with this status and an empty body.
    pub fn status(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), delay: Duration::ZERO }
    }

    /// Adds a header, such as `Retry-After` or `Location`.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: http::HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Waits before answering.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// Decides the answer to a request, given how many came to its path before.
type Script = Box<dyn FnMut(&Received, usize) -> Reply + Send>;

/// Fewer requests came than were waited for.
#[derive(Debug, thiserror::Error)]
#[error("{} of {expected} requests to {path} came within {deadline:?}", .came.len())]
pub struct Missing {
    /// The path.
    pub path: String,
    /// How many were expected.
    pub expected: usize,
    /// Those that came.
    pub came: Vec<Received>,
    /// How long was waited.
    pub deadline: Duration,
}

/// The receiver. It stops when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Shared>,
    handle: Handle<SocketAddr>,
}

struct Shared {
    log: Mutex<Vec<Received>>,
    scripts: Mutex<BTreeMap<String, Script>>,
    /// How many requests came: wakes those who wait.
    count: watch::Sender<usize>,
}

impl Receiver {
    /// Listens on a free port of loopback, with the certificate that `ca` issued for it. Answers 200 until told
    /// otherwise.
    ///
    /// # Errors
    /// If the certificate cannot be read or the port not be opened.
    pub async fn start(ca: &Ca) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let state = Arc::new(Shared { log: Mutex::default(), scripts: Mutex::default(), count: watch::Sender::new(0) });
        let app = Router::new().fallback(receive).with_state(Arc::clone(&state));
        let handle = Handle::new();
        let tls = RustlsConfig::from_config(Arc::new(server_config(ca)?));
        let server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle.clone());
        tokio::spawn(server.serve(app.into_make_service()));
        handle.listening().await.ok_or_else(|| io::Error::other("the receiver did not start"))?;
        Ok(Self { address, state, handle })
    }

    /// The URL of a path (which begins with `/`).
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// Answers requests to `path` with `replies` in order, the last of them for ever.
    pub fn reply(&self, path: &str, replies: impl Into<VecDeque<Reply>>) {
        let mut replies: VecDeque<Reply> = replies.into();
        self.reply_with(path, move |_, _| match replies.len() {
            0 => Reply::status(StatusCode::OK),
            1 => replies[0].clone(),
            _ => replies.pop_front().unwrap_or_else(|| Reply::status(StatusCode::OK)),
        });
    }

    /// Answers requests to `path` as `script` decides, given the request and how many came to the path before.
    pub fn reply_with(&self, path: &str, script: impl FnMut(&Received, usize) -> Reply + Send + 'static) {
        lock(&self.state.scripts).insert(path.to_owned(), Box::new(script));
    }

    /// What came to `path` so far, in order.
    pub fn received(&self, path: &str) -> Vec<Received> {
        lock(&self.state.log).iter().filter(|received| received.path == path).cloned().collect()
    }

    /// What came so far to any path, in order.
    pub fn everything(&self) -> Vec<Received> {
        lock(&self.state.log).clone()
    }

    /// Waits until at least `count` requests came to `path`; returns all that did.
    ///
    /// # Errors
    /// [`Missing`] after `deadline`.
    pub async fn wait_for(&self, path: &str, count: usize, deadline: Duration) -> Result<Vec<Received>, Missing> {
        let mut changes = self.state.count.subscribe();
        let enough = changes.wait_for(|_| self.received(path).len() >= count);
        let in_time = tokio::time::timeout(deadline, enough).await.is_ok();
        let came = self.received(path);
        if in_time {
            return Ok(came);
        }
        Err(Missing { path: path.to_owned(), expected: count, came, deadline })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

impl Shared {
    /// Keeps a request and decides its answer, in one step, so that what was seen and what was said agree.
    fn record(&self, received: Received) -> Reply {
        let reply = {
            let mut log = lock(&self.log);
            let before = log.iter().filter(|earlier| earlier.path == received.path).count();
            let reply = match lock(&self.scripts).get_mut(&received.path) {
                Some(script) => script(&received, before),
                None => Reply::status(StatusCode::OK),
            };
            log.push(received);
            reply
        };
        self.count.send_modify(|count| *count += 1);
        reply
    }
}

async fn receive(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let reply = state.record(Received {
        method: head.method,
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body,
        received_at: Timestamp::now(),
    });
    tokio::time::sleep(reply.delay).await;
    (reply.status, reply.headers, Body::from(reply.body)).into_response()
}

/// TLS with the certificate that `ca` issued for this machine.
///
/// # Errors
/// If its files cannot be read.
pub fn server_config(ca: &Ca) -> io::Result<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(&fs::read(&ca.cert_path)?).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(&fs::read(&ca.key_path)?).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain.map_err(io::Error::other)?, key)
        .map_err(io::Error::other)
}

/// A panicking script must not hide what was received.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use waybill::guard::{Guard, Policy};

    use super::*;
    use crate::instance::Instance;

    const LONG: Duration = Duration::from_secs(20);

    async fn post(guard: &Guard, url: &str) -> waybill::guard::Answer {
        guard.post(url, HeaderMap::new(), b"{}".to_vec(), LONG).await.unwrap()
    }

    #[tokio::test]
    async fn it_records_and_answers_as_told_over_verified_tls() {
        let dir = std::env::temp_dir().join(format!("waybill-receiver-{}", std::process::id()));
        let ca = Ca::ensure(&Instance { name: "receiver".to_owned(), dir: dir.clone() }).unwrap();
        let guard = Guard::new(Policy::parse("127.0.0.0/8", "*", &ca.pem().unwrap()).unwrap()).unwrap();
        let receiver = Receiver::start(&ca).await.unwrap();

        let busy = Reply::status(StatusCode::TOO_MANY_REQUESTS).header("retry-after", HeaderValue::from(7)).body("no");
        receiver.reply("/hook", [busy, Reply::status(StatusCode::NO_CONTENT)]);
        let url = receiver.url("/hook");
        let first = post(&guard, &url).await;
        assert_eq!((first.status, &first.headers["retry-after"]), (429, &HeaderValue::from(7)));
        assert_eq!(first.first_kib, b"no");
        for _ in 0..2 {
            assert_eq!(post(&guard, &url).await.status, 204, "the last answer stays");
        }
        receiver.reply_with("/odd", |received, before| {
            let status = if before == 0 { StatusCode::GONE } else { StatusCode::OK };
            Reply::status(status).body(received.body.clone()).after(Duration::from_millis(1))
        });
        assert_eq!(post(&guard, &receiver.url("/odd")).await.status, 410);
        assert_eq!(post(&guard, &receiver.url("/odd")).await.first_kib, b"{}");
        assert_eq!(post(&guard, &receiver.url("/elsewhere")).await.status, 200);

        let came = receiver.wait_for("/hook", 3, LONG).await.unwrap();
        assert_eq!(came.len(), 3);
        assert!(came.iter().all(|received| received.method == Method::POST && received.body == "{}"));
        let missing = receiver.wait_for("/hook", 4, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(missing.came.len(), 3);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
