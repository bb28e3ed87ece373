//! A batch of messages in, the ones that must come again out.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use tracing::Instrument;
use waybill::{
    domain::message::{DeliveryMessage, DeliveryTask},
    telemetry::{self, Unit},
};

use crate::{
    app::{App, Retry},
    fan_out, lane, redrive,
};

/// Works on all messages side by side; each fails alone.
pub async fn handle(app: &App, event: SqsEvent) -> SqsBatchResponse {
    let outcomes = join_all(event.records.iter().map(|message| one(app, message))).await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = outcomes
        .into_iter()
        .flatten()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    let returned = response.batch_item_failures.len();
    if returned > 0 {
        let dimensions = [("Function", "dispatcher")];
        telemetry::emit(&dimensions, &[("MessagesReturned", Unit::Count, returned as u64)]);
    }
    response
}

/// The message's id if it must come again.
async fn one(app: &App, message: &SqsMessage) -> Option<String> {
    let id = message.message_id.clone().unwrap_or_default();
    let body = message.body.as_deref().unwrap_or_default();
    let parsed = match serde_json::from_str::<DeliveryMessage>(body) {
        Ok(parsed) => parsed,
        Err(error) => {
            tracing::error!(message.id = id, %error, "not a message of this queue; it goes to the dead letters");
            return Some(id);
        }
    };
    let DeliveryMessage::V1 { tenant, request, task, dead } = parsed;
    let span = tracing::info_span!("delivery", tenant.id = tenant, request.id = %request);
    let outcome: Result<(), Retry> = async {
        if let Some(dead) = &dead
            && !redrive::counts(app, &tenant, request, task, dead).await?
        {
            return Ok(());
        }
        match task {
            DeliveryTask::FanOut(event) => fan_out::fan_out(app, &tenant, request, event).await,
            DeliveryTask::Attempt(delivery) => Box::pin(lane::wake(app, &tenant, request, delivery)).await,
        }
    }
    .instrument(span.clone())
    .await;
    outcome.err().map(|error| {
        span.in_scope(|| tracing::warn!(message.id = id, %error, "message comes again"));
        id
    })
}
