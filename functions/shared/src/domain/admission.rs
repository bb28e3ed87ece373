//! Which of a tenant's reports may run: as many at once as it has slots, the longest waiting first.
//!
//! So one tenant's flood holds a bounded number of workers, and another's report finds one. A message of the
//! request queue is only a wake-up for its tenant: a worker that finds a slot free takes the tenant's oldest
//! request, be it the message's own or one that waits; one that finds none parks its request and goes. Who frees
//! a slot wakes whoever waits. The shells read, decide here, write on condition of what they read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::RequestId;

/// The right to run one report of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Whose.
    pub tenant: String,
    /// From 0, below the tenant's limit.
    pub number: u32,
    /// The request that has it, unless it was given back.
    pub request: Option<RequestId>,
    /// Token of the claim that has it.
    pub owner: String,
    /// Free from here on, unless renewed before.
    pub until: Timestamp,
}

impl Slot {
    fn is_free_for(&self, request: RequestId, now: Timestamp) -> bool {
        self.request.is_none_or(|holder| holder == request) || self.until <= now
    }
}

/// What a worker does about a wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Run this request in the slot of that number.
    Run {
        /// The oldest that may run.
        request: RequestId,
        /// Its slot.
        slot: u32,
    },
    /// Every slot is taken: the message's request waits.
    Park,
}

/// Decides for a message about `request`. `slots` are the tenant's recorded ones, in any order; those that were
/// never taken are not recorded. `oldest_waiting` is the first of its parked requests.
///
/// Ids sort by the time of their making, so the lesser id waits longer.
pub fn admit(
    slots: &[Slot],
    limit: u32,
    request: RequestId,
    oldest_waiting: Option<RequestId>,
    now: Timestamp,
) -> Admission {
    let next = oldest_waiting.map_or(request, |waiting| waiting.min(request));
    let recorded = |number: u32| slots.iter().find(|slot| slot.number == number);
    // Its own slot first: a request whose worker was lost still has the one that it ran in.
    let own = slots.iter().find(|slot| slot.request == Some(next)).map(|slot| slot.number);
    let free = (0..limit).find(|number| recorded(*number).is_none_or(|slot| slot.is_free_for(next, now)));
    own.or(free).map_or(Admission::Park, |slot| Admission::Run { request: next, slot })
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
