//! What a finished request yields: formats, packages and the figures counted while streaming.

use serde::{Deserialize, Serialize};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Ndjson];

    /// Name in requests and definitions; also the file extension.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Media type of the bare file.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// What the file is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packaging {
    /// Encrypted to the tenant's recipient keys and signed by the service.
    Openpgp,
    /// The bare file. Only the link and the bucket's encryption protect it.
    Plain,
}

impl Packaging {
    /// Every packaging there is.
    pub const ALL: [Self; 2] = [Self::Openpgp, Self::Plain];

    /// Name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Openpgp => "openpgp",
            Self::Plain => "plain",
        }
    }

    /// The packaging of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|packaging| packaging.name() == name)
    }

    /// What is appended to the file's name.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Openpgp => ".pgp",
            Self::Plain => "",
        }
    }
}

/// The file that a successful request left in the report bucket. All figures were counted while streaming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFile {
    /// Key in the report bucket: `{tenant}/{request}/{attempt}/{name}`.
    pub key: String,
    /// Name the receiver sees.
    pub name: String,
    /// Rows, without the header.
    pub rows: u64,
    /// Bytes of the formatted file before packaging.
    pub plaintext_bytes: u64,
    /// SHA-256 of the formatted file before packaging, lower-case hex.
    pub plaintext_sha256: String,
    /// Bytes of the object as stored.
    pub object_bytes: u64,
    /// SHA-256 of the object as stored, lower-case hex.
    pub object_sha256: String,
    /// Wall time of each stage.
    #[serde(default)]
    pub timings: Timings,
}

impl ReportFile {
    /// The figures that a receiver checks a download against.
    pub fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "rows": self.rows,
            "plaintext_bytes": self.plaintext_bytes,
            "plaintext_sha256": self.plaintext_sha256,
            "object_bytes": self.object_bytes,
            "object_sha256": self.object_sha256,
        })
    }
}

/// Milliseconds that a run spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timings {
    /// Planning, up to the first row.
    pub plan_ms: u64,
    /// Encoding and packaging, as busy time of that thread.
    pub encode_ms: u64,
    /// From claim to the object complete.
    pub total_ms: u64,
}
