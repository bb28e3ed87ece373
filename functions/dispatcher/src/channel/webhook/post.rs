//! The exchange itself: sign, POST through the guard, judge the answer as the profile does.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use jiff::{SignedDuration, Timestamp};
use waybill::{
    aws::secrets::SigningKeys,
    domain::{delivery::AttemptOutcome, endpoint::Profile, retry::MAX_RETRY_AFTER, secret::Secret},
    guard::{Answer, CallError, Guard},
};

use super::{redact, sign};
use crate::channel::attempted::{Attempted, millis, retryable};

/// SHA-256 of the manifest of the file, in lower-case hex: in a header, because the bodies of most profiles are fixed.
pub const MANIFEST: HeaderName = HeaderName::from_static("waybill-manifest-sha256");

/// A webhook to call.
#[derive(Debug)]
pub struct WebhookCall {
    /// Where to; checked by the guard.
    pub url: String,
    /// Id of the delivery, stable across attempts.
    pub message_id: String,
    /// The JSON document.
    pub body: Vec<u8>,
    /// The receiver's own headers; ours come before them.
    pub headers: HeaderMap,
    /// Digest of the manifest of the file that it tells of.
    pub manifest_sha256: Option<String>,
    /// The live secrets, `whsec_…`.
    pub secrets: Vec<Secret<String>>,
    /// The service's own keys, which sign too.
    pub service: Arc<SigningKeys>,
    /// Signatures beside those of Standard Webhooks, and what answers mean.
    pub profile: Profile,
    /// For the whole exchange.
    pub timeout: Duration,
    /// Time of this attempt.
    pub now: Timestamp,
}

/// Makes one attempt. Never fails: whatever happens is an outcome.
pub async fn attempt(guard: &Guard, call: &WebhookCall) -> Attempted {
    let started = Instant::now();
    let message = sign::Message { id: &call.message_id, now: call.now, body: &call.body };
    let signatures = match sign::headers(message, &call.secrets, &call.service, call.profile) {
        Ok(headers) => headers,
        Err(error) => {
            tracing::error!(delivery.id = call.message_id, %error, "a webhook cannot be signed");
            // A matter between us and our own table: rotating the secret mends it, so later attempts may succeed.
            return Attempted::without_answer(
                retryable("the notification could not be signed".to_owned(), None),
                started,
            );
        }
    };
    let mut headers = call.headers.clone();
    headers.extend(signatures);
    // Lower-case hex; a digest that is none is left out.
    headers.extend(call.manifest_sha256.as_deref().and_then(|digest| Some((MANIFEST, digest.parse().ok()?))));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match guard.post(&call.url, headers, call.body.clone(), call.timeout).await {
        Ok(answer) => judge(&answer, call.profile, call.now),
        Err(error) => {
            tracing::info!(delivery.id = call.message_id, ?error, "a webhook was not answered");
            let outcome = match error {
                CallError::Refused(refused) => AttemptOutcome::Permanent { reason: refused.to_string() },
                CallError::Timeout(_) | CallError::Network { .. } => retryable(error.to_string(), None),
            };
            Attempted::without_answer(outcome, started)
        }
    }
}

/// Whether that answer to a notification of that profile asks never to be called again.
pub const fn asks_no_more(profile: Profile, http_status: Option<u16>) -> bool {
    matches!((profile, http_status), (Profile::Waybill, Some(410)))
}

/// 2xx confirms, of Tesouro's receivers 200 alone; redirects, which are never followed, and all else may pass, unless
/// the receiver asks for no more.
fn judge(answer: &Answer, profile: Profile, now: Timestamp) -> Attempted {
    let status = answer.status;
    let reason = match StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()) {
        Some(name) => format!("the receiver answered {status} {name}"),
        None => format!("the receiver answered {status}"),
    };
    let outcome = match status {
        200 => AttemptOutcome::Success,
        201..=299 if profile != Profile::Tesouro => AttemptOutcome::Success,
        _ if asks_no_more(profile, Some(status)) => AttemptOutcome::Permanent { reason },
        300..=399 => retryable(format!("{reason}; redirects are not followed"), None),
        _ => retryable(reason, retry_after(&answer.headers, now)),
    };
    Attempted {
        outcome,
        http_status: Some(status),
        response: Some(redact::excerpt(&answer.first_kib)),
        address: answer.remote_addr.map(|address| address.to_string()),
        duration_ms: millis(answer.duration),
    }
}

