//! Due outbox events and deliveries: lost hand-offs, parked retries, dead letters that were not yet kept.

use waybill::{
    aws::table::{Stored, keys::Key},
    clock,
    domain::{
        delivery::{Delivery, Effect, Event},
        id::{DeliveryId, EventId, RequestId},
        message::{Announcement, Dead, DeliveryMessage, DeliveryTask},
        retry,
    },
};

use crate::app::{App, Left};

/// Hands an event to the dispatchers again. Whether it was due.
pub async fn sweep_event(app: &App, tenant: &str, request: RequestId, id: EventId) -> Result<bool, Left> {
    let now = clock::now();
    let Some(read) = app.table.get::<Announcement>(&Key::event(tenant, request, id)).await? else {
        return Ok(false);
    };
    if read.row.due_at.is_none_or(|due| due > now) {
        return Ok(false);
    }
    let handoffs = read.row.handoffs + 1;
    let next = Announcement { due_at: Some(now + retry::handoff_grace(handoffs)), handoffs, ..read.row.clone() };
    app.table.replace(&read, next).await?;
    let task = DeliveryTask::FanOut(id);
    let message = DeliveryMessage::V1 { tenant: tenant.to_owned(), request, task, dead: None };
    app.deliveries.send(&message, tenant, 0).await?;
    tracing::info!(request.id = %request, tenant.id = tenant, "event handed to the queue again");
    Ok(true)
}

/// Does what is due of a delivery. Whether there was anything.
pub async fn sweep_delivery(app: &App, tenant: &str, request: RequestId, id: DeliveryId) -> Result<bool, Left> {
    let key = Key::delivery(tenant, request, id);
    let Some(read) = app.table.get::<Delivery>(&key).await? else { return Ok(false) };
    let Ok((next, effects)) = read.row.apply(Event::Sweep, clock::now(), &app.schedule) else {
        return Ok(false);
    };
    for effect in effects {
        match effect {
            Effect::KeepDeadLetter => return keep_dead_letter(app, &read).await.map(|()| true),
            Effect::Enqueue { delay_seconds } => {
                app.table.replace(&read, next.clone()).await?;
                let task = DeliveryTask::Attempt(id);
                let message = DeliveryMessage::V1 { tenant: tenant.to_owned(), request, task, dead: None };
                app.deliveries.send(&message, tenant, delay_seconds).await?;
            }
        }
    }
    tracing::info!(delivery.id = %id, request.id = %request, tenant.id = tenant, "delivery handed to the queue again");
    Ok(true)
}

/// Puts a dead letter for redrive, and notes in the row that it is there.
pub async fn keep_dead_letter(app: &App, read: &Stored<Delivery>) -> Result<(), Left> {
    let delivery = &read.row;
    let announcement = &delivery.announcement;
    let dead = Dead { generation: delivery.generation, reason: delivery.reason.clone().unwrap_or_default() };
    let message = DeliveryMessage::V1 {
        tenant: announcement.tenant.clone(),
        request: announcement.request,
        task: DeliveryTask::Attempt(delivery.id),
        dead: Some(dead),
    };
    app.dead_deliveries.send(&message, &announcement.tenant, 0).await?;
    if let Ok((kept, _)) = delivery.apply(Event::DeadLetterKept, clock::now(), &app.schedule) {
        app.table.replace(read, kept).await?;
    }
    Ok(())
}
