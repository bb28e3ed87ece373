//! The early end of a managed link.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use waybill::{
    aws::table::{TableError, keys::Key},
    clock,
    domain::{
        id::LinkId,
        link::{BY_WORKER, Link, LinkMode},
        request::Request,
    },
};

use super::describe;
use crate::{app::App, auth::MayRequest, problem::Problem, routes::requests::load};

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 10;

/// `DELETE /v1/requests/{request}/links/{link}`: from now on the link is refused. Doing it again changes nothing.
pub async fn revoke(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path((id, link)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("link");
    let link: LinkId = link.parse().map_err(|_| unknown())?;
    let request = load(&app, &caller.tenant, &id).await?.row;
    let key = Key::link(&caller.tenant, request.id, link);
    let read = app.table.get::<Link>(&key).await?.ok_or_else(unknown)?.row;
    if read.mode == LinkMode::Direct {
        let detail = "S3 asks nobody before it opens a direct link, so that it cannot be revoked. Only the deletion of \
                      the file ends it: DELETE /v1/requests/{id}.";
        return Err(Problem::new(StatusCode::CONFLICT, "link_not_revocable", detail));
    }
    if read.created_by == BY_WORKER {
        hide(&app, &caller.tenant, &id).await?;
    }
    let now = clock::now();
    let revoked = app.table.revoke_link(&key, now).await?.ok_or_else(unknown)?.row;
    tracing::info!(request.id = %request.id, link.id = %link, "link revoked");
    Ok(describe::shown(&describe::describe(&revoked, &request, now)))
}

/// The status shows no link from now on. Before the link ends, so that who is not answered and asks again ends it.
async fn hide(app: &Arc<App>, tenant: &str, id: &str) -> Result<(), Problem> {
    for _ in 0..CONFLICTS {
        let request = load(app, tenant, id).await?;
        if request.row.link_sealed.is_none() {
            return Ok(());
        }
        let hidden = Request { link_sealed: None, ..request.row.clone() };
        match app.table.replace(&request, hidden).await {
            Ok(_) => return Ok(()),
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::unavailable(&TableError::Conflict))
}
