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

/// A caller of a tenant, where only what it asks for tells which right it needs.
#[derive(Debug, Clone)]
pub struct Member {
    /// Whose data it sees.
    pub tenant: String,
    /// Who it is.
    subject: String,
    scopes: Vec<Scope>,
}

impl Member {
    /// It has `reports:read`.
    pub fn may_read(&self) -> Result<MayRead, Problem> {
        self.needs(Scope::ReportsRead)?;
        Ok(MayRead { tenant: self.tenant.clone(), subject: self.subject.clone() })
    }

    /// It has `reports:request`.
    pub fn may_request(&self) -> Result<MayRequest, Problem> {
        self.needs(Scope::ReportsRequest)?;
        Ok(self.clone().requesting())
    }

    fn requesting(self) -> MayRequest {
        let reads = self.scopes.contains(&Scope::ReportsRead);
        MayRequest { tenant: self.tenant, subject: self.subject, reads }
    }

    fn needs(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(lacks(scope)) }
    }
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
        Ok(member(parts, app, Scope::ReportsRequest).await?.requesting())
    }
}

impl FromRequestParts<Arc<App>> for MayWriteEndpoints {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Member { tenant, subject, .. } = member(parts, app, Scope::EndpointsWrite).await?;
        Ok(Self { tenant, subject })
    }
}

impl FromRequestParts<Arc<App>> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        any_member(parts, app).await
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

/// A caller with that right.
async fn member(parts: &Parts, app: &App, needed: Scope) -> Result<Member, Problem> {
    let member = any_member(parts, app).await?;
    member.needs(needed)?;
    Ok(member)
}

async fn any_member(parts: &Parts, app: &App) -> Result<Member, Problem> {
    match caller(parts, app).await? {
        Caller::Member { tenant, subject, scopes } => Ok(Member { tenant, subject, scopes }),
        Caller::Admin { .. } => {
            let detail = "An administrator acts for no tenant; use a credential of the tenant's, such as an API key.";
            Err(Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail))
        }
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
