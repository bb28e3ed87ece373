//! API keys of a tenant, for the operator: made, listed, revoked.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    accept::Fault,
    aws::table::{
        TableError, Write,
        keys::{API_KEYS, Key},
    },
    clock,
    domain::{
        api_key::{ApiKey, LONGEST_LIFE, Presented},
        id::ApiKeyId,
        secret::Secret,
        tenant::{Scope, is_valid_tenant_id},
    },
    seal::random_bytes,
};

use super::tenants::{TRIES, conflict, existing, require_stay, scopes};
use crate::{
    app::App,
    audit,
    auth::Admin,
    body::JsonBody,
    fields::{Faults, Fields},
    openapi::{
        operation::Operation,
        parts::{rfc3339, scopes as scopes_of, tenant_id},
        schema::{
            Schema, and, bytes, component, described, flag, id, list_of, nullable, sent, shown, text, time, whole,
        },
    },
    problem::Problem,
};

/// Most keys of one tenant that can be used at a time.
const MAX_LIVE: usize = 100;

/// Longest name of a key, in bytes.
const MAX_NAME: usize = 200;

const FIELDS: [&str; 4] = ["name", "scopes", "expires_at", "expires_in_days"];

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    name: String,
    scopes: Vec<Scope>,
    expires_at: Timestamp,
}

/// `POST /v1/tenants/{tenant}/api-keys`: 201 with the key, shown this once.
pub async fn create(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(tenant): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let now = clock::now();
    let stored = existing(&app, &tenant).await?;
    require_stay(&stored.row)?;
    let wanted = read(&body, now).map_err(Problem::invalid)?;
    let live = of_tenant(&app, &tenant).await?.iter().filter(|key| key.is_live(now)).count();
    if live >= MAX_LIVE {
        let detail = format!("The tenant has {MAX_LIVE} API keys that can be used; revoke one first.");
        return Err(Problem::new(StatusCode::CONFLICT, "too_many_api_keys", detail));
    }
    let secret = Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>()));
    let presented = Presented::new(&tenant, ApiKeyId::generate(), secret);
    let key = ApiKey {
        id: presented.id,
        tenant,
        name: wanted.name,
        scopes: wanted.scopes,
        secret_sha256: presented.secret_sha256(),
        created_at: now,
        created_by: admin.subject.clone(),
        expires_at: wanted.expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    // The tenant's row is written as it was, so that no key comes to be while its erasure begins.
    let entry = audit::entry(&admin, &key.tenant, "api_key.created", audited(&key))?;
    let writes = vec![Write::insert(&key)?, Write::replace(&stored, &stored.row)?, entry];
    write(&app, writes).await?;
    tracing::info!(tenant.id = key.tenant, api_key.id = %key.id, "API key made");
    let mut shown = describe(&key, now);
    shown["api_key"] = json!(presented.text().expose());
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(shown)).into_response())
}

/// `GET /v1/tenants/{tenant}/api-keys`: all of them, oldest first, those that have ended too.
pub async fn list(State(app): State<Arc<App>>, _: Admin, Path(tenant): Path<String>) -> Result<Json<Value>, Problem> {
    let now = clock::now();
    existing(&app, &tenant).await?;
    let keys = of_tenant(&app, &tenant).await?;
    Ok(Json(json!({ "api_keys": keys.iter().map(|key| describe(key, now)).collect::<Vec<_>>() })))
}

