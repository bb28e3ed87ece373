use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use waybill::guard::Refused;

use super::*;

fn now() -> Timestamp {
    "2026-11-27T10:00:00Z".parse().unwrap()
}

fn answered(status: u16, retry_after: Option<&str>, body: &str) -> (Answer, Vec<u8>) {
    let mut headers = http::HeaderMap::new();
    headers.extend(retry_after.map(|value| (http::header::RETRY_AFTER, value.parse().unwrap())));
    let answer = Answer {
        status,
        headers,
        first_kib: body.as_bytes().to_vec(),
        remote_addr: None,
        duration: Duration::from_millis(5),
    };
    (answer, body.as_bytes().to_vec())
}

fn outcome(deed: Deed<'_>, status: u16, body: &str) -> AttemptOutcome {
    made(deed, Ok(answered(status, None, body)), now()).outcome
}

/// Seconds that are waited at least; none where the outcome is final.
fn wait(status: u16, asked: Option<&str>) -> Option<i64> {
    match made(Deed::CreateIssue, Ok(answered(status, asked, "{}")), now()).outcome {
        AttemptOutcome::Retryable { retry_after, .. } => Some(retry_after.map_or(0, |wait| wait.as_secs())),
        _ => None,
    }
}

#[test]
fn only_created_is_made() {
    assert_eq!(outcome(Deed::CreateIssue, 201, "{}"), AttemptOutcome::Success);
    assert_eq!(outcome(Deed::Comment("A-1"), 201, ""), AttemptOutcome::Success);
    // A login page of somebody in between, say.
    assert_eq!(wait(200, None), Some(15));
}

#[test]
fn field_errors_are_final_and_named() {
    let body = json!({
        "errorMessages": ["Something else."],
        "errors": { "summary": "You must specify a summary of the issue.", "labels": ["odd"] },
    });
    for status in [400, 413, 422] {
        let AttemptOutcome::Permanent { reason } = outcome(Deed::CreateIssue, status, &body.to_string()) else {
            panic!("{status}")
        };
        let words = "labels: [\"odd\"]; summary: You must specify a summary of the issue.; Something else.";
        assert!(reason.starts_with(&format!("Jira answered {status} ")) && reason.ends_with(words), "{reason}");
    }
    let AttemptOutcome::Permanent { reason } = outcome(Deed::CreateIssue, 400, "<html>") else { panic!() };
    assert_eq!(reason, "Jira answered 400 Bad Request");
}

#[test]
fn what_can_be_mended_is_tried_again() {
    for status in [301, 302, 401, 403, 404, 405, 409, 429] {
        assert_eq!(wait(status, None), Some(0), "{status}: not made, so nothing to look for");
        assert_eq!(wait(status, Some("7")), Some(7), "{status}");
    }
    let AttemptOutcome::Permanent { reason } = outcome(Deed::Comment("A-1"), 404, "{}") else { panic!() };
    assert!(reason.contains("A-1"), "{reason}");
}

#[test]
fn what_may_have_been_made_is_given_time_to_be_found() {
    for status in [500, 502, 503, 504] {
        assert_eq!(wait(status, None), Some(15), "{status}");
        assert_eq!((wait(status, Some("1")), wait(status, Some("60"))), (Some(15), Some(60)), "{status}");
    }
    let waits = |error: CallError| match made(Deed::CreateIssue, Err(error), now()).outcome {
        AttemptOutcome::Retryable { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
        other => panic!("{other:?}"),
    };
    let broken = |stage| CallError::Network { stage, detail: String::new() };
    assert_eq!(waits(CallError::Timeout(Duration::from_secs(1))), Some(15));
    assert_eq!(waits(broken(Stage::Exchange)), Some(15));
    for stage in [Stage::Resolve, Stage::Connect, Stage::Tls] {
        assert_eq!(waits(broken(stage)), None, "{stage:?}: never sent");
    }
    let refused = made(Deed::CreateIssue, Err(Refused::Address([10, 0, 0, 1].into()).into()), now()).outcome;
    let AttemptOutcome::Permanent { reason } = refused else { panic!() };
    assert!(!reason.contains("10.0"), "{reason}");
}

#[test]
fn a_search_finds_the_oldest_or_nothing_or_ends_the_attempt() {
    let found = |status, body: &str| found(Ok(answered(status, None, body)), now());
    assert_eq!(found(200, r#"{"issues":[],"isLast":true}"#), Ok(Found::Nothing));
    let one = r#"{"issues":[{"id":"1","key":"OPS-7","self":"https://x"},{"key":"OPS-8"}]}"#;
    let Ok(Found::Issue(key, attempted)) = found(200, one) else { panic!() };
    assert_eq!((key.as_str(), attempted.outcome), ("OPS-7", AttemptOutcome::Success));
    for (status, body) in [(200, "<html>"), (200, "{}"), (200, r#"{"issues":[{"id":"1"}]}"#), (400, "{}"), (500, "")] {
        let attempted = found(status, body).unwrap_err();
        assert!(matches!(attempted.outcome, AttemptOutcome::Retryable { .. }), "{status} {body}: {attempted:?}");
    }
}

#[test]
fn a_comment_is_known_by_its_words_even_in_a_page_that_is_cut_off() {
    let words = "waybill-dlv_1-0";
    let look = |status, body: &str| commented(Ok(answered(status, None, body)), words, now());
    assert_eq!(look(200, r#"{"comments":[{"body":"waybill-dlv_2-0"}]}"#), Ok(None));
    let found = look(200, r#"{"comments":[{"body":"x waybill-dlv_1-0"},{"bo"#).unwrap().unwrap();
    assert_eq!((found.outcome, found.response), (AttemptOutcome::Success, None), "of others' comments nothing is kept");
    assert!(matches!(look(404, "").unwrap_err().outcome, AttemptOutcome::Permanent { .. }));
    assert!(matches!(look(503, "").unwrap_err().outcome, AttemptOutcome::Retryable { .. }));
}

proptest! {
    #[test]
    fn no_answer_panics_or_tells_more_than_it_may(status in 100_u16..600, body in "\\PC{0,200}") {
        for deed in [Deed::CreateIssue, Deed::Comment("A-1")] {
            match outcome(deed, status, &body) {
                AttemptOutcome::Success => prop_assert_eq!(status, 201),
                AttemptOutcome::Permanent { reason } | AttemptOutcome::Retryable { reason, .. } => {
                    prop_assert!(reason.chars().count() <= MAX_REASON + 200);
                }
            }
        }
        let _ = found(Ok(answered(status, None, &body)), now());
        let _ = read(Ok(answered(status, None, &body)), now());
    }
}
