//! Why a message was not taken.

use waybill::{accept::Rejected, aws::table::TableError};

use crate::{mail::InvalidFeedback, process::InvalidStatus};

/// Why a message has had no effect.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It has not the form of its kind.
    #[error("not a message of this queue: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A later release wrote it.
    #[error("unknown version {0:?}")]
    Version(String),
    /// Nothing, or two things at once.
    #[error("it must have either a request or a process")]
    Content,
    /// It tells of no process.
    #[error(transparent)]
    Process(#[from] InvalidStatus),
    /// It tells of no mail.
    #[error(transparent)]
    Mail(#[from] InvalidFeedback),
    /// The operator's rule names a tenant that does not exist.
    #[error("there is no tenant {0:?}")]
    Tenant(String),
    /// The table did not do its part.
    #[error(transparent)]
    Table(#[from] TableError),
    /// What it asks for is not to be had.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl Refused {
    /// Whether the same message can succeed later, without anybody mending anything.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Table(_) | Self::Rejected(Rejected::Table(_) | Rejected::Unavailable(_) | Rejected::InFlight)
        )
    }
}
