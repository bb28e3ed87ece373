//! Report definitions: what an operator publishes and a customer may ask for.
//!
//! A definition is a TOML file; [`parse`] is the one parser, used at check, at upload and at run, and its
//! faults name file, line and reason. [`parameter`] resolves a caller's parameters against it.

mod describe;
pub mod parameter;
pub mod parse;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{check::CheckKind, outcome::Format, style::Style};

/// A published report.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// What callers name, e.g. `invoice_lines`: letters, digits, `_`, `-`, at most 64.
    pub id: String,
    /// Raised by the operator with every change of meaning; recorded with each request.
    pub version: u32,
    /// For people.
    pub title: String,
    /// What the report holds, for people; may be empty.
    pub description: String,
    /// One `SELECT` in DataFusion's dialect over the names of `datasets`, with `$name` placeholders.
    pub sql: String,
    /// The tables that the SQL may read, by name.
    pub datasets: BTreeMap<String, Dataset>,
    /// What a caller may or must supply, in the file's order.
    pub parameters: Vec<Parameter>,
    /// The output columns, in output order. The SQL must yield exactly these names.
    pub columns: Vec<Column>,
    /// Formats that may be asked for; the first is the default.
    pub formats: Vec<Format>,
    /// How values are written for people, unless a request wants them otherwise.
    pub style: Style,
    /// Bounds on one run.
    pub limits: Limits,
    /// What must hold of the output, in the file's order; names are unique.
    pub checks: Vec<Check>,
}

/// A table of the lake, and which part of it a tenant gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Where it is, within the lake bucket: a prefix such as `wallet/transactions/`. With a `path` binding
    /// it contains `{tenant}` exactly once, as a whole segment or the value of a `key=value` segment.
    pub location: String,
    /// How its files are encoded.
    pub source: Source,
    /// Hive partition columns, outermost first, with their types.
    pub partitions: Vec<Partition>,
    /// How rows are bound to the tenant that asks.
    pub binding: Binding,
}

/// Encoding of a dataset's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Apache Parquet, `.parquet`.
    Parquet,
    /// CSV with a header, `.csv`.
    Csv,
    /// Newline-delimited JSON, `.ndjson`.
    Ndjson,
}

/// A Hive partition column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Name in the path (`name=value`) and in SQL.
    pub name: String,
    /// Type it is read as.
    pub kind: PartitionKind,
}

/// Types a partition value can be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionKind {
    /// Text.
    Text,
    /// 64-bit integer.
    Integer,
    /// Calendar date.
    Date,
}

/// What ties a dataset's rows to a tenant. Applied where the table is registered: the SQL sees only the
/// bound view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// The tenant's id stands in the location.
    Path,
    /// Only rows in which this column equals the tenant's id (as text).
    Column(String),
    /// Every row, for each of the listed tenants and no other.
    Shared(Vec<String>),
    /// Every row, for every tenant: reference data that the operator declares public (`tenants = "*"`).
    Public,
}

/// One thing that a caller supplies.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name in the request and, with `$`, in the SQL.
    pub name: String,
    /// For people; may be empty.
    pub description: String,
    /// Type, and the bounds that its values keep.
    pub kind: ParameterKind,
    /// Refused if missing. A parameter that is neither required nor has a default is null when missing.
    pub required: bool,
    /// In the request's own form (JSON), already checked against `kind`.
    pub default: Option<serde_json::Value>,
    /// Another parameter of the same kind, a date or timestamp, that this one must not be before.
    pub not_before: Option<String>,
}

/// Types of parameters. Bounds are inclusive.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterKind {
    /// UTF-8 text.
    Text {
        /// In characters; 1,000 unless set.
        max_length: usize,
        /// The only values, if any are listed.
        allowed: Vec<String>,
    },
    /// 64-bit integer.
    Integer {
        /// Least value.
        min: Option<i64>,
        /// Greatest value.
        max: Option<i64>,
    },
    /// Exact decimal of at most 38 digits with `scale` of them after the point.
    Decimal {
        /// Digits after the point.
        scale: u8,
        /// Least value, in the parameter's scale.
        min: Option<i128>,
        /// Greatest value, in the parameter's scale.
        max: Option<i128>,
    },
    /// `true` or `false`.
    Boolean,
    /// Calendar date, `YYYY-MM-DD`.
    Date,
    /// Local date and time without a zone, `YYYY-MM-DDTHH:MM:SS[.fff]`, kept to the millisecond.
    Timestamp,
    /// A range of dates `{from, to}`, both inclusive. The SQL sees `$<name>_from` and `$<name>_to` as dates.
    DateRange {
        /// Most days that a range may span, both ends counted.
        max_days: Option<u32>,
    },
}

/// An output column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name in the SQL's output; key in NDJSON.
    pub name: String,
    /// Header in formats for people (CSV); the name unless set.
    pub title: String,
    /// Documented type.
    #[serde(rename = "type")]
    pub kind: ColumnKind,
    /// How its values are written for people: a [pattern](super::style::pattern) that fits its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Whether documents (HTML, PDF) show its sum; of integers and decimals only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total: bool,
}

impl Column {
    /// A column without a title or format of its own.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        let name = name.into();
        Self { title: name.clone(), name, kind, format: None, total: false }
    }
}

/// Documented types of output columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// UTF-8 text.
    Text,
    /// Whole number.
    Integer,
    /// Exact decimal.
    Decimal,
    /// `true` or `false`.
    Boolean,
    /// Calendar date.
    Date,
    /// Date and time.
    Timestamp,
    /// IEEE 754 double.
    Float,
}

/// Bounds on one run; none where not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// More rows than this end the request as `TOO_LARGE`.
    pub max_rows: Option<u64>,
    /// A run longer than this ends the request as `TIMED_OUT`.
    pub timeout_seconds: Option<u32>,
}

/// Something that must hold of the output. Where it does not, the file is made and the request is `DIVERGENT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name in outcomes.
    pub name: String,
    /// What must hold.
    pub rule: CheckRule,
}

/// Rules of checks. Their SQL sees what the report's own sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckRule {
    /// The output has that many rows; bounds are inclusive.
    Rows {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
    },
    /// The output has as many rows as the one value of this query says.
    RowsEqual(String),
    /// The exact sum of a column of the output equals the one value of a query.
    Total {
        /// An integer or decimal column of the output.
        column: String,
        /// The control query.
        equals: String,
    },
    /// The one value of this query is true. It also sees the output, as the table `output`.
    Condition(String),
}

impl CheckRule {
    /// What it checks.
    pub const fn kind(&self) -> CheckKind {
        match self {
            Self::Rows { .. } | Self::RowsEqual(_) => CheckKind::Rows,
            Self::Total { .. } => CheckKind::Total,
            Self::Condition(_) => CheckKind::Condition,
        }
    }

    /// Its query, where it has one.
    pub fn sql(&self) -> Option<&str> {
        match self {
            Self::Rows { .. } => None,
            Self::RowsEqual(sql) | Self::Condition(sql) | Self::Total { equals: sql, .. } => Some(sql),
        }
    }
}

/// Whether a text can be a report's id: 1 to 64 letters, digits, `_` and `-`. Ids stand in object keys.
pub fn is_valid_report_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
