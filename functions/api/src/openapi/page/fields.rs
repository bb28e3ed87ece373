//! Schemas of the page: what an object has, and of what kind it is.

use serde_json::Value;

use super::text::{code, escape, json_text, prose};

/// Objects within objects are shown so far; what is deeper is to be found in the document.
const DEPTH: usize = 6;

/// The fields of a schema; nothing for one that has none.
pub fn list(document: &Value, schema: &Value) -> String {
    within(document, schema, 0)
}

/// An answer: what it means, its headers, and its fields.
pub fn answer(document: &Value, answer: &Value) -> String {
    if let Some(name) = reference(answer) {
        return self::answer(document, &document["components"]["responses"][name]);
    }
    let mut shown = prose(answer["description"].as_str().unwrap_or_default());
    let headers = answer["headers"].as_object().into_iter().flatten();
    let headers: Vec<String> =
        headers.filter(|(name, _)| *name != "X-Request-Id").map(|(name, _)| code(name)).collect();
    if !headers.is_empty() {
        shown.extend([format!("<p><small>Headers: {}</small></p>", headers.join(", "))]);
    }
    for (media_type, content) in answer["content"].as_object().into_iter().flatten() {
        if media_type == "application/problem+json" {
            continue;
        }
        let fields = within(document, &content["schema"], 0);
        let summary = format!("{} <small>{}</small>", kind_in_html(&content["schema"]), escape(media_type));
        if fields.is_empty() {
            shown.extend([format!("<p>{summary}</p>")]);
        } else {
            shown.extend([format!("<details><summary>{summary}</summary>{fields}</details>")]);
        }
        if let Some(example) = content.get("example") {
            shown.extend([format!("<pre>{}</pre>", escape(&json_text(example)))]);
        }
    }
    shown
}

fn within(document: &Value, schema: &Value, depth: usize) -> String {
    if depth > DEPTH {
        return String::new();
    }
    if let Some(name) = reference(schema) {
        // The first one is shown, and others where they stand.
        let named = &document["components"]["schemas"][name];
        return if depth == 0 { within(document, named, depth + 1) } else { String::new() };
    }
    let mut shown = String::new();
    if let Some(properties) = schema["properties"].as_object() {
        let required = schema["required"].as_array();
        let items = properties.iter().map(|(name, field)| {
            let must = required.is_some_and(|required| required.iter().any(|one| one == name));
            let must = if must { " <i>required</i>" } else { "" };
            let about = prose(field["description"].as_str().unwrap_or_default());
            format!(
                "<li>{} {}{must}{about}{}</li>",
                code(name),
                kind_in_html(field),
                within(document, field, depth + 1)
            )
        });
        shown.extend([format!("<ul class=\"fields\">{}</ul>", items.collect::<String>())]);
    }
    for inner in [&schema["items"], &schema["additionalProperties"]] {
        shown.push_str(&within(document, inner, depth + 1));
    }
    for choice in ["oneOf", "anyOf", "allOf"].iter().filter_map(|name| schema[*name].as_array()).flatten() {
        shown.push_str(&within(document, choice, depth + 1));
    }
    shown
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn kind_in_html(schema: &Value) -> String {
    let kind = escape(&kind(schema));
    match reference(schema).or_else(|| reference(&schema["items"])).or_else(|| reference(&schema["anyOf"][0])) {
        Some(name) => format!("<a class=\"kind\" href=\"#{name}\">{kind}</a>"),
        None => format!("<span class=\"kind\">{kind}</span>"),
    }
}

/// Of what kind a schema is, in a few words.
pub fn kind(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter(|value| !value.is_null());
        return values
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" | ");
    }
    for name in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[name].as_array() {
            let kinds: Vec<String> = choices.iter().filter(|one| one["type"] != "null").map(kind).collect();
            let alike = kinds.windows(2).all(|pair| pair[0] == pair[1]);
            return if alike {
                format!("one of {} shapes", kinds.len()).replace("one of 1 shapes", &kinds.concat())
            } else {
                kinds.join(" or ")
            };
        }
    }
    let name = match &schema["type"] {
        Value::String(name) => name.as_str(),
        Value::Array(names) => names.first().and_then(Value::as_str).unwrap_or("any"),
        _ => "any",
    };
    let bounds = bounds(schema);
    match name {
        "array" => format!("list of {}{bounds}", kind(&schema["items"])),
        "string" => format!("{}{bounds}", schema["format"].as_str().unwrap_or("text")),
        "any" => "anything".to_owned(),
        name => format!("{name}{bounds}"),
    }
}

fn bounds(schema: &Value) -> String {
    let pairs =
        [("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " entries")];
    let bounds = pairs.iter().filter_map(|(least, most, unit)| match (schema.get(*least), schema.get(*most)) {
        (Some(least), Some(most)) => Some(format!(", {least}–{most}{unit}")),
        (None, Some(most)) => Some(format!(", at most {most}{unit}")),
        (Some(least), None) if *least != 0 => Some(format!(", {least} or more{unit}")),
        _ => None,
    });
    bounds.collect()
}
