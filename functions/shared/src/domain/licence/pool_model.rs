//! Every order of everything, for small pools: the rule as it is, with takers that read and write one step at a time and
//! die anywhere, ends that come at any moment, and a clock.
//!
//! Checked of every state that can be reached:
//! 1. never more keys have a seat than there are seats, or than had one when the pool was made smaller;
//! 2. whoever is recorded and has not ended has its holding, and its key a seat that is no other key's;
//! 3. nobody is refused unless the pool was full at a moment since it asked, nor while its own key has a seat;
//! 4. where nothing moves any more every seat can be had.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use stateright::{Checker, HasDiscoveries, Model, Property};
use uuid::Uuid;

use super::{
    Holder,
    pool::{End, Held, Holding, Move, Pool, Seating, next},
};
use crate::domain::id::RequestId;

/// Ticks that a seat lingers for.
const LINGER: u8 = 1;

/// More takers than this are of the check of what is left over.
const EXTRA: u8 = 100;

/// A seating as it stands in the table, with its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Row {
    key: u8,
    seat: u32,
    rev: u8,
    taken_by: u8,
    joined_by: u8,
}

/// A request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Life {
    Unrecorded,
    Live,
    Ended(u8),
}

/// A taker between two calls to AWS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    /// Has not asked yet.
    Waits,
    /// About to read its key's seating.
    Begins,
    /// Has read it; about to see whether the pool was made smaller.
    HasOwn(Row),
    /// About to read all seatings.
    Reads,
    /// Has read them, and perhaps more.
    Sees(Vec<Row>, Option<BTreeSet<(u8, u8)>>, Option<BTreeSet<(u8, u8, u8)>>),
    Joins(Row),
    Takes(u32),
    Clears(Vec<Row>),
    Recorded,
    Refused,
    Dead,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Taker {
    key: u8,
    at: At,
    /// When it asked.
    now: u8,
    /// Whether the pool was full at a moment since, by the time at which it asked: a call knows no other.
    was_full: bool,
    /// Whether its key had a seat all the time.
    had_seat: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    now: u8,
    rows: BTreeSet<Row>,
    /// Key and request.
    holdings: BTreeSet<(u8, u8)>,
    /// When, key and request.
    ends: BTreeSet<(u8, u8, u8)>,
    /// Key and life of every request, the takers' first.
    requests: Vec<(u8, Life)>,
    takers: Vec<Taker>,
    crashes: u8,
    refused_wrongly: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Step { taker: usize, chance: u64 },
    Crash(usize),
    End(usize),
    Tick,
}

struct Config {
    seats: u32,
    /// Keys of the takers.
    takers: Vec<u8>,
    /// What was there before: keys, their seats, and their requests' lives.
    before: Vec<(u8, u32, Life)>,
    crashes: u8,
    ticks: u8,
}

fn at(tick: u8) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::from(tick))
}

fn id(request: u8) -> RequestId {
    RequestId::new(Uuid::from_u128(u128::from(request) + 1))
}

fn name(key: u8) -> String {
    format!("key {key}")
}

impl Row {
    fn seating(self) -> Seating {
        Seating {
            tenant: "acme".into(),
            waiver: name(self.key),
            seat: self.seat,
            holder: Holder::default(),
            since: at(0),
            taken_by: id(self.taken_by),
            joined_by: id(self.joined_by),
        }
    }
}

fn held(holdings: &BTreeSet<(u8, u8)>, ends: &BTreeSet<(u8, u8, u8)>) -> Held {
    let tenant = || "acme".to_owned();
    let holding = |(key, request): &(u8, u8)| Holding {
        tenant: tenant(),
        waiver: name(*key),
        request: id(*request),
        since: at(0),
    };
    let end = |(when, key, request): &(u8, u8, u8)| End {
        tenant: tenant(),
        waiver: name(*key),
        request: id(*request),
        at: at(*when),
    };
    Held { holdings: holdings.iter().map(holding).collect(), ends: ends.iter().map(end).collect() }
}

impl State {
    fn has_seat(&self, key: u8, now: u8) -> bool {
        let keeps = |life: Life| match life {
            Life::Unrecorded => false,
            Life::Live => true,
            Life::Ended(when) => when + LINGER > now,
        };
        self.requests.iter().any(|(of, life)| *of == key && keeps(*life))
    }

    fn in_use(&self, now: u8) -> usize {
        let keys: BTreeSet<u8> = self.requests.iter().map(|(key, _)| *key).collect();
        keys.into_iter().filter(|key| self.has_seat(*key, now)).count()
    }

    fn number(taker: usize) -> u8 {
        u8::try_from(taker).unwrap()
    }

    fn own(&self, key: u8) -> Option<Row> {
        self.rows.iter().find(|row| row.key == key).copied()
    }

