//! Recording settings: the tenant, its mappings, its issuers and the audit trail change together.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;
use waybill::{
    accept::Fault,
    aws::table::{
        Row, Stored, TableError, Write,
        keys::Key,
        rows::{Identity, TenantIssuerRow, TenantsEntry},
    },
    domain::{
        secret::Secret,
        tenant::{Grant, RecipientKeyRecord, Tenant},
    },
    seal::signing_secret,
};

use super::{
    conflict, issuers,
    jira::WantedJira,
    key_watch,
    settings::{Settings, WantedKey},
};
use crate::{app::App, audit, auth::Admin, problem::Problem};

/// What the table knows of the identities and issuers that are wanted, in their order.
pub struct Known {
    identities: Vec<Option<Stored<Identity>>>,
    issuers: Vec<Option<Stored<TenantIssuerRow>>>,
}

/// What was written.
pub struct Recorded {
    /// The tenant as it is now.
    pub tenant: Stored<Tenant>,
    /// A fresh secret, to be shown this once.
    pub webhook_secret: Option<Secret<String>>,
}

impl Known {
    /// Looks it up, and finds the faults that only this tells.
    pub async fn of(
        app: &App,
        tenant: &str,
        before: Option<&Stored<Tenant>>,
        settings: &Settings,
        faults: &mut Vec<Fault>,
    ) -> Result<Self, Problem> {
        let mut known = Self { identities: vec![], issuers: vec![] };
        for issuer in &settings.issuers {
            known.issuers.push(issuers::known(app, tenant, issuer, faults).await?);
        }
        for (at, grant) in &settings.identities {
            let own = settings.issuers.iter().any(|(_, issuer)| issuer.issuer == grant.issuer);
            if !own && !app.authenticator.is_operators_issuer(&grant.issuer).await? {
                let detail = "Neither an issuer of the operator's nor one of this tenant's `issuers`.";
                faults.push(Fault::new(format!("{at}/issuer"), "not_allowed", detail));
            }
            let identity = app.table.get::<Identity>(&Key::identity(&grant.issuer, &grant.subject)).await?;
            if identity.as_ref().is_some_and(|known| known.row.tenant != tenant) {
                faults.push(Fault::new(at, "taken", "This subject already acts for another tenant."));
            }
            known.identities.push(identity);
        }
        for (at, key) in settings.recipient_keys.iter().flatten() {
            let WantedKey::Known(fingerprint) = key else { continue };
            if active_key(before, fingerprint).is_none() {
                let detail = "The tenant has no active key of this fingerprint; send the armored key.";
                faults.push(Fault::new(at, "unknown", detail));
            }
        }
        faults.extend(key_watch::below_floor(
            (settings.key_floor, &settings.interfaces),
            settings.recipient_keys.as_deref(),
            before,
        ));
        if settings.zip.lacks_password(before.map(|before| &before.row.zip)) {
            let detail = "The tenant holds no password yet: send it.";
            faults.push(Fault::new("/zip/password/value", "missing", detail));
        }
        if let Some(jira) = &settings.jira {
            let known = before.and_then(|before| before.row.jira.as_ref());
            faults.extend(jira.faults(&app.acceptor.guard, app.acceptor.jira_site, known));
        }
        Ok(known)
    }
}

/// Writes it all in one transaction.
pub async fn record(
    app: &App,
    admin: &Admin,
    id: &str,
    before: Option<&Stored<Tenant>>,
    settings: Settings,
    known: Known,
    now: Timestamp,
) -> Result<Recorded, Problem> {
    let fresh = (before.is_none() || settings.new_webhook_secret).then(signing_secret);
    let jira_token = settings.jira.as_ref().and_then(WantedJira::sent);
    let sealed = Sealed::of(app, id, before, fresh.as_ref(), (settings.zip.sent(), jira_token)).await?;
    let issuers_differ = (known.issuers.iter().zip(&settings.issuers))
        .any(|(known, (_, wanted))| known.as_ref().is_none_or(|known| known.row.settings != *wanted));
    let issuer_rows = known.issuers.iter().zip(settings.issuers.clone()).map(|(known, (_, settings))| {
        let row = TenantIssuerRow { tenant: id.to_owned(), settings };
        upsert(known.as_ref(), &row)
    });
    let issuer_rows: Vec<Write> = issuer_rows.collect::<Result<_, _>>()?;
    let tenant = tenant(id, before, settings, sealed, now);
    let mut writes = vec![
        match before {
            None => Write::insert(&tenant)?,
            Some(before) => Write::replace(before, &tenant)?,
        },
        Write::overwrite(&TenantsEntry::of(&tenant))?,
    ];
    writes.extend(issuer_rows);
    writes.extend(key_watch::write(app, &tenant).await?);
    for (grant, known) in tenant.identities.iter().zip(&known.identities) {
        writes.push(upsert(known.as_ref(), &identity(id, grant))?);
    }
    writes.extend(dropped(before, &tenant));
    writes.extend(audited(admin, before, &tenant, (issuers_differ, fresh.is_some()))?);
    match app.table.write(writes).await {
        Err(TableError::Conflict) => Err(conflict()),
        other => {
            other?;
            let revision = before.map_or(1, |before| before.revision + 1);
            Ok(Recorded { tenant: Stored { row: tenant, revision }, webhook_secret: fresh })
        }
    }
}

