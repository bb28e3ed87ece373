//! Settings of an endpoint as its tenant sends them: read strictly, every fault at once, secrets sealed.
//!
//! What `GET` shows is understood in a replacement too, so that it can be sent back as it is: secrets are not shown,
//! and those that are not sent stay as they are, unless the endpoint moves to another host.

use std::{collections::BTreeSet, ops::RangeInclusive};

use serde_json::Value;
use waybill::{
    accept::Fault,
    domain::{
        endpoint::{Profile, RetryPolicy, Settings, unico_event},
        message::EventKind,
    },
    guard::Guard,
};

use super::{
    authentication::Reader,
    secrets::{Before, Sealer},
};
use crate::fields::{Faults, Fields};

/// What is decided by the owner.
pub const FIELDS: [&str; 10] = [
    "url",
    "description",
    "authentication",
    "headers",
    "profile",
    "events",
    "statuses",
    "retry",
    "timeout_seconds",
    "concurrency",
];

/// What is shown besides, and nobody sets.
pub const SHOWN: [&str; 13] = [
    "id",
    "created_at",
    "updated_at",
    "secrets",
    "paused",
    "disabled",
    "state",
    "error_rate",
    "limit",
    "in_flight",
    "waiting",
    "next_retry_at",
    "circuit",
];

/// Unless the owner decides: seconds of an attempt.
pub const TIMEOUT_SECONDS: u32 = 30;
/// Unless the owner decides: attempts at the same time.
pub const CONCURRENCY: u32 = 10;
const FACTOR_PERCENT: u32 = 200;
/// Unless the owner decides: the longest interval between attempts.
pub const CAP_SECONDS: u32 = 86_400;

/// What seconds of an attempt may be.
pub const TIMEOUTS: RangeInclusive<u32> = 1..=30;
/// How many attempts at the same time there may be.
pub const CONCURRENCIES: RangeInclusive<u32> = 1..=500;

/// Most attempts that can be listed.
pub const MAX_WAITS: usize = 30;
/// The longest wait before one.
pub const MAX_WAIT_SECONDS: u32 = 604_800;
/// How many attempts there may be by rule.
pub const MAX_ATTEMPTS: RangeInclusive<u32> = 1..=30;
/// Seconds after the first of these.
pub const FIRST_INTERVALS: RangeInclusive<u32> = 1..=86_400;

/// Fields of `retry`. The last one goes without the others.
pub const RETRY_FIELDS: [&str; 5] =
    ["max_attempts", "first_interval_seconds", "factor", "cap_seconds", "waits_seconds"];

/// Reads the settings of a new endpoint, or those that replace `before`.
pub fn read(body: &Value, before: Option<&Settings>, sealer: &Sealer, guard: &Guard) -> Result<Settings, Vec<Fault>> {
    let faults = Faults::default();
    let known: Vec<&str> = FIELDS.into_iter().chain(SHOWN.into_iter().filter(|_| before.is_some())).collect();
    let settings = Fields::of(body, "", &known, &faults).map(|fields| {
        let url = fields.required_text("url", 2048).unwrap_or_default();
        if let Some(Err(refused)) = Some(url).filter(|url| !url.is_empty()).map(|url| guard.check_url(url)) {
            faults.add("/url", "url_refused", refused.to_string());
        }
        let reader = Reader { before: Before::new(before, url), sealer, guard, faults: &faults };
        let authentication = reader.authentication(&fields);
        let profile =
            fields.choice("profile", Profile::from_name, &Profile::ALL.map(Profile::name)).unwrap_or_default();
        Settings {
            description: fields.text("description", 500).unwrap_or_default().to_owned(),
            url: url.to_owned(),
            headers: reader.headers(&fields, &authentication),
            authentication,
            profile,
            events: &events(&fields, profile, &faults) | &statuses(&fields, profile, &faults),
            retry: retry(&fields, &faults),
            timeout_seconds: fields.whole("timeout_seconds", TIMEOUTS).unwrap_or(TIMEOUT_SECONDS),
            concurrency: fields.whole("concurrency", CONCURRENCIES).unwrap_or(CONCURRENCY),
        }
    });
    let faults = faults.into_vec();
    settings.filter(|_| faults.is_empty()).ok_or(faults)
}

