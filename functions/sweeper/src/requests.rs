//! Due requests: lost hand-offs, lost leases, files whose life has ended.

use jiff::Timestamp;
use waybill::{
    aws::table::{Stored, keys::Key, requests::Committed},
    clock,
    domain::{
        id::RequestId,
        message::RequestMessage,
        request::{Effect, Event, Request, Step},
    },
};

use crate::app::{App, Left};

/// Does what is due. Whether there was anything.
pub async fn sweep(app: &App, tenant: &str, id: RequestId) -> Result<bool, Left> {
    let now = clock::now();
    let Some(read) = app.table.get::<Request>(&Key::request(tenant, id)).await? else { return Ok(false) };
    let Ok((next, effects)) = read.row.apply(Event::Sweep, now, &app.rules) else { return Ok(false) };
    if let [Effect::DeleteFile(key)] = effects.as_slice() {
        // The file goes first: a crash in between leaves the row due, and deleting again does no harm.
        app.objects.delete_report(key).await?;
        let Ok(step) = read.row.apply(Event::FileDeleted, now, &app.rules) else { return Ok(false) };
        commit(app, &read, step, now).await?;
        tracing::info!(request.id = %id, tenant.id = tenant, "report expired, file deleted");
        return Ok(true);
    }
    commit(app, &read, (next, effects), now).await?;
    tracing::info!(request.id = %id, tenant.id = tenant, "request handed to the queue again");
    Ok(true)
}

/// Writes a step and carries its effects out. What fails after the write is due, so the next sweep sees to it.
pub async fn commit(app: &App, read: &Stored<Request>, step: Step, now: Timestamp) -> Result<(), Left> {
    let Committed { request, effects, hand_off } = app.table.commit(read, step, vec![], now).await?;
    let tenant = &request.row.tenant;
    for effect in effects {
        if let Effect::Enqueue { delay_seconds } = effect {
            let message = RequestMessage::V1 { tenant: tenant.clone(), request: request.row.id, dead: None };
            if let Err(error) = app.requests.send(&message, tenant, delay_seconds).await {
                tracing::warn!(request.id = %request.row.id, %error, "hand-off left for a later sweep");
            }
        }
    }
    if let Some(message) = hand_off
        && let Err(error) = app.deliveries.send(&message, tenant, 0).await
    {
        tracing::warn!(request.id = %request.row.id, %error, "hand-off left for a later sweep");
    }
    Ok(())
}
