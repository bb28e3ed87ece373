//! Who calls, and for whom.
//!
//! A bearer JWT of a configured issuer proves a subject; the recorded mapping (issuer, subject) → tenant
//! says whose it is. No claim of a token ever names the tenant. Only the operator's configuration makes a
//! subject an admin, and an admin belongs to no tenant.

mod caller;
mod issuers;
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
pub struct Caller {
    /// The tenant it acts for; none for an admin.
    pub tenant: Option<String>,
    /// `issuer subject`, for the record.
    pub subject: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
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

    /// The caller behind a bearer token.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, Problem> {
        let verified = self.issuers.verify(token).await?;
        let mut caller = self.mapped(&verified).await?;
        if let Some(limits) = &verified.scopes {
            caller.scopes.retain(|scope| limits.contains(scope));
        }
        Ok(caller)
    }

    async fn mapped(&self, verified: &Verified) -> Result<Caller, Problem> {
        let subject = format!("{} {}", verified.issuer, verified.subject);
        if verified.admin {
            return Ok(Caller { tenant: None, subject, scopes: vec![Scope::Admin] });
        }
        let key = Key::identity(&verified.issuer, &verified.subject);
        let identity = self.table.get::<Identity>(&key).await?.map(|stored| stored.row);
        let Some(identity) = identity else {
            let detail = "The token is good, but its subject acts for no tenant here; ask the operator to add it.";
            return Err(Problem::new(http::StatusCode::FORBIDDEN, "unknown_subject", detail));
        };
        let scopes = identity.scopes.into_iter().filter(|scope| *scope != Scope::Admin).collect();
        Ok(Caller { tenant: Some(identity.tenant), subject, scopes })
    }
}
