//! The `dispatcher` function: attempts of deliveries. It never reads report data.

mod app;
mod attempt;
mod body;
mod bus;
mod events;
mod facts;
mod fan_out;
mod handler;
mod receiver;
mod sign;
mod webhook;

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    waybill::telemetry::init();
    let app = Arc::new(app::App::from_env().await?);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Error>(handler::handle(&app, event.payload).await) }
    }))
    .await
}
