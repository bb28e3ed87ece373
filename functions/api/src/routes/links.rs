//! Managed links: a capability in, a redirect to the file out.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use waybill::{
    aws::table::{keys::Key, rows::LinkRow},
    clock,
    domain::request::{Request, Status},
};

use crate::{app::App, problem::Problem};

/// `GET` and `HEAD /v1/links/{capability}`: 302 to a presigned URL of at most five minutes, 410 once the
/// link's life has ended.
pub async fn follow(
    State(app): State<Arc<App>>,
    method: Method,
    Path(capability): Path<String>,
) -> Result<Response, Problem> {
    let now = clock::now();
    let row = app.table.get::<LinkRow>(&Key::link(&capability)).await?;
    let link = row.ok_or_else(|| Problem::not_found("link"))?.row.link;
    let gone = || {
        let detail = "The report has expired and its file was deleted; request it again.";
        Problem::new(StatusCode::GONE, "link_expired", detail)
    };
    let life = link.redirect_life(now).ok_or_else(gone)?;
    let request = app.table.get::<Request>(&Key::request(&link.tenant, link.request)).await?;
    if request.is_none_or(|request| request.row.status != Status::Succeeded) {
        return Err(gone());
    }
    let url = if method == Method::HEAD {
        app.objects.presigned_head(&link.key, life).await?
    } else {
        app.objects.presigned_get(&link.key, life).await?
    };
    tracing::info!(request.id = %link.request, tenant.id = link.tenant, "link followed");
    let location = HeaderValue::from_str(&url).map_err(|e| Problem::unavailable(&e))?;
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    Ok((StatusCode::FOUND, headers).into_response())
}
