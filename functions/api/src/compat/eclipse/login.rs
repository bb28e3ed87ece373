//! Eclipse's log-in: identity and password for a token of an hour, which can be renewed.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, request::Parts};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use waybill::{
    accept::{
        Fault,
        fields::{Faults, Fields},
    },
    clock,
    domain::{secret::Secret, user::LONGEST_PASSWORD},
};

use super::error::{Code, EclipseError};
use crate::{
    app::App,
    auth::{NoSession, Session, source_ip},
    body::{self, RawBody},
    problem::Problem,
};

/// Name of the header that a renewal needs beside the token.
pub const CSRF: &str = "renew-csrf";

/// Bytes of an identity that are looked at.
pub const MAX_IDENTITY: usize = 256;

/// `POST …/authentication/login`. The only one of these routes that is public.
pub async fn login(
    State(app): State<Arc<App>>,
    parts: Parts,
    body: Result<RawBody, Problem>,
) -> Result<Response, EclipseError> {
    let (identity, password) = read(&body?.0)?;
    let address = source_ip(&parts);
    let users = app.authenticator.users();
    match users.log_in(&identity, password, address.as_deref(), clock::now()).await {
        Ok(session) => Ok(shown(&session)),
        Err(NoSession::Credentials) => {
            let description = "Incorrect identity/password";
            Err(EclipseError::new(StatusCode::UNAUTHORIZED, Code::Credentials, description))
        }
        Err(NoSession::Locked(seconds)) => {
            let description = format!("Too many attempts to log in. Try again in {seconds} seconds.");
            Err(EclipseError::new(StatusCode::TOO_MANY_REQUESTS, Code::RateLimit, description).retry_after(seconds))
        }
        Err(NoSession::Problem(problem)) => Err(problem.into()),
    }
}

/// `POST …/authentication/renew`, with the token and the header `renew-csrf`. A body is not looked at.
pub async fn renew(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, EclipseError> {
    let mut values = headers.get_all(CSRF).iter().map(|value| value.to_str().ok());
    let csrf = match (values.next(), values.next()) {
        (Some(only), None) => only,
        _ => None,
    };
    Ok(shown(&app.authenticator.users().renew(&headers, csrf, clock::now()).await?))
}

/// `POST …/authentication/logout`: 204; all sessions of the user end at once.
pub async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, EclipseError> {
    app.authenticator.users().log_out(&headers, clock::now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn shown(session: &Session) -> Response {
    let roles: Vec<&str> = session.scopes.iter().map(|scope| scope.name()).collect();
    let body = json!({
        "headerName": "Authorization",
        "headerValue": format!("Bearer {}", session.token.expose()),
        "sessionId": session.claims.sid,
        "roles": roles,
        "csrfHeaderName": CSRF,
        "csrfToken": session.csrf.expose(),
        "expiresEpochSecs": session.claims.exp,
    });
    Json(body).into_response()
}

/// Finds fields that are there twice: which of them would count must not be a matter of luck.
#[derive(Deserialize)]
struct Once {
    #[serde(default, rename = "identity")]
    _identity: IgnoredAny,
    #[serde(default, rename = "password")]
    _password: IgnoredAny,
}

/// Reads identity and password. Other fields are passed over: Eclipse's clients may send more. No fault quotes a value.
fn read(bytes: &[u8]) -> Result<(String, Secret<String>), Problem> {
    let value = body::json(bytes)?;
    let faults = Faults::default();
    let names: Vec<&str> = value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let fields = Fields::of(&value, "", if names.is_empty() { &["identity", "password"] } else { &names }, &faults);
    let read = fields.and_then(|fields| {
        let identity = fields.required_text("identity", MAX_IDENTITY);
        let password = fields.required_text("password", LONGEST_PASSWORD);
        Some((identity?.to_owned(), Secret::new(password?.to_owned())))
    });
    let mut faults = faults.into_vec();
    if faults.is_empty() && serde_json::from_slice::<Once>(bytes).is_err() {
        faults.push(Fault::new("", "not_allowed", "Send `identity` and `password` once each."));
    }
    read.filter(|_| faults.is_empty()).ok_or_else(|| malformed(faults))
}

/// Eclipse answers 400 to what does not hold its constraints.
fn malformed(faults: Vec<Fault>) -> Problem {
    Problem::invalid(faults).with_status(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(body: &str) -> Result<(String, Secret<String>), (u16, &'static str)> {
        read(body.as_bytes()).map_err(|problem| {
            let text = json!(problem);
            assert!(!text.to_string().contains("hunter2"), "{text}");
            (problem.status().as_u16(), problem.code)
        })
    }

    #[test]
    fn identity_and_password_are_read_and_the_rest_passed_over() {
        let expected = ("Erp".to_owned(), Secret::new("pä \u{1f512}\u{0}".to_owned()));
        for body in [
            r#"{"identity":"Erp","password":"pä 🔒\u0000"}"#,
            r#" {"password":"pä \ud83d\udd12\u0000","tenantId":7,"tenantId":8,"identity":"Erp"} "#,
        ] {
            assert_eq!(judge(body), Ok(expected.clone()), "{body}");
        }
        let longest = format!(r#"{{"identity":"Erp","password":"{}"}}"#, "x".repeat(LONGEST_PASSWORD));
        assert!(judge(&longest).is_ok());
    }

    #[test]
    fn malformed_bodies_are_refused_without_a_word_of_them() {
        let huge = |name: &str, other: &str| format!(r#"{{"{other}":"hunter2","{name}":"{}"}}"#, "hunter2".repeat(100));
        for body in [
            "null",
            "[]",
            "\"hunter2\"",
            "{}",
            r#"{"identity":"hunter2"}"#,
            r#"{"password":"hunter2"}"#,
            r#"{"identity":"","password":"hunter2"}"#,
            r#"{"identity":"hunter2","password":""}"#,
            r#"{"identity":1,"password":"hunter2"}"#,
            r#"{"identity":"hunter2","password":null}"#,
            r#"{"identity":"hunter2","password":["hunter2"]}"#,
            r#"{"identity":{"hunter2":1},"password":"hunter2"}"#,
            r#"{"identity":"a","password":"hunter2","password":"hunter2"}"#,
            r#"{"identity":"a","identity":"b","password":"hunter2"}"#,
            &huge("password", "identity"),
            &huge("identity", "password"),
        ] {
            assert_eq!(judge(body), Err((400, "validation_failed")), "{body}");
        }
        for body in [
            "",
            "hunter2",
            "{",
            r#"{"identity":"a","password":"hunter2"} x"#,
            r#"{"identity":"\ud800"}"#,
            &"[".repeat(9999),
        ] {
            assert_eq!(judge(body), Err((400, "malformed_json")), "{body}");
        }
        assert!(read(b"{\"identity\":\"\xff\"}").is_err());
    }
}
