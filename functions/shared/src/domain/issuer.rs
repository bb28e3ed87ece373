//! Issuers of a tenant's own: whose tokens are taken for that tenant, and for nobody else.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest `iss`, audience or prefix, in bytes.
pub const MAX_TEXT: usize = 512;

/// Most audiences of one issuer.
pub const MAX_AUDIENCES: usize = 10;

/// Largest inline key set, in bytes: a row has room for it.
pub const MAX_INLINE_JWKS: usize = 16 * 1024;

/// An issuer as a tenant's settings name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantIssuer {
    /// Exact `iss`.
    pub issuer: String,
    /// Exact `aud`, or `client_id` where a token has no `aud`.
    pub audience: Audience,
    /// Accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// The keys (a JWK set), where they are not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Where the keys are published. Fetched through the guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// What stands before the names of scopes in its tokens, such as `waybill/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_prefix: Option<String>,
}

/// One audience or several, any of which will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// The only one.
    One(String),
    /// Any of these.
    Any(Vec<String>),
}

impl Audience {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Any(all) => all,
        }
    }

    /// Whether it is one of them.
    pub fn admits(&self, audience: &str) -> bool {
        self.all().iter().any(|known| known == audience)
    }
}

/// Signature algorithms of tokens, as JWTs name them. There is no symmetric one: a key that verifies must not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA with P-256.
    ES256,
    /// ECDSA with P-384.
    ES384,
    /// RSA, PKCS #1, SHA-256.
    RS256,
    /// RSA, PKCS #1, SHA-384.
    RS384,
    /// RSA, PKCS #1, SHA-512.
    RS512,
    /// RSA-PSS, SHA-256.
    PS256,
    /// RSA-PSS, SHA-384.
    PS384,
    /// RSA-PSS, SHA-512.
    PS512,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::ES256,
        Self::ES384,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::EdDSA,
    ];
}

/// What is wrong with an issuer: the field, a stable code, and a sentence.
pub type Finding = (&'static str, &'static str, String);

impl TenantIssuer {
    /// Everything that is wrong with it, as far as its text tells. Whether the keys can be read, and whether
    /// `jwks_uri` may be called, is for others to say.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let length = |text: &str| (1..=MAX_TEXT).contains(&text.len());
        if !length(&self.issuer) {
            findings.push(("/issuer", "out_of_range", format!("Must be 1 to {MAX_TEXT} bytes long.")));
        }
        let audiences = self.audience.all();
        if !(1..=MAX_AUDIENCES).contains(&audiences.len()) || !audiences.iter().all(|text| length(text)) {
            let detail = format!("One to {MAX_AUDIENCES} texts of 1 to {MAX_TEXT} bytes.");
            findings.push(("/audience", "out_of_range", detail));
        }
        if self.algorithms.is_empty() || self.algorithms.len() > 9 {
            findings.push(("/algorithms", "out_of_range", "Name the algorithms of its tokens, each once.".to_owned()));
        }
        match (&self.jwks, &self.jwks_uri) {
            (Some(keys), None) if keys.to_string().len() > MAX_INLINE_JWKS => {
                findings.push(("/jwks", "out_of_range", format!("At most {MAX_INLINE_JWKS} bytes.")));
            }
            (Some(_), None) | (None, Some(_)) => {}
            _ => findings.push(("", "not_allowed", "Exactly one of `jwks` and `jwks_uri` must be given.".to_owned())),
        }
        if self.scope_prefix.as_ref().is_some_and(|prefix| !length(prefix) || prefix.contains(char::is_whitespace)) {
            let detail = format!("Must be 1 to {MAX_TEXT} bytes long, without white space.");
            findings.push(("/scope_prefix", "out_of_range", detail));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn issuer() -> Value {
        json!({ "issuer": "https://login.acme.example", "audience": "waybill", "algorithms": ["ES256"],
                "jwks_uri": "https://login.acme.example/keys" })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut issuer = issuer();
        issuer[name] = value;
        issuer
    }

    #[test]
    fn good_issuers_have_no_findings() {
        let lists = json!(["waybill", "waybill-test"]);
        for good in [issuer(), with("audience", lists), with("scope_prefix", json!("waybill/"))] {
            let read: TenantIssuer = serde_json::from_value(good.clone()).unwrap();
            assert_eq!(read.findings(), [], "{good}");
            assert_eq!(serde_json::to_value(&read).unwrap(), good);
        }
    }

    #[test]
    fn every_fault_is_found() {
        let long = "x".repeat(MAX_TEXT + 1);
        let mut both = issuer();
        both["jwks"] = json!({ "keys": [] });
        let mut inline = both.clone();
        inline.as_object_mut().unwrap().remove("jwks_uri");
        let mut large = inline.clone();
        large["jwks"] = json!({ "keys": [long.repeat(40)] });
        let mut neither = issuer();
        neither.as_object_mut().unwrap().remove("jwks_uri");
        for (bad, pointer) in [
            (with("issuer", json!("")), "/issuer"),
            (with("issuer", json!(long)), "/issuer"),
            (with("audience", json!([])), "/audience"),
            (with("audience", json!("")), "/audience"),
            (with("audience", json!(["a", ""])), "/audience"),
            (with("audience", json!(vec!["a"; MAX_AUDIENCES + 1])), "/audience"),
            (with("algorithms", json!([])), "/algorithms"),
            (with("scope_prefix", json!("")), "/scope_prefix"),
            (with("scope_prefix", json!("a b")), "/scope_prefix"),
            (both, ""),
            (neither, ""),
            (large, "/jwks"),
        ] {
            let read: TenantIssuer = serde_json::from_value(bad.clone()).unwrap();
            let found = read.findings();
            assert_eq!(found.iter().map(|finding| finding.0).collect::<Vec<_>>(), [pointer], "{bad}");
        }
        let read: TenantIssuer = serde_json::from_value(inline).unwrap();
        assert_eq!(read.findings(), []);
    }

    #[test]
    fn nothing_else_is_an_issuer() {
        for bad in [
            with("algorithms", json!(["HS256"])),
            with("algorithms", json!(["none"])),
            with("audience", json!({ "any": true })),
            // What only the operator's configuration has.
            with("admins", json!(["me"])),
            with("tenant", json!("another")),
        ] {
            assert!(serde_json::from_value::<TenantIssuer>(bad.clone()).is_err(), "{bad}");
        }
    }
}
