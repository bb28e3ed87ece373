//! What every route shares, made once per process.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use waybill::{
    accept::Acceptor,
    aws::{
        config_store::ConfigStore,
        link_signer::{DirectUrl, LinkSigner},
        objects::Objects,
        one_shots::OneShots,
        queue::Queue,
        s3_client, sdk_config,
        secrets::{CachedSecret, SigningKeys, link_signer_key, sealing_keyring, signing_keys},
        table::{Table, keys::Key},
    },
    config::{self, ConfigError},
    domain::{
        link::LinkMode,
        request::{Request, Rules},
        retry::Schedule,
        tenant::Tenant,
    },
    schedules::Schedules,
    seal::Keyring,
};

use crate::{
    auth::{Authenticator, UserPool, Users},
    cors::Cors,
    problem::Problem,
    worker::Worker,
};

/// Below the function's own 28 seconds, with time to answer.
const MAX_ANSWER_SECONDS: i64 = 20;

/// Clients and settings.
pub struct App {
    /// Who calls, and for whom.
    pub authenticator: Authenticator,
    /// How requests come to be.
    pub acceptor: Acceptor,
    /// What wakes the service for schedules.
    pub one_shots: OneShots,
    /// The one table.
    pub table: Table,
    /// Runs what somebody waits for.
    pub worker: Worker,
    /// How long an answer may be waited for.
    pub answer_within: SignedDuration,
    /// Waits before each attempt at a delivery.
    pub schedule: Schedule,
    /// To dispatchers.
    pub deliveries: Queue,
    /// Deliveries that were given up.
    pub dead_deliveries: Queue,
    /// Settings of the request machine.
    pub rules: Rules,
    /// Definitions.
    pub config: Arc<ConfigStore>,
    /// Report files.
    pub objects: Objects,
    /// Signs direct links.
    pub signer: LinkSigner,
    /// Opens links and webhook secrets.
    pub sealing: Arc<CachedSecret<Keyring>>,
    /// Their public halves are published.
    pub signing: CachedSecret<SigningKeys>,
    /// Pages of other origins that may call.
    pub cors: Cors,
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
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let queue = Queue::new(sqs.clone(), config::text("WAYBILL_REQUEST_QUEUE")?);
        let report_bucket = config::text("WAYBILL_REPORT_BUCKET")?;
        let sealing = Arc::new(sealing_keyring(secrets.clone(), config::text("WAYBILL_SEALING_SECRET")?));
        Ok(Self {
            authenticator: Authenticator::new(
                Arc::clone(&store),
                table.clone(),
                Arc::clone(&guard),
                UserPool::from_env(),
                Users::new(table.clone(), Arc::clone(&sealing)),
            ),
            acceptor: Acceptor {
                table: table.clone(),
                queue,
                config: Arc::clone(&store),
                guard,
                retention_hours: config::parsed("WAYBILL_RETENTION_HOURS")?,
                jira_site: config::has_jira_site(),
                email: !config::optional("WAYBILL_EMAIL_FROM").is_empty(),
            },
            one_shots: OneShots::from_env(aws_sdk_scheduler::Client::new(&aws))?,
            table,
            worker: Worker::new(aws_sdk_lambda::Client::new(&aws), config::text("WAYBILL_WORKER_FUNCTION")?),
            answer_within: SignedDuration::from_secs(
                config::parsed::<i64>("WAYBILL_ANSWER_SECONDS")?.clamp(1, MAX_ANSWER_SECONDS),
            ),
            schedule: config::retry_schedule()?,
            deliveries: Queue::new(sqs.clone(), config::text("WAYBILL_DELIVERY_QUEUE")?),
            dead_deliveries: Queue::new(sqs, config::text("WAYBILL_DELIVERY_DLQ")?),
            rules: config::request_rules()?,
            config: store,
            objects: Objects::new(s3.clone(), report_bucket.clone()),
            signer: LinkSigner::new(
                s3,
                report_bucket,
                link_signer_key(secrets.clone(), config::text("WAYBILL_LINK_SIGNER_SECRET")?),
            ),
            sealing,
            signing: signing_keys(secrets, config::text("WAYBILL_SIGNING_SECRET")?),
            cors: Cors::from_env()?,
            public_url: config::text("WAYBILL_PUBLIC_URL")?.trim_end_matches('/').to_owned(),
        })
    }

    /// The direct link to a request's file that its policy promises, signed anew; none without a file, for another
    /// policy, or once it has ended.
    pub async fn direct_url(&self, request: &Request, now: Timestamp) -> Result<Option<DirectUrl>, Problem> {
        let (Some(file), Some(ends)) = (&request.file, request.link_expires_at()) else { return Ok(None) };
        if request.link.mode != LinkMode::Direct {
            return Ok(None);
        }
        Ok(self.signer.sign_within_bounds(&file.key, now, ends).await?)
    }

    /// How schedules come to be.
    pub const fn schedules(&self) -> Schedules<'_> {
        Schedules { acceptor: &self.acceptor, one_shots: &self.one_shots }
    }

    /// The tenant that a caller acts for.
    pub async fn tenant(&self, id: &str) -> Result<Tenant, Problem> {
        let tenant = self.table.get::<Tenant>(&Key::tenant(id)).await?.map(|tenant| tenant.row);
        // Its erasure removes credentials a little earlier than other copies of this function may see.
        tenant.filter(|tenant| tenant.erasure.is_none()).ok_or_else(Problem::no_tenant)
    }

    /// URL of a managed link.
    pub fn link_url(&self, capability: &str) -> String {
        waybill::domain::link::url(&self.public_url, capability)
    }
}
