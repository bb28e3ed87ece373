//! Settings of a tenant as an administrator sends them.
//!
//! Read strictly, every fault at once. What `GET` shows is understood too, so that it can be sent back as it is: of
//! recipient keys the fingerprints, and `id`, `created_at`, `erasure` and `warnings`, which nobody sets.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;
use waybill::{
    accept::Fault,
    domain::{
        definition::is_valid_report_id,
        email::EmailSettings,
        interface::Interfaces,
        issuer::{MAX_TEXT, TenantIssuer},
        licence::MAX_LINGER_SECONDS,
        link::{LinkMode, LinkPolicy},
        outcome::Packaging,
        tenant::{Grant, KeyFloor, Quotas, RecipientKeyRecord, Scope, recipient_keys::MAX_ACTIVE},
    },
    openpgp::RecipientKey,
};

use super::{
    email, interfaces, issuers,
    jira::{self, WantedJira},
    zip::{self, WantedZip},
};
use crate::fields::{Faults, Fields};

/// Most identities: with issuers, what is dropped, what is kept and all that goes with it fit one transaction.
pub const MAX_IDENTITIES: usize = 40;

/// Most reports that a tenant can be limited to.
pub const MAX_REPORTS: usize = 200;

/// Longest life of a file and of a link: a week, which is S3's maximum for a presigned URL. The bucket's own rule
/// deletes what is older than two, whatever is promised.
pub const MAX_HOURS: u32 = 168;

/// Most reports of a tenant at the same time.
pub const MAX_RUNNING: u32 = 100;

/// Most seats of a licence pool.
pub const MAX_SEATS: u32 = 10_000;

/// Longest name of a tenant, in bytes.
pub const MAX_NAME: usize = 200;

/// Fields of a link's policy.
pub const LINK_FIELDS: [&str; 2] = ["mode", "life_hours"];
/// Fields of quotas.
pub const QUOTA_FIELDS: [&str; 4] = ["running", "requests_per_day", "rows_per_day", "bytes_per_day"];
/// Fields of a licence pool.
pub const POOL_FIELDS: [&str; 2] = ["seats", "linger_seconds"];
/// Fields of an identity.
pub const IDENTITY_FIELDS: [&str; 3] = ["issuer", "subject", "scopes"];

/// Fields of settings; the last ones are shown, and nobody sets them.
pub const FIELDS: [&str; 22] = [
    "name",
    "presenter_id",
    "packaging",
    "zip",
    "manifest_inside",
    "recipient_key_floor",
    "link",
    "quotas",
    "licence_pool",
    "allowed_reports",
    "interfaces",
    "jira",
    "email",
    "retention_hours",
    "identities",
    "issuers",
    "recipient_keys",
    "new_webhook_secret",
    "id",
    "created_at",
    "erasure",
    "warnings",
];

/// What is wanted. Entries of lists keep their pointers, for faults that only others can find.
pub struct Settings {
    pub name: String,
    pub presenter_id: Option<Uuid>,
    pub packaging: Packaging,
    pub zip: WantedZip,
    pub manifest_inside: Option<bool>,
    pub key_floor: KeyFloor,
    pub link: LinkPolicy,
    pub quotas: Quotas,
    /// Its seats, and how long they linger in seconds.
    pub licence_pool: Option<(u32, Option<u32>)>,
    pub allowed_reports: Option<BTreeSet<String>>,
    pub interfaces: Interfaces,
    pub jira: Option<WantedJira>,
    pub email: EmailSettings,
    pub retention_hours: Option<u32>,
    pub identities: Vec<(String, Grant)>,
    pub issuers: Vec<(String, TenantIssuer)>,
    /// None: the keys stay as they are.
    pub recipient_keys: Option<Vec<(String, WantedKey)>>,
    pub new_webhook_secret: bool,
}

/// A recipient key that is to be active.
pub enum WantedKey {
    /// One that was sent.
    Sent(RecipientKeyRecord),
    /// The active one with that fingerprint.
    Known(String),
}

