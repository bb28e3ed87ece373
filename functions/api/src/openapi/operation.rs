//! One operation of the API, described where its handler stands.

#![allow(clippy::needless_pass_by_value, reason = "what is described is handed over; `json!` only borrows it")]

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use waybill::domain::tenant::Scope;

use super::{
    problems,
    schema::{Schema, component, described, text, whole},
};

/// What a caller must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A credential with that scope.
    Scope(Scope),
    /// A credential of the tenant's; what is asked for tells which scope.
    Credential,
}

/// An operation: a method of a path, what it takes and what it answers.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its method.
    pub method: Method,
    /// Its path, with a name in braces for each id.
    pub path: &'static str,
    /// Its name, for generated clients.
    pub id: &'static str,
    /// Its chapter.
    pub tag: &'static str,
    /// A line for people.
    pub summary: &'static str,
    /// Paragraphs for people, in Markdown.
    pub description: &'static str,
    /// What its caller must have.
    pub needs: Needs,
    /// Of path, query and headers.
    pub parameters: Vec<Value>,
    /// What is sent.
    pub body: Option<Value>,
    /// By status.
    pub answers: Vec<(StatusCode, Value)>,
    /// Codes of problems.
    pub problems: Vec<&'static str>,
    /// What it refuses with, where that is in the words of another product.
    refusal: Option<Schema>,
}

