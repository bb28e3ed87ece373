//! Bodies of requests to Jira: REST API 3 of Cloud, 2 of a Data Center.

use serde_json::{Value, json};
use waybill::domain::jira::{Kind, Line, Settings, Span, Style};

use super::{document, mark::Mark, told::Told, wiki};

/// An issue, as `POST /rest/api/{3|2}/issue` takes it. What is not set is left out, so that the project's own defaults
/// hold.
pub fn issue(kind: Kind, settings: &Settings, told: &Told, mark: &Mark) -> Value {
    let mut labels = settings.labels.clone();
    labels.push(mark.label());
    let numbered = settings.issue_type.bytes().all(|b| b.is_ascii_digit());
    let issue_type = if numbered { "id" } else { "name" };
    let mut fields = json!({
        "project": { "key": settings.project },
        "issuetype": { issue_type: settings.issue_type },
        "summary": told.summary,
        "description": text(kind, &told.lines),
        "labels": labels,
    });
    if let Some(assignee) = &settings.assignee {
        let by = match kind {
            Kind::Cloud => "id",
            Kind::Datacenter => "name",
        };
        fields["assignee"] = json!({ by: assignee });
    }
    if let Some(parent) = &settings.parent {
        fields["parent"] = json!({ "key": parent });
    }
    json!({ "fields": fields, "properties": [mark.property()] })
}

/// A comment, as `POST …/issue/{key}/comment` takes it. Comments have no labels, so its last words are the mark.
pub fn comment(kind: Kind, told: &Told, mark: &Mark) -> Value {
    let words = vec![Span { text: mark.words(), style: Style::Verbatim }];
    let lines: Vec<Line> = told.lines.iter().cloned().chain([vec![], words]).collect();
    json!({ "body": text(kind, &lines), "properties": [mark.property()] })
}

fn text(kind: Kind, lines: &[Line]) -> Value {
    match kind {
        Kind::Cloud => document::of(lines),
        Kind::Datacenter => json!(wiki::of(lines)),
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
