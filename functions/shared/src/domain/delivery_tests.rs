use proptest::prelude::*;

use super::*;
use crate::domain::{
    id::{EventId, RequestId},
    message::EventKind,
};

const LEASE: SignedDuration = SignedDuration::from_secs(50);

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn schedule() -> Schedule {
    Schedule::parse("0,5,300,7200").unwrap()
}

fn pending(expires_at: Option<Timestamp>) -> Delivery {
    let target = Target::Webhook { url: "https://example.com/hook".into() };
    let announcement = Announcement {
        id: EventId::generate(),
        kind: EventKind::ReportSucceeded,
        occurred_at: at(0),
        tenant: "acme".into(),
        request: RequestId::generate(),
        report: "r".into(),
        report_version: 1,
        presenter_id: uuid::Uuid::nil(),
        requested_at: at(0),
        target: Some(target.clone()),
        file: None,
        checks: vec![],
        expires_at,
        link: crate::domain::link::LinkPolicy::default(),
        link_sealed: None,
        failure: None,
        deed: None,
        fanned_out: false,
        due_at: None,
        handoffs: 0,
    };
    Delivery::new(announcement, target, at(0), &schedule())
}

fn begin(owner: &str) -> Event {
    Event::Begin { owner: owner.into(), lease: LEASE }
}

fn end(owner: &str, outcome: AttemptOutcome) -> Event {
    Event::End { owner: owner.into(), outcome, jitter: 0.0 }
}

fn retryable(retry_after: Option<i64>) -> AttemptOutcome {
    AttemptOutcome::Retryable { reason: "503".into(), retry_after: retry_after.map(SignedDuration::from_secs) }
}

fn step(delivery: &Delivery, event: Event, seconds: i64) -> Step {
    delivery.apply(event, at(seconds), &schedule()).unwrap()
}

#[test]
fn a_confirmed_delivery_is_over() {
    let (begun, _) = step(&pending(None), begin("a"), 0);
    assert_eq!((begun.attempts, begun.due_at), (1, Some(at(50))));
    let (done, effects) = step(&begun, end("a", AttemptOutcome::Success), 1);
    assert_eq!((done.status, done.due_at, effects), (Status::Delivered, None, vec![]));
    assert_eq!(done.apply(begin("b"), at(2), &schedule()), Err(Refusal::Finished));
}

#[test]
fn short_waits_go_to_the_queue_and_long_ones_are_parked() {
    let (mut delivery, mut now) = (pending(None), 0);
    let mut seen = Vec::new();
    loop {
        let (begun, _) = step(&delivery, begin("a"), now);
        let (next, effects) = step(&begun, end("a", retryable(None)), now);
        seen.push((effects, next.due_at.map(|due| due.as_second() - now)));
        delivery = next;
        let Some(next_attempt) = delivery.next_attempt_at else { break };
        now = next_attempt.as_second();
    }
    assert_eq!(
        seen,
        [
            (vec![Effect::Enqueue { delay_seconds: 5 }], Some(65)),
            (vec![Effect::Enqueue { delay_seconds: 300 }], Some(360)),
            (vec![], Some(7200)),
            (vec![Effect::KeepDeadLetter], Some(60)),
        ]
    );
    assert_eq!((delivery.status, delivery.attempts), (Status::Dead, 4));
    let (kept, _) = step(&delivery, Event::DeadLetterKept, now + 1);
    assert_eq!((kept.due_at, kept.status), (None, Status::Dead));
}

#[test]
fn the_sweeper_hands_a_parked_delivery_over_with_its_exact_delay() {
    let mut delivery = pending(None);
    for now in [0, 5, 305] {
        delivery = step(&step(&delivery, begin("a"), now).0, end("a", retryable(None)), now).0;
    }
    assert_eq!(delivery.next_attempt_at, Some(at(7505)));
    let (handed, effects) = step(&delivery, Event::Sweep, 7400);
    assert_eq!(effects, [Effect::Enqueue { delay_seconds: 105 }]);
    // It is on its way: the next sweep leaves it alone.
    assert_eq!(handed.apply(Event::Sweep, at(7460), &schedule()), Err(Refusal::NotDue));
    assert_eq!(step(&handed, Event::Sweep, 7565).1, [Effect::Enqueue { delay_seconds: 0 }]);
}

