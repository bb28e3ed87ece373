//! One sweep at a time: a lease in the table.

use jiff::Timestamp;
use uuid::Uuid;
use waybill::{
    aws::table::{Stored, Table, TableError, Write, keys::Key, rows::SweeperLock},
    domain::request::Lease,
};

/// The right to sweep; given back with [`Lock::release`], else void at its time.
pub struct Lock(Stored<SweeperLock>);

impl Lock {
    /// Takes the lock until `until`, unless another sweep holds it.
    pub async fn take(table: &Table, until: Timestamp, now: Timestamp) -> Result<Option<Self>, TableError> {
        let read = table.get::<SweeperLock>(&Key::sweeper_lock()).await?;
        if read.as_ref().is_some_and(|read| read.row.lease.until > now) {
            return Ok(None);
        }
        let next = SweeperLock { lease: Lease { owner: Uuid::new_v4().to_string(), until } };
        let (write, revision) = match &read {
            None => (Write::insert(&next)?, 1),
            Some(read) => (Write::replace(read, &next)?, read.revision + 1),
        };
        match table.write(vec![write]).await {
            Ok(()) => Ok(Some(Self(Stored { row: next, revision }))),
            Err(TableError::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives it back before its time.
    pub async fn release(self, table: &Table, now: Timestamp) {
        let lease = Lease { until: now, ..self.0.row.lease.clone() };
        if let Err(error) = table.replace(&self.0, SweeperLock { lease }).await {
            tracing::warn!(%error, "the sweeper's lock runs out by itself");
        }
    }
}
