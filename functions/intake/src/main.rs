//! The `intake` function: turns an event, an object's arrival, a topic's message or a call into the same request that the
//! API would make, or, where it tells of a process of the customer's own, into a notification. What became of a mail it
//! keeps with the delivery, and what is due of a schedule it runs.

mod app;
mod direct;
mod envelope;
mod error;
mod handler;
mod kind;
mod mail;
mod process;
mod report;
mod s3;
mod schedule;
mod sns;

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    waybill::telemetry::init();
    let app = Arc::new(app::App::from_env().await?);
    run(service_fn(move |event: LambdaEvent<Value>| {
        let app = Arc::clone(&app);
        async move {
            let answer = handler::handle(&app, event.payload, &event.context.invoked_function_arn).await;
            answer.map_err(Error::from)
        }
    }))
    .await
}
