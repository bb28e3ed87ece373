//! Making endpoints, and replacing their settings.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use waybill::{
    accept::Rejected,
    aws::table::{
        Stored, TableError, Write,
        keys::{ENDPOINTS, Key},
    },
    clock,
    domain::{
        endpoint::{Endpoint, Settings, SigningSecret},
        id::EndpointId,
        secret::Secret,
    },
    seal,
};

use super::{conflict, describe, load, secrets::Sealer, settings};
use crate::{app::App, auth::MayWriteEndpoints, body::JsonBody, problem::Problem};

/// Most endpoints of one tenant. Two made at the same moment may exceed it by one, which harms nothing.
const MOST: i32 = 100;

/// `POST /v1/endpoints`: 201, with the secret that signs what it is told, shown this once.
pub async fn create(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let (endpoint, secret) = make(&app, caller, &body).await?;
    let mut shown = describe::endpoint(&endpoint, endpoint.created_at);
    shown["secret"] = json!(secret.expose());
    let location = format!("/v1/endpoints/{}", endpoint.id);
    let location = HeaderValue::from_str(&location).map_err(|e| Problem::unavailable(&e))?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, headers, Json(shown)).into_response())
}

/// A new endpoint, recorded, and the secret that signs what it is told.
pub async fn make(app: &App, caller: MayWriteEndpoints, body: &Value) -> Result<(Endpoint, Secret<String>), Problem> {
    if app.tenant(&caller.tenant).await?.erasure.is_some() {
        return Err(Rejected::Erased.into());
    }
    let (id, now) = (EndpointId::generate(), clock::now());
    let key = Key::endpoint(&caller.tenant, id);
    let (settings, sealer) = read(app, body, None, &key).await?;
    let known = app.table.keys(&key.pk, ENDPOINTS, MOST).await?;
    if i32::try_from(known.len()).is_ok_and(|known| known >= MOST) {
        let detail = format!("The tenant has {MOST} endpoints; delete one first.");
        return Err(Problem::new(StatusCode::CONFLICT, "too_many_endpoints", detail));
    }
    let secret = seal::signing_secret();
    let sealed = sealer.seal(secret.expose());
    sealer.check()?;
    let endpoint = Endpoint {
        id,
        tenant: caller.tenant,
        settings,
        secrets: vec![SigningSecret { sealed, created_at: now, ends_at: None }],
        created_at: now,
        updated_at: now,
        paused: None,
        disabled: None,
    };
    app.table.write(vec![Write::insert(&endpoint)?]).await?;
    tracing::info!(endpoint.id = %id, tenant.id = endpoint.tenant, subject = caller.subject, "endpoint made");
    Ok((endpoint, secret))
}

/// `PUT /v1/endpoints/{endpoint}`: its settings are replaced; secrets that are not sent stay.
pub async fn put(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let stored = load(&app, &caller.tenant, &id).await?;
    let endpoint = replace(&app, &caller, &stored, &body).await?;
    Ok(Json(describe::endpoint(&endpoint, endpoint.updated_at)))
}

/// The endpoint with settings that replace its own, recorded.
pub async fn replace(
    app: &App,
    caller: &MayWriteEndpoints,
    stored: &Stored<Endpoint>,
    body: &Value,
) -> Result<Endpoint, Problem> {
    let id = stored.row.id;
    let key = Key::endpoint(&caller.tenant, id);
    let (settings, sealer) = read(app, body, Some(&stored.row.settings), &key).await?;
    sealer.check()?;
    let next = Endpoint { settings, updated_at: clock::now(), ..stored.row.clone() };
    match app.table.replace(stored, next).await {
        Ok(stored) => {
            tracing::info!(endpoint.id = %id, tenant.id = caller.tenant, subject = caller.subject, "endpoint changed");
            Ok(stored.row)
        }
        Err(TableError::Conflict) => Err(conflict()),
        Err(error) => Err(error.into()),
    }
}

async fn read(app: &App, body: &Value, before: Option<&Settings>, key: &Key) -> Result<(Settings, Sealer), Problem> {
    let sealer = Sealer::new(app.sealing.get().await?, key.associated());
    let settings = settings::read(body, before, &sealer, &app.acceptor.guard).map_err(Problem::invalid)?;
    Ok((settings, sealer))
}
