//! The routes of the stand-in.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State as Shared},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::domain::jira::Kind;

use super::{
    EMAIL, TOKEN, shape,
    state::{Asked, Mood, Operation, State},
};

/// Longer than anybody waits for an answer.
const TOO_LATE: Duration = Duration::from_secs(40);

type Jira = Shared<Arc<Mutex<State>>>;

/// Those of one kind of Jira.
pub fn routes(kind: Kind) -> Router<Arc<Mutex<State>>> {
    let (api, search_path) = match kind {
        Kind::Cloud => ("/rest/api/3", "/rest/api/3/search/jql"),
        Kind::Datacenter => ("/rest/api/2", "/rest/api/2/search"),
    };
    Router::new()
        .route(&format!("{api}/issue"), post(create))
        .route(&format!("{api}/issue/{{key}}/comment"), post(comment).get(comments))
        .route(&format!("{api}/issue/{{key}}/properties/{{property}}"), get(property))
        .route(search_path, post(search))
        .fallback(|| async { (StatusCode::NOT_FOUND, "<html><h1>Oops, you&#39;ve found a dead link.</h1></html>") })
}

async fn create(jira: Jira, headers: HeaderMap, body: Bytes) -> Response {
    met(&jira, &headers, Operation::Create, &body, |state, body| {
        if let Err(error) = shape::issue(state, body) {
            return answer(400, error);
        }
        let project = body["fields"]["project"]["key"].as_str().unwrap_or("OPS").to_owned();
        let properties = body["properties"].as_array().cloned().unwrap_or_default();
        let issue = state.add(&project, body["fields"].clone(), &properties);
        answer(201, issue.reference("https://jira.example/rest/api/3"))
    })
    .await
}

async fn comment(jira: Jira, Path(key): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    met(&jira, &headers, Operation::Comment, &body, |state, body| {
        if let Err(error) = shape::comment(state, body) {
            return answer(400, error);
        }
        let Some(issue) = state.issues.iter_mut().find(|issue| issue.key == key) else { return no_issue() };
        issue.comments.push(body.clone());
        answer(201, json!({ "id": (20_000 + issue.comments.len()).to_string(), "body": body["body"] }))
    })
    .await
}

async fn comments(jira: Jira, Path(key): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    met(&jira, &headers, Operation::Comments, b"", |state, _| {
        let query = query.unwrap_or_default();
        let query: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let value = |name: &str| query.iter().find(|(given, _)| *given == name).map_or("", |(_, value)| *value);
        let known = ["startAt", "maxResults", "orderBy", "expand"];
        if query.iter().any(|(name, _)| !known.contains(name)) {
            return answer(400, shape::error("an unknown parameter"));
        }
        let order = value("orderBy");
        if !matches!(order, "" | "created" | "-created" | "+created") {
            return answer(400, shape::error("orderBy takes created alone"));
        }
        let Some(issue) = state.issue(&key) else { return no_issue() };
        let most = value("maxResults").parse().unwrap_or(50);
        let mut all: Vec<Value> = issue.comments.iter().map(|comment| json!({ "body": comment["body"] })).collect();
        if order == "-created" {
            all.reverse();
        }
        let total = all.len();
        all.truncate(most);
        answer(200, json!({ "startAt": 0, "maxResults": most, "total": total, "comments": all }))
    })
    .await
}

async fn search(jira: Jira, headers: HeaderMap, body: Bytes) -> Response {
    met(&jira, &headers, Operation::Search, &body, |state, body| match shape::search(state.kind, body) {
        Err(error) => answer(400, error),
        Ok(label) => {
            let most = body["maxResults"].as_u64().and_then(|most| most.try_into().ok()).unwrap_or(50);
            // Without `fields`, Cloud tells ids alone.
            let keys =
                state.kind == Kind::Datacenter || body["fields"].as_array().is_some_and(|fields| !fields.is_empty());
            let found = state.labelled(&label).into_iter().take(most).map(|issue| {
                let mut reference = issue.reference("https://jira.example/rest/api/3");
                if !keys {
                    reference.as_object_mut().unwrap().remove("key");
                }
                reference
            });
            answer(200, json!({ "issues": found.collect::<Vec<_>>(), "isLast": true }))
        }
    })
    .await
}

async fn property(jira: Jira, Path((key, property)): Path<(String, String)>, headers: HeaderMap) -> Response {
    met(&jira, &headers, Operation::Property, b"", |state, _| {
        let Some(issue) = state.issue(&key) else { return no_issue() };
        match issue.properties.get(&property) {
            Some(value) => answer(200, json!({ "key": property, "value": value })),
            None => answer(404, shape::error("The property does not exist.")),
        }
    })
    .await
}

fn no_issue() -> Response {
    answer(404, shape::error("Issue does not exist or you do not have permission to see it."))
}

/// Notes the request and meets it in the mood that is next.
async fn met(
    Shared(jira): &Jira,
    headers: &HeaderMap,
    operation: Operation,
    body: &[u8],
    work: impl FnOnce(&mut State, &Value) -> Response,
) -> Response {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let (mood, response) = {
        let mut state = jira.lock().unwrap();
        state.log.push(Asked { operation, body: body.clone(), at: Timestamp::now() });
        if let Some(refused) = refused(&state, headers, &body) {
            return refused;
        }
        let mood = state.mood(operation);
        let undone = matches!(mood, Some(Mood::Answer { .. } | Mood::Silence));
        (mood, (!undone).then(|| work(&mut state, &body)))
    };
    match (mood, response) {
        (None, Some(response)) => response,
        (Some(Mood::Answer { status, retry_after, body }), _) => {
            let mut response = answer(status, body);
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
        (Some(Mood::DoneAndAnswered(status)), _) => answer(status, shape::error("Internal server error")),
        (Some(Mood::DoneAndLate), Some(response)) => {
            tokio::time::sleep(TOO_LATE).await;
            response
        }
        // The connection's task ends, and the connection with it, without an answer; the hook is not told.
        _ => std::panic::resume_unwind(Box::new("the connection breaks")),
    }
}

/// What is wrong with a request before anybody looks into it.
fn refused(state: &State, headers: &HeaderMap, body: &Value) -> Option<Response> {
    let expected = match state.kind {
        Kind::Cloud => format!("Basic {}", BASE64_STANDARD.encode(format!("{EMAIL}:{TOKEN}"))),
        Kind::Datacenter => format!("Bearer {TOKEN}"),
    };
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != expected.as_str()) {
        return Some(answer(401, shape::error("Client must be authenticated to access this resource.")));
    }
    if headers.get(header::ACCEPT).is_none_or(|value| value != "application/json") {
        return Some(answer(406, Value::Null));
    }
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    (!body.is_null() && !json).then(|| answer(415, Value::Null))
}

fn answer(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}
