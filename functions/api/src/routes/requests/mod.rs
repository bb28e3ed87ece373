//! Report requests: ask, follow, call off, delete, ask again.

mod ask;
mod contract;
mod describe;
mod end;
mod list;
mod password;
mod show;
mod terms;

use std::sync::Arc;

use http::StatusCode;
use waybill::{
    aws::table::{Stored, keys::Key},
    domain::{id::RequestId, request::Request},
};

pub use self::{
    ask::{MAX_KEY, REPLAYED, answer, create, describe_preview, idempotency_key, rate_limit, repeat},
    contract::{address, answered_as_a_request, components, operations, sample},
    describe::status,
    end::{call_off, cancel, delete, remove_file},
    list::{list, page_of},
    password::password,
    show::{capability, ended, link, show},
};
use crate::{app::App, problem::Problem};

/// Seconds after which asking again is worth while.
const POLL_AFTER: &str = "2";

/// A request of the tenant; the same answer for what never was and what is another tenant's.
pub async fn load(app: &Arc<App>, tenant: &str, id: &str) -> Result<Stored<Request>, Problem> {
    let not_found = || Problem::not_found("request");
    let id: RequestId = id.parse().map_err(|_| not_found())?;
    app.table.get(&Key::request(tenant, id)).await?.ok_or_else(not_found)
}

/// It has not ended, which this needs; `detail` says what to do.
pub fn unfinished(detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "request_unfinished", detail)
}
