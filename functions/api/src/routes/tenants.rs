//! Tenants, for the operator: who may act for them, and the keys their reports are encrypted to.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    accept::Fault,
    aws::table::{Stored, TableError, Write, keys::Key, rows::Identity},
    clock,
    domain::{
        outcome::Packaging,
        secret::Secret,
        tenant::{Grant, RecipientKeyRecord, Scope, Tenant, is_valid_tenant_id},
    },
    openpgp::RecipientKey,
    seal::random_bytes,
};

use crate::{app::App, auth::Admin, body::JsonBody, problem::Problem};

/// Most identities and most recipient keys of one tenant: together they fit one transaction and one row.
const MAX_IDENTITIES: usize = 40;
const MAX_KEYS: usize = 8;

/// Longest life of a file: a week. The bucket's own rule deletes what is older than two, whatever is promised.
const MAX_RETENTION_HOURS: u32 = 168;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    name: String,
    presenter_id: Option<Uuid>,
    #[serde(default = "default_packaging")]
    packaging: Packaging,
    #[serde(default)]
    identities: Vec<Grant>,
    #[serde(default)]
    recipient_keys: Vec<String>,
    retention_hours: Option<u32>,
    /// Asks for a fresh webhook secret, as when the first was lost. The old one ends at once.
    #[serde(default)]
    new_webhook_secret: bool,
}

const fn default_packaging() -> Packaging {
    Packaging::Openpgp
}

/// `PUT /v1/tenants/{tenant}`: creates it (201, with its webhook secret, shown this once) or replaces its
/// settings (200, with a fresh secret if `new_webhook_secret` asks for one). Identities that are no longer listed lose their access.
pub async fn put(
    State(app): State<Arc<App>>,
    _: Admin,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let now = clock::now();
    let settings: Settings = serde_json::from_value(body)
        .map_err(|error| Problem::invalid(vec![Fault::new("", "type", error.to_string())]))?;
    let keys = checked(&id, &settings, now).map_err(Problem::invalid)?;
    let before = app.table.get::<Tenant>(&Key::tenant(&id)).await?;
    let secret = (before.is_none() || settings.new_webhook_secret).then(webhook_secret);
    let sealed = match (&before, &secret) {
        (_, Some(secret)) => seal_for(&app, &id, secret.expose()).await?,
        (Some(before), None) => before.row.webhook_secret_sealed.clone(),
        (None, None) => return Err(Problem::unavailable(&"no webhook secret")),
    };
    let tenant = Tenant {
        name: settings.name,
        presenter_id: settings
            .presenter_id
            .or(before.as_ref().map(|before| before.row.presenter_id))
            .unwrap_or_else(Uuid::now_v7),
        packaging: settings.packaging,
        recipient_keys: keys,
        retention_hours: settings.retention_hours,
        identities: settings.identities,
        webhook_secret_sealed: sealed,
        created_at: before.as_ref().map_or(now, |before| before.row.created_at),
        id,
    };
    record(&app, before.as_ref(), &tenant).await?;
    tracing::info!(tenant.id, created = before.is_none(), "tenant recorded");
    let mut shown = describe(&tenant);
    if let Some(secret) = secret {
        shown["webhook_secret"] = json!(secret.expose());
    }
    let status = if before.is_none() { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown)).into_response())
}

/// `GET /v1/tenants/{tenant}`, without its secrets.
pub async fn show(State(app): State<Arc<App>>, _: Admin, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let tenant = app.table.get::<Tenant>(&Key::tenant(&id)).await?;
    Ok(Json(describe(&tenant.ok_or_else(|| Problem::not_found("tenant"))?.row)))
}

