//! Making all of an endpoint's dead deliveries again: asked for here, carried out by the sweeper.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;
use waybill::{
    accept::Fault,
    aws::table::{
        Write,
        keys::{Key, RECOVERIES},
        pages::PageQuery,
    },
    clock,
    domain::{
        endpoint::Endpoint,
        id::{EndpointId, RecoveryId},
        recovery::{Recovery, State as Stands},
    },
};

use super::conflict;
use crate::{
    app::App,
    auth::{MayRead, MayWriteEndpoints},
    body::JsonBody,
    fields::{Faults, Fields},
    problem::Problem,
};

/// Recoveries of one tenant that run at the same time: the sweeper has others to see to.
const MOST: usize = 10;

/// The latest recoveries that are looked at for those that run.
const LOOK: u32 = 100;

/// `POST /v1/endpoints/{endpoint}/recover` with `{since}`: 202 once it is recorded. The sweeper begins within a minute.
pub async fn recover(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let not_found = || Problem::not_found("endpoint");
    let endpoint: EndpointId = id.parse().map_err(|_| not_found())?;
    app.table.get::<Endpoint>(&Key::endpoint(&caller.tenant, endpoint)).await?.ok_or_else(not_found)?;
    let now = clock::now();
    let since = since(&body, now).map_err(Problem::invalid)?;
    if running(&app, &caller.tenant).await? >= MOST {
        return Err(conflict("too_many_recoveries", "Ten recoveries are running; wait until one of them has ended."));
    }
    let whose = (caller.tenant.as_str(), endpoint);
    let recovery = Recovery::begun(RecoveryId::generate(), whose, since, &caller.subject, now);
    app.table.write(vec![Write::insert(&recovery)?]).await?;
    tracing::info!(recovery.id = %recovery.id, endpoint.id = %endpoint, tenant.id = caller.tenant, "recovery begins");
    let location = format!("/v1/recoveries/{}", recovery.id);
    let location = HeaderValue::from_str(&location).map_err(|e| Problem::unavailable(&e))?;
    let headers = [(header::LOCATION, location), (header::RETRY_AFTER, HeaderValue::from_static("60"))];
    Ok((StatusCode::ACCEPTED, headers, Json(recovery.describe())).into_response())
}

async fn running(app: &App, tenant: &str) -> Result<usize, Problem> {
    let page = app.table.page(&Key::tenant(tenant).pk, PageQuery::newest(RECOVERIES, LOOK, None)).await?;
    let recoveries = page.rows.into_iter().filter_map(|row| row.read::<Recovery>().ok());
    Ok(recoveries.filter(|read| read.row.state == Stands::Running).count())
}

fn since(body: &Value, now: Timestamp) -> Result<Timestamp, Vec<Fault>> {
    let faults = Faults::default();
    let text = Fields::of(body, "", &["since"], &faults).and_then(|fields| fields.required_text("since", 64));
    let since = text.and_then(|text| {
        let read = text.parse::<Timestamp>();
        match read {
            Ok(time) if time <= now => return Some(time),
            Ok(_) => faults.add("/since", "out_of_range", "Must not be in the future."),
            Err(_) => faults.add("/since", "format", "Must be a time as in RFC 3339, e.g. 2026-11-22T00:00:00Z."),
        }
        None
    });
    let faults = faults.into_vec();
    since.filter(|_| faults.is_empty()).ok_or(faults)
}

/// `GET /v1/recoveries/{recovery}`: how far it has come.
pub async fn recovery(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let not_found = || Problem::not_found("recovery");
    let id: RecoveryId = id.parse().map_err(|_| not_found())?;
    let recovery = app.table.get::<Recovery>(&Key::recovery(&caller.tenant, id)).await?.ok_or_else(not_found)?;
    Ok(Json(recovery.row.describe()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_in_the_past_is_needed() {
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        assert_eq!(since(&json!({ "since": "2026-11-22T01:00:00+01:00" }), now), Ok(now));
        let cases = [
            (json!({}), "/since", "missing"),
            (json!([]), "", "type"),
            (json!({ "since": 5 }), "/since", "type"),
            (json!({ "since": "yesterday" }), "/since", "format"),
            (json!({ "since": "2026-11-22T00:00:01Z" }), "/since", "out_of_range"),
            (json!({ "since": "2026-11-22T00:00:00Z", "until": 1 }), "/until", "unknown"),
        ];
        for (body, pointer, code) in cases {
            let faults = since(&body, now).unwrap_err();
            let named: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
            assert_eq!(named, [(pointer, code)], "{body}");
        }
    }
}
