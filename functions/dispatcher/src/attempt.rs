//! One attempt: recorded before the receiver is called, its outcome recorded before the message is done.

use jiff::Timestamp;
use tracing::Instrument;
use uuid::Uuid;
use waybill::{
    aws::table::{Row, Stored, TableError, Write, rows::AttemptRow},
    clock,
    domain::{
        delivery::{Attempt, AttemptOutcome, Delivery, Effect, Event, Status, Step},
        health,
        message::{Announcement, Dead, DeliveryMessage, DeliveryTask},
        request::HANDOFF_GRACE,
    },
    redelivery,
    telemetry::{self, Unit, moves::delivery_moved},
};

use crate::{
    app::{App, Retry},
    channel::{Attempted, Channel},
    disable, lane,
    receiver::Receiver,
};

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 5;

/// Makes the delivery's next attempt, unless it is not due, under way elsewhere, or over. Returns what the receiver
/// showed of itself by it, if it was called and its answer says anything.
pub async fn make(app: &App, read: Stored<Delivery>, receiver: &Receiver) -> Result<Option<health::Event>, Retry> {
    // Not of the request whose message woke the lane, but of the one that is told of.
    let Announcement { tenant, request, .. } = &read.row.announcement;
    let span = tracing::info_span!("attempt", tenant.id = tenant, request.id = %request, delivery.id = %read.row.id);
    Box::pin(attempted(app, read, receiver)).instrument(span).await
}

async fn attempted(app: &App, read: Stored<Delivery>, receiver: &Receiver) -> Result<Option<health::Event>, Retry> {
    let Some((begun, owner)) = Box::pin(begin(app, read, receiver)).await? else { return Ok(None) };
    if begun.row.status != Status::Pending {
        return Ok(None);
    }
    let started_at = clock::now();
    // Begun is begun: what is our own fault ends the attempt too, and the next comes when the schedule says.
    let called = Box::pin(receiver.channel.attempt(app, &begun.row, receiver.timeout, started_at)).await;
    let is_our_fault = called.is_err();
    let attempted = called.unwrap_or_else(|error| {
        tracing::error!(delivery.id = %begun.row.id, %error, "attempt could not be prepared");
        telemetry::emit(&[], &[("UnpreparedAttempts", Unit::Count, 1)]);
        Attempted::not_made("the notification could not be prepared".to_owned())
    });
    let row = attempt_row(&begun.row, &finished(&attempted, begun.row.attempts, started_at));
    report(&begun.row, &receiver.channel, &attempted);
    if let Some(endpoint) = &receiver.endpoint
        && receiver.channel.asks_no_more(&attempted)
        && let Err(error) = disable::disable(app, endpoint, "It answered 410 Gone: never call again.").await
    {
        // The answer is recorded all the same, and the next delivery gets it again.
        tracing::error!(endpoint.id = %endpoint.id, %error, "endpoint not disabled");
    }
    let outcome = attempted.outcome.clone();
    let retry_at = Box::pin(end(app, begun, row, (owner, attempted.outcome), receiver)).await?;
    Ok(match outcome {
        _ if is_our_fault => None,
        AttemptOutcome::Success => Some(health::Event::Succeeded),
        AttemptOutcome::Retryable { .. } => Some(health::Event::Failed { retry_at }),
        // Said of this notification, not of the receiver's health.
        AttemptOutcome::Permanent { .. } => None,
    })
}

