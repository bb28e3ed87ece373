//! Errors in IDUnico's shape: `{"error": {"code", "message"}}`, the code being the HTTP status, with our own stable
//! `reason` beside it.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::problem::Problem;

/// A problem, as this interface tells it.
pub struct Refusal(Problem);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = &self.0;
        let mut error = json!({
            "code": problem.status().as_u16(),
            "message": problem.detail(),
            "reason": problem.code,
        });
        if !problem.errors().is_empty() {
            error["details"] = problem.errors().iter().map(detail).collect();
        }
        let mut response = (problem.status(), Json(json!({ "error": error }))).into_response();
        response.headers_mut().extend(problem.headers().iter().cloned());
        response
    }
}

fn detail(fault: &Value) -> Value {
    let text = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
    json!({ "field": text("pointer").trim_start_matches('/'), "reason": text("code"), "message": text("detail") })
}

/// The path is there, but not with this method.
pub async fn other_method() -> Refusal {
    let detail = "The path exists, but not with this method.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into()
}
