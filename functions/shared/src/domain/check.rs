//! What came of a definition's checks, and when one holds.
//!
//! Figures are compared as the text of exact decimals, however large: `12.300` equals `12.3`, and nothing is rounded.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kinds of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The number of rows of the output.
    Rows,
    /// The exact sum of a column of the output.
    Total,
    /// A condition over the output, in SQL.
    Condition,
}

impl CheckKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Rows, Self::Total, Self::Condition];
}

/// What came of one check, with its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckOutcome {
    /// Its name in the definition.
    pub name: String,
    /// What was checked.
    pub kind: CheckKind,
    /// Whether it held.
    pub passed: bool,
    /// What was expected, as text: exact figures are never floats.
    pub expected: Option<String>,
    /// What was found.
    pub actual: Option<String>,
    /// One sentence for people.
    pub detail: String,
}

/// What was counted while the output passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Figure {
    /// Rows of the output.
    Rows(u64),
    /// The exact sum of a column.
    Total {
        /// Name of the column.
        column: String,
        /// A decimal as text; none where no row has a value.
        sum: Option<String>,
    },
}

impl Figure {
    fn kind(&self) -> CheckKind {
        match self {
            Self::Rows(_) => CheckKind::Rows,
            Self::Total { .. } => CheckKind::Total,
        }
    }

    /// Whether there was nothing to count. SQL's own sum is then `NULL`, ours 0.
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Rows(0) | Self::Total { sum: None, .. })
    }

    fn text(&self) -> String {
        match self {
            Self::Rows(rows) => rows.to_string(),
            Self::Total { sum, .. } => sum.clone().unwrap_or_else(|| "0".to_owned()),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(1) => f.write_str("The output has 1 row"),
            Self::Rows(rows) => write!(f, "The output has {rows} rows"),
            Self::Total { column, .. } => write!(f, "The total of {column} is {}", self.text()),
        }
    }
}

impl CheckOutcome {
    /// Rows against bounds, both inclusive.
    pub fn rows_within(name: &str, rows: u64, min: Option<u64>, max: Option<u64>) -> Self {
        let expected = match (min, max) {
            (Some(min), Some(max)) if min == max => format!("exactly {min}"),
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => "any number".to_owned(),
        };
        let figure = Figure::Rows(rows);
        Self {
            name: name.to_owned(),
            kind: CheckKind::Rows,
            passed: min.is_none_or(|min| rows >= min) && max.is_none_or(|max| rows <= max),
            detail: format!("{figure}; expected: {expected}."),
            expected: Some(expected),
            actual: Some(figure.text()),
        }
    }

    /// A figure against the one value of a control query. Where there was nothing to count, the control may as well
    /// have no value: so a `sum` over no rows agrees with a report of no rows.
    pub fn against_control(name: &str, figure: &Figure, control: Option<String>) -> Self {
        let actual = figure.text();
        let passed = control.as_ref().map_or(figure.is_nothing(), |control| same_number(&actual, control));
        let detail = match &control {
            Some(_) if passed => format!("{figure}, as the control says."),
            Some(control) => format!("{figure}; the control says {control}."),
            None if passed => format!("{figure}, and the control has no value either: there is nothing to count."),
            None => format!("{figure}; the control has no value."),
        };
        Self { name: name.to_owned(), kind: figure.kind(), passed, expected: control, actual: Some(actual), detail }
    }

    /// A condition: only true holds.
    pub fn condition(name: &str, answer: Option<bool>) -> Self {
        let detail = match answer {
            Some(true) => "The condition holds.",
            Some(false) => "The condition does not hold.",
            None => "The condition has no answer: it is null.",
        };
        Self {
            name: name.to_owned(),
            kind: CheckKind::Condition,
            passed: answer == Some(true),
            expected: Some("true".to_owned()),
            actual: answer.map(|answer| answer.to_string()),
            detail: detail.to_owned(),
        }
    }

