//! How values are written for people: titles, number and date formats, time zone, and the dialect of CSV.
//!
//! A definition has a style, a request may override it piece by piece. Formats for programs (NDJSON, JSON, XML, Parquet)
//! take nothing of it: see [`Format::is_styled`](super::outcome::Format::is_styled).

mod faults;
pub mod pattern;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::faults::{StyleFault, format_fault, separator, title_fault};

/// A style. What is not set is left to the style below it, at last to the default that each field names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Style {
    /// Titles by column.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub titles: BTreeMap<String, String>,
    /// Formats by column: a [number pattern](pattern::NumberPattern) or a [time pattern](pattern::TimePattern), by the
    /// column's type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub formats: BTreeMap<String, String>,
    /// IANA name of the zone that timestamps are shown in; they are read as UTC then. Default: as they stand in the lake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Time pattern of dates. Default: `%Y-%m-%d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_format: Option<String>,
    /// Time pattern of timestamps. Default: `%Y-%m-%dT%H:%M:%S.%3f`, with `%:z` behind it where there is a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_format: Option<String>,
    /// Between whole and fraction. Default: `.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal_separator: Option<char>,
    /// Between thousands, where a number pattern groups them. Default: `,`, or `.` where `,` separates decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouping_separator: Option<char>,
    /// What a null is written as. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_text: Option<String>,
    /// Between fields of CSV: `,` (default), `;`, `|` or TAB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Whether CSV begins with a byte order mark. Default: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bom: Option<bool>,
    /// What CSV does with text that a spreadsheet would take for a formula.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formulas: Option<Formulas>,
}

/// What becomes of text cells that a spreadsheet would take for a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Formulas {
    /// They get a `'` in front.
    #[default]
    Guard,
    /// They are written as they are.
    Raw,
}

impl Formulas {
    /// Every one there is.
    pub const ALL: [Self; 2] = [Self::Guard, Self::Raw];

    /// Name in requests and definitions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Raw => "raw",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|formulas| formulas.name() == name)
    }
}

impl Style {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This style, and `base` for what it leaves open.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let merged = |own: &BTreeMap<String, String>, base: &BTreeMap<String, String>| {
            base.iter().chain(own).map(|(column, text)| (column.clone(), text.clone())).collect()
        };
        Self {
            titles: merged(&self.titles, &base.titles),
            formats: merged(&self.formats, &base.formats),
            time_zone: self.time_zone.clone().or_else(|| base.time_zone.clone()),
            date_format: self.date_format.clone().or_else(|| base.date_format.clone()),
            timestamp_format: self.timestamp_format.clone().or_else(|| base.timestamp_format.clone()),
            decimal_separator: self.decimal_separator.or(base.decimal_separator),
            grouping_separator: self.grouping_separator.or(base.grouping_separator),
            null_text: self.null_text.clone().or_else(|| base.null_text.clone()),
            delimiter: self.delimiter.or(base.delimiter),
            bom: self.bom.or(base.bom),
            formulas: self.formulas.or(base.formulas),
        }
    }
}
