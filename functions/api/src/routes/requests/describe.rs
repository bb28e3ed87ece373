//! A request as its caller sees it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    accept::{add_when_empty, add_wishes},
    aws::table::{RawRow, Row, rows::Progress},
    domain::{
        check::CheckOutcome,
        definition::parameter,
        delivery::{Delivery, Target},
        request::{Request, Status},
    },
};

/// Its status now: what is promised to end at a time ends then, whether or not the sweeper has been there.
pub fn status(request: &Request, now: Timestamp) -> Status {
    let ended = request.expires_at.is_some_and(|end| end <= now);
    if ended && request.status.has_file() { Status::Expired } else { request.status }
}

/// What its row tells.
pub fn request(request: &Request, now: Timestamp) -> Value {
    let status = status(request, now);
    let mut shown = summary(request, now);
    add_wishes(&mut shown, &request.style, &request.wrapping, request.packaging);
    add_when_empty(&mut shown, request.when_empty);
    shown["report_version"] = json!(request.report_version);
    shown["parameters"] = json!(request.parameters);
    shown["resolved"] = resolved(&request.resolved);
    if let Some(filter) = &request.filter {
        shown["filter"] = filter.as_asked();
    }
    shown["delivery"] = match &request.delivery {
        Some(Target::Webhook { url, .. }) => json!({"webhook": {"url": url}}),
        Some(Target::Endpoint { id }) => json!({"endpoint": id}),
        Some(Target::Jira { issue }) => json!({"jira": {"issue": issue}}),
        Some(Target::Email { to, .. }) => json!({"email": {"to": to}}),
        None => Value::Null,
    };
    shown["attempt"] = json!(request.attempt);
    shown["waiting_for_slot"] = json!(request.waiting);
    shown["queue_ms"] = json!(request.started_at.map(|start| start.duration_since(request.created_at).as_millis()));
    if let Some(repeats) = request.repeats {
        shown["repeats"] = json!(repeats);
    }
    if let Some(file) = &request.file {
        let mut described = file.describe();
        described["timings"] = json!(file.timings);
        shown["files"] = json!([described]);
        shown["checks"] = request.checks.iter().map(CheckOutcome::describe).collect();
    }
    if let Some(failure) = request.failure.as_ref().filter(|_| status == Status::Failed) {
        shown["failure"] = failure.describe();
    }
    for (name, deed) in [("cancelled", &request.cancellation), ("deleted", &request.deletion)] {
        if let Some(deed) = deed {
            shown[format!("{name}_at")] = json!(deed.at);
            shown[format!("{name}_by")] = json!(deed.by);
        }
    }
    shown
}

/// What the SQL's placeholders are bound to, as text.
pub fn resolved(values: &BTreeMap<String, parameter::Value>) -> Value {
    values.iter().map(|(name, value)| (name.clone(), json!(value.to_text()))).collect()
}

/// What a list tells of it.
pub fn summary(request: &Request, now: Timestamp) -> Value {
    let mut shown = json!({
        "id": request.id,
        "status": status(request, now),
        "report": request.report,
        "format": request.format,
        "packaging": request.packaging,
        "presenter_id": request.presenter_id,
        "requested_by": request.requested_by,
        "created_at": request.created_at,
        "started_at": request.started_at,
        "finished_at": request.finished_at,
    });
    if let Some(occasion) = &request.occasion {
        shown["schedule"] = json!({ "id": occasion.schedule, "at": occasion.at });
    }
    if let Some(file) = &request.file {
        shown["rows"] = json!(file.rows);
        shown["expires_at"] = json!(request.expires_at);
    }
    if let Some(failure) = request.failure.as_ref().filter(|_| request.status == Status::Failed) {
        shown["failure_code"] = json!(failure.code);
    }
    shown
}

/// Progress and deliveries, which stand apart from the row.
pub fn add_story(shown: &mut Value, story: Vec<RawRow>, request: &Request) {
    let (mut progress, mut deliveries) = (None, Vec::new());
    for row in story {
        match row.key.sk.as_str() {
            "PROGRESS" => progress = read::<Progress>(row).filter(|progress| progress.attempt == request.attempt),
            // `DLV#dlv_…` is a delivery, `DLV#dlv_…#0001` one of its attempts.
            sk if sk.starts_with("DLV#") && sk.matches('#').count() == 1 => deliveries.extend(read::<Delivery>(row)),
            _ => {}
        }
    }
    if let Some(progress) = progress.filter(|_| request.status == Status::Running) {
        shown["progress"] = describe_progress(&progress, request);
    }
    shown["deliveries"] = deliveries.iter().map(describe_delivery).collect();
}

/// A row that this release cannot read must not hide the rest of the story.
fn read<T: Row>(row: RawRow) -> Option<T> {
    row.read().inspect_err(|error| tracing::error!(%error, "row left out of a status")).ok().map(|stored| stored.row)
}

fn describe_progress(progress: &Progress, request: &Request) -> Value {
    let since = request.attempt_started_at.map(|start| progress.at.duration_since(start).as_millis());
    let millis = since.and_then(|millis| u64::try_from(millis).ok()).filter(|millis| *millis > 0);
    json!({
        "rows": progress.rows,
        "bytes": progress.bytes,
        "rows_per_second": millis.map(|millis| progress.rows.saturating_mul(1000) / millis),
        "at": progress.at,
    })
}

fn describe_delivery(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "event": delivery.announcement.kind,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "finished_at": delivery.finished_at,
        "reason": delivery.reason,
    })
}
