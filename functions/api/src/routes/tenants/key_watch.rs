//! Recipient keys and time: which of them end soon, and what their tenant's floor wants of them.

use jiff::Timestamp;
use waybill::{
    accept::Fault,
    aws::table::{Stored, Write, keys::Key},
    domain::{
        interface::Interfaces,
        tenant::{
            KeyFloor, RecipientKeyRecord, Tenant,
            key_watch::{KeyWatch, Stage},
        },
    },
};

use super::settings::WantedKey;
use crate::{app::App, problem::Problem};

/// The watch over the tenant's keys as they are to be, for the transaction that records them; none if it stays as it is.
pub async fn write(app: &App, tenant: &Tenant) -> Result<Option<Write>, Problem> {
    let read = app.table.get::<KeyWatch>(&Key::key_watch(&tenant.id)).await?;
    let next = KeyWatch::over(&tenant.id, tenant.active_keys(), read.as_ref().map(|read| &read.row));
    Ok(match read {
        Some(read) if read.row == next => None,
        Some(read) => Some(Write::replace(&read, &next)?),
        None => Some(Write::insert(&next)?),
    })
}

/// What to say of the active keys to those who look after them, in sentences.
pub fn warnings(tenant: &Tenant, now: Timestamp) -> Vec<String> {
    let warning = |key: &RecipientKeyRecord| {
        let (fingerprint, end) = (&key.fingerprint, key.expires_at?);
        match Stage::at(Some(end), now) {
            Stage::Valid => None,
            Stage::Expiring => Some(format!(
                "The recipient key {fingerprint} expires at {end}: register its successor, or the same key with a later \
                 end."
            )),
            Stage::Expired => {
                Some(format!("The recipient key {fingerprint} expired at {end}: nothing is encrypted to it any more."))
            }
        }
    };
    tenant.active_keys().filter_map(warning).collect()
}

/// Keys that settings would leave active, though they are less than their floor wants. A key that is sent is named where
/// it stands; one that is there already makes the floor itself refused, or the interface that raises it.
pub fn below_floor(
    (own, interfaces): (KeyFloor, &Interfaces),
    wanted: Option<&[(String, WantedKey)]>,
    before: Option<&Stored<Tenant>>,
) -> Vec<Fault> {
    let floor = own.with(interfaces);
    let raised = if floor > own { "/interfaces/tesouro" } else { "/recipient_key_floor" };
    let known = |fingerprint: &str| before?.row.active_keys().find(|key| key.fingerprint == fingerprint);
    let stays = |key: &RecipientKeyRecord| {
        let detail = format!(
            "The active key {} is below the floor, which wants {}: replace it first, or in the same call.",
            key.fingerprint,
            floor.wants()
        );
        (!floor.admits(key)).then(|| Fault::new(raised, "recipient_key_below_floor", detail))
    };
    let Some(wanted) = wanted else {
        let active = before.into_iter().flat_map(|before| before.row.active_keys());
        return active.filter_map(stays).collect();
    };
    let fault = |(at, key): &(String, WantedKey)| match key {
        WantedKey::Known(fingerprint) => known(fingerprint).and_then(stays),
        WantedKey::Sent(key) => (!floor.admits(key)).then(|| sent_below_floor(at, floor)),
    };
    wanted.iter().filter_map(fault).collect()
}

/// A key that was sent is less than the floor wants.
pub fn sent_below_floor(at: &str, floor: KeyFloor) -> Fault {
    let detail = format!(
        "The tenant's `recipient_key_floor`, or an interface that is switched on for it (tesouro), wants {}.",
        floor.wants()
    );
    Fault::new(at, "recipient_key_below_floor", detail)
}

#[cfg(test)]
#[path = "key_watch_tests.rs"]
mod tests;
