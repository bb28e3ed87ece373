//! One sweep: dead letters first, for they may end what would else be handed off again; then what is due.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use waybill::{
    aws::table::{
        Due, TableError,
        keys::{DUE_SHARDS, DueRow},
    },
    clock,
    telemetry::{self, Unit},
};

use crate::{
    app::{App, Left},
    dead_letters, deliveries, erasures, key_watch, lanes,
    lock::Lock,
    recoveries, requests, schedules,
};

/// A parked delivery is handed to the queue up to this long ahead, with its exact delay.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_secs(120);

/// Rows of one shard in one sweep; more wait for the next.
const PER_SHARD: usize = 500;

/// Rows worked on side by side.
const CONCURRENCY: usize = 16;

/// Left of the function's time for ending properly.
const MARGIN: Duration = Duration::from_secs(5);

/// Left of the function's time for what is due, however many dead letters there are.
const FOR_WHAT_IS_DUE: Duration = Duration::from_secs(35);

/// What a sweep did.
#[derive(Debug, Default, Serialize)]
pub struct Swept {
    /// False if another sweep was under way; nothing was done then.
    pub swept: bool,
    /// Due rows that were looked at.
    pub due: u64,
    /// Of these, rows that something was done about.
    pub moved: u64,
    /// Dead letters whose rows were marked.
    pub dead: u64,
    /// Things that failed and are left for the next sweep.
    pub left: u64,
    /// How long the row that was due first had been due.
    pub lag_ms: u64,
}

/// Sweeps until all is done or `deadline` (epoch milliseconds) is near.
pub async fn sweep(app: &App, deadline: u64) -> Result<Swept, TableError> {
    let ends = UNIX_EPOCH + Duration::from_millis(deadline);
    let time_left = move || ends.duration_since(SystemTime::now()).unwrap_or_default() > MARGIN;
    let now = clock::now();
    let until = Timestamp::from_millisecond(i64::try_from(deadline).unwrap_or(i64::MAX)).unwrap_or(now);
    let Some(lock) = Lock::take(&app.table, until, now).await? else { return Ok(Swept::default()) };
    let mut swept = Swept { swept: true, ..Swept::default() };
    let time_for_letters = move || ends.duration_since(SystemTime::now()).unwrap_or_default() > FOR_WHAT_IS_DUE;
    dead_letters::requests(app, &mut swept, &time_for_letters).await;
    Box::pin(dead_letters::deliveries(app, &mut swept, &time_for_letters)).await;
    let due = due(app, &mut swept, &time_left).await;
    lock.release(&app.table, clock::now()).await;
    measure(&swept, clock::now().duration_since(now));
    due.map(|()| swept)
}

/// Every time, though there was nothing to do: that a sweep was is told by this alone.
fn measure(swept: &Swept, took: SignedDuration) {
    let Swept { due, moved, dead, left, lag_ms, .. } = *swept;
    let took = u64::try_from(took.as_millis()).unwrap_or(0);
    telemetry::emit(
        &[],
        &[
            ("SweptDue", Unit::Count, due),
            ("SweptMoved", Unit::Count, moved),
            ("SweptDead", Unit::Count, dead),
            ("SweptLeft", Unit::Count, left),
            ("SweepLag", Unit::Milliseconds, lag_ms),
            ("SweepTime", Unit::Milliseconds, took),
        ],
    );
    tracing::info!(due, moved, dead, left, lag_ms, duration_ms = took, "swept");
}

/// Milliseconds that it has been due.
fn late(due: &Due, now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond() - due.at.as_millisecond()).unwrap_or(0)
}

async fn due(app: &App, swept: &mut Swept, time_left: &impl Fn() -> bool) -> Result<(), TableError> {
    // Each sweep begins elsewhere, so that under load no shard is always the last.
    let minute = clock::now().as_second() / 60;
    let first = u8::try_from(minute.rem_euclid(i64::from(DUE_SHARDS))).unwrap_or(0);
    for shard in (0..DUE_SHARDS).map(|n| (first + n) % DUE_SHARDS) {
        if !time_left() {
            return Ok(());
        }
        let now = clock::now();
        let found = app.table.due(shard, now + LOOK_AHEAD, PER_SHARD).await?;
        swept.lag_ms = swept.lag_ms.max(found.first().map_or(0, |first| late(first, now)));
        let rows = found.iter().filter_map(|Due { key, .. }| {
            let row = DueRow::of(key).map(|row| (key, row));
            if row.is_none() {
                tracing::error!(key = key.associated(), "a due row of no known kind");
            }
            row
        });
        let mut outcomes =
            stream::iter(rows).map(async |(key, row)| (key, one(app, row).await)).buffer_unordered(CONCURRENCY);
        while let Some((key, outcome)) = outcomes.next().await {
            swept.due += 1;
            match outcome {
                Ok(moved) => swept.moved += u64::from(moved),
                // Whoever changed the row in between has moved it; the next sweep sees to what is left.
                Err(Left::Table(TableError::Conflict)) => {}
                Err(error) => {
                    tracing::warn!(key = key.associated(), %error, "left for the next sweep");
                    swept.left += 1;
                }
            }
            if !time_left() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether something was done.
async fn one(app: &App, row: DueRow) -> Result<bool, Left> {
    match row {
        DueRow::Request { tenant, request } => requests::sweep(app, &tenant, request).await,
        DueRow::Event { tenant, request, event } => deliveries::sweep_event(app, &tenant, request, event).await,
        DueRow::Delivery { tenant, request, delivery } => {
            deliveries::sweep_delivery(app, &tenant, request, delivery).await
        }
        DueRow::Erasure(erasure) => erasures::sweep(app, erasure).await,
        DueRow::Health { tenant, lane } => lanes::sweep_health(app, &tenant, &lane).await,
        DueRow::LaneSlot { tenant, lane, number } => lanes::sweep_slot(app, &tenant, &lane, number).await,
        DueRow::Recovery { tenant, recovery } => recoveries::sweep(app, &tenant, recovery).await,
        DueRow::Schedule { tenant, schedule } => schedules::sweep(app, &tenant, schedule).await,
        DueRow::KeyWatch { tenant } => key_watch::sweep(app, &tenant).await,
    }
}
