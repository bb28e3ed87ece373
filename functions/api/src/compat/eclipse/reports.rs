//! The route of reports.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value as Json;
use waybill::{
    accept::{Accepted, Order},
    clock,
    domain::{
        definition::Definition,
        failure::{Failure, FailureCode},
        id::RequestId,
        interface::{Eclipse, Interface, Terms},
        outcome::{Format, ReportFile},
        tenant::Tenant,
    },
};

use super::{
    at_once::{self, MOST, Made},
    delivery::REQUEST_ID,
    error::{Code, EclipseError},
    order,
    query::{self, Faults, Wanted},
};
use crate::{app::App, auth::MayRequest, compat::using, problem::Problem, routes::requests::rate_limit};

const X_REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID);

/// What the asynchronous way is called in what callers are told.
const STREAMED: &str = "Ask for it with streamResult=true, deliveryMechanismType and deliveryMechanismValue";

/// One call.
struct Call {
    tenant: Tenant,
    settings: Eclipse,
    by: String,
    id: RequestId,
    now: Timestamp,
}

/// `GET /eclipse-conductor/rest/v1/tenants/{tenant}/reports/{report}`: the report; or, with `streamResult=true`, 204 once it
/// is recorded.
pub async fn run(
    State(app): State<Arc<App>>,
    caller: Result<MayRequest, Problem>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, EclipseError> {
    // Before all else: it is the time from which somebody waits.
    let now = clock::now();
    let caller = caller?;
    let Ok(Path((tenant, report))) = path else {
        return Err(EclipseError::new(StatusCode::NOT_FOUND, Code::NotFound, "There is no such path."));
    };
    if tenant != caller.tenant {
        return Err(not_allowed("The credential is not one of this tenant."));
    }
    let (tenant, settings) = using(&app, &tenant, Interface::Eclipse, |all| all.eclipse.as_ref()).await?;
    let (wanted, faults) = query::read(raw.as_deref());
    if !wanted.streams && !caller.reads {
        return Err(not_allowed("The credential may ask for reports, but not read them: let them be delivered."));
    }
    let definition = app.acceptor.definition(&tenant, &report).await.map_err(|error| order::refused(error, vec![]))?;
    let call = Call { tenant, settings, by: caller.subject, id: RequestId::generate(), now };
    Box::pin(answered(&app, &call, &wanted, &definition, faults)).await
}

/// Any other method.
pub async fn not_this_method() -> Response {
    let error = EclipseError::new(StatusCode::METHOD_NOT_ALLOWED, Code::Validation, "Reports are read with GET.");
    error.header(header::ALLOW, HeaderValue::from_static("GET")).into_response()
}

fn not_allowed(detail: &str) -> EclipseError {
    EclipseError::new(StatusCode::FORBIDDEN, Code::Security, detail)
}

async fn answered(
    app: &Arc<App>,
    call: &Call,
    wanted: &Wanted,
    definition: &Definition,
    mut faults: Faults,
) -> Result<Response, EclipseError> {
    let zone = call.settings.zone().unwrap_or(TimeZone::UTC);
    let mut body = order::body(wanted, definition, &call.settings, &zone, &mut faults);
    let faults = faults.into_vec();
    if !faults.is_empty() {
        // Nothing is recorded, but what else is wrong is told with it.
        body["validate_only"] = true.into();
        return match accept(app, call, &body, &Terms::default()).await {
            Err(rejected) => Err(order::refused(rejected, faults).into()),
            Ok(_) => Err(Problem::bad_query(faults).into()),
        };
    }
    if wanted.streams {
        Box::pin(delivered(app, call, wanted, &body)).await
    } else {
        Box::pin(waited_for(app, call, &body)).await
    }
}

async fn accept(app: &App, call: &Call, body: &Json, terms: &Terms) -> Result<Accepted, waybill::accept::Rejected> {
    let order = Order {
        tenant: &call.tenant,
        by: &call.by,
        id: call.id,
        body,
        idempotency_key: None,
        repeats: None,
        terms,
        seat: None,
    };
    let accepted = app.acceptor.accept(order, call.now).await?;
    tracing::info!(request.id = %call.id, tenant.id = call.tenant.id, "request of the interface eclipse accepted");
    Ok(accepted)
}

/// 204, with where the request is followed.
async fn delivered(app: &App, call: &Call, wanted: &Wanted, body: &Json) -> Result<Response, EclipseError> {
    let headers = match &wanted.delivery {
        Some(delivery) if !delivery.headers.is_empty() => {
            let keyring = app.sealing.get().await.map_err(Problem::from)?;
            order::sealed(&keyring, &delivery.headers, (&call.tenant.id, call.id))?
        }
        _ => std::collections::BTreeMap::new(),
    };
    let terms = order::delivered(app, &call.settings, headers)?;
    let accepted = accept(app, call, body, &terms).await.map_err(|error| order::refused(error, vec![]))?;
    let location = format!("/v1/requests/{}", call.id);
    let location = HeaderValue::from_str(&location).map_err(|e| Problem::unavailable(&e))?;
    let mut response = (StatusCode::NO_CONTENT, [(header::LOCATION, location)]).into_response();
    if let Accepted::Recorded(_, Some(standing)) = accepted {
        response.headers_mut().extend(rate_limit(&standing));
    }
    let id = HeaderValue::from_str(&call.id.to_string()).map_err(|e| Problem::unavailable(&e))?;
    Ok(named(response, &id))
}

/// The report, if it is ready in time.
async fn waited_for(app: &Arc<App>, call: &Call, body: &Json) -> Result<Response, EclipseError> {
    let answer_by = call.now + app.answer_within;
    let terms = order::waited_for(answer_by);
    accept(app, call, body, &terms).await.map_err(|error| order::refused(error, vec![]))?;
    let made = Box::pin(at_once::make(app, (&call.tenant.id, call.id, &call.by), answer_by)).await;
    let answer = made.map_err(EclipseError::from).and_then(|made| answer(app, format_of(body), made));
    let id = HeaderValue::from_str(&call.id.to_string()).map_err(|e| Problem::unavailable(&e))?;
    answer.map(|response| named(response, &id)).map_err(|error| error.header(X_REQUEST_ID, id))
}

/// What came of it, told.
fn answer(app: &App, format: Format, made: Made) -> Result<Response, EclipseError> {
    let seconds = app.answer_within.as_secs();
    let too_much = |detail: String| EclipseError::new(StatusCode::UNPROCESSABLE_ENTITY, Code::Validation, detail);
    match made {
        Made::File(file, bytes) => Ok(file_response(&file, format, bytes)?),
        Made::Nothing => Ok(StatusCode::NO_CONTENT.into_response()),
        Made::TooLarge => {
            let detail = format!("The report has more than the {MOST} bytes that an answer can have. {STREAMED}.");
            Err(too_much(detail))
        }
        Made::TooSlow => {
            let detail = format!(
                "The report was not ready within {seconds} seconds and was called off. {STREAMED}, or narrow the date range."
            );
            Err(too_much(detail))
        }
        Made::NoTurn => {
            let detail = format!(
                "The tenant's other reports left no room for this one within {seconds} seconds. {STREAMED}, or try again \
                 later."
            );
            Err(EclipseError::new(StatusCode::TOO_MANY_REQUESTS, Code::RateLimit, detail).retry_after(5))
        }
        Made::Failed(failure) => Err(failed(&failure)),
    }
}

fn format_of(body: &Json) -> Format {
    body["format"].as_str().and_then(Format::from_name).unwrap_or(Format::Json)
}

fn file_response(file: &ReportFile, format: Format, bytes: Vec<u8>) -> Result<Response, Problem> {
    let name = format!("attachment; filename=\"{}\"", file.name);
    let headers = [
        (header::CONTENT_LENGTH, HeaderValue::from(bytes.len())),
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|e| Problem::unavailable(&e))?),
    ];
    Ok((headers, with_its_mark(bytes)).into_response())
}

/// On its way to Lambda the answer loses a byte order mark: a CSV that is to have one is given two.
fn with_its_mark(bytes: Vec<u8>) -> Vec<u8> {
    const MARK: &[u8] = "\u{FEFF}".as_bytes();
    if bytes.starts_with(MARK) { [MARK, &bytes].concat() } else { bytes }
}

/// The response with the id of its request.
fn named(mut response: Response, id: &HeaderValue) -> Response {
    response.headers_mut().insert(X_REQUEST_ID, id.clone());
    response
}

/// Why there is no report, and what to do.
fn failed(failure: &Failure) -> EclipseError {
    let (status, code) = match failure.code {
        FailureCode::ParameterInvalid | FailureCode::TooLarge | FailureCode::TimedOut => {
            (StatusCode::UNPROCESSABLE_ENTITY, Code::Validation)
        }
        FailureCode::SourceError | FailureCode::Internal => (StatusCode::SERVICE_UNAVAILABLE, Code::Unknown),
        FailureCode::DefinitionInvalid | FailureCode::EncryptionKeyInvalid => {
            (StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown)
        }
    };
    EclipseError::new(status, code, format!("{} {}", failure.detail, failure.code.next_action()))
}
