//! Bodies of requests, judged by Atlassian's published schemas, and refused in Jira's own words.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use waybill::domain::jira::Kind;

use super::{ASSIGNABLE, document, state::State};

/// Faults by field, as Jira's `ErrorCollection` has them.
pub type Faults = BTreeMap<String, String>;

/// Fields that the projects have on their create screen.
const FIELDS: [&str; 7] = ["project", "issuetype", "summary", "description", "labels", "assignee", "parent"];

/// `IssueUpdateDetails`.
pub fn issue(state: &State, body: &Value) -> Result<(), Value> {
    only(body, &["fields", "update", "properties", "transition", "historyMetadata"])?;
    properties(&body["properties"])?;
    let Some(fields) = body["fields"].as_object() else { return Err(error("fields is required")) };
    let mut faults = Faults::new();
    for other in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        let fault = format!("Field '{other}' cannot be set. It is not on the appropriate screen, or unknown.");
        faults.insert(other.clone(), fault);
    }
    let found = [
        ("project", project_fault(&body["fields"]["project"])),
        ("issuetype", type_fault(&body["fields"]["issuetype"])),
        ("summary", summary_fault(&body["fields"]["summary"])),
        ("description", text_fault(state.kind, &body["fields"]["description"])),
        ("labels", labels_fault(&body["fields"]["labels"])),
        ("assignee", assignee_fault(state.kind, &body["fields"]["assignee"])),
        ("parent", parent_fault(state, &body["fields"]["parent"])),
    ];
    faults.extend(found.into_iter().filter_map(|(field, fault)| Some((field.to_owned(), fault?))));
    if faults.is_empty() { Ok(()) } else { Err(json!({ "errorMessages": [], "errors": faults })) }
}

fn project_fault(project: &Value) -> Option<String> {
    let known = reference(project, &["key", "id"]).is_some_and(State::has_project);
    (!known).then(|| "valid project is required".to_owned())
}

fn type_fault(kind: &Value) -> Option<String> {
    let known = reference(kind, &["name", "id"]).is_some_and(|kind| matches!(kind, "Task" | "Bug" | "10001"));
    (!known).then(|| "Specify a valid issue type".to_owned())
}

fn summary_fault(summary: &Value) -> Option<String> {
    let fault = match summary.as_str() {
        None | Some("") => "You must specify a summary of the issue.",
        Some(text) if text.contains(['\n', '\r']) => "The summary is invalid because it contains newline characters.",
        Some(text) if text.chars().count() > 255 => "Summary must be less than 255 characters.",
        Some(_) => return None,
    };
    Some(fault.to_owned())
}

fn labels_fault(labels: &Value) -> Option<String> {
    let good =
        |label: &&Value| label.as_str().is_some_and(|label| !label.contains(' ') && label.chars().count() <= 255);
    let bad = labels.as_array().into_iter().flatten().find(|label| !good(label))?;
    Some(format!("The label '{bad}' contains spaces which is invalid."))
}

fn assignee_fault(kind: Kind, assignee: &Value) -> Option<String> {
    let by: &[&str] = if kind == Kind::Cloud { &["id", "accountId"] } else { &["name"] };
    let good = assignee.is_null() || reference(assignee, by).is_some_and(|who| ASSIGNABLE.contains(&who));
    (!good).then(|| "The user cannot be assigned issues.".to_owned())
}

fn parent_fault(state: &State, parent: &Value) -> Option<String> {
    let good = parent.is_null() || reference(parent, &["key", "id"]).is_some_and(|key| state.issue(key).is_some());
    (!good).then(|| "Could not find issue by id or key.".to_owned())
}

/// `Comment`.
pub fn comment(state: &State, body: &Value) -> Result<(), Value> {
    only(body, &["body", "properties", "visibility"])?;
    properties(&body["properties"])?;
    match text_fault(state.kind, &body["body"]) {
        None => Ok(()),
        Some(fault) => Err(json!({ "errorMessages": [], "errors": { "comment": fault } })),
    }
}

/// The label that is searched for. Cloud's `SearchAndReconcileRequestBean`; a Data Center's `SearchRequestBean`.
pub fn search(kind: Kind, body: &Value) -> Result<String, Value> {
    let known: &[&str] = match kind {
        Kind::Cloud => &[
            "jql",
            "maxResults",
            "fields",
            "nextPageToken",
            "expand",
            "properties",
            "fieldsByKeys",
            "failFast",
            "reconcileIssues",
        ],
        Kind::Datacenter => &["jql", "startAt", "maxResults", "fields", "validateQuery", "expand"],
    };
    only(body, known)?;
    let strings = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if !body["fields"].is_null() && !strings(&body["fields"]) {
        return Err(error("fields: must be a list of strings"));
    }
    if !body["maxResults"].is_null() && body["maxResults"].as_u64().is_none_or(|most| most > 5000) {
        return Err(error("maxResults: must be a number"));
    }
    let jql = body["jql"].as_str().unwrap_or_default();
    let (clause, order) = jql.split_once(" ORDER BY ").unwrap_or((jql, ""));
    let label = clause.strip_prefix("labels = \"").and_then(|rest| rest.strip_suffix('"'));
    match label {
        Some(label) if !label.contains('"') && matches!(order, "" | "created ASC") => Ok(label.to_owned()),
        _ => Err(error("Error in the JQL Query: a clause that the stand-in does not know.")),
    }
}

/// An object of Atlassian's schemas has the fields that it has.
fn only(body: &Value, known: &[&str]) -> Result<(), Value> {
    let Some(object) = body.as_object() else { return Err(error("Invalid request payload.")) };
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(other) => Err(error(&format!("Unrecognized field \"{other}\""))),
        None => Ok(()),
    }
}

/// A list of `EntityProperty`: keys of 1 to 255 characters, values that are JSON of 32 KB at most.
fn properties(properties: &Value) -> Result<(), Value> {
    if properties.is_null() {
        return Ok(());
    }
    let good = |property: &Value| {
        let known = property.as_object().is_some_and(|all| all.len() == 2);
        let key = property["key"].as_str().is_some_and(|key| (1..=255).contains(&key.len()));
        known && key && !property["value"].is_null() && property["value"].to_string().len() <= 32_768
    };
    let all = properties.as_array().is_some_and(|all| all.iter().all(good));
    if all { Ok(()) } else { Err(error("properties: not a list of entity properties")) }
}

/// `{by: value}` with one of those names.
fn reference<'a>(value: &'a Value, by: &[&str]) -> Option<&'a str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (name, value) = object.iter().next()?;
    value.as_str().filter(|_| by.contains(&name.as_str()))
}

fn text_fault(kind: Kind, value: &Value) -> Option<String> {
    match kind {
        Kind::Cloud => {
            let fault = document::fault(value)?;
            Some(format!("Operation value must be an Atlassian Document (see the Atlassian Document Format): {fault}"))
        }
        Kind::Datacenter => match value.as_str() {
            Some(text) if text.chars().count() <= 32_767 => None,
            Some(_) => {
                Some("The entered text is too long. It exceeds the allowed limit of 32,767 characters.".to_owned())
            }
            None => Some("Operation value must be a string".to_owned()),
        },
    }
}

/// Jira's `ErrorCollection` with one message.
pub fn error(message: &str) -> Value {
    json!({ "errorMessages": [message], "errors": {} })
}
