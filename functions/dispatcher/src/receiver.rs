//! Who is to be called, and how: a delivery's target as its settings are now.

use std::time::Duration;

use waybill::{
    aws::table::keys::Key,
    domain::{
        delivery::{Delivery, Target},
        endpoint::{Authentication, Endpoint, Profile},
        id::EndpointId,
        retry::Schedule,
        secret::Secret,
        tenant::Tenant,
    },
};

use crate::app::{App, Retry};

/// A receiver, ready to be called.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// The registered endpoint, if it is one.
    pub endpoint: Option<Endpoint>,
    /// https, checked by the guard at every call.
    pub url: String,
    /// Body, signatures, and what answers mean.
    pub profile: Profile,
    /// Live secrets that sign, the newest first.
    pub secrets: Vec<Secret<String>>,
    /// For one whole exchange.
    pub timeout: Duration,
    /// Waits before each attempt.
    pub schedule: Schedule,
}

impl Receiver {
    /// How it knows us, besides the signature.
    pub fn authentication(&self) -> &Authentication {
        self.endpoint.as_ref().map_or(&Authentication::None, |endpoint| &endpoint.settings.authentication)
    }
}

/// The delivery's receiver; none if its endpoint was deleted.
pub async fn of(app: &App, delivery: &Delivery) -> Result<Option<Receiver>, Retry> {
    let tenant = &delivery.announcement.tenant;
    match &delivery.target {
        Target::Webhook { url } => one_off(app, tenant, url.clone()).await.map(Some),
        Target::Endpoint { id } => registered(app, tenant, *id).await,
    }
}

async fn one_off(app: &App, tenant: &str, url: String) -> Result<Receiver, Retry> {
    let key = Key::tenant(tenant);
    let tenant = app.table.get::<Tenant>(&key).await?.ok_or(Retry::Missing("the tenant"))?.row;
    let secret = open(app, &tenant.webhook_secret_sealed, &key).await?;
    Ok(Receiver {
        endpoint: None,
        url,
        profile: Profile::Waybill,
        secrets: vec![secret],
        timeout: app.timeout,
        schedule: app.schedule.clone(),
    })
}

async fn registered(app: &App, tenant: &str, id: EndpointId) -> Result<Option<Receiver>, Retry> {
    let key = Key::endpoint(tenant, id);
    let Some(endpoint) = app.table.get::<Endpoint>(&key).await?.map(|stored| stored.row) else { return Ok(None) };
    let mut secrets = Vec::new();
    for secret in endpoint.live_secrets(waybill::clock::now()) {
        secrets.push(open(app, &secret.sealed, &key).await?);
    }
    let settings = &endpoint.settings;
    Ok(Some(Receiver {
        url: settings.url.clone(),
        profile: settings.profile,
        secrets,
        timeout: Duration::from_secs(u64::from(settings.timeout_seconds)).min(app.timeout),
        schedule: settings.retry.schedule(&app.schedule).unwrap_or_else(|_| app.schedule.clone()),
        endpoint: Some(endpoint),
    }))
}

/// A sealed text of the row with that key.
pub async fn open(app: &App, sealed: &str, key: &Key) -> Result<Secret<String>, Retry> {
    let keyring = app.sealing.get().await?;
    let opened = keyring.open(sealed, &key.associated())?;
    Ok(Secret::new(String::from_utf8_lossy(opened.expose()).into_owned()))
}
