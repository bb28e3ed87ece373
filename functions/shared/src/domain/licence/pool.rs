//! Which seat of a tenant's pool a key takes, or that there is none.
//!
//! A seat is its key's while a request of that key has not ended ([`Holding`]), and for the linger after the last end
//! ([`End`]). What is recorded of a seat ([`Seating`]) stays when that is over, until somebody needs the room: then the
//! key's rows are removed on condition that nothing has joined since they were read, and the seat is free.
//!
//! [`next`] is the whole rule. The shell looks, decides here, and writes what was decided on condition of what it read; who
//! loses looks again. Rows are written together where they belong together, so these hold whatever crashes:
//! 1. a recorded request that has not ended has its holding, and its key a seat;
//! 2. a seat has one key, and a key one seat;
//! 3. never more seats than the pool has are taken anew, whoever races whom (see [`usable`]);
//! 4. what holds a seat can be told from rows alone, so nothing is lost and nothing is counted down twice.
//!
//! All of it is checked in every order, with crashes, in `pool_model.rs`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Holder;
use crate::domain::id::RequestId;

/// Of more seats that are free, which one is left to chance.
const CHOICE: usize = 64;

/// Idle keys that one round clears away.
const CLEARED: usize = 8;

/// Holders that a refusal names.
const NAMED: usize = 20;

/// A tenant's pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Its size.
    pub seats: u32,
    /// How long a seat stays its key's after the last end.
    pub linger: SignedDuration,
}

/// A key's seat, as recorded. There may be nobody in it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seating {
    /// Whose pool.
    pub tenant: String,
    /// Digest of the waiver key.
    pub waiver: String,
    /// Number of the seat, from 0.
    pub seat: u32,
    /// Who it is.
    pub holder: Holder,
    /// When the key took the seat.
    pub since: Timestamp,
    /// The request that took it: tells this seating from another of the same key.
    pub taken_by: RequestId,
    /// The request that joined last. Everybody who joins leaves its mark here, so that nobody removes the seating who
    /// has not seen that.
    pub joined_by: RequestId,
}

/// That a seat is taken, and by which key: no two keys can have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Whose pool.
    pub tenant: String,
    /// From 0.
    pub number: u32,
    /// Digest of the waiver key.
    pub waiver: String,
}

/// A request that has not ended and holds its key's seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Whose.
    pub tenant: String,
    /// Digest of the waiver key.
    pub waiver: String,
    /// Which request.
    pub request: RequestId,
    /// When it was recorded.
    pub since: Timestamp,
}

/// The end of a request that held a seat. What lingers is told by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Whose.
    pub tenant: String,
    /// Digest of the waiver key.
    pub waiver: String,
    /// Which request.
    pub request: RequestId,
    /// When it ended.
    pub at: Timestamp,
}

/// Whether a key has its seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// So many requests hold it.
    Held {
        /// How many, at least 1.
        requests: usize,
    },
    /// Its last request ended a short while ago.
    Lingers {
        /// Free from here on, unless another joins.
        until: Timestamp,
    },
    /// Nobody is in it.
    Idle,
}

/// A key with a seat, for reports of usage and refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// What is recorded of it.
    pub seating: Seating,
    /// Whether it has the seat.
    pub standing: Standing,
    /// Requests that hold it, the oldest first.
    pub requests: Vec<RequestId>,
}

/// No seat is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupied {
    /// Size of the pool.
    pub seats: u32,
    /// Seats that are held or linger; more than there are where the pool was made smaller.
    pub in_use: u32,
    /// When the next seat is free, if nobody joins its key; none: as soon as a report ends, and its linger.
    pub frees_at: Option<Timestamp>,
    /// Who has them: those that are free first, at most twenty.
    pub holders: Vec<Usage>,
}

/// Who holds seats, as a second look tells: holdings first and ends after them, or an end in between is missed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Holdings of all keys.
    pub holdings: Vec<Holding>,
    /// Ends that may linger.
    pub ends: Vec<End>,
}

/// What the row of a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It has not ended.
    Live,
    /// It ended then.
    Ended(Timestamp),
    /// There is none.
    Gone,
}

impl Held {
    /// Whether a seating that seems idle is not, by what the request that joined last says itself; from here on `self`
    /// says so too.
    pub fn correct(&mut self, seating: &Seating, truth: Truth, pool: Pool, now: Timestamp) -> bool {
        let Seating { tenant, waiver, since, joined_by: request, .. } = seating.clone();
        match truth {
            Truth::Live => self.holdings.push(Holding { tenant, waiver, request, since }),
            Truth::Ended(at) if at + pool.linger > now => self.ends.push(End { tenant, waiver, request, at }),
            Truth::Ended(_) | Truth::Gone => return false,
        }
        true
    }

    /// Of each key that holds a seat the holding that is most likely to go on.
    pub fn newest_of_each_key(&self) -> Vec<&Holding> {
        let mut newest: BTreeMap<&str, &Holding> = BTreeMap::new();
        for holding in &self.holdings {
            let known = newest.entry(&holding.waiver).or_insert(holding);
            if holding.request > known.request {
                *known = holding;
            }
        }
        newest.into_values().collect()
    }
}

