//! A first look at the SQL: one query, and its placeholders are the parameters'. What it means, the engine
//! checks at run.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::check::Control;
use super::section::Section;
use crate::domain::definition::{Definition, Parameter, ParameterKind};

/// The table as which a condition sees the output.
const OUTPUT: &str = "output";

/// Checks the report's SQL, and that of its checks, against the rest of the definition. Unless that has
/// `all_parameters` of the file, a placeholder without one is no fault of the SQL's.
pub fn check(root: &Section<'_>, definition: &Definition, all_parameters: bool, controls: &[Control<'_>]) {
    let given: BTreeSet<_> =
        definition.parameters.iter().flat_map(Parameter::placeholders).map(|(name, _)| name).collect();
    let given = all_parameters.then_some(&given);
    let mut words = BTreeSet::new();
    for control in controls {
        let text = Text::of(root, control.key, &control.sql);
        let scan = text.scan(given);
        if control.sees_output {
            check_condition(&text, &scan, definition);
        }
        words.extend(scan.words);
    }

    // What is no text was noted when it was read.
    let is_text = root.get("sql").is_some_and(|value| value.get_ref().as_str().is_some());
    let Some(sql) = is_text.then(|| root.text("sql")).flatten() else { return };
    let text = Text::of(root, "sql", &sql);
    let scan = text.scan(given);
    for parameter in &definition.parameters {
        let name = &parameter.name;
        // A range of which one end goes unused would promise a bound and not keep it.
        let needed = match parameter.kind {
            ParameterKind::DateRange { .. } => vec![format!("{name}_from"), format!("{name}_to")],
            _ => vec![name.clone()],
        };
        for needed in needed.iter().filter(|needed| !scan.placeholders.contains_key(*needed)) {
            text.fault(0, format!("the parameter `{name}` is not used: `${needed}` is not in the SQL"));
        }
    }
    words.extend(scan.words);
    for dataset in definition.datasets.keys().filter(|dataset| !words.contains(*dataset)) {
        text.fault(0, format!("the dataset `{dataset}` is not used"));
    }
}

fn check_condition(text: &Text<'_>, scan: &Scan, definition: &Definition) {
    if !scan.words.contains(OUTPUT) {
        text.fault(0, format!("a condition is one over the table `{OUTPUT}`, which is not in it"));
    }
    if definition.datasets.contains_key(OUTPUT) {
        text.fault(0, format!("beside a condition no dataset may be called `{OUTPUT}`: that is the report's output"));
    }
}

/// One SQL text of the file.
struct Text<'t> {
    root: &'t Section<'t>,
    key: &'static str,
    sql: &'t str,
    at: usize,
    /// Where the text itself begins. A string without escapes stands in the file as it is, so that lines within it
    /// can be told.
    base: Option<usize>,
}

impl<'t> Text<'t> {
    fn of(root: &'t Section<'t>, key: &'static str, value: &Spanned<&'t str>) -> Self {
        let (sql, at) = (*value.get_ref(), value.span().start);
        let base = root.faults.text[value.span()].find(sql).map(|within| at + within);
        Self { root, key, sql, at, base }
    }

    fn fault(&self, at: usize, reason: String) {
        self.root.faults.add(self.base.map_or(self.at, |base| base + at), reason);
    }

    /// Looks at the statement by itself: one query, and all placeholders are `given`, if those are known.
    fn scan(&self, given: Option<&BTreeSet<String>>) -> Scan {
        let scan = Scan::of(self.sql);
        for (at, reason) in &scan.faults {
            self.fault(*at, (*reason).to_owned());
        }
        if !matches!(scan.first_word.as_str(), "select" | "with") {
            self.fault(0, format!("`{}` must be one query: SELECT …, or WITH … SELECT …", self.key));
        }
        for (name, at) in &scan.placeholders {
            if given.is_some_and(|given| !given.contains(name)) {
                self.fault(*at, format!("`${name}` belongs to no parameter"));
            }
        }
        scan
    }
}

/// What stands in SQL outside of comments and string literals.
#[derive(Default)]
struct Scan {
    /// In lower case.
    first_word: String,
    /// Unquoted in lower case, quoted as they are.
    words: BTreeSet<String>,
    /// By name, with the offset of the first use.
    placeholders: BTreeMap<String, usize>,
    faults: Vec<(usize, &'static str)>,
}

impl Scan {
    fn of(sql: &str) -> Self {
        let mut scan = Self::default();
        let mut ended = false;
        let mut at = 0;
        while let Some(c) = sql[at..].chars().next() {
            let rest = &sql[at..];
            let length = match c {
                _ if c.is_whitespace() => c.len_utf8(),
                '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
                '/' if rest.starts_with("/*") => scan.comment(rest, at),
                ';' => {
                    ended = true;
                    1
                }
                _ => {
                    if std::mem::take(&mut ended) {
                        scan.faults.push((at, "must be a single statement"));
                    }
                    scan.token(c, rest, at)
                }
            };
            at += length;
        }
        scan
    }

    /// Length of the token that begins `rest`.
    fn token(&mut self, c: char, rest: &str, at: usize) -> usize {
        match c {
            '\'' => self.quoted(c, rest, at).0,
            '"' => {
                let (length, name) = self.quoted(c, rest, at);
                self.words.insert(name);
                length
            }
            '$' => {
                let name = word(&rest[1..]);
                if name.is_empty()
                    || name.starts_with(|c: char| c.is_ascii_digit())
                    || rest[1 + name.len()..].starts_with('$')
                {
                    self.faults.push((at, "`$` must begin a placeholder, `$name`"));
                } else {
                    self.placeholders.entry(name.to_owned()).or_insert(at);
                }
                1 + name.len()
            }
            '?' => {
                self.faults.push((at, "placeholders are written `$name`, not `?`"));
                1
            }
            _ if word(rest).is_empty() => c.len_utf8(),
            _ => {
                let word = word(rest);
                if self.first_word.is_empty() {
                    self.first_word = word.to_lowercase();
                }
                self.words.insert(word.to_lowercase());
                word.len()
            }
        }
    }

    /// Length of a literal or quoted name, and what it holds. A doubled quote stands for one.
    fn quoted(&mut self, quote: char, rest: &str, at: usize) -> (usize, String) {
        let mut content = String::new();
        let mut end = 1;
        loop {
            let Some(length) = rest[end..].find(quote) else {
                self.faults.push((at, "a quote is never closed"));
                return (rest.len(), content);
            };
            content.push_str(&rest[end..end + length]);
            end += length + 1;
            if !rest[end..].starts_with(quote) {
                return (end, content);
            }
            content.push(quote);
            end += 1;
        }
    }

    /// Length of a comment; they nest.
    fn comment(&mut self, rest: &str, at: usize) -> usize {
        let mut depth = 0;
        let mut end = 0;
        while let Some(next) = rest[end..].find(['/', '*']) {
            end += next;
            let (step, change) = match &rest[end..] {
                tail if tail.starts_with("/*") => (2, 1),
                tail if tail.starts_with("*/") => (2, -1),
                _ => (1, 0),
            };
            end += step;
            depth += change;
            if depth == 0 {
                return end;
            }
        }
        self.faults.push((at, "a comment is never closed"));
        rest.len()
    }
}

/// The letters, digits and `_` that `text` begins with.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}