#[test]
fn retry_after_is_a_floor() {
    let begun = step(&pending(None), begin("a"), 0).0;
    let (waiting, effects) = step(&begun, end("a", retryable(Some(120))), 0);
    assert_eq!((waiting.next_attempt_at, effects), (Some(at(120)), vec![Effect::Enqueue { delay_seconds: 120 }]));
    assert_eq!(waiting.apply(begin("b"), at(100), &schedule()), Err(Refusal::NotDue));
}

#[test]
fn a_dispatcher_that_dies_repeats_an_attempt_at_most() {
    let begun = step(&pending(None), begin("a"), 0).0;
    assert_eq!(begun.apply(begin("b"), at(49), &schedule()), Err(Refusal::LeaseHeld));
    assert_eq!(step(&begun, Event::Sweep, 50).1, [Effect::Enqueue { delay_seconds: 0 }]);
    let again = step(&begun, begin("b"), 50).0;
    assert_eq!(again.attempts, 2);
    assert_eq!(again.apply(end("a", AttemptOutcome::Success), at(51), &schedule()), Err(Refusal::LeaseLost));
}

#[test]
fn a_backlog_is_not_multiplied() {
    let mut delivery = pending(None);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let due = delivery.due_at.unwrap().as_second();
        delivery = step(&delivery, Event::Sweep, due).0;
        waits.push(delivery.due_at.unwrap().as_second() - due);
    }
    assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
    let due = delivery.due_at.unwrap().as_second();
    assert_eq!(step(&delivery, begin("a"), due).0.handoffs, 0);
}

#[test]
fn a_dead_letter_ends_only_what_time_has_not_mended() {
    let delivery = pending(None);
    // The schedule (0 + 5 + 300 + 7200 s) and a day.
    let patience = 7505 + 24 * 3600;
    assert_eq!(delivery.apply(Event::DeadLetter, at(patience - 1), &schedule()), Err(Refusal::NotDue));
    let (dead, effects) = step(&delivery, Event::DeadLetter, patience);
    assert_eq!((dead.status, effects), (Status::Dead, vec![Effect::KeepDeadLetter]));
}

#[test]
fn a_refusal_by_the_guard_is_the_end() {
    let begun = step(&pending(None), begin("a"), 0).0;
    let (dead, effects) = step(&begun, end("a", AttemptOutcome::Permanent { reason: "no".into() }), 0);
    assert_eq!((dead.status, effects), (Status::Dead, vec![Effect::KeepDeadLetter]));
}

#[test]
fn a_file_that_is_gone_is_not_announced() {
    let (expired, effects) = step(&pending(Some(at(100))), begin("a"), 100);
    assert_eq!((expired.status, expired.attempts, effects), (Status::Expired, 0, vec![]));
}

fn any_event() -> impl Strategy<Value = Event> {
    let owner = prop_oneof![Just("a"), Just("b")];
    (owner, 0..8_u8, 0_i64..5_000).prop_map(|(owner, kind, after)| match kind {
        0 | 1 => begin(owner),
        2 => end(owner, AttemptOutcome::Success),
        3 => end(owner, retryable(Some(after))),
        4 => end(owner, AttemptOutcome::Permanent { reason: "x".into() }),
        5 => Event::Sweep,
        6 => Event::DeadLetter,
        _ => Event::DeadLetterKept,
    })
}

proptest! {
    #[test]
    fn whatever_comes_nothing_is_lost_and_an_end_is_the_end(
        events in prop::collection::vec((any_event(), 0_i64..4_000), 1..60)
    ) {
        let schedule = schedule();
        let mut delivery = pending(None);
        let mut now = 0;
        for (event, later) in events {
            now += later;
            let begins = matches!(event, Event::Begin { .. });
            let was_live = delivery.lease_is_live(at(now));
            let Ok((next, effects)) = delivery.apply(event, at(now), &schedule) else { continue };
            if begins {
                prop_assert!(!was_live);
            }
            if delivery.status != Status::Pending {
                prop_assert_eq!(next.status, delivery.status);
                let enqueued = effects.iter().any(|effect| matches!(effect, Effect::Enqueue { .. }));
                prop_assert!(!enqueued);
            }
            // What is not over is due, and a dead letter stays due until it is kept.
            if next.status == Status::Pending {
                prop_assert!(next.due_at.is_some() && next.next_attempt_at.is_some());
            } else {
                prop_assert!(next.lease.is_none());
                prop_assert!(next.status == Status::Dead || next.due_at.is_none());
            }
            prop_assert!(next.attempts <= schedule.attempts());
            delivery = next;
        }
    }
}
