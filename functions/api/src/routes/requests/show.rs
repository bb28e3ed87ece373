//! A request as it is now, at once or once it has ended.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    accept::Fault,
    aws::table::{
        Row,
        keys::{self, Key},
    },
    clock,
    digest::sha256_hex,
    domain::{link::LinkMode, request::Request},
};

use super::{POLL_AFTER, describe, load, password};
use crate::{app::App, auth::MayRead, etag, page::Query, problem::Problem};

/// The longest that an answer is put off, in seconds: below the function's own time.
pub const MAX_WAIT: u64 = 20;

/// How often the row is read meanwhile.
const LOOK: Duration = Duration::from_millis(500);

/// `GET /v1/requests/{request}?wait=`: where it stands, and once done the file's figures and link. With `wait`, the
/// answer comes when the request has ended, at the latest after so many seconds. 304 if it is what
/// `If-None-Match` names.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wait = wait(query.as_deref())?;
    let request = ended(&app, &caller.tenant, &id, wait).await?;
    // Not the whole story: whoever has a link can make its uses many.
    let story = keys::story(&caller.tenant, request.id);
    let (mut rows, deliveries) =
        tokio::try_join!(app.table.query(&story, keys::PROGRESS), app.table.query(&story, keys::DELIVERIES))?;
    rows.extend(deliveries);
    let now = clock::now();
    let mut shown = describe::request(&request, now);
    describe::add_story(&mut shown, rows, &request);
    if let Some(url) = password::url(&app, &request, now) {
        shown["password_url"] = json!(url);
    }
    let tag = tag(&shown, linked(&request, now));
    let mut answer = if etag::named(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        // Not a part of the tag: a direct link is signed anew each time.
        if let Some((url, expires_at)) = link(&app, &request, now).await? {
            shown["link"] = json!({"mode": request.link.mode, "url": url, "expires_at": expires_at});
        }
        Json(shown).into_response()
    };
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).map_err(|e| Problem::unavailable(&e))?);
    if !request.status.is_final() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(POLL_AFTER));
    }
    Ok(answer)
}

fn wait(query: Option<&str>) -> Result<Duration, Problem> {
    let query = Query::parse(query, &["wait"])?;
    let Some(text) = query.get("wait") else { return Ok(Duration::ZERO) };
    let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
    let detail = format!("Must be a whole number of seconds from 0 to {MAX_WAIT}.");
    let fault = || Problem::bad_query(vec![Fault::new("wait", "out_of_range", detail)]);
    seconds.map(Duration::from_secs).ok_or_else(fault)
}

/// The request once it has ended, or as it is when the time is over.
pub async fn ended(app: &Arc<App>, tenant: &str, id: &str, wait: Duration) -> Result<Request, Problem> {
    let began = Instant::now();
    loop {
        let request = load(app, tenant, id).await?.row;
        let left = wait.saturating_sub(began.elapsed());
        if request.status.is_final() || left.is_zero() {
            return Ok(request);
        }
        tokio::time::sleep(LOOK.min(left)).await;
    }
}

/// Changes with what is shown, and when the link ends or is revoked.
fn tag(shown: &Value, linked: Option<Timestamp>) -> String {
    format!("\"{}\"", &sha256_hex(json!([shown, linked]).to_string().as_bytes())[..32])
}

/// End of the link that comes with the file, while it lives and was not revoked.
fn linked(request: &Request, now: Timestamp) -> Option<Timestamp> {
    let shown = request.link.mode == LinkMode::Direct || request.link_sealed.is_some();
    request.link_expires_at().filter(|end| shown && *end > now)
}

/// URL and end of the link that comes with the file, while it lives.
pub async fn link(app: &App, request: &Request, now: Timestamp) -> Result<Option<(String, Timestamp)>, Problem> {
    let Some(expires_at) = linked(request, now) else { return Ok(None) };
    let Some(sealed) = &request.link_sealed else {
        let direct = app.direct_url(request, now).await?;
        return Ok(direct.map(|direct| (direct.url, direct.expires_at)));
    };
    Ok(Some((app.link_url(&opened(app, &request.key(), sealed).await?), expires_at)))
}

/// Capability of the managed link that came with its file; none if there is none, or it was revoked.
pub async fn capability(app: &App, request: &Request) -> Result<Option<String>, Problem> {
    match &request.link_sealed {
        Some(sealed) => opened(app, &request.key(), sealed).await.map(Some),
        None => Ok(None),
    }
}

async fn opened(app: &App, key: &Key, sealed: &str) -> Result<String, Problem> {
    let keyring = app.sealing.get().await?;
    let opened = keyring.open(sealed, &key.associated()).map_err(|e| Problem::unavailable(&e))?;
    String::from_utf8(opened.expose().clone()).map_err(|e| Problem::unavailable(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_have_bounds() {
        assert_eq!(wait(Some("wait=20")).unwrap(), Duration::from_secs(20));
        assert_eq!(wait(None).unwrap(), Duration::ZERO);
        for query in ["wait=21", "wait=-1", "wait=x", "wait=1&wait=2", "weight=1"] {
            assert_eq!(wait(Some(query)).unwrap_err().code, "query_invalid", "{query}");
        }
    }
}
