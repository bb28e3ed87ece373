//! Kinds of messages, each of which has a file of its own.

use serde_json::Value;

use crate::{app::App, error::Refused, mail, process, report};

/// What a message on the queue tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A rule passes an event on that asks for a report.
    EventBridge,
    /// A rule passes an event on that tells of a process of the tenant's own.
    Process,
    /// The stack's own rule passes on what became of a mail.
    Mail,
}

/// A message that is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It had its effect.
    New,
    /// An earlier copy of it had, or there is nothing left that it could have one on.
    Again,
}

impl Kind {
    /// The kind of a message, told by the one field that only it has. What has none is taken for an event.
    pub fn of(message: &Value) -> Self {
        let has = |field| message.get(field).is_some();
        match () {
            () if has("mail") => Self::Mail,
            () if has("process") => Self::Process,
            () => Self::EventBridge,
        }
    }

    /// As the metrics have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventBridge => "eventbridge",
            Self::Process => "process",
            Self::Mail => "mail",
        }
    }

    /// Does what a message of this kind is for.
    pub async fn take(self, app: &App, message: &Value) -> Result<Taken, Refused> {
        match self {
            Self::EventBridge => report::take(app, message).await,
            Self::Process => process::take(app, message).await,
            Self::Mail => mail::take(app, message).await,
        }
    }
}
