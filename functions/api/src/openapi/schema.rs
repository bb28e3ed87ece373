//! JSON Schema in a few words. Names, enumerations and bounds are handed in by the code that they hold for.

#![allow(clippy::needless_pass_by_value, reason = "schemas are put into one another; `json!` only borrows them")]

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

/// A JSON Schema (2020-12), as OpenAPI 3.1 has them.
pub type Schema = Value;

/// The schema of that name among the document's components.
pub fn component(name: &str) -> Schema {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The same with a sentence or two for people.
pub fn described(mut schema: Schema, description: &str) -> Schema {
    schema["description"] = json!(description);
    schema
}

/// The same with what it is unless given.
pub fn defaulted(mut schema: Schema, value: impl Into<Value>) -> Schema {
    schema["default"] = value.into();
    schema
}

/// The same or `null`.
pub fn nullable(mut schema: Schema) -> Schema {
    let Some(kind) = schema.get("type").cloned() else { return json!({ "anyOf": [schema, { "type": "null" }] }) };
    if let (Some(names), false) = (schema.get_mut("enum").and_then(Value::as_array_mut), kind.is_array()) {
        names.push(Value::Null);
    }
    if let Value::String(kind) = kind {
        schema["type"] = json!([kind, "null"]);
    }
    schema
}

/// Any text.
pub fn text() -> Schema {
    json!({ "type": "string" })
}

/// A text of 1 to `most` bytes. JSON Schema counts characters: of other than ASCII there must be fewer.
pub fn bytes(most: usize) -> Schema {
    json!({ "type": "string", "minLength": 1, "maxLength": most })
}

/// A text of that regular expression.
pub fn pattern(expression: &str) -> Schema {
    json!({ "type": "string", "pattern": expression })
}

/// A text of a format that JSON Schema knows.
pub fn format(name: &str) -> Schema {
    json!({ "type": "string", "format": name })
}

/// A time as it is shown: RFC 3339, UTC.
pub fn time() -> Schema {
    format("date-time")
}

/// An id of ours, `req_` and the like.
pub fn id(prefix: &str) -> Schema {
    pattern(&format!("^{prefix}_[0-9a-f]{{32}}$"))
}

/// One of a few names.
pub fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> Schema {
    json!({ "type": "string", "enum": all.into_iter().collect::<Vec<_>>() })
}

/// This text and no other.
pub fn exactly(text: &str) -> Schema {
    json!({ "type": "string", "const": text })
}

/// True or false.
pub fn flag() -> Schema {
    json!({ "type": "boolean" })
}

/// A whole number within bounds.
pub fn whole<T: Into<u64> + Copy>(bounds: RangeInclusive<T>) -> Schema {
    let (least, most): (u64, u64) = ((*bounds.start()).into(), (*bounds.end()).into());
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

/// A number of things: 0 or more.
pub fn count() -> Schema {
    json!({ "type": "integer", "minimum": 0 })
}

/// SHA-256, in lower-case hex.
pub fn sha256() -> Schema {
    pattern("^[0-9a-f]{64}$")
}

/// A list.
pub fn list_of(of: Schema) -> Schema {
    json!({ "type": "array", "items": of })
}

/// A list of at most so many.
pub fn list_of_at_most(of: Schema, most: usize) -> Schema {
    json!({ "type": "array", "items": of, "maxItems": most })
}

/// An object of values by names that are not known ahead.
pub fn map_of(of: Schema) -> Schema {
    json!({ "type": "object", "additionalProperties": of })
}

/// Anything.
pub fn any() -> Schema {
    json!({})
}

/// An object that a caller sends: these fields and no others. What is not required may be `null`, which counts as not
/// given. `of` describes a field by its name; one that it does not know stays `null`, which a test refuses.
pub fn sent(fields: &[&str], required: &[&str], of: impl Fn(&str) -> Schema) -> Schema {
    let property = |name: &&str| {
        let schema = of(name);
        let open = !schema.is_null() && !required.contains(name);
        ((*name).to_owned(), if open { nullable(schema) } else { schema })
    };
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// An object that is answered with: these fields are always there. There may come further ones.
pub fn shown<const N: usize>(fields: [(&str, Schema); N]) -> Schema {
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": required, "properties": properties(fields) })
}

/// The same with fields that are there where there is something to tell.
pub fn and_perhaps<const N: usize>(mut schema: Schema, fields: [(&str, Schema); N]) -> Schema {
    if let Some(known) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        known.extend(properties(fields));
    }
    schema
}

/// The same with further fields that are always there.
pub fn and<const N: usize>(mut schema: Schema, fields: [(&str, Schema); N]) -> Schema {
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.extend(fields.iter().map(|(name, _)| json!(name)));
    }
    and_perhaps(schema, fields)
}

/// A page of a list, and the cursor that goes on.
pub fn page_of(name: &str, of: Schema) -> Schema {
    let cursor = described(nullable(text()), "Goes on after this page; null: there is no more.");
    shown([(name, list_of(of)), ("next_cursor", cursor)])
}

fn properties<const N: usize>(fields: [(&str, Schema); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_required_may_be_null() {
        let schema = sent(&["a", "b", "c"], &["a"], |name| if name == "c" { component("C") } else { names(["x"]) });
        assert_eq!(schema["properties"]["a"], json!({ "type": "string", "enum": ["x"] }));
        assert_eq!(schema["properties"]["b"], json!({ "type": ["string", "null"], "enum": ["x", null] }));
        assert_eq!(schema["properties"]["c"]["anyOf"][1], json!({ "type": "null" }));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["required"], json!(["a"]));
    }
}
