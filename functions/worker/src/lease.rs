//! While a run goes on: its lease and its slot are renewed, its progress shown, and its end called for when they or
//! the function's time are lost, or the request was called off.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use waybill::{
    aws::table::{Stored, Write, rows},
    clock,
    domain::request::{Event, Request},
};
use waybill_worker::{Progress, Stop};

use crate::{
    admission::Turn,
    app::App,
    claim::{Changed, Retry, change, load},
};

/// How often progress is shown.
const SHOW: Duration = Duration::from_secs(1);

/// How often the row is read: who calls a report off waits no longer for its end.
const LOOK: Duration = Duration::from_secs(2);

/// Keeps a claimed request until it is dropped, which it is when the run ends.
///
/// Returns only when the run must stop, after having said so through `stop`.
pub async fn keep(
    app: &App,
    turn: &Turn,
    owner: &str,
    working_time: Duration,
    progress: Arc<Progress>,
    stop: watch::Sender<Option<Stop>>,
) {
    // Around all of it: a call that hangs must not keep the end of the time from being seen.
    let reason = match tokio::time::timeout(working_time, Box::pin(hold(app, turn, owner, &progress))).await {
        Ok(()) => Stop::LeaseLost,
        Err(_) => Stop::Deadline,
    };
    stop.send_replace(Some(reason));
}

/// Renews, looks and shows until the lease is lost.
async fn hold(app: &App, turn: &Turn, owner: &str, progress: &Progress) {
    let mut held = turn.claimed.clone();
    // Four renewals a lease: two may fail and a third still comes in time.
    let renewal = app.rules.lease.unsigned_abs() / 4;
    let (mut renewed, mut looked, mut shown) = (Instant::now(), Instant::now(), 0);
    loop {
        tokio::time::sleep(SHOW.min(renewal)).await;
        if renewed.elapsed() >= renewal {
            match renew(app, turn, &held, owner).await {
                Ok(Some(now_held)) => {
                    held = now_held;
                    (renewed, looked) = (Instant::now(), Instant::now());
                }
                Ok(None) => return,
                Err(error) => tracing::warn!(%error, "lease not renewed, will try again"),
            }
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            match load(app, &held.row.tenant, held.row.id).await {
                Ok(Some(row)) if row.row.lease.as_ref().is_some_and(|lease| lease.owner == owner) => {}
                Ok(row) => {
                    let status = row.map(|row| row.row.status.name());
                    tracing::warn!(status, "run stops: it was called off, or is another worker's");
                    return;
                }
                Err(error) => tracing::warn!(%error, "could not look whether the run goes on"),
            }
        }
        let rows = progress.rows();
        if rows > shown {
            show(app, &held.row, rows, progress.bytes()).await;
            shown = rows;
        }
    }
}

/// None if either is lost.
async fn renew(app: &App, turn: &Turn, held: &Stored<Request>, owner: &str) -> Result<Option<Stored<Request>>, Retry> {
    match change(app, held.clone(), &Event::Renew { owner: owner.to_owned() }).await? {
        Changed::Written(now_held) if turn.slot.renew(app).await? => Ok(Some(*now_held)),
        Changed::Written(_) => {
            tracing::warn!("run stops: its slot was taken over");
            Ok(None)
        }
        Changed::Refused(refusal) => {
            tracing::warn!(%refusal, "run stops");
            Ok(None)
        }
    }
}

async fn show(app: &App, request: &Request, rows: u64, bytes: u64) {
    let row = rows::Progress {
        tenant: request.tenant.clone(),
        request: request.id,
        attempt: request.attempt,
        rows,
        bytes,
        at: clock::now(),
    };
    let written = match Write::overwrite(&row) {
        Ok(write) => app.table.write(vec![write]).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::warn!(%error, "progress not shown");
    }
}
