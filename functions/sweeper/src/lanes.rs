//! Lanes that nobody looks after: slots of dispatchers that died, circuits that end.

use waybill::{
    aws::{
        lanes,
        table::{Stored, Write, keys::Key},
    },
    clock,
    domain::{
        health::{Event, Health},
        lane::Slot,
        retry,
    },
};

use crate::app::{App, Left};

/// Wakes the lane of a slot that lapsed, then removes the slot. Whether it had.
pub async fn sweep_slot(app: &App, tenant: &str, lane: &str, number: u32) -> Result<bool, Left> {
    let Some(read) = app.table.get::<Slot>(&Key::lane_slot(tenant, lane, number)).await? else { return Ok(false) };
    if read.row.until > clock::now() {
        return Ok(false);
    }
    lanes::wake(&app.table, &app.deliveries, tenant, lane, 0).await?;
    app.table.write(vec![Write::remove(&read)]).await?;
    tracing::info!(tenant.id = tenant, lane, number, "slot of a lost dispatcher is free");
    Ok(true)
}

/// Wakes a lane at the end of its circuit, which may be near. Whether there was anything to do.
pub async fn sweep_health(app: &App, tenant: &str, lane: &str) -> Result<bool, Left> {
    let read: Option<Stored<Health>> = app.table.get(&Key::health(tenant, lane)).await?;
    let Some((read, due)) = read.and_then(|read| read.row.due_at.map(|due| (read, due))) else { return Ok(false) };
    let now = clock::now();
    let wait = due.duration_since(now);
    if wait > retry::MAX_QUEUE_DELAY {
        return Ok(false);
    }
    // Who comes too early finds the circuit open still, and rests.
    let delay = retry::delay_seconds(wait + retry::CLOCK_TOLERANCE);
    if !lanes::wake(&app.table, &app.deliveries, tenant, lane, delay).await? && due > now {
        // What comes to wait until then must be woken too.
        return Ok(false);
    }
    let (next, _) = read.row.apply(Event::Roused, 1, now);
    app.table.replace(&read, next).await?;
    Ok(true)
}
