//! The licence context, as products of TOTVS send it: base64 of a JSON object (header `X-License-Context`, or
//! `generateParams.licenseContext` in a body).
//!
//! Read strictly, every fault at once: what decides about a licence must not be guessed. Fields that are not known are
//! left alone, for other releases of those products may send more. What `user.credentials` holds is never kept.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{Holder, WaiverKey};

/// Longest context that is decoded, in characters of base64. A real one has some 500; what is longer is refused unread.
pub const MAX_ENCODED: usize = 4096;

/// Longest text of a field, in bytes.
const MAX_TEXT: usize = 256;

/// What is wrong with a context, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct ContextFault {
    /// JSON pointer (RFC 6901) into the decoded object; empty: all of it.
    pub pointer: &'static str,
    /// Stable code: `too_long`, `base64`, `json`, `missing`, `type`, `out_of_range`.
    pub code: &'static str,
    /// What is wrong and what would be right. Quotes nothing of what was sent.
    pub detail: String,
}

impl ContextFault {
    fn new(pointer: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer, code, detail: detail.into() }
    }
}

/// A host and a port, as the caller names them. Nobody is ever called by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name or address.
    pub hostname: String,
    /// Port.
    pub port: u16,
}

/// A licence context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceContext {
    /// `federalId`: the customer's tax number; may be blanks.
    pub federal_id: Option<String>,
    /// `mainThreadId`: of the licensed product.
    pub main_thread: i64,
    /// `threadId`.
    pub thread: Option<i64>,
    /// `moduleId`: the product's module.
    pub module: String,
    /// `actionName`: the routine that asks.
    pub action: Option<String>,
    /// `licenseServer`: where the product has its licence from.
    pub licence_server: Option<Place>,
    /// `client`: where the product runs.
    pub client: Place,
    /// `user.name`.
    pub user: String,
    /// `user.isFullDeterminado`.
    pub is_full: Option<bool>,
}

impl LicenceContext {
    /// Reads one, or tells every fault in it. Standard base64 with its padding, as those products write it: of two
    /// spellings of the same bytes only one is good.
    pub fn parse(encoded: &str) -> Result<Self, Vec<ContextFault>> {
        let whole = |code, detail: &str| vec![ContextFault::new("", code, detail)];
        if encoded.len() > MAX_ENCODED {
            return Err(whole("too_long", &format!("Must have at most {MAX_ENCODED} characters.")));
        }
        let json = STANDARD.decode(encoded);
        let json = json.map_err(|_| whole("base64", "Must be base64 (RFC 4648, section 4) with its padding."))?;
        let value: Value = serde_json::from_slice(&json)
            .map_err(|_| whole("json", "What the base64 holds must be a JSON object in UTF-8."))?;
        let Value::Object(map) = value else {
            return Err(whole("type", "What the base64 holds must be a JSON object."));
        };
        let mut faults = Vec::new();
        match read(&map, &mut faults) {
            Some(context) if faults.is_empty() => Ok(context),
            _ => Err(faults),
        }
    }

    /// Who shares a licence: the combination that its sender's documentation names.
    pub fn waiver_key(&self) -> WaiverKey {
        let client = (self.client.hostname.as_str(), self.client.port);
        WaiverKey::of_context(self.main_thread, &self.module, client, &self.user)
    }

    /// For people.
    pub fn holder(&self) -> Holder {
        let place = |place: &Place| format!("{}:{}", place.hostname, place.port);
        Holder {
            user: self.user.clone(),
            module: Some(self.module.clone()),
            client: Some(place(&self.client)),
            main_thread: Some(self.main_thread),
            action: self.action.clone(),
            federal_id: self.federal_id.as_deref().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned),
            licence_server: self.licence_server.as_ref().map(place),
        }
    }
}

