//! What an event tells of its request's end, in the words that webhooks and the event bus share.

use serde_json::{Map, Value, json};
use waybill::domain::message::{Announcement, EventKind};

/// Figures, checks, and why it ended as it did: what there is of them.
///
/// `rows`, `files` and `checks` where there is or was a file, `failure`, `cancelled_at` and `cancelled_by`, and of an
/// expired report `reason`, with `deleted_at` and `deleted_by` if somebody deleted it before its time.
pub fn of(event: &Announcement) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut add = |name: &str, value: Value| _ = facts.insert(name.to_owned(), value);
    if let Some(file) = &event.file {
        add("rows", json!(file.rows));
        add("files", json!([file.describe()]));
        add("checks", event.checks.iter().map(waybill::domain::check::CheckOutcome::describe).collect());
    }
    if let Some(failure) = &event.failure {
        add("failure", failure.describe());
    }
    match (event.kind, &event.deed) {
        (EventKind::ReportCancelled, Some(deed)) => {
            add("cancelled_at", json!(deed.at));
            add("cancelled_by", json!(deed.by));
        }
        (EventKind::ReportExpired, Some(deed)) => {
            add("reason", json!("DELETED"));
            add("deleted_at", json!(deed.at));
            add("deleted_by", json!(deed.by));
        }
        (EventKind::ReportExpired, None) => add("reason", json!("END_OF_LIFE")),
        _ => {}
    }
    facts
}

#[cfg(test)]
pub mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;
    use waybill::domain::{
        check::{CheckKind, CheckOutcome},
        failure::{Failure, FailureCode},
        id::{EventId, RequestId},
        link::LinkPolicy,
        outcome::{ReportFile, Timings},
        request::Deed,
    };

    use super::*;

    /// An event of that kind, with all that may stand in one.
    pub fn event(kind: EventKind) -> Announcement {
        let has_file =
            matches!(kind, EventKind::ReportSucceeded | EventKind::ReportDivergent | EventKind::ReportExpired);
        let check = CheckOutcome {
            name: "rows".into(),
            kind: CheckKind::Rows,
            passed: kind != EventKind::ReportDivergent,
            expected: Some("2".into()),
            actual: Some("1".into()),
            detail: "of a test".into(),
        };
        let file = ReportFile {
            key: "acme/req/1/r.csv".into(),
            name: "r.csv".into(),
            rows: 1,
            parts: 1,
            plaintext_bytes: 2,
            plaintext_sha256: "aa".into(),
            object_bytes: 3,
            object_sha256: "bb".into(),
            manifest_sha256: Some("cc".into()),
            timings: Timings::default(),
        };
        Announcement {
            id: EventId::generate(),
            kind,
            occurred_at: Timestamp::UNIX_EPOCH,
            tenant: "acme".into(),
            request: RequestId::generate(),
            process: None,
            key: None,
            run: None,
            report: "r".into(),
            report_version: 7,
            presenter_id: Uuid::nil(),
            requested_at: Timestamp::UNIX_EPOCH,
            target: None,
            file: has_file.then_some(file),
            checks: if has_file { vec![check] } else { vec![] },
            expires_at: has_file.then_some(Timestamp::UNIX_EPOCH),
            link: LinkPolicy::default(),
            link_sealed: Some("sealed".into()),
            password_sealed: None,
            failure: (kind == EventKind::ReportFailed).then(|| Failure::new(FailureCode::TooLarge, "Too many rows.")),
            deed: (kind == EventKind::ReportCancelled).then(deed),
            empty_notice: false,
            fanned_out: false,
            told_up_to: None,
            due_at: None,
            handoffs: 0,
        }
    }

    pub fn deed() -> Deed {
        Deed { at: Timestamp::UNIX_EPOCH, by: "issuer subject".into() }
    }

    fn names(event: &Announcement) -> Vec<String> {
        of(event).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn every_kind_tells_what_there_is() {
        let figures = ["checks", "files", "rows"];
        assert_eq!(names(&event(EventKind::ReportSucceeded)), figures);
        assert_eq!(names(&event(EventKind::ReportDivergent)), figures);
        assert_eq!(names(&event(EventKind::ReportFailed)), ["failure"]);
        assert_eq!(names(&event(EventKind::ReportCancelled)), ["cancelled_at", "cancelled_by"]);
        assert_eq!(of(&event(EventKind::ReportSucceeded))["files"][0]["plaintext_sha256"], "aa");
    }

    #[test]
    fn an_expired_report_tells_whether_somebody_deleted_it() {
        let expired = event(EventKind::ReportExpired);
        assert_eq!(of(&expired)["reason"], "END_OF_LIFE");
        let deleted = Announcement { deed: Some(deed()), ..expired };
        assert_eq!(of(&deleted)["reason"], "DELETED");
        assert_eq!((&of(&deleted)["deleted_at"], &of(&deleted)["deleted_by"]), (&json!(deed().at), &json!(deed().by)));
    }
}
