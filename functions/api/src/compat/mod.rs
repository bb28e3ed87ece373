//! Interfaces of other products, for clients that were written for those. Each translates its own words into an order to
//! the one pipeline and answers in its own shapes, errors included; it decides nothing that the pipeline decides. A tenant
//! has those that its settings (`interfaces`) switch on.

mod eclipse;
mod tesouro;
mod treports;
mod unico;

use std::sync::Arc;

use axum::Router;
use http::StatusCode;
use waybill::domain::{
    interface::{Interface, Interfaces},
    tenant::Tenant,
};

use crate::{
    app::App,
    openapi::{operation::Operation, schema::Schema},
    problem::Problem,
};

/// Every route of theirs.
pub fn routes() -> Router<Arc<App>> {
    Router::new().merge(eclipse::routes()).merge(tesouro::routes()).merge(treports::routes()).merge(unico::routes())
}

/// What their clients may do.
pub fn operations() -> Vec<Operation> {
    let all = [eclipse::operations(), tesouro::operations(), treports::operations(), unico::operations()];
    all.into_iter().flatten().collect()
}

/// Objects of theirs that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let all = [eclipse::components(), tesouro::components(), treports::components(), unico::components()];
    all.into_iter().flatten().collect()
}

/// The caller's tenant with its settings of an interface, which must be switched on.
async fn using<T>(
    app: &App,
    tenant: &str,
    interface: Interface,
    settings: impl Fn(&Interfaces) -> Option<&T>,
) -> Result<(Tenant, T), Problem>
where
    T: Clone,
{
    let tenant = app.tenant(tenant).await?;
    let known = settings(&tenant.interfaces).cloned();
    known.map(|settings| (tenant, settings)).ok_or_else(|| switched_off(interface))
}

fn switched_off(interface: Interface) -> Problem {
    let detail = format!(
        "The interface {} is not switched on for this tenant; ask the operator of the service.",
        interface.name()
    );
    Problem::new(StatusCode::FORBIDDEN, "interface_off", detail)
}
