//! TOTVS TReports: both calls that generate, and those that follow, fetch and list.
//!
//! Bodies are read as .NET's clients write them: names in any case, nothing where there is nothing. What a field asks for
//! and Waybill does not do is refused by its name.

mod body;
mod contract;
mod execute;
mod export;
mod file;
mod filters;
mod generate;
mod info;
mod keeps;
mod licence;
mod notification;
mod number;
mod order;
mod parameters;
mod refused;
mod reports;
mod schedule;
mod scheduled;
mod words;

use std::sync::Arc;

use axum::{
    Router,
    middleware::map_response,
    routing::{get, post},
};
use waybill::domain::{
    interface::{Interface, Treports},
    tenant::Tenant,
};

use crate::{app::App, problem::Problem};

pub use self::contract::{components, operations};

/// Its routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/reports/v1/resources/{uid}/generate", post(generate::of_resource))
        .route("/api/reports/v2/generate", post(generate::generate))
        .route("/api/reports/v2/generate/{generation}/{format}", get(file::of_generation))
        .route("/api/trep/v1/reports", get(reports::list))
        .route("/api/trep/v1/reports/", get(reports::list))
        .route("/api/trep/v1/reports/{uid}/execute", post(execute::execute))
        .route("/api/trep/v1/generateds/{id}/info", get(info::info))
        .route("/api/trep/v1/generateds/{id}/file", get(file::of_execution))
        .layer(map_response(refused::in_its_shape))
}

/// The caller's tenant, and its settings of this interface.
async fn entered(app: &App, tenant: &str) -> Result<(Tenant, Treports), Problem> {
    super::using(app, tenant, Interface::Treports, |interfaces| interfaces.treports.as_ref()).await
}
