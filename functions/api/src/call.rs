//! What every call has, whatever its route: an id, a span in the log, and an answer even where a handler panics.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::request::RequestContext;
use tracing::Instrument;
use uuid::Uuid;

use crate::problem::Problem;

/// Names the call, in and out.
pub const CALL_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id of a caller's own.
const MAX_ID: usize = 128;

tokio::task_local! {
    /// Id of the call that the task answers.
    static CURRENT: HeaderValue;
}

/// Id of the call that is being answered; none outside of one.
pub fn current() -> Option<HeaderValue> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Gives the call its id, in every line of the log that it causes and on its answer. An interface whose contract says what
/// `X-Request-Id` is has set its own.
pub async fn identified(request: Request, next: Next) -> Response {
    let id = id(request.headers());
    let (invocation, gateway) = origin(&request);
    let span = tracing::info_span!(
        "call",
        requestId = invocation,
        call.id = id.to_str().unwrap_or_default(),
        gateway.id = gateway,
        method = %request.method(),
    );
    let mut response = CURRENT.scope(id.clone(), answered(request, next)).instrument(span).await;
    response.headers_mut().entry(CALL_ID).or_insert(id);
    response
}

/// A panic is logged by the process's own hook, with its place; who called is told of a fault, not of it.
async fn answered(request: Request, next: Next) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        let detail = "A fault of the service, which is logged. Ask again; if it fails again, tell the operator.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail).into_response()
    })
}

/// The caller's, if it sent one that can stand in a log and a header; else a new one.
fn id(headers: &HeaderMap) -> HeaderValue {
    let mut sent = headers.get_all(CALL_ID).iter();
    let well_formed =
        |id: &&HeaderValue| (1..=MAX_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    match (sent.next().filter(well_formed), sent.next()) {
        (Some(id), None) => id.clone(),
        _ => made(),
    }
}

fn made() -> HeaderValue {
    let id = Uuid::new_v4().to_string();
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown")) // infallible: a UUID is ASCII
}

/// Ids of Lambda's invocation and of API Gateway's request.
fn origin(request: &Request) -> (String, String) {
    let extensions = request.extensions();
    let invocation = extensions.get::<lambda_http::Context>().map(|context| context.request_id.clone());
    let gateway = extensions.get::<RequestContext>().and_then(|context| match context {
        RequestContext::ApiGatewayV2(context) => context.request_id.clone(),
        _ => None,
    });
    (invocation.unwrap_or_default(), gateway.unwrap_or_default())
}

/// An id as a URN, for a problem's `instance`.
pub fn urn(id: &HeaderValue) -> String {
    let encoded = id.as_bytes().iter().map(|byte| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    });
    format!("urn:waybill:call:{}", encoded.collect::<String>())
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use lambda_http::tower::ServiceExt;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (CALL_ID, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn a_callers_id_is_kept_if_it_is_well_formed() {
        let long = [b'x'; 129];
        assert_eq!(id(&headers(&[b"abc-123/~"])), "abc-123/~");
        assert_eq!(id(&headers(&[&long[1..]])).len(), 128);
        let replaced: [&[&[u8]]; 6] = [&[], &[b""], &[b"a b"], &["é".as_bytes()], &[&long], &[b"a", b"b"]];
        for sent in replaced {
            let made = id(&headers(sent));
            assert!(Uuid::try_parse(made.to_str().unwrap()).is_ok(), "{sent:?}: {made:?}");
        }
    }

    #[test]
    fn an_id_becomes_a_urn() {
        assert_eq!(urn(&HeaderValue::from_static("a<b>%")), "urn:waybill:call:a%3Cb%3E%25");
    }

    #[tokio::test]
    async fn a_panic_is_a_problem() {
        let broken = || async {
            assert!(std::env::var_os("PATH").is_none(), "table secrets-of-ours");
        };
        let router: Router = Router::new().route("/", get(broken)).layer(from_fn(identified));
        let request = Request::builder().uri("/").header(CALL_ID, "mine").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(
            (response.status(), &response.headers()[CALL_ID]),
            (StatusCode::INTERNAL_SERVER_ERROR, &HeaderValue::from_static("mine"))
        );
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&problem["code"], &problem["instance"]),
            (&"internal_error".into(), &"urn:waybill:call:mine".into())
        );
        assert!(!problem.to_string().contains("secrets-of-ours"));
    }
}
