//! How an endpoint knows us besides the signature: fixed headers, or access tokens of OAuth2 client credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use url::form_urlencoded;
use waybill::{
    clock,
    domain::{id::EndpointId, secret::Secret},
    guard::{CallError, Guard},
};

use super::{
    Webhook,
    post::{self, WebhookCall},
};
use crate::{app::App, channel::Attempted};

/// Largest answer of a token endpoint.
const MAX_ANSWER: usize = 32 * 1024;

/// A token without a life of its own is used for so long, and none for longer than a day.
const LIFE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// A token is used no more so long before its end, or a tenth of its life if that is shorter.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// Endpoints whose tokens are kept.
const MOST_KEPT: usize = 1000;

/// What opens a receiver.
#[derive(Debug, Clone)]
pub enum Access {
    /// Nothing.
    Open,
    /// One header.
    Header(HeaderName, HeaderValue),
    /// A bearer token.
    OAuth2(Client),
}

/// A client of an authorization server, for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Whose tokens: they are not shared.
    pub endpoint: EndpointId,
    /// https, checked by the guard at every call.
    pub token_url: String,
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Secret<String>,
    /// Space-separated; may be empty.
    pub scope: String,
}

/// Makes one attempt with what opens the receiver. A token that it refuses is replaced once, within the same attempt.
pub async fn attempt(app: &App, webhook: &Webhook, mut call: WebhookCall) -> Attempted {
    let (started, limit) = (Instant::now(), call.timeout);
    call.headers.extend(webhook.headers.clone());
    let client = match &webhook.access {
        Access::OAuth2(client) => client,
        Access::Header(name, value) => {
            call.headers.insert(name, value.clone());
            return struck_out(post::attempt(&app.guard, &call).await, &webhook.confidential);
        }
        Access::Open => return struck_out(post::attempt(&app.guard, &call).await, &webhook.confidential),
    };
    let mut token = match app.tokens.get(&app.guard, client, limit, None).await {
        Ok(token) => token,
        Err(denied) => return timed(denied.attempted(), started),
    };
    let mut attempted = with_token(&app.guard, &mut call, &token, limit.saturating_sub(started.elapsed())).await;
    if attempted.http_status == Some(401) {
        let left = limit.saturating_sub(started.elapsed());
        match app.tokens.get(&app.guard, client, left, Some(&token)).await {
            Ok(fresh) => {
                attempted = with_token(&app.guard, &mut call, &fresh, limit.saturating_sub(started.elapsed())).await;
                token = fresh;
            }
            Err(denied) => tracing::info!(endpoint.id = %client.endpoint, ?denied, "no other token"),
        }
    }
    let attempted = struck_out(attempted, &webhook.confidential);
    timed(struck_out(attempted, std::slice::from_ref(&token.text)), started)
}

async fn with_token(guard: &Guard, call: &mut WebhookCall, token: &Token, left: Duration) -> Attempted {
    call.headers.insert(AUTHORIZATION, token.header.clone());
    call.timeout = left;
    post::attempt(guard, call).await
}

fn timed(attempted: Attempted, started: Instant) -> Attempted {
    Attempted { duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), ..attempted }
}

/// A receiver may repeat what it was sent: what is confidential of that is not kept with its answer.
pub fn struck_out(mut attempted: Attempted, confidential: &[Secret<String>]) -> Attempted {
    let Some(response) = &mut attempted.response else { return attempted };
    for text in confidential.iter().map(Secret::expose).filter(|text| text.len() >= 4) {
        *response = response.replace(text.as_str(), "[redacted]");
        // The answer may have been cut in the middle of it.
        let cut = (4..text.len()).rev().find(|len| text.get(..*len).is_some_and(|start| response.ends_with(start)));
        if let Some(len) = cut {
            response.truncate(response.len() - len);
            response.push_str("[redacted]");
        }
    }
    attempted
}

/// `Basic` and base64.
pub fn basic(credentials: &str) -> Option<HeaderValue> {
    sensitive(&format!("Basic {}", BASE64_STANDARD.encode(credentials)))
}

/// A header's value that is never printed.
pub fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Access tokens of this process.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<EndpointId, Arc<Place>>>);

/// Held while a token is fetched, so that deliveries side by side fetch one.
type Place = tokio::sync::Mutex<Option<Kept>>;

struct Kept {
    client: Client,
    token: Token,
    until: Timestamp,
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    text: Secret<String>,
    header: HeaderValue,
}

/// Why there is no token.
#[derive(Debug)]
enum Denied {
    /// The token endpoint could not be called.
    Call(CallError),
    /// It answered, but not with a token.
    Answer(u16),
    /// What it calls a token is none, or not one for us.
    Unfit,
}

impl Denied {
    fn attempted(&self) -> Attempted {
        match self {
            Self::Call(CallError::Refused(refused)) => {
                Attempted::never_made(format!("the token endpoint may not be called: {refused}"))
            }
            Self::Call(error) => Attempted::not_made(format!("no access token: {error}")),
            Self::Answer(status) => {
                Attempted::not_made(format!("no access token: the token endpoint answered {status}"))
            }
            Self::Unfit => Attempted::not_made("no access token: the token endpoint's answer holds none".to_owned()),
        }
    }
}

