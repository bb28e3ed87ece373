//! The legacy call.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use serde_json::{Value, json};
use waybill::{clock, domain::schedule::Zone};

use super::{body::Wanted, entered, licence, order::Generation, refused, refused::Refused, reports};
use crate::{app::App, auth::MayRequest, body::JsonBody, problem::Problem, routes::requests::idempotency_key};

/// `POST /api/trep/v1/reports/{uid}/execute`: `{uIdRequest, scheduleDate}` once it is recorded, or its schedule is.
pub async fn execute(
    State(app): State<Arc<App>>,
    caller: Result<MayRequest, Problem>,
    Path(uid): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Refused> {
    let caller = caller?;
    let (tenant, settings) = entered(&app, &caller.tenant).await?;
    let executed = async {
        let JsonBody(body) = body?;
        let definition = reports::find(&app, &tenant, &settings, &uid).await?;
        let zone = Zone::named(&settings.time_zone).map_err(|error| Problem::unavailable(&error))?;
        let mut wanted = Wanted::of_execution(&body, &definition, (&zone, clock::now())).map_err(refused::invalid)?;
        wanted.keeps.uid.clone_from(&uid);
        let user = wanted.keeps.user.as_deref().unwrap_or(&caller.subject);
        let seat = licence::seat(&headers, wanted.licence.as_deref(), &tenant.id, user)?;
        let generation = Generation {
            caller: &caller,
            tenant: &tenant,
            settings: &settings,
            report: &definition.id,
            wanted: &wanted,
            seat: &seat,
            idempotency_key: idempotency_key(&headers)?,
        };
        let (id, at) = if let Some(plan) = &wanted.plan {
            generation.plan(&app, plan, &body).await?
        } else {
            let receipt = generation.order(&app).await?;
            (receipt.id.uuid(), receipt.created_at)
        };
        Ok(json!({ "uIdRequest": id, "scheduleDate": at }))
    };
    let executed: Result<Value, Problem> = Box::pin(executed).await;
    executed.map(|shown| Json(shown).into_response()).map_err(|problem| Refused::new(problem, settings.language))
}
