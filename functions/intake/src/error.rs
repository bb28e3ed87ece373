//! Why a message was not taken.

use waybill::{
    accept::Rejected,
    aws::{AwsError, config_store::ConfigError, table::TableError},
    schedules::RunError,
    trigger::Unfit,
};

use crate::{mail::InvalidFeedback, process::InvalidStatus, s3::InvalidArrival, sns::InvalidNotification};

/// Why a message has had no effect.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It has not the form of its kind.
    #[error("not a message of this queue: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A later release wrote it.
    #[error("unknown version {0:?}")]
    Version(String),
    /// A field, of this name, is longer than anything that is kept.
    #[error("its field {0:?} is too long")]
    TooLong(&'static str),
    /// Nothing, or two things at once.
    #[error("it must have either a request or a process")]
    Content,
    /// It tells of no process.
    #[error(transparent)]
    Process(#[from] InvalidStatus),
    /// It tells of no mail.
    #[error(transparent)]
    Mail(#[from] InvalidFeedback),
    /// It tells of no object.
    #[error(transparent)]
    Arrival(#[from] InvalidArrival),
    /// It is no topic's, or of a topic without a tenant.
    #[error(transparent)]
    Notification(#[from] InvalidNotification),
    /// A trigger, of this id, can make nothing of the object's key.
    #[error("trigger {0}: {1}")]
    Unfit(String, Unfit),
    /// A file of triggers cannot be read; the operator must mend it.
    #[error(transparent)]
    Triggers(#[from] ConfigError),
    /// Some of the reports that it is to bring about.
    #[error("{failed} of {of} reports were not asked for, one because: {first}")]
    Some {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
        /// Why; one that may yet succeed, if there is one.
        first: Box<Self>,
    },
    /// A schedule could not be run. It is due still.
    #[error(transparent)]
    Schedule(#[from] RunError),
    /// The operator's rule names a tenant that does not exist.
    #[error("there is no tenant {0:?}")]
    Tenant(String),
    /// A call by a tenant's alias that names another.
    #[error("the alias that was called is another tenant's")]
    OtherTenant,
    /// A batch of a queue, by way of a tenant's alias: its messages name tenants.
    #[error("an alias for one tenant takes no batches of a queue")]
    Batch,
    /// S3 did not do its part.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The table did not do its part.
    #[error(transparent)]
    Table(#[from] TableError),
    /// What it asks for is not to be had.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl Refused {
    /// Whether the same message can succeed later, without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Aws(_)
            | Self::Schedule(_)
            | Self::Triggers(ConfigError::Aws(_))
            | Self::Table(_)
            | Self::Rejected(Rejected::Table(_) | Rejected::Unavailable(_) | Rejected::InFlight) => true,
            Self::Some { first, .. } => first.is_transient(),
            _ => false,
        }
    }

    /// Everything that is wrong with the body, one line each; `of` says of what.
    pub fn log_faults(&self, of: &str) {
        let Self::Rejected(Rejected::Invalid(faults)) = self else { return };
        for fault in faults {
            tracing::warn!(message.id = of, pointer = fault.pointer, code = fault.code, "fault in an event");
        }
    }
}
