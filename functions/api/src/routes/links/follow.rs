//! A capability in, a redirect to the file out.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use waybill::{
    aws::table::{TableError, keys::Key, rows::LinkRow},
    clock,
    domain::{
        link::{Link, LinkPointer, LinkUse, MAX_USER_AGENT, UseOutcome},
        request::Request,
        tenant::Tenant,
    },
};

use crate::{app::App, auth::source_ip, problem::Problem};

/// Who follows a link: nobody asks it to say more.
pub struct Client {
    ip: Option<String>,
    user_agent: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let agent = parts.headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let user_agent = agent.map(|agent| agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect());
        Ok(Self { ip: source_ip(parts), user_agent })
    }
}

/// `GET` and `HEAD /v1/links/{capability}`: 302 to a presigned URL of at most five minutes, 410 once the link or its
/// file has ended. Every use is on record before it is answered; only a `GET` counts as a download.
pub async fn follow(
    State(app): State<Arc<App>>,
    method: Method,
    client: Client,
    Path(capability): Path<String>,
) -> Result<Response, Problem> {
    let (link, life) = open(&app, &capability, &method, client).await?;
    redirect(&app, &link, &method, life).await
}

/// What a capability opens, and for how long. The use is on record when this answers.
pub async fn open(
    app: &App,
    capability: &str,
    method: &Method,
    client: Client,
) -> Result<(Link, SignedDuration), Problem> {
    let now = clock::now();
    let (link, request) = Box::pin(found(app, capability)).await?;
    let life = link.follow(request.as_ref(), now);
    let outcome = life.err().unwrap_or(UseOutcome::Redirected);
    app.table.record_use(&used(&link, method, client, outcome, now)).await?;
    let life = life.map_err(gone)?;
    tracing::info!(request.id = %link.request, tenant.id = link.tenant, link.id = %link.id, "link followed");
    Ok((link, life))
}

/// To the file itself, for so long.
pub async fn redirect(app: &App, link: &Link, method: &Method, life: SignedDuration) -> Result<Response, Problem> {
    let url = if *method == Method::HEAD {
        app.objects.presigned_head(&link.key, life).await?
    } else {
        app.objects.presigned_get(&link.key, life).await?
    };
    let location = HeaderValue::from_str(&url).map_err(|e| Problem::unavailable(&e))?;
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    Ok((StatusCode::FOUND, headers).into_response())
}

/// The link of a capability, and the request that it belongs to.
async fn found(app: &App, capability: &str) -> Result<(Link, Option<Request>), Problem> {
    let unknown = || Problem::not_found("link");
    let pointer = app.table.get::<LinkRow>(&Key::link_pointer(capability)).await?.ok_or_else(unknown)?.row.pointer;
    let (request_key, tenant_key) = (Key::request(&pointer.tenant, pointer.request), Key::tenant(&pointer.tenant));
    let (link, request, tenant) = tokio::try_join!(
        recorded(app, &pointer),
        app.table.get::<Request>(&request_key),
        app.table.get::<Tenant>(&tenant_key)
    )?;
    // An erasure takes these rows away, but not at once.
    tenant.filter(|tenant| tenant.row.erasure.is_none()).ok_or_else(unknown)?;
    let request = request.map(|request| request.row);
    let earlier = || request.as_ref().and_then(|request| Link::of_pointer(&pointer, request));
    let link = link.or_else(earlier).ok_or_else(unknown)?;
    Ok((link, request))
}

async fn recorded(app: &App, pointer: &LinkPointer) -> Result<Option<Link>, TableError> {
    let Some(link) = pointer.link else { return Ok(None) };
    let stored = app.table.get::<Link>(&Key::link(&pointer.tenant, pointer.request, link)).await?;
    Ok(stored.map(|stored| stored.row))
}

fn used(link: &Link, method: &Method, client: Client, outcome: UseOutcome, at: Timestamp) -> LinkUse {
    LinkUse {
        id: Uuid::now_v7(),
        tenant: link.tenant.clone(),
        request: link.request,
        link: link.id,
        at,
        method: method.to_string(),
        outcome,
        ip: client.ip,
        user_agent: client.user_agent,
    }
}

fn gone(outcome: UseOutcome) -> Problem {
    let (code, detail) = match outcome {
        UseOutcome::Revoked => ("link_revoked", "The link was revoked; ask whoever gave it to you for another."),
        UseOutcome::Deleted => ("file_deleted", "The report's file was deleted; request the report again."),
        UseOutcome::Expired | UseOutcome::Redirected => {
            ("link_expired", "The link's life has ended; ask for a new link, or request the report again.")
        }
    };
    Problem::new(StatusCode::GONE, code, detail)
}
