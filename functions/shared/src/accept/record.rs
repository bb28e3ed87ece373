//! Recording a request once: under its id, its idempotency key, or beside an identical one in flight.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    Accepted, Acceptor, Order, Rejected,
    seat::{self, Seated},
};
use crate::{
    aws::table::{
        Stored, TableError, Write,
        counters::Spent,
        keys::Key,
        rows::{Flight, Idempotency},
    },
    digest::sha256_hex,
    domain::{
        quota,
        request::{Asked, Receipt, Request},
    },
};

/// How long an idempotency key is remembered.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// How often recording is tried anew when somebody else wrote first.
const CONFLICTS: usize = 4;

/// The same where a licence seat is taken, which many may want at once.
const SEAT_CONFLICTS: usize = 16;

/// An idempotency key that was used before.
pub(super) struct KnownKey(Idempotency);

impl KnownKey {
    pub(super) fn answer(self, order: &Order<'_>) -> Result<Accepted, Rejected> {
        let known = self.0;
        if known.body_digest != body_digest(order) {
            return Err(Rejected::KeyReused);
        }
        Ok(Accepted::Replayed { receipt: known.receipt, coalesced: known.coalesced })
    }
}

impl Acceptor {
    /// What the order's idempotency key was answered with before, unless that is too long ago.
    pub(super) async fn known_key(&self, order: &Order<'_>, now: Timestamp) -> Result<Option<KnownKey>, Rejected> {
        let stored = self.stored_key(order).await?;
        Ok(stored.map(|stored| stored.row).filter(|row| row.expires_at > now).map(KnownKey))
    }

    async fn stored_key(&self, order: &Order<'_>) -> Result<Option<Stored<Idempotency>>, TableError> {
        match order.idempotency_key {
            None => Ok(None),
            Some(key) => self.table.get(&Key::idempotency(&order.tenant.id, key)).await,
        }
    }

    /// Joins what is in flight, if that is asked for, or else counts and records.
    pub(super) async fn record(
        &self,
        order: &Order<'_>,
        asked: Asked,
        coalesce: bool,
        now: Timestamp,
    ) -> Result<Accepted, Rejected> {
        let digest = asked.digest();
        let mut flight = None;
        if coalesce {
            flight = self.flight(order, &digest).await?;
            if let Some(joined) = self.in_flight(order, flight.as_ref()).await? {
                return self.join(order, joined, now).await;
            }
        }
        let seated = match self.seat(order, now).await {
            // Perhaps held by another copy of this very order.
            Err(Rejected::NoSeat(occupied)) => {
                let recorded = self.recorded(order, now).await?;
                return recorded.unwrap_or_else(|| Err(seat::refused(order, occupied)));
            }
            seated => seated?,
        };
        let usage = match self.table.spend_request(&order.tenant.id, &order.tenant.quotas, now).await? {
            Spent::Counted(usage) => usage,
            Spent::Exhausted(usage) => {
                // Perhaps used up by another copy of this very order.
                if let Some(recorded) = self.recorded(order, now).await? {
                    return recorded;
                }
                let standing = quota::exhausted(&order.tenant.quotas, &usage, now);
                return Err(standing.map_or(Rejected::Table(TableError::Conflict), Rejected::Exhausted));
            }
        };
        let waiver = seated.as_ref().map(|seated| seated.waiver.clone());
        let request = Request { waiver, ..Request::recorded(asked, now) };
        let coalescing = coalesce.then_some((&digest, flight));
        let outcome = Box::pin(self.insert(order, &request, seated, coalescing, now)).await;
        if let Ok(Accepted::Recorded(receipt, _)) = outcome {
            if !coalesce {
                self.note_flight(&request, digest, now).await;
            }
            return Ok(Accepted::Recorded(receipt, quota::requests(&order.tenant.quotas, &usage, now)));
        }
        if let Err(error) = self.table.unspend_request(&order.tenant.id, now).await {
            tracing::warn!(tenant.id = order.tenant.id, %error, "a request was counted that was not recorded");
        }
        outcome
    }

