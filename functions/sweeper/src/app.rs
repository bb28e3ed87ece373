//! What every sweep shares, made once per process.

use waybill::{
    aws::{
        AwsError,
        objects::Objects,
        queue::Queue,
        s3_client, sdk_config,
        table::{Table, TableError},
    },
    config::{self, ConfigError},
    domain::{request::Rules, retry::Schedule},
};

/// Clients and settings.
pub struct App {
    /// The one table.
    pub table: Table,
    /// To workers.
    pub requests: Queue,
    /// To dispatchers.
    pub deliveries: Queue,
    /// To the intake.
    pub intake: Queue,
    /// What workers gave up.
    pub dead_requests: Queue,
    /// What dispatchers gave up, and what is kept for redrive.
    pub dead_deliveries: Queue,
    /// Report files.
    pub objects: Objects,
    /// Settings of the request machine.
    pub rules: Rules,
    /// Settings of the delivery machine.
    pub schedule: Schedule,
}

/// What keeps something from being swept now. The next sweep finds it again.
#[derive(Debug, thiserror::Error)]
pub enum Left {
    /// The table did not do its part, or somebody else changed the row in between.
    #[error(transparent)]
    Table(#[from] TableError),
    /// AWS did not do its part.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl App {
    /// Reads the environment and makes the clients.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let aws = sdk_config().await;
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let queue = |name| config::text(name).map(|url| Queue::new(sqs.clone(), url));
        Ok(Self {
            table: Table::new(aws_sdk_dynamodb::Client::new(&aws), config::text("WAYBILL_TABLE")?),
            requests: queue("WAYBILL_REQUEST_QUEUE")?,
            deliveries: queue("WAYBILL_DELIVERY_QUEUE")?,
            intake: queue("WAYBILL_INTAKE_QUEUE")?,
            dead_requests: queue("WAYBILL_REQUEST_DLQ")?,
            dead_deliveries: queue("WAYBILL_DELIVERY_DLQ")?,
            objects: Objects::new(s3_client(&aws), config::text("WAYBILL_REPORT_BUCKET")?),
            rules: config::request_rules()?,
            schedule: config::retry_schedule()?,
        })
    }
}
