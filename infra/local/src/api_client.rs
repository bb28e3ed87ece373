//! A small client of Waybill's HTTP API, for `up`, the demo and the tests.

use std::time::Duration;

use reqwest::{
    Method, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::{
    error::{Context, Error, Result},
    stack::Stack,
};

/// Longer than the API function's own time limit.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Calls a stack's API, with one credential or none.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    base: String,
    host: String,
    token: Option<String>,
}

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header's text; empty without that header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The JSON body of an answer with one of these statuses; anything else is an error that shows the answer.
    pub fn expect_status(self, what: &str, statuses: &[u16]) -> Result<Value> {
        if statuses.contains(&self.status) {
            return Ok(self.json());
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(Error::new(what, format!("the API answered {}: {}", self.status, body.trim())))
    }
}

impl ApiClient {
    /// A client without a credential.
    pub fn new(stack: &Stack) -> Result<Self> {
        Self::at(&stack.api_url, &stack.host_header)
    }

    /// A client of the API at `base` that answers to `host`.
    pub fn at(base: &str, host: &str) -> Result<Self> {
        // Redirects are shown, not followed: a managed link's answer is one. No proxy stands before this machine.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let http = http.timeout(TIMEOUT).build().context("make an HTTP client")?;
        Ok(Self { http, base: base.to_owned(), host: host.to_owned(), token: None })
    }

    /// The same, with a bearer token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// `GET path`. A whole URL of the API, such as a managed link, will do too.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send_json(Method::POST, path, body).await
    }

    /// `PUT path` with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send_json(Method::PUT, path, body).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, &[], Vec::new()).await
    }

    async fn send_json(&self, method: Method, path: &str, body: &Value) -> Result<Answer> {
        self.send(method, path, &[("content-type", "application/json")], body.to_string().into_bytes()).await
    }

    /// Any request, with exactly this body.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Answer> {
        let what = format!("{method} {path}");
        let mut request = self.http.request(method, self.url(path)).header("host", &self.host).body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).context(&what)?;
            request = request.header(name, HeaderValue::from_str(value).context(&what)?);
        }
        let response = request.send().await.context(&what)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.context(&what)?.to_vec();
        Ok(Answer { status, headers, body })
    }

    /// Opens a managed link: asks the API, then the file's own address, whose answer streams.
    pub async fn open_link(&self, link: &str) -> Result<Response> {
        self.follow(Method::GET, link).await
    }

    /// Follows a managed link with another method, as a link scanner does with `HEAD`.
    pub async fn follow(&self, method: Method, link: &str) -> Result<Response> {
        let answer = self.send(method.clone(), link, &[], Vec::new()).await?;
        if answer.status != 302 {
            answer.expect_status("open the managed link", &[])?;
            return Err(Error::new("open the managed link", "it does not redirect"));
        }
        let answer_location = answer.header("location");
        // A report may take longer to download than an answer of the API may take to come.
        let request = self.http.request(method, answer_location).timeout(Duration::from_hours(24));
        let response = request.send().await.context("download the report")?;
        response.error_for_status().context("download the report")
    }

    /// Names under `localhost` are for browsers and curl; here they are dialled by address, the name in `Host`.
    fn url(&self, path: &str) -> String {
        let local = format!("http://{}", self.host);
        match path.strip_prefix(&local) {
            Some(rest) => format!("{}{rest}", self.base),
            None if path.starts_with('/') => format!("{}{path}", self.base),
            None => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_links_go_to_the_api() {
        let client = ApiClient::at("http://127.0.0.1:9", "abc.localhost:9").unwrap();
        assert_eq!(client.url("/health"), "http://127.0.0.1:9/health");
        assert_eq!(client.url("http://abc.localhost:9/v1/links/x"), "http://127.0.0.1:9/v1/links/x");
        assert_eq!(client.url("https://elsewhere/x"), "https://elsewhere/x");
    }
}
