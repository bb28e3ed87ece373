//! Users of a tenant, for the operator: made, listed, changed, deleted. They log in through Eclipse's interface, so only
//! tenants that have it get any.

mod contract;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    accept::Fault,
    aws::table::{
        Stored, TableError, Write,
        keys::{Key, USERS},
        rows::UserPlace,
    },
    clock,
    domain::{
        id::UserId,
        password::DEFAULT_ALPHABET,
        secret::Secret,
        tenant::{Scope, Tenant, is_valid_tenant_id},
        user::{User, UserIdentity, Wanted, check_password},
    },
    seal::random_password,
};

pub use self::contract::{components, operations};
use super::tenants::{TRIES, conflict, existing, require_stay, scopes};
use crate::{
    app::App,
    audit,
    auth::{Admin, hash_password},
    body::JsonBody,
    fields::{Faults, Fields},
    problem::Problem,
};

/// Most users of one tenant.
const MOST: usize = 100;

/// Characters of a password that is made here: 139 bits.
const GENERATED: u8 = 24;

const NEW_FIELDS: [&str; 4] = ["identity", "scopes", "disabled", "password"];
const CHANGE_FIELDS: [&str; 4] = ["scopes", "disabled", "password", "new_password"];

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    scopes: Vec<Scope>,
    disabled: bool,
    password: Option<Secret<String>>,
    /// A password is to be made.
    generate: bool,
}

impl Asked {
    /// The password to be, and that to be shown.
    fn password(&self) -> (Option<Secret<String>>, Option<Secret<String>>) {
        if !self.generate {
            return (self.password.clone(), None);
        }
        let made = random_password(GENERATED, DEFAULT_ALPHABET);
        (Some(made.clone()), Some(made))
    }
}

/// `POST /v1/tenants/{tenant}/users`: 201; with a password, shown this once, unless one was sent.
pub async fn create(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(tenant): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let now = clock::now();
    let stored = existing(&app, &tenant).await?;
    require_stay(&stored.row)?;
    require_interface(&stored.row)?;
    let (identity, asked) = read_new(&body).map_err(Problem::invalid)?;
    if of_tenant(&app, &tenant).await?.len() >= MOST {
        let detail = format!("The tenant has {MOST} users; delete one first.");
        return Err(Problem::new(StatusCode::CONFLICT, "too_many_users", detail));
    }
    require_free(&app, &identity).await?;
    let (password, shown) = asked.password();
    let password = password.ok_or_else(|| Problem::unavailable(&"a user without a password"))?;
    let user = User {
        id: UserId::generate(),
        tenant,
        identity,
        scopes: asked.scopes,
        password_hash: hash_password(password).await?,
        password_changed_at: now,
        stamp: Uuid::new_v4(),
        disabled_at: asked.disabled.then_some(now),
        created_at: now,
        created_by: admin.subject.clone(),
        last_login_at: None,
    };
    // The tenant's row is written as it was, so that no user comes to be while its erasure begins.
    let entry = audit::entry(&admin, &user.tenant, "user.created", audited(&user))?;
    let place = UserPlace::of(&user);
    let writes = vec![Write::insert(&user)?, Write::insert(&place)?, Write::replace(&stored, &stored.row)?, entry];
    match app.table.write(writes).await {
        Err(TableError::Conflict) => {
            require_free(&app, &user.identity).await?;
            return Err(conflict());
        }
        other => other?,
    }
    tracing::info!(tenant.id = user.tenant, user.id = %user.id, "user made");
    Ok((StatusCode::CREATED, Json(with_password(&user, shown.as_ref()))).into_response())
}

/// `GET /v1/tenants/{tenant}/users`: all of them, oldest first.
pub async fn list(State(app): State<Arc<App>>, _: Admin, Path(tenant): Path<String>) -> Result<Json<Value>, Problem> {
    existing(&app, &tenant).await?;
    let users = of_tenant(&app, &tenant).await?;
    Ok(Json(json!({ "users": users.iter().map(describe).collect::<Vec<_>>() })))
}

/// `GET /v1/tenants/{tenant}/users/{user}`.
pub async fn show(
    State(app): State<Arc<App>>,
    _: Admin,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(describe(&load(&app, &tenant, &id).await?.row)))
}