    /// Request, key, flight and licence seat in one transaction. Whoever was faster is answered with.
    async fn insert(
        &self,
        order: &Order<'_>,
        request: &Request,
        mut seated: Option<Seated>,
        mut coalescing: Option<(&String, Option<Stored<Flight>>)>,
        now: Timestamp,
    ) -> Result<Accepted, Rejected> {
        let receipt = request.receipt();
        let tries = if order.seat.is_some() { SEAT_CONFLICTS } else { CONFLICTS };
        for tried in 0..tries {
            let mut writes = vec![Write::insert(request)?];
            writes.extend(seated.take().into_iter().flat_map(|seated| seated.writes));
            if let Some(key) = order.idempotency_key {
                writes.push(self.key_write(order, key, (&receipt, false), now).await?);
            }
            if let Some((digest, read)) = &coalescing {
                let next = flight_of(request, digest, now);
                writes.push(match read {
                    None => Write::insert(&next)?,
                    Some(read) => Write::replace(read, &next)?,
                });
            }
            match self.table.write(writes).await {
                Ok(()) => return Ok(Accepted::Recorded(receipt, None)),
                Err(TableError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(recorded) = self.recorded(order, now).await? {
                return recorded;
            }
            if let Some((digest, read)) = &mut coalescing {
                *read = self.flight(order, digest).await?;
                if let Some(joined) = self.in_flight(order, read.as_ref()).await? {
                    return self.join(order, joined, now).await;
                }
            }
            if order.seat.is_some() {
                // Others of the pool were faster; not all of them come back at the same moment.
                tokio::time::sleep(Duration::from_millis(rand::random::<u64>() % (10 << tried.min(5)))).await;
                seated = match self.seat(order, now).await {
                    Err(Rejected::NoSeat(occupied)) => return Err(seat::refused(order, occupied)),
                    seated => seated?,
                };
            }
        }
        // Somebody is always writing, and nothing is there yet to answer with.
        Err(if order.idempotency_key.is_some() { Rejected::InFlight } else { TableError::Conflict.into() })
    }

    /// The answer to an order that another copy of it has recorded.
    async fn recorded(
        &self,
        order: &Order<'_>,
        now: Timestamp,
    ) -> Result<Option<Result<Accepted, Rejected>>, Rejected> {
        if let Some(known) = self.known_key(order, now).await? {
            return Ok(Some(known.answer(order)));
        }
        let recorded = self.table.get::<Request>(&Key::request(&order.tenant.id, order.id)).await?;
        let replayed = |receipt| Ok(Accepted::Replayed { receipt, coalesced: false });
        Ok(recorded.map(|recorded| replayed(recorded.row.receipt())))
    }

    /// The key as it must be for this order to be the first: absent, or too old.
    async fn key_write(
        &self,
        order: &Order<'_>,
        key: &str,
        (receipt, coalesced): (&Receipt, bool),
        now: Timestamp,
    ) -> Result<Write, TableError> {
        let row = Idempotency {
            tenant: order.tenant.id.clone(),
            key: key.to_owned(),
            body_digest: body_digest(order),
            receipt: receipt.clone(),
            coalesced,
            expires_at: now + KEY_LIFE,
        };
        match self.stored_key(order).await? {
            // Its `key` is not stored, for it stands in the item's own key.
            Some(old) if old.row.expires_at <= now => {
                Write::replace(&Stored { row: Idempotency { key: key.to_owned(), ..old.row }, ..old }, &row)
            }
            _ => Write::insert(&row),
        }
    }

    async fn flight(&self, order: &Order<'_>, digest: &str) -> Result<Option<Stored<Flight>>, TableError> {
        self.table.get(&Key::flight(&order.tenant.id, digest)).await
    }

    async fn in_flight(
        &self,
        order: &Order<'_>,
        flight: Option<&Stored<Flight>>,
    ) -> Result<Option<Receipt>, TableError> {
        let Some(flight) = flight else { return Ok(None) };
        let request = self.table.get::<Request>(&Key::request(&order.tenant.id, flight.row.request)).await?;
        Ok(request.filter(|request| !request.row.status.is_final()).map(|request| request.row.receipt()))
    }

    /// The key, if there is one, stands for what was joined.
    async fn join(&self, order: &Order<'_>, joined: Receipt, now: Timestamp) -> Result<Accepted, Rejected> {
        if let Some(key) = order.idempotency_key {
            let write = self.key_write(order, key, (&joined, true), now).await?;
            match self.table.write(vec![write]).await {
                Ok(()) => {}
                Err(TableError::Conflict) => {
                    let known = self.known_key(order, now).await?;
                    return known.map_or(Err(Rejected::InFlight), |known| known.answer(order));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Accepted::Joined(joined))
    }

    /// So that a later request can join this one. A request that did not ask for joining does not wait in line
    /// for others like it: the last one to write is found, and if none can, none is.
    async fn note_flight(&self, request: &Request, digest: String, now: Timestamp) {
        let noted = match Write::overwrite(&flight_of(request, &digest, now)) {
            Ok(write) => self.table.write(vec![write]).await,
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::warn!(request.id = %request.id, %error, "no later request can join this one");
        }
    }
}

fn flight_of(request: &Request, digest: &str, now: Timestamp) -> Flight {
    Flight { tenant: request.tenant.clone(), digest: digest.to_owned(), request: request.id, at: now }
}

/// Of the body as JSON: neither spaces nor the order of fields make another request.
fn body_digest(order: &Order<'_>) -> String {
    sha256_hex(json!([order.body, order.repeats]).to_string().as_bytes())
}
