//! What every event shares, made once per process.

use std::sync::Arc;

use waybill::{
    accept::Acceptor,
    aws::{config_store::ConfigStore, one_shots::OneShots, queue::Queue, s3_client, sdk_config, table::Table},
    config::{self, ConfigError},
};

/// Clients and settings.
pub struct App {
    /// How requests come to be.
    pub acceptor: Acceptor,
    /// What wakes the service for schedules.
    pub one_shots: OneShots,
    /// To dispatchers.
    pub deliveries: Queue,
    /// ARN of the queue of topics, whose messages strangers write.
    pub topic_queue: String,
}

impl App {
    /// Reads the environment and makes the clients.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let aws = sdk_config().await;
        let s3 = s3_client(&aws);
        let sqs = aws_sdk_sqs::Client::new(&aws);
        Ok(Self {
            one_shots: OneShots::from_env(aws_sdk_scheduler::Client::new(&aws))?,
            deliveries: Queue::new(sqs.clone(), config::text("WAYBILL_DELIVERY_QUEUE")?),
            topic_queue: config::text("WAYBILL_TOPIC_QUEUE_ARN")?,
            acceptor: Acceptor {
                table: Table::new(aws_sdk_dynamodb::Client::new(&aws), config::text("WAYBILL_TABLE")?),
                queue: Queue::new(sqs, config::text("WAYBILL_REQUEST_QUEUE")?),
                config: Arc::new(ConfigStore::new(s3, config::text("WAYBILL_CONFIG_BUCKET")?)),
                guard: Arc::new(config::guard()?),
                retention_hours: config::parsed("WAYBILL_RETENTION_HOURS")?,
                jira_site: config::has_jira_site(),
                email: !config::optional("WAYBILL_EMAIL_FROM").is_empty(),
            },
        })
    }
}
