//! Recoveries of endpoints: their dead deliveries are made again, piece by piece.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use waybill::{
    aws::table::{
        Stored, TableError,
        deliveries::made_between,
        keys::{DELIVERY_INDEX, Key},
        pages::PageQuery,
        rows::DeliveryIndex,
    },
    clock,
    domain::{
        delivery::{Delivery, Refusal},
        endpoint::Endpoint,
        id::{DeliveryId, RecoveryId},
        recovery::{Outcome, Recovery, Verdict},
    },
    redelivery,
};

use crate::app::{App, Left};

/// What one sweep gives to a recovery; the next goes on.
const BUDGET: Duration = Duration::from_secs(10);

/// Deliveries of the tenant that one piece looks at.
const PIECE: u32 = 200;

/// Deliveries worked on side by side.
const CONCURRENCY: usize = 8;

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 3;

/// Goes on with a recovery. Whether there was anything to do.
pub async fn sweep(app: &App, tenant: &str, id: RecoveryId) -> Result<bool, Left> {
    let began = Instant::now();
    let Some(mut read) = app.table.get::<Recovery>(&Key::recovery(tenant, id)).await? else { return Ok(false) };
    let mut moved = false;
    while began.elapsed() < BUDGET && read.row.due_at.is_some() {
        read = piece(app, read).await?;
        moved = true;
    }
    Ok(moved)
}

/// A piece of the tenant's deliveries, and where the recovery then stands.
async fn piece(app: &App, read: Stored<Recovery>) -> Result<Stored<Recovery>, Left> {
    let recovery = &read.row;
    let endpoint = Key::endpoint(&recovery.tenant, recovery.endpoint);
    let next = if app.table.get::<Endpoint>(&endpoint).await?.is_some() {
        let (from, to) = made_between(DELIVERY_INDEX, Some(recovery.since), Some(recovery.requested_at));
        let after = recovery.after.map(|last| Key::delivery_index(&recovery.tenant, last).sk);
        let query = PageQuery { from, to, newest_first: false, limit: PIECE, after };
        let page = app.table.page(&Key::tenant(&recovery.tenant).pk, query).await?;
        let last = page.rows.last().and_then(|row| delivery_of(&row.key));
        let rows = page.rows.into_iter().filter_map(|row| {
            let row = row.read::<DeliveryIndex>();
            // Else no recovery would end because of it.
            row.inspect_err(|error| tracing::error!(%error, "row left out of a recovery")).ok()
        });
        let own = rows.map(|stored| stored.row).filter(|index| index.endpoint == Some(recovery.endpoint));
        let outcomes: Vec<Outcome> = stream::iter(own)
            .map(|index| one(app, recovery, index))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        recovery.advanced(&outcomes, last, page.next.is_some(), clock::now())
    } else {
        recovery.stopped(clock::now())
    };
    let Ok(next) = next else { return Ok(read) };
    let stored = app.table.replace(&read, next).await?;
    let Recovery { id, tenant, state, progress, .. } = &stored.row;
    tracing::info!(
        recovery.id = %id, tenant.id = tenant, ?state,
        found = progress.found, redelivered = progress.redelivered, skipped = progress.skipped,
        "recovery goes on"
    );
    Ok(stored)
}

fn delivery_of(key: &Key) -> Option<DeliveryId> {
    key.sk.strip_prefix(DELIVERY_INDEX)?.parse().ok()
}

/// Makes a delivery again, if it is one of the recovery's.
async fn one(app: &App, recovery: &Recovery, index: DeliveryIndex) -> Result<Outcome, Left> {
    let key = Key::delivery(&index.tenant, index.request, index.delivery);
    for _ in 0..CONFLICTS {
        let Some(read) = app.table.get::<Delivery>(&key).await? else { return Ok(Outcome::Left) };
        match recovery.verdict(&read.row) {
            Verdict::Leave => return Ok(Outcome::Left),
            Verdict::Counted => return Ok(Outcome::Redelivered),
            Verdict::Redeliver => {}
        }
        let redelivered =
            redelivery::redeliver(&app.table, &app.deliveries, &read, Some(recovery.id), clock::now()).await;
        match redelivered {
            Ok(Ok(_)) => return Ok(Outcome::Redelivered),
            Ok(Err(Refusal::FileGone)) => return Ok(Outcome::Skipped),
            Ok(Err(_)) => return Ok(Outcome::Left),
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(TableError::Conflict.into())
}