/// Its endpoint was deleted: there is nobody to tell any more.
pub async fn call_off(app: &App, read: Stored<Delivery>) -> Result<(), Retry> {
    let Ok(step) = read.row.apply(Event::CallOff, clock::now(), &app.schedule) else { return Ok(()) };
    match commit(app, &read, step, None).await {
        Ok(_) | Err(Retry::Table(TableError::Conflict)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The life of its file has ended while it waited.
pub async fn expire(app: &App, read: Stored<Delivery>) -> Result<(), Retry> {
    let Ok(step) = read.row.apply(Event::Park { until: None }, clock::now(), &app.schedule) else { return Ok(()) };
    match commit(app, &read, step, None).await {
        Ok(_) | Err(Retry::Table(TableError::Conflict)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the file that is told of may have been deleted since: a first attempt comes right after the event.
fn may_have_changed(delivery: &Delivery, now: Timestamp) -> bool {
    delivery.attempts > 0 || now > delivery.created_at + HANDOFF_GRACE
}

/// Records that the attempt begins, with its number. None if there is nothing to do.
async fn begin(
    app: &App,
    mut read: Stored<Delivery>,
    receiver: &Receiver,
) -> Result<Option<(Stored<Delivery>, String)>, Retry> {
    let key = read.row.key();
    for _ in 0..CONFLICTS {
        let now = clock::now();
        if may_have_changed(&read.row, now) && !redelivery::file_is_there(&app.table, &read.row).await? {
            read.row.announcement.expires_at = Some(now);
        }
        let owner = Uuid::new_v4().to_string();
        let event = Event::Begin { owner: owner.clone(), lease: app.lease };
        let step = match read.row.apply(event, now, &receiver.schedule) {
            Ok(step) => step,
            Err(refusal) => {
                tracing::info!(delivery.id = %read.row.id, %refusal, "no attempt");
                return Ok(None);
            }
        };
        let begins = step.0.lease.is_some().then(|| attempt_row(&step.0, &begun(step.0.attempts, now)));
        match commit(app, &read, step, begins).await {
            Ok(stored) => return Ok(Some((stored, owner))),
            Err(Retry::Table(TableError::Conflict)) => {
                let Some(again) = app.table.get::<Delivery>(&key).await? else { return Ok(None) };
                read = again;
            }
            Err(error) => return Err(error),
        }
    }
    Err(TableError::Conflict.into())
}

/// When the next attempt is due, if there is one.
async fn end(
    app: &App,
    mut begun: Stored<Delivery>,
    row: AttemptRow,
    (owner, outcome): (String, AttemptOutcome),
    receiver: &Receiver,
) -> Result<Option<Timestamp>, Retry> {
    let key = begun.row.key();
    for _ in 0..CONFLICTS {
        let jitter = jitter();
        let event = Event::End { owner: owner.clone(), outcome: outcome.clone(), jitter };
        let Ok(step) = begun.row.apply(event, clock::now(), &receiver.schedule) else {
            // Somebody took over after the lease ran out. What happened is recorded all the same.
            app.table.write(vec![Write::overwrite(&row)?]).await?;
            return Ok(None);
        };
        match commit(app, &begun, step, Some(row.clone())).await {
            Ok(stored) => return Ok(stored.row.next_attempt_at),
            Err(Retry::Table(TableError::Conflict)) => {
                begun = app.table.get(&key).await?.ok_or(Retry::Missing("the delivery"))?;
            }
            Err(error) => return Err(error),
        }
    }
    Err(TableError::Conflict.into())
}

/// Writes the step, then carries its effects out. An effect that fails is left to the sweeper: the row is due.
pub async fn commit(
    app: &App,
    read: &Stored<Delivery>,
    step: Step,
    attempt: Option<AttemptRow>,
) -> Result<Stored<Delivery>, Retry> {
    let (next, effects) = step;
    let mut writes = vec![Write::replace(read, &next)?];
    if let Some(attempt) = &attempt {
        writes.push(Write::overwrite(attempt)?);
    }
    writes.extend(lane::waiting_row(&read.row, &next)?);
    app.table.write(writes).await?;
    delivery_moved(&read.row, &next);
    let mut stored = Stored { row: next, revision: read.revision + 1 };
    for effect in effects {
        let carried_out = match effect {
            Effect::Enqueue { delay_seconds } => app
                .queue
                .send(&message(&stored.row, None), &stored.row.announcement.tenant, delay_seconds)
                .await
                .map_err(Retry::from),
            Effect::KeepDeadLetter => keep_dead_letter(app, &mut stored).await,
        };
        if let Err(error) = carried_out {
            tracing::warn!(delivery.id = %stored.row.id, %error, "left to the sweeper");
        }
    }
    Ok(stored)
}

async fn keep_dead_letter(app: &App, stored: &mut Stored<Delivery>) -> Result<(), Retry> {
    let delivery = &stored.row;
    let reason = delivery.reason.clone().unwrap_or_default();
    let dead = Dead { generation: delivery.generation, reason };
    app.dead_letters.send(&message(delivery, Some(dead)), &delivery.announcement.tenant, 0).await?;
    if let Ok((kept, _)) = delivery.apply(Event::DeadLetterKept, clock::now(), &app.schedule) {
        *stored = app.table.replace(stored, kept).await?;
    }
    Ok(())
}

fn message(delivery: &Delivery, dead: Option<Dead>) -> DeliveryMessage {
    DeliveryMessage::V1 {
        tenant: delivery.announcement.tenant.clone(),
        request: delivery.announcement.request,
        task: DeliveryTask::Attempt(delivery.id),
        dead,
    }
}

fn report(delivery: &Delivery, channel: &Channel, attempted: &Attempted) {
    let outcome = outcome_name(&attempted.outcome);
    tracing::info!(
        delivery.id = %delivery.id,
        delivery.attempt = delivery.attempts,
        http.status = attempted.http_status,
        duration_ms = attempted.duration_ms,
        outcome,
        "attempt over"
    );
    let channel = ("Channel", channel.name());
    telemetry::emit(&[channel, ("Outcome", outcome)], &[("Attempts", Unit::Count, 1)]);
    telemetry::emit(&[channel], &[("AttemptTime", Unit::Milliseconds, attempted.duration_ms)]);
}

const fn outcome_name(outcome: &AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Success => "success",
        AttemptOutcome::Retryable { .. } => "retryable",
        AttemptOutcome::Permanent { .. } => "permanent",
    }
}

fn begun(number: u32, now: Timestamp) -> Attempt {
    Attempt {
        number,
        started_at: now,
        finished_at: None,
        duration_ms: None,
        address: None,
        http_status: None,
        outcome: None,
        response: None,
    }
}

fn finished(attempted: &Attempted, number: u32, started_at: Timestamp) -> Attempt {
    let outcome = match &attempted.outcome {
        AttemptOutcome::Success => "success".to_owned(),
        AttemptOutcome::Retryable { reason, .. } | AttemptOutcome::Permanent { reason } => reason.clone(),
    };
    Attempt {
        finished_at: Some(clock::now()),
        duration_ms: Some(attempted.duration_ms),
        address: attempted.address.clone(),
        http_status: attempted.http_status,
        outcome: Some(outcome),
        response: attempted.response.clone(),
        ..begun(number, started_at)
    }
}

fn attempt_row(delivery: &Delivery, attempt: &Attempt) -> AttemptRow {
    AttemptRow {
        tenant: delivery.announcement.tenant.clone(),
        request: delivery.announcement.request,
        delivery: delivery.id,
        attempt: attempt.clone(),
    }
}

/// 0..1 from the operating system's generator.
fn jitter() -> f64 {
    f64::from(u32::from_be_bytes(waybill::seal::random_bytes())) / f64::from(u32::MAX)
}
