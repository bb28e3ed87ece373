//! Webhooks: a signed JSON document, POSTed through the guard.
//!
//! [`body`] renders it in the shape of the receiver's profile, [`sign`] signs it, [`authenticate`] adds what opens the
//! receiver, [`post`] sends it and judges the answer.

pub mod authenticate;
pub mod body;
mod post;
mod redact;
mod sign;

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use waybill::domain::{delivery::Delivery, endpoint::Profile, secret::Secret};

pub use self::post::asks_no_more;
use self::{authenticate::Access, post::WebhookCall};
use super::Attempted;
use crate::app::{App, Retry};

/// A webhook, ready to be called.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// https, checked by the guard at every call.
    pub url: String,
    /// Body, signatures, and what answers mean.
    pub profile: Profile,
    /// Live secrets that sign, the newest first.
    pub secrets: Vec<Secret<String>>,
    /// Headers of its own.
    pub headers: HeaderMap,
    /// How it knows us, besides the signature.
    pub access: Access,
    /// What it is sent that must not be kept with its answers.
    pub confidential: Vec<Secret<String>>,
}

/// Calls the webhook.
pub async fn attempt(
    app: &App,
    delivery: &Delivery,
    webhook: &Webhook,
    timeout: Duration,
    now: Timestamp,
) -> Result<Attempted, Retry> {
    let password = body::password(app, &delivery.announcement, webhook.profile).await?;
    let Some(body) = body::of(app, delivery, webhook.profile, password.as_ref(), now).await? else {
        let (profile, kind) = (webhook.profile.name(), delivery.announcement.kind.name());
        return Ok(Attempted::never_made(format!("the profile {profile} cannot express {kind}")));
    };
    let call = WebhookCall {
        url: webhook.url.clone(),
        message_id: delivery.id.to_string(),
        body,
        headers: HeaderMap::new(),
        manifest_sha256: delivery.announcement.manifest_sha256().map(str::to_owned),
        secrets: webhook.secrets.clone(),
        service: app.signing.get().await?,
        profile: webhook.profile,
        timeout,
        now,
    };
    let attempted = authenticate::attempt(app, webhook, call).await;
    Ok(authenticate::struck_out(attempted, password.as_slice()))
}
