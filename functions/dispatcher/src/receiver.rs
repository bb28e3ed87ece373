//! Who is to be called, and how: a delivery's target as its settings are now.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use waybill::{
    aws::table::keys::Key,
    domain::{
        delivery::{Delivery, Target},
        email::Content,
        endpoint::{Authentication, Endpoint, Profile},
        id::EndpointId,
        jira::IssueKey,
        retry::Schedule,
        secret::Secret,
        tenant::Tenant,
    },
};

use crate::{
    app::{App, Retry},
    channel::{
        Channel,
        email::Email,
        jira::Jira,
        webhook::{
            Webhook,
            authenticate::{self, Access, Client},
        },
    },
};

/// A receiver, ready to be called.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// The registered endpoint, if it is one.
    pub endpoint: Option<Endpoint>,
    /// For one whole exchange.
    pub timeout: Duration,
    /// Waits before each attempt.
    pub schedule: Schedule,
    /// How it is told.
    pub channel: Channel,
}

/// The delivery's receiver; none if its endpoint was deleted.
pub async fn of(app: &App, delivery: &Delivery) -> Result<Option<Receiver>, Retry> {
    let event = &delivery.announcement;
    match &delivery.target {
        Target::Webhook { url, profile, headers } => {
            let headers = opened(app, headers, &Key::request(&event.tenant, event.request)).await?;
            one_off(app, &event.tenant, (url.clone(), *profile), headers).await.map(Some)
        }
        Target::Endpoint { id } => registered(app, &event.tenant, *id).await,
        Target::Jira { issue } => jira(app, &event.tenant, issue.clone()).await.map(Some),
        Target::Email { to, content } => mailed(app, &event.tenant, to, *content).await.map(Some),
    }
}

async fn jira(app: &App, tenant: &str, issue: Option<IssueKey>) -> Result<Receiver, Retry> {
    let settings = self::tenant(app, tenant).await?.jira;
    Ok(unregistered(app, Channel::Jira(Jira { settings, issue })))
}

async fn mailed(app: &App, tenant: &str, to: &[String], content: Content) -> Result<Receiver, Retry> {
    let tenant = self::tenant(app, tenant).await?;
    Ok(unregistered(app, Channel::Email(Box::new(Email { to: to.to_vec(), content, tenant }))))
}

/// Told as the stack's settings say.
fn unregistered(app: &App, channel: Channel) -> Receiver {
    Receiver { endpoint: None, timeout: app.timeout, schedule: app.schedule.clone(), channel }
}

async fn tenant(app: &App, id: &str) -> Result<Tenant, Retry> {
    let read = app.table.get::<Tenant>(&Key::tenant(id)).await?;
    Ok(read.ok_or(Retry::Missing("the tenant"))?.row)
}

async fn one_off(
    app: &App,
    tenant: &str,
    (url, profile): (String, Profile),
    (headers, confidential): (HeaderMap, Vec<Secret<String>>),
) -> Result<Receiver, Retry> {
    let key = Key::tenant(tenant);
    let secret = open(app, &self::tenant(app, tenant).await?.webhook_secret_sealed, &key).await?;
    let webhook = Webhook { url, profile, secrets: vec![secret], headers, access: Access::Open, confidential };
    Ok(unregistered(app, Channel::Webhook(webhook)))
}

async fn registered(app: &App, tenant: &str, id: EndpointId) -> Result<Option<Receiver>, Retry> {
    let key = Key::endpoint(tenant, id);
    let Some(endpoint) = app.table.get::<Endpoint>(&key).await?.map(|stored| stored.row) else { return Ok(None) };
    let mut secrets = Vec::new();
    for secret in endpoint.live_secrets(waybill::clock::now()) {
        secrets.push(open(app, &secret.sealed, &key).await?);
    }
    let settings = &endpoint.settings;
    let (access, mut confidential) = access(app, &endpoint, &key).await?;
    let (headers, of_headers) = opened(app, &settings.headers, &key).await?;
    confidential.extend(of_headers);
    let (url, profile) = (settings.url.clone(), settings.profile);
    Ok(Some(Receiver {
        timeout: Duration::from_secs(u64::from(settings.timeout_seconds)).min(app.timeout),
        schedule: schedule(app, &endpoint),
        channel: Channel::Webhook(Webhook { url, profile, secrets, headers, access, confidential }),
        endpoint: Some(endpoint),
    }))
}

/// Headers whose values are sealed for the row with that key, and what of them is confidential.
async fn opened(
    app: &App,
    sealed: &BTreeMap<String, String>,
    key: &Key,
) -> Result<(HeaderMap, Vec<Secret<String>>), Retry> {
    let (mut headers, mut confidential) = (HeaderMap::new(), Vec::new());
    for (name, sealed) in sealed {
        let value = open(app, sealed, key).await?;
        // Both were judged when they were recorded.
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        headers.extend(name.zip(authenticate::sensitive(value.expose())));
        confidential.push(value);
    }
    Ok((headers, confidential))
}

/// Waits before each attempt at an endpoint.
pub fn schedule(app: &App, endpoint: &Endpoint) -> Schedule {
    endpoint.settings.schedule(&app.schedule).unwrap_or_else(|_| app.schedule.clone())
}

/// What opens an endpoint, and what of it is confidential.
async fn access(app: &App, endpoint: &Endpoint, key: &Key) -> Result<(Access, Vec<Secret<String>>), Retry> {
    let unusable = || Retry::Missing("a usable credential of the endpoint");
    match &endpoint.settings.authentication {
        Authentication::None => Ok((Access::Open, vec![])),
        Authentication::Basic { credentials_sealed, .. } => {
            let credentials = open(app, credentials_sealed, key).await?;
            let value = authenticate::basic(credentials.expose()).ok_or_else(unusable)?;
            let encoded = value.to_str().unwrap_or_default().trim_start_matches("Basic ").to_owned();
            let password = credentials.expose().split_once(':').map(|(_, password)| Secret::new(password.to_owned()));
            let confidential = [Secret::new(encoded), credentials].into_iter().chain(password).collect();
            Ok((Access::Header(AUTHORIZATION, value), confidential))
        }
        Authentication::ApiKey { header, value_sealed } => {
            let value = open(app, value_sealed, key).await?;
            let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| unusable())?;
            let header = authenticate::sensitive(value.expose()).ok_or_else(unusable)?;
            Ok((Access::Header(name, header), vec![value]))
        }
        Authentication::Oauth2 { token_url, client_id, client_secret_sealed, scope } => {
            let client = Client {
                endpoint: endpoint.id,
                token_url: token_url.clone(),
                id: client_id.clone(),
                secret: open(app, client_secret_sealed, key).await?,
                scope: scope.clone(),
            };
            Ok((Access::OAuth2(client), vec![]))
        }
    }
}

/// A sealed text of the row with that key.
pub async fn open(app: &App, sealed: &str, key: &Key) -> Result<Secret<String>, Retry> {
    let keyring = app.sealing.get().await?;
    let opened = keyring.open(sealed, &key.associated())?;
    Ok(Secret::new(String::from_utf8_lossy(opened.expose()).into_owned()))
}
