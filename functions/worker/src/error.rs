//! Why no file came out of a run.

use waybill::domain::failure::{Failure, FailureCode};

/// The cause behind a failure, for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Who ended a run from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The function's own deadline is near.
    Deadline,
    /// Another worker holds the request now.
    LeaseLost,
}

/// A run without a file. Whatever it had uploaded is gone, or about to go.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The run failed by itself.
    #[error("{:?}: {}", failure.code, failure.detail)]
    Failed {
        /// What the caller may see.
        failure: Failure,
        /// Whether another attempt at the same request can succeed.
        retryable: bool,
        /// What the log gets.
        #[source]
        cause: Option<Cause>,
    },
    /// It was stopped.
    #[error("stopped: {0:?}")]
    Stopped(Stop),
}

impl ProduceError {
    /// A failure that every further attempt would meet again.
    pub fn permanent(code: FailureCode, detail: impl Into<String>) -> Self {
        Self::Failed { failure: Failure::new(code, detail), retryable: false, cause: None }
    }

    /// An error of ours or of AWS that another attempt may not meet.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        let failure = Failure::new(FailureCode::Internal, "The report could not be produced.");
        Self::Failed { failure, retryable: true, cause: Some(cause.into()) }
    }

    /// The same failure with what the log gets.
    #[must_use]
    pub fn because(self, reason: impl Into<Cause>) -> Self {
        match self {
            Self::Failed { failure, retryable, .. } => Self::Failed { failure, retryable, cause: Some(reason.into()) },
            stopped @ Self::Stopped(_) => stopped,
        }
    }

    /// The failure's code, unless it was stopped.
    pub fn code(&self) -> Option<FailureCode> {
        match self {
            Self::Failed { failure, .. } => Some(failure.code),
            Self::Stopped(_) => None,
        }
    }
}
