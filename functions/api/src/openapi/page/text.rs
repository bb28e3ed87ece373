//! Text of the page.

use serde_json::Value;

/// Text as it is, in HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A name.
pub fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// The little of Markdown that descriptions have: paragraphs, lists, and names in backticks.
pub fn prose(text: &str) -> String {
    let blocks = text.split("\n\n").filter(|block| !block.is_empty()).map(|block| {
        if block.starts_with("- ") {
            let items = block.split("\n- ").map(|item| format!("<li>{}</li>", spans(item.trim_start_matches("- "))));
            format!("<ul>{}</ul>", items.collect::<String>())
        } else {
            format!("<p>{}</p>", spans(block))
        }
    });
    blocks.collect()
}

/// Every second piece between backticks is a name.
fn spans(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    pieces.map(|(index, piece)| if index % 2 == 1 { code(piece) } else { escape(piece) }).collect()
}

/// An example: on one line where it is short. A `'` would end the shell's quotes.
pub fn json_text(value: &Value) -> String {
    let short = value.to_string();
    let text = if short.len() <= 80 { short } else { serde_json::to_string_pretty(value).unwrap_or(short) };
    text.replace('\'', "'\\''")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_become_html() {
        assert_eq!(
            prose("a `<b>` c\n\n- d\n- `e`"),
            "<p>a <code>&lt;b&gt;</code> c</p><ul><li>d</li><li><code>e</code></li></ul>"
        );
    }
}
