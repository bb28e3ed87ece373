//! Answers: GraphQL's `data` and `errors`, with the HTTP status and headers that go with them.
//!
//! Every error has `extensions.code`, from the vocabulary of the own API's problems. A fault in what was asked is an error
//! of its own, with its `argument` and its own code (`fault`).

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, ServerError};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::bounds::too_complex;
use crate::problem::Problem;

/// Largest answer, in bytes: Lambda takes 6 MB.
const MAX_ANSWER: usize = 4 << 20;

/// Media types of answers: the one that every client takes, and that of GraphQL over HTTP.
const FORMS: [&str; 2] = ["application/json; charset=utf-8", "application/graphql-response+json; charset=utf-8"];

/// What is told.
pub struct Answer {
    status: StatusCode,
    body: Value,
    headers: HeaderMap,
}

/// The media type that a caller takes.
pub fn form(headers: &HeaderMap) -> &'static str {
    let wanted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    FORMS[usize::from(wanted.into_iter().any(|value| value.contains("application/graphql-response+json")))]
}

impl Answer {
    /// Nothing was carried out.
    pub fn refusal(problem: &Problem) -> Self {
        let errors: Vec<Value> = errors(problem, str::to_owned).iter().map(|error| json!(error)).collect();
        let mut headers = HeaderMap::new();
        headers.extend(problem.headers().iter().cloned());
        Self { status: problem.status(), body: json!({ "errors": errors }), headers }
    }

    /// What came of an operation. Errors of fields are told with 200, unless there is nothing but one that HTTP has a
    /// status for, such as a quota that is used up.
    pub fn of(mut response: async_graphql::Response) -> Self {
        let problems: Vec<&Problem> = response.errors.iter().filter_map(ServerError::source).collect();
        let mut headers = std::mem::take(&mut response.http_headers);
        headers.extend(problems.iter().flat_map(|problem| problem.headers().iter().cloned()));
        let is_null = |value: &async_graphql::Value| matches!(value, async_graphql::Value::Null);
        let nothing = match &response.data {
            async_graphql::Value::Object(fields) => fields.values().all(is_null),
            value => is_null(value),
        };
        let status = match problems.first() {
            Some(problem) if nothing => status_of(problem),
            None if is_null(&response.data) => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        for error in response.errors.iter_mut().filter(|error| error.extensions.is_none()) {
            set(error.extensions.get_or_insert_default(), "code", "graphql_invalid");
        }
        let mut body = json!({ "errors": response.errors, "data": response.data });
        if let Value::Object(body) = &mut body {
            let begun = response.errors.iter().any(|error| !error.path.is_empty());
            body.retain(|name, value| match name.as_str() {
                "errors" => !response.errors.is_empty(),
                // Of an operation that never began there is no data, not even null.
                _ => begun || !value.is_null(),
            });
        }
        Self { status, body, headers }
    }

    /// As it goes out.
    pub fn into_response(self, form: &'static str) -> Response {
        let bytes = serde_json::to_vec(&self.body).unwrap_or_default();
        if bytes.len() > MAX_ANSWER {
            return Self::refusal(&too_complex("The answer would be too large: ask for less at a time."))
                .into_response(form);
        }
        let mut response = (self.status, bytes).into_response();
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(form));
        response
    }
}

/// Clients look for errors of fields in an answer with 200, and at the status for what concerns the call as a whole.
fn status_of(problem: &Problem) -> StatusCode {
    match problem.status() {
        status @ (StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE) => status,
        _ => StatusCode::OK,
    }
}

/// A problem as GraphQL tells it: one error, or one for each fault. `argument` names the place of a fault.
pub fn errors(problem: &Problem, argument: impl Fn(&str) -> String) -> Vec<async_graphql::Error> {
    let source = Arc::new(problem.clone());
    let error = |message: String| {
        let mut extensions = ErrorExtensionValues::default();
        set(&mut extensions, "code", problem.code);
        async_graphql::Error { message, source: Some(source.clone()), extensions: Some(extensions) }
    };
    if problem.errors().is_empty() {
        return vec![error(problem.detail().to_owned())];
    }
    let fault = |fault: &Value| {
        let text = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
        let place = argument(if fault.get("pointer").is_some() { text("pointer") } else { text("parameter") });
        let mut error = error(format!("{place}: {}", text("detail")));
        let extensions = error.extensions.get_or_insert_default();
        set(extensions, "argument", &place);
        set(extensions, "fault", text("code"));
        error
    };
    problem.errors().iter().map(fault).collect()
}

fn set(extensions: &mut ErrorExtensionValues, name: &str, value: &str) {
    extensions.set(name, value);
}

#[cfg(test)]
mod tests {
    use waybill::accept::Fault;

    use super::*;

    fn told(answer: Answer) -> (u16, Value) {
        (answer.status.as_u16(), answer.body)
    }

    #[test]
    fn a_problem_is_an_error_with_its_code() {
        let (status, body) = told(Answer::refusal(&Problem::not_found("request")));
        let error = json!({ "message": "There is no such request.", "extensions": { "code": "not_found" } });
        assert_eq!((status, body), (404, json!({ "errors": [error] })));
        let busy = Answer::refusal(&Problem::unavailable(&"the cause"));
        assert_eq!(
            (busy.status, busy.headers[header::RETRY_AFTER].to_str().unwrap()),
            (StatusCode::SERVICE_UNAVAILABLE, "5")
        );
        assert!(!busy.body.to_string().contains("cause"));
    }

    #[test]
    fn each_fault_is_an_error_that_names_its_argument() {
        let faults = vec![Fault::new("/a", "missing", "Required."), Fault::new("/b", "type", "Must be a text.")];
        let errors = errors(&Problem::invalid(faults), |pointer| format!("input{}", pointer.replace('/', ".")));
        let shown = json!(errors[0]);
        assert_eq!(shown["message"], "input.a: Required.");
        let extensions = json!({ "code": "validation_failed", "argument": "input.a", "fault": "missing" });
        assert_eq!((&shown["extensions"], errors.len()), (&extensions, 2));
    }

    #[test]
    fn the_form_is_what_the_caller_takes() {
        let of = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            form(&headers)
        };
        assert_eq!((form(&HeaderMap::new()), of("*/*"), of("text/html")), (FORMS[0], FORMS[0], FORMS[0]));
        assert_eq!(of("application/graphql-response+json; charset=utf-8, application/json;q=0.9"), FORMS[1]);
    }
}