/// `PUT /v1/tenants/{tenant}/users/{user}`: its scopes, whether it is disabled, and another password if one is sent or
/// asked for. What ends its sessions ends them at once.
pub async fn put(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path((tenant, id)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let now = clock::now();
    let mut stored = load(&app, &tenant, &id).await?;
    require_stay(&existing(&app, &tenant).await?.row)?;
    let asked = read_change(&body, &stored.row.identity).map_err(Problem::invalid)?;
    let (password, shown) = asked.password();
    let password = match password {
        Some(password) => Some(hash_password(password).await?),
        None => None,
    };
    let wanted = Wanted { scopes: asked.scopes, disabled: asked.disabled, password };
    for _ in 0..TRIES {
        let next = stored.row.changed(wanted.clone(), Uuid::new_v4(), now);
        let changes = stored.row.changes(&next);
        if changes.is_empty() {
            return Ok(Json(describe(&next)));
        }
        let detail = json!({ "id": next.id, "changed": changes, "scopes": next.scopes });
        let entry = audit::entry(&admin, &tenant, "user.changed", detail)?;
        match app.table.write(vec![Write::replace(&stored, &next)?, entry]).await {
            Ok(()) => {
                tracing::info!(tenant.id = tenant, user.id = %next.id, "user changed");
                return Ok(Json(with_password(&next, shown.as_ref())));
            }
            // It has logged in, perhaps.
            Err(TableError::Conflict) => stored = load(&app, &tenant, &id).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict())
}

/// `DELETE /v1/tenants/{tenant}/users/{user}`: 204; its sessions end at once, and its identity is free.
pub async fn delete(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    for _ in 0..TRIES {
        let stored = load(&app, &tenant, &id).await?;
        let entry = audit::entry(&admin, &tenant, "user.deleted", json!({ "id": stored.row.id }))?;
        let place = Write::delete(Key::user_place(stored.row.identity.as_str()));
        match app.table.write(vec![Write::remove(&stored), place, entry]).await {
            Ok(()) => {
                tracing::info!(tenant.id = tenant, user.id = %stored.row.id, "user deleted");
                return Ok(StatusCode::NO_CONTENT);
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict())
}

async fn load(app: &App, tenant: &str, id: &str) -> Result<Stored<User>, Problem> {
    let not_found = || Problem::not_found("user");
    let id: UserId = id.parse().map_err(|_| not_found())?;
    if !is_valid_tenant_id(tenant) {
        return Err(not_found());
    }
    app.table.get::<User>(&Key::user(tenant, id)).await?.ok_or_else(not_found)
}

async fn of_tenant(app: &App, tenant: &str) -> Result<Vec<User>, Problem> {
    let rows = app.table.query(&Key::tenant(tenant).pk, USERS).await?;
    let users: Result<Vec<User>, TableError> = rows.into_iter().map(|row| Ok(row.read::<User>()?.row)).collect();
    Ok(users?)
}

fn require_interface(tenant: &Tenant) -> Result<(), Problem> {
    if tenant.interfaces.eclipse.is_some() {
        return Ok(());
    }
    let detail = "Users log in through Eclipse's interface: switch `interfaces.eclipse` on for this tenant first.";
    Err(Problem::new(StatusCode::CONFLICT, "interface_off", detail))
}

/// A log-in names no tenant, so nobody else may have the identity.
async fn require_free(app: &App, identity: &UserIdentity) -> Result<(), Problem> {
    if app.table.get::<UserPlace>(&Key::user_place(identity.as_str())).await?.is_none() {
        return Ok(());
    }
    let detail = "Another user, of this or another tenant, has this identity.";
    Err(Problem::new(StatusCode::CONFLICT, "identity_taken", detail))
}

/// Reads what a new user is to be, strictly; or every fault.
fn read_new(body: &Value) -> Result<(UserIdentity, Asked), Vec<Fault>> {
    let faults = Faults::default();
    let read = Fields::of(body, "", &NEW_FIELDS, &faults).and_then(|fields| {
        let identity = fields.required_text("identity", 1000).and_then(|text| {
            UserIdentity::parse(text).map_err(|e| faults.add("/identity", "format", format!("The identity {e}."))).ok()
        });
        let mut asked = asked(&fields, identity.as_ref(), &faults);
        asked.generate = fields.get("password").is_none();
        Some((identity?, asked))
    });
    let faults = faults.into_vec();
    read.filter(|_| faults.is_empty()).ok_or(faults)
}

/// Reads what a user is to become.
fn read_change(body: &Value, identity: &UserIdentity) -> Result<Asked, Vec<Fault>> {
    let faults = Faults::default();
    let read = Fields::of(body, "", &CHANGE_FIELDS, &faults).map(|fields| {
        let asked = asked(&fields, Some(identity), &faults);
        if asked.generate && fields.get("password").is_some() {
            faults.add("/new_password", "not_allowed", "Not together with `password`.");
        }
        asked
    });
    let faults = faults.into_vec();
    read.filter(|_| faults.is_empty()).ok_or(faults)
}

fn asked(fields: &Fields, identity: Option<&UserIdentity>, faults: &Faults) -> Asked {
    let password = fields.any_text("password");
    if let (Some(password), Some(identity)) = (password, identity)
        && let Err(weak) = check_password(password, identity)
    {
        faults.add(fields.pointer("password"), "weak", format!("The password {weak}."));
    }
    Asked {
        scopes: scopes(fields, faults),
        disabled: fields.flag("disabled"),
        password: password.map(|password| Secret::new(password.to_owned())),
        generate: fields.flag("new_password"),
    }
}

fn describe(user: &User) -> Value {
    json!({
        "id": user.id,
        "identity": user.identity,
        "scopes": user.scopes,
        "disabled": user.disabled_at.is_some(),
        "disabled_at": user.disabled_at,
        "password_changed_at": user.password_changed_at,
        "created_at": user.created_at,
        "created_by": user.created_by,
        "last_login_at": user.last_login_at,
    })
}

fn with_password(user: &User, password: Option<&Secret<String>>) -> Value {
    let mut shown = describe(user);
    if let Some(password) = password {
        shown["password"] = json!(password.expose());
    }
    shown
}

/// The trail outlives the tenant, so it has the id and not the identity, which may name a person.
fn audited(user: &User) -> Value {
    json!({ "id": user.id, "scopes": user.scopes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes<T>(read: Result<T, Vec<Fault>>) -> Vec<(String, &'static str)> {
        let faults = read.err().unwrap_or_default();
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_password_is_sent_or_made() {
        let body = json!({ "identity": "ERP@acme", "scopes": ["reports:read"] });
        let (identity, asked) = read_new(&body).unwrap();
        assert_eq!((identity.as_str(), asked.generate), ("erp@acme", true));
        let (kept, shown) = asked.password();
        assert!(kept == shown && check_password(kept.unwrap().expose(), &identity).is_ok());
        let body = json!({ "identity": "erp", "scopes": [], "password": "correct horse", "disabled": true });
        let (_, asked) = read_new(&body).unwrap();
        assert!(asked.disabled);
        assert_eq!(asked.password(), (Some(Secret::new("correct horse".to_owned())), None));
        let kept = read_change(&json!({ "scopes": [] }), &identity).unwrap();
        assert_eq!(kept.password(), (None, None));
        assert!(read_change(&json!({ "scopes": [], "new_password": true }), &identity).unwrap().generate);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faulty = |pointer: &str, code| (pointer.to_owned(), code);
        let body = json!({ "identity": "a b", "scopes": ["admin"], "disabled": 1, "password": 5, "name": "x" });
        let expected = [
            faulty("/name", "unknown"),
            faulty("/identity", "format"),
            faulty("/password", "type"),
            faulty("/scopes/0", "not_allowed"),
            faulty("/disabled", "type"),
        ];
        assert_eq!(codes(read_new(&body)), expected);
        let weak = json!({ "identity": "erp", "scopes": [], "password": "short" });
        assert_eq!(codes(read_new(&weak)), [faulty("/password", "weak")]);
        let both = json!({ "scopes": [], "password": "correct horse", "new_password": true });
        let identity = UserIdentity::parse("erp").unwrap();
        assert_eq!(codes(read_change(&both, &identity)), [faulty("/new_password", "not_allowed")]);
        assert_eq!(codes(read_change(&json!([]), &identity)), [faulty("", "type")]);
        assert_eq!(codes(read_new(&json!({}))), [faulty("/identity", "missing"), faulty("/scopes", "missing")]);
    }
}
