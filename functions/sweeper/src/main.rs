//! The `sweeper` function, every minute: what is due and what no queue can do by itself.

mod app;
mod dead_letters;
mod deliveries;
mod erasures;
mod key_watch;
mod lanes;
mod lock;
mod recoveries;
mod requests;
mod schedules;
mod sweep;

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    waybill::telemetry::init();
    let app = Arc::new(app::App::from_env().await?);
    run(service_fn(move |event: LambdaEvent<Value>| {
        let app = Arc::clone(&app);
        async move { Box::pin(sweep::sweep(&app, event.context.deadline)).await.map_err(Error::from) }
    }))
    .await
}
