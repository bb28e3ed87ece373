//! The worker, called without a queue between: for a request that somebody waits for.

use aws_sdk_lambda::{Client, primitives::Blob, types::InvocationType};
use waybill::{aws::AwsError, domain::message::RequestMessage};

/// The worker function.
#[derive(Debug, Clone)]
pub struct Worker {
    client: Client,
    function: String,
}

impl Worker {
    /// Calls the function of that ARN.
    pub fn new(client: Client, function: impl Into<String>) -> Self {
        Self { client, function: function.into() }
    }

    /// Has the request run now. That it is under way, or that it is not, is read in its row: a call that is lost is not
    /// repeated, and one that comes too late finds that nobody waits any more.
    pub async fn run_now(&self, message: &RequestMessage) -> Result<(), AwsError> {
        let payload = serde_json::to_vec(message).map_err(|e| AwsError::new("lambda", "Invoke", &e))?;
        let call = self.client.invoke().function_name(&self.function).invocation_type(InvocationType::Event);
        call.payload(Blob::new(payload)).send().await.map_err(|e| AwsError::new("lambda", "Invoke", &e))?;
        Ok(())
    }
}
