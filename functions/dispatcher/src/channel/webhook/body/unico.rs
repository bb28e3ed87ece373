//! The body of the `unico` profile, `{id, status}`: of a report, which is a process too, or of a customer's own process.

use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::{
    endpoint::{unico_event, unico_status},
    message::EventKind,
};

use super::Told;

pub(super) fn body(told: &Told<'_>) -> Option<Value> {
    let event = &told.delivery.announcement;
    let (id, status) = match (event.kind, &event.process) {
        // No process has this id.
        (EventKind::EndpointTest, _) => (Uuid::nil().to_string(), 3),
        (_, Some(process)) => (process.id.clone(), process.status),
        _ => (event.request.uuid().to_string(), unico_status(event.kind)?),
    };
    unico_event(status).map(|_| json!({ "id": id, "status": status }))
}
