//! Checking API keys against their rows.

use jiff::Timestamp;
use waybill::{
    aws::table::{Stored, Table, Write, keys::Key},
    domain::{
        api_key::{ApiKey, Presented},
        tenant::{Scope, Tenant},
    },
};

use super::{Caller, refused};
use crate::problem::Problem;

/// The caller behind an API key. Whatever is wrong with it, the answer and the reads are the same.
pub async fn verify(table: &Table, text: &str, now: Timestamp) -> Result<Caller, Problem> {
    let presented = Presented::parse(text).ok_or_else(|| refused(&"malformed API key"))?;
    let (key, tenant) = (Key::api_key(&presented.tenant, presented.id), Key::tenant(&presented.tenant));
    let (stored, tenant) = tokio::try_join!(table.get::<ApiKey>(&key), table.get::<Tenant>(&tenant))?;
    let verified = presented.verify(stored.as_ref().map(|stored| &stored.row), now);
    verified.map_err(|reason| refused(&reason))?;
    let stored = stored.ok_or_else(|| refused(&"unknown API key"))?;
    // An erasure takes the keys' rows away, but not at once.
    if tenant.is_none_or(|tenant| tenant.row.erasure.is_some()) {
        return Err(refused(&"API key of a tenant that is being erased"));
    }
    note_use(table, &stored, now).await;
    let ApiKey { id, tenant, scopes, .. } = stored.row;
    let scopes = scopes.into_iter().filter(|scope| *scope != Scope::Admin).collect();
    Ok(Caller::Member { tenant, subject: format!("api-key {id}"), scopes })
}

/// Writes the time of use down, if it is new. The request does not depend on it: a change of the row in between, such
/// as its revocation, wins.
async fn note_use(table: &Table, stored: &Stored<ApiKey>, now: Timestamp) {
    let Some(used) = stored.row.used(now) else { return };
    let written = match Write::replace(stored, &used) {
        Ok(write) => table.write(vec![write]).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::warn!(%error, api_key.id = %used.id, "use of an API key was not written down");
    }
}
