//! Texts with names in them, `{{data.reportId}}`, that become what is told.
//!
//! Jira's texts are no HTML, so values stand in them as they are, and each target escapes for itself. A line none of
//! whose names has a value is left out: what an archive without a password has no use for disappears by itself.

use std::collections::BTreeMap;

/// Every name, as Eclipse's templates write them and then some.
pub const VARIABLES: [&str; 15] = [
    "data.reportId",
    "data.reportUrl",
    "data.password",
    "data.linkExpiryDays",
    "data.linkExpiresAt",
    "data.passwordNote",
    "data.requestId",
    "data.deliveryId",
    "data.requestedAt",
    "data.fileName",
    "data.rows",
    "data.failedChecks",
    "data.failureCode",
    "data.failureDetail",
    "data.nextAction",
];

/// A text that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// A name that nothing has.
    #[error("there is no {{{{{name}}}}}; known are {}", VARIABLES.join(", "))]
    Unknown {
        /// As it stands there.
        name: String,
    },
    /// Braces that open and do not close.
    #[error("a {{{{ is not closed by }}}} in the same line")]
    Unclosed,
    /// Nothing but spaces.
    #[error("must not be empty")]
    Empty,
}

/// A template, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Vec<Piece>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(&'static str),
}

/// How a piece of text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// As text.
    Plain,
    /// As a link to itself.
    Link,
    /// Character by character, as a password is copied.
    Verbatim,
}

/// A piece of text that is shown alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Never empty.
    pub text: String,
    /// How.
    pub style: Style,
}

/// A line; an empty one parts paragraphs.
pub type Line = Vec<Span>;

/// Values by name.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<&'static str, Span>);

impl Values {
    /// Sets a value; an empty text is none.
    pub fn set(&mut self, name: &'static str, text: impl Into<String>, style: Style) {
        debug_assert!(VARIABLES.contains(&name), "{name}");
        let text = printable(&text.into());
        if !text.is_empty() {
            self.0.insert(name, Span { text, style });
        }
    }
}

/// Values are one line: what breaks or hides text becomes a space.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// The first [`TemplateFault`].
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        if text.trim().is_empty() {
            return Err(TemplateFault::Empty);
        }
        text.lines().map(pieces).collect::<Result<_, _>>().map(Self)
    }

    /// One of the product's own, which the tests know to be right.
    pub(super) fn built_in(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self(vec![vec![Piece::Text(text.to_owned())]]))
    }

    /// The lines, with values in the places of names.
    pub fn render(&self, values: &Values) -> Vec<Line> {
        self.0.iter().filter_map(|pieces| line(pieces, values)).collect()
    }

    /// All in one line of at most `most` characters.
    pub fn render_line(&self, values: &Values, most: usize) -> String {
        let lines = self.render(values).into_iter().filter(|line| !line.is_empty());
        let lines = lines.map(|line| line.into_iter().map(|span| span.text).collect::<String>());
        let text = lines.collect::<Vec<_>>().join(" ");
        text.chars().take(most).collect()
    }
}

fn pieces(line: &str) -> Result<Vec<Piece>, TemplateFault> {
    let (mut pieces, mut rest) = (Vec::new(), line);
    while let Some((before, after)) = rest.split_once("{{") {
        push_text(&mut pieces, before);
        let (name, after) = after.split_once("}}").ok_or(TemplateFault::Unclosed)?;
        // Mustache's way to say that a value is not to be escaped; here none is.
        let (name, after) = match (name.strip_prefix('{'), after.strip_prefix('}')) {
            (Some(name), Some(after)) => (name, after),
            _ => (name, after),
        };
        let known = VARIABLES.into_iter().find(|known| *known == name.trim());
        pieces.push(Piece::Name(known.ok_or_else(|| TemplateFault::Unknown { name: name.trim().to_owned() })?));
        rest = after;
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

/// None where it has names, and none of them a value.
fn line(pieces: &[Piece], values: &Values) -> Option<Line> {
    let mut names = pieces.iter().filter_map(|piece| if let Piece::Name(name) = piece { Some(name) } else { None });
    let has_names = names.clone().next().is_some();
    if has_names && !names.any(|name| values.0.contains_key(name)) {
        return None;
    }
    let spans = pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(Span { text: text.clone(), style: Style::Plain }),
        Piece::Name(name) => values.0.get(name).cloned(),
    });
    Some(spans.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.set("data.reportId", "invoice_lines", Style::Plain);
        values.set("data.reportUrl", "https://b/k?X=1&Y=2", Style::Link);
        values.set("data.password", "", Style::Verbatim);
        values
    }

    fn rendered(text: &str) -> Vec<String> {
        let lines = Template::parse(text).unwrap().render(&values());
        lines.into_iter().map(|line| line.into_iter().map(|span| span.text).collect()).collect()
    }

    #[test]
    fn names_become_values_as_they_are() {
        assert_eq!(
            rendered("Report {{data.reportId}}: {{ data.reportUrl }}."),
            ["Report invoice_lines: https://b/k?X=1&Y=2."]
        );
        assert_eq!(rendered("{{{data.reportUrl}}}"), ["https://b/k?X=1&Y=2"], "Mustache's other form");
        assert_eq!(rendered("no names } here {"), ["no names } here {"]);
    }

    #[test]
    fn a_line_without_any_value_is_left_out() {
        assert_eq!(rendered("a\nPassword: {{data.password}}\n\nb"), ["a", "", "b"]);
        assert_eq!(rendered("{{data.reportId}} {{data.password}}"), ["invoice_lines "], "one of them has");
    }

    #[test]
    fn what_is_no_template_says_why() {
        let fault = |text: &str| Template::parse(text).unwrap_err();
        for (text, name) in
            [("{{data.secret}}", "data.secret"), ("{{#data.rows}}x", "#data.rows"), ("{{}}", ""), ("{{ {{a}}", "{{a")]
        {
            assert_eq!(fault(text), TemplateFault::Unknown { name: name.to_owned() }, "{text}");
        }
        assert_eq!(fault("a {{data.rows"), TemplateFault::Unclosed);
        assert_eq!(fault("{{data.\nrows}}"), TemplateFault::Unclosed);
        assert_eq!((fault(""), fault(" \n ")), (TemplateFault::Empty, TemplateFault::Empty));
        assert!(fault("{{x}}").to_string().starts_with("there is no {{x}}; known are data.reportId,"));
    }

    #[test]
    fn a_summary_is_one_line_of_what_jira_takes() {
        let template = Template::parse("Report {{data.reportId}}\n\n{{data.password}}\tis ready").unwrap();
        assert_eq!(template.render_line(&values(), 255), "Report invoice_lines");
        assert_eq!(Template::parse("äöü").unwrap().render_line(&values(), 2), "äö");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\{\\{|\\}\\}|data\\.rows|[ -~\n]|\\PC){0,60}") {
            if let Ok(template) = Template::parse(&text) {
                let lines = template.render(&values());
                prop_assert!(lines.iter().flatten().all(|span| !span.text.is_empty()));
                prop_assert!(!template.render_line(&values(), 255).chars().any(char::is_control));
            }
        }
    }
}