    /// `{name, kind, passed, expected, actual, detail}`.
    pub fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "kind": self.kind,
            "passed": self.passed,
            "expected": self.expected,
            "actual": self.actual,
            "detail": self.detail,
        })
    }
}

/// Whether two decimals, as text without an exponent, are the same number.
fn same_number(left: &str, right: &str) -> bool {
    canonical(left) == canonical(right)
}

/// Sign, digits before and digits after the point, without zeros that change nothing.
fn canonical(text: &str) -> (bool, &str, &str) {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let zero = whole.is_empty() && fraction.is_empty();
    (digits.len() < text.len() && !zero, whole, fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(sum: Option<&str>) -> Figure {
        Figure::Total { column: "amount".to_owned(), sum: sum.map(str::to_owned) }
    }

    fn passes(figure: &Figure, control: Option<&str>) -> bool {
        CheckOutcome::against_control("c", figure, control.map(str::to_owned)).passed
    }

    #[test]
    fn bounds_are_inclusive() {
        let cases = [
            (0, None, None, true, "any number"),
            (0, Some(1), None, false, "at least 1"),
            (1, Some(1), None, true, "at least 1"),
            (5, None, Some(5), true, "at most 5"),
            (6, None, Some(5), false, "at most 5"),
            (3, Some(1), Some(5), true, "1 to 5"),
            (3, Some(3), Some(3), true, "exactly 3"),
        ];
        for (rows, min, max, passed, expected) in cases {
            let outcome = CheckOutcome::rows_within("c", rows, min, max);
            assert_eq!((outcome.passed, outcome.expected.as_deref()), (passed, Some(expected)), "{rows}");
            assert_eq!(outcome.actual, Some(rows.to_string()));
        }
    }

    #[test]
    fn figures_are_compared_as_numbers() {
        assert!(passes(&total(Some("12.300")), Some("12.3")));
        assert!(passes(&total(Some("-0.00")), Some("0")));
        assert!(passes(&total(Some("-0.50")), Some("-0.5")));
        assert!(passes(&Figure::Rows(100), Some("100")));
        assert!(!passes(&Figure::Rows(100), Some("10")));
        assert!(!passes(&total(Some("0.5")), Some("-0.5")));
        assert!(!passes(&total(Some("10")), Some("1")));
        let long = "9".repeat(76);
        assert!(passes(&total(Some(&long)), Some(&format!("{long}.000"))));
        assert!(!passes(&total(Some(&long)), Some(&format!("{long}.0001"))));
    }

    #[test]
    fn a_control_without_a_value_agrees_with_nothing_only() {
        assert!(passes(&total(None), None) && passes(&Figure::Rows(0), None));
        assert!(passes(&total(None), Some("0.00")));
        assert!(!passes(&total(Some("0")), None) && !passes(&Figure::Rows(1), None));
        assert!(!passes(&total(None), Some("1")));
    }

    #[test]
    fn outcomes_say_what_was_found() {
        let outcome = CheckOutcome::against_control("sum", &total(Some("1.50")), Some("2".to_owned()));
        let expected = serde_json::json!({
            "name": "sum", "kind": "total", "passed": false, "expected": "2", "actual": "1.50",
            "detail": "The total of amount is 1.50; the control says 2.",
        });
        assert_eq!(outcome.describe(), expected);
        let unknown = CheckOutcome::condition("c", None);
        assert_eq!((unknown.passed, unknown.actual), (false, None));
        assert!(CheckOutcome::condition("c", Some(true)).passed && !CheckOutcome::condition("c", Some(false)).passed);
    }

    proptest! {
        #[test]
        fn scales_do_not_matter(value in any::<i64>(), other in any::<i64>(), zeros in 0..9_usize) {
            let shown = |value: i64| format!("{}.{}", value, "0".repeat(zeros));
            prop_assert!(same_number(&shown(value), &value.to_string()));
            prop_assert_eq!(same_number(&shown(value), &other.to_string()), value == other);
        }
    }
}
