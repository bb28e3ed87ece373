//! What every route shares, made once per process.

use std::sync::Arc;

use waybill::{
    accept::Acceptor,
    aws::{
        config_store::ConfigStore,
        objects::Objects,
        queue::Queue,
        s3_client, sdk_config,
        secrets::{CachedSecret, sealing_keyring, service_key},
        table::Table,
    },
    config::{self, ConfigError},
    openpgp::ServiceKey,
    seal::Keyring,
};

use crate::auth::Authenticator;

/// Clients and settings.
pub struct App {
    /// Who calls, and for whom.
    pub authenticator: Authenticator,
    /// How requests come to be.
    pub acceptor: Acceptor,
    /// The one table.
    pub table: Table,
    /// Definitions.
    pub config: Arc<ConfigStore>,
    /// Report files.
    pub objects: Objects,
    /// Opens links and webhook secrets.
    pub sealing: CachedSecret<Keyring>,
    /// Its public half is published.
    pub signing: CachedSecret<ServiceKey>,
    /// Base of the URLs that are handed out, without a trailing slash.
    pub public_url: String,
}

impl App {
    /// Reads the environment and makes the clients.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let aws = sdk_config().await;
        let s3 = s3_client(&aws);
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        let table = Table::new(aws_sdk_dynamodb::Client::new(&aws), config::text("WAYBILL_TABLE")?);
        let store = Arc::new(ConfigStore::new(s3.clone(), config::text("WAYBILL_CONFIG_BUCKET")?));
        let guard = Arc::new(config::guard()?);
        let queue = Queue::new(aws_sdk_sqs::Client::new(&aws), config::text("WAYBILL_REQUEST_QUEUE")?);
        Ok(Self {
            authenticator: Authenticator::new(Arc::clone(&store), table.clone(), Arc::clone(&guard)),
            acceptor: Acceptor {
                table: table.clone(),
                queue,
                config: Arc::clone(&store),
                guard,
                retention_hours: config::parsed("WAYBILL_RETENTION_HOURS")?,
            },
            table,
            config: store,
            objects: Objects::new(s3, config::text("WAYBILL_REPORT_BUCKET")?),
            sealing: sealing_keyring(secrets.clone(), config::text("WAYBILL_SEALING_SECRET")?),
            signing: service_key(secrets, config::text("WAYBILL_SIGNING_SECRET")?),
            public_url: config::text("WAYBILL_PUBLIC_URL")?.trim_end_matches('/').to_owned(),
        })
    }

    /// URL of a managed link.
    pub fn link_url(&self, capability: &str) -> String {
        waybill::domain::link::url(&self.public_url, capability)
    }
}
