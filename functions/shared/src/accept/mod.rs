//! How a request comes to be, whoever asks: validated, counted, recorded, handed to the queue.
//!
//! The API and the intake of events both end here, so that what one refuses the other refuses too.

pub mod ask;
pub mod fields;
mod record;
mod seat;
mod validate;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

pub use self::ask::{Ask, add_when_empty, add_wishes};
use crate::{
    aws::{
        AwsError,
        config_store::{ConfigError, ConfigStore},
        queue::Queue,
        table::{Table, TableError, keys::Key},
    },
    domain::{
        definition::Definition,
        id::RequestId,
        interface::Terms,
        licence::{SeatAsk, pool::Occupied},
        message::RequestMessage,
        quota::Standing,
        request::{Asked, Receipt},
        statistics::{Estimate, Statistics},
        tenant::Tenant,
    },
    guard::Guard,
    telemetry::{self, Unit},
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

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// For whom.
    pub tenant: &'a Tenant,
    /// Who asks.
    pub by: &'a str,
    /// Id to record it under. One that is recorded already is answered with, and nothing is changed: an event that
    /// comes twice makes one report.
    pub id: RequestId,
    /// What is asked.
    pub body: &'a Json,
    /// The caller's word for this very request, 1 to 255 bytes.
    pub idempotency_key: Option<&'a str>,
    /// The request that it repeats.
    pub repeats: Option<RequestId>,
    /// What the interface that it comes through settles.
    pub terms: &'a Terms,
    /// The licence seat that it needs, where it needs one. Taken with its recording, so one that is recorded has it; a
    /// repeat of an order, or one that joins another, takes none.
    pub seat: Option<&'a SeatAsk>,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// It was recorded, and the day's quota of requests stands so.
    Recorded(Receipt, Option<Standing>),
    /// It was recorded before, under the same id or idempotency key.
    Replayed {
        /// What it was answered with then.
        receipt: Receipt,
        /// Whether that was joining another.
        coalesced: bool,
    },
    /// An identical request is in flight.
    Joined(Receipt),
    /// It would be accepted; nothing was recorded.
    Valid(Box<Preview>),
}

/// What a request would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// As it would be recorded.
    pub asked: Asked,
    /// Rows to expect, where past runs tell.
    pub estimate: Option<Estimate>,
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
    /// The idempotency key came with another body before.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The idempotency key's first request is being recorded at this moment.
    #[error("a request with this idempotency key is being recorded")]
    InFlight,
    /// A quota of the day is used up.
    #[error("quota {} is used up", .0.quota)]
    Exhausted(Standing),
    /// No seat of the tenant's licence pool is free.
    #[error("all {} licence seats are in use", .0.seats)]
    NoSeat(Box<Occupied>),
    /// The tenant is being erased.
    #[error("the tenant is being erased")]
    Erased,
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
    /// Whether the stack has a Jira for tenants without a site of their own.
    pub jira_site: bool,
    /// Whether there is a sender's address, without which no mail is sent.
    pub email: bool,
}

impl Acceptor {
    /// Validates, counts, records and queues; what somebody waits for is not queued, but left to whoever asks.
    pub async fn accept(&self, order: Order<'_>, now: Timestamp) -> Result<Accepted, Rejected> {
        let outcome = Box::pin(self.decide(order, now)).await;
        if let Some(name) = outcome_name(&outcome) {
            let dimensions = [("Interface", order.terms.interface.name()), ("Outcome", name)];
            telemetry::emit(&dimensions, &[("Requests", Unit::Count, 1)]);
        }
        outcome
    }

    async fn decide(&self, order: Order<'_>, now: Timestamp) -> Result<Accepted, Rejected> {
        if order.tenant.erasure.is_some() {
            return Err(Rejected::Erased);
        }
        if let Some(known) = self.known_key(&order, now).await? {
            return known.answer(&order);
        }
        let (ask, faults) = Ask::parse(order.body).map_err(Rejected::Invalid)?;
        let definition = self.definition(order.tenant, &ask.report).await?;
        let (validate_only, coalesce) = (ask.validate_only, ask.coalesce);
        let asked = self.validated(&order, (ask, faults), &definition, now).await?;
        if validate_only {
            return Ok(Accepted::Valid(Box::new(self.preview(asked).await?)));
        }
        let accepted = self.record(&order, asked, coalesce, now).await?;
        if let Accepted::Recorded(receipt, _) = &accepted
            && order.terms.answer_by.is_none()
        {
            self.hand_off(&order.tenant.id, receipt.id).await;
        }
        Ok(accepted)
    }

    /// The definition of a report that the tenant may ask for.
    pub async fn definition(&self, tenant: &Tenant, report: &str) -> Result<Arc<Definition>, Rejected> {
        match self.config.definition(&tenant.id, report).await {
            Ok(Some(definition)) if definition.visible_to(tenant) => Ok(definition),
            Ok(_) => Err(Rejected::UnknownReport(report.to_owned())),
            Err(ConfigError::Aws(error)) => Err(error.into()),
            Err(error) => Err(Rejected::Definition(error)),
        }
    }

    async fn preview(&self, asked: Asked) -> Result<Preview, Rejected> {
        let known = self.table.get::<Statistics>(&Key::statistics(&asked.tenant, &asked.report)).await?;
        let estimate = known.and_then(|known| known.row.estimate(&asked.run_digest(), asked.days()));
        Ok(Preview { asked, estimate })
    }

    /// If this fails, the request is recorded and due: the sweeper hands it over. The caller's request stands.
    async fn hand_off(&self, tenant: &str, request: RequestId) {
        let message = RequestMessage::V1 { tenant: tenant.to_owned(), request, dead: None };
        if let Err(error) = self.queue.send(&message, tenant, 0).await {
            tracing::warn!(request.id = %request, tenant.id = tenant, %error, "hand-off left to the sweeper");
        }
    }
}

/// Name in metrics; none for a question that is not to be recorded.
const fn outcome_name(outcome: &Result<Accepted, Rejected>) -> Option<&'static str> {
    match outcome {
        Ok(Accepted::Recorded(..)) => Some("accepted"),
        Ok(Accepted::Replayed { .. } | Accepted::Joined(_)) => Some("replayed"),
        Ok(Accepted::Valid(_)) => None,
        Err(Rejected::Definition(_) | Rejected::Unavailable(_) | Rejected::Table(_)) => Some("failed"),
        Err(_) => Some("refused"),
    }
}

/// As [`RequestId::of_event`].
pub fn request_id_of_event(source: &str, event: &str, at: Timestamp) -> RequestId {
    RequestId::of_event(source, event, at)
}
