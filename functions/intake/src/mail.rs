//! What became of a mail, as SES tells it: kept with its delivery; an address that is no good is not written to again.
//!
//! Whose the mail was is told by the tags that the dispatcher gave it; to whom it went, by the delivery itself. So an event
//! disables no address but that of a mail of this stack.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use waybill::{
    aws::table::{Table, TableError, Write, keys::Key},
    clock,
    domain::{
        delivery::{Delivery, Target},
        email::{
            Address,
            feedback::{DisabledAddress, Feedback, Kind, MAX_KEPT, TAG_DELIVERY, TAG_REQUEST, TAG_TENANT},
        },
        id::{DeliveryId, RequestId},
        tenant::{Tenant, is_valid_tenant_id},
    },
};

use crate::{app::App, envelope::check_version, error::Refused, kind::Taken};

/// What the stack's own rule puts on the queue of a mail.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    /// Version of this form; 1.
    v: String,
    /// The same for every copy of the event.
    event_id: String,
    /// The event's detail: a bounce or a complaint, as SES tells it.
    mail: Value,
}

/// How often recording is tried anew when the delivery was changed in between.
const CONFLICTS: usize = 5;

/// An event that tells of no mail of this stack's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFeedback {
    /// Not what SES sends of a bounce or a complaint.
    #[error("the detail must be a bounce or a complaint as SES tells it")]
    Form,
    /// It is not of a mail that the dispatcher sent.
    #[error("the mail has no tag {0}, or not one that a dispatcher gave it")]
    Tag(&'static str),
}

/// What is read of the detail; SES may add to it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_type: EventType,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    mail: Mail,
}

