//! What a style may say: one set of rules for definitions and requests.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{
    Style,
    pattern::{NumberPattern, TimePattern},
};
use crate::domain::definition::{Column, ColumnKind};

/// Longest title of a column, in characters.
const MAX_TITLE: usize = 200;

/// Longest text of a null, in characters.
const MAX_NULL_TEXT: usize = 32;

/// What may separate whole and fraction, thousands, and the fields of CSV. Quoting takes care of what they have in
/// common.
const DECIMAL_SEPARATORS: [char; 2] = ['.', ','];
const GROUPING_SEPARATORS: [char; 5] = ['.', ',', ' ', '\u{a0}', '\''];
const DELIMITERS: [char; 4] = [',', ';', '|', '\t'];

const LIKE_A_FORMULA: &str =
    "must not look like a formula: it must not begin with `=`, `+`, `@`, or a `-` that more than dashes follow";

/// What is wrong with one field of a style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StyleFault {
    /// Name of the field.
    pub field: &'static str,
    /// The column, where the field has an entry for each.
    pub column: Option<String>,
    /// Stable code, as faults of a request have them.
    pub code: &'static str,
    /// Goes on behind the field's name: `must be …`.
    pub reason: String,
}

impl StyleFault {
    fn new(field: &'static str, code: &'static str, reason: impl Into<String>) -> Self {
        Self { field, column: None, code, reason: reason.into() }
    }

    /// As a sentence of its own.
    pub fn sentence(&self) -> String {
        let mut characters = self.reason.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        let end = if self.reason.ends_with('.') { "" } else { "." };
        first.into_iter().chain(characters).collect::<String>() + end
    }
}

/// The one character that a text is. Another text becomes U+0000, which is allowed nowhere.
pub fn separator(text: &str) -> char {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none()).unwrap_or('\0')
}

impl Style {
    /// What is wrong with this style, laid over `base`, for a report with these columns. Of `base` nothing is said.
    pub fn faults(&self, base: &Self, columns: &[Column]) -> Vec<StyleFault> {
        let mut faults = by_column("titles", &self.titles, columns, |_, title| title_fault(title));
        faults.extend(by_column("formats", &self.formats, columns, format_fault));
        let zone = self.time_zone.as_deref().filter(|zone| !is_time_zone(zone));
        faults.extend(zone.map(|_| {
            let reason = "must be a time zone by its IANA name, such as America/Sao_Paulo or UTC";
            StyleFault::new("time_zone", "not_allowed", reason)
        }));
        for (field, pattern, has_time) in
            [("date_format", &self.date_format, false), ("timestamp_format", &self.timestamp_format, true)]
        {
            let wrong = pattern.as_ref().and_then(|pattern| time_fault(pattern, has_time));
            faults.extend(wrong.map(|(code, reason)| StyleFault::new(field, code, reason)));
        }
        faults.extend(self.separator_faults());
        faults.extend(self.null_text.as_deref().and_then(null_fault));
        faults.extend(self.contradictions(base));
        faults
    }

    fn separator_faults(&self) -> impl Iterator<Item = StyleFault> {
        let checked: [(_, _, &[char], _); 3] = [
            ("decimal_separator", self.decimal_separator, &DECIMAL_SEPARATORS, "must be `.` or `,`"),
            (
                "grouping_separator",
                self.grouping_separator,
                &GROUPING_SEPARATORS,
                "must be `.`, `,`, `'`, a space or a no-break space (U+00A0)",
            ),
            ("delimiter", self.delimiter, &DELIMITERS, "must be `,`, `;`, `|` or a tab"),
        ];
        checked.into_iter().filter_map(|(field, given, allowed, reason)| {
            let given = given.filter(|given| !allowed.contains(given));
            given.map(|_| StyleFault::new(field, "not_allowed", reason))
        })
    }

