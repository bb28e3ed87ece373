//! Patterns of object keys: `sales/month={month}/*.parquet`.
//!
//! `{name}` stands for one character or more, `*` for any number of them, and neither goes beyond a `/`. Everything else
//! stands for itself. Two of them have something between them, so that there is one way only to read a key: each
//! placeholder takes as little as it can.

use std::collections::{BTreeMap, BTreeSet};

/// Longest key of S3, in bytes.
const MAX_KEY: usize = 1024;

/// Placeholders of one pattern.
const MAX_PLACEHOLDERS: usize = 16;

/// A pattern of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    /// Between the slashes.
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Segment {
    prefix: String,
    /// Each wildcard with the text after it, which is empty after the last one at most.
    rest: Vec<(Wildcard, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wildcard {
    Any,
    Named(String),
}

impl Wildcard {
    /// Characters that it takes at least.
    const fn least(&self) -> usize {
        match self {
            Self::Any => 0,
            Self::Named(_) => 1,
        }
    }
}

impl KeyPattern {
    /// Reads a pattern, or says what is wrong with it: a sentence that goes on after `key`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_KEY {
            return Err(format!("must be 1 to {MAX_KEY} bytes long"));
        }
        if text.starts_with('/') || text.ends_with('/') || text.contains("//") {
            return Err("matches no object: it must neither begin nor end with `/`, nor have two in a row".to_owned());
        }
        let segments = text.split('/').map(Segment::parse).collect::<Result<Vec<_>, _>>()?;
        if segments[0].prefix.is_empty() {
            return Err("must begin with a text, so that it is not for the whole bucket".to_owned());
        }
        let pattern = Self { segments };
        let names: Vec<&str> = pattern.names().collect();
        if names.len() > MAX_PLACEHOLDERS {
            return Err(format!("has more than {MAX_PLACEHOLDERS} placeholders"));
        }
        let mut seen = BTreeSet::new();
        match names.into_iter().find(|name| !seen.insert(*name)) {
            Some(twice) => Err(format!("has the placeholder `{{{twice}}}` twice")),
            None => Ok(pattern),
        }
    }

    /// Names of its placeholders, in its order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flat_map(|segment| &segment.rest).filter_map(|(wildcard, _)| match wildcard {
            Wildcard::Any => None,
            Wildcard::Named(name) => Some(name.as_str()),
        })
    }

    /// What the placeholders stand for in a key; none if the key is another.
    pub fn values<'a>(&'a self, key: &'a str) -> Option<BTreeMap<&'a str, &'a str>> {
        let mut values = BTreeMap::new();
        let mut parts = key.split('/');
        for segment in &self.segments {
            segment.read(parts.next()?, &mut values)?;
        }
        parts.next().is_none().then_some(values)
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, String> {
        let (prefix, mut left) = literal(text);
        let mut segment = Self { prefix: prefix.to_owned(), rest: Vec::new() };
        while !left.is_empty() {
            let (wildcard, after) = wildcard(left)?;
            let (literal, next) = literal(after);
            if literal.is_empty() && !next.is_empty() {
                return Err("must have a text between two placeholders or `*`".to_owned());
            }
            segment.rest.push((wildcard, literal.to_owned()));
            left = next;
        }
        Ok(segment)
    }

    fn read<'a>(&'a self, text: &'a str, values: &mut BTreeMap<&'a str, &'a str>) -> Option<()> {
        let mut left = text.strip_prefix(self.prefix.as_str())?;
        for (index, (wildcard, literal)) in self.rest.iter().enumerate() {
            let is_last = index + 1 == self.rest.len();
            let taken = if is_last { left.strip_suffix(literal.as_str())? } else { least(left, wildcard, literal)? };
            if taken.len() < wildcard.least() {
                return None;
            }
            if let Wildcard::Named(name) = wildcard {
                values.insert(name, taken);
            }
            left = left.get(taken.len() + literal.len()..)?;
        }
        left.is_empty().then_some(())
    }
}

/// The shortest beginning of a text that the wildcard can take and that the literal follows.
fn least<'a>(text: &'a str, wildcard: &Wildcard, literal: &str) -> Option<&'a str> {
    let first = text.char_indices().nth(wildcard.least()).map_or(text.len(), |(at, _)| at);
    let at = first + text.get(first..)?.find(literal)?;
    text.get(..at)
}

/// What stands for itself, and the rest.
fn literal(text: &str) -> (&str, &str) {
    text.split_at(text.find(['*', '{', '}']).unwrap_or(text.len()))
}

/// The wildcard that a text begins with, and the rest.
fn wildcard(text: &str) -> Result<(Wildcard, &str), String> {
    if let Some(after) = text.strip_prefix('*') {
        return Ok((Wildcard::Any, after));
    }
    let named = text.strip_prefix('{').and_then(|text| text.split_once('}'));
    match named {
        Some((name, after)) if is_name(name) => Ok((Wildcard::Named(name.to_owned()), after)),
        _ => Err("must have names of lower-case letters, digits and `_` in its braces, 1 to 32 of them".to_owned()),
    }
}

