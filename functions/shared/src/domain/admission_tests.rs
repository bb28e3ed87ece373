use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::SignedDuration;
use proptest::prelude::*;
use uuid::{Builder, Uuid};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn id(millisecond: u64, salt: u8) -> RequestId {
    RequestId::new(Builder::from_unix_timestamp_millis(millisecond, &[salt; 10]).into_uuid())
}

fn slot(number: u32, request: Option<RequestId>, until: i64) -> Slot {
    Slot { tenant: "acme".into(), number, request, owner: "w".into(), until: at(until) }
}

#[test]
fn the_lowest_free_slot_is_taken() {
    let (first, second) = (id(1, 0), id(2, 0));
    assert_eq!(admit(&[], 2, first, None, at(0)), Admission::Run { request: first, slot: 0 });
    let taken = [slot(0, Some(first), 90)];
    assert_eq!(admit(&taken, 2, second, None, at(0)), Admission::Run { request: second, slot: 1 });
    assert_eq!(admit(&taken, 1, second, None, at(0)), Admission::Park);
    assert_eq!(admit(&taken, 1, second, None, at(90)), Admission::Run { request: second, slot: 0 }, "lapsed");
    let given_back = [slot(0, None, 90)];
    assert_eq!(admit(&given_back, 1, second, None, at(0)), Admission::Run { request: second, slot: 0 });
}

#[test]
fn a_request_whose_worker_was_lost_gets_its_slot_back() {
    let (first, second) = (id(1, 0), id(2, 0));
    let taken = [slot(0, Some(second), 90), slot(1, Some(first), 90)];
    assert_eq!(admit(&taken, 2, first, None, at(10)), Admission::Run { request: first, slot: 1 });
    // Also where the limit was lowered since.
    assert_eq!(admit(&taken, 1, first, None, at(10)), Admission::Run { request: first, slot: 1 });
}

#[test]
fn whoever_waits_longest_runs_first() {
    let (old, new) = (id(1, 0), id(2, 0));
    assert_eq!(admit(&[], 1, new, Some(old), at(0)), Admission::Run { request: old, slot: 0 });
    assert_eq!(admit(&[], 1, old, Some(new), at(0)), Admission::Run { request: old, slot: 0 });
}

