//! Tenants, for the operator: what they may do and use, who acts for them, what was done to them, and their end.

pub mod audit_trail;
mod contract;
mod email;
pub mod erasures;
mod interfaces;
mod issuers;
mod jira;
mod key_watch;
pub mod recipient_keys;
mod record;
mod settings;
mod zip;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        Stored,
        keys::{Key, TENANTS},
        pages::PageQuery,
        rows::{TenantIssuerRow, TenantsEntry},
    },
    clock,
    domain::tenant::{RecipientKeyRecord, Tenant, is_valid_tenant_id, key_watch::Stage},
};

pub use self::contract::{components, operations};
use self::settings::Settings;
pub(super) use self::settings::scopes;
use crate::{
    app::App,
    auth::Admin,
    body::JsonBody,
    page::{self, Query},
    problem::Problem,
};

/// Times that a tenant is read again because somebody else changed it in between.
pub(super) const TRIES: usize = 5;

/// `PUT /v1/tenants/{tenant}`: creates it (201, with its webhook secret, shown this once) or replaces its
/// settings (200, with a fresh secret if `new_webhook_secret` asks for one). Identities and issuers that are no longer
/// listed lose their access. With `If-Match`, only if it still is what was read.
pub async fn put(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let now = clock::now();
    if !is_valid_tenant_id(&id) {
        let detail = "The id in the path must be 1 to 64 of a-z, 0-9 and -, first and last no -.";
        return Err(Problem::invalid(vec![waybill::accept::Fault::new("", "tenant_id", detail)]));
    }
    let before = app.table.get::<Tenant>(&Key::tenant(&id)).await?;
    require_match(&headers, before.as_ref())?;
    if let Some(before) = &before {
        require_stay(&before.row)?;
    }
    let (settings, mut faults) = Settings::read(&id, &body, app.acceptor.retention_hours, now);
    let Some(settings) = settings else { return Err(Problem::invalid(faults)) };
    faults.extend(interfaces::unkeepable(&settings.interfaces, &app.schedule));
    let known = record::Known::of(&app, &id, before.as_ref(), &settings, &mut faults).await?;
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let recorded = record::record(&app, &admin, &id, before.as_ref(), settings, known, now).await?;
    let created = before.is_none();
    tracing::info!(tenant.id = id, created, "tenant recorded");
    let mut shown = describe(&app, &recorded.tenant.row).await?;
    if let Some(secret) = recorded.webhook_secret {
        shown["webhook_secret"] = json!(secret.expose());
    }
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, tags(&recorded.tenant), Json(shown)).into_response())
}

/// `GET /v1/tenants/{tenant}`, without its secrets. What it shows can be put back as it is.
pub async fn show(State(app): State<Arc<App>>, _: Admin, Path(id): Path<String>) -> Result<Response, Problem> {
    let tenant = existing(&app, &id).await?;
    let shown = describe(&app, &tenant.row).await?;
    Ok((tags(&tenant), Json(shown)).into_response())
}

/// `GET /v1/tenants`: all of them, by id.
pub async fn list(State(app): State<Arc<App>>, _: Admin, uri: Uri) -> Result<Json<Value>, Problem> {
    let (limit, after) = page_of(&uri, "tenants")?;
    // Every id sorts between these two.
    let bounds = ("-".to_owned(), "~".to_owned());
    let query = PageQuery { from: bounds.0, to: bounds.1, newest_first: false, limit, after };
    let page = app.table.page(TENANTS, query).await?;
    let mut tenants = Vec::new();
    for row in page.rows {
        let TenantsEntry { id, name, created_at, erasure } = row.read()?.row;
        tenants.push(json!({ "id": id, "name": name, "created_at": created_at, "erasure": erasure }));
    }
    let cursor = page.next.map(|next| page::cursor("tenants", &next));
    Ok(Json(json!({ "tenants": tenants, "next_cursor": cursor })))
}

/// The tenant, whether or not it is to stay.
pub(super) async fn existing(app: &App, id: &str) -> Result<Stored<Tenant>, Problem> {
    let not_found = || Problem::not_found("tenant");
    if !is_valid_tenant_id(id) {
        return Err(not_found());
    }
    app.table.get::<Tenant>(&Key::tenant(id)).await?.ok_or_else(not_found)
}

