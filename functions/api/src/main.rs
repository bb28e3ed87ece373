//! The `api` function: authenticates, validates, records, enqueues. It never touches report data.

mod app;
mod audit;
mod auth;
mod body;
mod call;
mod compat;
mod cors;
mod etag;
mod openapi;
mod page;
mod problem;
mod router;
mod routes;
mod worker;

use std::sync::Arc;

use waybill::accept::fields;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    waybill::telemetry::init();
    let app = app::App::from_env().await?;
    lambda_http::run(router::router(Arc::new(app))).await
}
