//! One error for all of the local tooling: what was tried, why it failed, and what to do.

use std::fmt;

/// Result of a local step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A step that failed, in words for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    what: String,
    cause: String,
    advice: Option<String>,
}

impl Error {
    /// `what` could not be done because of `cause`.
    pub fn new(what: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { what: what.into(), cause: cause.into(), advice: None }
    }

    /// Adds what the reader does about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)?;
        match &self.advice {
            Some(advice) => write!(f, "\n  What to do: {advice}"),
            None => Ok(()),
        }
    }
}

/// Says what was being done when something else's error arose.
pub trait Context<T> {
    /// `what` reads like "read /a/b": it stands before the cause.
    fn context(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: std::error::Error> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::new(what, chain(&error)))
    }
}

/// An error with all of its causes: SDK errors say only "service error" by themselves.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_what_why_and_what_to_do() {
        let io = std::io::Error::other("disk full");
        let error = Err::<(), _>(io).context("write x").unwrap_err().advise("make room");
        assert_eq!(error.to_string(), "write x: disk full\n  What to do: make room");
    }
}
