//! The SSRF guard: the only way to call a URL that somebody else supplied.
//!
//! A URL is checked as text ([`Guard::check_url`]) when it is registered and again at every call. A call resolves the
//! name once, refuses it if **any** of its addresses is not public, and dials only the addresses it vetted. No proxy, no
//! redirects, no cookies, no decompression; one deadline over resolving, connecting, TLS, sending and reading.

use std::{
    error::Error as _,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{ACCEPT, HeaderMap},
    redirect,
};
use rustls::ClientConfig;
use url::Host;

pub mod address;
mod policy;
mod resolve;
mod target;

pub use policy::{Policy, PolicyFault};
pub use resolve::{Resolve, Resolving, SystemResolver};
pub use target::{Refused, Target};

/// How much of an answer's body is kept.
const KEPT_BYTES: usize = 1024;
/// How much of it is read at most. Beyond, the connection is dropped: the status is known.
const READ_BYTES: usize = 64 * 1024;
/// Deadline of a GET: somebody waits for what it is needed for.
const GET_TIMEOUT: Duration = Duration::from_secs(5);

/// Calls URLs that others supplied. Cheap to share behind a reference; made once per process.
pub struct Guard {
    policy: Policy,
    tls: ClientConfig,
    resolver: Arc<dyn Resolve>,
}

/// A receiver's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// First KiB of the body as it came, not decoded.
    pub first_kib: Vec<u8>,
    /// Address that was dialled.
    pub remote_addr: Option<SocketAddr>,
    /// From resolving to the last byte read.
    pub duration: Duration,
}

/// A request whose answer's body is read as well.
#[derive(Debug)]
pub struct Call {
    /// GET or POST.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Vec<u8>,
    /// Bytes of the answer that are read at most.
    pub cap: usize,
    /// For the whole exchange.
    pub timeout: Duration,
}

/// Why there is no answer. The texts are for the customer; `Debug` is for the log.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The URL may not be called. Final.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The deadline passed. May succeed later.
    #[error("no complete answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The exchange failed. May succeed later.
    #[error("{}", .stage.text())]
    Network {
        /// How far it came.
        stage: Stage,
        /// The cause, for the log.
        detail: String,
    },
}

/// How far a failed exchange came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The name has no address.
    Resolve,
    /// No connection.
    Connect,
    /// The certificate or the handshake was not accepted.
    Tls,
    /// Sending the request or reading the answer.
    Exchange,
}

impl Stage {
    const fn text(self) -> &'static str {
        match self {
            Self::Resolve => "the host name could not be resolved",
            Self::Connect => "the connection could not be made",
            Self::Tls => "the TLS handshake failed or the certificate is not valid for the host",
            Self::Exchange => "the connection broke, or the answer was not what was asked for",
        }
    }
}

impl Guard {
    /// A guard with the operating system's resolver.
    ///
    /// # Errors
    /// [`PolicyFault`] if the policy's certificates cannot be read.
    pub fn new(policy: Policy) -> Result<Self, PolicyFault> {
        let tls = policy.tls()?;
        Ok(Self { policy, tls, resolver: Arc::new(SystemResolver) })
    }