/// `DELETE /v1/tenants/{tenant}/api-keys/{key}`: refused from now on. It stays in the list.
pub async fn revoke(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let now = clock::now();
    let not_found = || Problem::not_found("API key");
    if !is_valid_tenant_id(&tenant) {
        return Err(not_found());
    }
    let id: ApiKeyId = id.parse().map_err(|_| not_found())?;
    for _ in 0..TRIES {
        let stored = app.table.get::<ApiKey>(&Key::api_key(&tenant, id)).await?.ok_or_else(not_found)?;
        let Some(revoked) = stored.row.revoked(now) else { return Ok(Json(describe(&stored.row, now))) };
        let entry = audit::entry(&admin, &tenant, "api_key.revoked", audited(&revoked))?;
        match app.table.write(vec![Write::replace(&stored, &revoked)?, entry]).await {
            Ok(()) => {
                tracing::info!(tenant.id = tenant, api_key.id = %id, "API key revoked");
                return Ok(Json(describe(&revoked, now)));
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict())
}

async fn of_tenant(app: &App, tenant: &str) -> Result<Vec<ApiKey>, Problem> {
    let rows = app.table.query(&Key::tenant(tenant).pk, API_KEYS).await?;
    let keys: Result<Vec<ApiKey>, TableError> = rows.into_iter().map(|row| Ok(row.read::<ApiKey>()?.row)).collect();
    Ok(keys?)
}

async fn write(app: &App, writes: Vec<Write>) -> Result<(), Problem> {
    match app.table.write(writes).await {
        Err(TableError::Conflict) => Err(conflict()),
        other => Ok(other?),
    }
}

/// Reads what is asked for, strictly; or every fault.
fn read(body: &Value, now: Timestamp) -> Result<Wanted, Vec<Fault>> {
    let faults = Faults::default();
    let wanted = Fields::of(body, "", &FIELDS, &faults).map(|fields| {
        if fields.get("scopes").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            faults.add("/scopes", "missing", "Name at least one.");
        }
        Wanted {
            name: fields.required_text("name", MAX_NAME).unwrap_or_default().to_owned(),
            scopes: scopes(&fields, &faults),
            expires_at: end(&fields, now, &faults),
        }
    });
    let faults = faults.into_vec();
    wanted.filter(|_| faults.is_empty()).ok_or(faults)
}

fn most_days() -> u16 {
    u16::try_from(LONGEST_LIFE.as_hours() / 24).unwrap_or(u16::MAX)
}

/// When the key is to end; what is faulty is noted, and ends with the longest life.
fn end(fields: &Fields, now: Timestamp, faults: &Faults) -> Timestamp {
    let latest = now + LONGEST_LIFE;
    let days = fields.whole("expires_in_days", 1..=most_days());
    let Some(at) = fields.get("expires_at") else {
        return days.map_or(latest, |days| now + SignedDuration::from_hours(24 * i64::from(days)));
    };
    if fields.get("expires_in_days").is_some() {
        faults.add("/expires_in_days", "not_allowed", "Not together with `expires_at`.");
    }
    let Some(at) = at.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else {
        faults.add("/expires_at", "format", "Must be a time with its offset, such as 2027-01-31T00:00:00Z.");
        return latest;
    };
    if at <= now || at > latest {
        faults.add(
            "/expires_at",
            "out_of_range",
            format!("Must be in the future, at most {} days ahead.", most_days()),
        );
    }
    at
}

fn describe(key: &ApiKey, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "live": key.is_live(now),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    })
}

fn audited(key: &ApiKey) -> Value {
    json!({ "id": key.id, "name": key.name, "scopes": key.scopes, "expires_at": key.expires_at })
}

