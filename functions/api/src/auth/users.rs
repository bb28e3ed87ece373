//! Users who log in with identity and password, and the sessions that this begins.
//!
//! A session's token is believed only together with the user's row as it is now: a user who is deleted, disabled, has
//! another password or has logged out is refused at once, and so is one whose tenant is being erased or has no
//! interface any more that has users.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use jiff::Timestamp;
use uuid::Uuid;
use waybill::{
    aws::{
        secrets::CachedSecret,
        table::{Stored, Table, TableError, Write, keys::Key, rows::UserPlace},
    },
    digest::sha256_hex,
    domain::{
        id::UserId,
        secret::Secret,
        tenant::{Scope, Tenant},
        tries::source_digest,
        user::User,
    },
    seal::{Keyring, random_token},
};

use super::{
    Caller,
    credential::Credential,
    password::{self, Checked},
    refused,
    session::{self, Claims, Refused},
    tries,
};
use crate::problem::Problem;

/// An unknown key id reads the keyring again, but not more often than this: anybody can make one up.
const REREAD: Duration = Duration::from_secs(30);

/// Times that a user is read again because somebody else changed it in between.
const TRIES: usize = 5;

/// Checks passwords, begins and ends sessions.
pub struct Users {
    table: Table,
    sealing: Arc<CachedSecret<Keyring>>,
}

/// A session with its token.
#[derive(Debug)]
pub struct Session {
    /// The token.
    pub token: Secret<String>,
    /// What a renewal must bring beside it.
    pub csrf: Secret<String>,
    /// What the token says.
    pub claims: Claims,
    /// What the user may do.
    pub scopes: Vec<Scope>,
}

/// Why there is no session.
#[derive(Debug)]
pub enum NoSession {
    /// Too many were wrong; again after so many seconds.
    Locked(u32),
    /// Identity and password do not belong together, or the user may not log in. Which is not told.
    Credentials,
    /// It could not be found out.
    Problem(Problem),
}

impl<T: Into<Problem>> From<T> for NoSession {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

impl Users {
    /// Users in that table; keys of tokens come from the sealing keyring.
    pub fn new(table: Table, sealing: Arc<CachedSecret<Keyring>>) -> Self {
        Self { table, sealing }
    }

    /// A session for who knows the password. Whatever is wrong, reads, work and answer are the same.
    pub async fn log_in(
        &self,
        identity: &str,
        password: Secret<String>,
        address: Option<&str>,
        now: Timestamp,
    ) -> Result<Session, NoSession> {
        let identity = identity.to_ascii_lowercase();
        let digest = sha256_hex(identity.as_bytes());
        let counted = match tries::admit(&self.table, &digest, &source_digest(address)).await? {
            Ok(counted) => counted,
            Err(locked) => {
                tracing::warn!("log-in refused: too many tries");
                return Err(NoSession::Locked(locked.seconds(now)));
            }
        };
        let user = self.of_identity(&identity).await?;
        let hash = user.as_ref().map(|user| user.row.password_hash.clone());
        let checked = password::check(password.clone(), hash).await?;
        let (Checked::Right { outdated }, Some(user)) = (checked, user.filter(|user| user.row.disabled_at.is_none()))
        else {
            // Not even the identity: people write their password there.
            tracing::info!("log-in refused");
            return Err(NoSession::Credentials);
        };
        tries::settle(&self.table, &counted).await;
        let rehashed = if outdated { Some(password::hash(password).await?) } else { None };
        self.note(&user, user.row.logged_in(rehashed, now)).await;
        let csrf = random_token();
        let claims = Claims::begun(&user.row, Uuid::new_v4(), &csrf, now);
        tracing::info!(tenant.id = claims.tenant, user.id = %claims.sub, session.id = %claims.sid, "user logged in");
        Ok(self.session(user.row, claims, csrf).await?)
    }

    /// The session of the token in these headers with a new token. `csrf` came with the old one, which stays good to its end.
    pub async fn renew(&self, headers: &HeaderMap, csrf: Option<&str>, now: Timestamp) -> Result<Session, Problem> {
        let (claims, user) = self.verify(token(headers)?, now).await?;
        if !csrf.is_some_and(|csrf| claims.came_with(csrf)) {
            tracing::info!(user.id = %claims.sub, "renewal refused: without what came with the token");
            let detail = "The header `renew-csrf` must hold the `csrfToken` that came with this token.";
            return Err(Problem::new(http::StatusCode::FORBIDDEN, "csrf_mismatch", detail));
        }
        let fresh = random_token();
        let claims = claims.renewed(&fresh, now);
        tracing::info!(tenant.id = claims.tenant, user.id = %claims.sub, session.id = %claims.sid, "session renewed");
        self.session(user.row, claims, fresh).await
    }

