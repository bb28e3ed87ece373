//! The document as a page for people: HTML that needs nothing but itself.

mod fields;
mod text;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::Value;
use waybill::digest::sha256;

use self::text::{code, escape, json_text, prose};
use super::{
    TAGS,
    operation::{Needs, Operation},
    problems,
};

/// How it looks.
const STYLE: &str = include_str!("page/style.css");

/// What the page may load: nothing but its own style.
pub fn policy() -> String {
    let style = STANDARD.encode(sha256(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page of a document with these operations.
pub fn render(document: &Value, operations: &[Operation]) -> String {
    let chapters: Vec<(&str, &str, Vec<&Operation>)> = TAGS
        .into_iter()
        .map(|(tag, about)| (tag, about, operations.iter().filter(|operation| operation.tag == tag).collect()))
        .collect();
    let mut contents = String::new();
    let mut body = String::new();
    for (tag, about, operations) in &chapters {
        contents.extend([format!("<li><a href=\"#{}\">{}</a><ul>", anchor(tag), escape(tag))]);
        body.extend([format!("<section id=\"{}\"><h2>{}</h2>{}", anchor(tag), escape(tag), prose(about))]);
        for operation in operations {
            contents.extend([format!("<li><a href=\"#{}\">{}</a></li>", operation.id, escape(operation.summary))]);
            body.push_str(&one(document, operation));
        }
        contents.push_str("</ul></li>");
        body.push_str("</section>");
    }
    let version = document["info"]["version"].as_str().unwrap_or_default();
    let about = prose(document["info"]["description"].as_str().unwrap_or_default());
    let server = document["servers"][0]["url"].as_str().unwrap_or_default();
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Waybill API</title>\
         <style>{STYLE}</style></head><body><nav aria-label=\"Contents\"><p class=\"name\">Waybill</p><ol>\
         <li><a href=\"#start\">To begin with</a></li>{contents}<li><a href=\"#codes\">Codes of problems</a></li>\
         <li><a href=\"#objects\">Objects</a></li></ol></nav><main><header id=\"start\"><h1>Waybill API <small>{}</small></h1>\
         {about}<p>The same for programs: <a href=\"openapi.json\">openapi.json</a>. In the examples:</p><pre>{}</pre></header>\
         {body}{}{}</main></body></html>",
        escape(version),
        escape(&format!("API={server}\nTOKEN=…   # a token of your issuer, or an API key")),
        codes(),
        objects(document),
    )
}

/// One operation.
fn one(document: &Value, operation: &Operation) -> String {
    let described = operation.describe();
    let mut shown = format!(
        "<article id=\"{id}\"><h3><a href=\"#{id}\">{}</a></h3><p class=\"route\"><b class=\"{}\">{}</b> <code>{}</code> {}</p>{}",
        escape(operation.summary),
        operation.method.as_str().to_ascii_lowercase(),
        operation.method,
        escape(operation.path),
        needs(operation.needs),
        prose(operation.description),
        id = operation.id,
    );
    if !operation.parameters.is_empty() {
        shown.push_str(&parameters(&operation.parameters));
    }
    if let Some(content) = operation.body.as_ref().map(|body| &body["content"]) {
        for (media_type, body) in content.as_object().into_iter().flatten() {
            shown.extend([format!("<h4>Body <small>{}</small></h4>", escape(media_type))]);
            shown.push_str(&fields::list(document, &body["schema"]));
        }
    }
    shown.extend([format!("<pre>{}</pre>", escape(&curl(operation)))]);
    shown.push_str("<h4>Answers</h4><table class=\"answers\">");
    for (status, answer) in described["responses"].as_object().into_iter().flatten() {
        shown.extend([format!("<tr><th>{status}</th><td>{}</td></tr>", fields::answer(document, answer))]);
    }
    shown.push_str("</table></article>");
    shown
}

fn needs(needs: Needs) -> String {
    match needs {
        Needs::Nothing => "<span class=\"scope\">anybody</span>".to_owned(),
        Needs::Scope(scope) => format!("<span class=\"scope\">{}</span>", scope.name()),
        Needs::Credential => "<span class=\"scope\">a credential</span>".to_owned(),
    }
}

fn parameters(parameters: &[Value]) -> String {
    let rows = parameters.iter().map(|parameter| {
        let text = |name: &str| parameter[name].as_str().unwrap_or_default();
        let required = if parameter["required"] == true { " <i>required</i>" } else { "" };
        format!(
            "<tr><th>{}</th><td>{} <small>{}</small>{required}</td><td>{}</td></tr>",
            code(text("name")),
            escape(text("in")),
            escape(&fields::kind(&parameter["schema"])),
            prose(text("description")),
        )
    });
    format!("<h4>Parameters</h4><table>{}</table>", rows.collect::<String>())
}

/// A call with the first example of the body.
fn curl(operation: &Operation) -> String {
    let mut lines = vec![match operation.method {
        Method::GET => format!("curl -sS \"$API{}\"", operation.path),
        _ => format!("curl -sS -X {} \"$API{}\"", operation.method, operation.path),
    }];
    if operation.needs != Needs::Nothing {
        lines.push("-H \"Authorization: Bearer $TOKEN\"".to_owned());
    }
    let content = operation.body.as_ref().and_then(|body| body["content"].as_object()?.iter().next());
    if let Some((media_type, body)) = content {
        lines.push(format!("-H 'Content-Type: {media_type}'"));
        if let Some(example) = body["examples"].as_object().and_then(|examples| examples.values().next()) {
            lines.push(format!("-d '{}'", json_text(&example["value"])));
        }
    }
    lines.join(" \\\n  ")
}

fn codes() -> String {
    let rows = problems::CODES.iter().map(|(status, code, meaning)| {
        format!("<tr><th>{}</th><td><code>{code}</code></td><td>{}</td></tr>", status.as_u16(), prose(meaning))
    });
    format!(
        "<section id=\"codes\"><h2>Codes of problems</h2><p>Of Waybill's own interface: switch on <code>code</code>.</p>\
         <table>{}</table></section>",
        rows.collect::<String>()
    )
}

fn objects(document: &Value) -> String {
    let schemas = document["components"]["schemas"].as_object();
    let objects = schemas.into_iter().flatten().map(|(name, schema)| {
        let about = prose(schema["description"].as_str().unwrap_or_default());
        format!(
            "<article id=\"{name}\"><h3><a href=\"#{name}\">{name}</a></h3>{about}{}</article>",
            fields::list(document, schema)
        )
    });
    format!("<section id=\"objects\"><h2>Objects</h2>{}</section>", objects.collect::<String>())
}

/// Where a chapter begins.
fn anchor(tag: &str) -> String {
    format!("chapter-{}", tag.to_ascii_lowercase().replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_operation_and_loads_nothing() {
        let (document, operations) =
            (super::super::document("https://reports.example.com"), super::super::operations());
        let page = render(&document, &operations);
        for operation in &operations {
            assert!(page.contains(&format!("<article id=\"{}\">", operation.id)), "{}", operation.id);
        }
        for loading in ["<script", "<link", "<img", "@import", "url(", " style=", " onclick"] {
            assert!(!page.contains(loading), "{loading}");
        }
        let anchors = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
        for anchor in anchors {
            assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
        }
        for tag in ["section", "article", "table", "tr", "td", "ul", "li", "details", "pre", "main", "nav"] {
            let (opened, closed) = (
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count(),
                page.matches(&format!("</{tag}>")).count(),
            );
            assert_eq!(opened, closed, "{tag}");
        }
    }
}