/// The queue, the workers and the table, as far as admission goes, with a clock of its own.
struct Simulation {
    limit: u32,
    workers: usize,
    now: i64,
    queue: VecDeque<(&'static str, RequestId)>,
    slots: BTreeMap<&'static str, Vec<Slot>>,
    waiting: BTreeMap<&'static str, BTreeSet<RequestId>>,
    /// End, tenant, request, slot; a worker each.
    running: Vec<(i64, &'static str, RequestId, u32)>,
    /// In the order of their starts.
    started: Vec<(i64, &'static str, RequestId)>,
}

/// Seconds that each report takes.
const RUN: i64 = 60;

impl Simulation {
    fn new(limit: u32, workers: usize) -> Self {
        Self {
            limit,
            workers,
            now: 0,
            queue: VecDeque::new(),
            slots: BTreeMap::new(),
            waiting: BTreeMap::new(),
            running: Vec::new(),
            started: Vec::new(),
        }
    }

    fn ask(&mut self, tenant: &'static str, salt: u8) -> RequestId {
        let request = id(u64::try_from(self.now).unwrap() * 1000 + u64::from(salt), salt);
        self.queue.push_back((tenant, request));
        request
    }

    /// Until nothing is queued or running.
    fn drain(&mut self) {
        while !(self.queue.is_empty() && self.running.is_empty()) {
            while self.running.len() < self.workers
                && let Some((tenant, request)) = self.queue.pop_front()
            {
                self.receive(tenant, request);
            }
            if let Some(next) = self.running.iter().map(|run| run.0).min() {
                self.now = next;
                self.finish();
            }
        }
    }

    fn receive(&mut self, tenant: &'static str, request: RequestId) {
        // A wake-up for a request that has run meanwhile serves whoever waits.
        let waiting = self.waiting.entry(tenant).or_default();
        let known = self.started.iter().any(|start| start.2 == request);
        let Some(request) = (if known { waiting.first().copied() } else { Some(request) }) else { return };
        let slots = self.slots.entry(tenant).or_default();
        match admit(slots, self.limit, request, waiting.first().copied(), at(self.now)) {
            Admission::Park => {
                waiting.insert(request);
            }
            Admission::Run { request: chosen, slot: number } => {
                if chosen != request {
                    waiting.insert(request);
                }
                waiting.remove(&chosen);
                slots.retain(|slot| slot.number != number);
                slots.push(slot(number, Some(chosen), self.now + RUN + 90));
                self.running.push((self.now + RUN, tenant, chosen, number));
                self.started.push((self.now, tenant, chosen));
            }
        }
    }

    fn finish(&mut self) {
        let now = self.now;
        let (done, running) = self.running.drain(..).partition(|run| run.0 <= now);
        self.running = running;
        let done: Vec<(i64, &'static str, RequestId, u32)> = done;
        for (_, tenant, _, number) in done {
            let slots = self.slots.entry(tenant).or_default();
            slots.iter_mut().filter(|slot| slot.number == number).for_each(|slot| slot.request = None);
            if let Some(oldest) = self.waiting.entry(tenant).or_default().first() {
                self.queue.push_back((tenant, *oldest));
            }
        }
    }

    fn starts(&self, tenant: &str) -> Vec<(i64, RequestId)> {
        let of = self.started.iter().filter(|start| start.1 == tenant);
        of.map(|(at, _, request)| (*at, *request)).collect()
    }
}

#[test]
fn a_flood_of_one_tenant_does_not_delay_anothers_report() {
    let mut simulation = Simulation::new(5, 10);
    for salt in 0..200 {
        simulation.ask("flood", salt);
    }
    let lone = simulation.ask("lone", 201);
    simulation.drain();
    // Behind 200 messages, and yet at once: five of them run, the others were put aside.
    assert_eq!(simulation.starts("lone"), [(0, lone)]);
    let order: Vec<RequestId> = simulation.starts("flood").iter().map(|start| start.1).collect();
    assert_eq!(order.len(), 200, "every one of the flood runs in the end");
    assert!(order.is_sorted(), "in the order of asking");
    assert_eq!(simulation.now, 200 / 5 * RUN, "five at a time, without a gap");
}

#[test]
fn a_steady_stream_does_not_starve_what_waits() {
    let mut simulation = Simulation::new(1, 4);
    let asked: Vec<RequestId> = (0..50)
        .map(|n| {
            simulation.now = n;
            let request = simulation.ask("busy", 0);
            while simulation.running.len() < simulation.workers
                && let Some((tenant, request)) = simulation.queue.pop_front()
            {
                simulation.receive(tenant, request);
            }
            request
        })
        .collect();
    simulation.drain();
    let order: Vec<RequestId> = simulation.starts("busy").iter().map(|start| start.1).collect();
    assert_eq!(order, asked);
}

proptest! {
    /// Any load: never more at once than the limit, nothing lost, in order, and no worker idle for a tenant that
    /// has both a free slot and work.
    #[test]
    fn any_load_is_admitted_fairly(
        limit in 1_u32..6, workers in 1_usize..8, load in prop::collection::vec((0_usize..3, 0_i64..40), 1..80)
    ) {
        const TENANTS: [&str; 3] = ["a", "b", "c"];
        let mut simulation = Simulation::new(limit, workers);
        for (n, (tenant, _)) in load.iter().enumerate() {
            simulation.ask(TENANTS[*tenant], u8::try_from(n).unwrap());
        }
        simulation.drain();
        prop_assert_eq!(simulation.started.len(), load.len());
        for tenant in TENANTS {
            let starts = simulation.starts(tenant);
            prop_assert!(starts.iter().map(|start| start.1).is_sorted());
            for (at, _) in &starts {
                let at_once = starts.iter().filter(|(start, _)| start <= at && *at < start + RUN).count();
                prop_assert!(at_once <= limit as usize, "{at_once} at once");
            }
            if starts.len() <= limit as usize && workers >= 3 * limit as usize {
                prop_assert!(starts.iter().all(|start| start.0 == 0));
            }
        }
    }

    #[test]
    fn a_slot_is_never_given_away_while_it_is_held(
        limit in 1_u32..5, held in prop::collection::vec((0_u32..5, 0_u64..4, -50_i64..50), 0..5), asks in 0_u64..4
    ) {
        let request = RequestId::new(Uuid::from_u128(u128::from(asks)));
        let held: BTreeMap<u32, Slot> = held
            .into_iter()
            .map(|(number, holder, until)| {
                (number, slot(number, Some(RequestId::new(Uuid::from_u128(u128::from(holder)))), until))
            })
            .collect();
        let slots: Vec<Slot> = held.values().cloned().collect();
        match admit(&slots, limit, request, None, at(0)) {
            Admission::Run { request: chosen, slot } => {
                prop_assert_eq!(chosen, request);
                if let Some(there) = held.get(&slot) {
                    prop_assert!(there.request == Some(request) || there.until <= at(0));
                } else {
                    prop_assert!(slot < limit);
                }
            }
            Admission::Park => {
                for number in 0..limit {
                    let there = held.get(&number);
                    prop_assert!(there.is_some_and(|slot| slot.request != Some(request) && slot.until > at(0)));
                }
            }
        }
    }
}
