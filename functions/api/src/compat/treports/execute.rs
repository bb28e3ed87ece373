//! The legacy call.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{body::Wanted, entered, licence, order::Generation, refused, refused::Refused, reports};
use crate::{app::App, auth::MayRequest, body::JsonBody, problem::Problem, routes::requests::idempotency_key};

/// `POST /api/trep/v1/reports/{uid}/execute`: `{uIdRequest, scheduleDate}` once it is recorded.
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
        let mut wanted = Wanted::of_execution(&body, &definition).map_err(refused::invalid)?;
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
        let receipt = generation.order(&app).await?;
        Ok(json!({ "uIdRequest": receipt.id.uuid(), "scheduleDate": receipt.created_at }))
    };
    let executed: Result<Value, Problem> = executed.await;
    executed.map(|shown| Json(shown).into_response()).map_err(|problem| Refused::new(problem, settings.language))
}