    /// Ends all sessions of the user of the token in these headers.
    pub async fn log_out(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), Problem> {
        for _ in 0..TRIES {
            let (claims, user) = self.verify(token(headers)?, now).await?;
            let next = user.row.clone().logged_out(Uuid::new_v4());
            match self.table.write(vec![Write::replace(&user, &next)?]).await {
                Ok(()) => {
                    tracing::info!(tenant.id = claims.tenant, user.id = %claims.sub, "user logged out");
                    return Ok(());
                }
                Err(TableError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Problem::unavailable(&"a user is changed all the time"))
    }

    /// The caller behind a token that claims to be one of these.
    pub(super) async fn caller(&self, token: &str, now: Timestamp) -> Result<Caller, Problem> {
        let (_, user) = self.verify(token, now).await?;
        let User { id, tenant, scopes, .. } = user.row;
        let scopes = scopes.into_iter().filter(|scope| *scope != Scope::Admin).collect();
        Ok(Caller::Member { tenant, subject: format!("user {id}"), scopes })
    }

    async fn verify(&self, token: &str, now: Timestamp) -> Result<(Claims, Stored<User>), Problem> {
        if !session::claims_to_be(token) {
            return Err(refused(&"no token of a user"));
        }
        let mut verified = session::verify(&*self.sealing.get().await?, token, now);
        if verified == Err(Refused::UnknownKey) {
            verified = session::verify(&*self.sealing.not_older_than(REREAD).await?, token, now);
        }
        let claims = verified.map_err(|reason| refused(&reason))?;
        let user = self.of_tenant(&claims.tenant, claims.sub).await?;
        let user = user.filter(|user| user.row.admits(claims.stamp));
        Ok((claims, user.ok_or_else(|| refused(&"the user's session has ended"))?))
    }

    /// The user of an identity, who may yet be disabled. For nobody's there is as much to read.
    async fn of_identity(&self, identity: &str) -> Result<Option<Stored<User>>, Problem> {
        let place = self.table.get::<UserPlace>(&Key::user_place(identity)).await?.map(|place| place.row);
        let nowhere = || UserPlace { identity: String::new(), tenant: String::new(), user: UserId::new(Uuid::nil()) };
        let UserPlace { tenant, user, .. } = place.unwrap_or_else(nowhere);
        self.of_tenant(&tenant, user).await
    }

    /// A user whose tenant is there, and has users.
    async fn of_tenant(&self, tenant: &str, user: UserId) -> Result<Option<Stored<User>>, Problem> {
        let (user_key, tenant_key) = (Key::user(tenant, user), Key::tenant(tenant));
        let (user, tenant) =
            tokio::try_join!(self.table.get::<User>(&user_key), self.table.get::<Tenant>(&tenant_key))?;
        let has_users =
            tenant.is_some_and(|tenant| tenant.row.erasure.is_none() && tenant.row.interfaces.eclipse.is_some());
        Ok(user.filter(|_| has_users))
    }

    /// Writes a log-in down. The session does not depend on it: a change in between, such as being disabled, wins.
    async fn note(&self, user: &Stored<User>, next: User) {
        let written = match Write::replace(user, &next) {
            Ok(write) => self.table.write(vec![write]).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(%error, user.id = %next.id, "a log-in was not written down");
        }
    }

    async fn session(&self, user: User, claims: Claims, csrf: Secret<String>) -> Result<Session, Problem> {
        let ring = self.sealing.get().await?;
        let token = session::mint(&ring, &claims).ok_or_else(|| Problem::unavailable(&"no token can be signed"))?;
        Ok(Session { token, csrf, claims, scopes: user.scopes })
    }
}

/// The one token of the headers.
fn token(headers: &HeaderMap) -> Result<&str, Problem> {
    match Credential::of(headers)? {
        Credential::Token(token) => Ok(token),
        Credential::ApiKey(_) => Err(refused(&"an API key has no session")),
    }
}
