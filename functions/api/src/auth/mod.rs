//! Who calls, and for whom.
//!
//! A bearer JWT of a known issuer proves a subject; the recorded mapping (issuer, subject) → tenant says whose it is.
//! No claim of a token ever names the tenant. Only the operator's configuration makes a subject an admin, and an admin
//! belongs to no tenant. A tenant's own issuer can yield that tenant alone. An API key acts for the tenant under which
//! it is recorded. A user's token, minted here after a log-in, acts for the user's tenant while the user's row says so.

mod api_keys;
mod caller;
mod credential;
mod issuers;
mod keys;
mod password;
mod session;
mod token;
mod tries;
mod users;

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use waybill::{
    accept::Fault,
    aws::{
        config_store::ConfigStore,
        table::{Table, keys::Key, rows::Identity},
    },
    domain::{issuer::TenantIssuer, tenant::Scope},
    guard::Guard,
};

pub use self::{
    caller::{Admin, MayRead, MayRequest, MayWriteEndpoints, Member, source_ip},
    issuers::UserPool,
    password::hash as hash_password,
    users::{NoSession, Session, Users},
};
use self::{credential::Credential, issuers::Issuers, token::Verified};
use crate::problem::Problem;

/// A caller whose credential was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The operator, who belongs to no tenant.
    Admin {
        /// `issuer subject`, for the record.
        subject: String,
    },
    /// Somebody who acts for a tenant.
    Member {
        /// Which.
        tenant: String,
        /// `issuer subject`, `api-key key_…` or `user usr_…`, for the record.
        subject: String,
        /// What it may do.
        scopes: Vec<Scope>,
    },
}

/// Checks credentials.
pub struct Authenticator {
    issuers: Issuers,
    users: Users,
    table: Table,
}

impl Authenticator {
    /// Reads the operator's issuers from the configuration bucket; tenants' issuers, mappings and API keys from the
    /// table. `pool` is the stack's own user pool, if it has one.
    pub fn new(
        config: Arc<ConfigStore>,
        table: Table,
        guard: Arc<Guard>,
        pool: Option<UserPool>,
        users: Users,
    ) -> Self {
        Self { issuers: Issuers::new(config, table.clone(), guard, pool), users, table }
    }

    /// Users who log in with a password.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// The caller behind a credential. A token that names scopes of ours is limited to them.
    pub async fn authenticate(&self, credential: Credential<'_>, now: Timestamp) -> Result<Caller, Problem> {
        match credential {
            Credential::ApiKey(text) => api_keys::verify(&self.table, text, now).await,
            // Looked at first: no issuer of that name is ever asked.
            Credential::Token(text) if session::claims_to_be(text) => self.users.caller(text, now).await,
            Credential::Token(text) => self.subject_of(self.issuers.verify(text).await?).await,
        }
    }

    /// Everything that speaks against taking tokens of this issuer for a tenant; pointers begin with `at`.
    pub async fn issuer_faults(&self, at: &str, issuer: &TenantIssuer) -> Result<Vec<Fault>, Problem> {
        self.issuers.faults(at, issuer).await
    }

    /// Whether it is one of the operator's issuers.
    pub async fn is_operators_issuer(&self, issuer: &str) -> Result<bool, Problem> {
        Ok(self.issuers.operators(issuer).await?.is_some())
    }

    async fn subject_of(&self, verified: Verified) -> Result<Caller, Problem> {
        let Verified { issuer, subject, admin, scopes: limits, tenant: only } = verified;
        let within_limits = |scope: &Scope| limits.as_ref().is_none_or(|limits| limits.contains(scope));
        let name = format!("{issuer} {subject}");
        if admin && within_limits(&Scope::Admin) {
            return Ok(Caller::Admin { subject: name });
        }
        let identity = self.table.get::<Identity>(&Key::identity(&issuer, &subject)).await?;
        let identity = identity.map(|stored| stored.row);
        match identity.filter(|identity| only.is_none_or(|only| only == identity.tenant)) {
            Some(Identity { tenant, scopes, .. }) => {
                let granted = |scope: &Scope| *scope != Scope::Admin && within_limits(scope);
                Ok(Caller::Member { tenant, subject: name, scopes: scopes.into_iter().filter(granted).collect() })
            }
            None if admin => {
                let detail = "The token's subject is an administrator, but the token is limited to other scopes.";
                Err(Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail))
            }
            None => {
                let detail = "The token is good, but its subject acts for no tenant here; ask the operator to add it.";
                Err(Problem::new(StatusCode::FORBIDDEN, "unknown_subject", detail))
            }
        }
    }
}

/// The one answer to every credential that is not good. Why it is not is for the log.
fn refused(reason: &dyn std::fmt::Display) -> Problem {
    tracing::info!(%reason, "credential refused");
    let detail = "The credential was refused: forged, expired, revoked, or not made for this service. Get a new one.";
    Problem::unauthorized("token_invalid", detail)
}