/// None only if there are faults.
fn read(map: &Map<String, Value>, faults: &mut Vec<ContextFault>) -> Option<LicenceContext> {
    let federal_id = text(map.get("federalId"), "/federalId", false, faults);
    let main_thread = whole(map.get("mainThreadId"), "/mainThreadId", true, faults);
    let thread = whole(map.get("threadId"), "/threadId", false, faults);
    let module = text(map.get("moduleId"), "/moduleId", true, faults);
    let action = text(map.get("actionName"), "/actionName", false, faults);
    let server = object(map.get("licenseServer"), "/licenseServer", false, faults).and_then(|server| {
        let hostname = text(server.get("hostname"), "/licenseServer/hostname", false, faults);
        let port = port(server.get("port"), "/licenseServer/port", false, faults);
        Some(Place { hostname: hostname?, port: port? })
    });
    let client = object(map.get("client"), "/client", true, faults).and_then(|client| {
        let hostname = text(client.get("hostname"), "/client/hostname", true, faults);
        let port = port(client.get("port"), "/client/port", true, faults);
        Some(Place { hostname: hostname?, port: port? })
    });
    let user = object(map.get("user"), "/user", true, faults).map(|user| {
        let name = text(user.get("name"), "/user/name", true, faults);
        (name, flag(user.get("isFullDeterminado"), "/user/isFullDeterminado", faults))
    });
    let (user, is_full) = user?;
    Some(LicenceContext {
        federal_id,
        main_thread: main_thread?,
        thread,
        module: module?,
        action,
        licence_server: server,
        client: client?,
        user: user?,
        is_full,
    })
}

/// The field, if it is there; a fault if it has to be.
fn given<'a>(
    value: Option<&'a Value>,
    at: &'static str,
    required: bool,
    faults: &mut Vec<ContextFault>,
) -> Option<&'a Value> {
    if value.is_none() && required {
        faults.push(ContextFault::new(at, "missing", "Required: who shares a licence is told by it."));
    }
    value
}

/// A part of the key that is blank would tell nobody apart.
fn text(value: Option<&Value>, at: &'static str, key: bool, faults: &mut Vec<ContextFault>) -> Option<String> {
    match given(value, at, key, faults)? {
        Value::String(text) if key && text.trim().is_empty() => {
            faults.push(ContextFault::new(at, "missing", "Must not be blank: who shares a licence is told by it."));
            None
        }
        Value::String(text) if text.len() <= MAX_TEXT => Some(text.clone()),
        Value::String(_) => {
            faults.push(ContextFault::new(at, "out_of_range", format!("Must be at most {MAX_TEXT} bytes long.")));
            None
        }
        _ => wrong_type(at, "Must be a text.", faults),
    }
}

fn whole(value: Option<&Value>, at: &'static str, key: bool, faults: &mut Vec<ContextFault>) -> Option<i64> {
    let number = given(value, at, key, faults)?.as_i64();
    if number.is_none() { wrong_type(at, "Must be a whole number of at most 64 bits.", faults) } else { number }
}

fn port(value: Option<&Value>, at: &'static str, key: bool, faults: &mut Vec<ContextFault>) -> Option<u16> {
    let value = given(value, at, key, faults)?;
    if !(value.is_i64() || value.is_u64()) {
        return wrong_type(at, "Must be a whole number.", faults);
    }
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    if port.is_none() {
        faults.push(ContextFault::new(at, "out_of_range", "Must be a port, from 0 to 65535."));
    }
    port
}

fn flag(value: Option<&Value>, at: &'static str, faults: &mut Vec<ContextFault>) -> Option<bool> {
    let flag = value?.as_bool();
    if flag.is_none() { wrong_type(at, "Must be true or false.", faults) } else { flag }
}

fn object<'a>(
    value: Option<&'a Value>,
    at: &'static str,
    key: bool,
    faults: &mut Vec<ContextFault>,
) -> Option<&'a Map<String, Value>> {
    let object = given(value, at, key, faults)?.as_object();
    if object.is_none() { wrong_type(at, "Must be an object.", faults) } else { object }
}

fn wrong_type<T>(at: &'static str, detail: &str, faults: &mut Vec<ContextFault>) -> Option<T> {
    faults.push(ContextFault::new(at, "type", detail));
    None
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
