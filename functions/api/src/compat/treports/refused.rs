//! Errors in the shape of TOTVS's interfaces: `{code, message, detailedMessage, details}`, the message in the tenant's
//! language and for people, the detailed one for whoever writes the client. Codes are those of Waybill's own API.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use waybill::{accept::Fault, domain::interface::treports::Language};

use crate::problem::Problem;

/// An answer with status 400 or above.
#[derive(Debug)]
pub struct Refused {
    problem: Box<Problem>,
    language: Language,
}

impl Refused {
    /// In the language of a tenant.
    pub fn new(problem: Problem, language: Language) -> Self {
        Self { problem: Box::new(problem), language }
    }
}

/// Before the tenant is known, in TReports' own language.
impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::new(problem, Language::default())
    }
}

/// What is wrong with a request, by the names of its fields.
pub fn invalid(faults: Vec<Fault>) -> Problem {
    Problem::invalid(faults)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = &self.problem;
        let details: Vec<Value> = problem.errors().iter().map(|error| detail(error, self.language)).collect();
        let mut body = json!({
            "code": problem.code,
            "message": message(problem.code, self.language),
            "detailedMessage": detailed(problem),
            "details": details,
        });
        if let Some(licences) = problem.licences() {
            body["licences"] = licences.clone();
        }
        // A mistake in a request is a bad request there; 422 is not known.
        let status = match problem.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            other => other,
        };
        let mut response = (status, Json(body)).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().extend(problem.headers().iter().cloned());
        response
    }
}

/// The first fault is told in the sentence too, for clients that show nothing else.
fn detailed(problem: &Problem) -> String {
    let first = problem.errors().first().map(|error| format!(" {}: {}", place(error), text(&error["detail"])));
    let detail = match problem.code {
        "validation_failed" => "Correct what `details` lists and send the request again; nothing was recorded.",
        _ => problem.detail(),
    };
    format!("{detail}{}", first.unwrap_or_default())
}

fn detail(error: &Value, language: Language) -> Value {
    json!({
        "code": error["code"],
        "message": message("validation_failed", language),
        "detailedMessage": format!("{}: {}", place(error), text(&error["detail"])),
        "field": place(error),
    })
}

fn place(error: &Value) -> &str {
    let place = if error["pointer"].is_null() { &error["parameter"] } else { &error["pointer"] };
    text(place)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn message(code: &str, language: Language) -> &'static str {
    let (portuguese, english) = match code {
        "validation_failed"
        | "query_invalid"
        | "malformed_json"
        | "malformed_request"
        | "idempotency_key_invalid"
        | "licence_context_invalid" => ("A requisição contém dados inválidos.", "The request has invalid data."),
        "body_too_large" => ("A requisição é grande demais.", "The request is too large."),
        "credential_missing" | "token_invalid" => {
            ("A credencial não foi informada ou não é válida.", "The credential is missing or not valid.")
        }
        "scope_missing" | "unknown_subject" | "interface_off" => {
            ("O usuário não tem permissão para esta operação.", "The user may not do this.")
        }
        "report_not_found" => ("O relatório não foi encontrado.", "The report was not found."),
        "not_found" | "no_such_route" => ("O recurso não foi encontrado.", "The resource was not found."),
        "request_unfinished" => ("O relatório ainda está sendo gerado.", "The report is still being generated."),
        "no_file" | "report_divergent" => {
            ("A geração terminou sem um arquivo.", "The generation ended without a file.")
        }
        "file_gone" | "file_deleted" | "link_expired" | "link_revoked" => {
            ("O arquivo do relatório não está mais disponível.", "The report's file is no longer available.")
        }
        "quota_exhausted" => ("A cota do dia foi esgotada.", "The quota of the day is used up."),
        "licence_unavailable" => ("Não há licença disponível.", "No licence is available."),
        _ => ("A operação não pôde ser realizada.", "The operation could not be carried out."),
    };
    match language {
        Language::PtBr => portuguese,
        Language::En => english,
    }
}

/// The framework's own refusals, as of another method, have this shape too.
pub async fn in_its_shape(response: Response) -> Response {
    let status = response.status();
    let said = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if said || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut refused =
        Refused::from(Problem::new(status, "malformed_request", "The request cannot be read.")).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        refused.headers_mut().insert(header::ALLOW, allow.clone());
    }
    refused
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn told(refused: Refused) -> (StatusCode, Value, http::HeaderMap) {
        let response = refused.into_response();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap(), headers)
    }

    #[tokio::test]
    async fn faults_become_details() {
        let faults = vec![Fault::new("scheduleParams.repeat", "not_supported", "No schedules yet.")];
        let (status, body, headers) = told(invalid(faults).into()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(
            (&body["code"], &body["message"]),
            (&json!("validation_failed"), &json!("A requisição contém dados inválidos."))
        );
        assert_eq!(body["details"][0]["field"], "scheduleParams.repeat");
        assert!(
            body["detailedMessage"].as_str().unwrap().ends_with("scheduleParams.repeat: No schedules yet."),
            "{body}"
        );
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }

    #[tokio::test]
    async fn headers_stay_and_the_language_is_the_tenants() {
        let problem = Problem::new(StatusCode::CONFLICT, "request_unfinished", "Wait.").retry_after(2);
        let (status, body, headers) = told(Refused::new(problem, Language::En)).await;
        assert_eq!((status, &headers[header::RETRY_AFTER]), (StatusCode::CONFLICT, &HeaderValue::from(2)));
        assert_eq!((&body["message"], &body["details"]), (&json!("The report is still being generated."), &json!([])));
    }

    #[tokio::test]
    async fn other_refusals_get_the_shape() {
        let mut bare = StatusCode::METHOD_NOT_ALLOWED.into_response();
        bare.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        let shaped = in_its_shape(bare).await;
        assert_eq!(
            (shaped.status(), &shaped.headers()[header::ALLOW]),
            (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("POST"))
        );
        assert_eq!(shaped.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(in_its_shape(StatusCode::FOUND.into_response()).await.status(), StatusCode::FOUND);
    }
}
