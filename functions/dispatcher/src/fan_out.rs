//! One event becomes one delivery per receiver.

use waybill::{
    aws::table::{Row, TableError, Write, keys::Key},
    clock,
    domain::{
        delivery::Delivery,
        id::{EventId, RequestId},
        message::{Announcement, DeliveryMessage, DeliveryTask},
    },
};

use crate::{
    app::{App, Retry},
    attempt,
};

/// Makes the deliveries and removes the outbox row, in one transaction: a repeat finds no row.
///
/// A single delivery is attempted at once, which saves a message and its wait; several go to the queue, so
/// that a slow receiver holds nobody else up.
pub async fn fan_out(app: &App, tenant: &str, request: RequestId, event: EventId) -> Result<(), Retry> {
    let now = clock::now();
    let Some(read) = app.table.get::<Announcement>(&Key::event(tenant, request, event)).await? else {
        return Ok(());
    };
    let announcement = read.row;
    let receivers = announcement.target.iter();
    let deliveries: Vec<Delivery> =
        receivers.map(|target| Delivery::new(announcement.clone(), target.clone(), now, &app.schedule)).collect();
    let mut writes = deliveries.iter().map(Write::insert).collect::<Result<Vec<_>, _>>()?;
    writes.push(Write::delete(announcement.key()));
    match app.table.write(writes).await {
        Ok(()) => {}
        // Another copy of the message was faster; its deliveries are the same ones.
        Err(TableError::Conflict) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    if let [only] = deliveries.as_slice() {
        return attempt::attempt(app, tenant, request, only.id).await;
    }
    for delivery in &deliveries {
        let task = DeliveryTask::Attempt(delivery.id);
        let message = DeliveryMessage::V1 { tenant: tenant.to_owned(), request, task, dead: None };
        if let Err(error) = app.queue.send(&message, tenant, 0).await {
            tracing::warn!(delivery.id = %delivery.id, %error, "hand-off left to the sweeper");
        }
    }
    Ok(())
}
