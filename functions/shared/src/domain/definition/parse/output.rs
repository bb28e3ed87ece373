//! How values are written for people: the columns' titles and formats, and the section `[output]`.

use std::collections::{BTreeMap, BTreeSet};

use super::section::Section;
use super::{ANY_CASE_NAME, check_title, is_name};
use crate::domain::definition::{Column, ColumnKind};
use crate::domain::style::{Formulas, Style, format_fault, separator};

const KINDS: [(&str, ColumnKind); 7] = [
    ("text", ColumnKind::Text),
    ("integer", ColumnKind::Integer),
    ("decimal", ColumnKind::Decimal),
    ("boolean", ColumnKind::Boolean),
    ("date", ColumnKind::Date),
    ("timestamp", ColumnKind::Timestamp),
    ("float", ColumnKind::Float),
];

/// The columns in the file's order.
pub fn read_columns(root: &Section<'_>) -> Vec<Column> {
    let mut names = BTreeSet::new();
    root.required_list("columns").iter().map(|section| read_column(section, &mut names)).collect()
}

fn read_column(section: &Section<'_>, names: &mut BTreeSet<String>) -> Column {
    let faults = section.faults;
    let name = section.required_text("name");
    if let Some(name) = &name {
        if !is_name(name.get_ref(), true) {
            faults.add(name.span().start, format!("`{}`, a column, {ANY_CASE_NAME}", name.get_ref()));
        } else if !names.insert((*name.get_ref()).to_owned()) {
            faults.add(name.span().start, format!("column `{}` is there twice", name.get_ref()));
        }
    }
    let name = name.map(|name| (*name.get_ref()).to_owned()).unwrap_or_default();
    let title = section.text("title").map_or_else(|| name.clone(), |title| check_title(section, &title));
    let kind = section.required_choice("type", &KINDS);
    let format = read_format(section, kind);
    let total = read_total(section, kind);
    section.refuse_unknown_keys();
    Column { name, title, kind: kind.unwrap_or(ColumnKind::Text), format, total }
}

/// Of a column without a known type nothing can be said.
fn read_format(section: &Section<'_>, kind: Option<ColumnKind>) -> Option<String> {
    let format = section.text("format")?;
    if let Some((_, reason)) = kind.and_then(|kind| format_fault(kind, format.get_ref())) {
        section.faults.add(format.span().start, format!("`format` {reason}"));
    }
    Some((*format.get_ref()).to_owned())
}

/// Sums are exact, so a column of floats has none.
fn read_total(section: &Section<'_>, kind: Option<ColumnKind>) -> bool {
    let at = section.get("total").map_or(section.at, |value| value.span().start);
    let total = section.boolean("total").unwrap_or_default();
    if total && kind.is_some_and(|kind| !matches!(kind, ColumnKind::Integer | ColumnKind::Decimal)) {
        section.faults.add(at, "`total` is there for integers and decimals only: others have no exact sum");
    }
    total
}

/// The section `[output]`, which lies over the defaults.
pub fn read(root: &Section<'_>) -> Style {
    let Some(section) = root.section("output") else { return Style::default() };
    let mut places = BTreeMap::new();
    let mut text = |key| {
        let text = section.text(key)?;
        places.insert(key, text.span().start);
        Some((*text.get_ref()).to_owned())
    };
    let mut style = Style {
        time_zone: text("time_zone"),
        date_format: text("date_format"),
        timestamp_format: text("timestamp_format"),
        decimal_separator: text("decimal_separator").as_deref().map(separator),
        grouping_separator: text("grouping_separator").as_deref().map(separator),
        null_text: text("null_text"),
        delimiter: text("delimiter").as_deref().map(separator),
        ..Style::default()
    };
    style.bom = section.boolean("bom");
    style.formulas = section.choice("formulas", &Formulas::ALL.map(|formulas| (formulas.name(), formulas)));
    section.refuse_unknown_keys();
    for fault in style.faults(&Style::default(), &[]) {
        let at = places.get(fault.field).copied().unwrap_or(section.at);
        section.faults.add(at, format!("output: `{}` {}", fault.field, fault.reason));
    }
    style
}