fn checked(id: &str, settings: &Settings, now: Timestamp) -> Result<Vec<RecipientKeyRecord>, Vec<Fault>> {
    let mut faults = Vec::new();
    if !is_valid_tenant_id(id) {
        let detail = "The id in the path must be 1 to 64 of a-z, 0-9 and -, first and last no -.";
        faults.push(Fault::new("", "tenant_id", detail));
    }
    if settings.name.is_empty() || settings.name.len() > 200 {
        faults.push(Fault::new("/name", "out_of_range", "Must be 1 to 200 bytes long."));
    }
    if settings.identities.len() > MAX_IDENTITIES {
        faults.push(Fault::new("/identities", "out_of_range", format!("At most {MAX_IDENTITIES}.")));
    }
    if settings.recipient_keys.len() > MAX_KEYS {
        faults.push(Fault::new("/recipient_keys", "out_of_range", format!("At most {MAX_KEYS}.")));
    }
    if settings.retention_hours.is_some_and(|hours| !(1..=MAX_RETENTION_HOURS).contains(&hours)) {
        let detail = format!("Must be 1 to {MAX_RETENTION_HOURS}.");
        faults.push(Fault::new("/retention_hours", "out_of_range", detail));
    }
    for (index, grant) in settings.identities.iter().enumerate() {
        let at = format!("/identities/{index}");
        if grant.scopes.contains(&Scope::Admin) {
            let detail = "A tenant's identity is never an admin; admins are listed in issuers.json.";
            faults.push(Fault::new(format!("{at}/scopes"), "not_allowed", detail));
        }
        let twice = settings.identities[..index].iter().any(|other| same(other, grant));
        if twice || grant.issuer.is_empty() || grant.subject.is_empty() {
            faults.push(Fault::new(at, "not_allowed", "Issuer and subject must be given, and only once."));
        }
    }
    let mut keys = Vec::new();
    for (index, armored) in settings.recipient_keys.iter().enumerate() {
        match RecipientKey::parse(armored, now) {
            Ok(key) => keys.push(RecipientKeyRecord {
                fingerprint: key.fingerprint().to_owned(),
                armored: armored.clone(),
                expires_at: key.expires_at(),
            }),
            Err(fault) => {
                faults.push(Fault::new(format!("/recipient_keys/{index}"), "recipient_key_refused", fault.to_string()));
            }
        }
    }
    if faults.is_empty() { Ok(keys) } else { Err(faults) }
}

fn same(one: &Grant, other: &Grant) -> bool {
    one.issuer == other.issuer && one.subject == other.subject
}

/// In the form that Standard Webhooks gives secrets: `whsec_` and 24 random bytes in base64.
fn webhook_secret() -> Secret<String> {
    Secret::new(format!("whsec_{}", STANDARD.encode(random_bytes::<24>())))
}

async fn seal_for(app: &App, tenant: &str, secret: &str) -> Result<String, Problem> {
    let keyring = app.sealing.get().await?;
    keyring.seal(secret.as_bytes(), &Key::tenant(tenant).associated()).map_err(|e| Problem::unavailable(&e))
}

/// Tenant and mappings change together. An identity that already acts for another tenant is refused.
async fn record(app: &App, before: Option<&Stored<Tenant>>, tenant: &Tenant) -> Result<(), Problem> {
    let mut writes = vec![match before {
        None => Write::insert(tenant)?,
        Some(before) => Write::replace(before, tenant)?,
    }];
    for (index, grant) in tenant.identities.iter().enumerate() {
        let identity = Identity {
            issuer: grant.issuer.clone(),
            subject: grant.subject.clone(),
            tenant: tenant.id.clone(),
            scopes: grant.scopes.clone(),
        };
        let known = app.table.get::<Identity>(&Key::identity(&grant.issuer, &grant.subject)).await?;
        if known.as_ref().is_some_and(|known| known.row.tenant != tenant.id) {
            let detail = "This subject already acts for another tenant.";
            return Err(Problem::invalid(vec![Fault::new(format!("/identities/{index}"), "taken", detail)]));
        }
        writes.push(match &known {
            None => Write::insert(&identity)?,
            Some(known) => Write::replace(known, &identity)?,
        });
    }
    let dropped = before.iter().flat_map(|before| &before.row.identities);
    for grant in dropped.filter(|old| !tenant.identities.iter().any(|kept| same(old, kept))) {
        writes.push(Write::delete(Key::identity(&grant.issuer, &grant.subject)));
    }
    match app.table.write(writes).await {
        Err(TableError::Conflict) => {
            let detail = "The tenant was changed at the same time; read it and try again.";
            Err(Problem::new(StatusCode::CONFLICT, "conflict", detail))
        }
        other => Ok(other?),
    }
}

fn describe(tenant: &Tenant) -> Value {
    let keys = tenant.recipient_keys.iter();
    json!({
        "id": tenant.id,
        "name": tenant.name,
        "presenter_id": tenant.presenter_id,
        "packaging": tenant.packaging,
        "retention_hours": tenant.retention_hours,
        "identities": tenant.identities,
        "recipient_keys": keys.map(|key| json!({
            "fingerprint": key.fingerprint, "expires_at": key.expires_at,
        })).collect::<Vec<_>>(),
        "created_at": tenant.created_at,
    })
}