/// Whether a placeholder can have that name.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=32).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pattern: &str, key: &str) -> Option<Vec<(String, String)>> {
        let pattern = KeyPattern::parse(pattern).unwrap();
        let values = pattern.values(key)?;
        Some(values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn placeholders_take_what_stands_in_the_key() {
        assert_eq!(read("a/b.csv", "a/b.csv").unwrap(), pairs(&[]));
        assert_eq!(read("a/m={m}/*.csv", "a/m=2011-06/x.csv").unwrap(), pairs(&[("m", "2011-06")]));
        assert_eq!(read("a/m={m}/*.csv", "a/m=2011-06/.csv").unwrap(), pairs(&[("m", "2011-06")]));
        assert_eq!(read("a/{x}-{y}.csv", "a/1-2-3.csv").unwrap(), pairs(&[("x", "1"), ("y", "2-3")]));
        assert_eq!(read("a/{x}-{y}.csv", "a/--3.csv").unwrap(), pairs(&[("x", "-"), ("y", "3")]));
        assert_eq!(read("a/{x}", "a/é+ü m").unwrap(), pairs(&[("x", "é+ü m")]));
    }

    #[test]
    fn neither_a_slash_nor_an_empty_value_is_taken() {
        for (pattern, key) in [
            ("a/m={m}/*.csv", "a/m=/x.csv"),
            ("a/m={m}/*.csv", "a/m=1/b/x.csv"),
            ("a/m={m}/*.csv", "a/m=1"),
            ("a/m={m}/*.csv", "b/m=1/x.csv"),
            ("a/*", "a"),
            ("a/x*x", "a/x"),
            ("a/b", "a/b/"),
            ("a/b", "a/B"),
        ] {
            assert_eq!(read(pattern, key), None, "{pattern} {key}");
        }
    }

    #[test]
    fn what_could_match_nothing_or_in_two_ways_is_refused() {
        let many: Vec<String> = (0..17).map(|n| format!("-{{n{n}}}")).collect();
        let many = many.concat();
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            "*",
            "{x}/a",
            "*/a",
            "a/{x}{y}",
            "a/{x}*",
            "a/**",
            "a/{x}/{x}",
            "a/{",
            "a/}",
            "a/{X}",
            "a/{}",
            "a/{a b}",
            "a/{x",
            &many,
            &"a".repeat(1025),
        ] {
            assert!(KeyPattern::parse(bad).is_err(), "{bad}");
        }
    }

    /// Pieces of a pattern, and a key that is made of it: its values can be found again in it.
    fn pattern_and_key() -> impl Strategy<Value = (String, String)> {
        let segment = prop_oneof![
            "[a-c=.]{1,4}".prop_map(|text| (text.clone(), text)),
            ("[a-c]{1,2}=", "[^/{}*]{1,6}", "[.][a-c]{0,3}").prop_map(|(before, value, after)| (
                format!("{before}{{x}}{after}"),
                format!("{before}{value}{after}")
            )),
            ("[a-c]{0,2}", "[a-c.]{0,6}")
                .prop_map(|(before, value)| (format!("{before}*"), format!("{before}{value}"))),
        ];
        proptest::collection::vec(segment, 1..5).prop_map(|segments| {
            let (mut pattern, mut key) = ("root".to_owned(), "root".to_owned());
            for (index, (part, text)) in segments.into_iter().enumerate() {
                pattern.push('/');
                pattern.push_str(&part.replace("{x}", &format!("{{x{index}}}")));
                key.push('/');
                key.push_str(&text);
            }
            (pattern, key)
        })
    }

    /// The key with its values put back into the pattern, where it has no `*`.
    fn put_back(pattern: &str, values: &BTreeMap<&str, &str>) -> String {
        values.iter().fold(pattern.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(pattern in ".{0,40}", key in ".{0,40}") {
            if let Ok(pattern) = KeyPattern::parse(&pattern) {
                let _ = pattern.values(&key);
            }
        }

        #[test]
        fn a_key_that_is_made_of_a_pattern_matches_it((pattern, key) in pattern_and_key()) {
            let parsed = KeyPattern::parse(&pattern).unwrap();
            let values = parsed.values(&key);
            prop_assert!(values.is_some(), "{pattern} {key}");
            let values = values.unwrap();
            prop_assert!(values.values().all(|value| !value.is_empty() && !value.contains('/')));
            if !pattern.contains('*') {
                prop_assert_eq!(put_back(&pattern, &values), key);
            }
        }

        #[test]
        fn a_key_with_one_more_or_one_less_segment_does_not((pattern, key) in pattern_and_key()) {
            let parsed = KeyPattern::parse(&pattern).unwrap();
            let longer = format!("{key}/more");
            prop_assert!(parsed.values(&longer).is_none());
            let shorter = key.rsplit_once('/').unwrap().0;
            prop_assert!(parsed.values(shorter).is_none());
        }
    }
}
