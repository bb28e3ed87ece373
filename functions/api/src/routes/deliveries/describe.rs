//! A delivery as its tenant sees it.

use serde_json::{Value, json};
use waybill::domain::{
    delivery::{Attempt, Delivery, Target},
    email::feedback::Feedback,
};

/// What its row tells.
pub fn delivery(delivery: &Delivery) -> Value {
    let event = &delivery.announcement;
    let mut shown = json!({
        "id": delivery.id,
        "status": delivery.status,
        "event": event.kind,
        "event_id": event.id,
        "occurred_at": event.occurred_at,
        "request_id": event.of_request(),
        "target": target(&delivery.target),
        "attempts": delivery.attempts,
        "generation": delivery.generation,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.next_attempt_at,
        "finished_at": delivery.finished_at,
        "reason": delivery.reason,
    });
    if matches!(delivery.target, Target::Email { .. }) {
        shown["feedback"] = delivery.feedback.iter().map(feedback).collect();
    }
    shown
}

/// What became of a mail after the mail service had taken it.
fn feedback(told: &Feedback) -> Value {
    json!({ "kind": told.kind, "at": told.at, "detail": told.detail })
}

/// Without the query of a URL: who may read deliveries need not know what it carries.
fn target(target: &Target) -> Value {
    match target {
        Target::Endpoint { id } => json!({ "endpoint": id }),
        Target::Email { to, content } => json!({ "email": { "to": to, "content": content } }),
        Target::Webhook { url, .. } => {
            let shown = url.split(['?', '#']).next().unwrap_or_default();
            json!({ "webhook": { "url": shown } })
        }
        Target::Jira { issue } => json!({ "jira": { "issue": issue } }),
    }
}

/// What is recorded of an attempt.
pub fn attempt(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "duration_ms": attempt.duration_ms,
        "address": attempt.address,
        "http_status": attempt.http_status,
        "outcome": attempt.outcome,
        "response": attempt.response,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_carries_is_not_shown() {
        for url in ["https://a.example/hook", "https://a.example/hook?key=secret", "https://a.example/hook#secret"] {
            let shown = target(&Target::webhook(url));
            assert_eq!(shown, json!({ "webhook": { "url": "https://a.example/hook" } }));
        }
    }
}
