//! Messages on queues. They carry ids, never data, and are versioned: a release reads what the one before it wrote.

mod announcement;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::announcement::{Announcement, EventKind, ProcessStatus, RefusedRun};
use super::id::{DeliveryId, EventId, RequestId, ScheduleId};

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

/// On the intake queue, beside the events of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleMessage {
    /// Version of this form; 1.
    pub v: String,
    /// What to look at.
    pub schedule: ScheduleCall,
}

/// Word that a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleCall {
    /// Whose it is.
    pub tenant: String,
    /// Which.
    pub id: ScheduleId,
    /// The instant that it was sent for. Its row decides what is due.
    pub at: Timestamp,
}

impl ScheduleMessage {
    /// Word of that instant.
    pub fn new(tenant: &str, id: ScheduleId, at: Timestamp) -> Self {
        Self { v: "1".to_owned(), schedule: ScheduleCall { tenant: tenant.to_owned(), id, at } }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
