//! A storm, with a clock of its own: a receiver that answers nothing has 10,000 deliveries, and then one for another
//! comes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
};

use super::*;
use crate::domain::health::{self, Health};

/// Deliveries that the dispatchers work on side by side: 5 processes with batches of 10.
const HANDS: usize = 50;
/// Milliseconds that a look, or a write, takes.
const LOOK: i64 = 20;
/// And an attempt at a receiver that does not answer.
const TIMEOUT: i64 = 30_000;
/// After these a process gives what waits to others.
const BUDGET: i64 = 60_000;
const CONCURRENCY: u32 = 10;

fn ms(millis: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_millis(millis)
}

#[derive(Default)]
struct Lane {
    slots: Vec<Slot>,
    waiting: BTreeMap<(Timestamp, DeliveryId), Waiting>,
    health: Option<Health>,
}

/// One of the hands, at work on a message.
struct Hand {
    lane: &'static str,
    own: Option<Waiting>,
    began: i64,
}

#[derive(Default)]
struct Storm {
    lanes: BTreeMap<&'static str, Lane>,
    queue: VecDeque<(&'static str, Waiting)>,
    /// Attempts in the order of their beginnings.
    attempts: Vec<(i64, &'static str)>,
}

impl Storm {
    /// One step of a hand; returns when the next is, or none if it is done with its message.
    fn step(&mut self, number: usize, hand: &mut Hand, now: i64) -> Option<i64> {
        let lane = self.lanes.entry(hand.lane).or_default();
        let owner = number.to_string();
        let health = lane.health.get_or_insert_with(|| Health::new("acme", hand.lane, ms(now)));
        let waiting: Vec<Waiting> = lane.waiting.values().take(34).cloned().collect();
        let look = Look { slots: &lane.slots, limit: health.limit(CONCURRENCY, ms(now)), waiting: &waiting };
        let has_time = now + TIMEOUT <= hand.began + BUDGET;
        let own = hand.own.as_ref().map(|own| own.since);
        match next(look, &owner, own, has_time, 0, ms(now)) {
            Move::Take { slot: number, .. } => {
                lane.slots.retain(|slot| slot.number != number);
                lane.slots.push(slot(number, &owner, 1_000_000));
            }
            Move::Park => {
                let own = hand.own.take().unwrap();
                lane.waiting.insert((own.since, own.delivery), own);
            }
            Move::AttemptOwn => {
                hand.own = None;
                return Some(self.attempt(hand.lane, now));
            }
            Move::Attempt(one) => {
                lane.waiting.remove(&(one.since, one.delivery));
                return Some(self.attempt(hand.lane, now));
            }
            Move::Leave => lane.slots.retain(|slot| slot.owner != owner),
            Move::Rouse(one) => {
                self.queue.push_back((hand.lane, one));
                return None;
            }
            Move::Rest => return None,
        }
        Some(now + LOOK)
    }

    fn attempt(&mut self, name: &'static str, now: i64) -> i64 {
        self.attempts.push((now, name));
        let (event, ends) = match name {
            "dead" => (health::Event::Failed { retry_at: None }, now + TIMEOUT),
            _ => (health::Event::Succeeded, now + LOOK),
        };
        let health = self.lanes.get_mut(name).unwrap().health.as_mut().unwrap();
        *health = health.apply(event, CONCURRENCY, ms(ends)).0;
        ends + LOOK
    }

    /// Until nothing moves.
    fn run(&mut self) {
        let mut hands: Vec<Option<Hand>> = (0..HANDS).map(|_| None).collect();
        let mut times: BinaryHeap<Reverse<(i64, usize)>> = (0..HANDS).map(|number| Reverse((0, number))).collect();
        while let Some(Reverse((now, number))) = times.pop() {
            let hand = &mut hands[number];
            if hand.is_none() {
                let Some((lane, own)) = self.queue.pop_front() else { continue };
                *hand = Some(Hand { lane, own: Some(own), began: now });
            }
            let next = hand.as_mut().and_then(|hand| self.step(number, hand, now));
            if next.is_none() {
                *hand = None;
            }
            times.push(Reverse((next.unwrap_or(now + LOOK), number)));
        }
    }
}

#[test]
fn a_dead_receiver_with_ten_thousand_deliveries_delays_nobody() {
    let mut storm = Storm::default();
    storm.queue.extend((0..10_000).map(|n| ("dead", waits(n / 1_000 - 100))));
    // The worst case: SQS would share the queue fairly between tenants, here it is first in, first out.
    storm.queue.push_back(("well", waits(0)));
    storm.run();
    let well = storm.attempts.iter().position(|(_, lane)| *lane == "well").unwrap();
    let (at, _) = storm.attempts[well];
    assert!(well <= CONCURRENCY as usize, "{well} attempts at the dead one came before");
    // What it takes to park the others: 10,000 looks and writes on 40 hands. Not one timeout.
    assert!(at < TIMEOUT, "after {at} ms");
    let dead = storm.attempts.len() - 1;
    assert!(dead <= 2 * CONCURRENCY as usize, "{dead} attempts before the circuit opened");
    assert_eq!(storm.lanes["dead"].waiting.len(), 10_000 - dead, "the rest waits, with no attempt counted");
}
