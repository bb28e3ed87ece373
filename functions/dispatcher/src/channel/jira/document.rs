//! Atlassian Document Format, which Jira Cloud takes texts in.

use serde_json::{Value, json};
use waybill::domain::jira::{Line, Span, Style};

/// Paragraphs, parted by empty lines; lines within one are parted by hard breaks.
pub fn of(lines: &[Line]) -> Value {
    let paragraphs: Vec<Value> = lines.split(Vec::is_empty).filter(|lines| !lines.is_empty()).map(paragraph).collect();
    json!({ "version": 1, "type": "doc", "content": paragraphs })
}

fn paragraph(lines: &[Line]) -> Value {
    let mut content: Vec<Value> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            content.push(json!({ "type": "hardBreak" }));
        }
        content.extend(line.iter().map(node));
    }
    json!({ "type": "paragraph", "content": content })
}

/// A text node, never empty. A password is marked as code, so that nothing of it becomes an emoticon or a mention.
fn node(span: &Span) -> Value {
    let mark = match span.style {
        Style::Plain => return json!({ "type": "text", "text": span.text }),
        Style::Link => json!({ "type": "link", "attrs": { "href": span.text } }),
        Style::Verbatim => json!({ "type": "code" }),
    };
    json!({ "type": "text", "text": span.text, "marks": [mark] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str, style: Style) -> Span {
        Span { text: text.to_owned(), style }
    }

    #[test]
    fn lines_become_paragraphs_and_breaks() {
        let lines = [
            vec![],
            vec![span("a", Style::Plain)],
            vec![span("https://x", Style::Link), span(".", Style::Plain)],
            vec![],
            vec![],
            vec![span("p_*ss", Style::Verbatim)],
            vec![],
        ];
        let expected = json!({ "version": 1, "type": "doc", "content": [
            { "type": "paragraph", "content": [
                { "type": "text", "text": "a" },
                { "type": "hardBreak" },
                { "type": "text", "text": "https://x", "marks": [{ "type": "link", "attrs": { "href": "https://x" } }] },
                { "type": "text", "text": "." },
            ] },
            { "type": "paragraph", "content": [
                { "type": "text", "text": "p_*ss", "marks": [{ "type": "code" }] },
            ] },
        ] });
        assert_eq!(of(&lines), expected);
        assert_eq!(of(&[])["content"], json!([]), "nothing is a document too");
    }
}
