//! New links to a file that is there.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use waybill::{
    accept::Fault,
    aws::{
        link_signer::DirectUrl,
        table::{Stored, TableError, Write, keys::story, rows::LinkRow},
    },
    clock,
    digest::sha256_hex,
    domain::{
        id::LinkId,
        link::{self, Link, LinkMode, MAX_DIRECT_LIFE, MAX_LIVE, Refusal},
        request::Request,
    },
    seal::{random_bytes, random_token},
};

use super::{LINKS, read, wish};
use crate::{
    app::App,
    auth::MayRequest,
    body::JsonBody,
    problem::Problem,
    routes::requests::{load, unfinished},
};

/// How often a link is tried anew when the request was changed in between, as by other new links.
const CONFLICTS: usize = 10;

/// `POST /v1/requests/{request}/links`: 201 with the URL, which is shown this once.
pub async fn make(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let mut read = load(&app, &caller.tenant, &id).await?;
    let wish = wish::parse(&body).map_err(Problem::invalid)?;
    for _ in 0..CONFLICTS {
        let now = clock::now();
        let links = links_of(&app, &read.row).await?;
        let live = links.iter().filter(|link| link.is_live(now)).count();
        let (mode, ends) = link::admit(&read.row, wish, live, now).map_err(|refusal| refused(refusal, &body))?;
        let mut link = Link {
            id: LinkId::generate(),
            tenant: caller.tenant.clone(),
            request: read.row.id,
            key: read.row.file.as_ref().map(|file| file.key.clone()).ok_or_else(no_file)?,
            mode,
            capability_hash: None,
            created_by: caller.subject.clone(),
            created_at: now,
            expires_at: ends,
            revoked_at: None,
            downloads: 0,
        };
        let url = match mode {
            LinkMode::Managed => {
                let capability = random_token();
                link.capability_hash = Some(sha256_hex(capability.expose().as_bytes()));
                app.link_url(capability.expose())
            }
            LinkMode::Direct => {
                let signed = app.signer.sign(&link.key, now, ends).await?;
                let DirectUrl { url, expires_at } = signed.ok_or_else(|| refused(Refusal::Gone, &body))?;
                link.expires_at = expires_at;
                url
            }
        };
        match record(&app, &read, &link).await {
            Ok(()) => {
                tracing::info!(request.id = %link.request, link.id = %link.id, mode = mode.name(), "link made");
                return Ok(made(&link, &url));
            }
            Err(TableError::Conflict) => {
                tokio::time::sleep(pause()).await;
                read = load(&app, &caller.tenant, &id).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::unavailable(&TableError::Conflict))
}

/// Of random length, so that those who met part.
fn pause() -> Duration {
    Duration::from_millis(u64::from(random_bytes::<1>()[0]))
}

async fn links_of(app: &App, request: &Request) -> Result<Vec<Link>, Problem> {
    Ok(read(app.table.query(&story(&request.tenant, request.id), LINKS).await?))
}

/// On condition that the request is as it was: its file has not gone, and nobody has made a link at the same time, so
/// that their number keeps its bound.
async fn record(app: &App, read: &Stored<Request>, link: &Link) -> Result<(), TableError> {
    let mut writes = vec![Write::replace(read, &read.row)?, Write::insert(link)?];
    if let Some(pointer) = LinkRow::of(link) {
        writes.push(Write::insert(&pointer)?);
    }
    app.table.write(writes).await
}

fn made(link: &Link, url: &str) -> Response {
    let shown = json!({
        "id": link.id,
        "mode": link.mode,
        "url": url,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
    });
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::CREATED, headers, Json(shown)).into_response()
}

fn no_file() -> Problem {
    let detail = "The request ended without a file; see its status.";
    Problem::new(StatusCode::CONFLICT, "no_file", detail)
}

fn refused(refusal: Refusal, body: &serde_json::Value) -> Problem {
    let pointer = || wish::life_pointer(body);
    let too_long = |detail: String| Problem::invalid(vec![Fault::new(pointer(), "out_of_range", detail)]);
    match refusal {
        Refusal::Unfinished => unfinished("The request has not ended; ask for a link once its file is there."),
        Refusal::NoFile => no_file(),
        Refusal::Gone => {
            let detail = "The report's file is gone; request the report again.";
            Problem::new(StatusCode::GONE, "file_gone", detail)
        }
        Refusal::TooMany => {
            let detail = format!("{MAX_LIVE} links of this request are live; revoke one, or wait for its end.");
            Problem::new(StatusCode::CONFLICT, "too_many_links", detail)
        }
        Refusal::TooShort => Problem::invalid(vec![wish::too_short(pointer())]),
        Refusal::LongerThanFile(left) => {
            too_long(format!("The file is there for {} more seconds; no link outlives it.", left.as_secs()))
        }
        Refusal::LongerThanSignature => {
            too_long(format!("A direct link lives at most {} seconds.", MAX_DIRECT_LIFE.as_secs()))
        }
    }
}
