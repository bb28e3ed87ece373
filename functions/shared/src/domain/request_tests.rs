use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::{check::CheckKind, failure::FailureCode, message::EventKind, outcome::Timings};

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
        reckoned: serde_json::Map::new(),
        filter: None,
        format: Format::Csv,
        packaging: Packaging::Plain,
        wrapping: Wrapping::default(),
        style: Style::default(),
        delivery: None,
        when_empty: WhenEmpty::default(),
        presenter_id: Uuid::nil(),
        repeats: None,
        retention_hours: 1,
        link: LinkPolicy::default(),
        interface: Interface::Waybill,
        keeps: None,
        answer_by: None,
        occasion: None,
    };
    Request::recorded(asked, at(0))
}

pub fn file(attempt: u32) -> ReportFile {
    ReportFile {
        key: format!("acme/req/{attempt}/r.csv"),
        name: "r.csv".into(),
        rows: 1,
        plaintext_bytes: 1,
        plaintext_sha256: String::new(),
        object_bytes: 1,
        object_sha256: String::new(),
        parts: 1,
        manifest_sha256: None,
        timings: Timings::default(),
    }
}

fn claim(owner: &str) -> Event {
    Event::Claim { owner: owner.into() }
}

fn succeed(owner: &str) -> Event {
    Event::Succeed {
        owner: owner.into(),
        file: Box::new(file(1)),
        checks: vec![],
        sealed: Sealed { link: Some("s".into()), password: Some("p".into()) },
    }
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

/// A message is a wake-up for its tenant: it may have died five times of others' runs.
#[test]
fn a_dead_letter_does_not_end_what_only_waits_for_its_turn() {
    let parked = step(&queued(), Event::Park, 1);
    assert_eq!(parked.apply(Event::DeadLetter, at(5000), &RULES), Err(Refusal::NotDue));
    assert!(matches!(&parked.apply(Event::Sweep, at(5000), &RULES).unwrap().1[..], [Effect::Enqueue { .. }]));
}

/// Somebody waits for it for 15 seconds.
fn waited_for() -> Request {
    Request { answer_by: Some(at(15)), due_at: Some(at(15)), ..queued() }
}

#[test]
fn what_somebody_waits_for_begins_in_time_or_never() {
    let request = waited_for();
    assert_eq!(step(&request, claim("a"), 14).status, Status::Running);
    for seconds in [15, 16, 5000] {
        assert_eq!(request.apply(claim("a"), at(seconds), &RULES), Err(Refusal::TooLate));
    }
    let parked = step(&request, Event::Park, 3);
    assert_eq!((parked.waiting, parked.due_at), (true, Some(at(15))));
    assert_eq!(step(&parked, claim("a"), 14).status, Status::Running, "a slot was freed in time");
    assert_eq!(parked.apply(claim("a"), at(15), &RULES), Err(Refusal::TooLate));
    // A short lease that was lost in time may be taken over in time.
    let quick = Rules { lease: SignedDuration::from_secs(5), ..RULES };
    let running = step(&request, claim("a"), 1);
    let lost = Request { lease: Some(Lease { owner: "a".into(), until: at(6) }), ..running };
    assert!(lost.apply(claim("b"), at(14), &quick).is_ok());
    assert_eq!(lost.apply(claim("b"), at(15), &quick), Err(Refusal::TooLate));
}

#[test]
fn no_failure_is_tried_again_behind_the_back_of_who_waits() {
    let running = step(&waited_for(), claim("a"), 1);
    let (failed, effects) = running.apply(fail("a", true), at(2), &RULES).unwrap();
    assert_eq!((failed.status, failed.due_at, failed.attempt), (Status::Failed, None, 1));
    assert_eq!(effects, [Effect::Announce(EventKind::ReportFailed)]);
}

#[test]
fn the_sweeper_ends_what_nobody_waits_for_any_more_and_queues_none_of_it() {
    let (request, parked) = (waited_for(), step(&waited_for(), Event::Park, 3));
    for request in [request, parked] {
        assert_eq!(request.due_at, Some(at(15)));
        assert_eq!(request.apply(Event::Sweep, at(14), &RULES), Err(Refusal::NotDue));
        let (ended, effects) = request.apply(Event::Sweep, at(15), &RULES).unwrap();
        assert_eq!(effects, [Effect::Announce(EventKind::ReportCancelled)]);
        assert_eq!((ended.status, ended.waiting, ended.due_at), (Status::Cancelled, false, None));
        assert_eq!(ended.cancellation, Some(Deed { at: at(15), by: BY_SERVICE.into() }));
    }
    // Its worker may be at the end of it.
    let running = step(&waited_for(), claim("a"), 1);
    assert_eq!(running.apply(Event::Sweep, at(90), &RULES), Err(Refusal::NotDue));
    let ended = step(&running, Event::Sweep, 91);
    assert_eq!(ended.status, Status::Cancelled);
    // And may have left an object that no row names.
    assert_eq!(ended.due_at, Some(at(91) + HANDOFF_GRACE));
    assert_eq!(ended.apply(Event::Sweep, at(151), &RULES).unwrap().1, [Effect::DeleteFile(ended.object_key(1))]);
}

#[test]
fn the_file_of_an_answer_that_was_lost_goes_soon() {
    let running = step(&waited_for(), claim("a"), 1);
    for (ended, life) in [(10, 75), (20, 80)] {
        let done = step(&running, succeed("a"), ended);
        assert_eq!((done.expires_at, done.due_at), (Some(at(life)), Some(at(life))));
        let (_, effects) = done.apply(Event::Sweep, at(life), &RULES).unwrap();
        assert_eq!(effects, [Effect::DeleteFile("acme/req/1/r.csv".into())]);
    }
}

fn cancel() -> Event {
    Event::Cancel { by: "support".into() }
}

fn delete() -> Event {
    Event::Delete { by: "support".into() }
}

fn diverge(owner: &str) -> Event {
    let check = CheckOutcome {
        name: "total".into(),
        kind: CheckKind::Total,
        passed: false,
        expected: Some("1".into()),
        actual: Some("2".into()),
        detail: String::new(),
    };
    Event::Succeed { owner: owner.into(), file: Box::new(file(1)), checks: vec![check], sealed: Sealed::default() }
}

#[test]
fn a_check_that_fails_makes_it_divergent_and_leaves_the_file() {
    let running = step(&queued(), claim("a"), 0);
    let (done, effects) = running.apply(diverge("a"), at(10), &RULES).unwrap();
    assert_eq!(effects, [Effect::Announce(EventKind::ReportDivergent)]);
    assert_eq!((done.status, done.expires_at), (Status::Divergent, Some(at(3610))));
    assert!(done.file.is_some());
    let (expired, effects) = done.apply(Event::FileDeleted, at(3610), &RULES).unwrap();
    assert_eq!((expired.status, effects), (Status::Expired, vec![Effect::Announce(EventKind::ReportExpired)]));
}

#[test]
fn what_waits_is_cancelled_at_once() {
    for request in [queued(), step(&queued(), Event::Park, 1)] {
        let (ended, effects) = request.apply(cancel(), at(5), &RULES).unwrap();
        assert_eq!(effects, [Effect::Announce(EventKind::ReportCancelled)]);
        assert_eq!((ended.status, ended.due_at, ended.waiting), (Status::Cancelled, None, false));
        assert_eq!(ended.cancellation, Some(Deed { at: at(5), by: "support".into() }));
        assert_eq!(ended.apply(claim("a"), at(6), &RULES), Err(Refusal::Finished));
        assert_eq!(ended.apply(cancel(), at(6), &RULES), Err(Refusal::Finished));
    }
}

#[test]
fn a_worker_that_was_called_off_can_record_nothing_and_leaves_nothing() {
    let running = step(&queued(), claim("a"), 0);
    let ended = step(&running, cancel(), 5);
    for event in [succeed("a"), fail("a", true), Event::Renew { owner: "a".into() }] {
        assert_eq!(ended.apply(event, at(6), &RULES), Err(Refusal::LeaseLost));
    }
    // It may have died with its object uploaded: the sweeper looks once its lease would have ended.
    assert_eq!(ended.due_at, Some(at(150)));
    assert_eq!(ended.apply(Event::Sweep, at(149), &RULES), Err(Refusal::NotDue));
    let (_, effects) = ended.apply(Event::Sweep, at(150), &RULES).unwrap();
    assert_eq!(effects, [Effect::DeleteFile(ended.object_key(1))]);
    let (swept, effects) = ended.apply(Event::FileDeleted, at(150), &RULES).unwrap();
    assert_eq!((swept.status, swept.due_at, effects), (Status::Cancelled, None, vec![]));
}

#[test]
fn what_a_lost_worker_left_goes_when_the_request_is_called_off_while_it_waits() {
    let lost = step(&step(&queued(), claim("a"), 0), Event::Park, 100);
    let ended = step(&lost, cancel(), 110);
    assert_eq!(ended.due_at, Some(at(170)));
    assert_eq!(ended.apply(Event::Sweep, at(170), &RULES).unwrap().1, [Effect::DeleteFile(ended.object_key(1))]);
}

#[test]
fn a_file_is_deleted_on_request_and_told_of_once_it_is_gone() {
    let running = step(&queued(), claim("a"), 0);
    assert_eq!(running.apply(delete(), at(1), &RULES), Err(Refusal::Unfinished));
    let done = step(&running, succeed("a"), 10);
    let (deleted, effects) = done.apply(delete(), at(20), &RULES).unwrap();
    assert_eq!(effects, [Effect::DeleteFile("acme/req/1/r.csv".into())]);
    assert_eq!((deleted.status, &deleted.link_sealed, deleted.expires_at), (Status::Expired, &None, Some(at(20))));
    // The deletion was lost: the sweeper repeats it.
    assert_eq!(deleted.apply(Event::Sweep, at(79), &RULES), Err(Refusal::NotDue));
    assert!(matches!(&deleted.apply(Event::Sweep, at(80), &RULES).unwrap().1[..], [Effect::DeleteFile(_)]));
    let (gone, effects) = deleted.apply(Event::FileDeleted, at(21), &RULES).unwrap();
    assert_eq!(effects, [Effect::Announce(EventKind::ReportExpired)]);
    assert_eq!(gone.due_at, None);
    assert_eq!(gone.apply(Event::FileDeleted, at(22), &RULES), Err(Refusal::NotDue));
    assert_eq!(gone.apply(delete(), at(22), &RULES), Err(Refusal::NoFile));
}

#[test]
fn what_is_parked_is_not_forgotten() {
    let parked = step(&queued(), Event::Park, 5);
    assert_eq!((parked.status, parked.waiting, parked.due_at), (Status::Queued, true, Some(at(65))));
    let (again, effects) = parked.apply(Event::Sweep, at(65), &RULES).unwrap();
    assert_eq!(effects, [Effect::Enqueue { delay_seconds: 0 }]);
    assert!(again.waiting);
    let running = step(&again, claim("a"), 66);
    assert!(!running.waiting);
    assert_eq!(running.apply(Event::Park, at(67), &RULES), Err(Refusal::LeaseHeld));
    let lost = step(&running, Event::Park, 156);
    assert_eq!((lost.status, lost.waiting, lost.attempt), (Status::Queued, true, 1));
    assert_eq!(lost.apply(succeed("a"), at(157), &RULES), Err(Refusal::LeaseLost));
}

fn any_event() -> impl Strategy<Value = Event> {
    let owner = prop_oneof![Just("a"), Just("b"), Just("c")];
    (owner, 0..12_u8, any::<bool>()).prop_map(|(owner, kind, transient)| match kind {
        0 | 1 => claim(owner),
        2 => Event::Renew { owner: owner.into() },
        3 => succeed(owner),
        4 => fail(owner, transient),
        5 => Event::Sweep,
        6 => Event::DeadLetter,
        7 => Event::Park,
        8 => cancel(),
        9 => delete(),
        10 => diverge(owner),
        _ => Event::FileDeleted,
    })
}

proptest! {
    /// Any events in any order, however late or often.
    #[test]
    fn whatever_comes_the_request_ends_once_and_is_never_forgotten(
        events in prop::collection::vec((any_event(), 0_i64..200), 1..60),
        answer_within in prop::option::of(0_i64..300),
    ) {
        let mut request = queued();
        request.answer_by = answer_within.map(at);
        let mut now = 0;
        let mut announced = 0;
        let mut attempts = BTreeSet::new();
        for (event, later) in events {
            now += later;
            let claims = matches!(event, Event::Claim { .. });
            let was_live = request.lease_is_live(at(now));
            let Ok((next, effects)) = request.apply(event, at(now), &RULES) else { continue };
            let late = request.answer_by.is_some_and(|answer_by| answer_by <= at(now));
            prop_assert!(!claims || !late, "nobody waits any more");
            let queued = effects.iter().any(|effect| matches!(effect, Effect::Enqueue { .. }));
            prop_assert!(!queued || request.answer_by.is_none(), "it runs at once or not at all");
            announced += effects.iter().filter(|effect| matches!(effect, Effect::Announce(_))).count();
            // Nobody takes a request that somebody is at work on, and every attempt has its own number.
            if claims {
                prop_assert!(!was_live);
                if next.status == Status::Running {
                    prop_assert!(attempts.insert(next.attempt));
                }
            }
            // An end stays the end, except that a file goes.
            if request.status.is_final() && next.status != request.status {
                prop_assert!(request.status.has_file() && next.status == Status::Expired);
            }
            // What is not over, or has a file, is due; what failed is not. The others are while something is left.
            match next.status {
                Status::Queued | Status::Running | Status::Succeeded | Status::Divergent => {
                    prop_assert!(next.due_at.is_some());
                }
                Status::Failed => prop_assert!(next.due_at.is_none()),
                Status::Cancelled | Status::Expired => {}
            }
            // No link to what is gone, and only what is queued waits.
            prop_assert!(next.link_sealed.is_none() || next.status.has_file());
            prop_assert!(next.password_sealed.is_none() || next.status.has_file());
            prop_assert!(!next.waiting || next.status == Status::Queued);
            prop_assert_eq!(next.cancellation.is_some(), next.status == Status::Cancelled);
            prop_assert_eq!(next.lease.is_some(), next.status == Status::Running);
            prop_assert_eq!(next.status == Status::Failed, next.failure.is_some() && next.status.is_final());
            request = next;
        }
        prop_assert!(request.attempt <= RULES.max_attempts);
        let gone = request.status == Status::Expired && request.due_at.is_none();
        prop_assert_eq!(announced, usize::from(request.status.is_final()) + usize::from(gone));
    }
}
