//! Kinds of messages, each of which has a file of its own.

use serde_json::Value;
use waybill::telemetry::{self, Unit};

use crate::{app::App, error::Refused, mail, process, report, s3, schedule, sns};

/// What a message tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A rule passes an event on that asks for a report.
    EventBridge,
    /// S3 tells of an object.
    S3,
    /// A topic has a message.
    Sns,
    /// The function itself was called.
    Direct,
    /// A schedule is due.
    Schedule,
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
    /// It is nobody's concern.
    Nothing,
}

impl Kind {
    /// The kind of a message of the intake queue, told by the one field that only it has. What has none is taken for an
    /// event.
    pub fn of(message: &Value) -> Self {
        let has = |field| message.get(field).is_some();
        match () {
            () if s3::is_of_s3(message) => Self::S3,
            () if has("schedule") => Self::Schedule,
            () if has("mail") => Self::Mail,
            () if has("process") => Self::Process,
            () => Self::EventBridge,
        }
    }

    /// As the metrics have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventBridge => "eventbridge",
            Self::S3 => "s3",
            Self::Sns => "sns",
            Self::Direct => "direct",
            Self::Schedule => "schedule",
            Self::Process => "process",
            Self::Mail => "mail",
        }
    }

    /// Does what a message of this kind is for.
    pub async fn take(self, app: &App, message: &Value) -> Result<Taken, Refused> {
        match self {
            // A call has an answer, which nobody waits for here.
            Self::EventBridge | Self::Direct => report::take(app, message).await,
            Self::S3 => s3::take(app, message).await,
            Self::Sns => sns::take(app, message).await,
            Self::Schedule => schedule::take(app, message).await,
            Self::Process => process::take(app, message).await,
            Self::Mail => mail::take(app, message).await,
        }
    }
}

/// `Triggers`, by kind and outcome. A message that comes again is counted again; what is nobody's concern is not.
pub fn count(kind: Kind, taken: Result<Taken, &Refused>) {
    let outcome = match taken {
        Ok(Taken::New) => "accepted",
        Ok(Taken::Again) => "replayed",
        Ok(Taken::Nothing) => return,
        Err(error) if error.is_transient() => "failed",
        Err(_) => "refused",
    };
    telemetry::emit(&[("Kind", kind.name()), ("Outcome", outcome)], &[("Triggers", Unit::Count, 1)]);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_of_one_kind() {
        for (message, kind) in [
            (json!({"v": "1", "tenant": "t", "request": {"process": 1}}), Kind::EventBridge),
            (json!({"v": "1", "tenant": "t", "process": {"mail": 1}}), Kind::Process),
            (json!({"v": "1", "mail": {}}), Kind::Mail),
            (json!({"v": "1", "schedule": {"mail": 1}}), Kind::Schedule),
            (json!({"detail-type": "Object Created", "detail": {"process": 1}}), Kind::S3),
            (json!({"Records": []}), Kind::S3),
            (json!({"Event": "s3:TestEvent"}), Kind::S3),
            (json!({"Type": "Notification", "Message": "{}"}), Kind::EventBridge),
            (json!(null), Kind::EventBridge),
        ] {
            assert_eq!(Kind::of(&message), kind, "{message}");
        }
    }
}
