//! Triggers against the definitions of the reports that they name.

use serde_json::{Map, Value as Json};

use super::{ObjectTrigger, Triggers};
use crate::domain::definition::{Definition, parse::Fault};

impl Triggers {
    /// What cannot be, by the definitions that there are: reports that do not exist, parameters that a report has not or
    /// that it lacks. Values are only known once an object has come.
    pub fn faults_by(&self, definitions: &[Definition], file_name: &str) -> Vec<Fault> {
        let reasons = self.objects.iter().flat_map(|trigger| {
            let reasons = trigger.faults_by(definitions);
            reasons.into_iter().map(|reason| Fault { file: file_name.to_owned(), line: trigger.line, reason })
        });
        reasons.collect()
    }
}

impl ObjectTrigger {
    fn faults_by(&self, definitions: &[Definition]) -> Vec<String> {
        let id = self.request["report"].as_str().unwrap_or_default();
        let Some(definition) = definitions.iter().find(|definition| definition.id == id) else {
            return vec![format!("`{}` asks for the report `{id}`, which is not there", self.id)];
        };
        let none = Map::new();
        let given = self.request["parameters"].as_object().unwrap_or(&none);
        let known = |name: &str| definition.parameters.iter().any(|parameter| parameter.name == name);
        let unknown = given.keys().filter(|name| !known(name));
        let unknown = unknown.map(|name| format!("`{}` gives `{name}`, which `{id}` has not", self.id));
        let lacks = |name: &str| given.get(name).is_none_or(Json::is_null);
        let missing = definition.parameters.iter().filter(|parameter| parameter.required && lacks(&parameter.name));
        let missing = missing.map(|parameter| format!("`{}` lacks `{}`, which `{id}` needs", self.id, parameter.name));
        unknown.chain(missing).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{domain::definition::parse::parse as definition, trigger::parse::parse};

    const REPORT: &str = r#"
id = "r"
version = 1
title = "R"
formats = ["csv"]
sql = "SELECT a FROM t WHERE a = $n"
[datasets.t]
location = "t/tenant={tenant}/"
source = "csv"
binding = { kind = "path" }
[parameters.n]
type = "integer"
required = true
[[columns]]
name = "a"
type = "integer"
"#;

    #[test]
    fn a_trigger_asks_for_what_there_is() {
        let definitions = [definition("r.toml", REPORT).unwrap()];
        let faults = |request: &str| {
            let text = format!(
                "[[objects]]\nname = \"a\"\nbucket = \"bbb\"\nkey = \"k/{{n}}\"\ntenants = [\"t\"]\nrequest = {request}\n"
            );
            let faults = parse("f.toml", &text).unwrap().faults_by(&definitions, "f.toml");
            faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(faults(r#"{ report = "r", parameters = { n = { integer = "{n}" } } }"#), Vec::<String>::new());
        assert_eq!(faults(r#"{ report = "q" }"#), ["f.toml:1: `f/a` asks for the report `q`, which is not there"]);
        let both = faults(r#"{ report = "r", parameters = { m = 1 } }"#);
        assert_eq!(
            both,
            ["f.toml:1: `f/a` gives `m`, which `r` has not", "f.toml:1: `f/a` lacks `n`, which `r` needs"]
        );
    }
}
