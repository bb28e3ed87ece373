//! The body of the `waybill` profile, in the form that Standard Webhooks recommends: `{type, timestamp, data}`. It is
//! the same in every attempt, but for a direct link, which is signed for each.

use serde_json::{Map, Value, json};
use waybill::domain::message::EventKind;

use super::Told;
use crate::facts;

pub(super) fn body(told: &Told<'_>) -> Value {
    let event = &told.delivery.announcement;
    let data = match (event.kind, &event.process) {
        (EventKind::EndpointTest, _) => json!({ "message": "This is a test. Nothing has happened." }),
        (_, Some(process)) => json!({ "process_id": process.id, "status": process.status }),
        _ => Value::Object(of_a_report(told)),
    };
    json!({ "type": event.kind, "timestamp": event.occurred_at, "data": data })
}

fn of_a_report(told: &Told<'_>) -> Map<String, Value> {
    let event = &told.delivery.announcement;
    let mut data = Map::new();
    data.insert("request_id".to_owned(), json!(event.request));
    data.insert("report".to_owned(), json!(event.report));
    data.insert("requested_at".to_owned(), json!(event.requested_at));
    data.extend(facts::of(event));
    if let Some(link) = &told.link {
        let link = json!({ "mode": link.mode, "url": link.url, "expires_at": link.expires_at });
        data.insert("link".to_owned(), link);
    }
    if let Some(digest) = event.manifest_sha256() {
        data.insert("manifest".to_owned(), json!({ "sha256": digest, "url": told.manifest_url }));
    }
    data
}
