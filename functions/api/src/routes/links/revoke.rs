//! The early end of a managed link.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use waybill::{
    aws::table::{TableError, Write, keys::Key},
    clock,
    domain::{
        id::LinkId,
        link::{BY_WORKER, Link, LinkMode},
        request::Request,
    },
};

use super::describe;
use crate::{app::App, auth::MayRequest, problem::Problem, routes::requests::load};

/// How often a change is tried anew when somebody else changed a row in between, as a download does.
const CONFLICTS: usize = 10;

/// `DELETE /v1/requests/{request}/links/{link}`: from now on the link is refused. Doing it again changes nothing.
pub async fn revoke(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path((id, link)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("link");
    let link: LinkId = link.parse().map_err(|_| unknown())?;
    for _ in 0..CONFLICTS {
        let request = load(&app, &caller.tenant, &id).await?;
        let read = app.table.get::<Link>(&Key::link(&caller.tenant, request.row.id, link)).await?;
        let read = read.ok_or_else(unknown)?;
        if read.row.mode == LinkMode::Direct {
            let detail = "S3 asks nobody before it opens a direct link, so that it cannot be revoked. Only the deletion of \
                          the file ends it: DELETE /v1/requests/{id}.";
            return Err(Problem::new(StatusCode::CONFLICT, "link_not_revocable", detail));
        }
        if read.row.revoked_at.is_some() {
            return Ok(describe::shown(&describe::describe(&read.row)));
        }
        let revoked = Link { revoked_at: Some(clock::now()), ..read.row.clone() };
        let mut writes = vec![Write::replace(&read, &revoked)?];
        if revoked.created_by == BY_WORKER {
            // The one that the status shows: it shows none from now on.
            writes.push(Write::replace(&request, &Request { link_sealed: None, ..request.row.clone() })?);
        }
        match app.table.write(writes).await {
            Ok(()) => {
                tracing::info!(request.id = %revoked.request, link.id = %link, "link revoked");
                return Ok(describe::shown(&describe::describe(&revoked)));
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::unavailable(&TableError::Conflict))
}
