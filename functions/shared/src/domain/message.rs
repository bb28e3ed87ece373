//! Queue messages and announced events.
//!
//! Messages carry ids, never data, and are versioned: a release reads what the one before it wrote.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    delivery::Target,
    failure::Failure,
    id::{DeliveryId, EventId, RequestId},
    outcome::ReportFile,
    request::Request,
};

/// On the request queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum RequestMessage {
    /// Run this request.
    #[serde(rename = "1")]
    V1 {
        /// Whose it is.
        tenant: String,
        /// Which.
        request: RequestId,
        /// Set on what a dead-letter queue keeps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dead: Option<Dead>,
    },
}

/// On the delivery queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum DeliveryMessage {
    /// Fan an event out, or make an attempt of a delivery.
    #[serde(rename = "1")]
    V1 {
        /// Whose it is.
        tenant: String,
        /// The request it is about.
        request: RequestId,
        /// What to do.
        task: DeliveryTask,
        /// Set on what a dead-letter queue keeps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dead: Option<Dead>,
    },
}

/// What the dispatcher is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryTask {
    /// Make the deliveries of this event.
    FanOut(EventId),
    /// Make the next attempt of this delivery.
    Attempt(DeliveryId),
}

/// Marks a message in a dead-letter queue whose row already says that it is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// The row's generation when it died; a redrive counts only if it still is.
    pub generation: u32,
    /// Why, for people.
    pub reason: String,
}

/// What receivers are told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// The file is ready.
    #[serde(rename = "report.succeeded")]
    ReportSucceeded,
    /// There will be no file.
    #[serde(rename = "report.failed")]
    ReportFailed,
}

impl EventKind {
    /// Name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReportSucceeded => "report.succeeded",
            Self::ReportFailed => "report.failed",
        }
    }
}

/// The outbox row: what happened, with all that a notification needs, so that attempts read nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// Its id; `webhook-id` of every attempt derives from it.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub occurred_at: Timestamp,
    /// Whose request it is.
    pub tenant: String,
    /// Which request.
    pub request: RequestId,
    /// Id of the definition.
    pub report: String,
    /// When the request was recorded.
    pub requested_at: Timestamp,
    /// Explicit receiver of the request.
    pub target: Option<Target>,
    /// The file, where there is one.
    pub file: Option<ReportFile>,
    /// End of its life.
    pub expires_at: Option<Timestamp>,
    /// Capability of its link, still sealed for the request's row.
    pub link_sealed: Option<String>,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// When the sweeper hands it to the queue again.
    pub due_at: Option<Timestamp>,
    /// Times it has done so.
    #[serde(default)]
    pub handoffs: u32,
}

impl Announcement {
    /// What `request`, in its final state, has to tell.
    pub fn of(request: &Request, id: EventId, kind: EventKind, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            occurred_at: now,
            tenant: request.tenant.clone(),
            request: request.id,
            report: request.report.clone(),
            requested_at: request.created_at,
            target: request.delivery.clone(),
            file: request.file.clone(),
            expires_at: request.expires_at,
            link_sealed: request.link_sealed.clone(),
            failure: request.failure.clone(),
            due_at: Some(now + super::request::HANDOFF_GRACE),
            handoffs: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::{HANDOFF_GRACE, tests::queued};

    #[test]
    fn the_sweeper_looks_whether_an_events_message_arrived() {
        let now = Timestamp::UNIX_EPOCH + HANDOFF_GRACE * 7;
        let event = Announcement::of(&queued(), EventId::generate(), EventKind::ReportFailed, now);
        assert_eq!((event.occurred_at, event.due_at), (now, Some(now + HANDOFF_GRACE)));
    }

    /// A message in flight during a deployment was written by the previous release: its text is a contract.
    #[test]
    fn the_wire_form_is_fixed() {
        let request: RequestId = "req_0193500000007000800000000000000a".parse().unwrap();
        let text = r#"{"v":"1","tenant":"acme","request":"req_0193500000007000800000000000000a"}"#;
        let message = RequestMessage::V1 { tenant: "acme".into(), request, dead: None };
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        assert_eq!(serde_json::from_str::<RequestMessage>(text).unwrap(), message);

        let event: EventId = "evt_0193500000007000800000000000000b".parse().unwrap();
        let text = r#"{"v":"1","tenant":"acme","request":"req_0193500000007000800000000000000a","task":{"fan_out":"evt_0193500000007000800000000000000b"}}"#;
        let message =
            DeliveryMessage::V1 { tenant: "acme".into(), request, task: DeliveryTask::FanOut(event), dead: None };
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        assert_eq!(serde_json::from_str::<DeliveryMessage>(text).unwrap(), message);
    }
}
