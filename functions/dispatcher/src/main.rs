//! The `dispatcher` function: attempts of deliveries. It never reads report data.

mod app;
mod attempt;
mod bus;
mod channel;
mod disable;
mod events;
mod facts;
mod fan_out;
mod handler;
mod lane;
mod receiver;
mod redrive;

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    waybill::telemetry::init();
    let app = Arc::new(app::App::from_env().await?);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let app = Arc::clone(&app);
        async move {
            app.deadline.set(event.context.deadline);
            Ok::<_, Error>(handler::handle(&app, event.payload).await)
        }
    }))
    .await
}
