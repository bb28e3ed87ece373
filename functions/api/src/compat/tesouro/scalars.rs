//! Scalars of the schema. Types and enumerations of the domain appear in it through these.

use async_graphql::{Enum, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use waybill::domain::{
    outcome::{Format, Packaging},
    request::Status,
};

/// A UUID, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uuid(pub uuid::Uuid);

/// A UUID as in RFC 9562, e.g. `0193a1f2-7c1e-7b3a-9c55-2f1de0a4b8c7`.
#[Scalar(name = "UUID", specified_by_url = "https://www.rfc-editor.org/rfc/rfc9562")]
impl ScalarType for Uuid {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => {
                uuid::Uuid::try_parse(text).map(Self).map_err(|_| InputValueError::custom("must be a UUID"))
            }
            _ => Err(InputValueError::custom("must be a UUID, as text")),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime(pub Timestamp);

/// A time in UTC as in RFC 3339, e.g. `2026-11-22T07:45:03.1Z`.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::custom("must be a time, as text")) };
        text.parse().map(Self).map_err(|_| InputValueError::custom("must be a time as in RFC 3339"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A number of rows, which may be beyond 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

/// A whole number from 0 on, which may be larger than an `Int`.
#[Scalar(name = "Count")]
impl ScalarType for Count {
    fn parse(value: Value) -> InputValueResult<Self> {
        let count = if let Value::Number(number) = &value { number.as_u64() } else { None };
        count.map(Self).ok_or_else(|| InputValueError::custom("must be a whole number from 0 on"))
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

/// Any JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Anything(pub Json);

/// Any JSON.
#[Scalar(name = "JSON")]
impl ScalarType for Anything {
    fn parse(value: Value) -> InputValueResult<Self> {
        value.into_json().map(Self).map_err(|_| InputValueError::custom("must be JSON"))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

/// What a report is narrowed to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReportFilter(pub Map<String, Json>);

/// An object: `dateRange: {from, to}`, both inclusive, and beside it the report's other parameters by name, as `report`
/// shows them: `{dateRange: {from: "2011-06-01", to: "2011-06-30"}, country: "Germany"}`.
#[Scalar(name = "ReportFilter")]
impl ScalarType for ReportFilter {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value.into_json() {
            Ok(Json::Object(map)) => Ok(Self(map)),
            _ => Err(InputValueError::custom("must be an object of filters")),
        }
    }

    fn to_value(&self) -> Value {
        Value::from_json(Json::Object(self.0.clone())).unwrap_or_default()
    }
}

/// How rows are written.
#[derive(Debug, Enum, Copy, Clone, Eq, PartialEq)]
#[graphql(remote = "Format")]
pub enum ReportFormat {
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// One JSON array of objects.
    Json,
    /// One element a row.
    Xml,
    /// A workbook.
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

/// What the file is wrapped in.
#[derive(Debug, Enum, Copy, Clone, Eq, PartialEq)]
#[graphql(remote = "Packaging")]
pub enum ReportPackaging {
    /// Encrypted to the registered OpenPGP keys and signed by the service.
    Openpgp,
    /// An archive with a password.
    Zip,
    /// Nothing.
    Plain,
}

/// Where a request stands.
#[derive(Debug, Enum, Copy, Clone, Eq, PartialEq)]
#[graphql(remote = "Status")]
pub enum ReportStatus {
    /// It waits to be generated.
    Queued,
    /// It is being generated.
    Running,
    /// The file is there until it expires.
    Succeeded,
    /// The file is there, but a check of the report did not hold: `error` says which.
    Divergent,
    /// There will be no file: `error` says why.
    Failed,
    /// It was called off.
    Cancelled,
    /// The file is gone.
    Expired,
}