impl Settings {
    /// Reads the settings of the tenant `id`, and what is wrong with them. `retention` is the operator's default, in
    /// hours. None if there is nothing to go on with.
    pub fn read(id: &str, body: &Value, retention: u32, now: Timestamp) -> (Option<Self>, Vec<Fault>) {
        let faults = Faults::default();
        let settings = Fields::of(body, "", &FIELDS, &faults).map(|fields| {
            if fields.text("id", MAX_TEXT).is_some_and(|own| own != id) {
                faults.add("/id", "not_allowed", "Must be the id in the path, or left out.");
            }
            Self {
                name: fields.required_text("name", MAX_NAME).unwrap_or_default().to_owned(),
                presenter_id: presenter(&fields, &faults),
                packaging: fields
                    .choice("packaging", Packaging::from_name, &Packaging::ALL.map(Packaging::name))
                    .unwrap_or(Packaging::Openpgp),
                zip: zip::read(&fields, &faults),
                manifest_inside: fields.boolean("manifest_inside"),
                key_floor: fields
                    .choice("recipient_key_floor", KeyFloor::from_name, &KeyFloor::ALL.map(KeyFloor::name))
                    .unwrap_or_default(),
                retention_hours: fields.whole("retention_hours", 1..=MAX_HOURS),
                link: link(&fields, retention, &faults),
                quotas: quotas(&fields),
                licence_pool: licence_pool(&fields, &faults),
                allowed_reports: allowed_reports(&fields, &faults),
                interfaces: interfaces::read(&fields, &faults),
                jira: jira::read(&fields, &faults),
                email: email::read(&fields, &faults),
                identities: identities(&fields, &faults),
                issuers: issuers::read(&fields, &faults),
                recipient_keys: recipient_keys(&fields, now, &faults),
                new_webhook_secret: fields.flag("new_webhook_secret"),
            }
        });
        (settings, faults.into_vec())
    }
}

fn presenter(fields: &Fields, faults: &Faults) -> Option<Uuid> {
    let text = fields.text("presenter_id", MAX_TEXT)?;
    let read = Uuid::try_parse(text);
    if read.is_err() {
        faults.add("/presenter_id", "format", "Must be a UUID.");
    }
    read.ok()
}

fn link(fields: &Fields, retention: u32, faults: &Faults) -> LinkPolicy {
    let Some(link) = fields.object("link", &LINK_FIELDS) else { return LinkPolicy::default() };
    let mode = link.choice("mode", LinkMode::from_name, &LinkMode::ALL.map(LinkMode::name)).unwrap_or_default();
    let life_hours = link.whole("life_hours", 1..=MAX_HOURS);
    // A retention that is wrong itself has its own fault.
    let own = fields.get("retention_hours").map(|hours| hours.as_u64().unwrap_or(u64::MAX));
    let retention = own.unwrap_or_else(|| u64::from(retention));
    if life_hours.is_some_and(|hours| u64::from(hours) > retention) {
        let detail =
            format!("The file itself lives for {retention} hours (`retention_hours`); a link cannot outlive it.");
        faults.add("/link/life_hours", "out_of_range", detail);
    }
    LinkPolicy { mode, life_hours, anew: false }
}

fn quotas(fields: &Fields) -> Quotas {
    let Some(quotas) = fields.object("quotas", &QUOTA_FIELDS) else { return Quotas::default() };
    let a_day = |name| quotas.whole(name, 1..=u64::MAX);
    Quotas {
        running: quotas.whole("running", 1..=MAX_RUNNING),
        requests_per_day: a_day("requests_per_day"),
        rows_per_day: a_day("rows_per_day"),
        bytes_per_day: a_day("bytes_per_day"),
    }
}

fn licence_pool(fields: &Fields, faults: &Faults) -> Option<(u32, Option<u32>)> {
    let pool = fields.object("licence_pool", &POOL_FIELDS)?;
    if pool.get("seats").is_none() {
        faults.add("/licence_pool/seats", "missing", "Required in a licence pool.");
    }
    let linger = pool.whole("linger_seconds", 0..=MAX_LINGER_SECONDS);
    Some((pool.whole("seats", 1..=MAX_SEATS)?, linger))
}

