//! A batch of messages in (of one, as deployed), the ones that must come again out.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use tracing::Instrument;
use waybill::domain::message::RequestMessage;

use crate::{app::App, run};

/// Runs the messages' requests one after the other; `deadline` (epoch milliseconds) is the function's.
pub async fn handle(app: &App, event: SqsEvent, deadline: u64) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in &event.records {
        if let Some(id) = one(app, message, deadline).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// The message's id if it must come again.
async fn one(app: &App, message: &SqsMessage, deadline: u64) -> Option<String> {
    let id = message.message_id.clone().unwrap_or_default();
    let parsed = serde_json::from_str::<RequestMessage>(message.body.as_deref().unwrap_or_default());
    let RequestMessage::V1 { tenant, request, .. } = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            tracing::error!(message.id = id, %error, "not a message of this queue; it goes to the dead letters");
            return Some(id);
        }
    };
    let span = tracing::info_span!("message", tenant.id = tenant, message.request = %request);
    let outcome = Box::pin(run::run(app, &tenant, request, deadline)).instrument(span.clone()).await;
    outcome.err().map(|error| {
        span.in_scope(|| tracing::warn!(message.id = id, %error, "message comes again"));
        id
    })
}
