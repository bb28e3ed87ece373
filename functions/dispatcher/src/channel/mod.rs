//! Channels: how a receiver is told. Each makes one attempt of a delivery and says what it came to; when it is made, and
//! what becomes of the delivery, is the same for all.

mod attempted;
pub mod email;
pub mod jira;
pub mod webhook;

use std::time::Duration;

use jiff::Timestamp;
use waybill::domain::delivery::Delivery;

pub use self::attempted::Attempted;
use self::{email::Email, jira::Jira, webhook::Webhook};
use crate::app::{App, Retry};

/// A way to a receiver, with all that it takes.
#[derive(Debug, Clone)]
pub enum Channel {
    /// An HTTPS POST.
    Webhook(Webhook),
    /// An issue, or a comment on one.
    Jira(Jira),
    /// A mail.
    Email(Box<Email>),
}

impl Channel {
    /// Name in metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Jira(_) => "jira",
            Self::Email(_) => "email",
        }
    }

    /// Makes the attempt that has begun, within `timeout`: whatever the receiver does is an outcome, never an error.
    pub async fn attempt(
        &self,
        app: &App,
        delivery: &Delivery,
        timeout: Duration,
        now: Timestamp,
    ) -> Result<Attempted, Retry> {
        match self {
            Self::Webhook(webhook) => webhook::attempt(app, delivery, webhook, timeout, now).await,
            Self::Jira(jira) => jira::attempt(app, delivery, jira, timeout, now).await,
            Self::Email(email) => email::attempt(app, delivery, email, timeout, now).await,
        }
    }

    /// Whether what it came to asks never to be called again.
    pub const fn asks_no_more(&self, attempted: &Attempted) -> bool {
        match self {
            Self::Webhook(webhook) => webhook::asks_no_more(webhook.profile, attempted.http_status),
            Self::Email(_) | Self::Jira(_) => false,
        }
    }
}
