use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn fresh() -> Health {
    Health::new("acme", "lane", at(0))
}

const FAILED: Event = Event::Failed { retry_at: None };

fn after(health: &Health, events: &[Event], concurrency: u32, seconds: i64) -> Health {
    events.iter().fold(health.clone(), |health, event| health.apply(*event, concurrency, at(seconds)).0)
}

#[test]
fn a_receiver_that_is_well_leaves_no_trace() {
    assert_eq!(after(&fresh(), &[Event::Succeeded; 50], 10, 7), fresh());
    // And so does one that has been well for two windows.
    let mut health = after(&fresh(), &[FAILED, Event::Succeeded], 10, 7);
    assert!(health.error_rate() > 0.4);
    health = after(&health, &[Event::Succeeded; 40], 10, 8);
    assert_eq!(Health { changed_at: at(0), ..health }, fresh());
}

#[test]
fn a_bad_window_halves_and_a_good_one_adds_one() {
    let mixed = [FAILED, Event::Succeeded].repeat(10);
    let mut health = after(&fresh(), &mixed, 8, 0);
    let mut limits = vec![health.limit(8, at(0))];
    for _ in 0..3 {
        health = after(&health, &mixed, 8, 0);
        limits.push(health.limit(8, at(0)));
    }
    assert_eq!(limits, [4, 2, 1, 1]);
    for expected in [2, 3, 4, 5, 6, 7, 8, 8] {
        health = after(&health, &[Event::Succeeded; 20], 8, 0);
        assert_eq!(health.limit(8, at(0)), expected);
    }
    assert_eq!(health.limit, None);
    assert_eq!(after(&fresh(), &mixed, 8, 0).limit(2, at(0)), 2, "its owner's word is above it");
}

#[test]
fn the_circuit_opens_for_ever_longer_and_closes_with_a_success() {
    let mut health = after(&fresh(), &[FAILED; 9], 100, 0);
    assert_eq!(health.circuit(at(0)), Circuit::Closed);
    let (mut now, mut waits) = (0, Vec::new());
    for _ in 0..8 {
        health = after(&health, &[FAILED], 100, now);
        let Circuit::Open { until } = health.circuit(at(now)) else { panic!("{health:?}") };
        assert_eq!((health.limit(100, at(now)), health.due_at), (0, Some(until)));
        // What was under way fails too: nothing new.
        assert_eq!(after(&health, &[FAILED], 100, now).circuit(at(now)), Circuit::Open { until });
        waits.push(until.as_second() - now);
        now = until.as_second();
        assert_eq!((health.circuit(at(now)), health.limit(100, at(now))), (Circuit::HalfOpen, 1));
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    let closed = after(&health, &[Event::Succeeded], 100, now);
    assert_eq!((closed.circuit(at(now)), closed.due_at, closed.failures_in_row), (Circuit::Closed, None, 0));
    assert!(closed.limit(100, at(now)) >= 1);
}

#[test]
fn five_days_without_a_success_disable() {
    let days = 5 * 86_400;
    let failing = after(&fresh(), &[FAILED; 9], 10, 0);
    let (next, effects) = failing.apply(FAILED, 10, at(days));
    assert_eq!(effects, [Effect::Disable { since: at(0) }]);
    assert_eq!(next, Health::new("acme", "lane", at(days)), "it begins anew");
    assert_eq!(failing.apply(FAILED, 10, at(days - 1)).1, []);
    // A single failure long ago, and one today, are no five days of failing.
    assert_eq!(after(&fresh(), &[FAILED], 10, 0).apply(FAILED, 10, at(days)).1, []);
    let mended = after(&failing, &[Event::Succeeded, FAILED], 10, 60);
    assert_eq!(after(&mended, &[FAILED; 9], 10, days - 1).failing_since, Some(at(60)));
}

#[test]
fn the_next_retry_is_the_earliest_that_is_to_come() {
    let failed = |retry| Event::Failed { retry_at: Some(at(retry)) };
    let health = after(&fresh(), &[failed(100), failed(50), failed(70)], 10, 0);
    assert_eq!(health.next_retry_at, Some(at(50)));
    assert_eq!(after(&health, &[failed(90)], 10, 60).next_retry_at, Some(at(90)));
}

proptest! {
    #[test]
    fn limits_and_times_keep_their_bounds(
        events in prop::collection::vec((0..4_u8, 0_i64..2_000), 1..300), concurrency in 1_u32..=500
    ) {
        let (mut health, mut now) = (fresh(), 0);
        for (kind, later) in events {
            now += later;
            let event = match kind {
                0 => Event::Succeeded,
                3 => Event::Roused,
                _ => Event::Failed { retry_at: Some(at(now + 5)) },
            };
            health = health.apply(event, concurrency, at(now)).0;
            let limit = health.limit(concurrency, at(now));
            prop_assert!(limit <= concurrency);
            match health.circuit(at(now)) {
                Circuit::Open { until } => {
                    prop_assert_eq!(limit, 0);
                    prop_assert!(until <= at(now) + LONGEST_OPEN);
                }
                Circuit::HalfOpen => prop_assert_eq!(limit, 1),
                Circuit::Closed => prop_assert!(limit >= 1),
            }
            if event == Event::Succeeded {
                prop_assert_eq!(health.circuit(at(now)), Circuit::Closed);
            }
            prop_assert!((0.0..=1.0).contains(&health.error_rate()));
        }
    }
}