    /// The same guard with another resolver.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, ..self }
    }

    /// Checks a URL's text, as is done when it is registered. Resolves nothing.
    ///
    /// # Errors
    /// [`Refused`], with a text for whoever registers it.
    pub fn check_url(&self, url: &str) -> Result<Target, Refused> {
        Target::parse(url, &self.policy)
    }

    /// POSTs `body`. An answer of any status is an [`Answer`], redirects too; one whose body breaks off is still one,
    /// but one that is not complete by the deadline is a [`CallError::Timeout`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        let call = Call { method: Method::POST, url: url.to_owned(), headers, body, cap: READ_BYTES, timeout };
        self.call(call).await.map(|(answer, _)| answer)
    }

    /// Makes a call as [`Self::post`] does, and returns what was read of the answer's body besides.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, call: Call) -> Result<(Answer, Vec<u8>), CallError> {
        let started = Instant::now();
        let exchange = async {
            let (client, target) = self.client_for(&call.url).await?;
            let request = client.request(call.method, target.url).headers(call.headers).body(call.body);
            let mut response = send(request).await?;
            let read = read_body(&mut response, call.cap).await.0;
            let answer = Answer {
                status: response.status().as_u16(),
                remote_addr: response.remote_addr(),
                headers: std::mem::take(response.headers_mut()),
                first_kib: read.iter().copied().take(KEPT_BYTES).collect(),
                duration: started.elapsed(),
            };
            Ok((answer, read))
        };
        within(call.timeout, exchange).await
    }

    /// GETs a JSON document of at most `cap` bytes, as a key set of an issuer is. Only status 200 will do.
    ///
    /// # Errors
    /// [`CallError`]; [`Stage::Exchange`] where the answer is too large, not JSON, or another status.
    pub async fn get_json(&self, url: &str, cap: usize) -> Result<serde_json::Value, CallError> {
        let exchange = async {
            let (client, target) = self.client_for(url).await?;
            let mut response = send(client.get(target.url).header(ACCEPT, "application/json")).await?;
            if response.status() != 200 {
                return Err(unfit(format!("status {}", response.status())));
            }
            json_of(&mut response, cap).await
        };
        within(GET_TIMEOUT, exchange).await
    }

    /// POSTs `body` and reads a JSON document of at most `cap` bytes, as a token endpoint answers: status and document.
    /// Of another status than 200 the document is null.
    ///
    /// # Errors
    /// [`CallError`]; [`Stage::Exchange`] where a good answer is too large or not JSON.
    pub async fn post_for_json(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
        cap: usize,
        timeout: Duration,
    ) -> Result<(u16, serde_json::Value), CallError> {
        let exchange = async {
            let (client, target) = self.client_for(url).await?;
            let request = client.post(target.url).headers(headers).header(ACCEPT, "application/json").body(body);
            let mut response = send(request).await?;
            match response.status().as_u16() {
                200 => Ok((200, json_of(&mut response, cap).await?)),
                status => Ok((status, serde_json::Value::Null)),
            }
        };
        within(timeout, exchange).await
    }

    /// Checks and resolves `url`; the client returned can reach nothing but the addresses vetted here.
    async fn client_for(&self, url: &str) -> Result<(Client, Target), CallError> {
        let target = self.check_url(url)?;
        let builder = Client::builder()
            .use_preconfigured_tls(self.tls.clone())
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .http1_only()
            .pool_max_idle_per_host(0)
            .user_agent(concat!("Waybill/", env!("CARGO_PKG_VERSION")));
        // An address in the URL bypasses reqwest's resolver: `check_url` has judged it.
        let builder = match &target.host {
            Host::Domain(name) => builder.resolve_to_addrs(name, &self.vet(name, target.port).await?),
            Host::Ipv4(_) | Host::Ipv6(_) => builder,
        };
        let client = builder.build().map_err(|error| classify(&error))?;
        Ok((client, target))
    }

    /// All addresses of `name`, if every one of them may be dialled.
    async fn vet(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, CallError> {
        let unresolved = |detail: String| CallError::Network { stage: Stage::Resolve, detail };
        let addresses = self.resolver.resolve(name).await.map_err(|error| unresolved(error.to_string()))?;
        if addresses.is_empty() {
            return Err(unresolved("no addresses".to_owned()));
        }
        for &address in &addresses {
            target::permit(&self.policy, address)?;
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}

async fn within<T>(limit: Duration, exchange: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    tokio::time::timeout(limit, exchange).await.unwrap_or(Err(CallError::Timeout(limit)))
}

async fn send(request: RequestBuilder) -> Result<Response, CallError> {
    request.send().await.map_err(|error| classify(&error))
}

fn unfit(detail: String) -> CallError {
    CallError::Network { stage: Stage::Exchange, detail }
}

async fn json_of(response: &mut Response, cap: usize) -> Result<serde_json::Value, CallError> {
    let (body, end) = read_body(response, cap).await;
    match end {
        End::Complete => serde_json::from_slice(&body).map_err(|error| unfit(error.to_string())),
        End::Capped => Err(unfit(format!("more than {cap} bytes"))),
        End::Broken(error) => Err(unfit(error)),
    }
}

/// How a body ended.
enum End {
    Complete,
    Capped,
    Broken(String),
}

/// Reads until the end, an error, or more than `cap` bytes; returns at most `cap`.
async fn read_body(response: &mut Response, cap: usize) -> (Vec<u8>, End) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                body.extend_from_slice(&chunk);
                if body.len() > cap {
                    body.truncate(cap);
                    return (body, End::Capped);
                }
            }
            Ok(None) => return (body, End::Complete),
            Err(error) => return (body, End::Broken(causes(&error))),
        }
    }
}

fn classify(error: &reqwest::Error) -> CallError {
    let stage = match error {
        error if is_tls(error) => Stage::Tls,
        error if error.is_connect() => Stage::Connect,
        _ => Stage::Exchange,
    };
    CallError::Network { stage, detail: causes(error) }
}

/// Whether rustls is among the causes. It hides inside `io::Error`s, whose `source` skips what they wrap.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return true;
        }
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

/// The error and its causes in one line, without the URL: its path or query may be a secret.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::from("request failed");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
