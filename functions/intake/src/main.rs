//! The `intake` function: turns an event into the same request that the API would make, or, where it tells of a process
//! of the customer's own, into a notification. What became of a mail it keeps with the delivery, and
//! what is due of a schedule it runs.

mod app;
mod handler;
mod mail;
mod process;
mod schedule;

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
