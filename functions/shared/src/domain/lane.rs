//! Lanes: deliveries to one receiver, as many at a time as it may be sent, the longest waiting first.
//!
//! A lane has slots. Who holds one makes attempts, one after the other. A message of the delivery queue only wakes its
//! lane: a dispatcher that finds no slot free parks its delivery, and whoever holds one takes it up. Who gives a slot
//! back looks at what waits once more after that, and who parks looks at the slots once more: one of the two sees the
//! other. The shells look, decide here, and write on condition of what they have seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    delivery::Target,
    id::{DeliveryId, RequestId},
};

/// Attempts at a time at a URL that is no registered endpoint.
pub const ONE_OFF_CONCURRENCY: u32 = 10;

/// Name of a target's lane, among its tenant's.
pub fn name(target: &Target) -> String {
    match target {
        Target::Endpoint { id } => id.to_string(),
        // Whoever the mails are for, it is the mail service that is called.
        Target::Email { .. } => "email".to_owned(),
        Target::Webhook { url, .. } => format!("url_{}", &crate::digest::sha256_hex(url.as_bytes())[..32]),
        // A tenant has one Jira, whichever issue it is about.
        Target::Jira { .. } => "jira".to_owned(),
    }
}

/// The right to make a lane's attempts, one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// Whose.
    pub tenant: String,
    /// Of which lane.
    pub lane: String,
    /// From 0, below the lane's limit.
    pub number: u32,
    /// Token of the holder.
    pub owner: String,
    /// The holder's process ends by then: free from here on.
    pub until: Timestamp,
}

/// A delivery that waits in its lane. The delivery's own row decides; this one only finds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Waiting {
    /// Whose.
    pub tenant: String,
    /// In which lane.
    pub lane: String,
    /// When its attempt was due.
    pub since: Timestamp,
    /// Which.
    pub delivery: DeliveryId,
    /// Of which request.
    pub request: RequestId,
}

/// What a dispatcher has seen of a lane.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The slots that are recorded; those that are not are free.
    pub slots: &'a [Slot],
    /// Attempts at a time at most, now.
    pub limit: u32,
    /// The first that wait, the longest waiting first.
    pub waiting: &'a [Waiting],
}

/// What it does next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Move {
    /// Take that slot, then look again.
    Take {
        /// Its number.
        slot: u32,
        /// Whether to wake another dispatcher too: more wait, and another slot is free.
        rouse: bool,
    },
    /// Attempt the delivery that the message is about, then look again.
    AttemptOwn,
    /// Attempt this one, then look again.
    Attempt(Waiting),
    /// Let the message's delivery wait, then look again.
    Park,
    /// Give the slot back, then look again.
    Leave,
    /// Send word to another dispatcher, and be done.
    Rouse(Waiting),
    /// Be done.
    Rest,
}

/// The whole rule. `owner` is the dispatcher's token; `own` tells since when the delivery in its hands is due, that is
/// the message's, unless it waits already or there is nothing to attempt; `has_time` whether another attempt fits into
/// its time; `pick`, any number, spreads those who come at the same moment over the free slots.
pub fn next(look: Look<'_>, owner: &str, own: Option<Timestamp>, has_time: bool, pick: u32, now: Timestamp) -> Move {
    let live = || look.slots.iter().filter(|slot| slot.until > now);
    // Slots of lower numbers go on where the limit has sunk below what is taken.
    let held = live().find(|slot| slot.owner == owner).map(|ours| live().filter(|s| s.number < ours.number).count());
    let limit = usize::try_from(look.limit).unwrap_or(usize::MAX);
    let (taken, work) = (live().count(), own.is_some() || !look.waiting.is_empty());
    match held {
        Some(rank) if has_time && work && rank < limit => attempt(look.waiting, own, rank),
        Some(_) => Move::Leave,
        None if has_time && work && taken < limit => {
            let free: Vec<u32> = (0..look.limit).filter(|number| live().all(|slot| slot.number != *number)).collect();
            let slot = free[usize::try_from(pick).unwrap_or(0) % free.len()];
            Move::Take { slot, rouse: look.waiting.len() > 1 && taken + 1 < limit }
        }
        None if own.is_some() => Move::Park,
        None => match look.waiting.first() {
            Some(first) if !has_time && taken < limit => Move::Rouse(first.clone()),
            _ => Move::Rest,
        },
    }
}

/// The oldest, but each holder another one: they do not race for the same.
fn attempt(waiting: &[Waiting], own: Option<Timestamp>, rank: usize) -> Move {
    let share = waiting.get(rank.min(waiting.len().saturating_sub(1)));
    match (share, own) {
        (Some(share), Some(since)) if since <= share.since => Move::AttemptOwn,
        (Some(share), _) => Move::Attempt(share.clone()),
        (None, Some(_)) => Move::AttemptOwn,
        (None, None) => Move::Leave,
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
