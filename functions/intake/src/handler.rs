//! What the function was called with: a batch of messages, of which the ones that must come again are named; or a call
//! by somebody who waits for an answer.
//!
//! A message that can never have its effect fails every time and so ends in the dead-letter queue, where the alarm and
//! the operator see it: an event has no caller that could be told.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    app::App,
    direct,
    error::Refused,
    kind::{self, Kind, Taken},
};

/// Answers an invocation. `arn` is what was called: the function, or an alias of it.
pub async fn handle(app: &App, payload: Value, arn: &str) -> Result<Value, Refused> {
    let bound_to = direct::tenant_of_alias(arn);
    match (payload.get("Records"), bound_to) {
        (None, _) => direct::answer(app, &payload, bound_to).await,
        (Some(_), Some(_)) => Err(Refused::Batch),
        (Some(_), None) => Ok(serde_json::to_value(batch(app, SqsEvent::deserialize(payload)?).await)?),
    }
}

/// Takes messages one after the other; each fails alone.
async fn batch(app: &App, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let (kind, taken) = one(app, &message).await;
        kind::count(kind, taken.as_ref().copied());
        let Err(error) = taken else { continue };
        let id = message.message_id.unwrap_or_default();
        error.log_faults(&id);
        tracing::error!(message.id = id, kind = kind.name(), %error, "event not accepted");
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}

async fn one(app: &App, message: &SqsMessage) -> (Kind, Result<Taken, Refused>) {
    // What a publisher of a topic writes must not pass for what a rule writes.
    let of_topic = message.event_source_arn.as_ref().is_some_and(|queue| *queue == app.topic_queue);
    let default = if of_topic { Kind::Sns } else { Kind::EventBridge };
    match serde_json::from_str::<Value>(message.body.as_deref().unwrap_or_default()) {
        Ok(body) => {
            let kind = if of_topic { Kind::Sns } else { Kind::of(&body) };
            (kind, kind.take(app, &body).await)
        }
        Err(error) => (default, Err(error.into())),
    }
}
