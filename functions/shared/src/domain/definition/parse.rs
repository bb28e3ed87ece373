//! The one parser of report definitions: used by `check-reports`, at upload and at run.
//!
//! It reads TOML by hand instead of through `serde`, so that it can name the line of every fault, and all of
//! them at once. The reference of the format is `docs/reports.md`.

mod check;
mod dataset;
mod output;
mod parameter;
pub(crate) mod section;
mod sql;

use std::fmt;
use std::path::Path;

use toml::{Spanned, de::DeTable};

use self::section::{Faults, Section};
use super::{Definition, Limits};
use crate::domain::{outcome::Format, style::title_fault};

/// A mistake in a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// File as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// One sentence for the author.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

/// Longest name of anything in a definition, in characters.
const MAX_NAME: usize = 64;

/// Reads a definition from the TOML in `text`, or finds every fault, in the order of lines. `file_name` may be
/// a path; its stem must be the definition's id.
pub fn parse(file_name: &str, text: &str) -> Result<Definition, Vec<Fault>> {
    let faults = Faults::new(file_name, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        faults.add(error.span().map_or(0, |span| span.start), error.message().replace('\n', " "));
    }
    // Past an error of syntax, what was recovered would only earn faults that are not there.
    let definition = errors.is_empty().then(|| read(&Section::root(&faults, document.get_ref()), file_name));
    let faults = faults.into_sorted();
    definition.filter(|_| faults.is_empty()).ok_or(faults)
}

/// Reads the whole document. What could not be read is left empty: its fault has been noted.
fn read(root: &Section<'_>, file_name: &str) -> Definition {
    let (parameters, all_parameters) = parameter::read_all(root);
    let columns = output::read_columns(root);
    let (checks, controls) = check::read_all(root, &columns);
    let definition = Definition {
        id: read_id(root, file_name),
        version: root.required_integer("version", 1..=u32::MAX.into()).unwrap_or_default(),
        title: root.required_text("title").map(|title| check_title(root, &title)).unwrap_or_default(),
        description: root.text("description").map(|text| text.get_ref().trim().to_owned()).unwrap_or_default(),
        sql: root.required_text("sql").map(|sql| (*sql.get_ref()).to_owned()).unwrap_or_default(),
        datasets: dataset::read_all(root),
        parameters,
        columns,
        formats: read_formats(root),
        style: output::read(root),
        limits: read_limits(root),
        checks,
    };
    root.refuse_unknown_keys();
    sql::check(root, &definition, all_parameters, &controls);
    definition
}

fn read_id(root: &Section<'_>, file_name: &str) -> String {
    let Some(id) = root.required_text("id") else { return String::new() };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = *id.get_ref();
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
        root.faults.add(id.span().start, "`id` must be 1 to 64 letters, digits, `_` and `-`");
    } else if Path::new(file_name).file_name().is_none_or(|file| file != format!("{name}.toml").as_str()) {
        root.faults.add(id.span().start, format!("the file of the report `{name}` must be named `{name}.toml`"));
    }
    name.to_owned()
}

/// A title of the report or of a column.
fn check_title(section: &Section<'_>, title: &Spanned<&str>) -> String {
    if let Some((_, reason)) = title_fault(title.get_ref()) {
        section.faults.add(title.span().start, format!("`title` {reason}"));
    }
    (*title.get_ref()).to_owned()
}

/// What a name must be that [`is_name`] refused, without and with upper case.
const LOWER_CASE_NAME: &str = "must be a lower-case letter or `_`, then such or digits, 64 at most";
const ANY_CASE_NAME: &str = "must be a letter or `_`, then letters, digits or `_`, 64 at most";

/// Whether a name can stand in SQL without quotes and as a key anywhere. SQL folds unquoted names to lower
/// case, so only columns, which may be quoted, have upper case.
fn is_name(name: &str, upper_case: bool) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c == '_' || (upper_case && c.is_ascii_uppercase());
    name.len() <= MAX_NAME && name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn read_formats(root: &Section<'_>) -> Vec<Format> {
    let Some(names) = root.required("formats").and_then(|value| root.strings("formats", value)) else { return vec![] };
    let mut formats = Vec::new();
    for name in names {
        match Format::from_name(name.get_ref()) {
            None => {
                let known: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
                let reason = format!("unknown format `{}`; there are: {}", name.get_ref(), known.join(", "));
                root.faults.add(name.span().start, reason);
            }
            Some(format) if formats.contains(&format) => {
                root.faults.add(name.span().start, format!("format `{}` is there twice", name.get_ref()));
            }
            Some(format) => formats.push(format),
        }
    }
    formats
}

/// A function lives no longer than this, in seconds.
const MAX_TIMEOUT: i64 = 900;

fn read_limits(root: &Section<'_>) -> Limits {
    let Some(section) = root.section("limits") else { return Limits::default() };
    let limits = Limits {
        max_rows: section.integer("max_rows", 1..=i64::MAX),
        timeout_seconds: section.integer("timeout_seconds", 1..=MAX_TIMEOUT),
    };
    section.refuse_unknown_keys();
    limits
}

/// Named sections of one kind, such as `[datasets.NAME]`, in the file's order; faulty names are noted.
fn named_sections<'t>(root: &Section<'t>, key: &'static str) -> Vec<(String, Section<'t>)> {
    let Some(parent) = root.section(key) else { return vec![] };
    let sections = parent.children();
    for (name, section) in &sections {
        if !is_name(name, false) {
            root.faults.add(section.at, format!("`{name}`, a name in `{key}`, {LOWER_CASE_NAME}"));
        }
    }
    sections
}

#[cfg(test)]
mod tests;
