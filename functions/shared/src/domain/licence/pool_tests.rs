//! What a taker is told, and that no order of takers takes more than there is.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const LINGER: SignedDuration = SignedDuration::from_secs(60);

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn id(number: u128) -> RequestId {
    RequestId::new(Uuid::from_u128(number))
}

fn pool(seats: u32) -> Pool {
    Pool { seats, linger: LINGER }
}

fn seating(waiver: &str, seat: u32) -> Seating {
    Seating {
        tenant: "acme".into(),
        waiver: waiver.into(),
        seat,
        holder: Holder::default(),
        since: at(0),
        taken_by: id(1),
        joined_by: id(1),
    }
}

fn holding(waiver: &str, request: u128) -> Holding {
    Holding { tenant: "acme".into(), waiver: waiver.into(), request: id(request), since: at(0) }
}

fn end(waiver: &str, seconds: i64) -> End {
    End { tenant: "acme".into(), waiver: waiver.into(), request: id(9), at: at(seconds) }
}

#[test]
fn who_has_a_seat_joins_and_others_take_a_free_one() {
    let seatings = [seating("a", 1)];
    assert_eq!(next(pool(2), "a", &seatings, None, 0, at(0)), Move::Join);
    assert_eq!(next(pool(2), "b", &seatings, None, 7, at(0)), Move::Take { seat: 0 });
    assert_eq!(next(pool(1), "b", &seatings, None, 0, at(0)), Move::Look);
}

#[test]
fn a_refusal_tells_who_has_the_seats_and_when_one_is_free() {
    let seatings = [seating("a", 0), seating("b", 1)];
    let held = Held { holdings: vec![holding("a", 2), holding("a", 1)], ends: vec![end("b", 10), end("b", 30)] };
    let Move::Refuse(occupied) = next(pool(2), "c", &seatings, Some(&held), 0, at(89)) else { panic!("not refused") };
    assert_eq!((occupied.seats, occupied.in_use, occupied.frees_at), (2, 2, Some(at(90))));
    let standings: Vec<Standing> = occupied.holders.iter().map(|holder| holder.standing).collect();
    assert_eq!(standings, [Standing::Lingers { until: at(90) }, Standing::Held { requests: 2 }]);
    assert_eq!(occupied.holders[1].requests, [id(1), id(2)]);
    assert_eq!(next(pool(2), "c", &seatings, Some(&held), 0, at(90)), Move::Clear(vec![1]));
    let all_held = Held { holdings: vec![holding("a", 1), holding("b", 2)], ends: vec![] };
    let Move::Refuse(occupied) = next(pool(2), "c", &seatings, Some(&all_held), 0, at(0)) else {
        panic!("not refused")
    };
    assert_eq!(occupied.frees_at, None);
}

#[test]
fn in_a_pool_that_was_made_smaller_only_who_has_a_seat_keeps_it() {
    let seatings = [seating("a", 0), seating("b", 3), seating("c", 4)];
    let held = Held { holdings: vec![holding("b", 1), holding("c", 2)], ends: vec![] };
    let decided = |waiver: &str| next(pool(2), waiver, &seatings, Some(&held), 0, at(0));
    assert_eq!(decided("b"), Move::Join);
    assert_eq!(decided("a"), Move::Clear(vec![0]), "a seat in name only");
    assert_eq!(decided("d"), Move::Clear(vec![0]));
    let Move::Refuse(occupied) = next(pool(1), "d", &seatings[1..], Some(&held), 0, at(0)) else {
        panic!("not refused")
    };
    assert_eq!((occupied.seats, occupied.in_use), (1, 2));
    assert_eq!(usable(3, &seatings[1..]), [0], "two hold seats above the size, so one of three is left");
}

#[test]
fn a_request_that_says_otherwise_keeps_its_seat() {
    let mut held = Held::default();
    assert!(!held.correct(&seating("a", 0), Truth::Gone, pool(1), at(0)));
    assert!(!held.correct(&seating("a", 0), Truth::Ended(at(0)), pool(1), at(60)));
    assert_eq!(held, Held::default());
    assert!(held.correct(&seating("a", 0), Truth::Ended(at(0)), pool(1), at(59)));
    assert!(held.correct(&seating("b", 0), Truth::Live, pool(1), at(59)));
    assert_eq!((held.ends.len(), held.holdings.len()), (1, 1));
}

proptest! {
    /// Takers that decide by what they saw some time ago, and write only where there is no row yet.
    #[test]
    fn no_stale_look_takes_more_than_there_is(
        size in 1_u32..6,
        beyond in 0_u32..4,
        looks in proptest::collection::vec((any::<u64>(), 0_usize..4), 1..30),
    ) {
        let before: Vec<Seating> = (0..beyond).map(|n| seating(&format!("old {n}"), size + n)).collect();
        let mut history = vec![before];
        for (n, (chance, age)) in looks.into_iter().enumerate() {
            let seen = &history[history.len().saturating_sub(1 + age)];
            let now = history.last().unwrap().clone();
            let waiver = format!("key {n}");
            let Move::Take { seat } = next(pool(size), &waiver, seen, None, chance, at(0)) else { continue };
            if now.iter().all(|there| there.seat != seat) {
                let taken: Vec<Seating> = now.into_iter().chain([seating(&waiver, seat)]).collect();
                prop_assert!(taken.len() <= size as usize, "{taken:?}");
                history.push(taken);
            }
        }
    }
}
