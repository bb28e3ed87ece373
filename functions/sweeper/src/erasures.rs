//! Erasures of tenants: a look at everything that a tenant may have left, piece by piece, until nothing is found.
//!
//! Whatever a crash interrupts is found again: a request's row goes last of all that belongs to it, and a marker of the
//! erasure stands for it until the request's story was seen empty after the pause.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use waybill::{
    aws::table::{
        RawRow, Stored, TableError, Write,
        keys::{self, DELIVERIES, HEALTH, Key, LINKS, PROCESS_EVENTS, REQUESTS, USERS, WAITING, story},
        rows::ErasedRequest,
    },
    clock,
    domain::{
        audit::{self, Entry},
        delivery::Delivery,
        erasure::{Erasure, Found, Look, State},
        id::{AuditId, ErasureId, RequestId},
        lane,
        link::Link,
        user::User,
    },
};

use crate::app::{App, Left};

/// What one sweep gives to an erasure; the next goes on.
const BUDGET: Duration = Duration::from_secs(10);

/// Rows that one look takes up.
const PIECE: i32 = 200;

/// Requests worked on side by side.
const CONCURRENCY: usize = 8;

/// Goes on with an erasure. Whether there was anything to do.
pub async fn sweep(app: &App, id: ErasureId) -> Result<bool, Left> {
    let began = Instant::now();
    let Some(mut read) = app.table.get::<Erasure>(&Key::erasure(id)).await? else { return Ok(false) };
    let mut moved = false;
    while began.elapsed() < BUDGET && read.row.may_look(clock::now()).is_ok() {
        let look = look(app, &read.row).await?;
        let Ok(next) = read.row.looked(look, clock::now(), app.rules.lease) else { break };
        read = record(app, &read, next).await?;
        moved = true;
    }
    Ok(moved)
}

/// Removes a piece of what there is. Rows first: who is at work on a request learns from its row that it is gone.
async fn look(app: &App, erasure: &Erasure) -> Result<Look, Left> {
    let prefix = format!("{}/", erasure.tenant);
    let rows = rows(app, erasure).await?;
    let uploads = app.objects.unfinished(&prefix).await?;
    for upload in &uploads {
        app.objects.abort(upload).await?;
    }
    let objects = app.objects.under(&prefix).await?;
    app.objects.delete_all(&objects).await?;
    let found = Found { rows, objects: objects.len() as u64, uploads: uploads.len() as u64 };
    if erasure.state == State::Confirming && found.is_nothing() {
        return stories(app, erasure).await;
    }
    Ok(Look { found, more: false })
}

/// Rows under the tenant itself. Its own row stays to the end: while it is there, nobody can make a tenant of that id.
async fn rows(app: &App, erasure: &Erasure) -> Result<u64, Left> {
    let own = Key::tenant(&erasure.tenant);
    let mut keys = app.table.keys(&own.pk, "", PIECE).await?;
    keys.retain(|key| *key != own);
    let (requests, others): (Vec<Key>, Vec<Key>) = keys.into_iter().partition(|key| request_of(key).is_some());
    let of_users = log_ins(app, &others).await?;
    app.table.delete(&others).await?;
    let removed: Vec<u64> = stream::iter(requests.iter().filter_map(|key| Some((key, request_of(key)?))))
        .map(|(key, id)| request(app, erasure, key, id))
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    Ok(of_users + others.len() as u64 + removed.iter().sum::<u64>())
}

/// What is recorded under the identities of users among these rows: nothing else leads there.
async fn log_ins(app: &App, rows: &[Key]) -> Result<u64, Left> {
    let mut removed = 0;
    for key in rows.iter().filter(|key| key.sk.starts_with(USERS)) {
        let user = match app.table.get::<User>(key).await {
            Ok(user) => user,
            // Else no erasure would end because of it.
            Err(error @ TableError::Malformed { .. }) => {
                tracing::error!(%error, "a user is removed without its identity");
                None
            }
            Err(error) => return Err(error.into()),
        };
        let Some(user) = user else { continue };
        removed += clear(app, &Key::user_place(user.row.identity.as_str()).pk, "").await?;
    }
    Ok(removed)
}

/// Whose story the row leads to: a request's, or that of an event of no report.
fn request_of(key: &Key) -> Option<RequestId> {
    [REQUESTS, PROCESS_EVENTS].into_iter().find_map(|prefix| key.sk.strip_prefix(prefix))?.parse().ok()
}

/// A row with the story that it leads to. A marker takes its place.
async fn request(app: &App, erasure: &Erasure, key: &Key, id: RequestId) -> Result<u64, Left> {
    let removed = clear_story(app, &erasure.tenant, id).await?;
    let marker = ErasedRequest { erasure: erasure.id, request: id };
    app.table.write(vec![Write::delete(key.clone()), Write::overwrite(&marker)?]).await?;
    Ok(removed + 1)
}

