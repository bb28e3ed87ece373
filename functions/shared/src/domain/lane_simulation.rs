//! A storm, with a clock of its own: a receiver that answers nothing has 10,000 deliveries, and then one for another
//! comes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
};

use super::*;
use crate::domain::health::{self, Health};

/// Dispatchers at a time, by the template's default, and the messages that each takes at once.
const PROCESSES: usize = 50;
const BATCH: usize = 10;
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
    /// Of the attempt that it has made since its last step.
    outcome: Option<health::Event>,
}

struct Storm {
    /// At the dead receiver, as its owner allows.
    concurrency: u32,
    lanes: BTreeMap<&'static str, Lane>,
    queue: VecDeque<(&'static str, Waiting)>,
    /// Attempts in the order of their beginnings.
    attempts: Vec<(i64, &'static str)>,
}

impl Storm {
    /// One step of a hand; returns when the next is, or none if it is done with its message.
    fn step(&mut self, number: usize, hand: &mut Hand, now: i64) -> Option<i64> {
        let concurrency = self.concurrency;
        let lane = self.lanes.entry(hand.lane).or_default();
        let owner = number.to_string();
        let health = lane.health.get_or_insert_with(|| Health::new("acme", hand.lane, ms(now)));
        if let Some(outcome) = hand.outcome.take() {
            *health = health.apply(outcome, concurrency, ms(now)).0;
        }
        let waiting: Vec<Waiting> = lane.waiting.values().take(concurrency as usize + 24).cloned().collect();
        let look = Look { slots: &lane.slots, limit: health.limit(concurrency, ms(now)), waiting: &waiting };
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
                return Some(self.attempt(hand, now));
            }
            Move::Attempt(one) => {
                lane.waiting.remove(&(one.since, one.delivery));
                return Some(self.attempt(hand, now));
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

    fn attempt(&mut self, hand: &mut Hand, now: i64) -> i64 {
        self.attempts.push((now, hand.lane));
        let (outcome, takes) = match hand.lane {
            "dead" => (health::Event::Failed { retry_at: None }, TIMEOUT),
            _ => (health::Event::Succeeded, LOOK),
        };
        hand.outcome = Some(outcome);
        now + takes + LOOK
    }

    /// Until nothing moves. A process takes a batch, works on its messages side by side, and takes the next one when all
    /// of them are done: whoever waits for a timeout holds up nine others.
    fn run(&mut self, processes: usize) {
        let mut hands: Vec<Option<Hand>> = (0..processes * BATCH).map(|_| None).collect();
        let mut times = BinaryHeap::new();
        (0..processes).for_each(|process| self.take_batch(process, processes, 0, &mut hands, &mut times));
        while let Some(Reverse((now, number))) = times.pop() {
            if let Some(next) = hands[number].as_mut().and_then(|hand| self.step(number, hand, now)) {
                times.push(Reverse((next, number)));
                continue;
            }
            hands[number] = None;
            let process = number % processes;
            if hands.iter().skip(process).step_by(processes).all(Option::is_none) {
                self.take_batch(process, processes, now + LOOK, &mut hands, &mut times);
            }
        }
    }

    /// Hands of a process are not neighbours, so that slots go to as many processes as can be: the worst case.
    fn take_batch(
        &mut self,
        process: usize,
        processes: usize,
        now: i64,
        hands: &mut [Option<Hand>],
        times: &mut BinaryHeap<Reverse<(i64, usize)>>,
    ) {
        for number in (process..hands.len()).step_by(processes) {
            let Some((lane, own)) = self.queue.pop_front() else { return };
            hands[number] = Some(Hand { lane, own: Some(own), began: now, outcome: None });
            times.push(Reverse((now, number)));
        }
    }
}

/// Over, with so many deliveries of the dead one, and how many of its attempts came before the other's first, at
/// which time.
fn storm(deliveries: i64, processes: usize, concurrency: u32) -> (Storm, usize, i64) {
    let mut storm = Storm { concurrency, lanes: BTreeMap::new(), queue: VecDeque::new(), attempts: Vec::new() };
    storm.queue.extend((0..deliveries).map(|n| ("dead", waits(n / 1_000 - 100))));
    // The worst case: SQS would share the queue fairly between tenants, here it is first in, first out.
    storm.queue.push_back(("well", waits(0)));
    storm.run(processes);
    let well = storm.attempts.iter().position(|(_, lane)| *lane == "well").unwrap();
    let (at, _) = storm.attempts[well];
    (storm, well, at)
}

/// The table of docs/benchmarks/delivery.md: `--nocapture` shows it.
#[test]
fn the_other_waits_for_parking_alone_where_there_are_more_dispatchers_than_slots() {
    println!("| dispatchers | dead one's concurrency | waiting for it | its attempts before | another's first after |");
    println!("|---|---|---|---|---|");
    for (processes, concurrency) in [(50, 10), (50, 40), (50, 50), (20, 10), (10, 10)] {
        for deliveries in [0, 100, 1_000, 2_000, 5_000, 10_000] {
            let (_, before, at) = storm(deliveries, processes, concurrency);
            println!("| {processes} | {concurrency} | {deliveries} | {before} | {at} ms |");
            assert!(before <= concurrency as usize);
            // Each is seen, parked and seen once more; the processes that wait for a timeout do none of it.
            let free = processes.saturating_sub(concurrency as usize);
            let parking = deliveries / i64::try_from(free.max(1) * BATCH).unwrap() + 2;
            let timeout = if free == 0 { 2 * TIMEOUT } else { 0 };
            assert!(at <= parking * 4 * LOOK + timeout, "{processes}, {concurrency}, {deliveries}: {at} ms");
        }
    }
}

#[test]
fn a_dead_receiver_with_ten_thousand_deliveries_delays_nobody() {
    let (storm, well, at) = storm(10_000, PROCESSES, CONCURRENCY);
    assert!(well <= CONCURRENCY as usize, "{well} attempts at the dead one came before");
    // What it takes to park the others, on the processes that wait for no timeout.
    assert!(at < TIMEOUT, "after {at} ms");
    let dead = storm.attempts.len() - 1;
    assert!(dead <= 2 * CONCURRENCY as usize, "{dead} attempts before the circuit opened");
    assert_eq!(storm.lanes["dead"].waiting.len(), 10_000 - dead, "the rest waits, with no attempt counted");
}
