use proptest::prelude::*;

use super::*;
use crate::domain::{
    id::{EventId, RequestId},
    message::EventKind,
    retry::{self, Schedule},
};

const LEASE: SignedDuration = SignedDuration::from_secs(50);

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn schedule() -> Schedule {
    Schedule::parse("0,5,300,7200").unwrap()
}

/// A new delivery of a file that is there until then.
pub fn pending(expires_at: Option<Timestamp>) -> Delivery {
    let target = Target::webhook("https://example.com/hook");
    let announcement = Announcement {
        id: EventId::generate(),
        kind: EventKind::ReportSucceeded,
        occurred_at: at(0),
        tenant: "acme".into(),
        request: RequestId::generate(),
        process: None,
        key: None,
        run: None,
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
        password_sealed: None,
        failure: None,
        deed: None,
        empty_notice: false,
        fanned_out: false,
        told_up_to: None,
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

/// All 75 hours of it, in no time: the machine is given its clock.
#[test]
fn the_default_schedule_is_kept_to_its_end() {
    let default = Schedule::parse("0,5,300,1800,7200,18000,36000,50400,72000,86400").unwrap();
    let apply = |delivery: &Delivery, event, now| delivery.apply(event, at(now), &default).unwrap();
    let (mut delivery, mut now, mut attempts) = (pending(None), 0, Vec::new());
    while delivery.status == Status::Pending {
        let wait = delivery.next_attempt_at.map_or(0, |next| next.as_second() - now);
        if wait > retry::MAX_QUEUE_DELAY.as_secs() {
            // Parked: the sweeper finds it two minutes ahead and hands it over with the rest of the wait.
            now += wait - 120;
            let (handed, effects) = apply(&delivery, Event::Sweep, now);
            assert_eq!(effects, [Effect::Enqueue { delay_seconds: 120 }]);
            delivery = handed;
        }
        now = delivery.next_attempt_at.map_or(now, Timestamp::as_second);
        attempts.push(now);
        let begun = apply(&delivery, begin("a"), now).0;
        delivery = apply(&begun, end("a", retryable(None)), now).0;
    }
    assert_eq!(attempts, [0, 5, 305, 2_105, 9_305, 27_305, 63_305, 113_705, 185_705, 272_105]);
    assert_eq!((delivery.status, delivery.attempts), (Status::Dead, 10));
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

    // What waits for its lane, or has a longer schedule of its own, has had no chance yet.
    let waiting = Delivery { waits_since: Some(at(0)), ..delivery.clone() };
    assert_eq!(waiting.apply(Event::DeadLetter, at(patience), &schedule()), Err(Refusal::NotDue));
    let later = Delivery { next_attempt_at: Some(at(7506)), ..delivery };
    assert_eq!(later.apply(Event::DeadLetter, at(patience), &schedule()), Err(Refusal::NotDue));
    assert_eq!(step(&later, Event::DeadLetter, patience + 1).0.status, Status::Dead);
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

fn redeliver() -> Event {
    Event::Redeliver { recovery: None }
}

/// A delivery that died at its first attempt, at 0 s.
fn dead(expires_at: Option<Timestamp>) -> Delivery {
    let begun = step(&pending(expires_at), begin("a"), 0).0;
    step(&begun, end("a", AttemptOutcome::Permanent { reason: "no".into() }), 0).0
}

#[test]
fn what_is_made_again_has_its_whole_schedule_and_goes_on_numbering() {
    let (again, effects) = step(&dead(None), redeliver(), 100);
    assert_eq!(effects, [Effect::Enqueue { delay_seconds: 0 }]);
    assert_eq!((again.status, again.generation, again.due_at), (Status::Pending, 1, Some(at(160))));
    assert_eq!((again.finished_at, again.next_attempt_at, again.reason.as_deref()), (None, Some(at(100)), Some("no")));
    let (mut delivery, mut now, mut numbers) = (again, 100, Vec::new());
    loop {
        let begun = step(&delivery, begin("a"), now).0;
        numbers.push((begun.attempts, begun.tries()));
        delivery = step(&begun, end("a", retryable(None)), now).0;
        let Some(next_attempt) = delivery.next_attempt_at else { break };
        now = next_attempt.as_second();
    }
    assert_eq!(numbers, [(2, 1), (3, 2), (4, 3), (5, 4)]);
    assert_eq!((delivery.status, delivery.generation), (Status::Dead, 1));
    assert_eq!(step(&delivery, redeliver(), now).0.generation, 2);
}

#[test]
fn only_what_has_ended_and_can_still_be_told_is_made_again() {
    let refusal = |delivery: &Delivery, seconds| delivery.apply(redeliver(), at(seconds), &schedule()).unwrap_err();
    assert_eq!(refusal(&pending(None), 0), Refusal::Unfinished);
    assert_eq!(refusal(&dead(Some(at(100))), 100), Refusal::FileGone);
    assert_eq!(refusal(&step(&pending(Some(at(0))), begin("a"), 0).0, 0), Refusal::FileGone);
    assert_eq!(refusal(&step(&pending(None), Event::CallOff, 0).0, 0), Refusal::EndpointGone);
    let begun = step(&pending(None), begin("a"), 0).0;
    let delivered = step(&begun, end("a", AttemptOutcome::Success), 0).0;
    assert_eq!(step(&delivered, redeliver(), 1).0.status, Status::Pending, "who asks for it gets it again");
}

#[test]
fn a_letter_counts_once_and_only_for_what_is_dead() {
    let redrive = |generation| Event::Redrive { generation };
    let refused = |delivery: &Delivery, generation| {
        assert_eq!(delivery.apply(redrive(generation), at(5), &schedule()), Err(Refusal::OldLetter));
    };
    let first = dead(None);
    refused(&first, 1);
    let again = step(&first, redrive(0), 5).0;
    refused(&again, 0);
    refused(&again, 1);
    let begun = step(&again, begin("b"), 5).0;
    let dead_again = step(&begun, end("b", AttemptOutcome::Permanent { reason: "no".into() }), 5).0;
    refused(&dead_again, 0);
    assert_eq!(step(&dead_again, redrive(1), 5).0.generation, 2);
    let delivered = step(&begun, end("b", AttemptOutcome::Success), 5).0;
    refused(&delivered, 0);
    refused(&delivered, 1);
}

#[test]
fn patience_begins_anew_with_each_generation() {
    let again = step(&dead(None), redeliver(), 1_000_000).0;
    assert_eq!(again.apply(Event::DeadLetter, at(1_000_001), &schedule()), Err(Refusal::NotDue));
    assert_eq!(step(&again, Event::DeadLetter, 1_000_000 + 7505 + 24 * 3600).0.status, Status::Dead);
}

fn any_event() -> impl Strategy<Value = Event> {
    let owner = prop_oneof![Just("a"), Just("b")];
    (owner, 0..10_u8, 0_i64..5_000).prop_map(|(owner, kind, after)| match kind {
        0 | 1 => begin(owner),
        2 => end(owner, AttemptOutcome::Success),
        3 => end(owner, retryable(Some(after))),
        4 => end(owner, AttemptOutcome::Permanent { reason: "x".into() }),
        5 => Event::Sweep,
        6 => Event::DeadLetter,
        7 => redeliver(),
        8 => Event::Redrive { generation: u32::try_from(after % 4).unwrap() },
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
            // What somebody asks for; a letter revives only what is dead, in its own generation.
            let revives = match event {
                Event::Redeliver { .. } => delivery.status != Status::Pending,
                Event::Redrive { generation } => delivery.status == Status::Dead && generation == delivery.generation,
                _ => false,
            };
            let was_live = delivery.lease_is_live(at(now));
            let Ok((next, effects)) = delivery.apply(event, at(now), &schedule) else { continue };
            if begins {
                prop_assert!(!was_live);
            }
            if revives {
                prop_assert_eq!((next.status, next.generation), (Status::Pending, delivery.generation + 1));
                prop_assert_eq!((next.attempts, next.tries()), (delivery.attempts, 0));
            } else {
                prop_assert_eq!(next.generation, delivery.generation);
            }
            if delivery.status != Status::Pending && !revives {
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
            prop_assert!(next.tries() <= schedule.attempts() && next.attempts >= delivery.attempts);
            delivery = next;
        }
    }
}