    /// One call of a taker, which may decide by chance what comes next.
    fn step(&mut self, taker: usize, chance: u64, seats: u32) {
        let Taker { key, at, now, .. } = self.takers[taker].clone();
        let next_at = match at {
            At::Waits => {
                let had_seat = self.has_seat(key, self.now);
                self.takers[taker] = Taker { now: self.now, had_seat, ..self.takers[taker].clone() };
                At::Begins
            }
            At::Begins => self.own(key).map_or(At::Reads, At::HasOwn),
            At::HasOwn(row) if self.rows.iter().all(|row| row.seat < seats) => At::Joins(row),
            At::HasOwn(_) => At::Reads,
            At::Reads => decide(seats, (key, now), &self.rows.iter().copied().collect::<Vec<_>>(), None, chance),
            At::Sees(rows, None, _) => At::Sees(rows, Some(self.holdings.clone()), None),
            At::Sees(rows, Some(holdings), None) => At::Sees(rows, Some(holdings), Some(self.ends.clone())),
            At::Sees(rows, Some(holdings), Some(ends)) => {
                decide(seats, (key, now), &rows, Some(&held(&holdings, &ends)), chance)
            }
            At::Joins(row) => self.join(taker, row),
            At::Takes(seat) => self.take(taker, seat),
            At::Clears(rows) => self.clear(rows),
            ended @ (At::Recorded | At::Refused | At::Dead) => ended,
        };
        if next_at == At::Refused {
            let Taker { was_full, had_seat, .. } = self.takers[taker];
            self.refused_wrongly |= !was_full || had_seat;
        }
        self.takers[taker].at = next_at;
    }

    fn join(&mut self, taker: usize, read: Row) -> At {
        let there = self.own(read.key).filter(|there| there.taken_by == read.taken_by);
        let Some(there) = there else { return At::Begins };
        self.rows.remove(&there);
        self.rows.insert(Row { rev: there.rev + 1, joined_by: Self::number(taker), ..there });
        self.record(taker)
    }

    fn take(&mut self, taker: usize, seat: u32) -> At {
        let key = self.takers[taker].key;
        if self.rows.iter().any(|row| row.seat == seat || row.key == key) {
            return At::Begins;
        }
        let request = Self::number(taker);
        self.rows.insert(Row { key, seat, rev: 1, taken_by: request, joined_by: request });
        self.record(taker)
    }

    fn record(&mut self, taker: usize) -> At {
        self.holdings.insert((self.takers[taker].key, Self::number(taker)));
        self.requests[taker].1 = Life::Live;
        At::Recorded
    }

    /// That the row of the last request agrees is always so here, where a transaction is seen whole.
    fn clear(&mut self, mut rows: Vec<Row>) -> At {
        let row = rows.remove(0);
        if self.rows.contains(&row) && !self.holdings.contains(&(row.key, row.joined_by)) {
            self.rows.remove(&row);
        }
        if rows.is_empty() { At::Reads } else { At::Clears(rows) }
    }

    fn end(&mut self, request: usize) {
        let (key, life) = &mut self.requests[request];
        *life = Life::Ended(self.now);
        let number = Self::number(request);
        self.holdings.remove(&(*key, number));
        self.ends.insert((self.now, *key, number));
    }

    fn is_quiet(&self) -> bool {
        let settled = |taker: &Taker| matches!(taker.at, At::Recorded | At::Refused | At::Dead);
        self.takers.iter().all(settled) && self.in_use(self.now) == 0
    }

    /// Keys that were never there take every seat, one after the other.
    fn all_can_be_had(&self, seats: u32) -> bool {
        let mut state = self.clone();
        for extra in 0..u8::try_from(seats).unwrap() {
            let taker = state.takers.len();
            let key = EXTRA + extra;
            state.requests.insert(taker, (key, Life::Unrecorded));
            state.takers.push(Taker { key, at: At::Waits, now: 0, was_full: false, had_seat: false });
            for _ in 0..50 {
                state.step(taker, 0, seats);
            }
            if state.takers[taker].at != At::Recorded {
                return false;
            }
        }
        true
    }
}

fn decide(seats: u32, (key, now): (u8, u8), rows: &[Row], held: Option<&Held>, chance: u64) -> At {
    let seatings: Vec<Seating> = rows.iter().map(|row| row.seating()).collect();
    let pool = Pool { seats, linger: SignedDuration::from_secs(i64::from(LINGER)) };
    match next(pool, &name(key), &seatings, held, chance, at(now)) {
        Move::Join => At::Joins(*rows.iter().find(|row| row.key == key).unwrap()),
        Move::Take { seat } => At::Takes(seat),
        Move::Look => At::Sees(rows.to_vec(), None, None),
        Move::Clear(idle) => At::Clears(idle.into_iter().map(|index| rows[index]).collect()),
        Move::Refuse(_) => At::Refused,
    }
}

