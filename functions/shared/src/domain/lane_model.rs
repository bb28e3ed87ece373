//! Every order of everything, for small configurations: the lane's rule and the delivery machine as they are, with
//! dispatchers that look and write one step at a time, die anywhere, and get messages twice.
//!
//! Checked of every state that can be reached:
//! 1. never more calls at a time than the limit;
//! 2. where nothing moves any more nothing waits: every delivery is made, though no clock but that of lapsed leases runs;
//! 3. no call of a delivery whose success is recorded;
//! 4. at most one repeated call for each crash.
//!
//! A dispatcher that lives ends before its slot and its lease lapse, as Lambda's deadline sees to.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::*;
use crate::domain::{
    delivery::{AttemptOutcome, Delivery, Event, Status},
    message::{Announcement, EventKind},
    retry::Schedule,
};

const NOW: i64 = 100;
const LIVE: SignedDuration = SignedDuration::from_secs(50);

/// A delivery's row; states differ by what the machine decides upon.
#[derive(Debug, Clone, PartialEq)]
struct Row(Arc<Delivery>);

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Delivery { id, status, attempts, lease, waits_since, due_at, .. } = &*self.0;
        (id, status, attempts, waits_since, due_at).hash(state);
        lease.as_ref().map(|lease| (&lease.owner, lease.until)).hash(state);
    }
}

/// A dispatcher between two calls to AWS.
#[derive(Debug, Clone, PartialEq, Hash)]
enum At {
    Idle,
    /// About to look.
    Looks,
    /// About to do what it has decided on what it saw.
    /// With the slot that it saw where it wants one.
    Does(Move, Option<Slot>),
    /// The receiver is being called.
    Calls(usize),
}

#[derive(Debug, Clone, PartialEq, Hash)]
struct Worker {
    at: At,
    /// The message it is to acknowledge.
    message: usize,
    /// The message's delivery as read, while it is in its hands.
    own: Option<Row>,
    /// Token: anew after every crash.
    lives: u8,
}

#[derive(Debug, Clone, PartialEq, Hash)]
struct State {
    rows: Vec<Row>,
    slots: Vec<Slot>,
    /// Messages in the queue, by delivery.
    queue: Vec<u8>,
    workers: Vec<Worker>,
    calls: Vec<u8>,
    called_after_success: bool,
    crashes: u8,
}

#[derive(Debug, Clone, PartialEq)]
enum Action {
    Receive {
        worker: usize,
        message: usize,
    },
    Step(usize),
    Crash(usize),
    /// Slots and leases of the dead lapse.
    Lapse,
    SweepSlot(usize),
    SweepDelivery(usize),
}

struct Config {
    limit: u32,
    deliveries: usize,
    workers: usize,
    crashes: u8,
    /// Further copies of the first message; as messages arrive at any time, they may come late.
    duplicates: u8,
}

fn schedule() -> Schedule {
    Schedule::parse("0,0,0,0,0,0").unwrap()
}

fn token(state: &State, worker: usize) -> String {
    format!("{worker}.{}", state.workers[worker].lives)
}

