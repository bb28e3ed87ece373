//! The body of the `tesouro` profile: eight fields, some of them of this very attempt.

use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::message::EventKind;

use super::{TEST_URL, Told};
use crate::app::Retry;

pub(super) fn body(told: &Told<'_>) -> Result<Value, Retry> {
    let event = &told.delivery.announcement;
    let (request, file_url, expires_at) = if event.kind == EventKind::EndpointTest {
        // No request has this id.
        (Uuid::nil(), TEST_URL, event.occurred_at)
    } else {
        let link = told.link()?;
        (event.request.uuid(), link.url.as_str(), link.expires_at)
    };
    let number = told.delivery.attempts;
    Ok(json!({
        "requestId": request,
        "deliveryId": attempt_id(told.delivery.id.uuid(), number),
        "presenterId": event.presenter_id,
        "fileUrl": file_url,
        "createDateTimeUtc": event.occurred_at,
        "expireDateTimeUtc": expires_at,
        "deliveryDateTimeUtc": told.now,
        "numberOfAttempts": number,
    }))
}

/// The same for the same attempt, so that support finds it from the delivery's id and the attempt's number.
fn attempt_id(delivery: Uuid, number: u32) -> Uuid {
    Uuid::new_v5(&delivery, number.to_string().as_bytes())
}
