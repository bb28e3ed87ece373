//! Dead letters that came back to the queue, whoever moved them: each counts once, and only if it is still true.

use waybill::{
    aws::table::{Stored, TableError, keys::Key},
    clock,
    domain::{
        delivery::{Delivery, Event},
        id::{DeliveryId, RequestId},
        message::{Dead, DeliveryTask},
    },
    redelivery,
};

use crate::app::{App, Retry};

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 5;

/// Whether to go on with the letter's task. A delivery is pending again then. An event needs nothing: while its row is
/// there it has not been told, and once it is gone there is nothing to do.
pub async fn counts(
    app: &App,
    tenant: &str,
    request: RequestId,
    task: DeliveryTask,
    dead: &Dead,
) -> Result<bool, Retry> {
    match task {
        DeliveryTask::FanOut(_) => Ok(true),
        DeliveryTask::Attempt(id) => revive(app, tenant, request, id, dead.generation).await,
    }
}

async fn revive(app: &App, tenant: &str, request: RequestId, id: DeliveryId, generation: u32) -> Result<bool, Retry> {
    let key = Key::delivery(tenant, request, id);
    for _ in 0..CONFLICTS {
        let Some(read): Option<Stored<Delivery>> = app.table.get(&key).await? else { return Ok(false) };
        // What follows is attempted by this very message; if that is lost, the row is due.
        let next = match read.row.apply(Event::Redrive { generation }, clock::now(), &app.schedule) {
            Ok((next, _)) => next,
            Err(refusal) => {
                tracing::info!(delivery.id = %id, %refusal, "a dead letter that changes nothing");
                return Ok(false);
            }
        };
        if !redelivery::file_is_there(&app.table, &read.row).await? {
            tracing::info!(delivery.id = %id, "a dead letter of a file that is gone");
            return Ok(false);
        }
        match app.table.replace(&read, next).await {
            Ok(_) => {
                tracing::info!(delivery.id = %id, "delivery is made again: its dead letter came back");
                return Ok(true);
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(TableError::Conflict.into())
}