impl State {
    fn waiting(&self) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = self
            .rows
            .iter()
            .filter_map(|row| {
                row.0.waits_since.map(|since| Waiting {
                    tenant: "acme".into(),
                    lane: "lane".into(),
                    since,
                    delivery: row.0.id,
                    request: row.0.announcement.request,
                })
            })
            .collect();
        waiting.sort_by_key(|one| (one.since, one.delivery));
        waiting
    }

    fn index(&self, delivery: DeliveryId) -> usize {
        self.rows.iter().position(|row| row.0.id == delivery).unwrap()
    }

    fn is_alive(&self, owner: &str) -> bool {
        (0..self.workers.len()).any(|worker| token(self, worker) == owner)
    }

    fn apply(&mut self, index: usize, event: Event) -> bool {
        match self.rows[index].0.apply(event, at(NOW), &schedule()) {
            Ok((next, _)) => {
                self.rows[index] = Row(Arc::new(next));
                true
            }
            Err(_) => false,
        }
    }

    fn look(&mut self, worker: usize, limit: u32) {
        let waiting = self.waiting();
        let me = &mut self.workers[worker];
        if me.own.as_ref().is_some_and(|own| waiting.iter().any(|one| one.delivery == own.0.id)) {
            me.own = None;
        }
        let own = me.own.as_ref().map(|own| own.0.next_attempt_at.unwrap());
        let owner = token(self, worker);
        let look = Look { slots: &self.slots, limit, waiting: &waiting };
        let decided = next(look, &owner, own, true, 0, at(NOW));
        let wanted = match decided {
            Move::Take { slot, .. } => self.slots.iter().find(|there| there.number == slot).cloned(),
            _ => None,
        };
        self.workers[worker].at = At::Does(decided, wanted);
    }

    fn attempt(&mut self, worker: usize, index: usize) {
        let recorded = self.rows[index].0.status == Status::Delivered;
        let begun = self.apply(index, Event::Begin { owner: token(self, worker), lease: LIVE });
        self.workers[worker].at = At::Looks;
        if begun && self.rows[index].0.lease.is_some() {
            self.calls[index] += 1;
            self.called_after_success |= recorded;
            self.workers[worker].at = At::Calls(index);
        }
    }

    fn act(&mut self, worker: usize, decided: Move, seen: Option<&Slot>) {
        self.workers[worker].at = At::Looks;
        match decided {
            Move::Take { slot: number, rouse } => {
                // Written on condition of what was seen.
                if self.slots.iter().find(|slot| slot.number == number) == seen {
                    self.slots.retain(|slot| slot.number != number);
                    self.slots.push(slot(number, &token(self, worker), NOW + 50));
                    self.slots.sort_by_key(|slot| slot.number);
                    if rouse && let Some(second) = self.waiting().get(1) {
                        let index = self.index(second.delivery);
                        self.queue[index] += 1;
                    }
                }
            }
            Move::AttemptOwn => {
                let own = self.workers[worker].own.take().unwrap();
                self.attempt(worker, self.index(own.0.id));
            }
            Move::Attempt(one) => self.attempt(worker, self.index(one.delivery)),
            Move::Park => {
                let own = self.workers[worker].own.take().unwrap();
                let index = self.index(own.0.id);
                if self.rows[index] == own {
                    self.apply(index, Event::Park { until: None });
                }
            }
            Move::Leave => {
                let owner = token(self, worker);
                self.slots.retain(|slot| slot.owner != owner);
            }
            Move::Rouse(one) => {
                let index = self.index(one.delivery);
                self.queue[index] += 1;
                self.acknowledge(worker);
            }
            Move::Rest => self.acknowledge(worker),
        }
    }

    fn acknowledge(&mut self, worker: usize) {
        (self.workers[worker].at, self.workers[worker].message) = (At::Idle, 0);
    }

    fn step(&mut self, worker: usize, limit: u32) {
        match self.workers[worker].at.clone() {
            At::Idle => {}
            At::Looks => self.look(worker, limit),
            At::Does(decided, seen) => self.act(worker, decided, seen.as_ref()),
            At::Calls(index) => {
                let owner = token(self, worker);
                self.apply(index, Event::End { owner, outcome: AttemptOutcome::Success, jitter: 0.0 });
                self.workers[worker].at = At::Looks;
            }
        }
    }

    /// Nothing moves any more.
    fn is_quiet(&self) -> bool {
        self.workers.iter().all(|worker| worker.at == At::Idle)
            && self.queue.iter().all(|count| *count == 0)
            && self.slots.is_empty()
            && self.rows.iter().all(|row| row.0.lease.is_none())
    }
}