/// Nothing of a tenant changes any more once its erasure has begun.
pub(super) fn require_stay(tenant: &Tenant) -> Result<(), Problem> {
    let Some(erasure) = tenant.erasure else { return Ok(()) };
    let detail = format!("The tenant is being erased; GET /v1/erasures/{erasure} tells when its id is free again.");
    Err(Problem::new(StatusCode::CONFLICT, "tenant_erasing", detail))
}

pub(super) fn conflict() -> Problem {
    let detail = "The tenant was changed at the same time; read it and try again.";
    Problem::new(StatusCode::CONFLICT, "conflict", detail)
}

/// `limit` and `cursor` of a list.
fn page_of(uri: &Uri, list: &str) -> Result<(u32, Option<String>), Problem> {
    Query::parse(uri.query(), &["limit", "cursor"])?.page(list, vec![])
}

/// A tenant of the same id that is made anew starts with the first revision, but not at the same time.
fn etag(tenant: &Stored<Tenant>) -> String {
    format!("\"{}-{:x}\"", tenant.revision, tenant.row.created_at.as_millisecond())
}

fn tags(tenant: &Stored<Tenant>) -> HeaderMap {
    let tag = HeaderValue::from_str(&etag(tenant)).ok().map(|tag| (header::ETAG, tag));
    tag.into_iter().chain([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]).collect()
}

/// `If-Match`: one of the tags, or any with `*`.
fn require_match(headers: &HeaderMap, tenant: Option<&Stored<Tenant>>) -> Result<(), Problem> {
    let mut wanted = headers.get_all(header::IF_MATCH).iter().peekable();
    if wanted.peek().is_none() {
        return Ok(());
    }
    let tag = tenant.map(etag);
    let texts = wanted.filter_map(|value| value.to_str().ok());
    let matches = texts.flat_map(|text| text.split(',')).map(str::trim).any(|text| match &tag {
        Some(tag) => text == "*" || text == tag,
        None => false,
    });
    if matches {
        return Ok(());
    }
    let detail = "The tenant is not what `If-Match` says: read it again and repeat the change.";
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail))
}

async fn describe(app: &App, tenant: &Tenant) -> Result<Value, Problem> {
    let now = clock::now();
    let mut issuers = Vec::new();
    for issuer in &tenant.issuers {
        let row = app.table.get::<TenantIssuerRow>(&Key::issuer(issuer)).await?;
        issuers.extend(row.filter(|row| row.row.tenant == tenant.id).map(|row| row.row.settings));
    }
    Ok(json!({
        "id": tenant.id,
        "name": tenant.name,
        "presenter_id": tenant.presenter_id,
        "packaging": tenant.packaging,
        "zip": zip::describe(&tenant.zip),
        "manifest_inside": tenant.manifest_inside,
        "recipient_key_floor": tenant.key_floor,
        "link": tenant.link,
        "quotas": tenant.quotas,
        "licence_pool": licence_pool(tenant),
        "allowed_reports": tenant.allowed_reports,
        "interfaces": tenant.interfaces,
        "jira": tenant.jira.as_ref().map(jira::describe),
        "email": tenant.email,
        "retention_hours": tenant.retention_hours,
        "identities": tenant.identities,
        "issuers": issuers,
        "recipient_keys": tenant.active_keys().map(|key| describe_key(key, now)).collect::<Vec<_>>(),
        "created_at": tenant.created_at,
        "erasure": tenant.erasure,
        "warnings": warnings(tenant, now),
    }))
}

fn licence_pool(tenant: &Tenant) -> Option<Value> {
    tenant.licence_pool().map(|pool| json!({ "seats": pool.seats, "linger_seconds": pool.linger.as_secs() }))
}

fn warnings(tenant: &Tenant, now: Timestamp) -> Vec<String> {
    let of_zip = zip::warning(&tenant.zip).into_iter().chain(interfaces::warnings(&tenant.interfaces));
    key_watch::warnings(tenant, now).into_iter().chain(of_zip).collect()
}

fn describe_key(key: &RecipientKeyRecord, now: Timestamp) -> Value {
    json!({
        "fingerprint": key.fingerprint,
        "algorithm": key.algorithm,
        "bits": key.bits,
        "expires_at": key.expires_at,
        "expires_soon": key.is_active() && Stage::at(key.expires_at, now) > Stage::Valid,
        "added_at": key.added_at,
        "retired_at": key.retired_at,
    })
}
