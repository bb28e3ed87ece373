//! What is done to an endpoint besides changing its settings.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill::{
    aws::table::{Write, keys::Key, rows::ProcessEvent},
    clock,
    domain::{
        delivery::Target,
        endpoint::Endpoint,
        id::{DeliveryId, RequestId},
        message::{Announcement, DeliveryMessage, DeliveryTask, EventKind},
        request::Deed,
    },
    seal,
};

use super::{change, describe, load, secrets::Sealer, wake};
use crate::{
    app::App,
    auth::MayWriteEndpoints,
    body::JsonBody,
    fields::{Faults, Fields},
    problem::Problem,
};

/// Longest life of an outgoing secret.
pub const MAX_OVERLAP_HOURS: u32 = 168;
/// Its life unless asked for otherwise.
pub const OVERLAP_HOURS: u32 = 24;

/// `POST /v1/endpoints/{endpoint}/rotate-secret`: a new secret, shown this once. Both sign until the overlap ends.
pub async fn rotate_secret(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let endpoint = load(&app, &caller.tenant, &id).await?.row;
    let faults = Faults::default();
    let fields = Fields::of(&body, "", &["overlap_hours"], &faults);
    let hours = fields.and_then(|fields| fields.whole("overlap_hours", 0..=MAX_OVERLAP_HOURS));
    let faults = faults.into_vec();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let (secret, now) = (seal::signing_secret(), clock::now());
    let sealed = seal_for(&app, &endpoint, secret.expose()).await?;
    let overlap = SignedDuration::from_hours(i64::from(hours.unwrap_or(OVERLAP_HOURS)));
    let rotated = change(&app, &caller.tenant, &id, &[], |row| row.rotated(sealed.clone(), overlap, now)).await?;
    tracing::info!(endpoint.id = id, tenant.id = caller.tenant, subject = caller.subject, "secret rotated");
    let mut shown = describe::endpoint(&rotated, now);
    shown["secret"] = json!(secret.expose());
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(shown)).into_response())
}

async fn seal_for(app: &App, endpoint: &Endpoint, secret: &str) -> Result<String, Problem> {
    let key = Key::endpoint(&endpoint.tenant, endpoint.id);
    let sealer = Sealer::new(app.sealing.get().await?, key.associated());
    let sealed = sealer.seal(secret);
    sealer.check()?;
    Ok(sealed)
}

/// `POST /v1/endpoints/{endpoint}/pause`: what it is to be told waits. Doing so again changes nothing.
pub async fn pause(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let now = clock::now();
    let deed = Deed { at: now, by: caller.subject };
    let paused = |row: &Endpoint| Endpoint { paused: row.paused.clone().or(Some(deed.clone())), ..row.clone() };
    let row = change(&app, &caller.tenant, &id, &[], paused).await?;
    tracing::info!(endpoint.id = id, tenant.id = caller.tenant, subject = deed.by, "endpoint paused");
    Ok(Json(describe::endpoint(&row, now)))
}

/// `POST /v1/endpoints/{endpoint}/resume`: it is called again, whether it was paused or disabled.
pub async fn resume(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let resumed = |row: &Endpoint| Endpoint { paused: None, disabled: None, ..row.clone() };
    let lane = load(&app, &caller.tenant, &id).await?.row.id.to_string();
    // It begins anew: what it failed at before neither limits it nor disables it again.
    let health = Write::delete(Key::health(&caller.tenant, &lane));
    let row = change(&app, &caller.tenant, &id, &[health], resumed).await?;
    wake(&app, &caller.tenant, &lane).await;
    tracing::info!(endpoint.id = id, tenant.id = caller.tenant, subject = caller.subject, "endpoint resumed");
    Ok(Json(describe::endpoint(&row, clock::now())))
}

/// `POST /v1/endpoints/{endpoint}/test`: tells it of an `endpoint.test`, as a delivery of its own.
pub async fn test(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let endpoint = load(&app, &caller.tenant, &id).await?.row;
    if endpoint.is_held() {
        let detail = "The endpoint is paused or disabled; resume it first.";
        return Err(Problem::new(StatusCode::CONFLICT, "endpoint_held", detail));
    }
    let (story, target, now) = (RequestId::generate(), Target::Endpoint { id: endpoint.id }, clock::now());
    let event = Announcement::apart(&caller.tenant, story, EventKind::EndpointTest, now, now);
    let event = Announcement { target: Some(target.clone()), ..event };
    // By this row an erasure finds the story, which is of no request.
    let found_by = ProcessEvent { tenant: caller.tenant.clone(), story, recorded_at: now };
    app.table.write(vec![Write::insert(&event)?, Write::insert(&found_by)?]).await?;
    let task = DeliveryTask::FanOut(event.id);
    let message = DeliveryMessage::V1 { tenant: caller.tenant.clone(), request: event.request, task, dead: None };
    if let Err(error) = app.deliveries.send(&message, &caller.tenant, 0).await {
        tracing::warn!(endpoint.id = id, %error, "hand-off left to the sweeper");
    }
    let delivery = DeliveryId::derive(event.id, &target.identity());
    tracing::info!(endpoint.id = id, tenant.id = caller.tenant, delivery.id = %delivery, "endpoint tested");
    let location = format!("/v1/deliveries/{delivery}");
    let shown = json!({ "delivery": delivery, "status_url": format!("{}{location}", app.public_url) });
    let location = HeaderValue::from_str(&location).map_err(|e| Problem::unavailable(&e))?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(shown)).into_response())
}
