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
    /// One JSON array of objects.
    Json,
    /// One element a row.
    Xml,
    /// Office Open XML workbook.
    Xlsx,
    /// Apache Parquet.
    Parquet,
    /// A page to be read in a browser.
    Html,
    /// Aligned columns of text.
    Txt,
    /// Pages to be printed.
    Pdf,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Self; 9] =
        [Self::Csv, Self::Ndjson, Self::Json, Self::Xml, Self::Xlsx, Self::Parquet, Self::Html, Self::Txt, Self::Pdf];

    /// Name in requests and definitions; also the file extension.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Xlsx => "xlsx",
            Self::Parquet => "parquet",
            Self::Html => "html",
            Self::Txt => "txt",
            Self::Pdf => "pdf",
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
            Self::Json => "application/json",
            Self::Xml => "application/xml",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Html => "text/html; charset=utf-8",
            Self::Txt => "text/plain; charset=utf-8",
            Self::Pdf => "application/pdf",
        }
    }

    /// Most rows that one file of the format can hold and still be opened.
    pub const fn max_rows(self) -> Option<u64> {
        match self {
            // Browsers need minutes for more.
            Self::Html => Some(100_000),
            // Its pages are laid out in memory, and nobody turns more than some hundred of them.
            Self::Pdf => Some(20_000),
            Self::Csv | Self::Ndjson | Self::Json | Self::Xml | Self::Xlsx | Self::Parquet | Self::Txt => None,
        }
    }

    /// Most columns that the format has room for.
    pub const fn max_columns(self) -> Option<usize> {
        match self {
            Self::Xlsx => Some(16_384),
            Self::Pdf => Some(24),
            Self::Csv | Self::Ndjson | Self::Json | Self::Xml | Self::Parquet | Self::Html | Self::Txt => None,
        }
    }

    /// Whether values are written for people, so that titles, formats and time zone of the style hold. The others are
    /// for programs: names, exact values, ISO 8601.
    pub const fn is_styled(self) -> bool {
        matches!(self, Self::Csv | Self::Xlsx | Self::Html | Self::Txt | Self::Pdf)
    }

    /// Whether a file of that name is of a format that compresses by itself: compressing it again only costs time.
    pub fn is_compressed_file(name: &str) -> bool {
        let extension = name.rsplit_once('.').and_then(|(_, extension)| Self::from_name(extension));
        matches!(extension, Some(Self::Xlsx | Self::Parquet))
    }

    /// Whether the size of a file is known while its rows are written, so that it can be split by it.
    pub const fn grows_row_by_row(self) -> bool {
        matches!(self, Self::Csv | Self::Ndjson | Self::Json | Self::Xml)
    }
}

/// What the file is wrapped in; [`Wrapping`](super::wrapping::Wrapping) says the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packaging {
    /// Encrypted to the tenant's recipient keys and signed by the service.
    Openpgp,
    /// A ZIP archive whose entries are encrypted with a password.
    Zip,
    /// Not encrypted. Only the link and the bucket's encryption protect it.
    Plain,
}

impl Packaging {
    /// Every packaging there is.
    pub const ALL: [Self; 3] = [Self::Openpgp, Self::Zip, Self::Plain];

    /// Name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Openpgp => "openpgp",
            Self::Zip => "zip",
            Self::Plain => "plain",
        }
    }

    /// The packaging of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|packaging| packaging.name() == name)
    }
}

/// The file that a successful request left in the report bucket. All figures were counted while streaming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFile {
    /// Key in the report bucket: `{tenant}/{request}/{attempt}/{name}`.
    pub key: String,
    /// Name the receiver sees.
    pub name: String,
    /// Rows, without headers.
    pub rows: u64,
    /// Files in the package, without the manifest: more than one where the report was split.
    #[serde(default = "one")]
    pub parts: u32,
    /// Bytes of the formatted file before packaging; of a split report, of all parts.
    pub plaintext_bytes: u64,
    /// SHA-256 of the formatted file before packaging, lower-case hex; of a split report, of its parts one after the
    /// other. The manifest has each part's own.
    pub plaintext_sha256: String,
    /// Bytes of the object as stored.
    pub object_bytes: u64,
    /// SHA-256 of the object as stored, lower-case hex.
    pub object_sha256: String,
    /// SHA-256 of the manifest beside it, lower-case hex; none in what an earlier release made.
    #[serde(default)]
    pub manifest_sha256: Option<String>,
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
            "parts": self.parts,
            "plaintext_bytes": self.plaintext_bytes,
            "plaintext_sha256": self.plaintext_sha256,
            "object_bytes": self.object_bytes,
            "object_sha256": self.object_sha256,
            "manifest_sha256": self.manifest_sha256,
        })
    }

    /// Key of the manifest beside the file.
    pub fn manifest_key(key: &str) -> String {
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/manifest.json")
    }
}

const fn one() -> u32 {
    1
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
