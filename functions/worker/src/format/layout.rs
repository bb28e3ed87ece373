//! How the columns of one report are written: its definition's style and the request's, compiled once.

use jiff::tz::TimeZone;
use waybill::domain::{
    definition::{Column, ColumnKind},
    style::{
        Formulas, Style,
        pattern::{NumberPattern, TimePattern},
    },
};

/// What encoders know of the report besides its rows.
#[derive(Debug, Clone)]
pub struct Document {
    /// For people.
    pub title: String,
    /// What the report holds, for people; may be empty.
    pub description: String,
    /// Parameters as they were given, names with their values as text, in the definition's order.
    pub parameters: Vec<(String, String)>,
    /// The data is as it was then.
    pub as_of: jiff::Timestamp,
    /// How its columns are written.
    pub layout: Layout,
}

impl Document {
    /// The time that the data is of, to the second, in the layout's zone or UTC.
    pub(super) fn as_of_text(&self) -> String {
        match &self.layout.zone {
            Some(zone) => self.as_of.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
            None => self.as_of.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

/// How columns are written.
#[derive(Debug, Clone)]
pub struct Layout {
    /// In output order.
    pub columns: Vec<LayoutColumn>,
    /// Zone that timestamps are converted to from UTC; none: they are written as they are.
    pub zone: Option<TimeZone>,
    /// Between whole and fraction.
    pub decimal_separator: char,
    /// Between thousands.
    pub grouping_separator: char,
    /// What a null is written as.
    pub null_text: String,
    /// Between fields of CSV.
    pub delimiter: u8,
    /// Whether CSV begins with a byte order mark.
    pub bom: bool,
    /// What CSV does with text that looks like a formula.
    pub formulas: Formulas,
}

/// How one column is written.
#[derive(Debug, Clone)]
pub struct LayoutColumn {
    /// Its name, for programs.
    pub name: String,
    /// Its title, for people.
    pub title: String,
    /// Its documented type.
    pub kind: ColumnKind,
    /// Of numbers, where they are not written as they are.
    pub number: Option<NumberPattern>,
    /// Of dates and timestamps, where they are not written as ISO 8601 has it.
    pub time: Option<TimePattern>,
    /// Whether documents show its sum.
    pub total: bool,
}

impl Layout {
    /// Of these columns in `style`. What is wrong in it was refused when it was asked for; a definition that has changed
    /// since may bring it back, and then the column's default holds.
    pub fn new(columns: &[Column], style: &Style) -> Self {
        let decimal_separator = style.decimal_separator.unwrap_or('.');
        let opposite = if decimal_separator == ',' { '.' } else { ',' };
        Self {
            columns: columns.iter().map(|column| LayoutColumn::new(column, style)).collect(),
            zone: style.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok()),
            decimal_separator,
            grouping_separator: style.grouping_separator.unwrap_or(opposite),
            null_text: style.null_text.clone().unwrap_or_default(),
            delimiter: style.delimiter.and_then(|c| u8::try_from(c).ok()).unwrap_or(b','),
            bom: style.bom.unwrap_or(false),
            formulas: style.formulas.unwrap_or_default(),
        }
    }
}

impl Layout {
    /// A count with its thousands grouped.
    pub(super) fn count_text(&self, count: u64) -> String {
        let digits = count.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(self.grouping_separator);
            }
            text.push(digit);
        }
        text
    }
}

impl LayoutColumn {
    fn new(column: &Column, style: &Style) -> Self {
        let own = style.formats.get(&column.name).or(column.format.as_ref());
        let (number, time) = match column.kind {
            ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float => {
                (own.and_then(|text| NumberPattern::parse(text).ok()), None)
            }
            ColumnKind::Date => {
                let text = own.or(style.date_format.as_ref());
                (None, text.and_then(|text| TimePattern::parse(text, false).ok()))
            }
            ColumnKind::Timestamp => {
                let text = own.or(style.timestamp_format.as_ref());
                (None, text.and_then(|text| TimePattern::parse(text, true).ok()))
            }
            ColumnKind::Text | ColumnKind::Boolean => (None, None),
        };
        Self {
            name: column.name.clone(),
            title: style.titles.get(&column.name).unwrap_or(&column.title).clone(),
            kind: column.kind,
            number,
            time,
            total: column.total,
        }
    }
}
