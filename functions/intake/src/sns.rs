//! A topic's message: what the body of `POST /v1/requests` would be, for the tenant that the operator gave the topic.
//!
//! Topics have a queue of their own. A publisher must never be able to write what a rule writes, and with raw delivery
//! the message is all there is: on this queue such a message is no notification, and refused.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use waybill::accept::request_id_of_event;

use crate::{
    app::App,
    envelope::tenant,
    error::Refused,
    kind::Taken,
    report::{self, Asking},
};

/// A message that no topic has sent, or none that has a tenant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNotification {
    /// Not in the wrapping of SNS.
    #[error("it is no notification of SNS ({0}); was raw message delivery left off?")]
    Form(String),
    /// Another kind, such as the confirmation of a subscription.
    #[error("it is a {0:?} of SNS, not a notification")]
    Kind(String),
    /// The message is no JSON.
    #[error("the message of the notification is no JSON: {0}")]
    Message(String),
    /// No trigger file has the topic.
    #[error("no tenant is given for the topic {0:?}")]
    Topic(String),
}

/// What SNS makes of a message. There is more in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    r#type: String,
    message_id: String,
    topic_arn: String,
    message: String,
    timestamp: Timestamp,
}

/// Asks for the report.
pub async fn take(app: &App, message: &Value) -> Result<Taken, Refused> {
    let (notification, body) = parse(message)?;
    let in_force = app.acceptor.config.triggers().await?;
    let topics = in_force.files.iter().flat_map(|file| &file.topics);
    let Some(topic) = topics.into_iter().find(|topic| topic.arn == notification.topic_arn) else {
        // It could stand in a file that cannot be read.
        let fault = in_force.faulty.into_iter().next().map(Refused::from);
        return Err(fault.unwrap_or_else(|| InvalidNotification::Topic(notification.topic_arn).into()));
    };
    let tenant = tenant(app, &topic.tenant).await?;
    let source = format!("sns {} {}", topic.arn, topic.tenant);
    let id = request_id_of_event(&source, &notification.message_id, notification.timestamp);
    let name = topic.arn.rsplit(':').next().unwrap_or_default();
    let asking = Asking { tenant: &tenant, by: &format!("topic {name}"), id, key: &id.to_string(), body: &body };
    Ok(report::taken(&report::ask(app, &asking).await?))
}

fn parse(message: &Value) -> Result<(Notification, Value), InvalidNotification> {
    if let Some(kind) = message["Type"].as_str().filter(|kind| *kind != "Notification") {
        return Err(InvalidNotification::Kind(kind.chars().take(64).collect()));
    }
    let notification =
        Notification::deserialize(message).map_err(|error| InvalidNotification::Form(error.to_string()))?;
    if notification.r#type != "Notification" {
        return Err(InvalidNotification::Kind(notification.r#type));
    }
    let body = serde_json::from_str(&notification.message);
    let body = body.map_err(|error| InvalidNotification::Message(error.to_string()))?;
    Ok((notification, body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn notification() -> Value {
        json!({
            "Type": "Notification", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:reports-of-acme", "Subject": "a report",
            "Message": "{\"report\":\"invoice_lines\"}", "Timestamp": "2026-11-27T10:00:00.000Z",
            "SignatureVersion": "1", "Signature": "…", "SigningCertURL": "…", "UnsubscribeURL": "…",
        })
    }

    #[test]
    fn a_notification_has_the_body_in_its_message() {
        let (read, body) = parse(&notification()).unwrap();
        assert_eq!(read.topic_arn, "arn:aws:sns:eu-west-1:123456789012:reports-of-acme");
        assert_eq!(body, json!({"report": "invoice_lines"}));
    }

    #[test]
    fn raw_messages_and_others_are_refused() {
        let envelope = json!({
            "v": "1", "tenant": "acme", "source": "x", "event_id": "1", "time": "2026-11-27T10:00:00Z",
            "request": {"report": "invoice_lines"},
        });
        for raw in [envelope, json!({"report": "invoice_lines"}), json!(null), json!([]), json!("x")] {
            assert!(matches!(parse(&raw), Err(InvalidNotification::Form(_))), "{raw}");
        }
        let mut confirmation = notification();
        confirmation["Type"] = json!("SubscriptionConfirmation");
        let kind = InvalidNotification::Kind("SubscriptionConfirmation".to_owned());
        assert_eq!(parse(&confirmation).unwrap_err(), kind);
        let mut text = notification();
        text["Message"] = json!("please");
        assert!(matches!(parse(&text), Err(InvalidNotification::Message(_))));
    }
}
