//! Word to a lane: any message of a delivery in it will do.

use super::{
    AwsError,
    queue::Queue,
    table::{
        Table, TableError,
        keys::{self, WAITING},
        pages::PageQuery,
    },
};
use crate::domain::{
    lane::Waiting,
    message::{DeliveryMessage, DeliveryTask},
};

/// Sends the message of a delivery that waits, to arrive after `delay_seconds` (0–900).
pub async fn rouse(queue: &Queue, waiting: &Waiting, delay_seconds: u32) -> Result<(), AwsError> {
    let message = DeliveryMessage::V1 {
        tenant: waiting.tenant.clone(),
        request: waiting.request,
        task: DeliveryTask::Attempt(waiting.delivery),
        dead: None,
    };
    queue.send(&message, &waiting.tenant, delay_seconds).await
}

/// Wakes a lane, if anything waits in it: whether it does.
pub async fn wake(
    table: &Table,
    queue: &Queue,
    tenant: &str,
    lane: &str,
    delay_seconds: u32,
) -> Result<bool, TableError> {
    let query =
        PageQuery { from: WAITING.to_owned(), to: format!("{WAITING}~"), newest_first: false, limit: 1, after: None };
    let Some(first) = table.page(&keys::lane(tenant, lane), query).await?.rows.into_iter().next() else {
        return Ok(false);
    };
    rouse(queue, &first.read::<Waiting>()?.row, delay_seconds).await?;
    Ok(true)
}
