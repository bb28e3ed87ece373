//! Deliveries: recorded so that their ids find them, and read by these.

use jiff::{SignedDuration, Timestamp};

use super::{
    Stored, Table, TableError, Write,
    keys::Key,
    rows::{AttemptRow, DeliveryIndex},
};
use crate::domain::{
    delivery::{Attempt, Delivery},
    id::DeliveryId,
};

/// How much earlier than the delivery was made the time in its id may be: that is its event's, which may have waited
/// among dead letters.
const LATE: SignedDuration = SignedDuration::from_hours(24 * 15);

/// Sort keys, least and greatest, between which all deliveries stand that were made in a time: in a tenant's list or in
/// a request's story, as `prefix` says. Others, made later, stand there too.
pub fn made_between(prefix: &str, from: Option<Timestamp>, to: Option<Timestamp>) -> (String, String) {
    let bound = |time: Timestamp| format!("{prefix}dlv_{:012x}", u64::try_from(time.as_millisecond()).unwrap_or(0));
    let from = from.and_then(|from| from.checked_sub(LATE).ok());
    (
        from.map_or_else(|| prefix.to_owned(), bound),
        // Ids are ASCII: every key with the prefix sorts before the prefix followed by a tilde.
        to.map_or_else(|| format!("{prefix}~"), |to| format!("{}~", bound(to))),
    )
}

impl Write {
    /// Adds a delivery that must not exist, and the row that finds it by its id: two writes of a transaction.
    pub fn delivery(delivery: &Delivery) -> Result<[Self; 2], TableError> {
        Ok([Self::insert(delivery)?, Self::overwrite(&DeliveryIndex::of(delivery))?])
    }
}

impl Table {
    /// A tenant's delivery, by its id alone.
    pub async fn delivery(&self, tenant: &str, id: DeliveryId) -> Result<Option<Stored<Delivery>>, TableError> {
        match self.get::<DeliveryIndex>(&Key::delivery_index(tenant, id)).await? {
            Some(index) => self.get(&Key::delivery(tenant, index.row.request, id)).await,
            None => Ok(None),
        }
    }

    /// Every attempt of a delivery, the first one first. One that this release cannot read is left out.
    pub async fn attempts(&self, delivery: &Delivery) -> Result<Vec<Attempt>, TableError> {
        let key = Key::delivery(&delivery.announcement.tenant, delivery.announcement.request, delivery.id);
        let rows = self.query(&key.pk, &format!("{}#", key.sk)).await?;
        let read = rows.into_iter().filter_map(|row| {
            let row = row.read::<AttemptRow>();
            row.inspect_err(|error| tracing::error!(%error, "attempt left out of a list")).ok()
        });
        Ok(read.map(|stored| stored.row.attempt).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::table::keys::DELIVERY_INDEX,
        domain::{
            delivery::{Target, tests::pending},
            id::EventId,
        },
    };

    #[test]
    fn a_delivery_stands_between_the_bounds_of_its_time() {
        let now = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let event = uuid::Builder::from_unix_timestamp_millis(1_700_000_000_123, &[7; 10]).into_uuid();
        let id = DeliveryId::derive(EventId::new(event), &Target::webhook("https://a").identity());
        let delivery = Delivery { id, created_at: now, ..pending(None) };
        let key = Key::delivery_index("acme", DeliveryIndex::of(&delivery).delivery).sk;
        let stands = |from, to| {
            let (least, greatest) = made_between(DELIVERY_INDEX, from, to);
            least <= key && key <= greatest
        };
        let second = SignedDuration::from_secs(1);
        assert!(stands(None, None) && stands(Some(now), Some(now)) && stands(Some(now + LATE), None));
        assert!(!stands(Some(now + LATE + second), None) && !stands(None, Some(now - second)));
    }
}
