//! An endpoint that is called no more, until somebody resumes it.

use jiff::Timestamp;
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

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 5;

/// Disables an endpoint and tells the bus, in this order of certainty: told, then recorded. A crash in between tells
/// it again, with the next failure. `endpoint` is as it was when it was called; `reason` is for its owner.
pub async fn disable(app: &App, endpoint: &Endpoint, reason: &str) -> Result<(), Retry> {
    let (now, mut told) = (clock::now(), false);
    for _ in 0..CONFLICTS {
        let Some(read) = app.table.get::<Endpoint>(&endpoint.key()).await? else { return Ok(()) };
        // What its owner has led elsewhere meanwhile is not what was called.
        if read.row.disabled.is_some() || read.row.settings.url != endpoint.settings.url {
            return Ok(());
        }
        if !told {
            tell(app, endpoint, reason, now).await?;
            told = true;
        }
        let next = Endpoint { disabled: Some(Disabled { at: now, reason: reason.to_owned() }), ..read.row.clone() };
        match app.table.replace(&read, next).await {
            Ok(_) => {
                tracing::warn!(tenant.id = endpoint.tenant, endpoint.id = %endpoint.id, reason, "endpoint disabled");
                return Ok(());
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(TableError::Conflict.into())
}

async fn tell(app: &App, endpoint: &Endpoint, reason: &str, now: Timestamp) -> Result<(), Retry> {
    let detail = json!({
        "v": "1",
        "event_id": EventId::generate(),
        "event": DISABLED,
        "occurred_at": now,
        "tenant": endpoint.tenant,
        "endpoint_id": endpoint.id,
        "reason": reason,
    });
    Ok(app.bus.put(DISABLED, &detail.to_string(), now).await?)
}
