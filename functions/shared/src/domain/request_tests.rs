use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::outcome::Timings;

const RULES: Rules = Rules { lease: SignedDuration::from_secs(90), max_attempts: 3 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// As recorded at the start of time.
pub fn queued() -> Request {
    let asked = Asked {
        id: RequestId::generate(),
        tenant: "acme".into(),
        requested_by: "issuer subject".into(),
        report: "r".into(),
        report_version: 1,
        parameters: serde_json::json!({}),
        resolved: BTreeMap::new(),
        format: Format::Csv,
        packaging: Packaging::Plain,
        delivery: None,
        retention_hours: 1,
    };
    Request::recorded(asked, at(0))
}

fn file(attempt: u32) -> ReportFile {
    ReportFile {
        key: format!("acme/req/{attempt}/r.csv"),
        name: "r.csv".into(),
        rows: 1,
        plaintext_bytes: 1,
        plaintext_sha256: String::new(),
        object_bytes: 1,
        object_sha256: String::new(),
        timings: Timings::default(),
    }
}

fn claim(owner: &str) -> Event {
    Event::Claim { owner: owner.into() }
}

fn succeed(owner: &str) -> Event {
    Event::Succeed { owner: owner.into(), file: file(1), link_sealed: "s".into() }
}

fn fail(owner: &str, transient: bool) -> Event {
    Event::Fail { owner: owner.into(), failure: Failure::new(FailureCode::SourceError, "x"), transient }
}

fn step(request: &Request, event: Event, seconds: i64) -> Request {
    request.apply(event, at(seconds), &RULES).unwrap().0
}

#[test]
fn the_sweeper_looks_whether_a_new_requests_message_arrived() {
    let request = queued();
    assert_eq!((request.status, request.attempt, request.created_at), (Status::Queued, 0, at(0)));
    assert_eq!(request.due_at, Some(at(0) + HANDOFF_GRACE));
}

#[test]
fn a_run_that_goes_well() {
    let running = step(&queued(), claim("a"), 5);
    assert_eq!((running.status, running.attempt, running.due_at), (Status::Running, 1, Some(at(95))));
    let (done, effects) = running.apply(succeed("a"), at(50), &RULES).unwrap();
    assert_eq!(effects, [Effect::Announce(EventKind::ReportSucceeded)]);
    assert_eq!((done.status, done.expires_at, done.due_at), (Status::Succeeded, Some(at(3650)), Some(at(3650))));
    assert_eq!(done.apply(Event::Sweep, at(3649), &RULES), Err(Refusal::NotDue));
    let (_, effects) = done.apply(Event::Sweep, at(3650), &RULES).unwrap();
    assert_eq!(effects, [Effect::DeleteFile("acme/req/1/r.csv".into())]);
    let expired = step(&done, Event::FileDeleted, 3651);
    assert_eq!((expired.status, expired.due_at, expired.link_sealed), (Status::Expired, None, None));
}

#[test]
fn a_second_copy_of_the_message_finds_the_lease() {
    let running = step(&queued(), claim("a"), 0);
    assert_eq!(running.apply(claim("b"), at(89), &RULES), Err(Refusal::LeaseHeld));
    assert_eq!(running.apply(succeed("b"), at(1), &RULES), Err(Refusal::LeaseLost));
}

#[test]
fn a_loser_cannot_overwrite_a_winner() {
    let lost = step(&queued(), claim("a"), 0);
    let taken = step(&lost, claim("b"), 90);
    assert_eq!(taken.attempt, 2);
    for event in [succeed("a"), fail("a", false), Event::Renew { owner: "a".into() }] {
        assert_eq!(taken.apply(event, at(91), &RULES), Err(Refusal::LeaseLost));
    }
    let won = step(&taken, succeed("b"), 92);
    assert_eq!(won.apply(succeed("a"), at(93), &RULES), Err(Refusal::LeaseLost));
}

#[test]
fn renewal_keeps_others_out() {
    let running = step(&queued(), claim("a"), 0);
    let renewed = step(&running, Event::Renew { owner: "a".into() }, 60);
    assert_eq!(renewed.apply(claim("b"), at(149), &RULES), Err(Refusal::LeaseHeld));
    assert_eq!(step(&renewed, claim("b"), 150).attempt, 2);
}

#[test]
fn a_transient_failure_is_tried_again_until_attempts_are_used_up() {
    let mut request = queued();
    for attempt in 1..=3 {
        request = step(&request, claim("a"), 100 * attempt);
        let (next, effects) = request.apply(fail("a", true), at(100 * attempt + 1), &RULES).unwrap();
        request = next;
        if attempt < 3 {
            assert!(matches!(effects.as_slice(), [Effect::Enqueue { .. }]));
            assert_eq!(request.status, Status::Queued);
            assert!(request.due_at > request.retry_at);
        } else {
            assert_eq!(effects, [Effect::Announce(EventKind::ReportFailed)]);
        }
    }
    assert_eq!((request.status, request.due_at), (Status::Failed, None));
}

#[test]
fn a_copy_of_the_message_does_not_cut_the_backoff_short() {
    let failed = step(&step(&queued(), claim("a"), 0), fail("a", true), 1);
    assert_eq!(failed.retry_at, Some(at(16)));
    assert_eq!(failed.apply(claim("b"), at(14), &RULES), Err(Refusal::NotDue));
    assert_eq!(step(&failed, claim("b"), 15).attempt, 2);
}

#[test]
fn workers_that_only_die_end_it_too() {
    let mut request = queued();
    for attempt in 0..3 {
        request = step(&request, claim("a"), 100 * attempt);
    }
    let (ended, effects) = request.apply(claim("a"), at(400), &RULES).unwrap();
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(ended.failure.unwrap().code, FailureCode::Internal);
    assert_eq!(effects, [Effect::Announce(EventKind::ReportFailed)]);
}

#[test]
fn the_sweeper_repairs_lost_hand_offs_and_lost_leases() {
    let request = queued();
    assert_eq!(request.apply(Event::Sweep, at(59), &RULES), Err(Refusal::NotDue));
    let (again, effects) = request.apply(Event::Sweep, at(60), &RULES).unwrap();
    assert_eq!(effects, [Effect::Enqueue { delay_seconds: 0 }]);
    assert_eq!(again.due_at, Some(at(180)));
    let running = step(&again, claim("a"), 61);
    assert_eq!(running.apply(Event::Sweep, at(150), &RULES), Err(Refusal::NotDue));
    let (_, effects) = running.apply(Event::Sweep, at(151), &RULES).unwrap();
    assert_eq!(effects, [Effect::Enqueue { delay_seconds: 0 }]);
}

#[test]
fn a_dead_letter_ends_what_nobody_works_on() {
    let running = step(&queued(), claim("a"), 0);
    assert_eq!(running.apply(Event::DeadLetter, at(10), &RULES), Err(Refusal::LeaseHeld));
    let ended = step(&running, Event::DeadLetter, 90);
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(ended.apply(Event::DeadLetter, at(91), &RULES), Err(Refusal::Finished));
}

fn any_event() -> impl Strategy<Value = Event> {
    let owner = prop_oneof![Just("a"), Just("b"), Just("c")];
    (owner, 0..8_u8, any::<bool>()).prop_map(|(owner, kind, transient)| match kind {
        0 | 1 => claim(owner),
        2 => Event::Renew { owner: owner.into() },
        3 => succeed(owner),
        4 => fail(owner, transient),
        5 => Event::Sweep,
        6 => Event::DeadLetter,
        _ => Event::FileDeleted,
    })
}

proptest! {
    /// Any events in any order, however late or often.
    #[test]
    fn whatever_comes_the_request_ends_once_and_is_never_forgotten(
        events in prop::collection::vec((any_event(), 0_i64..200), 1..60)
    ) {
        let mut request = queued();
        let mut now = 0;
        let mut announced = 0;
        let mut attempts = BTreeSet::new();
        for (event, later) in events {
            now += later;
            let claims = matches!(event, Event::Claim { .. });
            let was_live = request.lease_is_live(at(now));
            let Ok((next, effects)) = request.apply(event, at(now), &RULES) else { continue };
            announced += effects.iter().filter(|effect| matches!(effect, Effect::Announce(_))).count();
            // Nobody takes a request that somebody is at work on, and every attempt has its own number.
            if claims {
                prop_assert!(!was_live);
                if next.status == Status::Running {
                    prop_assert!(attempts.insert(next.attempt));
                }
            }
            // An end stays the end.
            if request.status.is_final() {
                prop_assert!(next.status == request.status || next.status == Status::Expired);
            }
            // What is not over is due; what is over and has no file left is not.
            match next.status {
                Status::Queued | Status::Running | Status::Succeeded => prop_assert!(next.due_at.is_some()),
                Status::Failed | Status::Expired => prop_assert!(next.due_at.is_none()),
            }
            prop_assert_eq!(next.lease.is_some(), next.status == Status::Running);
            prop_assert_eq!(next.status == Status::Failed, next.failure.is_some() && next.status.is_final());
            request = next;
        }
        prop_assert!(request.attempt <= RULES.max_attempts);
        prop_assert_eq!(announced, usize::from(request.status.is_final()));
    }
}
