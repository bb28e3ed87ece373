//! What ended in a dead-letter queue by receives: its row is marked, and a letter that says so takes the
//! place of the raw message. Letters that say so already stay, for redrive.

use futures::{StreamExt, stream};
use waybill::{
    aws::{
        queue::{Queue, Received},
        table::{Stored, keys::Key},
    },
    clock,
    domain::{
        delivery::{self, Delivery},
        message::{Announcement, Dead, DeliveryMessage, DeliveryTask, RequestMessage},
        request::{self, Request},
    },
    telemetry::moves::delivery_moved,
};

use crate::{
    app::{App, Left},
    deliveries,
    requests::commit,
    sweep::Swept,
};

/// A letter is looked at once in a sweep: until the sweep lets go of it, it is hidden.
const HIDE_SECONDS: i32 = 50;

/// Batches of ten that one sweep looks at, of each queue. Of more, the next sweep sees others.
const BATCHES: usize = 50;

/// What became of a letter.
enum Looked {
    /// Its row was marked and a letter that says so put in its place.
    Marked,
    /// There was nothing to mark, and it is removed.
    Removed,
    /// It is left where it is.
    Stays,
}

/// The dead letters of the request queue.
pub async fn requests(app: &App, swept: &mut Swept, time_left: &impl Fn() -> bool) {
    scan(&app.dead_requests, swept, time_left, async |message| request(app, message).await).await;
}

/// The dead letters of the delivery queue.
pub async fn deliveries(app: &App, swept: &mut Swept, time_left: &impl Fn() -> bool) {
    scan(&app.dead_deliveries, swept, time_left, async |message| Box::pin(delivery(app, message)).await).await;
}

async fn scan(
    queue: &Queue,
    swept: &mut Swept,
    time_left: &impl Fn() -> bool,
    look: impl AsyncFn(&Received) -> Result<Looked, Left>,
) {
    let mut staying = Vec::new();
    for _ in 0..BATCHES {
        if !time_left() {
            break;
        }
        let batch = match queue.receive(HIDE_SECONDS).await {
            Ok(batch) if batch.is_empty() => break,
            Ok(batch) => batch,
            Err(error) => {
                note(&Left::from(error), swept);
                break;
            }
        };
        for message in batch {
            match look(&message).await {
                Ok(Looked::Marked) => swept.dead += 1,
                Ok(Looked::Removed) => {}
                Ok(Looked::Stays) => staying.push(message),
                Err(error) => {
                    note(&error, swept);
                    staying.push(message);
                }
            }
        }
    }
    // The alarms count what is visible, and a redrive moves nothing else.
    let mut released = stream::iter(&staying).map(|message| queue.release(message)).buffer_unordered(16);
    while let Some(outcome) = released.next().await {
        if let Err(error) = outcome {
            note(&Left::from(error), swept);
        }
    }
}

fn note(error: &Left, swept: &mut Swept) {
    tracing::warn!(%error, "dead letter left for the next sweep");
    swept.left += 1;
}

async fn request(app: &App, message: &Received) -> Result<Looked, Left> {
    let Ok(RequestMessage::V1 { tenant, request: id, dead }) = serde_json::from_str(&message.body) else {
        tracing::error!("a dead letter that is no message of the request queue stays there for a person to look at");
        return Ok(Looked::Stays);
    };
    if dead.is_some() {
        return Ok(Looked::Stays);
    }
    let now = clock::now();
    let Some(read) = app.table.get::<Request>(&Key::request(&tenant, id)).await? else {
        app.dead_requests.delete(message).await?;
        return Ok(Looked::Removed);
    };
    let reason = match read.row.apply(request::Event::DeadLetter, now, &app.rules) {
        Ok(step) => {
            let reason = detail(&step.0);
            commit(app, &read, step, now).await?;
            tracing::error!(request.id = %id, tenant.id = tenant, "request failed: its message ended in the dead letters");
            reason
        }
        // Perhaps failed by a sweep that then ended: its letter is still owed.
        Err(request::Refusal::Finished) if read.row.status == request::Status::Failed => detail(&read.row),
        Err(request::Refusal::Finished) => {
            app.dead_requests.delete(message).await?;
            return Ok(Looked::Removed);
        }
        Err(_) => return Ok(Looked::Stays),
    };
    let dead = Dead { generation: read.row.attempt, reason };
    let letter = RequestMessage::V1 { tenant: tenant.clone(), request: id, dead: Some(dead) };
    app.dead_requests.send(&letter, &tenant, 0).await?;
    app.dead_requests.delete(message).await?;
    Ok(Looked::Marked)
}