#[derive(Deserialize)]
enum EventType {
    Bounce,
    Complaint,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: BounceType,
    #[serde(default)]
    bounced_recipients: Vec<Recipient>,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
enum BounceType {
    Permanent,
    Transient,
    Undetermined,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    diagnostic_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complaint_feedback_type: Option<String>,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
struct Mail {
    tags: BTreeMap<String, Vec<String>>,
}

impl Mail {
    /// The one value of a tag.
    fn tag(&self, name: &'static str) -> Result<&str, InvalidFeedback> {
        match self.tags.get(name).map(Vec::as_slice) {
            Some([value]) => Ok(value),
            _ => Err(InvalidFeedback::Tag(name)),
        }
    }
}

/// What became of which mail.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    tenant: String,
    request: RequestId,
    delivery: DeliveryId,
    feedback: Feedback,
}

/// Keeps what became of a mail.
pub async fn take(app: &App, message: &Value) -> Result<Taken, Refused> {
    let envelope = Envelope::deserialize(message)?;
    check_version(&envelope.v)?;
    let told = parse(&envelope.event_id, &envelope.mail)?;
    Ok(remember(&app.acceptor.table, &told).await?)
}

/// Reads an event's detail.
fn parse(event_id: &str, detail: &Value) -> Result<Told, InvalidFeedback> {
    let detail = Detail::deserialize(detail).map_err(|_| InvalidFeedback::Form)?;
    let (kind, at, said) = match (detail.event_type, &detail.bounce, &detail.complaint) {
        (EventType::Bounce, Some(bounce), _) => {
            let said = bounce.bounced_recipients.iter().find_map(|one| one.diagnostic_code.as_deref());
            (kind(&bounce.bounce_type), bounce.timestamp, said)
        }
        (EventType::Complaint, _, Some(complaint)) => {
            (Kind::Complaint, complaint.timestamp, complaint.complaint_feedback_type.as_deref())
        }
        _ => return Err(InvalidFeedback::Form),
    };
    let tenant = detail.mail.tag(TAG_TENANT)?;
    let (request, delivery) = (detail.mail.tag(TAG_REQUEST)?, detail.mail.tag(TAG_DELIVERY)?);
    if !is_valid_tenant_id(tenant) {
        return Err(InvalidFeedback::Tag(TAG_TENANT));
    }
    Ok(Told {
        tenant: tenant.to_owned(),
        request: request.parse().map_err(|_| InvalidFeedback::Tag(TAG_REQUEST))?,
        delivery: delivery.parse().map_err(|_| InvalidFeedback::Tag(TAG_DELIVERY))?,
        feedback: Feedback::new(event_id.to_owned(), kind, at, said),
    })
}

const fn kind(bounce: &BounceType) -> Kind {
    match bounce {
        BounceType::Permanent => Kind::PermanentBounce,
        BounceType::Transient => Kind::TransientBounce,
        BounceType::Undetermined => Kind::UndeterminedBounce,
    }
}

/// Keeps it with the delivery and, in the same transaction, disables the address: a copy that comes after somebody has
/// enabled it again changes nothing. Of a tenant or a delivery that is gone there is nothing to keep.
async fn remember(table: &Table, told: &Told) -> Result<Taken, TableError> {
    let tenant = table.get::<Tenant>(&Key::tenant(&told.tenant)).await?;
    if tenant.is_none_or(|tenant| tenant.row.erasure.is_some()) {
        tracing::info!(tenant.id = told.tenant, "a mail came back of a tenant that is gone");
        return Ok(Taken::Again);
    }
    for _ in 0..CONFLICTS {
        let Some(read) = table.get::<Delivery>(&Key::delivery(&told.tenant, told.request, told.delivery)).await? else {
            tracing::info!(delivery.id = %told.delivery, "a mail came back whose delivery is gone");
            return Ok(Taken::Again);
        };
        let Some(next) = with_feedback(&read.row, &told.feedback) else { return Ok(Taken::Again) };
        let mut writes = vec![Write::replace(&read, &next)?];
        writes.extend(disabled(table, told, &next).await?);
        match table.write(writes).await {
            Err(TableError::Conflict) => {}
            Ok(()) => {
                tracing::info!(delivery.id = %told.delivery, kind = ?told.feedback.kind, "what became of a mail");
                return Ok(Taken::New);
            }
            Err(error) => return Err(error),
        }
    }
    // The message comes again.
    Err(TableError::Conflict)
}

/// The delivery with it; none if it is there already, or there is no room.
fn with_feedback(delivery: &Delivery, feedback: &Feedback) -> Option<Delivery> {
    let known = &delivery.feedback;
    if known.len() >= MAX_KEPT || known.iter().any(|one| one.event_id == feedback.event_id) {
        return None;
    }
    let mut next = delivery.clone();
    next.feedback.push(feedback.clone());
    Some(next)
}

/// The row that disables the address of the delivery, if it is to be and is not yet.
async fn disabled(table: &Table, told: &Told, delivery: &Delivery) -> Result<Option<Write>, TableError> {
    let Target::Email { to, .. } = &delivery.target else { return Ok(None) };
    let ([to], true) = (&to[..], told.feedback.kind.disables()) else { return Ok(None) };
    let Ok(address) = Address::parse(to) else { return Ok(None) };
    let row = DisabledAddress {
        tenant: told.tenant.clone(),
        address: address.folded(),
        feedback: told.feedback.clone(),
        request: told.request,
        delivery: told.delivery,
        disabled_at: clock::now(),
    };
    let known = table.get::<DisabledAddress>(&Key::disabled_address(&row.tenant, &row.address)).await?;
    if known.is_some() { Ok(None) } else { Write::insert(&row).map(Some) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, more: &Value) -> Value {
        let ids = (RequestId::generate(), DeliveryId::generate());
        let mut event = json!({
            "eventType": kind,
            "mail": {
                "messageId": "m", "destination": ["ana@customer.example"],
                "tags": {
                    "ses:configuration-set": ["waybill"], TAG_TENANT: ["acme"],
                    TAG_REQUEST: [ids.0.to_string()], TAG_DELIVERY: [ids.1.to_string()],
                },
            },
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    }

    fn bounce(kind: &str) -> Value {
        let recipients =
            json!([{ "emailAddress": "ana@customer.example", "diagnosticCode": "smtp; 550 5.1.1 unknown" }]);
        let at = "2026-11-27T10:00:00.000Z";
        event(
            "Bounce",
            &json!({ "bounce": { "bounceType": kind, "bouncedRecipients": recipients, "timestamp": at, "more": 1 } }),
        )
    }

    #[test]
    fn bounces_and_complaints_are_read() {
        let told = parse("e-1", &bounce("Permanent")).unwrap();
        assert_eq!((told.tenant.as_str(), told.feedback.kind), ("acme", Kind::PermanentBounce));
        assert_eq!(told.feedback.detail.as_deref(), Some("smtp; 550 5.1.1 unknown"));
        assert_eq!(parse("e-1", &bounce("Transient")).unwrap().feedback.kind, Kind::TransientBounce);
        assert_eq!(parse("e-1", &bounce("Undetermined")).unwrap().feedback.kind, Kind::UndeterminedBounce);
        let complaint =
            json!({ "complaint": { "complaintFeedbackType": "abuse", "timestamp": "2026-11-27T10:00:00Z" } });
        let told = parse("e-2", &event("Complaint", &complaint)).unwrap().feedback;
        assert_eq!((told.kind, told.detail.as_deref()), (Kind::Complaint, Some("abuse")));
    }

    #[test]
    fn what_is_no_such_event_is_refused() {
        for bad in [
            json!(null),
            json!({}),
            event("Delivery", &json!({})),
            event("Bounce", &json!({})),
            event("Complaint", &json!({ "bounce": bounce("Permanent")["bounce"] })),
            bounce("Final"),
            event("Bounce", &json!({ "bounce": { "bounceType": "Permanent" } })),
        ] {
            assert_eq!(parse("e", &bad), Err(InvalidFeedback::Form), "{bad}");
        }
        for (tag, value) in [
            (TAG_TENANT, json!([])),
            (TAG_TENANT, json!(["acme", "other"])),
            (TAG_TENANT, json!(["A#"])),
            (TAG_REQUEST, json!(["req_1"])),
            (TAG_DELIVERY, json!(["*"])),
        ] {
            let mut bad = bounce("Permanent");
            bad["mail"]["tags"][tag] = value;
            assert_eq!(parse("e", &bad), Err(InvalidFeedback::Tag(tag)), "{bad}");
        }
    }
}
