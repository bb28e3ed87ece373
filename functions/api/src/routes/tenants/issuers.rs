//! Issuers of a tenant's own, as its settings name them.

use serde_json::{Value, json};
use waybill::{
    accept::Fault,
    aws::table::{Stored, keys::Key, rows::TenantIssuerRow},
    domain::issuer::{Algorithm, Audience, MAX_AUDIENCES, MAX_TEXT, TenantIssuer},
};

use crate::{
    app::App,
    fields::{Faults, Fields},
    openapi::{
        parts::{https_url, values},
        schema::{Schema, bytes, described, list_of_at_most, sent},
    },
    problem::Problem,
};

/// Most issuers of a tenant.
pub const MAX_ISSUERS: usize = 5;

const FIELDS: [&str; 6] = ["issuer", "audience", "algorithms", "jwks", "jwks_uri", "scope_prefix"];

/// Stands for an address that is faulty, so that the rest is checked all the same.
const STAND_IN: &str = "https://stand-in.invalid/";

/// Reads `issuers`, each with its pointer.
pub fn read(fields: &Fields, faults: &Faults) -> Vec<(String, TenantIssuer)> {
    let mut read: Vec<(String, TenantIssuer)> = Vec::new();
    for (at, entry) in fields.list("issuers", MAX_ISSUERS) {
        let Some(issuer) = issuer(&at, entry, faults) else { continue };
        if read.iter().any(|(_, other)| other.issuer == issuer.issuer) {
            faults.add(format!("{at}/issuer"), "not_allowed", "The issuer is listed already.");
            continue;
        }
        read.push((at, issuer));
    }
    read
}

/// What only the table and the operator's configuration tell about an issuer, and the row that it has.
pub async fn known(
    app: &App,
    tenant: &str,
    (at, issuer): &(String, TenantIssuer),
    faults: &mut Vec<Fault>,
) -> Result<Option<Stored<TenantIssuerRow>>, Problem> {
    faults.extend(app.authenticator.issuer_faults(at, issuer).await?);
    let known = app.table.get::<TenantIssuerRow>(&Key::issuer(&issuer.issuer)).await?;
    if known.as_ref().is_some_and(|known| known.row.tenant != tenant) {
        faults.push(Fault::new(format!("{at}/issuer"), "taken", "This issuer belongs to another tenant."));
    }
    Ok(known)
}

fn issuer(at: &str, entry: &Value, faults: &Faults) -> Option<TenantIssuer> {
    let fields = Fields::of(entry, at, &FIELDS, faults)?;
    let issuer = fields.required_text("issuer", MAX_TEXT);
    if issuer.is_some_and(|text| !is_https(text)) {
        faults.add(
            fields.pointer("issuer"),
            "format",
            "Must be an https URL without a query: the `iss` of its tokens.",
        );
    }
    if let Some(keys) = fields.get("jwks") {
        public_keys(&fields.pointer("jwks"), keys, faults);
    }
    let jwks_uri = fields.text("jwks_uri", 2048).or(fields.get("jwks_uri").map(|_| STAND_IN));
    Some(TenantIssuer {
        issuer: issuer.unwrap_or(STAND_IN).to_owned(),
        audience: audience(&fields, faults),
        algorithms: algorithms(&fields, faults),
        jwks: fields.get("jwks").cloned(),
        jwks_uri: jwks_uri.map(str::to_owned),
        scope_prefix: fields.text("scope_prefix", MAX_TEXT).map(str::to_owned),
    })
}

/// An issuer's name is only compared, never called; that it is an https URL is what OpenID Connect demands. The parser
/// passes over tabs and line ends, which no name has.
fn is_https(text: &str) -> bool {
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    plain
        && url::Url::parse(text).is_ok_and(|url| {
            let bare = url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
            text.starts_with("https://") && url.has_host() && bare
        })
}

fn audience(fields: &Fields, faults: &Faults) -> Audience {
    let read = fields.get("audience").map(|value| serde_json::from_value(value.clone()));
    match read {
        Some(Ok(audience)) => return audience,
        Some(Err(_)) => faults.add(fields.pointer("audience"), "type", "Must be a text or a list of texts."),
        None => faults.add(fields.pointer("audience"), "missing", "Required."),
    }
    Audience::One(STAND_IN.to_owned())
}

fn algorithms(fields: &Fields, faults: &Faults) -> Vec<Algorithm> {
    let given = fields.get("algorithms");
    if given.is_none() {
        faults.add(fields.pointer("algorithms"), "missing", "Required.");
    }
    let mut algorithms = Vec::new();
    for (at, entry) in fields.list("algorithms", 9) {
        match serde_json::from_value(entry.clone()) {
            Ok(algorithm) if algorithms.contains(&algorithm) => {}
            Ok(algorithm) => algorithms.push(algorithm),
            Err(_) => faults.add(at, "not_allowed", "Must be an asymmetric algorithm, such as RS256 or ES256."),
        }
    }
    // An empty list is found to be one where the issuer as a whole is judged; of others the fault is noted.
    if algorithms.is_empty() && given.and_then(Value::as_array).is_none_or(|list| !list.is_empty()) {
        algorithms.push(Algorithm::ES256);
    }
    algorithms
}

/// Only public halves may be sent, and no key that would verify what it signs.
fn public_keys(at: &str, set: &Value, faults: &Faults) {
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    for (index, key) in keys.enumerate() {
        if key.get("d").is_some() || key.get("k").is_some() {
            let detail = "This is a private or symmetric key: keep it secret, send the public key only.";
            faults.add(format!("{at}/keys/{index}"), "not_allowed", detail);
        }
    }
}

/// One of them, as the API's description has it.
pub fn schema() -> Schema {
    let mut several = list_of_at_most(bytes(MAX_TEXT), MAX_AUDIENCES);
    several["minItems"] = json!(1);
    let mut issuer = sent(&FIELDS, &["issuer", "audience", "algorithms"], |name| match name {
        "issuer" => {
            let issuer = json!({ "type": "string", "pattern": "^https://", "maxLength": MAX_TEXT });
            described(issuer, "An https URL without a query, exactly the `iss` of its tokens.")
        }
        "audience" => json!({ "anyOf": [bytes(MAX_TEXT), several] }),
        "algorithms" => {
            let mut algorithms = list_of_at_most(values(&Algorithm::ALL), Algorithm::ALL.len());
            algorithms["minItems"] = json!(1);
            algorithms
        }
        "jwks" => described(json!({ "type": "object" }), "Its public keys, where they are not published."),
        "jwks_uri" => https_url(),
        "scope_prefix" => bytes(MAX_TEXT),
        _ => Value::Null,
    });
    issuer["description"] = json!("An issuer of the tenant's own: `jwks_uri`, or the keys themselves.");
    issuer
}
