//! Adapters: they know AWS and no rules. Rows, messages and objects in; errors classed as retryable or not.

pub mod config_store;
pub mod objects;
pub mod queue;
pub mod secrets;
pub mod table;

use aws_config::{BehaviorVersion, SdkConfig};

/// A call to AWS that failed after the SDK's own retries. Always worth another try later.
#[derive(Debug, thiserror::Error)]
#[error("{service} {operation} failed: {message}")]
pub struct AwsError {
    /// e.g. `dynamodb`.
    pub service: &'static str,
    /// e.g. `PutItem`.
    pub operation: &'static str,
    /// The SDK's whole chain of causes, for logs only.
    pub message: String,
}

impl AwsError {
    /// Keeps the chain of causes of an SDK error.
    pub fn new<E: std::error::Error + 'static>(service: &'static str, operation: &'static str, error: &E) -> Self {
        Self { service, operation, message: crate::telemetry::with_causes(error) }
    }
}

/// Region, credentials and endpoint from the environment, as Lambda sets them.
pub async fn sdk_config() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}