/// What the removed requests' stories have got since. A marker goes once there is nothing.
async fn stories(app: &App, erasure: &Erasure) -> Result<Look, Left> {
    let markers = app.table.keys(&Key::erasure(erasure.id).pk, REQUESTS, PIECE).await?;
    let more = i32::try_from(markers.len()).is_ok_and(|count| count >= PIECE);
    let cleared: Vec<(&Key, u64)> = stream::iter(&markers)
        .map(|marker| async move {
            let Some(id) = request_of(marker) else { return Ok::<_, Left>((marker, 0)) };
            Ok((marker, clear_story(app, &erasure.tenant, id).await?))
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    let clean: Vec<Key> = cleared.iter().filter(|(_, rows)| *rows == 0).map(|(marker, _)| (*marker).clone()).collect();
    app.table.delete(&clean).await?;
    let rows = cleared.iter().map(|(_, rows)| rows).sum();
    Ok(Look { found: Found { rows, ..Found::default() }, more })
}

/// The rows of a request's story. Before a link goes its pointer, before a delivery what its lane holds: nothing else
/// leads to these.
async fn clear_story(app: &App, tenant: &str, id: RequestId) -> Result<u64, Left> {
    let story = story(tenant, id);
    let lanes = lanes(app, &story).await?;
    let waiting = clear_lanes(app, tenant, &lanes).await?;
    let links = app.table.query(&story, LINKS).await?;
    let pointers: Vec<Key> = links.into_iter().filter_map(pointer).collect();
    app.table.delete(&pointers).await?;
    let rows = clear(app, &story, "").await?;
    // What was parked in between; of a delivery that is gone nothing is.
    let late = clear_lanes(app, tenant, &lanes).await?;
    Ok(waiting + pointers.len() as u64 + rows + late)
}

/// All rows of a partition whose sort keys begin so: how many there were.
async fn clear(app: &App, partition: &str, prefix: &str) -> Result<u64, Left> {
    let mut removed = 0;
    loop {
        let keys = app.table.keys(partition, prefix, PIECE).await?;
        if keys.is_empty() {
            return Ok(removed);
        }
        app.table.delete(&keys).await?;
        removed += keys.len() as u64;
    }
}

/// Lanes of a story's deliveries.
async fn lanes(app: &App, story: &str) -> Result<BTreeSet<String>, Left> {
    let rows = app.table.query(story, DELIVERIES).await?;
    // `DLV#dlv_…` is a delivery, `DLV#dlv_…#0001` one of its attempts.
    let deliveries = rows.into_iter().filter(|row| row.key.sk.matches('#').count() == 1).filter_map(|row| {
        let read = row.read::<Delivery>();
        // Else no erasure would end because of it.
        read.inspect_err(|error| tracing::error!(%error, "a delivery is removed without its lane")).ok()
    });
    Ok(deliveries.map(|delivery| lane::name(&delivery.row.target)).collect())
}

/// What lanes remember, and what waits in them. Slots go with their holders.
async fn clear_lanes(app: &App, tenant: &str, lanes: &BTreeSet<String>) -> Result<u64, Left> {
    let mut removed = 0;
    for lane in lanes {
        let partition = keys::lane(tenant, lane);
        for prefix in [HEALTH, WAITING] {
            removed += clear(app, &partition, prefix).await?;
        }
    }
    Ok(removed)
}

fn pointer(link: RawRow) -> Option<Key> {
    let read = link.read::<Link>();
    // Else no erasure would end because of it.
    let link = read.inspect_err(|error| tracing::error!(%error, "a link is removed without its pointer")).ok()?;
    link.row.capability_hash.map(|hash| Key::link_pointer_of_hash(&hash))
}

/// With the last step goes the tenant's own row.
async fn record(app: &App, read: &Stored<Erasure>, next: Erasure) -> Result<Stored<Erasure>, TableError> {
    let Erasure { id, tenant, removed, .. } = &next;
    let mut writes = vec![Write::replace(read, &next)?];
    if next.state == State::Done {
        let entry = Entry {
            id: AuditId::generate(),
            at: clock::now(),
            tenant: tenant.clone(),
            actor: audit::SERVICE.to_owned(),
            ip: None,
            action: "tenant.erased".to_owned(),
            detail: json!({ "erasure": id, "removed": removed }),
        };
        writes.push(Write::delete(Key::tenant(tenant)));
        writes.push(Write::delete(Key::tenants_entry(tenant)));
        writes.push(Write::insert(&entry)?);
    }
    app.table.write(writes).await?;
    tracing::info!(
        erasure.id = %id, tenant.id = tenant, state = ?next.state,
        rows = removed.rows, objects = removed.objects, uploads = removed.uploads,
        "erasure goes on"
    );
    Ok(Stored { row: next, revision: read.revision + 1 })
}
