use proptest::prelude::*;

use super::*;
use crate::domain::{
    outcome::{ReportFile, Timings},
    request::{Deed, tests::queued},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// A request that ended at the start of time with a file that lives so long.
fn finished(seconds: i64, link: LinkPolicy) -> Request {
    let file = ReportFile {
        key: "acme/req/1/r.csv".into(),
        name: "r.csv".into(),
        rows: 1,
        plaintext_bytes: 1,
        plaintext_sha256: String::new(),
        object_bytes: 1,
        object_sha256: String::new(),
        parts: 1,
        manifest_sha256: None,
        timings: Timings::default(),
    };
    Request {
        status: Status::Succeeded,
        file: Some(file),
        finished_at: Some(at(0)),
        expires_at: Some(at(seconds)),
        link,
        ..queued()
    }
}

fn link(seconds: i64) -> Link {
    Link { expires_at: at(seconds), ..Link::with_file(&finished(seconds, LinkPolicy::default()), "h".into()).unwrap() }
}

#[test]
fn a_redirect_outlives_neither_its_link_nor_the_file() {
    let request = finished(3600, LinkPolicy::default());
    let follow = |link: Link, now| link.follow(Some(&request), at(now));
    assert_eq!(follow(link(3600), 0), Ok(SignedDuration::from_secs(300)));
    assert_eq!(follow(link(42), 0), Ok(SignedDuration::from_secs(42)));
    assert_eq!(follow(link(9999), 3590), Ok(SignedDuration::from_secs(10)), "the file ends first");
    for now in [42, 43, 9999] {
        assert_eq!(follow(link(42), now), Err(UseOutcome::Expired));
    }
}

#[test]
fn a_link_is_refused_for_what_ended_it() {
    let request = finished(3600, LinkPolicy::default());
    let follow = |link: Link, request: &Request| link.follow(Some(request), at(1));
    let revoked = Link { revoked_at: Some(at(0)), ..link(3600) };
    assert_eq!(follow(revoked.clone(), &request), Err(UseOutcome::Revoked));
    assert!(!revoked.is_live(at(1)));
    let deed = Deed { at: at(0), by: "somebody".into() };
    let deleted = Request { status: Status::Expired, deletion: Some(deed), ..request.clone() };
    assert_eq!(follow(link(3600), &deleted), Err(UseOutcome::Deleted));
    assert_eq!(link(3600).follow(None, at(1)), Err(UseOutcome::Deleted));
    let expired = Request { status: Status::Expired, ..request };
    assert_eq!(follow(link(3600), &expired), Err(UseOutcome::Expired));
    assert!(link(3600).is_live(at(3599)) && !link(3600).is_live(at(3600)));
}

#[test]
fn the_link_that_comes_with_a_file_ends_as_the_policy_says() {
    let ends =
        |life_hours| finished(36_000, LinkPolicy { mode: LinkMode::Direct, life_hours, anew: false }).link_expires_at();
    assert_eq!(ends(None), Some(at(36_000)));
    assert_eq!(ends(Some(3)), Some(at(3 * 3600)));
    assert_eq!(ends(Some(11)), Some(at(36_000)), "never after the file");
    assert_eq!(queued().link_expires_at(), None);
    assert_eq!(Link::with_file(&queued(), "h".into()), None);
}

#[test]
fn links_of_the_release_before_go_on() {
    let request = finished(3600, LinkPolicy::default());
    let text = serde_json::json!({
        "tenant": "acme", "request": request.id, "key": "acme/req/1/r.csv", "created_at": at(0), "expires_at": at(3600),
    });
    let pointer: LinkPointer = serde_json::from_value(text).unwrap();
    let link = Link::of_pointer(&pointer, &request).unwrap();
    assert_eq!((link.key.as_str(), link.expires_at), ("acme/req/1/r.csv", at(3600)));
    assert_eq!(link.follow(Some(&request), at(3599)), Ok(SignedDuration::from_secs(1)));
    assert_eq!(Link::of_pointer(&link.pointer(), &request), None, "of this release there is a row");
}

#[test]
fn new_links_are_admitted_or_refused_by_name() {
    let hours = |hours| Some(SignedDuration::from_hours(hours));
    let seconds = |seconds| Some(SignedDuration::from_secs(seconds));
    let policy = LinkPolicy { mode: LinkMode::Direct, life_hours: Some(2), anew: false };
    let day = finished(86_400, policy);
    let month = finished(30 * 86_400, LinkPolicy::default());
    let gone = Request { status: Status::Expired, ..day.clone() };
    let failed = Request { status: Status::Failed, ..queued() };
    let wish = |mode, life| Wish { mode, life };
    let (managed, direct) = (Some(LinkMode::Managed), Some(LinkMode::Direct));
    let cases = [
        (&day, wish(None, None), 0, Ok((LinkMode::Direct, at(10 + 7200)))),
        (&day, wish(managed, hours(1)), 19, Ok((LinkMode::Managed, at(10 + 3600)))),
        (&day, wish(None, seconds(86_390)), 0, Ok((LinkMode::Direct, at(86_400)))),
        (&month, wish(managed, hours(24 * 20)), 0, Ok((LinkMode::Managed, at(10 + 20 * 86_400)))),
        (&month, wish(direct, hours(24 * 7)), 0, Ok((LinkMode::Direct, at(10 + 7 * 86_400)))),
        (&month, wish(direct, None), 0, Ok((LinkMode::Direct, at(10 + 7 * 86_400)))),
        (&month, wish(direct, seconds(7 * 86_400 + 1)), 0, Err(Refusal::LongerThanSignature)),
        (&day, wish(None, seconds(59)), 0, Err(Refusal::TooShort)),
        (&day, wish(None, seconds(86_391)), 0, Err(Refusal::LongerThanFile(SignedDuration::from_secs(86_390)))),
        (&day, wish(None, None), 20, Err(Refusal::TooMany)),
        (&gone, wish(None, None), 0, Err(Refusal::Gone)),
        (&queued(), wish(None, None), 0, Err(Refusal::Unfinished)),
        (&failed, wish(None, None), 0, Err(Refusal::NoFile)),
    ];
    for (request, wish, live, expected) in cases {
        assert_eq!(admit(request, wish, live, at(10)), expected, "{wish:?}, {live} live");
    }
    assert_eq!(admit(&day, Wish::default(), 0, at(86_400)), Err(Refusal::Gone), "before anybody has swept");
}

proptest! {
    #[test]
    fn no_link_promises_more_than_its_file_or_its_signature_has(
        file in 0..2_000_000_i64, now in 0..2_000_000_i64, life in prop::option::of(-10..2_000_000_i64),
        life_hours in prop::option::of(0..400_u32), direct: bool,
    ) {
        let mode = if direct { LinkMode::Direct } else { LinkMode::Managed };
        let request = finished(file, LinkPolicy { mode, life_hours, anew: false });
        let wish = Wish { mode: None, life: life.map(SignedDuration::from_secs) };
        if let Ok((mode, end)) = admit(&request, wish, 0, at(now)) {
            prop_assert!(end <= at(file));
            prop_assert!(mode == LinkMode::Managed || end.duration_since(at(now)) <= MAX_DIRECT_LIFE);
            prop_assert!(life.is_none_or(|life| end == at(now + life)), "never shortened");
        }
    }
}
