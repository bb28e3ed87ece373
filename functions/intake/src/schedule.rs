//! Word that a schedule is due, from its one-shot or from the sweeper: what is due becomes requests.

use serde::Deserialize;
use serde_json::Value;
use waybill::{
    aws::table::keys::Key,
    clock,
    domain::{
        message::{ScheduleCall, ScheduleMessage},
        tenant::Tenant,
    },
    schedules::Schedules,
};

use crate::{app::App, error::Refused, kind::Taken};

/// Runs what is due. Of a tenant or a schedule that is gone there is nothing: a one-shot may outlive either.
pub async fn take(app: &App, message: &Value) -> Result<Taken, Refused> {
    let message = ScheduleMessage::deserialize(message)?;
    if message.v != "1" {
        return Err(Refused::Version(message.v));
    }
    let ScheduleCall { tenant, id, .. } = &message.schedule;
    let tenant = app.acceptor.table.get::<Tenant>(&Key::tenant(tenant)).await?.map(|tenant| tenant.row);
    let Some(tenant) = tenant.filter(|tenant| tenant.erasure.is_none()) else {
        tracing::info!(schedule.id = %id, "a schedule is due of a tenant that is gone");
        return Ok(Taken::Again);
    };
    let schedules = Schedules { acceptor: &app.acceptor, one_shots: &app.one_shots };
    for message in schedules.run_due(&tenant, *id, clock::now).await? {
        if let Err(error) = app.deliveries.send(&message, &tenant.id, 0).await {
            tracing::warn!(schedule.id = %id, tenant.id = tenant.id, %error, "hand-off left to the sweeper");
        }
    }
    Ok(Taken::New)
}
