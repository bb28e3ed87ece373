//! Errors as Eclipse tells them: an array, with a code that its clients switch on, and ids to find the call in the log by.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::problem::Problem;

/// What Eclipse's clients switch on (its "Application Error Codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Wrong identity or password.
    Credentials,
    /// Too often; later again.
    RateLimit,
    /// A body that is not JSON.
    Json,
    /// Something that was sent is not as it must be.
    Validation,
    /// No credential, one that is not good, or one that may not do this.
    Security,
    /// There is no such thing.
    NotFound,
    /// Something of ours failed.
    Unknown,
}

impl Code {
    /// As Eclipse writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credentials => "USR002",
            Self::RateLimit => "RLT001",
            Self::Json => "JPE001",
            Self::Validation => "VAL001",
            Self::Security => "SEC001",
            Self::NotFound => "NFE001",
            Self::Unknown => "UNK001",
        }
    }

    /// The code of what has no code of its own.
    fn of(problem: &Problem) -> Self {
        match problem.status() {
            _ if problem.code == "malformed_json" => Self::Json,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Security,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimit,
            status if status.is_client_error() => Self::Validation,
            _ => Self::Unknown,
        }
    }
}

/// An answer with status 400 or above, in Eclipse's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EclipseError {
    status: StatusCode,
    /// One or more.
    errors: Vec<(Code, String)>,
    headers: HeaderMap,
}

/// An element of the array.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Element<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    severity: &'static str,
    description: &'a str,
    code: &'static str,
    trace_id: &'a str,
    span_id: &'a str,
    environment: &'a str,
}

impl EclipseError {
    /// One error. The description is for people and holds no secret.
    pub fn new(status: StatusCode, code: Code, description: impl Into<String>) -> Self {
        Self { status, errors: vec![(code, description.into())], headers: HeaderMap::new() }
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same with the advice to try again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    fn body(&self, call: &Call, environment: &str) -> Vec<u8> {
        let ours = self.status.is_server_error();
        let elements = self.errors.iter().map(|(code, description)| Element {
            kind: if ours { "SYSTEM" } else { "BUSINESS" },
            severity: if ours { "HIGH" } else { "LOW" },
            description,
            code: code.name(),
            trace_id: &call.trace,
            span_id: &call.span,
            environment,
        });
        serde_json::to_vec(&elements.collect::<Vec<_>>()).unwrap_or_default()
    }
}

impl From<Problem> for EclipseError {
    /// Each fault that the problem lists becomes an element; without any, its explanation is the only one.
    fn from(problem: Problem) -> Self {
        let code = Code::of(&problem);
        let faults: Vec<(Code, String)> = problem.errors().iter().map(|fault| (code, told(fault))).collect();
        let errors = if faults.is_empty() { vec![(code, problem.detail().to_owned())] } else { faults };
        Self { status: problem.status(), errors, headers: problem.headers().iter().cloned().collect() }
    }
}

/// A fault as a sentence that begins with its place.
fn told(fault: &Value) -> String {
    let text = |name: &str| fault[name].as_str().unwrap_or_default();
    let place = if fault["parameter"].is_string() { text("parameter") } else { text("pointer") };
    if place.is_empty() { text("detail").to_owned() } else { format!("{place}: {}", text("detail")) }
}

impl IntoResponse for EclipseError {
    fn into_response(self) -> Response {
        let call = Call::of_now();
        let code = self.errors.first().map_or("", |(code, _)| code.name());
        let status = self.status.as_u16();
        tracing::info!(trace.id = call.trace, span.id = call.span, http.status = status, code, "Eclipse error told");
        let mut response = (self.status, self.body(&call, &environment())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.headers);
        response
    }
}

/// The path exists, but not with this method.
pub async fn wrong_method() -> EclipseError {
    let description = "The path exists, but not with this method; see the Allow header.";
    EclipseError::new(StatusCode::METHOD_NOT_ALLOWED, Code::Validation, description)
}

/// What tells deployments apart: the name under which this one is reached.
fn environment() -> String {
    let url = waybill::config::optional("WAYBILL_PUBLIC_URL");
    let host = url::Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "waybill".to_owned())
}