    /// Fields that are right by themselves and wrong together. At fault is the one that this style brings.
    fn contradictions(&self, base: &Self) -> Vec<StyleFault> {
        let mut faults = Vec::new();
        let both = self.over(base);
        let decimal = both.decimal_separator.unwrap_or('.');
        if both.grouping_separator == Some(decimal) {
            let given = [
                ("grouping_separator", self.grouping_separator.is_some(), "decimal_separator"),
                ("decimal_separator", self.decimal_separator.is_some(), "grouping_separator"),
            ];
            if let Some((field, _, other)) = given.into_iter().find(|(_, given, _)| *given) {
                let reason = format!("must not be the same as `{other}`");
                faults.push(StyleFault::new(field, "not_allowed", reason));
            }
        }
        let delimiter = both.delimiter.unwrap_or(',');
        if both.null_text.is_some_and(|text| text.contains(delimiter)) {
            if self.null_text.is_some() {
                let reason = "must not contain the delimiter of CSV, which could not be told from a delimiter then";
                faults.push(StyleFault::new("null_text", "not_allowed", reason));
            } else if self.delimiter.is_some() {
                let reason = "must not be a part of `null_text`";
                faults.push(StyleFault::new("delimiter", "not_allowed", reason));
            }
        }
        faults
    }
}

/// What is wrong with entries by column; `check` is asked for those of columns that there are.
fn by_column(
    field: &'static str,
    entries: &BTreeMap<String, String>,
    columns: &[Column],
    check: impl Fn(ColumnKind, &str) -> Option<(&'static str, String)>,
) -> Vec<StyleFault> {
    let wrong = entries.iter().filter_map(|(name, text)| {
        let wrong = match columns.iter().find(|column| column.name == *name) {
            Some(column) => check(column.kind, text),
            None => Some(("unknown", "names no column of this report".to_owned())),
        };
        let (code, reason) = wrong?;
        Some(StyleFault { field, column: Some(name.clone()), code, reason })
    });
    wrong.collect()
}

/// What is wrong with a title of a column: a code, and how it goes on behind the field's name.
pub fn title_fault(title: &str) -> Option<(&'static str, String)> {
    if title.chars().count() > MAX_TITLE {
        return Some(("out_of_range", format!("must have {MAX_TITLE} characters at most")));
    }
    (title.trim().is_empty() || !is_one_line(title)).then(|| ("format", "must be one line, and not empty".to_owned()))
}

/// What is wrong with the pattern of a column of this type, likewise.
pub fn format_fault(kind: ColumnKind, pattern: &str) -> Option<(&'static str, String)> {
    match kind {
        ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float => {
            NumberPattern::parse(pattern).err().map(|reason| unfit(&reason))
        }
        ColumnKind::Date => time_fault(pattern, false),
        ColumnKind::Timestamp => time_fault(pattern, true),
        ColumnKind::Text | ColumnKind::Boolean => {
            Some(("not_allowed", "is there for numbers, dates and timestamps only".to_owned()))
        }
    }
}

/// Text that nothing guards stands in time patterns too.
fn time_fault(pattern: &str, has_time: bool) -> Option<(&'static str, String)> {
    if looks_like_a_formula(pattern) {
        return Some(("not_allowed", LIKE_A_FORMULA.to_owned()));
    }
    TimePattern::parse(pattern, has_time).err().map(|reason| unfit(&reason))
}

fn unfit(reason: &str) -> (&'static str, String) {
    ("format", format!("does not fit: {reason}"))
}

fn is_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok_and(|zone| !zone.is_unknown())
}

/// A null stands without quotes, so that it is told from a text; and nobody's spreadsheet runs it.
fn null_fault(text: &str) -> Option<StyleFault> {
    let (code, reason) = if text.chars().count() > MAX_NULL_TEXT {
        ("out_of_range", format!("must have {MAX_NULL_TEXT} characters at most"))
    } else if !is_one_line(text) || text.contains('"') {
        ("not_allowed", "must be one line without quotation marks".to_owned())
    } else if looks_like_a_formula(text) {
        ("not_allowed", LIKE_A_FORMULA.to_owned())
    } else {
        return None;
    };
    Some(StyleFault::new("null_text", code, reason))
}

