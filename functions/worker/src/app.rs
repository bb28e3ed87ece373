//! What every run shares, made once per process.

use std::sync::Arc;

use waybill::{
    aws::{
        config_store::ConfigStore,
        objects::Objects,
        queue::Queue,
        s3_client, sdk_config,
        secrets::{CachedSecret, SigningKeys, sealing_keyring, signing_keys},
        table::Table,
    },
    config,
    domain::request::Rules,
    seal::Keyring,
};
use waybill_worker::{Context, manifest::Signers};

/// Clients and settings.
pub struct App {
    /// The one table.
    pub table: Table,
    /// To dispatchers.
    pub deliveries: Queue,
    /// To this function, for another attempt.
    pub requests: Queue,
    /// Definitions.
    pub config: ConfigStore,
    /// To delete what lost its lease.
    pub objects: Objects,
    /// Seals links and passwords.
    pub sealing: CachedSecret<Keyring>,
    /// Sign the file and its manifest.
    pub signing: CachedSecret<SigningKeys>,
    /// Settings of the request machine.
    pub rules: Rules,
    /// Reports of one tenant at the same time, where it has no figure of its own.
    pub tenant_max_running: u32,
    s3: aws_sdk_s3::Client,
    lake_bucket: String,
    report_bucket: String,
}

impl App {
    /// Reads the environment and makes the clients.
    pub async fn from_env() -> Result<Self, config::ConfigError> {
        let aws = sdk_config().await;
        let s3 = s3_client(&aws);
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        let report_bucket = config::text("WAYBILL_REPORT_BUCKET")?;
        Ok(Self {
            table: Table::new(aws_sdk_dynamodb::Client::new(&aws), config::text("WAYBILL_TABLE")?),
            deliveries: Queue::new(sqs.clone(), config::text("WAYBILL_DELIVERY_QUEUE")?),
            requests: Queue::new(sqs, config::text("WAYBILL_REQUEST_QUEUE")?),
            config: ConfigStore::new(s3.clone(), config::text("WAYBILL_CONFIG_BUCKET")?),
            objects: Objects::new(s3.clone(), report_bucket.clone()),
            sealing: sealing_keyring(secrets.clone(), config::text("WAYBILL_SEALING_SECRET")?),
            signing: signing_keys(secrets, config::text("WAYBILL_SIGNING_SECRET")?),
            rules: config::request_rules()?,
            tenant_max_running: config::parsed::<u32>("WAYBILL_TENANT_MAX_RUNNING")?.clamp(1, 100),
            s3,
            lake_bucket: config::text("WAYBILL_LAKE_BUCKET")?,
            report_bucket,
        })
    }

    /// The data path, with the keys that sign now.
    pub fn data_path(&self, keys: Arc<SigningKeys>) -> Result<Context, impl std::error::Error + use<>> {
        Context::from_env(self.s3.clone(), &self.lake_bucket, &self.report_bucket, Signers::new(keys))
    }
}