/// Ids of one call, in the hex forms of W3C Trace Context.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    trace: String,
    span: String,
}

impl Call {
    /// The invocation's own ids, as its runtime notes them; where it does not, new ones.
    fn of_now() -> Self {
        Self::of_header(&waybill::config::optional("_X_AMZN_TRACE_ID")).unwrap_or_else(Self::random)
    }

    /// Reads `Root=1-{8 hex}-{24 hex};Parent={16 hex};…`.
    fn of_header(text: &str) -> Option<Self> {
        let part = |name: &str| text.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let trace: String = part("Root")?.strip_prefix("1-")?.split('-').collect();
        let span = part("Parent").unwrap_or_default();
        let hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        let span = if hex(span, 16) { span.to_owned() } else { Self::random().span };
        hex(&trace, 32).then_some(Self { trace, span })
    }

    fn random() -> Self {
        let random = || Uuid::new_v4().simple().to_string();
        let span = random().chars().take(16).collect();
        Self { trace: random(), span }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waybill::accept::Fault;

    use super::*;

    fn call() -> Call {
        Call::of_header("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1").unwrap()
    }

    fn shown(error: &EclipseError) -> Value {
        serde_json::from_slice(&error.body(&call(), "waybill.example")).unwrap()
    }

    #[test]
    fn an_error_has_every_field_of_theirs() {
        let error = EclipseError::new(StatusCode::UNAUTHORIZED, Code::Credentials, "Incorrect identity/password");
        let expected = json!([{
            "type": "BUSINESS", "severity": "LOW", "description": "Incorrect identity/password", "code": "USR002",
            "traceId": "5759e988bd862e3fe1be46a994272793", "spanId": "53995c3f42cd8ad8",
            "environment": "waybill.example",
        }]);
        assert_eq!(shown(&error), expected);
    }

    #[test]
    fn problems_become_their_codes() {
        let problem = |status, code| Problem::new(status, code, "Why.");
        for (problem, code) in [
            (Problem::unauthorized("credential_missing", "Why."), "SEC001"),
            (problem(StatusCode::FORBIDDEN, "interface_off"), "SEC001"),
            (Problem::not_found("report"), "NFE001"),
            (problem(StatusCode::TOO_MANY_REQUESTS, "quota_exhausted"), "RLT001"),
            (problem(StatusCode::BAD_REQUEST, "malformed_json"), "JPE001"),
            (problem(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"), "VAL001"),
            (problem(StatusCode::CONFLICT, "x"), "VAL001"),
            (problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "UNK001"),
        ] {
            let status = problem.status();
            let error = EclipseError::from(problem);
            assert_eq!((error.status, &shown(&error)[0]["code"]), (status, &json!(code)));
            assert_eq!(shown(&error)[0]["type"], if status.is_server_error() { "SYSTEM" } else { "BUSINESS" });
        }
    }

    #[test]
    fn every_fault_is_an_element_and_headers_stay() {
        let faults = || vec![Fault::new("d1", "format", "Must be a time."), Fault::new("s1", "missing", "Is missing.")];
        let error = EclipseError::from(Problem::bad_query(faults()));
        let told = shown(&error);
        assert_eq!(
            (&told[0]["description"], &told[1]["description"]),
            (&json!("d1: Must be a time."), &json!("s1: Is missing."))
        );
        assert_eq!(shown(&Problem::invalid(faults()).into())[1]["code"], "VAL001");
        let later = EclipseError::from(Problem::new(StatusCode::TOO_MANY_REQUESTS, "x", "y").retry_after(7));
        assert_eq!(later.into_response().headers()[header::RETRY_AFTER], "7");
    }

    #[test]
    fn ids_are_the_invocations_or_new_ones() {
        let formed = |call: &Call| call.trace.len() == 32 && call.span.len() == 16;
        let root_only = Call::of_header("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        assert!(formed(&root_only) && root_only.trace == call().trace);
        for text in ["", "Root=", "Root=1-x", "Root=2-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8"] {
            assert_eq!(Call::of_header(text), None, "{text}");
        }
        assert!(formed(&Call::random()) && Call::random() != Call::random());
    }
}
