//! Recipient keys of a tenant: uploaded, listed, retired. Two may be active at a time, so that one replaces the other
//! without a gap.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use waybill::{
    accept::Fault,
    aws::table::{Stored, TableError, Write},
    clock,
    domain::tenant::{
        RecipientKeyRecord, Tenant,
        recipient_keys::{MAX_ACTIVE, Refusal},
    },
};

use super::{TRIES, conflict, describe_key, existing, key_watch, require_stay, settings};
use crate::{
    app::App,
    audit,
    auth::Admin,
    body::{JsonBody, MAX_BODY},
    fields::{Faults, Fields},
    page::Query,
    problem::Problem,
};

/// `POST /v1/tenants/{tenant}/recipient-keys`: 201 with the key; reports are encrypted to it from now on.
pub async fn add(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let faults = Faults::default();
    let fields = Fields::of(&body, "", &["armored"], &faults);
    let key = fields.and_then(|fields| fields.required_text("armored", MAX_BODY)).and_then(|armored| {
        let read = settings::key_record(armored, clock::now());
        read.map_err(|detail| faults.add("/armored", "recipient_key_refused", detail)).ok()
    });
    existing(&app, &id).await?;
    let faults = faults.into_vec();
    let Some(key) = key.filter(|_| faults.is_empty()) else { return Err(Problem::invalid(faults)) };
    change(&app, &admin, &id, ("recipient_key.added", &key.fingerprint), |tenant| {
        tenant.with_key(key.clone()).map(Some)
    })
    .await?;
    tracing::info!(tenant.id = id, key.fingerprint, "recipient key added");
    Ok((StatusCode::CREATED, Json(describe_key(&key, clock::now()))).into_response())
}

/// `GET /v1/tenants/{tenant}/recipient-keys`: the active ones and the latest that were retired.
pub async fn list(State(app): State<Arc<App>>, _: Admin, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let tenant = existing(&app, &id).await?.row;
    let now = clock::now();
    let (active, retired): (Vec<&RecipientKeyRecord>, Vec<_>) =
        tenant.recipient_keys.iter().partition(|key| key.is_active());
    let shown: Vec<Value> =
        active.into_iter().chain(retired.into_iter().rev()).map(|key| describe_key(key, now)).collect();
    Ok(Json(json!({ "recipient_keys": shown })))
}

/// `DELETE /v1/tenants/{tenant}/recipient-keys/{fingerprint}`: reports are no longer encrypted to it. It stays in the
/// list. The last one goes with `?force=true` only, as long as the tenant's packaging needs one.
pub async fn retire(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path((id, fingerprint)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let query = Query::parse(uri.query(), &["force"])?;
    let force = match query.get("force") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(Problem::bad_query(vec![Fault::new("force", "not_allowed", "Must be true or false.")]));
        }
    };
    let fingerprint = fingerprint.to_ascii_uppercase();
    let now = clock::now();
    let tenant = change(&app, &admin, &id, ("recipient_key.retired", &fingerprint), |tenant| {
        tenant.without_key(&fingerprint, force, now)
    })
    .await?;
    tracing::info!(tenant.id = id, key.fingerprint = fingerprint, "recipient key retired");
    let key = tenant.recipient_keys.iter().find(|key| key.fingerprint == fingerprint);
    Ok(Json(describe_key(key.ok_or_else(|| Problem::not_found("recipient key"))?, now)))
}

/// Applies a rule to the tenant and writes what it says, with the audit entry, unless it says that nothing changes.
/// Reads again where somebody else was faster.
async fn change(
    app: &App,
    admin: &Admin,
    id: &str,
    (action, fingerprint): (&'static str, &str),
    rule: impl Fn(&Tenant) -> Result<Option<Tenant>, Refusal>,
) -> Result<Tenant, Problem> {
    for _ in 0..TRIES {
        let read: Stored<Tenant> = existing(app, id).await?;
        require_stay(&read.row)?;
        let Some(next) = rule(&read.row).map_err(refused)? else { return Ok(read.row) };
        let entry = audit::entry(admin, id, action, json!({ "fingerprint": fingerprint }))?;
        let mut writes = vec![Write::replace(&read, &next)?, entry];
        writes.extend(key_watch::write(app, &next).await?);
        match app.table.write(writes).await {
            Ok(()) => return Ok(next),
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict())
}

fn refused(refusal: Refusal) -> Problem {
    let (code, detail) = match refusal {
        Refusal::Unknown => return Problem::not_found("recipient key"),
        Refusal::BelowFloor(floor) => return Problem::invalid(vec![key_watch::sent_below_floor("/armored", floor)]),
        Refusal::Active => {
            let detail =
                "The key is active already. To renew its certificate, send that in the settings' `recipient_keys`.";
            ("recipient_key_exists", detail.to_owned())
        }
        Refusal::TooMany { active } => {
            let first = active.first().map_or("", String::as_str);
            let detail = format!(
                "{MAX_ACTIVE} keys are active at most, and these are: {}. Retire one first, such as {first}.",
                active.join(", ")
            );
            ("too_many_active_keys", detail)
        }
        Refusal::Last => {
            let detail = "It is the last active key, and the tenant packages with openpgp: add its successor first, or \
                          repeat with ?force=true; requests are then refused until there is a key.";
            ("last_active_key", detail.to_owned())
        }
    };
    Problem::new(StatusCode::CONFLICT, code, detail)
}
