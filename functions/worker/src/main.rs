//! The `worker` function: claims a request, produces its file, records the outcome. It never calls endpoints.

mod admission;
mod app;
mod claim;
mod handler;
mod lease;
mod outcome;
mod run;
mod work;

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    waybill::telemetry::init();
    let app = Arc::new(app::App::from_env().await?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<handler::Call>| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Error>(handler::handle(&app, event.payload, event.context.deadline).await) }
    }))
    .await
}
