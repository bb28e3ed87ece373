use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn pair() -> Counted {
    Counted::Pair { identity: "i".to_owned(), source: "s".to_owned() }
}

fn source() -> Counted {
    Counted::Source { source: "s".to_owned() }
}

/// After so many tries at once.
fn after(of: Counted, tries: u32) -> Tries {
    (0..tries).fold(Tries::none(of, at(0)), |tries, _| tries.tried(at(0)).unwrap())
}

#[test]
fn waits_begin_after_the_free_tries_and_double() {
    let mut tries = after(pair(), 5);
    let mut now = at(0);
    for wait in [30, 60, 120, 240, 480, 900, 900, 900] {
        let until = now + SignedDuration::from_secs(wait);
        assert_eq!(tries.tried(until - SignedDuration::from_millis(1)), Err(Locked(until)), "{wait}");
        tries = tries.tried(until).unwrap();
        now = until;
    }
}

#[test]
fn a_day_without_a_try_is_a_fresh_start() {
    let tries = Tries { count: 1000, ..after(pair(), 1) };
    assert!(tries.tried(at(899)).is_err());
    assert_eq!(tries.tried(at(86_400)).unwrap().count, 1);
    assert_eq!(tries.ends_at(), at(86_400));
}

#[test]
fn success_clears_the_pair_and_gives_others_one_back() {
    let done = after(pair(), 5).succeeded(at(1));
    assert_eq!((done.count, done.is_known(at(1))), (0, true));
    assert_eq!(done.ends_at(), at(1) + KNOWN);
    assert!(!done.is_known(at(1) + KNOWN));
    let known = (0..20).try_fold(done, |tries, _| tries.tried(at(2))).unwrap();
    assert_eq!(known.tried(at(2)), Err(Locked(at(32))), "20 are free where it is known");
    let other = after(source(), 50).succeeded(at(1));
    assert_eq!((other.count, other.is_known(at(1))), (49, false));
    assert!(after(source(), 0).succeeded(at(1)).count == 0);
}

#[test]
fn a_clock_that_is_behind_keeps_nobody_waiting() {
    let behind = after(pair(), 1).tried(at(-5)).unwrap();
    assert_eq!((behind.count, behind.last_at), (2, at(0)));
}

#[test]
fn waits_are_told_in_whole_seconds() {
    let locked = Locked(at(30));
    assert_eq!((locked.seconds(at(0)), locked.seconds(at(30)), locked.seconds(at(99))), (30, 1, 1));
    assert_eq!(locked.seconds(at(0) + SignedDuration::from_millis(1)), 30);
}

#[test]
fn a_caller_has_a_whole_ipv6_network() {
    let same = |one: &str, other: &str| source_digest(Some(one)) == source_digest(Some(other));
    assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9") && !same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert!(same("::ffff:192.0.2.1", "192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
    assert_eq!(source_digest(None), source_digest(Some("nonsense")));
}

proptest! {
    /// However the guesses come: in any time no more are looked at than the free ones and what the waits let through.
    #[test]
    fn guesses_are_bounded(gaps in prop::collection::vec(0_i64..2000, 1..200)) {
        let (mut tries, mut now, mut looked_at) = (Tries::none(pair(), at(0)), 0, 0_i64);
        for gap in gaps {
            now += gap;
            if let Ok(next) = tries.tried(at(now)) {
                looked_at += 1;
                tries = next;
            }
        }
        prop_assert!(looked_at <= 5 + 6 + now / 900, "{looked_at} within {now} s");
    }

    /// Nobody is locked out for ever: the wait is over within 15 minutes of the latest try.
    #[test]
    fn every_wait_ends(count in 0_u32..=u32::MAX, since in 0_i64..100_000) {
        let tries = Tries { count, ..Tries::none(pair(), at(0)) };
        match tries.tried(at(since)) {
            Ok(next) => prop_assert!(next.count >= 1),
            Err(Locked(until)) => prop_assert!(until > at(since) && until <= at(900) && tries.tried(until).is_ok()),
        }
    }
}
