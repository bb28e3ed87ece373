//! The links of a request, without what would open its file.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::{keys::story, pages::PageQuery},
    clock,
    domain::{
        link::{Link, LinkMode},
        request::Request,
    },
};

use super::{LINKS, read};
use crate::{
    app::App,
    auth::MayRead,
    page::{self, Query},
    problem::Problem,
    routes::requests::load,
};

/// `GET /v1/requests/{request}/links`: newest first, in pages.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let request = load(&app, &caller.tenant, &id).await?.row;
    let name = format!("links of {}", request.id);
    let page = wanted(query.as_deref(), &name, LINKS)?;
    let page = app.table.page(&story(&request.tenant, request.id), page).await?;
    let next = page.next.map(|after| page::cursor(&name, &after));
    let now = clock::now();
    let links: Vec<Value> = read::<Link>(page.rows).iter().map(|link| describe(link, &request, now)).collect();
    Ok(shown(&json!({"links": links, "next_cursor": next})))
}

/// The page that `limit` and `cursor` ask for.
pub fn wanted(query: Option<&str>, list: &str, prefix: &str) -> Result<PageQuery, Problem> {
    let (limit, after) = Query::parse(query, &["limit", "cursor"])?.page(list, vec![])?;
    Ok(PageQuery::newest(prefix, limit, after))
}

/// A link as its tenant sees it. Nobody knows how often a direct one was used.
pub fn describe(link: &Link, request: &Request, now: Timestamp) -> Value {
    json!({
        "live": link.follow(Some(request), now).is_ok(),
        "id": link.id,
        "mode": link.mode,
        "created_by": link.created_by,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "revoked_at": link.revoked_at,
        "downloads": (link.mode == LinkMode::Managed).then_some(link.downloads),
    })
}

/// An answer that no cache keeps.
pub fn shown(body: &Value) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
