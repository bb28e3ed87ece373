//! Tesouro's interface, as the API's description has it: one operation, whose language is GraphQL.

use http::StatusCode;
use serde_json::json;

use crate::openapi::{
    operation::Operation,
    parts::idempotency_key,
    schema::{Schema, and_perhaps, any, component, described, list_of, map_of, nullable, shown, text},
};

/// What its clients may do.
pub fn operations() -> Vec<Operation> {
    let body = json!({
        "type": "object",
        "required": ["query"],
        "properties": {
            "query": described(text(), "A document of GraphQL; introspection tells the schema."),
            "operationName": nullable(text()),
            "variables": nullable(map_of(any())),
            "extensions": nullable(map_of(any())),
        },
    });
    let operation = Operation::post("/graphql", ["graphql", "Tesouro", "One operation of a GraphQL document"])
        .needs_a_credential()
        .refuses_in_its_own_words(component("GraphqlAnswer"))
        .header("Idempotency-Key", idempotency_key())
        .body(body, json!({ "query": "{ __typename }" }))
        .answers(StatusCode::OK, "The answer.", component("GraphqlAnswer"))
        .or_as("application/graphql-response+json", component("GraphqlAnswer"));
    vec![operation]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let error = and_perhaps(
        shown([("message", text())]),
        [("extensions", map_of(any())), ("path", list_of(any())), ("locations", list_of(any()))],
    );
    let answer = json!({ "type": "object", "properties": { "data": any(), "errors": list_of(error) } });
    vec![("GraphqlAnswer", answer)]
}
