//! Adapters: they know AWS and no rules. Rows, messages and objects in; errors classed as retryable or not.

pub mod config_store;
pub mod lanes;
pub mod link_signer;
pub mod mail_templates;
pub mod objects;
pub mod one_shots;
pub mod queue;
pub mod secrets;
pub mod table;
pub mod triggers;

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};

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
    // The SDK has no bound on an answer that never comes, as from a connection that died while the function was frozen.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build();
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await
}

/// S3, whose calls carry megabytes: bounded by the wait for an answer, not by the whole call.
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let timeouts = TimeoutConfig::builder()
        .read_timeout(Duration::from_secs(60))
        .disable_operation_attempt_timeout()
        .disable_operation_timeout()
        .build();
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(config).timeout_config(timeouts).build())
}
