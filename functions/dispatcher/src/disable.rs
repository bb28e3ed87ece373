//! An endpoint that is called no more, until somebody resumes it.

use serde_json::json;
use waybill::{
    aws::table::{Row, TableError},
    clock,
    domain::{
        endpoint::{Disabled, Endpoint},
        id::EventId,
    },
};

use crate::app::{App, Retry};

/// Name of the event, as `docs/schemas` describes it.
const DISABLED: &str = "endpoint.disabled";

/// Disables an endpoint and tells the bus, in this order of certainty: told, then recorded. A crash in between tells
/// it again, with the next failure. `reason` is for the endpoint's owner.
pub async fn disable(app: &App, endpoint: &Endpoint, reason: &str) -> Result<(), Retry> {
    let Some(read) = app.table.get::<Endpoint>(&endpoint.key()).await? else { return Ok(()) };
    if read.row.disabled.is_some() {
        return Ok(());
    }
    let now = clock::now();
    let detail = json!({
        "v": "1",
        "event_id": EventId::generate(),
        "event": DISABLED,
        "occurred_at": now,
        "tenant": endpoint.tenant,
        "endpoint_id": endpoint.id,
        "reason": reason,
    });
    app.bus.put(DISABLED, &detail.to_string(), now).await?;
    let next = Endpoint { disabled: Some(Disabled { at: now, reason: reason.to_owned() }), ..read.row.clone() };
    match app.table.replace(&read, next).await {
        Ok(_) => {
            tracing::warn!(tenant.id = endpoint.tenant, endpoint.id = %endpoint.id, reason, "endpoint disabled");
            Ok(())
        }
        // Its owner has changed it just now; the next failure sees to it.
        Err(TableError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