/// Secrets, sealed for the tenant's row.
struct Sealed {
    webhook_secret: String,
    /// None unless it was sent.
    zip_password: Option<String>,
    /// None unless it was sent.
    jira_token: Option<String>,
}

impl Sealed {
    async fn of(
        app: &App,
        id: &str,
        before: Option<&Stored<Tenant>>,
        fresh: Option<&Secret<String>>,
        (zip_password, jira_token): (Option<&Secret<String>>, Option<&Secret<String>>),
    ) -> Result<Self, Problem> {
        let webhook_secret = match (before, fresh) {
            (_, Some(secret)) => seal_for(app, id, secret).await?,
            (Some(before), None) => before.row.webhook_secret_sealed.clone(),
            (None, None) => return Err(Problem::unavailable(&"no webhook secret")),
        };
        let zip_password = match zip_password {
            Some(password) => Some(seal_for(app, id, password).await?),
            None => None,
        };
        let jira_token = match jira_token {
            Some(token) => Some(seal_for(app, id, token).await?),
            None => None,
        };
        Ok(Self { webhook_secret, zip_password, jira_token })
    }
}

async fn seal_for(app: &App, tenant: &str, secret: &Secret<String>) -> Result<String, Problem> {
    let keyring = app.sealing.get().await?;
    let associated = Key::tenant(tenant).associated();
    keyring.seal(secret.expose().as_bytes(), &associated).map_err(|e| Problem::unavailable(&e))
}

fn tenant(id: &str, before: Option<&Stored<Tenant>>, wanted: Settings, sealed: Sealed, now: Timestamp) -> Tenant {
    let row = before.map(|before| &before.row);
    let mut tenant = Tenant {
        id: id.to_owned(),
        name: wanted.name,
        presenter_id: wanted.presenter_id.or(row.map(|row| row.presenter_id)).unwrap_or_else(Uuid::now_v7),
        packaging: wanted.packaging,
        zip: wanted.zip.recorded(sealed.zip_password, row.map(|row| &row.zip)),
        manifest_inside: wanted.manifest_inside,
        key_floor: wanted.key_floor,
        recipient_keys: row.map_or_else(Vec::new, |row| row.recipient_keys.clone()),
        retention_hours: wanted.retention_hours,
        link: wanted.link,
        quotas: wanted.quotas,
        licence_seats: wanted.licence_pool.map(|(seats, _)| seats),
        licence_linger_seconds: wanted.licence_pool.and_then(|(_, linger)| linger),
        allowed_reports: wanted.allowed_reports,
        interfaces: wanted.interfaces,
        jira: wanted.jira.map(|jira| jira.recorded(sealed.jira_token, row.and_then(|row| row.jira.as_ref()))),
        email: wanted.email,
        issuers: wanted.issuers.into_iter().map(|(_, issuer)| issuer.issuer).collect(),
        identities: wanted.identities.into_iter().map(|(_, grant)| grant).collect(),
        webhook_secret_sealed: sealed.webhook_secret,
        created_at: row.map_or(now, |row| row.created_at),
        erasure: None,
    };
    if let Some(wanted) = wanted.recipient_keys {
        let keys = wanted.into_iter().filter_map(|(_, key)| match key {
            WantedKey::Sent(key) => Some(key),
            WantedKey::Known(fingerprint) => active_key(before, &fingerprint).cloned(),
        });
        tenant.recipient_keys = tenant.keys_replaced(keys.collect(), now);
    }
    tenant
}

