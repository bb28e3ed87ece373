//! Request bodies: JSON, at most 64 KiB.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use http::StatusCode;
use serde_json::Value;

use crate::problem::Problem;

/// Largest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// The body is larger than that.
pub fn too_large() -> Problem {
    let detail = format!("The body may have at most {MAX_BODY} bytes.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

/// A body of at most [`MAX_BODY`] bytes, whatever it holds.
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|_| too_large())
    }
}

/// A body that is well-formed JSON, whatever it says.
pub struct JsonBody(pub Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        json(&RawBody::from_request(request, state).await?.0).map(Self)
    }
}

/// Reads well-formed JSON.
pub fn json(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        // serde's message quotes nothing but punctuation and positions for syntax errors.
        let detail = format!("The body is not JSON: {error}.");
        Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
    })
}