impl Model for Config {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let taker = |key: &u8| Taker { key: *key, at: At::Waits, now: 0, was_full: false, had_seat: false };
        let mut state = State {
            now: 0,
            rows: BTreeSet::new(),
            holdings: BTreeSet::new(),
            ends: BTreeSet::new(),
            requests: self.takers.iter().map(|key| (*key, Life::Unrecorded)).collect(),
            takers: self.takers.iter().map(taker).collect(),
            crashes: 0,
            refused_wrongly: false,
        };
        for (key, seat, life) in &self.before {
            let request = State::number(state.requests.len());
            state.requests.push((*key, *life));
            state.rows.insert(Row { key: *key, seat: *seat, rev: 1, taken_by: request, joined_by: request });
            match life {
                Life::Live => _ = state.holdings.insert((*key, request)),
                Life::Ended(when) => _ = state.ends.insert((*when, *key, request)),
                Life::Unrecorded => {}
            }
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (taker, at) in state.takers.iter().map(|taker| &taker.at).enumerate() {
            if matches!(at, At::Recorded | At::Refused | At::Dead) {
                continue;
            }
            actions.extend((0..2).map(|chance| Action::Step { taker, chance }));
            if *at != At::Waits && state.crashes < self.crashes {
                actions.push(Action::Crash(taker));
            }
        }
        let live = |request: &usize| state.requests[*request].1 == Life::Live;
        actions.extend((0..state.requests.len()).filter(live).map(Action::End));
        if state.now < self.ticks {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Step { taker, chance } => state.step(taker, chance, self.seats),
            Action::Crash(taker) => {
                state.crashes += 1;
                state.takers[taker].at = At::Dead;
            }
            Action::End(request) => state.end(request),
            Action::Tick => state.now += 1,
        }
        for taker in 0..state.takers.len() {
            let Taker { key, now, .. } = state.takers[taker];
            let (full, has_seat) = (state.in_use(now) >= self.seats as usize, state.has_seat(key, state.now));
            let taker = &mut state.takers[taker];
            if !matches!(taker.at, At::Waits | At::Recorded | At::Refused | At::Dead) {
                taker.was_full |= full;
                taker.had_seat &= has_seat;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no more seats are in use than there are", |config: &Self, state: &State| {
                let before = config.before.iter().filter(|(_, _, life)| *life == Life::Live).count();
                state.in_use(state.now) <= before.max(config.seats as usize)
            }),
            Property::always("whoever is recorded has a seat", |_: &Self, state: &State| {
                let seats: BTreeSet<u32> = state.rows.iter().map(|row| row.seat).collect();
                let keys: BTreeSet<u8> = state.rows.iter().map(|row| row.key).collect();
                let holds = |(request, (key, life)): (usize, &(u8, Life))| {
                    *life != Life::Live
                        || keys.contains(key) && state.holdings.contains(&(*key, State::number(request)))
                };
                let unique = seats.len() == state.rows.len() && keys.len() == state.rows.len();
                unique && state.requests.iter().enumerate().all(holds)
            }),
            Property::always("nobody is refused wrongly", |_: &Self, state: &State| !state.refused_wrongly),
            Property::always("no seat is lost", |config: &Self, state: &State| {
                !state.is_quiet() || state.all_can_be_had(config.seats)
            }),
            Property::sometimes("somebody is refused", |_: &Self, state: &State| {
                state.takers.iter().any(|taker| taker.at == At::Refused)
            }),
            Property::sometimes("all are recorded", |_: &Self, state: &State| {
                state.takers.iter().all(|taker| taker.at == At::Recorded)
            }),
            Property::sometimes("it is quiet", |_: &Self, state: &State| state.is_quiet()),
        ]
    }
}

fn check(config: Config) {
    let checker = config.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    eprintln!("{} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn one_seat_two_keys_and_a_crash() {
    check(Config { seats: 1, takers: vec![0, 1, 0], before: vec![], crashes: 1, ticks: 2 });
}

#[test]
fn two_seats_of_which_one_is_idle_and_one_lingers() {
    let before = vec![(0, 0, Life::Unrecorded), (1, 1, Life::Ended(0))];
    check(Config { seats: 2, takers: vec![0, 2, 3], before, crashes: 0, ticks: 1 });
}

#[test]
fn the_last_holder_ends_while_its_key_and_another_come() {
    check(Config { seats: 1, takers: vec![0, 1], before: vec![(0, 0, Life::Live)], crashes: 1, ticks: 2 });
}

#[test]
fn a_pool_that_was_made_smaller() {
    let before = vec![(0, 0, Life::Unrecorded), (1, 2, Life::Live), (2, 3, Life::Live)];
    check(Config { seats: 2, takers: vec![0, 3], before, crashes: 0, ticks: 2 });
}