/// What a taker does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Its key has a seat: join, on condition that the seating is still there.
    Join,
    /// Take this seat, on condition that neither it nor the key has a row.
    Take {
        /// Number of the seat.
        seat: u32,
    },
    /// No seat is without a row: see who holds theirs.
    Look,
    /// Remove these seatings (places in the list), each on condition that it is as it was read, and look again.
    Clear(Vec<usize>),
    /// No seat is free.
    Refuse(Occupied),
}

/// Decides for `waiver`. `seatings` are all that the pool has rows of, in any order, read before what `held` tells.
/// `chance` is any number: it spreads takers who see the same.
pub fn next(pool: Pool, waiver: &str, seatings: &[Seating], held: Option<&Held>, chance: u64, now: Timestamp) -> Move {
    let own = seatings.iter().position(|seating| seating.waiver == waiver);
    let fits = seatings.len() <= pool.seats as usize;
    if own.is_some() && fits {
        return Move::Join;
    }
    let usable = usable(pool.seats, seatings);
    if own.is_none() && !usable.is_empty() {
        return Move::Take { seat: *pick(&usable, chance) };
    }
    let Some(held) = held else { return Move::Look };
    let standings = standings(pool, seatings, held, now);
    // The pool was made smaller: who has a seat keeps it, who has one in name only is as good as new.
    if own.is_some_and(|own| standings[own] != Standing::Idle) {
        return Move::Join;
    }
    let mut idle: Vec<usize> = (0..seatings.len()).filter(|index| standings[*index] == Standing::Idle).collect();
    if idle.is_empty() {
        return Move::Refuse(occupied(pool, seatings, held, &standings));
    }
    let start = place(idle.len(), chance);
    idle.rotate_left(start);
    idle.truncate(CLEARED);
    Move::Clear(idle)
}

/// Seats that may be taken, by number: of those without a row the lowest, as many as there is room for.
///
/// Where the pool was made smaller, rows above its size count as well. Each of them blocks one of the free seats, the
/// highest first: so whoever sees whatever, all takers choose among the same seats, and those are as many as there is
/// room. A row that goes away only ever adds to them.
pub fn usable(seats: u32, seatings: &[Seating]) -> Vec<u32> {
    let room = (seats as usize).saturating_sub(seatings.len()).min(CHOICE);
    let mut taken: Vec<u32> = seatings.iter().map(|seating| seating.seat).collect();
    taken.sort_unstable();
    (0..seats).filter(|number| taken.binary_search(number).is_err()).take(room).collect()
}

/// Whether each of the keys has its seat.
pub fn standings(pool: Pool, seatings: &[Seating], held: &Held, now: Timestamp) -> Vec<Standing> {
    let mut requests: BTreeMap<&str, usize> = BTreeMap::new();
    for holding in &held.holdings {
        *requests.entry(&holding.waiver).or_default() += 1;
    }
    let mut ends: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for end in &held.ends {
        let latest = ends.entry(&end.waiver).or_insert(end.at);
        *latest = end.at.max(*latest);
    }
    let standing = |waiver: &str| match (requests.get(waiver), ends.get(waiver)) {
        (Some(requests), _) => Standing::Held { requests: *requests },
        (None, Some(end)) if *end + pool.linger > now => Standing::Lingers { until: *end + pool.linger },
        _ => Standing::Idle,
    };
    seatings.iter().map(|seating| standing(&seating.waiver)).collect()
}

/// Every key that has its seat, by digest.
pub fn usages(pool: Pool, seatings: &[Seating], held: &Held, now: Timestamp) -> Vec<Usage> {
    let standings = standings(pool, seatings, held, now);
    let in_use = seatings.iter().zip(standings).filter(|(_, standing)| *standing != Standing::Idle);
    let mut usages: Vec<Usage> = in_use.map(|(seating, standing)| usage(seating, standing, held)).collect();
    usages.sort_by(|one, other| one.seating.waiver.cmp(&other.seating.waiver));
    usages
}

fn usage(seating: &Seating, standing: Standing, held: &Held) -> Usage {
    let own = held.holdings.iter().filter(|holding| holding.waiver == seating.waiver);
    let mut requests: Vec<RequestId> = own.map(|holding| holding.request).collect();
    requests.sort_unstable();
    Usage { seating: seating.clone(), standing, requests }
}

fn occupied(pool: Pool, seatings: &[Seating], held: &Held, standings: &[Standing]) -> Occupied {
    let frees_at = |index: usize| match standings[index] {
        Standing::Lingers { until } => until,
        _ => Timestamp::MAX,
    };
    let mut order: Vec<usize> = (0..seatings.len()).collect();
    order.sort_by_key(|index| (frees_at(*index), seatings[*index].since));
    // Where more have seats than there are, the first ones that go make no room.
    let nth = seatings.len().saturating_sub(pool.seats as usize);
    let next = order.get(nth).map(|index| frees_at(*index)).filter(|at| *at < Timestamp::MAX);
    let holders = order.iter().take(NAMED).map(|index| usage(&seatings[*index], standings[*index], held));
    Occupied {
        seats: pool.seats,
        in_use: u32::try_from(seatings.len()).unwrap_or(u32::MAX),
        frees_at: next,
        holders: holders.collect(),
    }
}

fn pick<T>(from: &[T], chance: u64) -> &T {
    &from[place(from.len(), chance)]
}

/// A place below `len`, or 0.
fn place(len: usize, chance: u64) -> usize {
    usize::try_from(chance % (len.max(1) as u64)).unwrap_or(0)
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
