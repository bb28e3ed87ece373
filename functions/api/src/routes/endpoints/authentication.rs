//! How an endpoint knows us, and further headers: read strictly, sealed at once.

use std::collections::BTreeMap;

use serde_json::Value;
use waybill::{
    domain::endpoint::{Authentication, Settings},
    guard::Guard,
};

use super::{
    headers::{self, MAX_HEADER_BYTES, MAX_HEADERS},
    secrets::{Before, Sealer},
};
use crate::fields::{Faults, Fields};

/// Kinds of authentication.
pub const TYPES: [&str; 4] = ["none", "basic", "api_key", "oauth2"];

/// Longest secret, in bytes.
pub const MAX_SECRET: usize = 4096;

/// Fields of an authentication of that kind; of all kinds where it is none of them.
pub fn fields_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "basic" => &["type", "credentials", "user"],
        "api_key" => &["type", "key", "header"],
        "oauth2" => &["type", "token_url", "client_id", "client_secret", "scope"],
        "none" => &["type"],
        _ => &["type", "credentials", "user", "key", "header", "token_url", "client_id", "client_secret", "scope"],
    }
}

/// What reading an authentication, or headers, needs besides the body.
pub struct Reader<'a> {
    /// Settings that are replaced.
    pub before: Before<'a>,
    /// For the endpoint's row.
    pub sealer: &'a Sealer,
    /// Judges token endpoints.
    pub guard: &'a Guard,
    /// Collects what is wrong.
    pub faults: &'a Faults,
}

