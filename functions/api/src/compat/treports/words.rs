//! Reading a body as .NET's clients write it: names in any case; `null`, `""`, `0`, `false` and what is empty say nothing.
//!
//! A name that is not known is refused only if it says something: nothing that was asked for is left out silently.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use waybill::accept::fields::Faults;

/// An object of a body. Getters note what is wrong, by dotted places such as `generateParams.filters[0].column`.
pub struct Words<'a> {
    fields: BTreeMap<String, &'a Json>,
    at: String,
    faults: &'a Faults,
}

impl<'a> Words<'a> {
    /// The object at a place, which may have the known names and no others that say something.
    pub fn of(value: &'a Json, at: impl Into<String>, known: &[&str], faults: &'a Faults) -> Option<Self> {
        let at = at.into();
        let Some(map) = value.as_object() else {
            faults.add(named(&at), "type", format!("Must be an object with {}.", known.join(", ")));
            return None;
        };
        let mut words = Self { fields: BTreeMap::new(), at, faults };
        for (name, value) in map {
            if !known.iter().any(|one| one.eq_ignore_ascii_case(name)) {
                if says_something(value) {
                    faults.add(
                        words.place(name),
                        "unknown",
                        format!("No such field. Known here: {}.", known.join(", ")),
                    );
                }
            } else if words.fields.insert(name.to_ascii_lowercase(), value).is_some() {
                faults.add(words.place(name), "not_allowed", "The field is there twice, in another case.");
            }
        }
        Some(words)
    }

    /// Place of a field.
    pub fn place(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// What a field holds.
    pub fn get(&self, name: &str) -> Option<&'a Json> {
        self.fields.get(&name.to_ascii_lowercase()).copied().filter(|value| !value.is_null())
    }

    /// A text of at most so many bytes; an empty one is none.
    pub fn text(&self, name: &str, most: usize) -> Option<&'a str> {
        let Some(text) = self.get(name)?.as_str() else {
            self.faults.add(self.place(name), "type", "Must be a text.");
            return None;
        };
        if text.len() > most {
            self.faults.add(self.place(name), "out_of_range", format!("Must be at most {most} bytes long."));
            return None;
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// True or false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let read = self.get(name)?.as_bool();
        if read.is_none() {
            self.faults.add(self.place(name), "type", "Must be true or false.");
        }
        read
    }

    /// A whole number.
    pub fn whole(&self, name: &str) -> Option<i64> {
        let read = self.get(name)?.as_i64();
        if read.is_none() {
            self.faults.add(self.place(name), "type", "Must be a whole number.");
        }
        read
    }

    /// The entries of a list, each with its place; no more than `most`.
    pub fn list(&self, name: &str, most: usize) -> Vec<(String, &'a Json)> {
        let Some(value) = self.get(name) else { return vec![] };
        let Some(entries) = value.as_array() else {
            self.faults.add(self.place(name), "type", "Must be a list.");
            return vec![];
        };
        if entries.len() > most {
            self.faults.add(self.place(name), "out_of_range", format!("At most {most}."));
            return vec![];
        }
        let place = self.place(name);
        entries.iter().enumerate().map(|(index, entry)| (format!("{place}[{index}]"), entry)).collect()
    }

    /// An object within this one.
    pub fn object(&self, name: &str, known: &[&str]) -> Option<Self> {
        Self::of(self.get(name)?, self.place(name), known, self.faults)
    }
}

fn named(at: &str) -> &str {
    if at.is_empty() { "body" } else { at }
}

/// Whether a value is more than what a typed client sends where nobody has set anything.
pub fn says_something(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(flag) => *flag,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(entries) => !entries.is_empty(),
        Json::Object(fields) => fields.values().any(says_something),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T>(body: &Json, get: impl Fn(&Words) -> T) -> (Option<T>, Vec<(String, &'static str)>) {
        let faults = Faults::default();
        let read = Words::of(body, "", &["isView", "user", "id", "filters", "inner"], &faults).map(|words| get(&words));
        (read, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn names_are_read_in_any_case() {
        for name in ["isView", "IsView", "ISVIEW"] {
            assert_eq!(read(&json!({ name: true }), |words| words.flag("isView")), (Some(Some(true)), vec![]));
        }
        let twice = read(&json!({ "isView": true, "IsView": false }), |_| ());
        assert_eq!(twice.1[0].1, "not_allowed");
    }

    #[test]
    fn what_says_nothing_is_nothing() {
        let empty = json!({ "Extra": null, "more": { "a": 0, "b": [], "c": "" }, "flag": false, "user": "" });
        assert_eq!(read(&empty, |words| words.text("user", 10).is_some()), (Some(false), vec![]));
        let (_, faults) = read(&json!({ "more": { "a": 1 }, "rows": 5 }), |_| ());
        assert_eq!(faults, [("more".to_owned(), "unknown"), ("rows".to_owned(), "unknown")]);
    }

    #[test]
    fn faults_name_their_places() {
        let body = json!({ "user": 7, "id": "x", "isView": "no", "filters": [{ "a": 1 }], "inner": { "b": 1 } });
        let (_, faults) = read(&body, |words| {
            let _ = (words.text("user", 5), words.whole("id"), words.flag("isView"), words.object("inner", &["c"]));
            for (place, entry) in words.list("filters", 3) {
                Words::of(entry, place, &["b"], words.faults);
            }
        });
        let expected =
            [("user", "type"), ("id", "type"), ("isView", "type"), ("inner.b", "unknown"), ("filters[0].a", "unknown")];
        assert_eq!(faults, expected.map(|(at, code)| (at.to_owned(), code)));
        assert_eq!(read(&json!([]), |_| ()).1, [("body".to_owned(), "type")]);
        assert_eq!(read(&json!({ "user": "abcdef" }), |words| words.text("user", 5).is_some()).1[0].1, "out_of_range");
    }
}
