//! Which Jira it is, and calls to it.

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::{
        secrets::{CachedSecret, JiraCredential, jira_credential},
        table::keys::Key,
    },
    config::{self, ConfigError},
    domain::{
        delivery::Delivery,
        jira::{IssueKey, Kind, Settings},
        secret::Secret,
    },
    guard::{Answer, Call, CallError, Guard},
};

use super::{
    judge::{self, Deed, Found},
    mark::{Mark, PROPERTY},
};
use crate::{
    app::{App, Retry},
    channel::{Attempted, webhook::authenticate::sensitive},
    receiver::open,
};

/// Bytes of an answer that are read: what is made is told in far less.
const CAP: usize = 64 * 1024;

/// Bytes that are read of an issue's comments, the newest first.
const COMMENTS_CAP: usize = 2 * 1024 * 1024;

/// Comments that are looked through: there can hardly be more since the attempt before.
const COMMENTS: u32 = 50;

/// The Jira of the stack, for tenants without a site of their own.
pub struct StackSite {
    base_url: String,
    kind: Kind,
    credential: CachedSecret<JiraCredential>,
}

impl StackSite {
    /// `WAYBILL_JIRA_BASE_URL`, `_KIND` and `_SECRET`; none without the first.
    pub fn from_env(secrets: aws_sdk_secretsmanager::Client) -> Result<Option<Self>, ConfigError> {
        if !config::has_jira_site() {
            return Ok(None);
        }
        let name = "WAYBILL_JIRA_KIND";
        let kind = Kind::from_name(&config::text(name)?)
            .ok_or_else(|| ConfigError { name, reason: "is neither cloud nor datacenter".to_owned() })?;
        Ok(Some(Self {
            base_url: config::text("WAYBILL_JIRA_BASE_URL")?.trim_end_matches('/').to_owned(),
            kind,
            credential: jira_credential(secrets, config::text("WAYBILL_JIRA_SECRET")?),
        }))
    }
}

/// Calls to one Jira, within the time of one attempt.
pub struct Client<'a> {
    guard: &'a Guard,
    base_url: String,
    /// Which of the two.
    pub kind: Kind,
    authorization: HeaderValue,
    /// What must not be kept with answers.
    pub confidential: Vec<Secret<String>>,
    began: Instant,
    limit: Duration,
    now: Timestamp,
}

impl<'a> Client<'a> {
    /// A client for the tenant's site, or the stack's; none if there is neither, or its credential cannot be sent.
    pub async fn of(
        app: &'a App,
        delivery: &Delivery,
        settings: &Settings,
        (limit, now): (Duration, Timestamp),
    ) -> Result<Option<Self>, Retry> {
        let (base_url, kind, credential) = match (&settings.site, &app.jira) {
            (Some(site), _) => {
                let key = Key::tenant(&delivery.announcement.tenant);
                let token = open(app, &site.token_sealed, &key).await?;
                (site.base_url.clone(), site.kind, JiraCredential { email: site.email.clone(), token })
            }
            (None, Some(site)) => match site.credential.get().await {
                Ok(credential) => (site.base_url.clone(), site.kind, (*credential).clone()),
                // The operator has not set it yet, or not as it must be.
                Err(error) => {
                    tracing::error!(%error, "the credential of the stack's Jira cannot be used");
                    return Ok(None);
                }
            },
            (None, None) => return Ok(None),
        };
        let Some((authorization, confidential)) = authorization(kind, credential) else { return Ok(None) };
        let guard = &app.guard;
        Ok(Some(Self { guard, base_url, kind, authorization, confidential, began: Instant::now(), limit, now }))
    }

    /// Makes what the deed says.
    pub async fn make(&self, deed: Deed<'_>, body: &Value) -> Attempted {
        let exchange = self.exchange(Method::POST, &self.path(deed), Some(body), CAP).await;
        judge::made(deed, exchange, self.now)
    }

