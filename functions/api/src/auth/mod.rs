//! Who calls, and for whom.
//!
//! A bearer JWT of a configured issuer proves a subject; the recorded mapping (issuer, subject) → tenant
//! says whose it is. No claim of a token ever names the tenant. Only the operator's configuration makes a
//! subject an admin, and an admin belongs to no tenant.

mod caller;
mod issuers;
mod keys;
mod token;

use std::sync::Arc;

use waybill::{
    aws::{
        config_store::ConfigStore,
        table::{Table, keys::Key, rows::Identity},
    },
    domain::tenant::Scope,
    guard::Guard,
};

pub use self::caller::{Admin, MayRead, MayRequest};
use self::{issuers::Issuers, token::Verified};
use crate::problem::Problem;

/// A caller whose credential was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The operator, who belongs to no tenant.
    Admin,
    /// Somebody who acts for a tenant.
    Member {
        /// Which.
        tenant: String,
        /// `issuer subject`, for the record.
        subject: String,
        /// What it may do.
        scopes: Vec<Scope>,
    },
}

/// Checks credentials.
pub struct Authenticator {
    issuers: Issuers,
    table: Table,
}

impl Authenticator {
    /// Reads issuers from the configuration bucket and mappings from the table.
    pub fn new(config: Arc<ConfigStore>, table: Table, guard: Arc<Guard>) -> Self {
        Self { issuers: Issuers::new(config, guard), table }
    }

    /// The caller behind a bearer token. A token that names scopes of ours is limited to them.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, Problem> {
        let Verified { issuer, subject, admin, scopes: limits } = self.issuers.verify(token).await?;
        let within_limits = |scope: &Scope| limits.as_ref().is_none_or(|limits| limits.contains(scope));
        if admin && within_limits(&Scope::Admin) {
            return Ok(Caller::Admin);
        }
        let identity = self.table.get::<Identity>(&Key::identity(&issuer, &subject)).await?;
        let Some(Identity { tenant, scopes, .. }) = identity.map(|stored| stored.row) else {
            let detail = "The token is good, but its subject acts for no tenant here; ask the operator to add it.";
            return Err(Problem::new(http::StatusCode::FORBIDDEN, "unknown_subject", detail));
        };
        let scopes = scopes.into_iter().filter(|scope| *scope != Scope::Admin && within_limits(scope)).collect();
        Ok(Caller::Member { tenant, subject: format!("{issuer} {subject}"), scopes })
    }
}
