//! Reading one TOML table: what a key holds, and a fault with its line where that is something else.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use serde_json::{Number, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Fault;

/// Collects faults on the way, so that all of them are reported at once.
pub struct Faults<'t> {
    file: &'t str,
    pub text: &'t str,
    found: RefCell<Vec<Fault>>,
}

impl<'t> Faults<'t> {
    pub fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, found: RefCell::default() }
    }

    /// Notes a fault at a byte offset of the text.
    pub fn add(&self, at: usize, reason: impl Into<String>) {
        let fault = Fault { file: self.file.to_owned(), line: self.line(at), reason: reason.into() };
        self.found.borrow_mut().push(fault);
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().iter().take(at);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    /// All of them, by line.
    pub fn into_sorted(self) -> Vec<Fault> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|fault| fault.line);
        found
    }
}

/// A table, and what has been asked of it.
pub struct Section<'t> {
    pub faults: &'t Faults<'t>,
    /// Offset of its name.
    pub at: usize,
    /// How it is called in faults: empty for the document itself.
    label: String,
    table: &'t DeTable<'t>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'t> Section<'t> {
    /// The document itself.
    pub fn root(faults: &'t Faults<'t>, table: &'t DeTable<'t>) -> Self {
        Self::new(faults, 0, String::new(), table)
    }

    fn new(faults: &'t Faults<'t>, at: usize, label: String, table: &'t DeTable<'t>) -> Self {
        Self { faults, at, label, table, asked: RefCell::default() }
    }

    /// Line of its name, from 1.
    pub fn line(&self) -> usize {
        self.faults.line(self.at)
    }

    fn note_asked(&self, key: &'static str) {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
    }

    /// What the key holds.
    pub fn get(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.note_asked(key);
        self.table.get(key)
    }

    /// What the key holds; noted where it is missing.
    pub fn required(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = self.get(key);
        if value.is_none() {
            self.faults.add(self.at, format!("{}`{key}` is missing", self.prefix()));
        }
        value
    }

    pub fn text(&self, key: &'static str) -> Option<Spanned<&'t str>> {
        self.get(key).and_then(|value| self.as_text(key, value))
    }

    pub fn required_text(&self, key: &'static str) -> Option<Spanned<&'t str>> {
        self.required(key).and_then(|value| self.as_text(key, value))
    }

    fn as_text(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<Spanned<&'t str>> {
        let text = value.get_ref().as_str().map(|text| Spanned::new(value.span(), text));
        self.or_mistyped(text, key, value, "a string")
    }

    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        self.or_mistyped(value.get_ref().as_bool(), key, value, "true or false")
    }

    /// An integer within bounds, in whatever type holds them.
    pub fn integer<T: TryFrom<i64>>(&self, key: &'static str, bounds: RangeInclusive<i64>) -> Option<T> {
        self.get(key).and_then(|value| self.as_integer(key, value, bounds))
    }

    pub fn required_integer<T: TryFrom<i64>>(&self, key: &'static str, bounds: RangeInclusive<i64>) -> Option<T> {
        self.required(key).and_then(|value| self.as_integer(key, value, bounds))
    }

    fn as_integer<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'t>>,
        bounds: RangeInclusive<i64>,
    ) -> Option<T> {
        let digits = self.or_mistyped(value.get_ref().as_integer(), key, value, "an integer")?;
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let number = number.filter(|number| bounds.contains(number)).and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            let reason = format!("{}`{key}` must be from {} to {}", self.prefix(), bounds.start(), bounds.end());
            self.faults.add(value.span().start, reason);
        }
        number
    }

    /// One of the listed names.
    pub fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.text(key).and_then(|name| self.chosen(key, &name, choices))
    }

    pub fn required_choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.required_text(key).and_then(|name| self.chosen(key, &name, choices))
    }

    fn chosen<T: Copy>(&self, key: &str, name: &Spanned<&str>, choices: &[(&str, T)]) -> Option<T> {
        let choice = choices.iter().find(|(known, _)| known == name.get_ref()).map(|(_, choice)| *choice);
        if choice.is_none() {
            let known: Vec<_> = choices.iter().map(|(known, _)| *known).collect();
            let reason = format!("{}`{key}` must be one of: {}", self.prefix(), known.join(", "));
            self.faults.add(name.span().start, reason);
        }
        choice
    }

    /// `value` as a list of strings that is not empty.
    pub fn strings(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<Vec<Spanned<&'t str>>> {
        let array = self.or_mistyped(value.get_ref().as_array(), key, value, "a list of strings")?;
        if array.is_empty() {
            self.faults.add(value.span().start, format!("{}`{key}` must not be empty", self.prefix()));
        }
        Some(array.iter().filter_map(|element| self.as_text(key, element)).collect())
    }

    /// Whether the key is there.
    pub fn has(&self, key: &'static str) -> bool {
        self.table.contains_key(key)
    }

    /// The table under a key, if there is one.
    pub fn section(&self, key: &'static str) -> Option<Self> {
        self.note_asked(key);
        let (name, value) = self.table.get_key_value(key)?;
        self.child(name.span().start, key, value)
    }

    /// Every entry of this table as a table of its own, in the file's order.
    pub fn children(&self) -> Vec<(String, Self)> {
        let child = |(key, value): (&Spanned<_>, _)| {
            let name: &str = AsRef::<str>::as_ref(key.get_ref());
            self.child(key.span().start, name, value).map(|section| (name.to_owned(), section))
        };
        let mut children: Vec<_> = self.table.iter().filter_map(child).collect();
        children.sort_by_key(|(_, section)| section.at);
        children
    }

    /// A list of tables that is there and not empty.
    pub fn required_list(&self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.required(key) else { return vec![] };
        self.list(key, value)
    }

    /// `value` as a list of tables; noted where it is empty.
    pub fn list(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Vec<Self> {
        let Some(array) = self.or_mistyped(value.get_ref().as_array(), key, value, "a list of tables") else {
            return vec![];
        };
        if array.is_empty() {
            self.faults.add(value.span().start, format!("{}`{key}` must not be empty", self.prefix()));
        }
        array.iter().filter_map(|element| self.child(element.span().start, key, element)).collect()
    }

    fn child(&self, at: usize, name: &str, value: &'t Spanned<DeValue<'t>>) -> Option<Self> {
        let label = if self.label.is_empty() { name.to_owned() } else { format!("{}.{name}", self.label) };
        let Some(table) = value.get_ref().as_table() else {
            self.faults.add(at, format!("`{label}` must be a table, not {}", value.get_ref().type_str()));
            return None;
        };
        Some(Self::new(self.faults, at, label, table))
    }

    fn or_mistyped<T>(&self, value: Option<T>, key: &str, found: &Spanned<DeValue<'_>>, expected: &str) -> Option<T> {
        if value.is_none() {
            let reason = format!("{}`{key}` must be {expected}, not {}", self.prefix(), found.get_ref().type_str());
            self.faults.add(found.span().start, reason);
        }
        value
    }

    fn prefix(&self) -> String {
        if self.label.is_empty() { String::new() } else { format!("{}: ", self.label) }
    }

    /// Notes every key that nothing has asked for. Call it last.
    pub fn refuse_unknown_keys(&self) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            let name: &str = AsRef::<str>::as_ref(key.get_ref());
            if !asked.contains(&name) {
                let reason = format!("{}unknown key `{name}`; known here: {}", self.prefix(), asked.join(", "));
                self.faults.add(key.span().start, reason);
            }
        }
    }
}

/// A value as a request would give it in JSON: dates and times as texts. None for a number that JSON has not.
pub fn to_json(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(digits) => Json::from(i64::from_str_radix(digits.as_str(), digits.radix()).ok()?),
        DeValue::Float(digits) => Json::Number(Number::from_f64(digits.as_str().parse().ok()?)?),
        DeValue::Boolean(value) => Json::from(*value),
        DeValue::Datetime(value) => Json::from(value.to_string()),
        DeValue::Array(values) => {
            values.iter().map(|value| to_json(value.get_ref())).collect::<Option<Vec<_>>>()?.into()
        }
        DeValue::Table(entries) => {
            let entry = |(key, value): (&Spanned<_>, &Spanned<_>)| {
                Some((AsRef::<str>::as_ref(key.get_ref()).to_owned(), to_json(value.get_ref())?))
            };
            Json::Object(entries.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}
