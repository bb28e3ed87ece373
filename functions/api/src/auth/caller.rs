//! Extractors: a handler that takes one of these is reached only by callers with that right.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use lambda_http::request::RequestContext;
use waybill::{clock, domain::tenant::Scope};

use super::{Caller, credential::Credential};
use crate::{app::App, problem::Problem};

/// A caller of a tenant with `reports:read`.
pub struct MayRead {
    /// Whose data it sees.
    pub tenant: String,
    /// Who it is.
    pub subject: String,
}

/// A caller of a tenant with `reports:request`.
pub struct MayRequest {
    /// For whom it asks.
    pub tenant: String,
    /// Who it is.
    pub subject: String,
    /// Whether it has `reports:read` too, and so may have what it asks for as the answer.
    pub reads: bool,
}

/// A caller of a tenant with `endpoints:write`.
pub struct MayWriteEndpoints {
    /// Whose endpoints it manages.
    pub tenant: String,
    /// Who it is.
    pub subject: String,
}

/// The operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Who it is: `issuer subject`.
    pub subject: String,
    /// From where it calls, as API Gateway saw it.
    pub ip: Option<String>,
}

impl FromRequestParts<Arc<App>> for MayRead {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Member { tenant, subject, .. } = member(parts, app, Scope::ReportsRead).await?;
        Ok(Self { tenant, subject })
    }
}

impl FromRequestParts<Arc<App>> for MayRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Member { tenant, subject, scopes } = member(parts, app, Scope::ReportsRequest).await?;
        Ok(Self { tenant, subject, reads: scopes.contains(&Scope::ReportsRead) })
    }
}

impl FromRequestParts<Arc<App>> for MayWriteEndpoints {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Member { tenant, subject, .. } = member(parts, app, Scope::EndpointsWrite).await?;
        Ok(Self { tenant, subject })
    }
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match caller(parts, app).await? {
            Caller::Admin { subject } => Ok(Self { subject, ip: source_ip(parts) }),
            Caller::Member { .. } => Err(lacks(Scope::Admin)),
        }
    }
}

async fn caller(parts: &Parts, app: &App) -> Result<Caller, Problem> {
    app.authenticator.authenticate(Credential::of(&parts.headers)?, clock::now()).await
}

/// Who acts for a tenant.
struct Member {
    tenant: String,
    subject: String,
    scopes: Vec<Scope>,
}

/// A caller with that right.
async fn member(parts: &Parts, app: &App, needed: Scope) -> Result<Member, Problem> {
    match caller(parts, app).await? {
        Caller::Member { tenant, subject, scopes } if scopes.contains(&needed) => {
            Ok(Member { tenant, subject, scopes })
        }
        Caller::Admin { .. } => {
            let detail = "An administrator acts for no tenant; use a credential of the tenant's, such as an API key.";
            Err(Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail))
        }
        Caller::Member { .. } => Err(lacks(needed)),
    }
}

/// From where the call comes, as API Gateway saw it: no header that a caller could write.
pub fn source_ip(parts: &Parts) -> Option<String> {
    match parts.extensions.get::<RequestContext>()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.clone(),
        _ => None,
    }
}

fn lacks(needed: Scope) -> Problem {
    let detail = format!("This needs the scope {}.", needed.name());
    Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail)
}
