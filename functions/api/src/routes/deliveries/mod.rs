//! Deliveries: listed, looked at, made again one by one or all that an endpoint has missed.

mod contract;
mod describe;
mod list;
mod recover;
mod redeliver;
mod show;

use std::sync::Arc;

use http::StatusCode;
use waybill::{
    aws::table::Stored,
    domain::{delivery::Delivery, id::DeliveryId},
};

pub use self::{
    contract::{components, operations},
    list::list,
    recover::{recover, recovery},
    redeliver::redeliver,
    show::show,
};
use crate::{app::App, problem::Problem};

/// A delivery of the tenant; the same answer for what never was and what is another tenant's.
async fn load(app: &Arc<App>, tenant: &str, id: &str) -> Result<Stored<Delivery>, Problem> {
    let not_found = || Problem::not_found("delivery");
    let id: DeliveryId = id.parse().map_err(|_| not_found())?;
    app.table.delivery(tenant, id).await?.ok_or_else(not_found)
}

/// It stands in the way of what is asked.
fn conflict(code: &'static str, detail: &'static str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, detail)
}
