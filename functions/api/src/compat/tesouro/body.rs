//! The body of a call: `{query, operationName?, variables?}`, as GraphQL over HTTP has it.

use async_graphql::{Request, Variables};
use axum::{body::Bytes, extract::rejection::BytesRejection};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::{
    body::{MAX_BODY, too_large},
    problem::Problem,
};

/// Reads it; what it asks for is not judged here.
pub fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Request, Problem> {
    if !is_json(headers) {
        let detail = "Send the operation as JSON: `Content-Type: application/json`.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type_unsupported", detail));
    }
    let bytes = body.map_err(|_| too_large())?;
    debug_assert!(bytes.len() <= MAX_BODY);
    let value = serde_json::from_slice(&bytes).map_err(|error| {
        // serde's message quotes nothing but punctuation and positions for syntax errors.
        malformed("malformed_json", format!("The body is not JSON: {error}."))
    })?;
    request(value)
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter().map(|kind| kind.to_str().unwrap_or_default());
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn request(body: Value) -> Result<Request, Problem> {
    let Value::Object(mut fields) = body else {
        let detail = "Send one operation: an object with `query`. Batches are not taken.";
        return Err(malformed(if body.is_array() { "graphql_batch" } else { "graphql_invalid" }, detail));
    };
    let invalid = |detail: &str| malformed("graphql_invalid", detail);
    let Some(Value::String(query)) = fields.remove("query") else {
        return Err(invalid("`query` is missing, or no text. Documents are sent whole: none is kept here by a hash."));
    };
    let mut request = Request::new(query);
    match fields.remove("operationName") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) => request = request.operation_name(name),
        Some(_) => return Err(invalid("`operationName` must be a text.")),
    }
    match fields.remove("variables") {
        None | Some(Value::Null) => {}
        Some(variables @ Value::Object(_)) => request = request.variables(Variables::from_json(variables)),
        Some(_) => return Err(invalid("`variables` must be an object.")),
    }
    Ok(request)
}

fn malformed(code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn judged(kind: &'static str, body: &str) -> Result<Request, (u16, &'static str)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        read(&headers, Ok(Bytes::copy_from_slice(body.as_bytes()))).map_err(|p| (p.status().as_u16(), p.code))
    }

    #[test]
    fn an_operation_is_read_with_its_variables() {
        let body = r#"{"query":"{a}","operationName":"A","variables":{"x":1},"extensions":{},"more":1}"#;
        let request = judged("Application/JSON; charset=utf-8", body).unwrap();
        assert_eq!((request.query.as_str(), request.operation_name.as_deref()), ("{a}", Some("A")));
        assert_eq!(request.variables.len(), 1);
        assert!(judged("application/json", r#"{"query":"","operationName":null,"variables":null}"#).is_ok());
    }

    #[test]
    fn whatever_else_is_refused() {
        let deep = format!("{{\"query\":\"{{a}}\",\"variables\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        for (kind, body, expected) in [
            ("text/plain", r#"{"query":"{a}"}"#, (415, "content_type_unsupported")),
            ("application/graphql", "{a}", (415, "content_type_unsupported")),
            ("application/json", "{a}", (400, "malformed_json")),
            ("application/json", "", (400, "malformed_json")),
            ("application/json", &deep, (400, "malformed_json")),
            ("application/json", r#"[{"query":"{a}"}]"#, (400, "graphql_batch")),
            ("application/json", r#""{a}""#, (400, "graphql_invalid")),
            ("application/json", r#"{"extensions":{"persistedQuery":{"version":1}}}"#, (400, "graphql_invalid")),
            ("application/json", r#"{"query":7}"#, (400, "graphql_invalid")),
            ("application/json", r#"{"query":"{a}","operationName":[]}"#, (400, "graphql_invalid")),
            ("application/json", r#"{"query":"{a}","variables":[]}"#, (400, "graphql_invalid")),
        ] {
            assert_eq!(judged(kind, body).err(), Some(expected), "{kind} {body}");
        }
        assert!(read(&HeaderMap::new(), Ok(Bytes::from_static(br#"{"query":"{a}"}"#))).is_err(), "of no kind");
    }
}
