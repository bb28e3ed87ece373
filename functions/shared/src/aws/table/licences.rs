//! Rows of licence pools: looks at them, and the writes that take, join and clear seats.
//!
//! What a taker decides on is read in the order seatings, holdings, ends. Whoever joins writes the seating and its holding
//! together, and whoever ends takes its holding away together with leaving its end: so what one read misses, the next
//! one finds, or the condition on the seating does.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::Timestamp;

use super::{
    Change, Expected, RawRow, Stored, Table, TableError, Write, failed, key_item,
    keys::{self, Key},
    pages::PageQuery,
    read_key,
};
use crate::domain::{
    id::RequestId,
    licence::pool::{End, Held, Holding, Seat, Seating, Truth},
    request::Request,
};

/// Items of one `BatchGetItem`.
const AT_ONCE: usize = 100;

/// Times that rows which DynamoDB did not get to are asked for again.
const TRIES: usize = 5;

impl Write {
    /// What a key that has no seat writes with its first request: seat, seating and holding, none of which is there.
    pub fn take_seat(seating: &Seating) -> Result<Vec<Self>, TableError> {
        let Seating { tenant, waiver, seat: number, since, taken_by, .. } = seating;
        let seat = Seat { tenant: tenant.clone(), number: *number, waiver: waiver.clone() };
        Ok(vec![Self::insert(seating)?, Self::insert(&seat)?, Self::hold_seat(seating, *taken_by, *since)?])
    }

    /// What a further request of the key writes. The seating must still be the one that was read; others may have
    /// joined since. Its revision grows, so that nobody clears it who has not seen this.
    pub fn join_seat(seating: &Seating, request: RequestId, now: Timestamp) -> Result<Vec<Self>, TableError> {
        let text = |id: RequestId| AttributeValue::S(id.to_string());
        let join = Change::Update {
            key: Key::seating(&seating.tenant, &seating.waiver),
            condition: "taken_by = :taken_by",
            update: "SET joined_by = :joined_by ADD rev :one",
            values: HashMap::from([
                (":taken_by".to_owned(), text(seating.taken_by)),
                (":joined_by".to_owned(), text(request)),
                (":one".to_owned(), AttributeValue::N("1".to_owned())),
            ]),
        };
        Ok(vec![Self(join), Self::hold_seat(seating, request, now)?])
    }

    fn hold_seat(seating: &Seating, request: RequestId, since: Timestamp) -> Result<Self, TableError> {
        let Seating { tenant, waiver, .. } = seating;
        Self::insert(&Holding { tenant: tenant.clone(), waiver: waiver.clone(), request, since })
    }

    /// What the end of a request writes that held a seat; nothing if it held none. Rows of its own alone, so that many
    /// ends of one key do not wait for one another.
    pub fn leave_seat(request: &Request, now: Timestamp) -> Result<Vec<Self>, TableError> {
        let Some(waiver) = &request.waiver else { return Ok(vec![]) };
        let end = End { tenant: request.tenant.clone(), waiver: waiver.clone(), request: request.id, at: now };
        Ok(vec![Self::delete(Key::holding(&request.tenant, waiver, request.id)), Self::insert(&end)?])
    }

    /// That there is no row; nothing is written.
    fn absent(key: Key) -> Self {
        Self(Change::Delete { key, expected: Expected::Absent })
    }
}

impl Table {
    /// A key's seating.
    pub async fn seating(&self, tenant: &str, waiver: &str) -> Result<Option<Stored<Seating>>, TableError> {
        self.get(&Key::seating(tenant, waiver)).await
    }

    /// All seatings of a pool.
    pub async fn seatings(&self, tenant: &str) -> Result<Vec<Stored<Seating>>, TableError> {
        let rows = self.query(&Key::tenant(tenant).pk, keys::SEATINGS).await?;
        rows.into_iter().map(RawRow::read).collect()
    }

    /// Whether a seat is taken whose number is beyond the pool's size: it was made smaller.
    pub async fn has_seats_beyond(&self, tenant: &str, size: u32) -> Result<bool, TableError> {
        let first = Key::seat(tenant, size);
        let query =
            PageQuery { from: first.sk, to: format!("{}~", keys::SEATS), newest_first: false, limit: 1, after: None };
        Ok(!self.page(&first.pk, query).await?.rows.is_empty())
    }

