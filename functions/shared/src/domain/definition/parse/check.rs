//! Checks: what must hold of the output.

use std::collections::BTreeSet;

use toml::Spanned;

use super::section::Section;
use super::{LOWER_CASE_NAME, is_name};
use crate::domain::definition::{Check, CheckRule, Column, ColumnKind};

#[derive(Clone, Copy)]
enum Kind {
    Rows,
    Total,
    Condition,
}

const KINDS: [(&str, Kind); 3] = [("rows", Kind::Rows), ("total", Kind::Total), ("condition", Kind::Condition)];

/// Outcomes stand in the request's row, which stays small.
const MOST: usize = 16;

/// A query of a check, where it stands in the file.
pub struct Control<'t> {
    pub sql: Spanned<&'t str>,
    /// The key that holds it.
    pub key: &'static str,
    /// Whether it is a condition, which sees the output.
    pub sees_output: bool,
}

/// The checks in the file's order, and their queries.
pub fn read_all<'t>(root: &Section<'t>, columns: &[Column]) -> (Vec<Check>, Vec<Control<'t>>) {
    let sections = root.get("checks").map(|value| root.list("checks", value)).unwrap_or_default();
    let (mut checks, mut controls, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    if let Some(section) = sections.get(MOST) {
        root.faults.add(section.at, format!("a report has at most {MOST} checks"));
    }
    for section in sections {
        let name = section.required_text("name");
        if let Some(name) = &name {
            if !is_name(name.get_ref(), false) {
                root.faults.add(name.span().start, format!("`{}`, a check, {LOWER_CASE_NAME}", name.get_ref()));
            } else if !names.insert(name.get_ref().to_owned()) {
                root.faults.add(name.span().start, format!("check `{}` is there twice", name.get_ref()));
            }
        }
        let Some(kind) = section.required_choice("kind", &KINDS) else { continue };
        let mut keep = |sql: Spanned<&'t str>, key, sees_output| {
            let text = (*sql.get_ref()).to_owned();
            controls.push(Control { sql, key, sees_output });
            text
        };
        let rule = match kind {
            Kind::Rows => {
                let equals = section.text("equals").map(|sql| keep(sql, "equals", false));
                Some(read_rows(&section, equals))
            }
            Kind::Total => {
                let equals = section.required_text("equals").map(|sql| keep(sql, "equals", false));
                read_total(&section, columns, equals)
            }
            Kind::Condition => section.required_text("sql").map(|sql| CheckRule::Condition(keep(sql, "sql", true))),
        };
        section.refuse_unknown_keys();
        if let (Some(name), Some(rule)) = (name, rule) {
            checks.push(Check { name: (*name.get_ref()).to_owned(), rule });
        }
    }
    (checks, controls)
}

fn read_rows(section: &Section<'_>, equals: Option<String>) -> CheckRule {
    let (min, max): (Option<u64>, _) = (section.integer("min", 0..=i64::MAX), section.integer("max", 0..=i64::MAX));
    if (section.has("min") || section.has("max")) == section.has("equals") {
        section.faults.add(section.at, "a check of rows has `min`, `max` or both, or else `equals`");
    }
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        section.faults.add(section.at, "`min` must not be greater than `max`");
    }
    equals.map_or(CheckRule::Rows { min, max }, CheckRule::RowsEqual)
}

/// Totals are exact, so a column of floats has none.
fn read_total(section: &Section<'_>, columns: &[Column], equals: Option<String>) -> Option<CheckRule> {
    let column = section.required_text("column")?;
    let name = *column.get_ref();
    let kind = columns.iter().find(|known| known.name == name).map(|known| known.kind);
    let reason = match kind {
        Some(ColumnKind::Integer | ColumnKind::Decimal) => None,
        Some(_) => Some(format!("`{name}` is neither an integer nor a decimal: it has no exact total")),
        None => Some(format!("the report has no column `{name}`")),
    };
    if let Some(reason) = reason {
        section.faults.add(column.span().start, reason);
    }
    Some(CheckRule::Total { column: name.to_owned(), equals: equals? })
}
