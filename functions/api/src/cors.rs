//! Pages of other origins that may call the API (CORS), as the operator names them; none unless set.
//!
//! An origin is exact, and no cookie is ever read, so there are neither `*` nor credentials. The function answers by itself:
//! behind a `$default` route API Gateway hands it the preflights.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use url::{Origin, Url};
use waybill::config::{self, ConfigError};

/// What pages may send.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, x-api-key, x-request-id, idempotency-key, if-match, if-none-match, x-license-context",
);

/// What pages may see of an answer, besides what every page may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "location, etag, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, x-request-id, \
     idempotency-replayed, waybill-manifest-sha256",
);

/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Origins that may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    origins: Arc<[HeaderValue]>,
}

impl Cors {
    /// Those of `WAYBILL_CORS_ORIGINS`, with commas between.
    pub fn from_env() -> Result<Self, ConfigError> {
        let name = "WAYBILL_CORS_ORIGINS";
        Self::parse(&config::optional(name)).map_err(|reason| ConfigError { name, reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(Self { origins: entries.map(origin).collect::<Result<Vec<_>, _>>()?.into() })
    }

    /// The origin of a call, if it is one of them.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.origins.contains(origin).then(|| origin.clone())
    }
}

/// As browsers write it: scheme, host, and the port where it is not the scheme's own.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let refused = || format!("{text:?} is not an origin such as https://portal.example.com");
    let read = Url::parse(text).map_err(|_| refused())?.origin();
    let exact = matches!(read, Origin::Tuple(..)) && read.ascii_serialization() == text && !text.contains('*');
    if exact { HeaderValue::from_str(text).map_err(|_| refused()) } else { Err(refused()) }
}

/// Answers preflights of those origins, and lets them see other answers. Calls of other pages are answered as those of
/// programs are, without a word that would let a page see the answer.
pub async fn shared(State(cors): State<Cors>, request: Request, next: Next) -> Response {
    if cors.origins.is_empty() {
        return next.run(request).await;
    }
    let allowed = cors.allowed(request.headers());
    let asked = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let is_preflight = request.method() == Method::OPTIONS && asked && allowed.is_some();
    let mut response = if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = allowed else { return response };
    let more: &[(HeaderName, HeaderValue)] = if is_preflight {
        &[
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ]
    } else {
        &[(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)]
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.extend(more.iter().cloned());
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use lambda_http::tower::ServiceExt;

    use super::*;

    #[test]
    fn origins_are_exact() {
        let read = Cors::parse(" https://a.example, http://localhost:5173 ,").unwrap();
        assert_eq!(*read.origins, ["https://a.example", "http://localhost:5173"]);
        assert_eq!(Cors::parse(""), Ok(Cors::default()));
        for text in
            ["*", "null", "https://*.example", "https://a.example/", "a.example", "https://a.example:443", "file:///x"]
        {
            assert!(Cors::parse(text).is_err(), "{text}");
        }
    }

    async fn call(origins: &str, method: Method, headers: &[(HeaderName, &str)]) -> Response {
        let cors = Cors::parse(origins).unwrap();
        let router: Router = Router::new().route("/", get(|| async {})).layer(from_fn_with_state(cors, shared));
        let request = Request::builder().method(method).uri("/");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn allowed(response: &Response) -> Option<&str> {
        response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn preflights_are_answered_for_named_origins_alone() {
        let (ours, theirs) = ("https://a.example", "https://b.example");
        let preflight = |origin| [(header::ORIGIN, origin), (header::ACCESS_CONTROL_REQUEST_METHOD, "GET")];
        let answer = call(ours, Method::OPTIONS, &preflight(ours)).await;
        assert_eq!((answer.status(), allowed(&answer)), (StatusCode::NO_CONTENT, Some(ours)));
        assert!(answer.headers().get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).is_none());
        for (origins, origin) in [(ours, theirs), ("", ours)] {
            let answer = call(origins, Method::OPTIONS, &preflight(origin)).await;
            assert_eq!(
                (answer.status(), allowed(&answer)),
                (StatusCode::METHOD_NOT_ALLOWED, None),
                "{origins} {origin}"
            );
        }
    }

    #[tokio::test]
    async fn answers_are_shown_to_named_origins_alone() {
        let answer = call("https://a.example", Method::GET, &[(header::ORIGIN, "https://a.example")]).await;
        assert_eq!(allowed(&answer), Some("https://a.example"));
        assert!(answer.headers()[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().contains("x-request-id"));
        assert_eq!(answer.headers()[header::VARY], "origin");
        let answer = call("https://a.example", Method::GET, &[(header::ORIGIN, "https://b.example")]).await;
        assert_eq!((answer.status(), allowed(&answer)), (StatusCode::OK, None));
    }
}