    /// Who holds seats, and who has ended since that time: in this order.
    pub async fn held_seats(&self, tenant: &str, since: Timestamp) -> Result<Held, TableError> {
        let partition = Key::tenant(tenant).pk;
        let mut held = Held::default();
        for row in self.query(&partition, keys::HOLDINGS).await? {
            held.holdings.push(row.read::<Holding>()?.row);
        }
        let mut after = None;
        loop {
            let (from, to) = (keys::ends_since(since), format!("{}~", keys::ENDS));
            let query = PageQuery { from, to, newest_first: false, limit: 1000, after };
            let page = self.page(&partition, query).await?;
            for row in page.rows {
                held.ends.push(row.read::<End>()?.row);
            }
            match page.next {
                None => return Ok(held),
                next => after = next,
            }
        }
    }

    /// Removes a seating and frees its seat, if nothing has joined since it was read.
    pub async fn clear_seating(&self, read: &Stored<Seating>) -> Result<(), TableError> {
        let Seating { tenant, waiver, seat, joined_by, .. } = &read.row;
        // A transaction's rows may become visible one after the other: that the last to join is seen to hold nothing
        // is made sure of by the transaction itself.
        let last = Key::holding(tenant, waiver, *joined_by);
        self.write(vec![Write::remove(read), Write::delete(Key::seat(tenant, *seat)), Write::absent(last)]).await
    }

    /// Notes the end of a request that left none: of a holding whose request is over, or not there any more.
    pub async fn heal_holding(&self, holding: &Holding, ended: Option<Timestamp>) -> Result<(), TableError> {
        let Holding { tenant, waiver, request, .. } = holding;
        let mut writes = vec![Write::delete(Key::holding(tenant, waiver, *request))];
        if let Some(at) = ended {
            writes.push(Write::overwrite(&End {
                tenant: tenant.clone(),
                waiver: waiver.clone(),
                request: *request,
                at,
            })?);
        }
        self.write(writes).await
    }

    /// What the requests' own rows say, strongly consistent.
    pub async fn truth_of(
        &self,
        tenant: &str,
        requests: &[RequestId],
    ) -> Result<HashMap<RequestId, Truth>, TableError> {
        let mut truths: HashMap<RequestId, Truth> = requests.iter().map(|id| (*id, Truth::Gone)).collect();
        for piece in requests.chunks(AT_ONCE) {
            let mut wanted: Vec<_> = piece.iter().map(|id| key_item(&Key::request(tenant, *id))).collect();
            for _ in 0..TRIES {
                wanted = self.some_truth(wanted, &mut truths).await?;
                if wanted.is_empty() {
                    break;
                }
            }
            if !wanted.is_empty() {
                return Err(TableError::Conflict);
            }
        }
        Ok(truths)
    }

    /// Asks once; what DynamoDB did not get to.
    async fn some_truth(
        &self,
        wanted: Vec<HashMap<String, AttributeValue>>,
        truths: &mut HashMap<RequestId, Truth>,
    ) -> Result<Vec<HashMap<String, AttributeValue>>, TableError> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(wanted))
            .projection_expression("pk, sk, finished_at")
            .consistent_read(true)
            .build()
            .map_err(|e| failed("BatchGetItem", &e))?;
        let output = self.client.batch_get_item().request_items(&self.name, wanted).send().await;
        let mut output = output.map_err(|e| failed("BatchGetItem", &e))?;
        let items = output.responses.as_mut().and_then(|responses| responses.remove(&self.name)).unwrap_or_default();
        for item in items {
            let id = read_key(&item).and_then(|key| key.sk.strip_prefix(keys::REQUESTS)?.parse().ok());
            let Some(id) = id else { continue };
            let ended = item.get("finished_at").and_then(|at| at.as_s().ok()).and_then(|at| at.parse().ok());
            truths.insert(id, ended.map_or(Truth::Live, Truth::Ended));
        }
        let left = output.unprocessed_keys.as_mut().and_then(|left| left.remove(&self.name));
        Ok(left.map(|left| left.keys).unwrap_or_default())
    }
}
