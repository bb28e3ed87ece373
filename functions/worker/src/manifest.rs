//! The signed statement of what was delivered.
//!
//! A manifest is canonical JSON (RFC 8785). One copy may end a package; another, which also knows the packaged object,
//! lies beside it in the bucket and is what the API shows. Each is signed twice: by the service's OpenPGP key and by its
//! Ed25519 key, whichever its receiver can verify.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;
use waybill::{
    aws::secrets::SigningKeys,
    domain::{
        definition::ColumnKind,
        outcome::{Format, Packaging},
    },
    openpgp::ServiceKey,
};

use crate::{Job, ProduceError, package::FileFigures};

/// Names of the manifest and its signatures, in packages and beside them.
const NAME: &str = "manifest.json";
const OPENPGP_NAME: &str = "manifest.json.asc";
const ED25519_NAME: &str = "manifest.json.sig";

/// What was delivered.
#[derive(Debug, Serialize)]
pub struct Manifest<'a> {
    /// Form of this document.
    manifest: u32,
    request: &'a str,
    tenant: &'a str,
    report: &'a str,
    report_version: u32,
    parameters: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Json>,
    as_of: Timestamp,
    format: Format,
    packaging: Packaging,
    columns: Vec<ManifestColumn<'a>>,
    rows: u64,
    files: &'a [FileFigures],
    /// Never: what would be cut off is refused as a whole.
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Object<'a>>,
}

#[derive(Debug, Serialize)]
struct ManifestColumn<'a> {
    name: &'a str,
    title: &'a str,
    #[serde(rename = "type")]
    kind: ColumnKind,
}

/// The package as it is stored.
#[derive(Debug, Serialize)]
struct Object<'a> {
    name: &'a str,
    bytes: u64,
    sha256: &'a str,
}

impl<'a> Manifest<'a> {
    /// Of the files in the package of `job`, whose data is as it was at `as_of`.
    pub fn of(job: &'a Job, as_of: Timestamp, files: &'a [FileFigures]) -> Self {
        let titles = &job.style.titles;
        let columns = job.definition.columns.iter().map(|column| ManifestColumn {
            name: &column.name,
            title: titles.get(&column.name).unwrap_or(&column.title),
            kind: column.kind,
        });
        Self {
            manifest: 1,
            request: &job.request,
            tenant: &job.tenant,
            report: &job.definition.id,
            report_version: job.definition.version,
            parameters: exact(&job.asked),
            filter: job.filter.as_ref().map(|filter| exact(&filter.as_asked())),
            as_of,
            format: job.format,
            packaging: job.package.kind(),
            columns: columns.collect(),
            rows: files.iter().map(|file| file.rows).sum(),
            files,
            truncated: false,
            object: None,
        }
    }

    /// The same with the package as it is stored: name, bytes, SHA-256 in lower-case hex.
    #[must_use]
    pub fn beside(self, name: &'a str, (bytes, sha256): &'a (u64, String)) -> Self {
        Self { object: Some(Object { name, bytes: *bytes, sha256 }), ..self }
    }

    /// The bytes that are signed.
    pub fn canonical(&self) -> Result<Vec<u8>, ProduceError> {
        serde_json_canonicalizer::to_vec(self).map_err(ProduceError::internal)
    }
}

/// RFC 8785 writes numbers as doubles have them. An integer that no double holds becomes a string, so that what is signed
/// is what was asked.
fn exact(value: &Json) -> Json {
    /// 2^53: up to here every integer is a double.
    const EXACT: u64 = 1 << 53;
    match value {
        Json::Number(number) if !number.is_f64() => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if magnitude.is_some_and(|n| n <= EXACT) { value.clone() } else { Json::String(number.to_string()) }
        }
        Json::Array(values) => values.iter().map(exact).collect(),
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), exact(value))).collect(),
        _ => value.clone(),
    }
}

/// What signs manifests, and packages.
#[derive(Clone)]
pub struct Signers(Arc<SigningKeys>);

impl Signers {
    /// The service's keys.
    pub fn new(keys: Arc<SigningKeys>) -> Self {
        Self(keys)
    }

    /// The one for packages.
    pub fn openpgp(&self) -> &ServiceKey {
        &self.0.openpgp
    }

    /// Signs a manifest.
    pub fn sign(&self, manifest: &[u8]) -> Result<Signatures, ProduceError> {
        Ok(Signatures {
            openpgp: self.0.openpgp.sign_detached_armored(manifest).map_err(ProduceError::internal)?,
            ed25519: self.0.webhook.as_ref().map(|keys| keys.sign(manifest)),
        })
    }
}

/// Detached signatures of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// ASCII armor.
    pub openpgp: String,
    /// 64 bytes (RFC 8032); none where the service has no such key yet.
    pub ed25519: Option<Vec<u8>>,
}

impl Signatures {
    /// What an archive gets: names and contents, the manifest first.
    pub fn entries<'a>(&'a self, manifest: &'a [u8]) -> Vec<(&'static str, &'a [u8])> {
        let mut entries = vec![(NAME, manifest), (OPENPGP_NAME, self.openpgp.as_bytes())];
        entries.extend(self.ed25519.as_deref().map(|signature| (ED25519_NAME, signature)));
        entries
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_signed_is_what_was_asked() {
        let asked = json!({
            "small": 7, "edge": 9_007_199_254_740_992_u64, "beyond": 9_007_199_254_740_993_u64, "least": i64::MIN,
            "range": { "from": "2011-06-01" }, "list": [i64::MAX], "flag": true,
        });
        let canonical = serde_json_canonicalizer::to_string(&exact(&asked)).unwrap();
        let expected = concat!(
            r#"{"beyond":"9007199254740993","edge":9007199254740992,"flag":true,"least":"-9223372036854775808","#,
            r#""list":["9223372036854775807"],"range":{"from":"2011-06-01"},"small":7}"#
        );
        assert_eq!(canonical, expected);
    }
}
