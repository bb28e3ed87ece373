//! Jira: an issue that tells of a report, or a comment on one.
//!
//! [`site`] says which Jira and makes calls to it, [`told`] what is told, [`document`] and [`wiki`] write that as the two
//! kinds of Jira take it, [`body`] wraps it into requests, [`judge`] says what answers mean.
//!
//! Jira has no idempotency keys. What is made carries a mark of its delivery, and whatever is not the first attempt looks
//! for the mark before it makes anything: see `docs/decisions/0038-jira-looks-before-it-makes.md`.

mod body;
mod document;
mod judge;
mod mark;
mod site;
mod told;
mod wiki;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use waybill::domain::{
    delivery::{AttemptOutcome, Delivery},
    jira::{IssueKey, Settings},
    message::EventKind,
    secret::Secret,
};

pub use self::site::StackSite;
use self::{
    judge::{Deed, Found},
    mark::Mark,
    site::Client,
    told::Told,
};
use super::{
    Attempted,
    attempted::millis,
    webhook::{authenticate::struck_out, body::opened_password},
};
use crate::app::{App, Retry};

/// A tenant's Jira, as its settings are now.
#[derive(Debug, Clone)]
pub struct Jira {
    /// None if the tenant has none any more.
    pub settings: Option<Settings>,
    /// The issue that gets a comment; none: an issue is made.
    pub issue: Option<IssueKey>,
}

impl Jira {
    /// Whether there are words for that event.
    pub const fn expresses(event: EventKind) -> bool {
        matches!(event, EventKind::ReportSucceeded | EventKind::ReportDivergent | EventKind::ReportFailed)
    }
}

/// Makes the attempt that has begun.
pub async fn attempt(
    app: &App,
    delivery: &Delivery,
    jira: &Jira,
    timeout: Duration,
    now: Timestamp,
) -> Result<Attempted, Retry> {
    let started = Instant::now();
    let Some(settings) = &jira.settings else {
        return Ok(Attempted::not_made("Jira is not set up for this tenant any more".to_owned()));
    };
    let Some(client) = Client::of(app, delivery, settings, (timeout, now)).await? else {
        return Ok(Attempted::not_made("the Jira of this tenant has no site or no usable credential".to_owned()));
    };
    let password = match &delivery.announcement {
        event if event.empty_notice => None,
        event => opened_password(app, event).await?,
    };
    let told = Told::of(app, delivery, settings, password.as_ref(), now).await?;
    let post = Post { client: &client, delivery, told: &told, settings, mark: Mark::of(delivery) };
    let attempted = match &jira.issue {
        Some(issue) => post.comment(issue.as_str(), delivery.tries() > 1).await,
        None => post.issue().await,
    };
    let confidential: Vec<Secret<String>> = client.confidential.iter().cloned().chain(password).collect();
    let attempted = struck_out(attempted, &confidential);
    let outcome = told_without(attempted.outcome, &confidential);
    Ok(Attempted { outcome, duration_ms: millis(started.elapsed()), ..attempted })
}

/// Jira's own words stand in reasons, and may repeat what it was sent.
fn told_without(outcome: AttemptOutcome, confidential: &[Secret<String>]) -> AttemptOutcome {
    let strike = |reason: String| {
        let texts = confidential.iter().map(Secret::expose).filter(|text| text.len() >= 4);
        texts.fold(reason, |reason, text| reason.replace(text.as_str(), "[redacted]"))
    };
    match outcome {
        AttemptOutcome::Success => AttemptOutcome::Success,
        AttemptOutcome::Permanent { reason } => AttemptOutcome::Permanent { reason: strike(reason) },
        AttemptOutcome::Retryable { reason, retry_after } => {
            AttemptOutcome::Retryable { reason: strike(reason), retry_after }
        }
    }
}

/// One attempt under way.
struct Post<'a> {
    client: &'a Client<'a>,
    delivery: &'a Delivery,
    told: &'a Told,
    settings: &'a Settings,
    mark: Mark,
}

impl Post<'_> {
    /// Makes the issue, unless an attempt before has made it. One that was made for an earlier generation was told of
    /// already: who has it delivered again gets a comment on it, with a link that is signed anew.
    async fn issue(&self) -> Attempted {
        if self.delivery.attempts > 1 {
            match self.client.find_issue(&self.mark).await {
                Err(attempted) => return attempted,
                Ok(Found::Nothing) => {}
                Ok(Found::Issue(key, attempted)) => return self.again(&key, attempted).await,
            }
        }
        let body = body::issue(self.client.kind, self.settings, self.told, &self.mark);
        self.client.make(Deed::CreateIssue, &body).await
    }

    async fn again(&self, key: &IssueKey, found: Attempted) -> Attempted {
        if self.delivery.generation == 0 {
            return found;
        }
        match self.client.generation_of(key).await {
            Err(attempted) => attempted,
            Ok(Some(generation)) if generation == self.delivery.generation => found,
            Ok(_) => self.comment(key.as_str(), self.delivery.tries() > 1).await,
        }
    }

    /// Comments on the issue, unless an attempt before has.
    async fn comment(&self, issue: &str, look: bool) -> Attempted {
        if look {
            match self.client.find_comment(issue, &self.mark).await {
                Err(attempted) | Ok(Some(attempted)) => return attempted,
                Ok(None) => {}
            }
        }
        let body = body::comment(self.client.kind, self.told, &self.mark);
        self.client.make(Deed::Comment(issue), &body).await
    }
}
