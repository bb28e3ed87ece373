//! Jira's wiki markup, which a Data Center takes texts in.

use waybill::domain::jira::{Line, Span, Style};

/// What means something in wiki markup wherever it stands.
const SPECIAL: &str = "\\{}[]|*_~^+!?#";

/// The lines, with what has a meaning escaped.
pub fn of(lines: &[Line]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| line.iter().map(text).collect()).collect();
    lines.join("\n").trim().to_owned()
}

fn text(span: &Span) -> String {
    match span.style {
        Style::Plain => escaped(&span.text),
        // Our own links: what could end the bracket is percent-encoded in them.
        Style::Link => format!("[{}]", span.text),
        Style::Verbatim if span.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => span.text.clone(),
        // A block: nothing within is looked at, and it is copied as it is.
        Style::Verbatim => format!("{{noformat}}{}{{noformat}}", span.text),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, c) in text.char_indices() {
        // A backslash would escape what follows; two of them break the line. Its number stands for it.
        if c == '\\' {
            escaped.push_str("&#92;");
            continue;
        }
        // Lists and headings begin lines.
        let begins_list = c == '-' && index == 0;
        if SPECIAL.contains(c) || begins_list {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str, style: Style) -> Line {
        vec![Span { text: text.to_owned(), style }]
    }

    #[test]
    fn what_has_a_meaning_is_escaped() {
        let plain = |text: &str| of(&[line(text, Style::Plain)]);
        assert_eq!(plain("Report invoice_lines is ready."), "Report invoice\\_lines is ready.");
        assert_eq!(plain("- {code} [x|http://y] *b* !img!"), "\\- \\{code\\} \\[x\\|http://y\\] \\*b\\* \\!img\\!");
        assert_eq!(plain("a\\b"), "a&#92;b");
        assert_eq!(of(&[line("https://b/k?X=1&Y=%2F", Style::Link)]), "[https://b/k?X=1&Y=%2F]");
    }

    #[test]
    fn a_password_is_not_looked_at() {
        assert_eq!(of(&[line("aB3-9", Style::Verbatim)]), "aB3-9");
        assert_eq!(of(&[line("a{b*", Style::Verbatim)]), "{noformat}a{b*{noformat}");
        assert_eq!(of(&[line("a", Style::Plain), vec![], line("b", Style::Plain)]), "a\n\nb");
    }

    proptest! {
        #[test]
        fn plain_text_opens_no_markup(text in "[ -~]{0,40}") {
            let marked = of(&[line(&text, Style::Plain)]);
            let mut before = ' ';
            for c in marked.chars() {
                prop_assert!(!"{}[]|*_!".contains(c) || before == '\\', "{marked}");
                before = c;
            }
        }
    }
}
