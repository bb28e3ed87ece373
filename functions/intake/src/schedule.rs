//! Word that a schedule is due, from its one-shot or from the sweeper: what is due becomes requests.

use waybill::{
    aws::table::{TableError, keys::Key},
    clock,
    domain::{
        message::{ScheduleCall, ScheduleMessage},
        tenant::Tenant,
    },
    schedules::{RunError, Schedules},
};

use crate::app::App;

/// Why nothing was run. The message comes again, and at last lies in the dead-letter queue; the schedule is due still.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// Of another release.
    #[error("unknown version {0:?}")]
    Version(String),
    /// The table did not do its part.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Runs what is due. Of a tenant or a schedule that is gone there is nothing: a one-shot may outlive either.
pub async fn run(app: &App, message: &ScheduleMessage) -> Result<(), NotRun> {
    if message.v != "1" {
        return Err(NotRun::Version(message.v.clone()));
    }
    let ScheduleCall { tenant, id, .. } = &message.schedule;
    let tenant = app.acceptor.table.get::<Tenant>(&Key::tenant(tenant)).await?.map(|tenant| tenant.row);
    let Some(tenant) = tenant.filter(|tenant| tenant.erasure.is_none()) else {
        tracing::info!(schedule.id = %id, "a schedule is due of a tenant that is gone");
        return Ok(());
    };
    let schedules = Schedules { acceptor: &app.acceptor, one_shots: &app.one_shots };
    for message in schedules.run_due(&tenant, *id, clock::now).await? {
        if let Err(error) = app.deliveries.send(&message, &tenant.id, 0).await {
            tracing::warn!(schedule.id = %id, tenant.id = tenant.id, %error, "hand-off left to the sweeper");
        }
    }
    Ok(())
}
