//! What Jira's answers mean.
//!
//! | answer | means |
//! |---|---|
//! | 201 | made |
//! | 400, 413, 422 | never: the fields that Jira names stand in the reason |
//! | 404 for a comment | never: there is no such issue, or its project is closed to our credential |
//! | 401, 403, other 404, redirects | not now: the operator can mend the credential, the permission, the address |
//! | 429, 503 and the like with `Retry-After` | not before that |
//! | 5xx, no answer after the request was sent | unknown: looked for, after [`SETTLE`], before it is made again |

use std::{collections::BTreeMap, time::Instant};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use waybill::{
    domain::{delivery::AttemptOutcome, jira::IssueKey},
    guard::{Answer, CallError, Stage},
};

use crate::channel::{
    Attempted,
    attempted::{millis, retryable},
    webhook::{post::retry_after, redact},
};

/// How long after an unknown outcome nothing is looked for: Jira's search knows a new issue only after a while.
pub const SETTLE: SignedDuration = SignedDuration::from_secs(15);

/// Longest reason, in characters.
const MAX_REASON: usize = 600;

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed<'a> {
    /// An issue.
    CreateIssue,
    /// A comment on the issue of that key.
    Comment(&'a str),
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No issue has the mark.
    Nothing,
    /// This one has. With it, what it means that it has.
    Issue(IssueKey, Attempted),
}

/// An exchange with Jira: the answer, and what was read of its body.
pub type Exchange = Result<(Answer, Vec<u8>), CallError>;

/// The outcome of making something.
pub fn made(deed: Deed<'_>, exchange: Exchange, now: Timestamp) -> Attempted {
    let (answer, body) = match exchange {
        Ok(answered) => answered,
        Err(error) => return unanswered(&error),
    };
    let outcome = match (answer.status, deed) {
        (201, _) => AttemptOutcome::Success,
        (404, Deed::Comment(issue)) => {
            let reason = format!("Jira has no issue {issue}, or it is closed to the credential");
            AttemptOutcome::Permanent { reason }
        }
        (400 | 413 | 422, _) => AttemptOutcome::Permanent { reason: said(answer.status, &body) },
        _ => later(&answer, &body, now),
    };
    attempted(&answer, outcome)
}

/// The issue that a search found. What is no answer to a search ends the attempt: nothing is made unseen.
pub fn found(exchange: Exchange, now: Timestamp) -> Result<Found, Attempted> {
    let (answer, body) = exchange.map_err(|error| unanswered(&error))?;
    if answer.status != 200 {
        return Err(attempted(&answer, later(&answer, &body, now)));
    }
    let read: Option<Searched> = serde_json::from_slice(&body).ok();
    let Some(searched) = read else {
        return Err(attempted(&answer, retryable("Jira's answer to a search is none".to_owned(), None)));
    };
    Ok(match searched.issues.into_iter().next() {
        None => Found::Nothing,
        Some(issue) => Found::Issue(issue.key, attempted(&answer, AttemptOutcome::Success)),
    })
}

/// The document that a GET answers with; none if there is no such thing.
pub fn read(exchange: Exchange, now: Timestamp) -> Result<Option<Value>, Attempted> {
    let (answer, body) = exchange.map_err(|error| unanswered(&error))?;
    match answer.status {
        200 => Ok(serde_json::from_slice(&body).ok()),
        404 => Ok(None),
        _ => Err(attempted(&answer, later(&answer, &body, now))),
    }
}

/// Success if the words stand in one of the comments; none if they do not. They hold nothing that JSON escapes, so the
/// text is looked through as it came, and one that was cut off, whose newest comments come first, serves as well.
pub fn commented(exchange: Exchange, words: &str, now: Timestamp) -> Result<Option<Attempted>, Attempted> {
    let (answer, body) = exchange.map_err(|error| unanswered(&error))?;
    match answer.status {
        200 => {
            let stands = body.windows(words.len()).any(|window| window == words.as_bytes());
            Ok(stands.then(|| Attempted { response: None, ..attempted(&answer, AttemptOutcome::Success) }))
        }
        404 => {
            let reason = "Jira has no such issue, or it is closed to the credential".to_owned();
            Err(attempted(&answer, AttemptOutcome::Permanent { reason }))
        }
        _ => Err(attempted(&answer, later(&answer, &body, now))),
    }
}

#[derive(Deserialize)]
struct Searched {
    issues: Vec<SearchedIssue>,
}

#[derive(Deserialize)]
struct SearchedIssue {
    key: IssueKey,
}

/// What may pass, or be mended.
fn later(answer: &Answer, body: &[u8], now: Timestamp) -> AttemptOutcome {
    let said = said(answer.status, body);
    let asked = retry_after(&answer.headers, now);
    match answer.status {
        401 => retryable(format!("{said} (the operator must mend the credential of Jira)"), asked),
        403 => retryable(format!("{said} (the operator must grant the credential what is missing)"), asked),
        404 => retryable(format!("{said} (the operator must look at the address of Jira)"), asked),
        300..=399 => retryable(format!("{said} (redirects are not followed)"), asked),
        // It may have been made before that was said.
        200..=299 | 500.. => retryable(said, Some(asked.unwrap_or(SETTLE).max(SETTLE))),
        _ => retryable(said, asked),
    }
}

/// No answer: refused by the guard, not sent, or nobody knows.
fn unanswered(error: &CallError) -> Attempted {
    let outcome = match error {
        CallError::Refused(refused) => {
            AttemptOutcome::Permanent { reason: format!("Jira may not be called: {refused}") }
        }
        CallError::Network { stage: Stage::Resolve | Stage::Connect | Stage::Tls, .. } => {
            retryable(format!("Jira: {error}"), None)
        }
        CallError::Network { stage: Stage::Exchange, .. } | CallError::Timeout(_) => {
            retryable(format!("Jira: {error}; it is looked for before it is made again"), Some(SETTLE))
        }
    };
    Attempted::without_answer(outcome, Instant::now())
}

fn attempted(answer: &Answer, outcome: AttemptOutcome) -> Attempted {
    Attempted {
        outcome,
        http_status: Some(answer.status),
        response: Some(redact::excerpt(&answer.first_kib)),
        address: answer.remote_addr.map(|address| address.to_string()),
        duration_ms: millis(answer.duration),
    }
}

/// Jira's own words on what is wrong, as its `ErrorCollection` has them, fields with their names.
#[derive(Deserialize, Default)]
struct Errors {
    #[serde(default, rename = "errorMessages")]
    messages: Vec<String>,
    #[serde(default)]
    errors: BTreeMap<String, Value>,
}

fn said(status: u16, body: &[u8]) -> String {
    let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let mut said = format!("Jira answered {status} {name}").trim_end().to_owned();
    let errors: Errors = serde_json::from_slice(body).unwrap_or_default();
    let fields = errors.errors.iter().map(|(field, message)| match message {
        Value::String(message) => format!("{field}: {message}"),
        other => format!("{field}: {other}"),
    });
    let all: Vec<String> = fields.chain(errors.messages).collect();
    if !all.is_empty() {
        let all = redact::excerpt(all.join("; ").as_bytes());
        said.push_str(": ");
        said.extend(all.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON));
    }
    said
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