impl Operation {
    /// An operation; `names` are its id, its chapter and its summary.
    pub fn new(method: Method, path: &'static str, names: [&'static str; 3]) -> Self {
        let [id, tag, summary] = names;
        Self {
            method,
            path,
            id,
            tag,
            summary,
            description: "",
            needs: Needs::Nothing,
            parameters: vec![],
            body: None,
            answers: vec![],
            problems: vec![],
            refusal: None,
        }
    }

    /// `GET`.
    pub fn get(path: &'static str, names: [&'static str; 3]) -> Self {
        Self::new(Method::GET, path, names)
    }

    /// `POST`.
    pub fn post(path: &'static str, names: [&'static str; 3]) -> Self {
        Self::new(Method::POST, path, names)
    }

    /// `PUT`.
    pub fn put(path: &'static str, names: [&'static str; 3]) -> Self {
        Self::new(Method::PUT, path, names)
    }

    /// `DELETE`.
    pub fn delete(path: &'static str, names: [&'static str; 3]) -> Self {
        Self::new(Method::DELETE, path, names)
    }

    /// Paragraphs for people.
    #[must_use]
    pub fn about(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// A credential with that scope.
    #[must_use]
    pub fn needs(mut self, scope: Scope) -> Self {
        self.needs = Needs::Scope(scope);
        self
    }

    /// A credential of the tenant's, whatever its scopes.
    #[must_use]
    pub fn needs_a_credential(mut self) -> Self {
        self.needs = Needs::Credential;
        self
    }

    /// It refuses in the words of another product: with this.
    #[must_use]
    pub fn refuses_in_its_own_words(mut self, refusal: Schema) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// A part of the path.
    #[must_use]
    pub fn at(mut self, name: &str, schema: Schema) -> Self {
        let mut parameter = parameter("path", name, schema);
        parameter["required"] = json!(true);
        self.parameters.push(parameter);
        self
    }

    /// A parameter of the query that may be left out.
    #[must_use]
    pub fn query(mut self, name: &str, schema: Schema) -> Self {
        self.parameters.push(parameter("query", name, schema));
        self
    }

    /// A header that may be left out.
    #[must_use]
    pub fn header(mut self, name: &str, schema: Schema) -> Self {
        self.parameters.push(parameter("header", name, schema));
        self
    }

    /// `limit` and `cursor`.
    #[must_use]
    pub fn in_pages(self) -> Self {
        let limit = super::schema::defaulted(whole(crate::page::LIMITS), crate::page::DEFAULT);
        self.query("limit", described(limit, "Entries of a page, at most."))
            .query("cursor", described(text(), "`next_cursor` of the page before, with the same filters."))
    }

    /// A JSON body that must be there, with an example of it.
    #[must_use]
    pub fn body(self, schema: Schema, example: Value) -> Self {
        self.bodies(schema, json!({ "example": { "value": example } }))
    }

    /// A JSON body that must be there, with named examples: `{name: {summary?, value}}`.
    #[must_use]
    pub fn bodies(mut self, schema: Schema, examples: Value) -> Self {
        let content = json!({ "application/json": { "schema": schema, "examples": examples } });
        self.body = Some(json!({ "required": true, "content": content }));
        self
    }

    /// A JSON answer.
    #[must_use]
    pub fn answers(self, status: StatusCode, description: &str, schema: Schema) -> Self {
        self.answers_with(status, description, "application/json", schema)
    }

    /// An answer of another media type.
    #[must_use]
    pub fn answers_with(mut self, status: StatusCode, description: &str, media_type: &str, schema: Schema) -> Self {
        let content = json!({ media_type: { "schema": schema } });
        self.answers.push((status, json!({ "description": description, "content": content })));
        self
    }

    /// The answer that was described last may be of another media type too.
    #[must_use]
    pub fn or_as(mut self, media_type: &str, schema: Schema) -> Self {
        if let Some((_, answer)) = self.answers.last_mut() {
            answer["content"][media_type] = json!({ "schema": schema });
        }
        self
    }

    /// The answer that was described first may be of another media type too.
    #[must_use]
    pub fn first_or_as(mut self, media_type: &str, schema: Schema) -> Self {
        if let Some((_, answer)) = self.answers.first_mut() {
            answer["content"][media_type] = json!({ "schema": schema });
        }
        self
    }

    /// An answer without a body.
    #[must_use]
    pub fn answers_nothing(mut self, status: StatusCode, description: &str) -> Self {
        self.answers.push((status, json!({ "description": description })));
        self
    }

    /// A header of the answer that was described last; `always` says whether it is on each.
    #[must_use]
    pub fn with_header(mut self, name: &str, always: bool, schema: Schema) -> Self {
        if let Some((_, answer)) = self.answers.last_mut() {
            answer["headers"][name] = json!({ "required": always, "schema": schema });
        }
        self
    }

    /// What can be called with the answer that was described last: another operation, with parameters by name and where
    /// they are found.
    #[must_use]
    pub fn leads_to<const N: usize>(mut self, operation: &str, parameters: [(&str, &str); N]) -> Self {
        let parameters: Map<String, Value> =
            parameters.into_iter().map(|(name, place)| (name.to_owned(), json!(place))).collect();
        if let Some((_, answer)) = self.answers.last_mut() {
            answer["links"][operation] = json!({ "operationId": operation, "parameters": parameters });
        }
        self
    }

    /// Problems besides those that every operation of its kind has.
    #[must_use]
    pub fn refuses(mut self, codes: &[&'static str]) -> Self {
        self.problems.extend(codes);
        self
    }

    /// Codes of every problem that it may answer with.
    pub fn codes(&self) -> Vec<&'static str> {
        if self.refusal.is_some() {
            return vec![];
        }
        let mut codes = self.problems.clone();
        if self.needs != Needs::Nothing {
            codes.extend(["credential_missing", "token_invalid", "scope_missing", "unknown_subject"]);
        }
        if self.body.is_some() {
            codes.extend(["malformed_json", "body_too_large", "validation_failed"]);
        }
        if self.parameters.iter().any(|parameter| parameter["in"] == "query") {
            codes.push("query_invalid");
        }
        // Some texts in a place of the path make it another path, or none.
        if self.path.contains('{') {
            codes.extend(["malformed_request", "no_such_route"]);
        }
        codes.extend(["unavailable", "internal_error"]);
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// The operation object of the document.
    pub fn describe(&self) -> Value {
        let mut shown = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "responses": self.responses(),
            "security": self.security(),
        });
        let mut paragraphs: Vec<String> =
            [self.description].into_iter().filter(|text| !text.is_empty()).map(str::to_owned).collect();
        if let Needs::Scope(scope) = self.needs {
            paragraphs.push(format!("Needs the scope `{}`.", scope.name()));
            shown["x-scope"] = json!(scope.name());
        }
        if !paragraphs.is_empty() {
            shown["description"] = json!(paragraphs.join("\n\n"));
        }
        if !self.parameters.is_empty() {
            shown["parameters"] = json!(self.parameters);
        }
        if let Some(body) = &self.body {
            shown["requestBody"] = body.clone();
        }
        shown
    }

    fn security(&self) -> Value {
        match self.needs {
            Needs::Nothing => json!([]),
            // Every credential of a kind is the same to OpenAPI: scopes are in the description, and in `x-scope`.
            Needs::Scope(_) | Needs::Credential => json!([{ "token": [] }, { "apiKey": [] }]),
        }
    }

    fn responses(&self) -> Value {
        let request_id = json!({ "$ref": "#/components/headers/X-Request-Id" });
        let mut responses = Map::new();
        for (status, answer) in &self.answers {
            let mut answer = answer.clone();
            answer["headers"]["X-Request-Id"] = request_id.clone();
            responses.insert(status.as_u16().to_string(), answer);
        }
        for (status, codes) in problems::by_status(&self.codes()) {
            let shared = json!({ "$ref": format!("#/components/responses/{}", problems::name(status, &codes)) });
            responses.insert(status.as_u16().to_string(), shared);
        }
        if let Some(refusal) = &self.refusal {
            let refusal = json!({
                "description": "A refusal, in the words of that product.",
                "headers": { "X-Request-Id": request_id },
                "content": {
                    "application/json": { "schema": refusal },
                    // What ends before that interface: no such path.
                    "application/problem+json": { "schema": component("Problem") },
                },
            });
            responses.insert("default".to_owned(), refusal);
        }
        Value::Object(responses)
    }
}

fn parameter(place: &str, name: &str, mut schema: Schema) -> Value {
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let example = schema.as_object_mut().and_then(|schema| schema.remove("example"));
    let mut parameter = json!({ "in": place, "name": name, "schema": schema });
    if let Some(description) = description {
        parameter["description"] = description;
    }
    if let Some(example) = example {
        parameter["example"] = example;
    }
    parameter
}
