//! The body of the `waybill` profile, in the form that Standard Webhooks recommends:
//! `{type, timestamp, data}`. It is the same in every attempt.

use serde_json::{Value, json};
use waybill::domain::message::Announcement;

/// Renders what is told of an event, with the managed link where there is a file.
pub fn render(event: &Announcement, link: Option<&str>) -> Result<Vec<u8>, serde_json::Error> {
    let mut data = json!({
        "request_id": event.request,
        "report": event.report,
        "requested_at": event.requested_at,
    });
    if let Some(file) = &event.file {
        data["file"] = file.describe();
    }
    if let Some(url) = link {
        data["link"] = json!({"url": url, "expires_at": event.expires_at});
    }
    if let Some(failure) = &event.failure {
        data["failure"] = failure.describe();
    }
    let body: Value = json!({"type": event.kind, "timestamp": event.occurred_at, "data": data});
    serde_json::to_vec(&body)
}