fn events(fields: &Fields, profile: Profile, faults: &Faults) -> BTreeSet<EventKind> {
    let mut events = BTreeSet::new();
    for (at, entry) in fields.list("events", EventKind::SUBSCRIBABLE.len()) {
        let named = EventKind::SUBSCRIBABLE.into_iter().find(|event| Some(event.name()) == entry.as_str());
        match named {
            Some(event) if profile.expresses(event) => _ = events.insert(event),
            Some(_) => inexpressible(&at, profile, faults),
            None => {
                let detail = format!("Must be one of {}.", EventKind::SUBSCRIBABLE.map(EventKind::name).join(", "));
                faults.add(at, if entry.is_string() { "not_allowed" } else { "type" }, detail);
            }
        }
    }
    events
}

/// IDUnico's, which stand for events: 2 divergent, 3 finished, 4 cancelled, 5 error.
fn statuses(fields: &Fields, profile: Profile, faults: &Faults) -> BTreeSet<EventKind> {
    let mut events = BTreeSet::new();
    for (at, entry) in fields.list("statuses", 4) {
        let event = entry.as_u64().and_then(|status| unico_event(u32::try_from(status).ok()?));
        match event {
            Some(event) if profile.expresses(event) => _ = events.insert(event),
            Some(_) => inexpressible(&at, profile, faults),
            None => {
                let code = if entry.is_number() { "not_allowed" } else { "type" };
                faults.add(at, code, "Must be 2 (divergent), 3 (finished), 4 (cancelled) or 5 (error).");
            }
        }
    }
    events
}

fn inexpressible(at: &str, profile: Profile, faults: &Faults) {
    faults.add(at, "not_allowed", format!("The profile {} cannot express it.", profile.name()));
}

fn retry(fields: &Fields, faults: &Faults) -> RetryPolicy {
    let Some(retry) = fields.object("retry", &RETRY_FIELDS) else { return RetryPolicy::Default };
    if retry.get("waits_seconds").is_some() {
        for name in RETRY_FIELDS.into_iter().filter(|name| *name != "waits_seconds" && retry.get(name).is_some()) {
            faults.add(retry.pointer(name), "not_allowed", "Not together with `waits_seconds`.");
        }
        return RetryPolicy::Listed { waits_seconds: waits(&retry, faults) };
    }
    for name in ["max_attempts", "first_interval_seconds"] {
        if retry.get(name).is_none() {
            faults.add(retry.pointer(name), "missing", "Required, unless `retry` as a whole is left out.");
        }
    }
    RetryPolicy::Exponential {
        max_attempts: retry.whole("max_attempts", MAX_ATTEMPTS).unwrap_or(1),
        first_interval_seconds: retry.whole("first_interval_seconds", FIRST_INTERVALS).unwrap_or(1),
        factor_percent: factor(&retry, faults).unwrap_or(FACTOR_PERCENT),
        cap_seconds: retry.whole("cap_seconds", 1..=MAX_WAIT_SECONDS).unwrap_or(CAP_SECONDS),
    }
}

/// Whole seconds before each attempt, the first one too.
fn waits(retry: &Fields, faults: &Faults) -> Vec<u32> {
    let mut waits = Vec::new();
    for (at, entry) in retry.list("waits_seconds", MAX_WAITS) {
        let wait = entry.as_u64().and_then(|wait| u32::try_from(wait).ok()).filter(|wait| *wait <= MAX_WAIT_SECONDS);
        if wait.is_none() {
            let code = if entry.is_u64() || entry.is_i64() { "out_of_range" } else { "type" };
            faults.add(at, code, format!("Must be a whole number of seconds from 0 to {MAX_WAIT_SECONDS}."));
        }
        waits.extend(wait);
    }
    if retry.get("waits_seconds").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        faults.add(retry.pointer("waits_seconds"), "out_of_range", format!("1 to {MAX_WAITS} waits."));
    }
    waits
}

/// 1 to 10, to hundredths.
fn factor(retry: &Fields, faults: &Faults) -> Option<u32> {
    let value = retry.get("factor")?;
    let hundredths = value.as_f64().map(|factor| (factor * 100.0).round()).filter(|f| (100.0..=1000.0).contains(f));
    let read = hundredths.and_then(|hundredths| (100..=1000_u32).find(|whole| f64::from(*whole) >= hundredths));
    if read.is_none() {
        let code = if value.is_number() { "out_of_range" } else { "type" };
        faults.add(retry.pointer("factor"), code, "Must be a number from 1 to 10.");
    }
    read
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