impl Tokens {
    /// A token for the client, other than the one that was refused: the kept one, or a fresh one.
    async fn get(
        &self,
        guard: &Guard,
        client: &Client,
        limit: Duration,
        refused: Option<&Token>,
    ) -> Result<Token, Denied> {
        let started = Instant::now();
        let place = self.place(client.endpoint);
        let out_of_time = |_| Denied::Call(CallError::Timeout(limit));
        let mut place = tokio::time::timeout(limit, place.lock()).await.map_err(out_of_time)?;
        if let Some(kept) = &*place
            && kept.client == *client
            && kept.until > clock::now()
            && refused != Some(&kept.token)
        {
            return Ok(kept.token.clone());
        }
        let now = clock::now();
        let (token, until) = fetch(guard, client, limit.saturating_sub(started.elapsed()), now).await?;
        *place = Some(Kept { client: client.clone(), token: token.clone(), until });
        Ok(token)
    }

    fn place(&self, endpoint: EndpointId) -> Arc<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST_KEPT && !places.contains_key(&endpoint) {
            places.clear();
        }
        Arc::clone(places.entry(endpoint).or_default())
    }
}

/// Asks for a token (RFC 6749, 4.4, the client by HTTP Basic).
async fn fetch(guard: &Guard, client: &Client, limit: Duration, now: Timestamp) -> Result<(Token, Timestamp), Denied> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if !client.scope.is_empty() {
        form.append_pair("scope", &client.scope);
    }
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = format!("{}:{}", encoded(&client.id), encoded(client.secret.expose()));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, basic(&credentials).ok_or(Denied::Unfit)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let body = form.finish().into_bytes();
    let answer = guard.post_for_json(&client.token_url, headers, body, MAX_ANSWER, limit).await;
    let answer = answer.inspect_err(|error| tracing::info!(endpoint.id = %client.endpoint, ?error, "no token"));
    match answer.map_err(Denied::Call)? {
        (200, document) => token_of(&document, now).ok_or(Denied::Unfit),
        (status, _) => Err(Denied::Answer(status)),
    }
}

/// The token of an answer, and until when it is used.
fn token_of(answer: &Value, now: Timestamp) -> Option<(Token, Timestamp)> {
    let text = answer.get("access_token")?.as_str().filter(|text| !text.is_empty())?;
    let bearer = answer
        .get("token_type")
        .is_none_or(|kind| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")));
    let header = sensitive(&format!("Bearer {text}")).filter(|_| bearer)?;
    // Some servers say it as a text.
    let seconds = answer.get("expires_in").and_then(|life| life.as_i64().or_else(|| life.as_str()?.parse().ok()));
    let life = seconds.map_or(LIFE, SignedDuration::from_secs).clamp(SignedDuration::ZERO, LONGEST_LIFE);
    let token = Token { text: Secret::new(text.to_owned()), header };
    Some((token, now + (life - MARGIN.min(life / 10))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waybill::domain::delivery::AttemptOutcome;

    use super::*;

    fn life(answer: &Value) -> Option<i64> {
        token_of(answer, Timestamp::UNIX_EPOCH).map(|(_, until)| until.as_second())
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let answer =
            |expires_in: Value| json!({ "access_token": "t", "token_type": "Bearer", "expires_in": expires_in });
        for (expires_in, seconds) in [
            (json!(3600), 3570),
            (json!("3600"), 3570),
            (json!(100), 90),
            (json!(0), 0),
            (json!(-5), 0),
            (json!(i64::MAX), 86_370),
            (Value::Null, 54),
            (json!("soon"), 54),
        ] {
            assert_eq!(life(&answer(expires_in.clone())), Some(seconds), "{expires_in}");
        }
        assert_eq!(life(&json!({ "access_token": "t", "token_type": "bearer" })), Some(54));
        for other in [
            json!({}),
            json!({ "access_token": "" }),
            json!({ "access_token": 7 }),
            json!({ "access_token": "a\nb" }),
            json!({ "access_token": "t", "token_type": "mac" }),
            json!([]),
        ] {
            assert_eq!(life(&other), None, "{other}");
        }
    }

    #[test]
    fn nothing_confidential_is_kept_or_printed() {
        let answered = |text: &str| Attempted { response: Some(text.into()), ..Attempted::not_made(String::new()) };
        let secrets = [Secret::new("s3cret-token".to_owned()), Secret::new("x".to_owned())];
        let kept = |text: &str| struck_out(answered(text), &secrets).response.unwrap();
        assert_eq!(kept("you sent s3cret-token, s3cret-token"), "you sent [redacted], [redacted]");
        assert_eq!(kept("you sent s3cret-to"), "you sent [redacted]", "cut off");
        assert_eq!(kept("xyz s3c"), "xyz s3c", "too short to be one");
        let (token, _) = token_of(&json!({ "access_token": "hush" }), Timestamp::UNIX_EPOCH).unwrap();
        assert!(!format!("{token:?}").contains("hush"), "{token:?}");
    }

    #[test]
    fn a_failing_token_endpoint_is_tried_again_and_a_refused_one_is_not() {
        let outcome = |denied: Denied| denied.attempted().outcome;
        assert!(matches!(outcome(Denied::Answer(500)), AttemptOutcome::Retryable { .. }));
        assert!(matches!(outcome(Denied::Unfit), AttemptOutcome::Retryable { .. }));
        let late = Denied::Call(CallError::Timeout(Duration::from_secs(1)));
        assert!(matches!(outcome(late), AttemptOutcome::Retryable { .. }));
        let refused = waybill::guard::Refused::Address([169, 254, 169, 254].into());
        let AttemptOutcome::Permanent { reason } = outcome(Denied::Call(refused.into())) else { panic!() };
        assert!(!reason.contains("169"), "{reason}");
    }
}
