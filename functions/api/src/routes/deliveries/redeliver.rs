//! Making one delivery again.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::Value;
use waybill::{
    aws::table::{TableError, keys::Key},
    clock,
    domain::{
        delivery::{Delivery, Refusal},
        endpoint::Endpoint,
    },
    redelivery,
};

use super::{conflict, describe, load};
use crate::{app::App, auth::MayRequest, problem::Problem};

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 5;

/// `POST /v1/deliveries/{delivery}/redeliver`: 202 once it is pending again, due at once, its whole schedule before it.
pub async fn redeliver(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    for _ in 0..CONFLICTS {
        let read = load(&app, &caller.tenant, &id).await?;
        if !endpoint_is_there(&app, &read.row).await? {
            return Err(refused(Refusal::EndpointGone));
        }
        match redelivery::redeliver(&app.table, &app.deliveries, &read, None, clock::now()).await {
            Ok(Ok(delivery)) => {
                tracing::info!(
                    delivery.id = %delivery.id, tenant.id = caller.tenant, caller = caller.subject,
                    "delivery is made again"
                );
                return Ok((StatusCode::ACCEPTED, Json(describe::delivery(&delivery))));
            }
            Ok(Err(refusal)) => return Err(refused(refusal)),
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::unavailable(&"a delivery's row changes all the time"))
}

async fn endpoint_is_there(app: &App, delivery: &Delivery) -> Result<bool, Problem> {
    let Some(endpoint) = delivery.target.endpoint() else { return Ok(true) };
    let key = Key::endpoint(&delivery.announcement.tenant, endpoint);
    Ok(app.table.get::<Endpoint>(&key).await?.is_some())
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::FileGone => {
            let detail = "The file that this delivery tells of is gone; request the report again.";
            Problem::new(StatusCode::GONE, "file_gone", detail)
        }
        Refusal::EndpointGone => conflict("endpoint_deleted", "The endpoint was deleted; there is nobody to tell."),
        _ => conflict("delivery_pending", "The delivery has not ended; its next attempt comes at `next_attempt_at`."),
    }
}
