//! Asking for a report, and asking for it again.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use waybill::{
    accept::{Accepted, Order, Preview, add_when_empty, add_wishes},
    clock,
    domain::{
        delivery::Target,
        id::RequestId,
        interface::Terms,
        licence::SeatAsk,
        quota::Standing,
        request::{Receipt, Request},
    },
};

use super::{POLL_AFTER, describe, load, terms};
use crate::{app::App, auth::MayRequest, body::JsonBody, problem::Problem, routes::licences};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// That the answer was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest idempotency key, in bytes.
pub const MAX_KEY: usize = 255;

/// `POST /v1/requests`: 202 once it is recorded; with `validate_only`, 200 and nothing recorded.
pub async fn create(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let seat = licences::asked(&headers)?;
    let once = Once { key: idempotency_key(&headers)?, repeats: None };
    accept(&app, &caller, &body, once, seat).await
}

/// `POST /v1/requests/{request}/repeat`: the same again, under a new id, by the definition as it is now.
pub async fn repeat(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seat = licences::asked(&headers)?;
    let key = idempotency_key(&headers)?;
    let original = load(&app, &caller.tenant, &id).await?.row;
    let once = Once { key, repeats: Some(&original) };
    accept(&app, &caller, &as_asked(&original), once, seat).await
}

/// What tells a call from others of the same body.
struct Once<'a> {
    key: Option<&'a str>,
    repeats: Option<&'a Request>,
}

async fn accept(
    app: &Arc<App>,
    caller: &MayRequest,
    body: &Value,
    once: Once<'_>,
    seat: Option<SeatAsk>,
) -> Result<Response, Problem> {
    let tenant = app.tenant(&caller.tenant).await?;
    let id = RequestId::generate();
    let terms = match once.repeats {
        Some(original) => terms::repeated(app, original, id).await?,
        None => Terms::default(),
    };
    let order = Order {
        tenant: &tenant,
        by: &caller.subject,
        id,
        body,
        idempotency_key: once.key,
        repeats: once.repeats.map(|original| original.id),
        terms: &terms,
        seat: seat.as_ref(),
    };
    answer(app, &tenant.id, app.acceptor.accept(order, clock::now()).await?)
}

/// What a caller is told whose order was accepted.
pub fn answer(app: &App, tenant: &str, accepted: Accepted) -> Result<Response, Problem> {
    match accepted {
        Accepted::Valid(preview) => Ok(Json(describe_preview(&preview)).into_response()),
        Accepted::Recorded(receipt, standing) => {
            tracing::info!(request.id = %receipt.id, tenant.id = tenant, report.id = receipt.report, "request recorded");
            let mut response = recorded(app, &receipt, false)?;
            if let Some(standing) = standing {
                response.headers_mut().extend(rate_limit(&standing));
            }
            Ok(response)
        }
        Accepted::Replayed { receipt, coalesced } => {
            let mut response = recorded(app, &receipt, coalesced)?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Accepted::Joined(receipt) => {
            tracing::info!(request.id = %receipt.id, tenant.id = tenant, "joined a request in flight");
            recorded(app, &receipt, true)
        }
    }
}

/// How a quota stands, as headers: `RateLimit-Limit`, `-Remaining`, `-Reset` (seconds).
pub fn rate_limit(standing: &Standing) -> [(HeaderName, HeaderValue); 3] {
    [
        (HeaderName::from_static("ratelimit-limit"), standing.limit.into()),
        (HeaderName::from_static("ratelimit-remaining"), standing.remaining.into()),
        (HeaderName::from_static("ratelimit-reset"), standing.reset_seconds.into()),
    ]
}

/// The same for the same request, however often and in whatever state it is told.
fn recorded(app: &App, receipt: &Receipt, coalesced: bool) -> Result<Response, Problem> {
    let location = format!("/v1/requests/{}", receipt.id);
    let mut shown = json!({
        "id": receipt.id,
        "status": "QUEUED",
        "report": receipt.report,
        "format": receipt.format,
        "packaging": receipt.packaging,
        "created_at": receipt.created_at,
        "status_url": format!("{}{location}", app.public_url),
    });
    add_wishes(&mut shown, &receipt.style, &receipt.wrapping, receipt.packaging);
    add_when_empty(&mut shown, receipt.when_empty);
    if let Some(repeats) = receipt.repeats {
        shown["repeats"] = json!(repeats);
    }
    if coalesced {
        shown["coalesced"] = json!(true);
    }
    let headers = [
        (header::LOCATION, HeaderValue::from_str(&location).map_err(|e| Problem::unavailable(&e))?),
        (header::RETRY_AFTER, HeaderValue::from_static(POLL_AFTER)),
    ];
    Ok((StatusCode::ACCEPTED, headers, Json(shown)).into_response())
}

/// What a request would be.
pub fn describe_preview(preview: &Preview) -> Value {
    let asked = &preview.asked;
    let mut shown = json!({
        "valid": true,
        "report": asked.report,
        "report_version": asked.report_version,
        "parameters": asked.parameters,
        "resolved": describe::resolved(&asked.resolved),
        "format": asked.format,
        "packaging": asked.packaging,
        "presenter_id": asked.presenter_id,
        "retention_hours": asked.retention_hours,
        "expected_rows": preview.estimate.as_ref().map(|estimate| json!({
            "rows": estimate.rows, "basis": estimate.basis, "runs": estimate.runs,
        })),
    });
    add_wishes(&mut shown, &asked.style, &asked.wrapping, asked.packaging);
    add_when_empty(&mut shown, asked.when_empty);
    if let Some(filter) = &asked.filter {
        shown["filter"] = filter.as_asked();
    }
    shown
}

/// The body that a request was made with, its defaults filled in, and of the same days.
fn as_asked(request: &Request) -> Value {
    let mut body = json!({
        "report": request.report,
        "parameters": request.stated(),
        "format": request.format,
        "packaging": request.packaging,
        "presenter_id": request.presenter_id,
    });
    match &request.delivery {
        Some(Target::Webhook { url, .. }) => body["delivery"] = json!({"webhook": {"url": url}}),
        Some(Target::Endpoint { id }) => body["delivery"] = json!({"endpoint": id}),
        Some(Target::Jira { issue }) => body["delivery"] = json!({"jira": {"issue": issue}}),
        Some(Target::Email { to, .. }) => body["delivery"] = json!({"email": {"to": to}}),
        None => {}
    }
    add_wishes(&mut body, &request.style, &request.wrapping, request.packaging);
    add_when_empty(&mut body, request.when_empty);
    if let Some(filter) = &request.filter {
        body["filter"] = filter.as_asked();
    }
    body
}

/// The one `Idempotency-Key`, if there is any.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).filter(|key| (1..=MAX_KEY).contains(&key.len()));
    let detail = format!("Send the header `Idempotency-Key` once, with 1 to {MAX_KEY} visible ASCII characters.");
    let invalid = || Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_invalid", detail.clone());
    if values.next().is_some() {
        return Err(invalid());
    }
    key.map(Some).ok_or_else(invalid)
}
