//! Mustache templates of mails: judged before they are used, rendered within bounds.
//!
//! The library renders; what it is given is looked at first ([`scan`]), because it would let a name that nobody knows
//! pass for an empty text, follow partials, and go as deep as a template nests.

mod scan;

use std::{borrow::Cow, fmt};

use mustache2::{
    Data,
    render::{RenderManager, SourceCache, provider::SourceProvider},
};

use self::scan::{Kind, Tag};
use super::values;

/// Largest template, in bytes.
pub const MAX_TEMPLATE: usize = 64 * 1024;

/// Largest text that is made of one, in bytes.
const MAX_RENDERED: usize = 256 * 1024;

/// How values come into the text, whatever the tag says: `{{x}}`, `{{{x}}}` and `{{&x}}` are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escaping {
    /// `&`, `<`, `>` and `"` as entities: a value is text, never markup, also within an attribute in double quotes.
    Html,
    /// As they are.
    Plain,
}

/// One thing wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Stable code: `syntax`, `unsupported`, `unknown_variable`, `too_large`, `too_deep`, `not_renderable`.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.detail)
    }
}

/// A text that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// It would be larger than a mail's part may be.
    #[error("the text would be larger than {MAX_RENDERED} bytes")]
    TooLarge,
    /// The library's own word.
    #[error("{0}")]
    Library(String),
}

/// A template that can be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Judges a template; every fault at once, as far as they can be told apart.
    pub fn parse(text: &str, escaping: Escaping) -> Result<Self, Vec<TemplateFault>> {
        if text.len() > MAX_TEMPLATE {
            let detail = format!("A template has at most {MAX_TEMPLATE} bytes.");
            return Err(vec![TemplateFault { line: 1, column: 1, code: "too_large", detail }]);
        }
        let tags = scan::tags(text)?;
        let faults: Vec<TemplateFault> = scan::unknown(text, &tags, values::is_known);
        if !faults.is_empty() {
            return Err(faults);
        }
        let template = Self(uniform(text, &tags, escaping));
        // What the scan lets pass and the library does not would otherwise show when a mail is due.
        match template.render(values::sample()) {
            Ok(_) => Ok(template),
            Err(error) => {
                let detail = format!("It cannot be rendered: {error}.");
                Err(vec![TemplateFault { line: 1, column: 1, code: "not_renderable", detail }])
            }
        }
    }

    /// The text with the values in it.
    pub fn render(&self, values: Data) -> Result<String, RenderError> {
        let (cache, mut text) = (SourceCache::default(), Bounded(String::new()));
        let rendered = RenderManager::new(Alone(&self.0), &cache).render_to(&mut text, (), values);
        match rendered {
            Ok(()) => Ok(text.0),
            Err(_) if text.0.len() >= MAX_RENDERED => Err(RenderError::TooLarge),
            Err(error) => Err(RenderError::Library(error.message.into_owned())),
        }
    }
}

/// The template with every variable written in the one form that its part wants, and with comments that say nothing: in
/// what they say the library takes bytes for characters.
fn uniform(text: &str, tags: &[Tag<'_>], escaping: Escaping) -> String {
    let (mut uniform, mut from) = (String::with_capacity(text.len()), 0);
    for tag in tags {
        let begins = match (tag.kind, escaping) {
            (Kind::Comment, _) => "{{!",
            (Kind::Variable | Kind::Raw, Escaping::Html) => "{{",
            (Kind::Variable | Kind::Raw, Escaping::Plain) => "{{&",
            (Kind::Section | Kind::Inverted | Kind::End, _) => continue,
        };
        uniform.push_str(&text[from..tag.span.start]);
        uniform.push_str(begins);
        uniform.push_str(tag.name);
        uniform.push_str("}}");
        from = tag.span.end;
    }
    uniform.push_str(&text[from..]);
    uniform
}

/// The one template, and no partials.
struct Alone<'a>(&'a str);

impl SourceProvider for Alone<'_> {
    type Key = ();

    fn get_src(&mut self, (): &()) -> Result<String, Cow<'static, str>> {
        Ok(self.0.to_owned())
    }

    fn resolve_partial(&self, (): &(), _: &str) {}

    fn display_key((): &()) -> Cow<'_, str> {
        Cow::Borrowed("template")
    }
}

/// A text that takes no more than it may hold.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_RENDERED - self.0.len();
        if text.len() > room {
            self.0.push_str(&" ".repeat(room));
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
