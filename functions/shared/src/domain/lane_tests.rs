use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::id::EventId;

#[path = "lane_model.rs"]
mod model;
#[path = "lane_simulation.rs"]
mod simulation;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn slot(number: u32, owner: &str, until: i64) -> Slot {
    Slot { tenant: "acme".into(), lane: "lane".into(), number, owner: owner.into(), until: at(until) }
}

fn waits(since: i64) -> Waiting {
    Waiting {
        tenant: "acme".into(),
        lane: "lane".into(),
        since: at(since),
        delivery: DeliveryId::derive(EventId::generate(), "x"),
        request: RequestId::generate(),
    }
}

/// What `me` does at second 10, with time for more.
fn mine(slots: &[Slot], limit: u32, waiting: &[Waiting], own: Option<i64>) -> Move {
    next(Look { slots, limit, waiting }, "me", own.map(at), true, 0, at(10))
}

#[test]
fn a_delivery_takes_a_free_slot_and_waits_without_one() {
    assert_eq!(mine(&[], 2, &[], Some(9)), Move::Take { slot: 0, rouse: false });
    assert_eq!(mine(&[slot(0, "a", 60)], 2, &[], Some(9)), Move::Take { slot: 1, rouse: false });
    assert_eq!(mine(&[slot(0, "a", 10)], 1, &[], Some(9)), Move::Take { slot: 0, rouse: false }, "lapsed");
    let full = [slot(0, "a", 60), slot(1, "b", 60)];
    assert_eq!(mine(&full, 2, &[], Some(9)), Move::Park);
    assert_eq!(mine(&full, 2, &[waits(1)], None), Move::Rest);
    // The limit has sunk: what is taken counts, whatever its number.
    assert_eq!(mine(&[slot(4, "a", 60)], 1, &[], Some(9)), Move::Park);
    assert_eq!(mine(&[], 0, &[], Some(9)), Move::Park, "nobody may be called");
    assert_eq!(mine(&[], 2, &[], None), Move::Rest);
}

#[test]
fn the_oldest_goes_first_and_holders_do_not_race() {
    let waiting = [waits(1), waits(2), waits(3)];
    let (first, second) = (Move::Attempt(waiting[0].clone()), Move::Attempt(waiting[1].clone()));
    assert_eq!(mine(&[slot(0, "me", 60)], 2, &waiting, Some(9)), first);
    assert_eq!(mine(&[slot(0, "a", 60), slot(1, "me", 60)], 2, &waiting, Some(9)), second);
    assert_eq!(mine(&[slot(0, "a", 60), slot(1, "me", 60)], 2, &waiting[..1], None), first, "nobody's share is lost");
    assert_eq!(mine(&[slot(0, "me", 60)], 2, &waiting, Some(1)), Move::AttemptOwn);
    assert_eq!(mine(&[slot(0, "me", 60)], 2, &[], None), Move::Leave);
}

#[test]
fn who_holds_too_many_slots_or_has_no_time_leaves() {
    let waiting = [waits(1), waits(2)];
    let both = [slot(0, "a", 60), slot(3, "me", 60)];
    assert_eq!(mine(&both, 1, &waiting, None), Move::Leave);
    assert_eq!(mine(&both[1..], 1, &waiting, None), Move::Attempt(waiting[0].clone()), "it is the only one left");
    let late = |slots: &[Slot], own| next(Look { slots, limit: 1, waiting: &waiting }, "me", own, false, 0, at(10));
    assert_eq!(late(&[slot(0, "me", 60)], Some(at(9))), Move::Leave);
    assert_eq!(late(&[], Some(at(9))), Move::Park);
    assert_eq!(late(&[], None), Move::Rouse(waiting[0].clone()), "somebody else has the time");
    assert_eq!(late(&[slot(0, "a", 60)], None), Move::Rest);
}

#[test]
fn what_waits_calls_for_more_hands_while_slots_are_free() {
    let waiting = [waits(1), waits(2)];
    assert_eq!(mine(&[], 2, &waiting, None), Move::Take { slot: 0, rouse: true });
    assert_eq!(mine(&[], 1, &waiting, None), Move::Take { slot: 0, rouse: false });
    assert_eq!(mine(&[], 2, &waiting[..1], None), Move::Take { slot: 0, rouse: false });
}

#[test]
fn lanes_are_named_by_their_receiver() {
    let url = |url: &str| name(&Target::webhook(url));
    assert_eq!(url("https://example.com/a"), url("https://example.com/a"));
    assert_ne!(url("https://example.com/a"), url("https://example.com/b"));
    let id = crate::domain::id::EndpointId::generate();
    assert_eq!(name(&Target::Endpoint { id }), id.to_string());
}

proptest! {
    #[test]
    fn a_slot_that_is_taken_is_free_and_below_the_limit(
        numbers in prop::collection::btree_set(0_u32..12, 0..10), limit in 0_u32..12, lapsed in 0_u32..12,
        waiting in 0_usize..4, own: bool, has_time: bool, pick: u32, holds: bool
    ) {
        let slots: Vec<Slot> = numbers.iter().enumerate().map(|(index, number)| {
            let owner = if holds && index == 0 { "me" } else { "other" };
            slot(*number, owner, if *number == lapsed { 10 } else { 60 })
        }).collect();
        let waiting: Vec<Waiting> = (0..waiting).map(|n| waits(i64::try_from(n).unwrap())).collect();
        let look = Look { slots: &slots, limit, waiting: &waiting };
        let live = slots.iter().filter(|slot| slot.until > at(10)).count();
        let held = slots.iter().any(|slot| slot.owner == "me" && slot.until > at(10));
        match next(look, "me", own.then(|| at(5)), has_time, pick, at(10)) {
            Move::Take { slot: number, .. } => {
                prop_assert!(!held && has_time && number < limit && live < limit as usize);
                prop_assert!(slots.iter().all(|slot| slot.number != number || slot.until <= at(10)));
            }
            Move::AttemptOwn => prop_assert!(held && own),
            Move::Attempt(one) => prop_assert!(held && waiting.contains(&one)),
            Move::Leave => prop_assert!(held),
            Move::Park => prop_assert!(!held && own),
            Move::Rouse(_) => prop_assert!(!held && !own && !has_time),
            // Nothing is left alone that this dispatcher could do.
            Move::Rest => prop_assert!(!held && !own && (waiting.is_empty() || live >= limit as usize)),
        }
    }
}