/// What an administrator may do with API keys.
pub fn operations() -> Vec<Operation> {
    let (tag, all) = ("API keys", "/v1/tenants/{tenant}/api-keys");
    vec![
        Operation::post(all, ["createApiKey", tag, "Make an API key"])
            .about("It is shown this once: what is kept is a hash.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .body(wanted(), json!({ "name": "Acme's ERP", "scopes": ["reports:read"], "expires_in_days": 90 }))
            .answers(StatusCode::CREATED, "The key.", and(described_key(), [("api_key", text())]))
            .leads_to("revokeApiKey", [("tenant", "$request.path.tenant"), ("key", "$response.body#/id")])
            .refuses(&["not_found", "too_many_api_keys", "tenant_erasing", "conflict"]),
        Operation::get(all, ["listApiKeys", tag, "List them"])
            .about("All of them, oldest first, without their secrets; those that have ended too.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .answers(StatusCode::OK, "The keys.", shown([("api_keys", list_of(component("ApiKey")))]))
            .refuses(&["not_found"]),
        Operation::delete("/v1/tenants/{tenant}/api-keys/{key}", ["revokeApiKey", tag, "Revoke one"])
            .about("It is refused from now on, and stays in the list. Doing it again changes nothing.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .at("key", id("key"))
            .answers(StatusCode::OK, "The key.", component("ApiKey"))
            .refuses(&["not_found", "conflict"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    vec![("ApiKey", described_key())]
}

fn described_key() -> Schema {
    shown([
        ("id", id("key")),
        ("name", text()),
        ("scopes", scopes_of()),
        ("live", described(flag(), "Whether it can be used now.")),
        ("created_at", time()),
        ("created_by", text()),
        ("expires_at", time()),
        ("revoked_at", nullable(time())),
        ("last_used_at", described(nullable(time()), "Exact to five minutes.")),
    ])
}

/// The body that asks for a key: one end at most.
fn wanted() -> Schema {
    let mut wanted = sent(&FIELDS, &["name", "scopes"], |name| match name {
        "name" => bytes(MAX_NAME),
        "scopes" => {
            let mut scopes = scopes_of();
            scopes["minItems"] = json!(1);
            scopes["maxItems"] = json!(Scope::ALL.len());
            scopes
        }
        "expires_at" => described(rfc3339(), "In the future, and no more than a key's longest life ahead."),
        "expires_in_days" => whole(1..=most_days()),
        _ => Value::Null,
    });
    let given = |name: &str, kind: &str| json!({ "required": [name], "properties": { name: { "type": kind } } });
    wanted["not"] = json!({ "allOf": [given("expires_at", "string"), given("expires_in_days", "integer")] });
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn judge(body: &Value) -> Result<Timestamp, Vec<(String, &'static str)>> {
        let read = read(body, now()).map(|wanted| wanted.expires_at);
        read.map_err(|faults| faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn every_key_ends() {
        let body = |expiry: &str, value: Value| json!({ "name": "erp", "scopes": ["reports:read"], expiry: value });
        let days = |days: i64| now() + SignedDuration::from_hours(24 * days);
        for (body, end) in [
            (json!({ "name": "erp", "scopes": ["reports:read"] }), days(366)),
            (body("expires_at", json!("2026-11-23T12:00:00Z")), days(1)),
            (body("expires_at", json!("2026-11-23T09:00:00-03:00")), days(1)),
            (body("expires_in_days", json!(1)), days(1)),
            (body("expires_in_days", json!(366)), days(366)),
        ] {
            assert_eq!(judge(&body), Ok(end), "{body}");
        }
        for (expiry, value, code) in [
            ("expires_at", json!("2026-11-22T12:00:00Z"), "out_of_range"),
            ("expires_at", json!("2020-01-01T00:00:00Z"), "out_of_range"),
            ("expires_at", json!("2028-01-01T00:00:00Z"), "out_of_range"),
            ("expires_at", json!("2026-11-23T12:00:00"), "format"),
            ("expires_at", json!(1_800_000_000), "format"),
            ("expires_in_days", json!(0), "out_of_range"),
            ("expires_in_days", json!(367), "out_of_range"),
            ("expires_in_days", json!(65_536), "out_of_range"),
            ("expires_in_days", json!(1.5), "type"),
        ] {
            let body = body(expiry, value);
            assert_eq!(judge(&body), Err(vec![(format!("/{expiry}"), code)]), "{body}");
        }
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let body = json!({ "name": "", "scopes": ["admin", "reports:read"], "secret": "of my own",
                           "expires_at": "2020-01-01T00:00:00Z", "expires_in_days": 1 });
        let expected = [
            ("/secret", "unknown"),
            ("/name", "out_of_range"),
            ("/scopes/0", "not_allowed"),
            ("/expires_in_days", "not_allowed"),
            ("/expires_at", "out_of_range"),
        ];
        let found = judge(&body).unwrap_err();
        assert_eq!(found.iter().map(|(pointer, code)| (&**pointer, *code)).collect::<Vec<_>>(), expected);
        let empty = json!({ "name": "x", "scopes": [] });
        assert_eq!(judge(&empty), Err(vec![("/scopes".to_owned(), "missing")]));
        let nothing = vec![("/name".to_owned(), "missing"), ("/scopes".to_owned(), "missing")];
        assert_eq!(judge(&json!({})), Err(nothing));
        assert_eq!(judge(&json!([])), Err(vec![(String::new(), "type")]));
    }
}
