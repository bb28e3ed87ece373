//! A batch of messages in, the ones that must come again out.
//!
//! What can never have its effect fails every time and so ends in the dead-letter queue, where the alarm
//! and the operator see it: an event has no caller that could be told.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use serde_json::Value;
use waybill::{
    accept::Rejected,
    telemetry::{self, Unit},
};

use crate::{
    app::App,
    error::Refused,
    kind::{Kind, Taken},
};

/// Takes messages one after the other; each fails alone.
pub async fn handle(app: &App, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let id = message.message_id.unwrap_or_default();
        let (kind, taken) = one(app, message.body.as_deref().unwrap_or_default()).await;
        count(kind, &taken);
        let Err(error) = taken else { continue };
        if let Refused::Rejected(Rejected::Invalid(faults)) = &error {
            for fault in faults {
                tracing::warn!(message.id = id, pointer = fault.pointer, code = fault.code, "fault in an event");
            }
        }
        tracing::error!(message.id = id, kind = kind.name(), %error, "event not accepted");
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}

async fn one(app: &App, body: &str) -> (Kind, Result<Taken, Refused>) {
    match serde_json::from_str::<Value>(body) {
        Ok(message) => {
            let kind = Kind::of(&message);
            (kind, kind.take(app, &message).await)
        }
        Err(error) => (Kind::EventBridge, Err(error.into())),
    }
}

/// `Triggers`, by kind and outcome. A message that comes again is counted again.
fn count(kind: Kind, taken: &Result<Taken, Refused>) {
    let outcome = match taken {
        Ok(Taken::New) => "accepted",
        Ok(Taken::Again) => "replayed",
        Err(error) if error.is_transient() => "failed",
        Err(_) => "refused",
    };
    telemetry::emit(&[("Kind", kind.name()), ("Outcome", outcome)], &[("Triggers", Unit::Count, 1)]);
}
