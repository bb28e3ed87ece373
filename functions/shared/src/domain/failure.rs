//! Why a request failed: a closed vocabulary, each with what to do next.

use serde::{Deserialize, Serialize};

/// Codes of failed requests. Stable: clients switch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureCode {
    /// A parameter that passed validation turned out unusable at run time.
    ParameterInvalid,
    /// The definition is missing, broken, or does not fit its data.
    DefinitionInvalid,
    /// The data lake could not be read.
    SourceError,
    /// The run did not end within its limit.
    TimedOut,
    /// The result is larger than the definition or the format allows.
    TooLarge,
    /// No usable recipient key.
    EncryptionKeyInvalid,
    /// Every attempt was lost to a crash or an error of ours.
    Internal,
}

impl FailureCode {
    /// The whole vocabulary.
    pub const ALL: [Self; 7] = [
        Self::ParameterInvalid,
        Self::DefinitionInvalid,
        Self::SourceError,
        Self::TimedOut,
        Self::TooLarge,
        Self::EncryptionKeyInvalid,
        Self::Internal,
    ];

    /// Name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ParameterInvalid => "PARAMETER_INVALID",
            Self::DefinitionInvalid => "DEFINITION_INVALID",
            Self::SourceError => "SOURCE_ERROR",
            Self::TimedOut => "TIMED_OUT",
            Self::TooLarge => "TOO_LARGE",
            Self::EncryptionKeyInvalid => "ENCRYPTION_KEY_INVALID",
            Self::Internal => "INTERNAL",
        }
    }

    /// Whether asking again, unchanged, can succeed.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::SourceError | Self::Internal)
    }

    /// What the caller does next.
    pub const fn next_action(self) -> &'static str {
        match self {
            Self::ParameterInvalid => "Correct the parameter and request the report again.",
            Self::DefinitionInvalid => "Tell the operator: the report definition must be mended.",
            Self::SourceError => "Request the report again later; if it fails again, tell the operator.",
            Self::TimedOut => "Narrow the date range or add a filter, and request the report again.",
            Self::TooLarge => "Do what the detail says, or narrow the date range, and request the report again.",
            Self::EncryptionKeyInvalid => "Have a valid recipient key registered, and request the report again.",
            Self::Internal => "Request the report again; if it fails again, tell the operator.",
        }
    }
}

/// Why a request failed, in words that the caller may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// From the closed vocabulary.
    pub code: FailureCode,
    /// One sentence without internal names.
    pub detail: String,
}

impl Failure {
    /// A failure with its explanation.
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// `{code, detail, retryable, next_action}`.
    pub fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "code": self.code,
            "detail": self.detail,
            "retryable": self.code.retryable(),
            "next_action": self.code.next_action(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codes_name_is_that_on_the_wire() {
        for code in FailureCode::ALL {
            assert_eq!(serde_json::json!(code), code.name());
        }
    }
}
