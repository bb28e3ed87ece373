//! The deployment template as JSON, its short intrinsics (`!Ref`) spelled out as CloudFormation reads them.

use std::{fs, path::Path};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// `template.yaml` at the root of the workspace.
pub struct Template(pub Value);

impl Template {
    pub fn load() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let documents = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(documents.len(), 1, "one document");
        Self(json(&documents[0]))
    }

    /// Properties of a resource, or null.
    pub fn properties(&self, id: &str) -> &Value {
        &self.0["Resources"][id]["Properties"]
    }

    /// Logical ids and properties of every resource of a type; there is at least one.
    pub fn all(&self, kind: &str) -> Vec<(&str, &Value)> {
        let found: Vec<_> = entries(&self.0["Resources"])
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id, &resource["Properties"]))
            .collect();
        assert!(!found.is_empty(), "no {kind}");
        found
    }

    /// The figure that holds where the operator changes nothing: a literal or a parameter's default.
    pub fn number(&self, value: &Value) -> i64 {
        let value = value["Ref"].as_str().map_or(value, |name| &self.0["Parameters"][name]["Default"]);
        value.as_i64().unwrap_or_else(|| panic!("not a number: {value}"))
    }
}

/// The pairs of an object; none of anything else.
pub fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// A list, or the one thing that stands for a list of one.
pub fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// `!GetAtt resource.attribute`.
pub fn attribute(resource: &str, attribute: &str) -> Value {
    json!({"Fn::GetAtt": [resource, attribute]})
}

fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(pairs) => Value::Object(pairs.iter().map(|(key, value)| (key_text(key), json(value))).collect()),
        Yaml::Tagged(tag, value) => intrinsic(&tag.suffix, json(value)),
        other => panic!("CloudFormation knows no such YAML: {other:?}"),
    }
}

fn key_text(key: &Yaml) -> String {
    key.as_str().map_or_else(|| panic!("not a key: {key:?}"), ToOwned::to_owned)
}

fn intrinsic(name: &str, argument: Value) -> Value {
    let (name, argument) = match (name, argument) {
        ("Ref" | "Condition", argument) => (name.to_owned(), argument),
        ("GetAtt", Value::String(text)) => {
            let parts: Vec<&str> = text.splitn(2, '.').collect();
            ("Fn::GetAtt".to_owned(), json!(parts))
        }
        (_, argument) => (format!("Fn::{name}"), argument),
    };
    Value::Object(Map::from_iter([(name, argument)]))
}