fn allowed_reports(fields: &Fields, faults: &Faults) -> Option<BTreeSet<String>> {
    fields.get("allowed_reports")?;
    let entries = fields.list("allowed_reports", MAX_REPORTS);
    let ids = entries.into_iter().filter_map(|(at, entry)| {
        let id = entry.as_str().filter(|id| is_valid_report_id(id));
        if id.is_none() {
            faults.add(at, "format", "Must be the id of a report.");
        }
        id.map(str::to_owned)
    });
    Some(ids.collect())
}

fn identities(fields: &Fields, faults: &Faults) -> Vec<(String, Grant)> {
    let mut read: Vec<(String, Grant)> = Vec::new();
    for (at, entry) in fields.list("identities", MAX_IDENTITIES) {
        let Some(identity) = Fields::of(entry, at.clone(), &IDENTITY_FIELDS, faults) else { continue };
        let issuer = identity.required_text("issuer", MAX_TEXT);
        let subject = identity.required_text("subject", MAX_TEXT);
        let scopes = scopes(&identity, faults);
        let (Some(issuer), Some(subject)) = (issuer, subject) else { continue };
        if read.iter().any(|(_, other)| other.issuer == issuer && other.subject == subject) {
            faults.add(at, "not_allowed", "Issuer and subject are listed already.");
            continue;
        }
        read.push((at, Grant { issuer: issuer.to_owned(), subject: subject.to_owned(), scopes }));
    }
    read
}

pub fn scopes(identity: &Fields, faults: &Faults) -> Vec<Scope> {
    if identity.get("scopes").is_none() {
        faults.add(identity.pointer("scopes"), "missing", "Required; a list of scopes, which may be empty.");
    }
    let mut scopes: Vec<Scope> = Vec::new();
    for (at, entry) in identity.list("scopes", Scope::ALL.len()) {
        let scope = entry.as_str().and_then(|name| Scope::ALL.into_iter().find(|scope| scope.name() == name));
        match scope {
            Some(Scope::Admin) => {
                let detail = "A tenant's credential is never an admin's; admins are listed in issuers.json.";
                faults.add(at, "not_allowed", detail);
            }
            Some(scope) if scopes.contains(&scope) => {}
            Some(scope) => scopes.push(scope),
            None => {
                let all = Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin).map(Scope::name);
                let detail = format!("Must be one of {}.", all.collect::<Vec<_>>().join(", "));
                faults.add(at, if entry.is_string() { "not_allowed" } else { "type" }, detail);
            }
        }
    }
    scopes
}

fn recipient_keys(fields: &Fields, now: Timestamp, faults: &Faults) -> Option<Vec<(String, WantedKey)>> {
    fields.get("recipient_keys")?;
    let mut wanted: Vec<(String, WantedKey)> = Vec::new();
    for (at, entry) in fields.list("recipient_keys", MAX_ACTIVE) {
        let key = match (entry, entry.get("fingerprint").and_then(Value::as_str)) {
            (Value::String(armored), _) => match key_record(armored, now) {
                Ok(key) => WantedKey::Sent(key),
                Err(detail) => {
                    faults.add(at, "recipient_key_refused", detail);
                    continue;
                }
            },
            (_, Some(fingerprint)) => WantedKey::Known(fingerprint.to_owned()),
            _ => {
                faults.add(at, "type", "Must be an armored public key, or {\"fingerprint\": …} of an active one.");
                continue;
            }
        };
        if wanted.iter().any(|(_, other)| other.fingerprint() == key.fingerprint()) {
            faults.add(at, "not_allowed", "The key is listed already.");
            continue;
        }
        wanted.push((at, key));
    }
    Some(wanted)
}

impl WantedKey {
    /// Of the primary key.
    pub fn fingerprint(&self) -> &str {
        match self {
            Self::Sent(key) => &key.fingerprint,
            Self::Known(fingerprint) => fingerprint,
        }
    }
}

/// The record of an armored key, or why it is refused.
pub fn key_record(armored: &str, now: Timestamp) -> Result<RecipientKeyRecord, String> {
    let key = RecipientKey::parse(armored, now).map_err(|fault| fault.to_string())?;
    Ok(RecipientKeyRecord {
        fingerprint: key.fingerprint().to_owned(),
        armored: armored.to_owned(),
        algorithm: Some(key.algorithm().to_owned()),
        bits: Some(key.bits()),
        expires_at: key.expires_at(),
        added_at: Some(now),
        retired_at: None,
    })
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
