//! Recipient keys that end soon, or have ended: the event bus is told, through the outbox as of everything else.

use waybill::{
    aws::table::{Write, keys::Key, rows::ProcessEvent},
    clock,
    domain::{
        id::RequestId,
        message::{Announcement, DeliveryMessage, DeliveryTask},
        tenant::key_watch::KeyWatch,
    },
};

use crate::app::{App, Left};

/// Records what is to be told of a tenant's keys, with the watch that says so, and hands it to the dispatchers. Whether
/// there was anything.
pub async fn sweep(app: &App, tenant: &str) -> Result<bool, Left> {
    let now = clock::now();
    let Some(read) = app.table.get::<KeyWatch>(&Key::key_watch(tenant)).await? else { return Ok(false) };
    let Some((next, told)) = read.row.looked_at(now) else { return Ok(false) };
    let mut writes = vec![Write::replace(&read, &next)?];
    let mut messages = Vec::new();
    for (kind, notice) in told {
        tracing::warn!(tenant.id = tenant, key.fingerprint = notice.fingerprint, event = kind.name(), "recipient key");
        let story = RequestId::generate();
        let event = Announcement { key: Some(notice), ..Announcement::apart(tenant, story, kind, now, now) };
        // By this row an erasure finds the story, which is of no request.
        let found_by = ProcessEvent { tenant: tenant.to_owned(), story, recorded_at: now };
        writes.extend([Write::insert(&event)?, Write::insert(&found_by)?]);
        let task = DeliveryTask::FanOut(event.id);
        messages.push(DeliveryMessage::V1 { tenant: tenant.to_owned(), request: story, task, dead: None });
    }
    app.table.write(writes).await?;
    for message in &messages {
        if let Err(error) = app.deliveries.send(message, tenant, 0).await {
            tracing::warn!(tenant.id = tenant, %error, "hand-off left for a later sweep");
        }
    }
    Ok(true)
}