impl Reader<'_> {
    /// `authentication`; as it was where it is left out.
    pub fn authentication(&self, fields: &Fields) -> Authentication {
        let at = fields.pointer("authentication");
        let Some(value) = fields.get("authentication") else {
            if let Some(kept) = self.before.kept() {
                return kept.authentication.clone();
            }
            if self.before.moved().is_some_and(|before| before.authentication != Authentication::None) {
                self.missing(&at);
            }
            return Authentication::None;
        };
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some(fields) = Fields::of(value, at, fields_of(kind), self.faults) else { return Authentication::None };
        let read = match kind {
            "basic" => self.basic(&fields),
            "api_key" => self.api_key(&fields),
            "oauth2" => self.oauth2(&fields),
            _ => {
                if fields.get("type").is_none() {
                    self.faults.add(fields.pointer("type"), "missing", format!("One of {}.", TYPES.join(", ")));
                }
                fields.choice("type", |name| TYPES.contains(&name).then_some(()), &TYPES);
                None
            }
        };
        read.unwrap_or(Authentication::None)
    }

    fn basic(&self, fields: &Fields) -> Option<Authentication> {
        let shown = fields.text("user", MAX_SECRET);
        let Some(credentials) = self.secret(fields, "credentials") else {
            return self.kept(fields, "credentials", |before| match before {
                Authentication::Basic { user, .. } => shown.is_none_or(|shown| shown == user),
                _ => false,
            });
        };
        let Some((user, _)) = credentials.split_once(':') else {
            self.faults.add(fields.pointer("credentials"), "format", "Must be a user, a colon and a password.");
            return None;
        };
        self.agree(fields, "user", shown, user);
        Some(Authentication::Basic { user: user.to_owned(), credentials_sealed: self.sealer.seal(credentials) })
    }

    fn api_key(&self, fields: &Fields) -> Option<Authentication> {
        let shown = fields.text("header", MAX_SECRET);
        let Some(key) = self.secret(fields, "key") else {
            return self.kept(fields, "key", |before| match before {
                Authentication::ApiKey { header, .. } => shown.is_none_or(|shown| shown.eq_ignore_ascii_case(header)),
                _ => false,
            });
        };
        let at = fields.pointer("key");
        let (name, value) = key.split_once(':').unwrap_or(("authorization", key));
        let name = self.header_name(&at, name.trim())?;
        self.agree(fields, "header", shown.map(str::to_ascii_lowercase).as_deref(), &name);
        let value = self.header_value(&at, value)?;
        Some(Authentication::ApiKey { header: name, value_sealed: self.sealer.seal(value) })
    }

    fn oauth2(&self, fields: &Fields) -> Option<Authentication> {
        let url = fields.required_text("token_url", 2048);
        if let Some(Err(refused)) = url.map(|url| self.guard.check_url(url)) {
            self.faults.add(fields.pointer("token_url"), "url_refused", refused.to_string());
        }
        let client = fields.required_text("client_id", 255);
        let scope = fields.text("scope", 1024).unwrap_or_default();
        let Some(secret) = self.secret(fields, "client_secret") else {
            // Another scope is asked of the same server, by the same client.
            let kept = self.kept(fields, "client_secret", |before| match before {
                Authentication::Oauth2 { token_url, client_id, .. } => {
                    Some(token_url.as_str()) == url && Some(client_id.as_str()) == client
                }
                _ => false,
            });
            return kept.map(|mut kept| {
                if let Authentication::Oauth2 { scope: kept, .. } = &mut kept {
                    scope.clone_into(kept);
                }
                kept
            });
        };
        Some(Authentication::Oauth2 {
            token_url: url?.to_owned(),
            client_id: client?.to_owned(),
            client_secret_sealed: self.sealer.seal(secret),
            scope: scope.to_owned(),
        })
    }

    /// What is shown of a secret and sent back with a new one must be of that one.
    fn agree(&self, fields: &Fields, name: &str, shown: Option<&str>, own: &str) {
        if shown.is_some_and(|shown| shown != own) {
            self.faults.add(fields.pointer(name), "not_allowed", "Leave it out: it is read off the secret.");
        }
    }

    /// A secret without control characters.
    fn secret<'b>(&self, fields: &Fields<'b>, name: &str) -> Option<&'b str> {
        let text = fields.text(name, MAX_SECRET)?;
        if text.chars().any(char::is_control) {
            self.faults.add(fields.pointer(name), "format", "Must hold no control characters.");
        }
        Some(text)
    }

    /// What is recorded, for a secret that is not sent again.
    fn kept(&self, fields: &Fields, name: &str, same: impl Fn(&Authentication) -> bool) -> Option<Authentication> {
        let kept = self.before.kept().map(|before| &before.authentication).filter(|before| same(before));
        // A secret that is there but faulty has its own fault.
        if kept.is_none() && fields.get(name).is_none() {
            self.missing(&fields.pointer(name));
        }
        kept.cloned()
    }

    fn missing(&self, at: &str) {
        let detail = "Required. A recorded secret is kept only where nothing changes about whom it is sent to.";
        self.faults.add(at, "missing", detail);
    }

    /// `headers`, by lower-case name; as they were where they are left out. `null` keeps a value.
    pub fn headers(&self, fields: &Fields, authentication: &Authentication) -> BTreeMap<String, String> {
        let at = fields.pointer("headers");
        let Some(value) = fields.get("headers") else {
            if self.before.moved().is_some_and(|before| !before.headers.is_empty()) {
                self.missing(&at);
            }
            let kept = self.before.kept().map(|before| before.headers.clone()).unwrap_or_default();
            for name in kept.keys().filter(|name| is_of(authentication, name)) {
                self.faults.add(&at, "not_allowed", format!("The recorded header {name} is the authentication's now."));
            }
            return kept;
        };
        let Some(map) = value.as_object() else {
            self.faults.add(at, "type", "Must be an object of names and values.");
            return BTreeMap::new();
        };
        if map.len() > MAX_HEADERS {
            self.faults.add(&at, "out_of_range", format!("At most {MAX_HEADERS}."));
            return BTreeMap::new();
        }
        if map.values().filter_map(Value::as_str).map(str::len).sum::<usize>() > MAX_HEADER_BYTES {
            self.faults.add(&at, "out_of_range", format!("At most {MAX_HEADER_BYTES} bytes together."));
            return BTreeMap::new();
        }
        let mut headers = BTreeMap::new();
        for (name, value) in map {
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            let Some((name, sealed)) = self.header(&at, name, value, authentication) else { continue };
            if headers.insert(name, sealed).is_some() {
                self.faults.add(at, "not_allowed", "The header is listed already; case does not matter.");
            }
        }
        headers
    }

    fn header(&self, at: &str, name: &str, value: &Value, own: &Authentication) -> Option<(String, String)> {
        let name = self.header_name(at, name)?;
        if is_of(own, &name) {
            self.faults.add(at, "not_allowed", "This header is the authentication's.");
            return None;
        }
        match value {
            Value::Null => {
                let kept = self.before.kept().and_then(|before: &Settings| before.headers.get(&name));
                if kept.is_none() {
                    self.missing(at);
                }
                Some((name, kept?.clone()))
            }
            Value::String(value) => Some((name, self.sealer.seal(self.header_value(at, value)?))),
            _ => {
                self.faults.add(at, "type", "Must be a text, or null to keep its value.");
                None
            }
        }
    }

    fn header_name(&self, at: &str, name: &str) -> Option<String> {
        headers::name(name).map_err(|(code, detail)| self.faults.add(at, code, detail)).ok()
    }

    fn header_value<'b>(&self, at: &str, value: &'b str) -> Option<&'b str> {
        headers::value(value).map_err(|(code, detail)| self.faults.add(at, code, detail)).ok()
    }
}

/// Whether authentication sets that header.
fn is_of(authentication: &Authentication, name: &str) -> bool {
    match authentication {
        Authentication::None => false,
        Authentication::Basic { .. } | Authentication::Oauth2 { .. } => name == "authorization",
        Authentication::ApiKey { header, .. } => name == header || name == "authorization",
    }
}
