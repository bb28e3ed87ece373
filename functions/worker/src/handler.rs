//! A batch of messages in (of one, as deployed), the ones that must come again out; or one message by itself, of a request
//! whose caller waits for it.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use serde::Deserialize;
use tracing::Instrument;
use waybill::{
    domain::message::RequestMessage,
    telemetry::{self, Unit},
};

use crate::{app::App, claim::Retry, run};

/// What the function is called with.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Call {
    /// By the API, without a queue between: it is not repeated, whatever comes of it.
    Direct(RequestMessage),
    /// By the request queue.
    Batch(SqsEvent),
}

/// Runs the messages' requests one after the other; `deadline` (epoch milliseconds) is the function's.
pub async fn handle(app: &App, call: Call, deadline: u64) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    let event = match call {
        Call::Batch(event) => event,
        Call::Direct(message) => {
            if let Err(error) = Box::pin(requested(app, message, deadline)).await {
                tracing::warn!(%error, "a request that somebody waits for was not run");
            }
            return response;
        }
    };
    for message in &event.records {
        if let Some(id) = one(app, message, deadline).await {
            telemetry::emit(&[("Function", "worker")], &[("MessagesReturned", Unit::Count, 1)]);
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
    let message = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            tracing::error!(message.id = id, %error, "not a message of this queue; it goes to the dead letters");
            return Some(id);
        }
    };
    Box::pin(requested(app, message, deadline)).await.err().map(|error| {
        tracing::warn!(message.id = id, %error, "message comes again");
        id
    })
}

async fn requested(app: &App, message: RequestMessage, deadline: u64) -> Result<(), Retry> {
    let RequestMessage::V1 { tenant, request, .. } = message;
    let span = tracing::info_span!("message", tenant.id = tenant, message.request = %request);
    Box::pin(run::run(app, &tenant, request, deadline)).instrument(span).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_comes_alone_or_in_a_batch() {
        let message = json!({ "v": "1", "tenant": "acme", "request": "req_0193500000007000800000000000000a" });
        let alone: Call = serde_json::from_value(message.clone()).unwrap();
        assert!(matches!(alone, Call::Direct(RequestMessage::V1 { tenant, .. }) if tenant == "acme"));
        let batch = json!({ "Records": [{ "messageId": "m", "body": message.to_string() }] });
        assert!(matches!(serde_json::from_value(batch).unwrap(), Call::Batch(event) if event.records.len() == 1));
        assert!(serde_json::from_value::<Call>(json!({ "v": "2" })).is_err());
    }
}
