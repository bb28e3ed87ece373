//! Errors as RFC 9457 `application/problem+json`: a stable `code`, what was wrong, where, what to do.
//!
//! What the caller may see stands here; what the log needs is logged where the problem is made.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use waybill::{
    accept::{Fault, Rejected},
    aws::{AwsError, config_store::ConfigError, link_signer::SignError, secrets::SecretError, table::TableError},
    domain::quota::Standing,
};

use crate::{
    call,
    routes::{licences, requests::rate_limit},
};

/// An answer with status 400 or above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    /// Stable; clients switch on it.
    pub code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licences: Option<Box<Value>>,
    #[serde(skip)]
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

/// A problem as it is sent.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    /// Which call it was, as a URN of its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

impl Problem {
    /// A problem with its status, code and explanation.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:waybill:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            errors: vec![],
            licences: None,
            headers: vec![],
        }
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The explanation, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What is wrong one by one: `{pointer, code, detail}`, or `{parameter, code, detail}` of a query string.
    pub fn errors(&self) -> &[Value] {
        &self.errors
    }

    /// The same with its faults at other places, for an interface that has other words for them.
    #[must_use]
    pub fn with_pointers(mut self, place: impl Fn(&str) -> String) -> Self {
        for fault in &mut self.errors {
            if let Some(moved) = fault.get("pointer").and_then(Value::as_str).map(&place) {
                fault["pointer"] = json!(moved);
            }
        }
        self
    }

    /// Headers that go with it.
    pub fn headers(&self) -> &[(header::HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The request is understood but wrong; each fault has a pointer.
    pub fn invalid(errors: Vec<Fault>) -> Self {
        let detail = "Correct what `errors` lists and send the request again; nothing was recorded.";
        let errors = errors.into_iter().map(|fault| json!(fault)).collect();
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail) }
    }

    /// The query string is wrong; each fault names its parameter.
    pub fn bad_query(errors: Vec<Fault>) -> Self {
        let detail = "Correct the query parameters that `errors` lists.";
        let errors = errors
            .into_iter()
            .map(|fault| json!({"parameter": fault.pointer, "code": fault.code, "detail": fault.detail}));
        Self { errors: errors.collect(), ..Self::new(StatusCode::BAD_REQUEST, "query_invalid", detail) }
    }

    /// A quota of the day is used up.
    fn exhausted(standing: &Standing) -> Self {
        let detail = format!(
            "The tenant's quota `{}` of {} is used up until the day (UTC) ends; nothing was recorded.",
            standing.quota, standing.limit
        );
        let mut headers = vec![(header::RETRY_AFTER, HeaderValue::from(standing.reset_seconds))];
        headers.extend(rate_limit(standing));
        Self { headers, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "quota_exhausted", detail) }
    }

    /// A good credential whose tenant is gone, or about to go.
    pub fn no_tenant() -> Self {
        let detail = "The tenant that this credential acted for is no longer there.";
        Self::new(StatusCode::FORBIDDEN, "unknown_subject", detail)
    }

    /// How the licence pool stands, where that is what is wrong.
    pub fn licences(&self) -> Option<&Value> {
        self.licences.as_deref()
    }

    /// The same problem with the advice to try again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }

    /// The same problem with each thing that is wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<Value>) -> Self {
        self.errors = errors;
        self
    }

    /// The same problem with how the licence pool stands.
    #[must_use]
    pub fn with_licences(mut self, standing: Value) -> Self {
        self.licences = Some(Box::new(standing));
        self
    }

    /// No usable credential.
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"waybill\"");
        let headers = vec![(header::WWW_AUTHENTICATE, challenge)];
        Self { headers, ..Self::new(StatusCode::UNAUTHORIZED, code, detail) }
    }

    /// The same answer for what never was and what is another tenant's.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}."))
    }

    /// The same under another status, for an interface that has it so.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status: status.as_u16(), title, ..self }
    }

    /// Something of ours failed. The cause is logged, never told.
    pub fn unavailable(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "request could not be served");
        let detail = "The service could not do this just now; nothing was changed. Try again in a few seconds.";
        let headers = vec![(header::RETRY_AFTER, HeaderValue::from_static("5"))];
        Self { headers, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let shown = Shown { problem: &self, instance: call::current().map(|id| call::urn(&id)) };
        let body = serde_json::to_vec(&shown).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Invalid(faults) => Self::invalid(faults),
            Rejected::UnknownReport(_) => {
                let detail = "There is no such report; GET /v1/reports lists those you may ask for.";
                Self::new(StatusCode::NOT_FOUND, "report_not_found", detail)
            }
            Rejected::KeyReused => {
                let detail = "This Idempotency-Key came with another body before; use a new key for another request.";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
            }
            Rejected::InFlight => {
                let detail = "The first request with this Idempotency-Key is being recorded; send it again.";
                let headers = vec![(header::RETRY_AFTER, HeaderValue::from_static("1"))];
                Self { headers, ..Self::new(StatusCode::CONFLICT, "idempotency_key_in_flight", detail) }
            }
            Rejected::Exhausted(standing) => Self::exhausted(&standing),
            Rejected::NoSeat(occupied) => licences::unavailable(&occupied),
            Rejected::Erased => Self::no_tenant(),
            Rejected::Definition(error) => error.into(),
            Rejected::Unavailable(error) => error.into(),
            Rejected::Table(error) => error.into(),
        }
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        let ConfigError::Invalid { .. } = &error else { return Self::unavailable(&error) };
        tracing::error!(%error, "report definition refused");
        let detail = "The definition of this report is broken; tell the operator of the service.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "definition_invalid", detail)
    }
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<AwsError> for Problem {
    fn from(error: AwsError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<SignError> for Problem {
    fn from(error: SignError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        Self::unavailable(&error)
    }
}