fn looks_like_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '@']) || text.strip_prefix('-').is_some_and(|rest| rest.contains(|c| c != '-'))
}

fn is_one_line(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn columns() -> Vec<Column> {
        let kinds = [
            ("text", ColumnKind::Text),
            ("integer", ColumnKind::Integer),
            ("decimal", ColumnKind::Decimal),
            ("float", ColumnKind::Float),
            ("date", ColumnKind::Date),
            ("timestamp", ColumnKind::Timestamp),
            ("boolean", ColumnKind::Boolean),
        ];
        kinds.into_iter().map(|(name, kind)| Column::new(name, kind)).collect()
    }

    /// Field, column and code of each fault, of a style that is written as in a request.
    fn over(base: &Style, style: serde_json::Value) -> Vec<(&'static str, String, &'static str)> {
        let style: Style = serde_json::from_value(style).unwrap();
        let faults = style.faults(base, &columns());
        faults.into_iter().map(|fault| (fault.field, fault.column.unwrap_or_default(), fault.code)).collect()
    }

    fn found(style: serde_json::Value) -> Vec<(&'static str, String, &'static str)> {
        over(&Style::default(), style)
    }

    fn one(field: &'static str, code: &'static str) -> Vec<(&'static str, String, &'static str)> {
        vec![(field, String::new(), code)]
    }

    #[test]
    fn a_style_with_every_field_is_right() {
        let style = serde_json::json!({
            "titles": { "text": "Name of the customer", "integer": "数" },
            "formats": { "integer": "#,##0", "decimal": "0.00", "float": "#,##0.0", "date": "%d/%m/%Y",
                         "timestamp": "%d.%m.%Y %H:%M" },
            "time_zone": "America/Sao_Paulo", "date_format": "%d/%m/%Y", "timestamp_format": "%F %T",
            "decimal_separator": ",", "grouping_separator": "\u{a0}", "null_text": "–", "delimiter": "\t",
            "bom": true, "formulas": "raw",
        });
        assert_eq!(found(style), []);
        assert_eq!(found(serde_json::json!({})), []);
    }

    #[test]
    fn entries_are_of_columns_that_there_are_and_fit_their_type() {
        let style = serde_json::json!({
            "titles": { "text": " ", "date": "a\nb", "float": "x".repeat(201), "nothing": "x", "integer": "x".repeat(200) },
            "formats": { "text": "0", "boolean": "0", "integer": "yyyy", "date": "%H", "timestamp": "%Q", "other": "0" },
        });
        let mut found = found(style);
        found.sort();
        let mut expected = vec![
            ("titles", "text".to_owned(), "format"),
            ("titles", "date".to_owned(), "format"),
            ("titles", "float".to_owned(), "out_of_range"),
            ("titles", "nothing".to_owned(), "unknown"),
            ("formats", "text".to_owned(), "not_allowed"),
            ("formats", "boolean".to_owned(), "not_allowed"),
            ("formats", "integer".to_owned(), "format"),
            ("formats", "date".to_owned(), "format"),
            ("formats", "timestamp".to_owned(), "format"),
            ("formats", "other".to_owned(), "unknown"),
        ];
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn zones_are_those_of_iana() {
        for zone in ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Etc/GMT+3", "europe/berlin"] {
            assert_eq!(found(serde_json::json!({ "time_zone": zone })), [], "{zone}");
        }
        for zone in ["", "Europe", "Berlin", "+03:00", "EST5EDT,M3.2.0,M11.1.0", "../etc/passwd", "Etc/Unknown"] {
            assert_eq!(found(serde_json::json!({ "time_zone": zone })), one("time_zone", "not_allowed"), "{zone}");
        }
    }

    #[test]
    fn patterns_of_dates_have_no_time() {
        assert_eq!(found(serde_json::json!({ "date_format": "%d/%m/%Y %H" })), one("date_format", "format"));
        assert_eq!(found(serde_json::json!({ "timestamp_format": "%Q" })), one("timestamp_format", "format"));
        assert_eq!(found(serde_json::json!({ "timestamp_format": "=%d" })), one("timestamp_format", "not_allowed"));
    }

    #[test]
    fn separators_are_few() {
        for (field, bad) in [("decimal_separator", ';'), ("grouping_separator", '_'), ("delimiter", '.')] {
            assert_eq!(found(serde_json::json!({ field: bad })), one(field, "not_allowed"), "{field}");
            assert_eq!(found(serde_json::json!({ field: separator("..") })), one(field, "not_allowed"), "{field}");
        }
        assert_eq!((separator(";"), separator(""), separator("\u{a0}")), (';', '\0', '\u{a0}'));
    }

    #[test]
    fn separators_of_a_number_differ_whoever_brings_them() {
        let both = serde_json::json!({ "decimal_separator": ",", "grouping_separator": "," });
        assert_eq!(found(both), one("grouping_separator", "not_allowed"));
        assert_eq!(found(serde_json::json!({ "grouping_separator": "." })), one("grouping_separator", "not_allowed"));
        let base = Style { grouping_separator: Some(','), ..Style::default() };
        let comma = serde_json::json!({ "decimal_separator": "," });
        assert_eq!(over(&base, comma.clone()), one("decimal_separator", "not_allowed"));
        assert_eq!(found(comma), [], "thousands are grouped by the other one then");
        assert_eq!(over(&base, serde_json::json!({ "bom": true })), []);
    }

    #[test]
    fn a_null_is_short_and_harmless() {
        for good in ["", "NULL", "n/a", "-", "--", "–", &"x".repeat(32)] {
            assert_eq!(found(serde_json::json!({ "null_text": good })), [], "{good}");
        }
        assert_eq!(found(serde_json::json!({ "null_text": "x".repeat(33) })), one("null_text", "out_of_range"));
        for bad in ["a\r\n", "\0", "\"", "=1", "+1", "@a", "-1", "- ", "a,b"] {
            assert_eq!(found(serde_json::json!({ "null_text": bad })), one("null_text", "not_allowed"), "{bad:?}");
        }
        let base = Style { null_text: Some("a;b".to_owned()), ..Style::default() };
        assert_eq!(over(&base, serde_json::json!({ "delimiter": ";" })), one("delimiter", "not_allowed"));
        assert_eq!(over(&base, serde_json::json!({ "delimiter": ";", "null_text": "a,b" })), []);
    }

    #[test]
    fn a_fault_is_a_sentence() {
        let fault = StyleFault::new("delimiter", "not_allowed", "must be `,`");
        assert_eq!(fault.sentence(), "Must be `,`.");
    }

    proptest! {
        /// What has no fault over a base that has none has none by itself with it.
        #[test]
        fn what_is_right_over_a_base_is_right_with_it(
            one in (separators(), "[-,;a]?"), other in (separators(), "[-,;a]?"),
        ) {
            let style = |((decimal, grouping, delimiter), null): ((_, _, _), String)| Style {
                decimal_separator: decimal,
                grouping_separator: grouping,
                delimiter,
                null_text: Some(null).filter(|text| !text.is_empty()),
                ..Style::default()
            };
            let (base, style) = (style(one), style(other));
            prop_assume!(base.faults(&Style::default(), &columns()).is_empty());
            let together = style.over(&base).faults(&Style::default(), &columns());
            prop_assert_eq!(style.faults(&base, &columns()).is_empty(), together.is_empty());
        }
    }

    fn separators() -> impl Strategy<Value = (Option<char>, Option<char>, Option<char>)> {
        let any = || prop::option::of(prop::sample::select(vec!['.', ',', ' ', ';']));
        (any(), any(), any())
    }
}
