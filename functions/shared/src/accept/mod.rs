//! How a request comes to be, whoever asks: validated, recorded, handed to the queue.
//!
//! The API and the intake of events both end here, so that what one refuses the other refuses too.

mod ask;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value as Json;

pub use self::ask::Ask;
use crate::{
    aws::{
        AwsError,
        config_store::{ConfigError, ConfigStore},
        queue::Queue,
        table::{Table, TableError, Write, keys::Key},
    },
    domain::{
        definition::{Definition, parameter},
        id::RequestId,
        message::RequestMessage,
        outcome::{Format, Packaging},
        request::{Asked, Request},
        tenant::Tenant,
    },
    guard::Guard,
};

/// One thing wrong with what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the request body.
    pub pointer: String,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into() }
    }
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// What was asked is not right; every fault at once.
    #[error("{} faults in what was asked", .0.len())]
    Invalid(Vec<Fault>),
    /// The tenant has no such report.
    #[error("no report {0:?}")]
    UnknownReport(String),
    /// The report's definition is broken; the operator must mend it.
    #[error(transparent)]
    Definition(ConfigError),
    /// AWS did not do its part. Asking again may succeed.
    #[error(transparent)]
    Unavailable(#[from] AwsError),
    /// The table did not do its part. Asking again may succeed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Everything that accepting needs.
pub struct Acceptor {
    /// Where requests are recorded.
    pub table: Table,
    /// Where they are handed to.
    pub queue: Queue,
    /// Where definitions come from.
    pub config: Arc<ConfigStore>,
    /// What callers' URLs must pass.
    pub guard: Arc<Guard>,
    /// Life of a file unless the tenant has its own, in hours.
    pub retention_hours: u32,
}

impl Acceptor {
    /// Validates, records and queues. With the `id` of a request that is already recorded, answers with that
    /// request and changes nothing: an event that comes twice makes one report.
    pub async fn accept(
        &self,
        tenant: &Tenant,
        requested_by: &str,
        id: RequestId,
        body: &Json,
        now: Timestamp,
    ) -> Result<Request, Rejected> {
        let asked = Ask::parse(body).map_err(Rejected::Invalid)?;
        let definition = self.definition(&tenant.id, &asked.0.report).await?;
        let request = self.validated(tenant, requested_by, id, asked, &definition, now)?;
        match self.table.write(vec![Write::insert(&request)?]).await {
            Ok(()) => {}
            Err(TableError::Conflict) => return self.recorded(&tenant.id, id).await,
            Err(error) => return Err(error.into()),
        }
        let message = RequestMessage::V1 { tenant: tenant.id.clone(), request: id, dead: None };
        if let Err(error) = self.queue.send(&message, &tenant.id, 0).await {
            // It is recorded and due: the sweeper hands it over. The caller's request stands.
            tracing::warn!(request.id = %id, tenant.id = tenant.id, %error, "hand-off left to the sweeper");
        }
        Ok(request)
    }

    /// The definition that holds for the tenant.
    pub async fn definition(&self, tenant: &str, report: &str) -> Result<Arc<Definition>, Rejected> {
        match self.config.definition(tenant, report).await {
            Ok(Some(definition)) if definition.visible_to(tenant) => Ok(definition),
            Ok(_) => Err(Rejected::UnknownReport(report.to_owned())),
            Err(ConfigError::Aws(error)) => Err(error.into()),
            Err(error) => Err(Rejected::Definition(error)),
        }
    }

    async fn recorded(&self, tenant: &str, id: RequestId) -> Result<Request, Rejected> {
        let stored = self.table.get(&Key::request(tenant, id)).await?;
        stored.map(|stored| stored.row).ok_or(Rejected::Table(TableError::Conflict))
    }

    fn validated(
        &self,
        tenant: &Tenant,
        requested_by: &str,
        id: RequestId,
        (ask, mut faults): (Ask, Vec<Fault>),
        definition: &Definition,
        now: Timestamp,
    ) -> Result<Request, Rejected> {
        let resolved = parameter::resolve(definition, &ask.parameters).unwrap_or_else(|found| {
            faults.extend(found.into_iter().map(|f| Fault::new(f.pointer, f.code.name(), f.detail)));
            parameter::Placeholders::new()
        });
        let format = chosen_format(definition, ask.format, &mut faults);
        let packaging = ask.packaging.unwrap_or(tenant.packaging);
        check_recipients(tenant, packaging, now, &mut faults);
        let delivery = ask.delivery.inspect(|target| {
            let crate::domain::delivery::Target::Webhook { url } = target;
            if let Err(refused) = self.guard.check_url(url) {
                faults.push(Fault::new("/delivery/webhook/url", "url_refused", refused.to_string()));
            }
        });
        if !faults.is_empty() {
            return Err(Rejected::Invalid(faults));
        }
        let asked = Asked {
            id,
            tenant: tenant.id.clone(),
            requested_by: requested_by.to_owned(),
            report: definition.id.clone(),
            report_version: definition.version,
            parameters: Json::Object(ask.parameters),
            resolved,
            format,
            packaging,
            delivery,
            retention_hours: tenant.retention_hours.unwrap_or(self.retention_hours),
        };
        Ok(Request::recorded(asked, now))
    }
}

fn chosen_format(definition: &Definition, asked: Option<Format>, faults: &mut Vec<Fault>) -> Format {
    // infallible in effect: the parser refuses a definition without formats.
    let default = definition.formats.first().copied().unwrap_or(Format::Csv);
    let format = asked.unwrap_or(default);
    if !definition.formats.contains(&format) {
        let allowed: Vec<&str> = definition.formats.iter().map(|format| format.name()).collect();
        let detail = format!("This report is offered as {}.", allowed.join(", "));
        faults.push(Fault::new("/format", "not_allowed", detail));
    }
    format
}

/// Only what is known for certain is refused here; the worker checks the keys themselves.
fn check_recipients(tenant: &Tenant, packaging: Packaging, now: Timestamp, faults: &mut Vec<Fault>) {
    let usable = |key: &crate::domain::tenant::RecipientKeyRecord| {
        key.expires_at.is_none_or(|end| end > now + SignedDuration::from_secs(60))
    };
    if packaging == Packaging::Openpgp && !tenant.recipient_keys.iter().any(usable) {
        let detail = "The tenant has no valid OpenPGP recipient key; have one registered or ask for another packaging.";
        faults.push(Fault::new("/packaging", "recipient_key_missing", detail));
    }
}

/// An id that is the same for the same event, and still sorts by time: UUIDv7 with the event's instant and
/// a hash of its identity in place of random bits.
pub fn request_id_of_event(source: &str, event: &str, at: Timestamp) -> RequestId {
    let hash = crate::digest::sha256(format!("{source}\n{event}").as_bytes());
    let mut bits = [0_u8; 10];
    bits.copy_from_slice(&hash[..10]);
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    RequestId::new(uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid())
}
