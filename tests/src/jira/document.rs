//! Atlassian Document Format, judged by its published schema as far as paragraphs of text go; whatever else is in a
//! document is refused.

use serde_json::Value;

/// Why a value is no document; none if it is one.
pub fn fault(value: &Value) -> Option<String> {
    let Some(document) = value.as_object() else { return Some("not an object".to_owned()) };
    let known = ["version", "type", "content"];
    if let Some(other) = document.keys().find(|key| !known.contains(&key.as_str())) {
        return Some(format!("doc has {other}"));
    }
    if value["version"] != 1 || value["type"] != "doc" {
        return Some("not version 1 of a doc".to_owned());
    }
    let Some(blocks) = value["content"].as_array() else { return Some("no content".to_owned()) };
    blocks.iter().find_map(paragraph)
}

fn paragraph(block: &Value) -> Option<String> {
    if block["type"] != "paragraph" || !only(block, &["type", "content"]) {
        return Some(format!("not a paragraph: {block}"));
    }
    let Some(inline) = block["content"].as_array() else { return Some("a paragraph's content is no list".to_owned()) };
    inline.iter().find_map(node)
}

fn node(node: &Value) -> Option<String> {
    let refused = || Some(format!("not an inline node: {node}"));
    match node["type"].as_str() {
        Some("hardBreak") if only(node, &["type"]) => None,
        Some("text") if only(node, &["type", "text", "marks"]) => {
            // The schema asks for one character at least.
            if node["text"].as_str().is_none_or(str::is_empty) {
                return refused();
            }
            let marks = node["marks"].as_array();
            if marks.is_none() && !node["marks"].is_null() {
                return refused();
            }
            marks.into_iter().flatten().find_map(mark)
        }
        _ => refused(),
    }
}

fn mark(mark: &Value) -> Option<String> {
    let good = match mark["type"].as_str() {
        Some("code") => only(mark, &["type"]),
        Some("link") => {
            only(mark, &["type", "attrs"])
                && only(&mark["attrs"], &["href"])
                && mark["attrs"]["href"].as_str().is_some_and(|href| href.starts_with("http"))
        }
        _ => false,
    };
    (!good).then(|| format!("not a mark: {mark}"))
}

fn only(value: &Value, known: &[&str]) -> bool {
    value.as_object().is_some_and(|object| object.keys().all(|key| known.contains(&key.as_str())))
}

/// Text of a document, a line for each line; of wiki markup, itself.
pub fn text(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    for paragraph in value["content"].as_array().into_iter().flatten() {
        for node in paragraph["content"].as_array().into_iter().flatten() {
            text.push_str(if node["type"] == "hardBreak" { "\n" } else { node["text"].as_str().unwrap_or_default() });
        }
        text.push_str("\n\n");
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn doc(nodes: &Value) -> Value {
        json!({ "version": 1, "type": "doc", "content": [{ "type": "paragraph", "content": nodes }] })
    }

    #[test]
    fn only_documents_pass() {
        let link = json!({ "type": "link", "attrs": { "href": "https://a" } });
        let good = doc(&json!([
            { "type": "text", "text": "a" }, { "type": "hardBreak" }, { "type": "text", "text": "b", "marks": [link] },
        ]));
        assert_eq!(fault(&good), None);
        assert_eq!(text(&good), "a\nb");
        for bad in [
            json!("text"),
            json!({ "type": "doc", "content": [] }),
            json!({ "version": 2, "type": "doc", "content": [] }),
            json!({ "version": 1, "type": "doc", "content": [], "more": 1 }),
            json!({ "version": 1, "type": "doc", "content": [{ "type": "text", "text": "a" }] }),
            doc(&json!([{ "type": "text", "text": "" }])),
            doc(&json!([{ "type": "text", "text": "a", "marks": [{ "type": "blink" }] }])),
            doc(&json!([{ "type": "text", "text": "a", "marks": [{ "type": "link" }] }])),
            doc(&json!("a")),
        ] {
            assert!(fault(&bad).is_some(), "{bad}");
        }
    }
}