    /// The issue that carries the mark. The oldest, should there be several.
    pub async fn find_issue(&self, mark: &Mark) -> Result<Found, Attempted> {
        let path = match self.kind {
            Kind::Cloud => "rest/api/3/search/jql",
            Kind::Datacenter => "rest/api/2/search",
        };
        let body = json!({ "jql": mark.jql(), "maxResults": 1, "fields": ["created"] });
        judge::found(self.exchange(Method::POST, path, Some(&body), CAP).await, self.now)
    }

    /// The generation of the delivery that made the issue; none if nobody knows.
    pub async fn generation_of(&self, issue: &IssueKey) -> Result<Option<u32>, Attempted> {
        let path = format!("{}/issue/{issue}/properties/{PROPERTY}", self.api());
        let exchange = self.exchange(Method::GET, &path, None, CAP).await;
        let Some(document) = judge::read(exchange, self.now)? else { return Ok(None) };
        let generation = document.pointer("/value/generation").and_then(Value::as_u64);
        Ok(generation.and_then(|generation| generation.try_into().ok()))
    }

    /// What it means that the mark stands in one of the issue's latest comments; none if it does not.
    pub async fn find_comment(&self, issue: &str, mark: &Mark) -> Result<Option<Attempted>, Attempted> {
        let path = format!("{}/issue/{issue}/comment?orderBy=-created&maxResults={COMMENTS}", self.api());
        let exchange = self.exchange(Method::GET, &path, None, COMMENTS_CAP).await;
        judge::commented(exchange, &mark.words(), self.now)
    }

    fn path(&self, deed: Deed<'_>) -> String {
        match deed {
            Deed::CreateIssue => format!("{}/issue", self.api()),
            Deed::Comment(issue) => format!("{}/issue/{issue}/comment", self.api()),
        }
    }

    const fn api(&self) -> &'static str {
        match self.kind {
            Kind::Cloud => "rest/api/3",
            Kind::Datacenter => "rest/api/2",
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        cap: usize,
    ) -> Result<(Answer, Vec<u8>), CallError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let call = Call {
            method,
            url: format!("{}/{path}", self.base_url),
            headers,
            body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
            cap,
            timeout: self.limit.saturating_sub(self.began.elapsed()),
        };
        let exchange = self.guard.call(call).await;
        exchange.inspect_err(|error| tracing::info!(?error, "Jira did not answer"))
    }
}

/// The header, and what of it must not be kept; none if it cannot be a header, or Cloud's address is missing.
fn authorization(kind: Kind, credential: JiraCredential) -> Option<(HeaderValue, Vec<Secret<String>>)> {
    let token = credential.token;
    match kind {
        Kind::Cloud if credential.email.is_empty() => None,
        Kind::Cloud => {
            let encoded = BASE64_STANDARD.encode(format!("{}:{}", credential.email, token.expose()));
            let header = sensitive(&format!("Basic {encoded}"))?;
            Some((header, vec![Secret::new(encoded), token]))
        }
        Kind::Datacenter => Some((sensitive(&format!("Bearer {}", token.expose()))?, vec![token])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: Kind, email: &str, token: &str) -> Option<String> {
        let credential = JiraCredential { email: email.to_owned(), token: Secret::new(token.to_owned()) };
        authorization(kind, credential).map(|(header, _)| {
            assert!(header.is_sensitive());
            header.to_str().unwrap().to_owned()
        })
    }

    #[test]
    fn each_jira_knows_us_by_its_own_header() {
        assert_eq!(header(Kind::Cloud, "a@b.example", "t").unwrap(), "Basic YUBiLmV4YW1wbGU6dA==");
        assert_eq!(header(Kind::Datacenter, "", "t").unwrap(), "Bearer t");
        assert_eq!(header(Kind::Cloud, "", "t"), None, "an API token is nothing without its address");
        assert_eq!(header(Kind::Datacenter, "", "t\n"), None);
    }
}
