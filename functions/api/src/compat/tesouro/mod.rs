//! Tesouro's downloadable reports: GraphQL at `POST /graphql`. A mutation asks for a report, queries tell where it
//! stands. The notification is that of the profile `tesouro`.
//!
//! Here is what GraphQL needs; what is asked for goes to the one pipeline.

mod answer;
mod body;
mod bounds;
mod catalogue;
mod contract;
mod cost;
mod date_range;
mod order;
mod request;
mod scalars;
mod schema;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    response::Response,
    routing::post,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use waybill::domain::interface::Interface;

pub use self::contract::{components, operations};
use self::{
    answer::Answer,
    schema::{Asker, SCHEMA},
};
use super::using;
use crate::{app::App, auth::Member, problem::Problem};

/// Its routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/graphql", post(answer).fallback(other_method))
}

/// `POST /graphql`: one operation of a document.
async fn answer(
    State(app): State<Arc<App>>,
    member: Result<Member, Problem>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let form = answer::form(&headers);
    let answered = execute(app, member, &headers, body).await;
    answered.unwrap_or_else(|problem| Answer::refusal(&problem)).into_response(form)
}

async fn execute(
    app: Arc<App>,
    member: Result<Member, Problem>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Answer, Problem> {
    let member = member?;
    let (tenant, _) = using(&app, &member.tenant, Interface::Tesouro, |interfaces| interfaces.tesouro.as_ref()).await?;
    let mut request = body::read(headers, body)?;
    bounds::check_source(&request.query)?;
    let document = match request.parsed_query() {
        Ok(document) => document,
        Err(error) => return Err(bounds::syntax(&error)),
    };
    cost::check(document)?;
    let key = crate::routes::requests::idempotency_key(headers)?.map(str::to_owned);
    Ok(Answer::of(SCHEMA.execute(request.data(Asker { app, member, tenant, key })).await))
}

async fn other_method(headers: HeaderMap) -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Send operations by POST.");
    let mut response = Answer::refusal(&problem).into_response(answer::form(&headers));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}