impl Model for Config {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let rows = (0..self.deliveries).map(|n| {
            let id = uuid::Uuid::from_u128(u128::try_from(n).unwrap() + 1);
            let event = Announcement::apart("acme", RequestId::new(id), EventKind::ReportFailed, at(NOW), at(NOW));
            let target = Target::webhook("https://example.com/");
            Row(Arc::new(Delivery::new(event, target, at(NOW), &schedule())))
        });
        let worker = Worker { at: At::Idle, message: 0, own: None, lives: 0 };
        vec![State {
            rows: rows.collect(),
            slots: vec![],
            queue: (0..self.deliveries).map(|n| 1 + if n == 0 { self.duplicates } else { 0 }).collect(),
            workers: vec![worker; self.workers],
            calls: vec![0; self.deliveries],
            called_after_success: false,
            crashes: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (worker, at) in state.workers.iter().map(|worker| &worker.at).enumerate() {
            if *at == At::Idle {
                let there = (0..self.deliveries).filter(|message| state.queue[*message] > 0);
                actions.extend(there.map(|message| Action::Receive { worker, message }));
                continue;
            }
            actions.push(Action::Step(worker));
            if state.crashes < self.crashes {
                actions.push(Action::Crash(worker));
            }
        }
        actions.push(Action::Lapse);
        let lapsed = |until: Timestamp| until <= at(NOW);
        actions.extend((0..state.slots.len()).filter(|n| lapsed(state.slots[*n].until)).map(Action::SweepSlot));
        let lost = |n: &usize| state.rows[*n].0.lease.as_ref().is_some_and(|lease| lapsed(lease.until));
        actions.extend((0..self.deliveries).filter(lost).map(Action::SweepDelivery));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Receive { worker, message } => {
                state.queue[message] -= 1;
                let row = state.rows[message].clone();
                let begins = Event::Begin { owner: String::new(), lease: LIVE };
                let own = row.0.apply(begins, at(NOW), &schedule()).is_ok().then_some(row);
                let lives = state.workers[worker].lives;
                state.workers[worker] = Worker { at: At::Looks, message, own, lives };
            }
            Action::Step(worker) => state.step(worker, self.limit),
            Action::Crash(worker) => {
                state.crashes += 1;
                // What was not acknowledged comes again.
                state.queue[state.workers[worker].message] += 1;
                let lives = state.workers[worker].lives + 1;
                state.workers[worker] = Worker { at: At::Idle, message: 0, own: None, lives };
            }
            Action::Lapse => {
                for index in 0..state.slots.len() {
                    if !last.is_alive(&state.slots[index].owner) {
                        state.slots[index].until = at(0);
                    }
                }
                for row in &mut state.rows {
                    if row.0.lease.as_ref().is_some_and(|lease| !last.is_alive(&lease.owner)) {
                        let mut lapsed = (*row.0).clone();
                        lapsed.due_at = Some(at(0));
                        lapsed.lease.iter_mut().for_each(|lease| lease.until = at(0));
                        *row = Row(Arc::new(lapsed));
                    }
                }
            }
            Action::SweepSlot(index) => {
                state.slots.remove(index);
                if let Some(first) = state.waiting().first() {
                    let index = state.index(first.delivery);
                    state.queue[index] += 1;
                }
            }
            Action::SweepDelivery(index) => {
                if state.apply(index, Event::Sweep) {
                    state.queue[index] += 1;
                }
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never more calls at a time than the limit", |config: &Self, state: &State| {
                let calls = state.workers.iter().filter(|worker| matches!(worker.at, At::Calls(_))).count();
                calls <= config.limit as usize
            }),
            Property::always("nothing waits for ever", |_: &Self, state: &State| {
                !state.is_quiet() || state.rows.iter().all(|row| row.0.status == Status::Delivered)
            }),
            Property::always("no call after a recorded success", |_: &Self, state: &State| !state.called_after_success),
            Property::always("one repeated call for each crash at most", |config: &Self, state: &State| {
                let calls: usize = state.calls.iter().map(|calls| usize::from(*calls)).sum();
                calls <= config.deliveries + usize::from(state.crashes)
            }),
            Property::sometimes("all is delivered", |_: &Self, state: &State| state.is_quiet()),
            Property::sometimes("something waits", |_: &Self, state: &State| !state.waiting().is_empty()),
        ]
    }

    /// More messages of one delivery tell nothing new.
    fn within_boundary(&self, state: &State) -> bool {
        state.queue.iter().all(|count| *count <= 3)
    }
}

fn check(config: Config) {
    let checker = config.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    eprintln!("{} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn one_slot_and_two_dispatchers_that_die() {
    check(Config { limit: 1, deliveries: 3, workers: 2, crashes: 1, duplicates: 1 });
}

#[test]
fn two_slots_and_two_dispatchers_that_die() {
    check(Config { limit: 2, deliveries: 3, workers: 2, crashes: 1, duplicates: 1 });
}

#[test]
fn two_slots_and_three_dispatchers() {
    check(Config { limit: 2, deliveries: 3, workers: 3, crashes: 0, duplicates: 0 });
}
