//! While a run goes on: its lease is renewed, its progress shown, and its end called for when either the
//! lease or the function's time is lost.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use waybill::{
    aws::table::{Stored, Write, rows},
    clock,
    domain::request::{Event, Request},
};
use waybill_worker::{Progress, Stop};

use crate::{
    app::App,
    claim::{Changed, change},
};

/// How often progress is shown.
const SHOW: Duration = Duration::from_secs(1);

/// Keeps a claimed request until it is dropped, which it is when the run ends.
///
/// Returns only when the run must stop, after having said so through `stop`.
pub async fn keep(
    app: &App,
    held: Stored<Request>,
    owner: &str,
    working_time: Duration,
    progress: Arc<Progress>,
    stop: watch::Sender<Option<Stop>>,
) {
    // Around all of it: a call that hangs must not keep the end of the time from being seen.
    let reason = match tokio::time::timeout(working_time, hold(app, held, owner, &progress)).await {
        Ok(()) => Stop::LeaseLost,
        Err(_) => Stop::Deadline,
    };
    stop.send_replace(Some(reason));
}

/// Renews and shows until the lease is lost.
async fn hold(app: &App, mut held: Stored<Request>, owner: &str, progress: &Progress) {
    // Four renewals a lease: two may fail and a third still comes in time.
    let renewal = app.rules.lease.unsigned_abs() / 4;
    let (mut renewed, mut shown) = (Instant::now(), 0);
    loop {
        tokio::time::sleep(SHOW.min(renewal)).await;
        if renewed.elapsed() >= renewal {
            match change(app, held.clone(), &Event::Renew { owner: owner.to_owned() }, &[]).await {
                Ok(Changed::Written(now_held)) => {
                    held = *now_held;
                    renewed = Instant::now();
                }
                Ok(Changed::Refused(refusal)) => {
                    tracing::warn!(%refusal, "run stops");
                    return;
                }
                Err(error) => tracing::warn!(%error, "lease not renewed, will try again"),
            }
        }
        let rows = progress.rows();
        if rows > shown {
            show(app, &held.row, rows, progress.bytes()).await;
            shown = rows;
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
