//! What every message shares, made once per process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use waybill::{
    aws::{
        AwsError,
        config_store::ConfigStore,
        link_signer::{LinkSigner, SignError},
        mail_templates::TemplateError,
        queue::Queue,
        s3_client, sdk_config,
        secrets::{CachedSecret, SecretError, SigningKeys, link_signer_key, sealing_keyring, signing_keys},
        table::{Table, TableError},
    },
    config::{self, ConfigError},
    domain::{email::RenderError, retry::Schedule},
    guard::Guard,
    seal::{Keyring, SealError},
};

use crate::{
    bus::Bus,
    channel::{email::Mailer, jira::StackSite, webhook::authenticate::Tokens},
};

/// Clients and settings.
pub struct App {
    /// The one table.
    pub table: Table,
    /// Where attempts wait that are due within 15 minutes.
    pub queue: Queue,
    /// Where every event goes.
    pub bus: Bus,
    /// Where dead deliveries are kept for redrive.
    pub dead_letters: Queue,
    /// Signs direct links.
    pub signer: LinkSigner,
    /// Opens links and webhook secrets.
    pub sealing: CachedSecret<Keyring>,
    /// Signs notifications in the service's name.
    pub signing: CachedSecret<SigningKeys>,
    /// Access tokens for receivers that want one.
    pub tokens: Tokens,
    /// The Jira of tenants without a site of their own.
    pub jira: Option<StackSite>,
    /// Sends mails; none: the channel is off.
    pub mailer: Option<Mailer>,
    /// Templates of mails.
    pub config: ConfigStore,
    /// The only way to a receiver.
    pub guard: Arc<Guard>,
    /// Waits before each attempt.
    pub schedule: Schedule,
    /// Bound on one whole exchange with a receiver.
    pub timeout: Duration,
    /// How long an attempt may hold its delivery: the exchange, and the writes around it.
    pub lease: SignedDuration,
    /// Base of managed links.
    pub public_url: String,
    /// When this invocation ends.
    pub deadline: Deadline,
}

/// When the invocation under way ends. A process has one at a time.
#[derive(Debug, Default)]
pub struct Deadline(AtomicI64);

impl Deadline {
    /// As Lambda tells it, in epoch milliseconds.
    pub fn set(&self, millis: u64) {
        self.0.store(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// The time.
    pub fn get(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX)
    }
}

/// What keeps a message from being done now. The message comes again.
#[derive(Debug, thiserror::Error)]
pub enum Retry {
    /// The table did not do its part.
    #[error(transparent)]
    Table(#[from] TableError),
    /// AWS did not do its part.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The keyring could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A direct link could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A sealed value does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A row that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A template of a mail is not right.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A text of a mail could not be made.
    #[error("a text of the mail could not be made: {0}")]
    Text(#[from] RenderError),
    /// A mail could not be put together.
    #[error("the mail could not be built: {0}")]
    Mail(#[from] std::io::Error),
    /// A body could not be rendered.
    #[error(transparent)]
    Render(#[from] serde_json::Error),
}

impl App {
    /// Reads the environment and makes the clients.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let aws = sdk_config().await;
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        let seconds: u32 = config::parsed("WAYBILL_DELIVERY_TIMEOUT_SECONDS")?;
        let seconds = seconds.clamp(1, 30);
        Ok(Self {
            table: Table::new(aws_sdk_dynamodb::Client::new(&aws), config::text("WAYBILL_TABLE")?),
            queue: Queue::new(sqs.clone(), config::text("WAYBILL_DELIVERY_QUEUE")?),
            bus: Bus::new(aws_sdk_eventbridge::Client::new(&aws), config::text("WAYBILL_EVENT_BUS")?),
            dead_letters: Queue::new(sqs, config::text("WAYBILL_DELIVERY_DLQ")?),
            signer: LinkSigner::new(
                s3_client(&aws),
                config::text("WAYBILL_REPORT_BUCKET")?,
                link_signer_key(secrets.clone(), config::text("WAYBILL_LINK_SIGNER_SECRET")?),
            ),
            sealing: sealing_keyring(secrets.clone(), config::text("WAYBILL_SEALING_SECRET")?),
            signing: signing_keys(secrets.clone(), config::text("WAYBILL_SIGNING_SECRET")?),
            tokens: Tokens::default(),
            jira: StackSite::from_env(secrets)?,
            mailer: Mailer::from_env(&aws),
            config: ConfigStore::new(s3_client(&aws), config::text("WAYBILL_CONFIG_BUCKET")?),
            guard: Arc::new(config::guard()?),
            schedule: config::retry_schedule()?,
            timeout: Duration::from_secs(u64::from(seconds)),
            lease: SignedDuration::from_secs(i64::from(seconds) + 20),
            public_url: config::text("WAYBILL_PUBLIC_URL")?.trim_end_matches('/').to_owned(),
            deadline: Deadline::default(),
        })
    }
}
