//! Sending to and reading from SQS.

use aws_sdk_sqs::{Client, operation::change_message_visibility::ChangeMessageVisibilityError};
use serde::Serialize;

use super::AwsError;

/// One standard queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

/// A message read directly, as dead letters are.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its body.
    pub body: String,
    receipt: String,
}

impl Queue {
    /// Uses the queue at that URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Sends a message that arrives after `delay_seconds` (0–900). `group` is the tenant: SQS shares a
    /// standard queue fairly between message groups.
    pub async fn send<T: Serialize>(&self, message: &T, group: &str, delay_seconds: u32) -> Result<(), AwsError> {
        let body = serde_json::to_string(message).map_err(|e| AwsError::new("sqs", "SendMessage", &e))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_group_id(group)
            .delay_seconds(i32::try_from(delay_seconds.min(900)).unwrap_or(900))
            .send()
            .await
            .map_err(|e| AwsError::new("sqs", "SendMessage", &e))?;
        Ok(())
    }

    /// Up to ten messages that are there now; each stays hidden from others for `hide_seconds`.
    pub async fn receive(&self, hide_seconds: i32) -> Result<Vec<Received>, AwsError> {
        let output = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10)
            .visibility_timeout(hide_seconds)
            .send()
            .await
            .map_err(|e| AwsError::new("sqs", "ReceiveMessage", &e))?;
        let received = output.messages.unwrap_or_default().into_iter();
        Ok(received.filter_map(|m| Some(Received { body: m.body?, receipt: m.receipt_handle? })).collect())
    }

    /// Makes a message that was received visible again at once. One that is gone meanwhile is passed over.
    ///
    /// Not in batches: the local cloud asks for a permission of its own for those, which AWS does not know.
    pub async fn release(&self, message: &Received) -> Result<(), AwsError> {
        let request = self.client.change_message_visibility().queue_url(&self.url);
        match request.receipt_handle(&message.receipt).visibility_timeout(0).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(is_gone) => Ok(()),
            Err(error) => Err(AwsError::new("sqs", "ChangeMessageVisibility", &error)),
        }
    }

    /// Removes a message that was received.
    pub async fn delete(&self, message: &Received) -> Result<(), AwsError> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(&message.receipt);
        request.send().await.map_err(|e| AwsError::new("sqs", "DeleteMessage", &e))?;
        Ok(())
    }
}

fn is_gone(error: &ChangeMessageVisibilityError) -> bool {
    error.is_message_not_inflight() || error.is_receipt_handle_is_invalid()
}
