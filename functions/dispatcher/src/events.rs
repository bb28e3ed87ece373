//! What the event bus is told, as `docs/schemas` describes it: the detail of one event, never a link, a capability, a
//! password or a key.

use serde_json::{Value, json};
use waybill::domain::{
    message::{Announcement, EventKind, RefusedRun},
    request::Status,
    tenant::key_watch::KeyNotice,
};

use crate::{
    app::{App, Retry},
    facts,
};

/// Puts an event on the bus. Once it is there it may be put again: consumers know it by its `event_id`. The bus is told
/// of reports, recipient keys and schedules: what is of a customer's own processes came from there.
pub async fn publish(app: &App, event: &Announcement) -> Result<(), Retry> {
    let detail = match (&event.key, &event.run, status(event.kind)) {
        (Some(notice), _, _) => of_a_key(event, notice),
        (None, Some(run), _) => of_a_run(event, run),
        (None, None, Some(status)) => detail(event, status),
        (None, None, None) => return Ok(()),
    };
    let detail = serde_json::to_string(&detail)?;
    Ok(app.bus.put(event.kind.name(), &detail, event.occurred_at).await?)
}

/// Version 1 of the document. A field may be added to it; anything else makes a version 2.
fn detail(event: &Announcement, status: Status) -> Value {
    let mut detail = json!({
        "v": "1",
        "event_id": event.id,
        "event": event.kind,
        "occurred_at": event.occurred_at,
        "tenant": event.tenant,
        "request_id": event.request,
        "report": event.report,
        "report_version": event.report_version,
        "presenter_id": event.presenter_id,
        "requested_at": event.requested_at,
        "status": status.name(),
    });
    if let Some(detail) = detail.as_object_mut() {
        detail.extend(facts::of(event));
        detail.extend(event.expires_at.map(|end| ("expires_at".to_owned(), json!(end))));
    }
    detail
}

/// Version 1 of the document about a recipient key that ends.
fn of_a_key(event: &Announcement, notice: &KeyNotice) -> Value {
    json!({
        "v": "1",
        "event_id": event.id,
        "event": event.kind,
        "occurred_at": event.occurred_at,
        "tenant": event.tenant,
        "fingerprint": notice.fingerprint,
        "algorithm": notice.algorithm,
        "expires_at": notice.expires_at,
        "active_keys_left": notice.active_keys_left,
    })
}

/// Version 1 of the document about a run of a schedule that was refused.
fn of_a_run(event: &Announcement, run: &RefusedRun) -> Value {
    json!({
        "v": "1",
        "event_id": event.id,
        "event": event.kind,
        "occurred_at": event.occurred_at,
        "tenant": event.tenant,
        "schedule_id": run.schedule,
        "schedule_name": run.name,
        "run_at": run.at,
        "code": run.code,
        "detail": run.detail,
        "refused_in_a_row": run.refused_in_a_row,
    })
}

/// What the request became by the event; none if there is no request.
const fn status(kind: EventKind) -> Option<Status> {
    match kind {
        EventKind::ReportSucceeded => Some(Status::Succeeded),
        EventKind::ReportDivergent => Some(Status::Divergent),
        EventKind::ReportFailed => Some(Status::Failed),
        EventKind::ReportCancelled => Some(Status::Cancelled),
        EventKind::ReportExpired => Some(Status::Expired),
        EventKind::ProcessStatus
        | EventKind::RecipientKeyExpiring
        | EventKind::RecipientKeyExpired
        | EventKind::ScheduleRunRefused
        | EventKind::EndpointTest => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::event;

    #[test]
    fn the_detail_says_which_request_and_what_became_of_it() {
        let event = event(EventKind::ReportSucceeded);
        let detail = detail(&event, Status::Succeeded);
        assert_eq!((&detail["v"], &detail["event"]), (&json!("1"), &json!("report.succeeded")));
        assert_eq!((&detail["event_id"], &detail["request_id"]), (&json!(event.id), &json!(event.request)));
        assert_eq!((&detail["status"], &detail["report_version"]), (&json!("SUCCEEDED"), &json!(7)));
        assert_eq!((&detail["rows"], &detail["expires_at"]), (&json!(1), &json!(event.expires_at)));
    }

    #[test]
    fn a_key_that_ends_is_told_of_by_its_fingerprint() {
        let notice = KeyNotice {
            fingerprint: "A0".into(),
            algorithm: Some("RSA".into()),
            expires_at: jiff::Timestamp::UNIX_EPOCH,
            active_keys_left: 1,
        };
        let detail = of_a_key(&event(EventKind::RecipientKeyExpiring), &notice);
        assert_eq!((&detail["event"], &detail["fingerprint"]), (&json!("recipient_key.expiring"), &json!("A0")));
        assert_eq!((&detail["expires_at"], &detail["active_keys_left"]), (&json!("1970-01-01T00:00:00Z"), &json!(1)));
        assert!(detail["request_id"].is_null() && detail["status"].is_null());
    }

    #[test]
    fn nothing_in_it_opens_a_file() {
        for kind in [EventKind::ReportSucceeded, EventKind::ReportDivergent, EventKind::ReportExpired] {
            let text = detail(&event(kind), status(kind).unwrap()).to_string();
            assert!(!text.contains("sealed") && !text.contains("link") && !text.contains("acme/req"), "{text}");
        }
    }
}
