//! The licence seat of a request: what is to be written with it so that it has one, or who has them all.
//!
//! The rule is [`pool::next`]. Nothing is taken here: that is done by the transaction that records the request.

use jiff::{SignedDuration, Timestamp};

use super::{Acceptor, Order, Rejected};
use crate::{
    aws::table::{Stored, TableError, Write},
    domain::{
        id::RequestId,
        licence::{
            SeatAsk,
            pool::{self, Held, Holding, Move, Occupied, Pool, Seating, Truth},
        },
    },
    telemetry::{self, Unit},
};

/// Looks at a pool in which others clear seats at the same time.
const LOOKS: usize = 12;

/// Holdings whose requests are looked at before a refusal, chosen anew each time.
const VERIFIED: usize = 300;

/// How much earlier than the linger ends are read: clocks of functions differ.
const CLOCKS: SignedDuration = SignedDuration::from_secs(30);

/// A seat to be taken with the request.
pub(super) struct Seated {
    /// Digest of the key that shares it.
    pub waiver: String,
    /// In one transaction with the request. In conflict, if what was read has changed since.
    pub writes: Vec<Write>,
}

impl Acceptor {
    /// The seat that an order takes; none if it needs none.
    pub(super) async fn seat(&self, order: &Order<'_>, now: Timestamp) -> Result<Option<Seated>, Rejected> {
        let (Some(ask), Some(pool)) = (order.seat, order.tenant.licence_pool()) else { return Ok(None) };
        let taker = Taker { acceptor: self, tenant: &order.tenant.id, pool, ask, request: order.id, now };
        let waiver = ask.key.digest();
        let writes = match taker.joins_at_once(&waiver).await? {
            Some(writes) => writes,
            None => Box::pin(taker.take(&waiver)).await?,
        };
        Ok(Some(Seated { waiver, writes }))
    }
}

struct Taker<'a> {
    acceptor: &'a Acceptor,
    tenant: &'a str,
    pool: Pool,
    ask: &'a SeatAsk,
    request: RequestId,
    now: Timestamp,
}

impl Taker<'_> {
    /// The common case, without a look at the others: the key has a seat, and the pool was not made smaller.
    async fn joins_at_once(&self, waiver: &str) -> Result<Option<Vec<Write>>, TableError> {
        let table = &self.acceptor.table;
        let Some(seating) = table.seating(self.tenant, waiver).await? else { return Ok(None) };
        if table.has_seats_beyond(self.tenant, self.pool.seats).await? {
            return Ok(None);
        }
        Ok(Some(Write::join_seat(&seating.row, self.request, self.now)?))
    }

    async fn take(&self, waiver: &str) -> Result<Vec<Write>, Rejected> {
        for _ in 0..LOOKS {
            let read = self.acceptor.table.seatings(self.tenant).await?;
            let seatings: Vec<Seating> = read.iter().map(|read| read.row.clone()).collect();
            let mut held: Option<Held> = None;
            loop {
                match pool::next(self.pool, waiver, &seatings, held.as_ref(), rand::random(), self.now) {
                    Move::Join => {
                        let Some(own) = seatings.iter().find(|seating| seating.waiver == waiver) else { break };
                        return Ok(Write::join_seat(own, self.request, self.now)?);
                    }
                    Move::Take { seat } => {
                        measure(seatings.len() + 1);
                        return Ok(Write::take_seat(&self.seating(waiver, seat))?);
                    }
                    Move::Look => held = Some(self.look().await?),
                    Move::Clear(idle) => {
                        let idle: Vec<&Stored<Seating>> = idle.into_iter().map(|index| &read[index]).collect();
                        if self.clear(&idle, held.get_or_insert_default()).await? {
                            break;
                        }
                    }
                    Move::Refuse(occupied) => {
                        if self.heal(&held.unwrap_or_default()).await? {
                            break;
                        }
                        measure(occupied.in_use as usize);
                        return Err(Rejected::NoSeat(Box::new(occupied)));
                    }
                }
            }
        }
        // Others were faster every time; the caller may ask again.
        Err(TableError::Conflict.into())
    }

    fn seating(&self, waiver: &str, seat: u32) -> Seating {
        Seating {
            tenant: self.tenant.to_owned(),
            waiver: waiver.to_owned(),
            seat,
            holder: self.ask.holder.clone(),
            since: self.now,
            taken_by: self.request,
            joined_by: self.request,
        }
    }

    async fn look(&self) -> Result<Held, TableError> {
        self.acceptor.table.held_seats(self.tenant, self.now - self.pool.linger - CLOCKS).await
    }

    /// Clears idle seatings, as far as the row of the request that joined last agrees. Whether to look again; if not,
    /// `held` says what keeps them.
    async fn clear(&self, idle: &[&Stored<Seating>], held: &mut Held) -> Result<bool, TableError> {
        let table = &self.acceptor.table;
        let last: Vec<RequestId> = idle.iter().map(|read| read.row.joined_by).collect();
        let truths = table.truth_of(self.tenant, &last).await?;
        let mut again = false;
        for read in idle {
            let truth = truths.get(&read.row.joined_by).copied().unwrap_or(Truth::Gone);
            if held.correct(&read.row, truth, self.pool, self.now) {
                continue;
            }
            match table.clear_seating(read).await {
                // In conflict with who has joined, or cleared it too.
                Ok(()) | Err(TableError::Conflict) => again = true,
                Err(error) => return Err(error),
            }
        }
        Ok(again)
    }

    /// The request's own row is the truth: a holding whose request is over holds nothing. Nothing of ours leaves one
    /// behind; a function of an older release could. Whether there was any, so that another look is worth while.
    async fn heal(&self, held: &Held) -> Result<bool, TableError> {
        let newest = held.newest_of_each_key();
        let start = usize::try_from(rand::random::<u64>() % newest.len().max(1) as u64).unwrap_or(0);
        let some: Vec<&Holding> = newest.iter().cycle().skip(start).take(newest.len().min(VERIFIED)).copied().collect();
        let ids: Vec<RequestId> = some.iter().map(|holding| holding.request).collect();
        let table = &self.acceptor.table;
        let truths = table.truth_of(self.tenant, &ids).await?;
        let mut healed = false;
        for holding in some {
            let ended = match truths.get(&holding.request) {
                Some(Truth::Ended(at)) => Some(*at),
                Some(Truth::Gone) => None,
                Some(Truth::Live) | None => continue,
            };
            table.heal_holding(holding, ended).await?;
            tracing::warn!(request.id = %holding.request, tenant.id = self.tenant, "a licence seat was held by a request that is over");
            healed = true;
        }
        Ok(healed)
    }
}

/// Seats that are in use, or were not given to another since.
fn measure(in_use: usize) {
    telemetry::emit(&[], &[("LicenceSeatsInUse", Unit::Count, in_use as u64)]);
}

/// For the caller that is told so.
pub(super) fn refused(order: &Order<'_>, occupied: Box<Occupied>) -> Rejected {
    let interface = order.terms.interface.name();
    telemetry::emit(&[("Interface", interface)], &[("LicenceRefusals", Unit::Count, 1)]);
    tracing::info!(
        tenant.id = order.tenant.id,
        seats = occupied.seats,
        in_use = occupied.in_use,
        "no licence seat is free"
    );
    Rejected::NoSeat(occupied)
}
