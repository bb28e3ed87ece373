//! Extractors: a handler that takes one of these is reached only by callers with that right.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{StatusCode, header, request::Parts};
use waybill::domain::tenant::Scope;

use super::Caller;
use crate::{app::App, problem::Problem};

/// A caller of a tenant with `reports:read`.
pub struct MayRead {
    /// Whose data it sees.
    pub tenant: String,
}

/// A caller of a tenant with `reports:request`.
pub struct MayRequest {
    /// For whom it asks.
    pub tenant: String,
    /// Who it is.
    pub subject: String,
}

/// The operator.
pub struct Admin;

impl FromRequestParts<Arc<App>> for MayRead {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let (tenant, _) = member(parts, app, Scope::ReportsRead).await?;
        Ok(Self { tenant })
    }
}

impl FromRequestParts<Arc<App>> for MayRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let (tenant, subject) = member(parts, app, Scope::ReportsRequest).await?;
        Ok(Self { tenant, subject })
    }
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match app.authenticator.authenticate(bearer(parts)?).await? {
            Caller::Admin => Ok(Self),
            Caller::Member { .. } => Err(lacks(Scope::Admin)),
        }
    }
}

/// Tenant and subject of a caller with that right.
async fn member(parts: &Parts, app: &App, needed: Scope) -> Result<(String, String), Problem> {
    match app.authenticator.authenticate(bearer(parts)?).await? {
        Caller::Member { tenant, subject, scopes } if scopes.contains(&needed) => Ok((tenant, subject)),
        _ => Err(lacks(needed)),
    }
}

fn lacks(needed: Scope) -> Problem {
    let detail = format!("This needs the scope {}.", needed.name());
    Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail)
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let missing =
        || Problem::unauthorized("credential_missing", "Send the header `Authorization: Bearer <token>`, once.");
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(token.trim())
}
