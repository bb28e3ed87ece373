//! The tags of a template, with their places.

use std::ops::Range;

use super::TemplateFault;

/// Sections within sections at most.
const MAX_DEPTH: usize = 16;

/// What a tag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value.
    Variable,
    /// A value in whatever form: `{{{x}}}` or `{{&x}}`.
    Raw,
    /// `{{#x}}`.
    Section,
    /// `{{^x}}`.
    Inverted,
    /// `{{/x}}`.
    End,
    /// `{{! … }}`.
    Comment,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// What it does.
    pub kind: Kind,
    /// Of what; empty in a comment.
    pub name: &'a str,
    /// Its bytes, with the braces.
    pub span: Range<usize>,
}

/// Finds the tags, in order. Only the first fault of syntax is told: what comes after it may be meant otherwise.
pub(super) fn tags(text: &str) -> Result<Vec<Tag<'_>>, Vec<TemplateFault>> {
    let (mut tags, mut open, mut from) = (Vec::new(), Vec::<&str>::new(), 0);
    while let Some(start) = text[from..].find("{{").map(|at| from + at) {
        let tag = tag(text, start)?;
        from = tag.span.end;
        match tag.kind {
            Kind::Section | Kind::Inverted => open.push(tag.name),
            Kind::End if open.last() == Some(&tag.name) => _ = open.pop(),
            Kind::End => {
                let detail = match open.last() {
                    Some(name) => format!("{{{{/{}}}}} ends nothing: {{{{/{name}}}}} must come first.", tag.name),
                    None => format!("{{{{/{}}}}} ends nothing: no section is open.", tag.name),
                };
                return Err(vec![fault(text, start, "syntax", detail)]);
            }
            Kind::Variable | Kind::Raw | Kind::Comment => {}
        }
        if open.len() > MAX_DEPTH {
            let detail = format!("Sections may stand {MAX_DEPTH} deep within each other.");
            return Err(vec![fault(text, start, "too_deep", detail)]);
        }
        tags.push(tag);
    }
    match open.last() {
        None => Ok(tags),
        Some(name) => {
            let at =
                tags.iter().rfind(|tag| tag.name == *name && tag.kind != Kind::End).map_or(0, |tag| tag.span.start);
            let detail = format!("The section of {name} does not end: {{{{/{name}}}}} is missing.");
            Err(vec![fault(text, at, "syntax", detail)])
        }
    }
}

/// The tag whose braces begin there.
fn tag(text: &str, start: usize) -> Result<Tag<'_>, Vec<TemplateFault>> {
    let refuse = |code, detail: &str| Err(vec![fault(text, start, code, detail.to_owned())]);
    let inner = &text[start + 2..];
    let sigil = inner.chars().next();
    let (kind, skip, close) = match sigil {
        Some('{') => (Kind::Raw, 1, "}}}"),
        Some('&') => (Kind::Raw, 1, "}}"),
        Some('#') => (Kind::Section, 1, "}}"),
        Some('^') => (Kind::Inverted, 1, "}}"),
        Some('/') => (Kind::End, 1, "}}"),
        Some('!') => (Kind::Comment, 1, "}}"),
        Some('>' | '<' | '$') => return refuse("unsupported", "Partials, parents and blocks are not supported."),
        Some('=') => return refuse("unsupported", "Other delimiters than {{ and }} are not supported."),
        _ => (Kind::Variable, 0, "}}"),
    };
    let Some(length) = inner[skip..].find(close) else {
        return refuse("syntax", "A tag begins here and does not end.");
    };
    let span = start..start + 2 + skip + length + close.len();
    let name = inner[skip..skip + length].trim();
    if kind == Kind::Comment {
        return Ok(Tag { kind, name: "", span });
    }
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !name.split('.').all(part) {
        return refuse("syntax", "A name has letters, digits and _, with dots between its parts.");
    }
    Ok(Tag { kind, name, span })
}

/// Tags whose names nobody knows. Within a section of `data`, what is in it can be named without it.
pub(super) fn unknown(text: &str, tags: &[Tag<'_>], is_known: fn(&str) -> bool) -> Vec<TemplateFault> {
    let mut open: Vec<(&str, Kind)> = Vec::new();
    let mut faults = Vec::new();
    for tag in tags {
        if tag.kind == Kind::End {
            open.pop();
            continue;
        }
        let within = open.iter().any(|(name, kind)| *name == "data" && *kind == Kind::Section);
        let known = is_known(tag.name) || (within && is_known(&format!("data.{}", tag.name)));
        if tag.kind != Kind::Comment && !known {
            let detail = format!("There is no variable {}.", tag.name);
            faults.push(fault(text, tag.span.start, "unknown_variable", detail));
        }
        if matches!(tag.kind, Kind::Section | Kind::Inverted) {
            open.push((tag.name, tag.kind));
        }
    }
    faults
}

fn fault(text: &str, at: usize, code: &'static str, detail: String) -> TemplateFault {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    TemplateFault { line, column, code, detail }
}
