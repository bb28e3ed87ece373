//! The document and its page, for anybody.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use waybill::digest::sha256_hex;

use super::{
    operation::Operation,
    page,
    schema::{described, text},
};
use crate::{app::App, etag, problem::Problem};

/// Both are the same for all, and change with a release.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A body that is made once, and its tag.
struct Made {
    body: String,
    tag: String,
}

impl Made {
    fn new(body: String) -> Self {
        let tag = format!("\"{}\"", &sha256_hex(body.as_bytes())[..32]);
        Self { body, tag }
    }

    fn answer(&self, headers: &HeaderMap, media_type: &'static str) -> Result<Response, Problem> {
        let tag = HeaderValue::from_str(&self.tag).map_err(|e| Problem::unavailable(&e))?;
        let same = [(header::ETAG, tag), (header::CACHE_CONTROL, CACHE)];
        if etag::named(headers, &self.tag) {
            return Ok((StatusCode::NOT_MODIFIED, same).into_response());
        }
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
        Ok((same, kind, self.body.clone()).into_response())
    }
}

static DOCUMENT: OnceLock<Made> = OnceLock::new();
static PAGE: OnceLock<Made> = OnceLock::new();

/// `GET /openapi.json`.
pub async fn document(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let made = DOCUMENT.get_or_init(|| Made::new(super::document(&app.public_url).to_string()));
    made.answer(&headers, "application/json")
}

/// `GET /docs`. The page needs nothing but itself: no script, and no other host.
pub async fn page(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let made = PAGE.get_or_init(|| Made::new(page::render(&super::document(&app.public_url), &super::operations())));
    let mut answer = made.answer(&headers, "text/html; charset=utf-8")?;
    let policy = HeaderValue::from_str(&page::policy()).map_err(|e| Problem::unavailable(&e))?;
    answer.headers_mut().extend([
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]);
    Ok(answer)
}

/// What there is to be had of the description itself.
pub fn operations() -> Vec<Operation> {
    let tagged = |operation: Operation| {
        operation
            .with_header("ETag", true, text())
            .answers_nothing(StatusCode::NOT_MODIFIED, "It is what `If-None-Match` names.")
            .header("If-None-Match", described(text(), "An `ETag` of an earlier answer."))
    };
    let openapi = Operation::get("/openapi.json", ["openapi", "Service", "This description"])
        .about("OpenAPI 3.1.")
        .answers(StatusCode::OK, "The document.", json!({ "type": "object", "required": ["openapi", "paths"] }));
    let page = Operation::get("/docs", ["docs", "Service", "This description, as a page"]).answers_with(
        StatusCode::OK,
        "The page.",
        "text/html",
        text(),
    );
    vec![tagged(openapi), tagged(page)]
}