fn detail(request: &Request) -> String {
    request.failure.as_ref().map_or_else(String::new, |failure| failure.detail.clone())
}

async fn delivery(app: &App, message: &Received) -> Result<Looked, Left> {
    let Ok(DeliveryMessage::V1 { tenant, request, task, dead }) = serde_json::from_str(&message.body) else {
        tracing::error!("a dead letter that is no message of the delivery queue stays there for a person to look at");
        return Ok(Looked::Stays);
    };
    if dead.is_some() {
        return Ok(Looked::Stays);
    }
    let marked = match task {
        DeliveryTask::FanOut(id) => {
            let key = Key::event(&tenant, request, id);
            match app.table.get::<Announcement>(&key).await? {
                Some(read) => fan_out(app, read).await?,
                None => false,
            }
        }
        DeliveryTask::Attempt(id) => {
            let key = Key::delivery(&tenant, request, id);
            match app.table.get::<Delivery>(&key).await? {
                Some(read) => match attempt(app, read).await? {
                    Some(marked) => marked,
                    // An attempt is under way: the letter is looked at again.
                    None => return Ok(Looked::Stays),
                },
                None => false,
            }
        }
    };
    app.dead_deliveries.delete(message).await?;
    Ok(if marked { Looked::Marked } else { Looked::Removed })
}

/// An event that cannot be fanned out for a day is taken off the sweeper's list, and kept as a letter. Before,
/// the row is due, and its message died of an outage of ours.
async fn fan_out(app: &App, read: Stored<Announcement>) -> Result<bool, Left> {
    let event = &read.row;
    if clock::now() < event.occurred_at + delivery::PATIENCE {
        return Ok(false);
    }
    let dead = Dead { generation: 0, reason: "The event could not be fanned out after repeated tries.".to_owned() };
    let letter = DeliveryMessage::V1 {
        tenant: event.tenant.clone(),
        request: event.request,
        task: DeliveryTask::FanOut(event.id),
        dead: Some(dead),
    };
    app.dead_deliveries.send(&letter, &event.tenant, 0).await?;
    tracing::error!(request.id = %event.request, tenant.id = event.tenant, "event could not be fanned out");
    let parked = Announcement { due_at: None, ..event.clone() };
    app.table.replace(&read, parked).await?;
    Ok(true)
}

/// Marks the delivery dead and keeps its letter, if handing it over again will not help; none if an attempt is
/// under way.
async fn attempt(app: &App, read: Stored<Delivery>) -> Result<Option<bool>, Left> {
    let now = clock::now();
    match read.row.apply(delivery::Event::DeadLetter, now, &app.schedule) {
        Ok((next, _)) => {
            let stored = app.table.replace(&read, next).await?;
            delivery_moved(&read.row, &stored.row);
            let Announcement { tenant, request, .. } = &stored.row.announcement;
            tracing::error!(delivery.id = %stored.row.id, request.id = %request, tenant.id = tenant, "delivery dead: its message ended in the dead letters");
            deliveries::keep_dead_letter(app, &stored).await?;
            Ok(Some(true))
        }
        Err(delivery::Refusal::Finished | delivery::Refusal::NotDue) => Ok(Some(false)),
        Err(_) => Ok(None),
    }
}