/// How long the receiver asks us to wait, in either form of `Retry-After`, at most [`MAX_RETRY_AFTER`].
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Too many digits for a number ask for longer than we wait in any case.
        text.parse().map_or(MAX_RETRY_AFTER, SignedDuration::from_secs)
    } else {
        // A moment that has passed asks for no wait.
        let until = httpdate::parse_http_date(text).ok()?;
        SignedDuration::try_from(until.duration_since(SystemTime::from(now)).unwrap_or_default()).ok()?
    };
    Some(wait.clamp(SignedDuration::ZERO, MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use waybill::guard::Policy;

    fn now() -> Timestamp {
        "1994-11-06T08:49:37Z".parse().unwrap()
    }

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).try_into().unwrap(), value.parse().unwrap()));
        Answer {
            status,
            headers: headers.collect(),
            first_kib: b"token=hush".to_vec(),
            remote_addr: Some(([192, 0, 2, 1], 443).into()),
            duration: Duration::from_millis(12),
        }
    }

    fn outcome(status: u16) -> AttemptOutcome {
        judge(&answer(status, &[]), Profile::Waybill, now()).outcome
    }

    fn wait(value: &str) -> Option<i64> {
        match judge(&answer(503, &[("retry-after", value)]), Profile::Waybill, now()).outcome {
            AttemptOutcome::Retryable { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn statuses_are_judged_by_the_profile() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(outcome(status), AttemptOutcome::Success);
        }
        assert_eq!(outcome(410), AttemptOutcome::Permanent { reason: "the receiver answered 410 Gone".into() });
        for status in [100, 301, 302, 304, 307, 400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 599] {
            assert!(matches!(outcome(status), AttemptOutcome::Retryable { retry_after: None, .. }), "{status}");
        }
    }

    #[test]
    fn profiles_differ_in_what_confirms_and_what_ends() {
        let judged = |profile, status| judge(&answer(status, &[]), profile, now()).outcome;
        for profile in Profile::ALL {
            assert_eq!(judged(profile, 200), AttemptOutcome::Success, "{profile:?}");
            let confirmed = judged(profile, 204) == AttemptOutcome::Success;
            assert_eq!(confirmed, profile != Profile::Tesouro, "{profile:?}");
            let ended = matches!(judged(profile, 410), AttemptOutcome::Permanent { .. });
            assert_eq!(ended, profile == Profile::Waybill, "{profile:?}");
            assert_eq!(asks_no_more(profile, Some(410)), ended);
        }
        assert!(!asks_no_more(Profile::Waybill, Some(404)) && !asks_no_more(Profile::Waybill, None));
    }

    #[test]
    fn what_is_recorded_is_redacted() {
        let attempted = judge(&answer(500, &[]), Profile::Waybill, now());
        assert_eq!(attempted.response.as_deref(), Some("token=[redacted]"));
        assert_eq!(attempted.address.as_deref(), Some("192.0.2.1:443"));
        assert_eq!((attempted.http_status, attempted.duration_ms), (Some(500), 12));
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        assert_eq!(wait("0"), Some(0));
        assert_eq!(wait(" 120 "), Some(120));
        assert_eq!(wait("86400"), Some(86_400));
        assert_eq!(wait("86401"), Some(86_400), "a day at most");
        assert_eq!(wait("99999999999999999999999999"), Some(86_400));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(wait("Sunday, 06-Nov-94 08:50:37 GMT"), Some(60));
        assert_eq!(wait("Sun Nov  6 08:50:37 1994"), Some(60));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "past");
        assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), Some(86_400));
        for nonsense in ["", "-1", "1.5", "soon", "1h", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(wait(nonsense), None, "{nonsense}");
        }
    }

    proptest! {
        #[test]
        fn no_retry_after_panics_or_exceeds_a_day(value in "[ -~]{0,40}") {
            prop_assert!(wait(&value).is_none_or(|seconds| (0..=86_400).contains(&seconds)));
        }
    }

    fn call(secrets: Vec<Secret<String>>) -> WebhookCall {
        WebhookCall {
            url: "https://169.254.169.254/".to_owned(),
            message_id: "dlv_1".to_owned(),
            body: b"{}".to_vec(),
            headers: HeaderMap::new(),
            manifest_sha256: None,
            secrets,
            service: Arc::new(sign::tests::service()),
            profile: Profile::Waybill,
            timeout: Duration::from_secs(5),
            now: now(),
        }
    }

    #[tokio::test]
    async fn refusals_are_permanent_and_tell_nothing_of_the_network() {
        let guard = Guard::new(Policy::default()).unwrap();
        let secrets = vec![Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned())];
        let attempted = attempt(&guard, &call(secrets)).await;
        let reason = "the URL's host is not publicly reachable".to_owned();
        assert_eq!(attempted.outcome, AttemptOutcome::Permanent { reason });
        assert_eq!((attempted.http_status, attempted.address), (None, None));
    }

    #[tokio::test]
    async fn what_cannot_be_signed_is_not_sent_and_tried_again() {
        let guard = Guard::new(Policy::default()).unwrap();
        let attempted = attempt(&guard, &call(vec![])).await;
        assert!(matches!(attempted.outcome, AttemptOutcome::Retryable { .. }), "{attempted:?}");
    }
}