fn active_key<'a>(before: Option<&'a Stored<Tenant>>, fingerprint: &str) -> Option<&'a RecipientKeyRecord> {
    before?.row.active_keys().find(|key| key.fingerprint == fingerprint)
}

fn identity(tenant: &str, grant: &Grant) -> Identity {
    Identity {
        issuer: grant.issuer.clone(),
        subject: grant.subject.clone(),
        tenant: tenant.to_owned(),
        scopes: grant.scopes.clone(),
    }
}

fn upsert<T: Row>(known: Option<&Stored<T>>, row: &T) -> Result<Write, TableError> {
    match known {
        None => Write::insert(row),
        Some(known) => Write::replace(known, row),
    }
}

/// Rows of identities and issuers that are not wanted any more.
fn dropped(before: Option<&Stored<Tenant>>, tenant: &Tenant) -> Vec<Write> {
    let Some(before) = before else { return vec![] };
    let kept =
        |old: &Grant| tenant.identities.iter().any(|new| (&new.issuer, &new.subject) == (&old.issuer, &old.subject));
    let identities = before.row.identities.iter().filter(|old| !kept(old));
    let identities = identities.map(|old| Write::delete(Key::identity(&old.issuer, &old.subject)));
    let issuers = before.row.issuers.iter().filter(|old| !tenant.issuers.contains(old));
    identities.chain(issuers.map(|old| Write::delete(Key::issuer(old)))).collect()
}

/// One entry for the tenant, and one for each key and secret that came or went with it.
fn audited(
    admin: &Admin,
    before: Option<&Stored<Tenant>>,
    tenant: &Tenant,
    (issuers_differ, new_secret): (bool, bool),
) -> Result<Vec<Write>, Problem> {
    let entry = |action, detail| audit::entry(admin, &tenant.id, action, detail);
    let Some(before) = before.map(|before| &before.row) else {
        let mut entries = vec![entry("tenant.created", json!({ "name": tenant.name }))?];
        for key in tenant.active_keys() {
            entries.push(entry("recipient_key.added", json!({ "fingerprint": key.fingerprint }))?);
        }
        return Ok(entries);
    };
    let mut entries = Vec::new();
    let changed = changed(before, tenant, issuers_differ);
    if !changed.is_empty() {
        entries.push(entry("tenant.changed", json!({ "changed": changed }))?);
    }
    let has =
        |of: &Tenant, key: &RecipientKeyRecord| of.active_keys().any(|other| other.fingerprint == key.fingerprint);
    for key in tenant.active_keys().filter(|key| !has(before, key)) {
        entries.push(entry("recipient_key.added", json!({ "fingerprint": key.fingerprint }))?);
    }
    for key in before.active_keys().filter(|key| !has(tenant, key)) {
        entries.push(entry("recipient_key.retired", json!({ "fingerprint": key.fingerprint }))?);
    }
    if new_secret {
        entries.push(entry("webhook_secret.renewed", json!({}))?);
    }
    Ok(entries)
}

/// Names of the settings that differ. The tenant's own row says only which issuers it has, not how they are.
fn changed(before: &Tenant, after: &Tenant, issuers_differ: bool) -> Vec<&'static str> {
    let differing = [
        ("name", before.name != after.name),
        ("presenter_id", before.presenter_id != after.presenter_id),
        ("packaging", before.packaging != after.packaging),
        ("zip", before.zip != after.zip),
        ("manifest_inside", before.manifest_inside != after.manifest_inside),
        ("recipient_key_floor", before.key_floor != after.key_floor),
        ("link", before.link != after.link),
        ("quotas", before.quotas != after.quotas),
        ("licence_pool", before.licence_pool() != after.licence_pool()),
        ("allowed_reports", before.allowed_reports != after.allowed_reports),
        ("interfaces", before.interfaces != after.interfaces),
        ("jira", before.jira != after.jira),
        ("email", before.email != after.email),
        ("retention_hours", before.retention_hours != after.retention_hours),
        ("identities", before.identities != after.identities),
        ("issuers", before.issuers != after.issuers || issuers_differ),
        ("recipient_keys", before.recipient_keys != after.recipient_keys),
    ];
    differing.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}
