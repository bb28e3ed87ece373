//! Eclipse's interface, as the API's description has it.

use http::StatusCode;
use serde_json::json;
use waybill::domain::{tenant::Scope, user::LONGEST_PASSWORD};

use super::login::{CSRF, MAX_IDENTITY};
use crate::openapi::{
    operation::Operation,
    parts::{report_id, tenant_id, uuid},
    schema::{Schema, any, bytes, component, count, described, list_of, names, shown, text},
};

const TAG: &str = "Eclipse";

/// What its clients may do.
pub fn operations() -> Vec<Operation> {
    let refusing = |operation: Operation| operation.refuses_in_its_own_words(component("EclipseErrors"));
    let operations = vec![
        report(),
        Operation::post("/eclipse-conductor/rest/v1/authentication/login", ["logIn", TAG, "Log in"])
            .about("The header that it names is then sent with every call.")
            .body(credentials(), json!({ "identity": "erp@acme.example", "password": "a long password" }))
            .answers(StatusCode::OK, "A session.", component("EclipseSession")),
        Operation::post("/eclipse-conductor/rest/v1/authentication/renew", ["renewSession", TAG, "Renew a session"])
            .needs_a_credential()
            .header(CSRF, described(text(), "The `csrfToken` of the token that is renewed; required."))
            .answers(StatusCode::OK, "The session with a new token.", component("EclipseSession")),
        Operation::post("/eclipse-conductor/rest/v1/authentication/logout", ["logOut", TAG, "Log out"])
            .about("All sessions of the user end at once.")
            .needs_a_credential()
            .answers_nothing(StatusCode::NO_CONTENT, "They have ended."),
    ];
    operations.into_iter().map(refusing).collect()
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let error = shown([
        ("type", text()),
        ("severity", text()),
        ("description", text()),
        ("code", described(text(), "Eclipse's, such as `VAL001`.")),
        ("traceId", text()),
        ("spanId", text()),
        ("environment", text()),
    ]);
    let session = shown([
        ("headerName", text()),
        ("headerValue", text()),
        ("sessionId", uuid()),
        ("roles", list_of(text())),
        ("csrfHeaderName", text()),
        ("csrfToken", text()),
        ("expiresEpochSecs", count()),
    ]);
    vec![("EclipseErrors", list_of(error)), ("EclipseSession", session)]
}

/// Other fields are passed over.
fn credentials() -> Schema {
    json!({
        "type": "object",
        "required": ["identity", "password"],
        "properties": { "identity": bytes(MAX_IDENTITY), "password": bytes(LONGEST_PASSWORD) },
    })
}

fn report() -> Operation {
    let numbered = |letter: char, most: u32| (1..=most).map(move |number| format!("{letter}{number}"));
    let operation = Operation::get(
        "/eclipse-conductor/rest/v1/tenants/{tenant}/reports/{report}",
        ["runReport", TAG, "A report, as the answer or delivered"],
    )
    .about("As the answer unless `streamResult` is `true`. To get it as the answer, `reports:read` is needed too.")
    .needs(Scope::ReportsRequest)
    .at("tenant", tenant_id())
    .at("report", report_id());
    let parameters = numbered('d', 8).chain(numbered('s', 20)).chain(numbered('n', 8));
    parameters
        .fold(operation, |operation, name| operation.query(&name, text()))
        .query("organisationId", text())
        .query("format", names(["json", "csv", "xml", "xls"]))
        .query("streamResult", names(["true", "false"]))
        .query("deliveryMechanismType", names(["http", "email", "jira"]))
        .query("deliveryMechanismValue", text())
        .query("webhookAdditionalHeaders", described(text(), "`key1,value1,key2,value2`."))
        .answers(StatusCode::OK, "The report.", any())
        .or_as("text/csv", any())
        .or_as("application/xml", any())
        .or_as("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", any())
        .answers_nothing(StatusCode::NO_CONTENT, "There are no rows; or, to be delivered, it is recorded.")
}
