//! The whole number of a generation. It is written down when it is first told, so that it leads back to its request.

use std::sync::Arc;

use jiff::Timestamp;
use waybill::{
    aws::table::{TableError, Write, keys::Key, rows::TreportsNumber},
    domain::{id::RequestId, interface::treports::number, request::Request},
};

use crate::{app::App, problem::Problem};

/// How many requests with the same hash are told apart: with a million requests, two share one once in a while.
const ATTEMPTS: u8 = 8;

/// Its number, always the same.
pub async fn of(app: &Arc<App>, request: &Request, now: Timestamp) -> Result<u32, Problem> {
    for attempt in 0..ATTEMPTS {
        let number = number(request.id, attempt);
        let row = TreportsNumber { tenant: request.tenant.clone(), number, request: request.id, at: now };
        match holder(app, &request.tenant, number).await? {
            Some(holder) if holder == request.id => return Ok(number),
            Some(_) => continue,
            None => {}
        }
        match app.table.write(vec![Write::insert(&row)?]).await {
            Ok(()) => return Ok(number),
            // Somebody asked at the same time, perhaps for the same request.
            Err(TableError::Conflict) if holder(app, &request.tenant, number).await? == Some(request.id) => {
                return Ok(number);
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::unavailable(&"too many generations share their number"))
}

/// The tenant's request of that number, if it was told one.
pub async fn holder(app: &Arc<App>, tenant: &str, number: u32) -> Result<Option<RequestId>, Problem> {
    let row = app.table.get::<TreportsNumber>(&Key::treports_number(tenant, number)).await?;
    Ok(row.map(|row| row.row.request))
}
