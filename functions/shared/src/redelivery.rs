//! Making an ended delivery again: the API is asked for one, the sweeper recovers many.

use jiff::Timestamp;

use crate::{
    aws::{
        queue::Queue,
        table::{Stored, Table, TableError, keys::Key},
    },
    domain::{
        delivery::{Delivery, Refusal},
        id::RecoveryId,
        message::{DeliveryMessage, DeliveryTask},
        request::Request,
    },
};

/// Makes the delivery pending again and hands it to the queue; if that fails the sweeper does it.
pub async fn redeliver(
    table: &Table,
    queue: &Queue,
    read: &Stored<Delivery>,
    recovery: Option<RecoveryId>,
    now: Timestamp,
) -> Result<Result<Delivery, Refusal>, TableError> {
    let next = match read.row.redeliver(recovery, now) {
        Ok((next, _)) => next,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if !file_is_there(table, &read.row).await? {
        return Ok(Err(Refusal::FileGone));
    }
    let delivery = table.replace(read, next).await?.row;
    let (tenant, request) = (delivery.announcement.tenant.clone(), delivery.announcement.request);
    let task = DeliveryTask::Attempt(delivery.id);
    let message = DeliveryMessage::V1 { tenant: tenant.clone(), request, task, dead: None };
    if let Err(error) = queue.send(&message, &tenant, 0).await {
        tracing::warn!(delivery.id = %delivery.id, %error, "hand-off left to the sweeper");
    }
    Ok(Ok(delivery))
}

/// A file may be deleted before the time that its event promised. An event without a file needs none.
pub async fn file_is_there(table: &Table, delivery: &Delivery) -> Result<bool, TableError> {
    let event = &delivery.announcement;
    if event.expires_at.is_none() {
        return Ok(true);
    }
    let request = table.get::<Request>(&Key::request(&event.tenant, event.request)).await?;
    Ok(request.is_some_and(|request| request.row.status.has_file()))
}
