//! Due schedules: what should have woken the intake for them has not, or the intake did not come to an end.

use waybill::{
    aws::table::keys::Key,
    clock,
    domain::{id::ScheduleId, message::ScheduleMessage, schedule::Schedule},
};

use crate::app::{App, Left};

/// Wakes the intake for a schedule. Whether it was due.
pub async fn sweep(app: &App, tenant: &str, id: ScheduleId) -> Result<bool, Left> {
    let Some(read) = app.table.get::<Schedule>(&Key::schedule(tenant, id)).await? else { return Ok(false) };
    let (Ok(next), Some(at)) = (read.row.swept(clock::now()), read.row.next_run) else { return Ok(false) };
    app.table.replace(&read, next).await?;
    app.intake.send(&ScheduleMessage::new(tenant, id, at), tenant, 0).await?;
    tracing::info!(schedule.id = %id, tenant.id = tenant, "schedule handed to the queue again");
    Ok(true)
}
