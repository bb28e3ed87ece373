//! One attempt: recorded before the receiver is called, its outcome recorded before the message is done.

use jiff::Timestamp;
use uuid::Uuid;
use waybill::{
    aws::table::{Row, Stored, TableError, Write, keys::Key, rows::AttemptRow},
    clock,
    domain::{
        delivery::{Attempt, AttemptOutcome, Delivery, Effect, Event, Status, Step},
        endpoint::Endpoint,
        id::{DeliveryId, RequestId},
        link::{self, LinkMode},
        message::{Announcement, Dead, DeliveryMessage, DeliveryTask},
    },
    seal::Keyring,
    telemetry::{self, Unit},
};

use crate::{
    app::{App, Retry},
    body,
    receiver::{self, Receiver},
    webhook::{self, Attempted, WebhookCall},
};

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 5;

/// Makes the delivery's next attempt, unless it is not due, under way elsewhere, or over.
pub async fn attempt(app: &App, tenant: &str, request: RequestId, id: DeliveryId) -> Result<(), Retry> {
    let key = Key::delivery(tenant, request, id);
    let Some(read) = app.table.get::<Delivery>(&key).await? else { return Ok(()) };
    let Some(receiver) = receiver::of(app, &read.row).await? else {
        return call_off(app, read).await;
    };
    if receiver.endpoint.as_ref().is_some_and(Endpoint::is_held) {
        tracing::info!(delivery.id = %id, "waits until its endpoint is resumed");
        return Ok(());
    }
    let Some((begun, owner)) = begin(app, read, &receiver).await? else { return Ok(()) };
    if begun.row.status != Status::Pending {
        return Ok(());
    }
    let started_at = clock::now();
    // Begun is begun: what is our own fault ends the attempt too, and the next comes when the schedule says.
    let attempted = call(app, &begun.row, &receiver, started_at).await.unwrap_or_else(|error| {
        tracing::error!(delivery.id = %id, %error, "attempt could not be prepared");
        Attempted::not_made("the notification could not be prepared".to_owned())
    });
    let row = attempt_row(&begun.row, &finished(&attempted, begun.row.attempts, started_at));
    report(&begun.row, &attempted);
    end(app, begun, row, (owner, attempted.outcome), &receiver).await
}

/// Its endpoint was deleted: there is nobody to tell any more.
async fn call_off(app: &App, read: Stored<Delivery>) -> Result<(), Retry> {
    let Ok(step) = read.row.apply(Event::CallOff, clock::now(), &app.schedule) else { return Ok(()) };
    match commit(app, &read, step, None).await {
        Ok(_) | Err(Retry::Table(TableError::Conflict)) => Ok(()),
        Err(error) => Err(error),
    }
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

async fn end(
    app: &App,
    mut begun: Stored<Delivery>,
    row: AttemptRow,
    (owner, outcome): (String, AttemptOutcome),
    receiver: &Receiver,
) -> Result<(), Retry> {
    let key = begun.row.key();
    for _ in 0..CONFLICTS {
        let jitter = jitter();
        let event = Event::End { owner: owner.clone(), outcome: outcome.clone(), jitter };
        let Ok(step) = begun.row.apply(event, clock::now(), &receiver.schedule) else {
            // Somebody took over after the lease ran out. What happened is recorded all the same.
            return Ok(app.table.write(vec![Write::overwrite(&row)?]).await?);
        };
        match commit(app, &begun, step, Some(row.clone())).await {
            Ok(_) => return Ok(()),
            Err(Retry::Table(TableError::Conflict)) => {
                begun = app.table.get(&key).await?.ok_or(Retry::Missing("the delivery"))?;
            }
            Err(error) => return Err(error),
        }
    }
    Err(TableError::Conflict.into())
}

/// Writes the step, then carries its effects out. An effect that fails is left to the sweeper: the row is due.
async fn commit(
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
    app.table.write(writes).await?;
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

/// Calls the receiver: whatever it does is an outcome, never an error.
async fn call(app: &App, delivery: &Delivery, receiver: &Receiver, now: Timestamp) -> Result<Attempted, Retry> {
    let announcement = &delivery.announcement;
    let keyring = app.sealing.get().await?;
    let link = link(app, announcement, &keyring, now).await?;
    let call = WebhookCall {
        url: receiver.url.clone(),
        message_id: delivery.id.to_string(),
        body: body::render(announcement, link.as_ref())?,
        secrets: receiver.secrets.clone(),
        timeout: receiver.timeout,
        now,
    };
    Ok(webhook::attempt(&app.guard, &call).await)
}

/// The link that a receiver is shown: the managed one that came with the file, or a direct one, signed anew.
async fn link(app: &App, event: &Announcement, keyring: &Keyring, now: Timestamp) -> Result<Option<body::Link>, Retry> {
    let (Some(file), Some(expires_at)) = (&event.file, event.link_expires_at()) else { return Ok(None) };
    match (&event.link_sealed, event.link.mode) {
        (Some(sealed), LinkMode::Managed) => {
            let request_key = Key::request(&event.tenant, event.request);
            let capability = keyring.open(sealed, &request_key.associated())?;
            let url = link::url(&app.public_url, &String::from_utf8_lossy(capability.expose()));
            Ok(Some(body::Link { url, expires_at }))
        }
        (None, LinkMode::Managed) => Ok(None),
        (_, LinkMode::Direct) => {
            let signed = app.signer.sign_within_bounds(&file.key, now, expires_at).await?;
            Ok(signed.map(|signed| body::Link { url: signed.url, expires_at: signed.expires_at }))
        }
    }
}

fn report(delivery: &Delivery, attempted: &Attempted) {
    let outcome = outcome_name(&attempted.outcome);
    tracing::info!(
        delivery.id = %delivery.id,
        delivery.attempt = delivery.attempts,
        http.status = attempted.http_status,
        duration_ms = attempted.duration_ms,
        outcome,
        "attempt over"
    );
    telemetry::emit(
        &[("Channel", "webhook"), ("Outcome", outcome)],
        &[("DeliveryAttempts", Unit::Count, 1), ("DeliveryAttemptDuration", Unit::Milliseconds, attempted.duration_ms)],
    );
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
