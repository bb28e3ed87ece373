//! Reading a JSON body field by field: strictly, and every fault at once.

use std::{cell::RefCell, collections::BTreeMap, ops::RangeInclusive};

use serde_json::{Map, Value};

use super::Fault;

/// A name as a part of a JSON pointer (RFC 6901).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Collects faults on the way.
#[derive(Default)]
pub struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    /// Notes a fault.
    pub fn add(&self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.borrow_mut().push(Fault::new(pointer, code, detail));
    }

    /// All of them, in the order in which they were found.
    pub fn into_vec(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

/// An object of a body. Getters note what is wrong and answer with nothing; a `null` counts as not given.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    at: String,
    faults: &'a Faults,
}

impl<'a> Fields<'a> {
    /// The object at a pointer, which may have the known fields and no others.
    pub fn of(value: &'a Value, at: impl Into<String>, known: &[&str], faults: &'a Faults) -> Option<Self> {
        let at = at.into();
        let Some(map) = value.as_object() else {
            faults.add(at, "type", format!("Must be an object with {}.", known.join(", ")));
            return None;
        };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            let detail = format!("No such field. Known here: {}.", known.join(", "));
            faults.add(format!("{at}/{}", escaped(name)), "unknown", detail);
        }
        Some(Self { map, at, faults })
    }

    /// Pointer to a field.
    pub fn pointer(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    /// What a field holds.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A text of 1 to `most` bytes.
    pub fn text(&self, name: &str, most: usize) -> Option<&'a str> {
        let text = self.get(name)?.as_str();
        if text.is_some_and(|text| (1..=most).contains(&text.len())) {
            return text;
        }
        let (code, detail) = if text.is_some() {
            ("out_of_range", format!("Must be 1 to {most} bytes long."))
        } else {
            ("type", "Must be a text.".to_owned())
        };
        self.faults.add(self.pointer(name), code, detail);
        None
    }

    /// A text of any length, or none.
    pub fn any_text(&self, name: &str) -> Option<&'a str> {
        let text = self.get(name)?.as_str();
        if text.is_none() {
            self.faults.add(self.pointer(name), "type", "Must be a text.");
        }
        text
    }

    /// As [`Self::text`], but it must be there.
    pub fn required_text(&self, name: &str, most: usize) -> Option<&'a str> {
        if self.get(name).is_none() {
            self.faults.add(self.pointer(name), "missing", "Required.");
        }
        self.text(name, most)
    }

    /// A whole number within bounds.
    pub fn whole<T: TryFrom<u64> + Into<u64> + Copy>(&self, name: &str, bounds: RangeInclusive<T>) -> Option<T> {
        let value = self.get(name)?;
        let (least, most): (u64, u64) = ((*bounds.start()).into(), (*bounds.end()).into());
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        let read = number.and_then(|number| T::try_from(number).ok());
        if read.is_none() {
            let (code, detail) = match value {
                Value::Number(number) if most == u64::MAX && !number.is_f64() => {
                    ("out_of_range", format!("Must be {least} or more."))
                }
                Value::Number(number) if !number.is_f64() => ("out_of_range", format!("Must be {least} to {most}.")),
                _ => ("type", "Must be a whole number.".to_owned()),
            };
            self.faults.add(self.pointer(name), code, detail);
        }
        read
    }

    /// True or false.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        let read = self.get(name)?.as_bool();
        if read.is_none() {
            self.faults.add(self.pointer(name), "type", "Must be true or false.");
        }
        read
    }

    /// As [`Self::boolean`]; false unless given.
    pub fn flag(&self, name: &str) -> bool {
        self.boolean(name).unwrap_or(false)
    }

    /// One of a few names.
    pub fn choice<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>, all: &[&str]) -> Option<T> {
        let value = self.get(name)?;
        let chosen = value.as_str().and_then(read);
        if chosen.is_none() {
            let code = if value.is_string() { "not_allowed" } else { "type" };
            self.faults.add(self.pointer(name), code, format!("Must be one of {}.", all.join(", ")));
        }
        chosen
    }

    /// The entries of a list, each with its pointer; no more than `most`.
    pub fn list(&self, name: &str, most: usize) -> Vec<(String, &'a Value)> {
        let Some(value) = self.get(name) else { return vec![] };
        let Some(entries) = value.as_array() else {
            self.faults.add(self.pointer(name), "type", "Must be a list.");
            return vec![];
        };
        if entries.len() > most {
            self.faults.add(self.pointer(name), "out_of_range", format!("At most {most}."));
            return vec![];
        }
        entries.iter().enumerate().map(|(index, entry)| (format!("{}/{name}/{index}", self.at), entry)).collect()
    }

    /// An object within this one.
    pub fn object(&self, name: &str, known: &[&str]) -> Option<Self> {
        Self::of(self.get(name)?, self.pointer(name), known, self.faults)
    }

    /// An object of texts by names that are not known ahead.
    pub fn texts(&self, name: &str) -> BTreeMap<String, String> {
        let Some(value) = self.get(name) else { return BTreeMap::new() };
        let Some(map) = value.as_object() else {
            self.faults.add(self.pointer(name), "type", "Must be an object of texts.");
            return BTreeMap::new();
        };
        let given = map.iter().filter(|(_, value)| !value.is_null());
        let read = given.filter_map(|(key, value)| {
            let text = value.as_str();
            if text.is_none() {
                self.faults.add(format!("{}/{}", self.pointer(name), escaped(key)), "type", "Must be a text.");
            }
            Some((key.clone(), text?.to_owned()))
        });
        read.collect()
    }
}
