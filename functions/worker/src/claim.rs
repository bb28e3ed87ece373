//! Changing a request's row: read, apply the machine, write on condition, carry the effects out.

use std::time::SystemTime;

use waybill::{
    aws::{
        AwsError,
        secrets::SecretError,
        table::{Stored, TableError, Write, keys::Key, requests::Committed},
    },
    clock,
    domain::{
        id::RequestId,
        message::RequestMessage,
        request::{Effect, Event, Refusal, Request},
    },
    seal::SealError,
};

use crate::app::App;

/// How often a change is tried anew when somebody else changed the row in between.
const CONFLICTS: usize = 5;

/// What keeps a request from being worked on now. Its message comes again.
#[derive(Debug, thiserror::Error)]
pub enum Retry {
    /// The table did not do its part.
    #[error(transparent)]
    Table(#[from] TableError),
    /// AWS did not do its part.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A keyring could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The link could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What came of an event.
pub enum Changed {
    /// It was written.
    Written(Box<Stored<Request>>),
    /// It does not apply to the row as it is now.
    Refused(Refusal),
}

/// Applies `event` to the row that `read` was, reading again when somebody was faster.
pub async fn change(app: &App, read: Stored<Request>, event: &Event) -> Result<Changed, Retry> {
    change_with(app, read, event, &|_| Ok(vec![])).await
}

/// The same, with what `others` makes of the new row written in the same transaction.
pub async fn change_with(
    app: &App,
    mut read: Stored<Request>,
    event: &Event,
    others: &(dyn Fn(&Request) -> Result<Vec<Write>, TableError> + Sync),
) -> Result<Changed, Retry> {
    for _ in 0..CONFLICTS {
        let now = clock::now();
        let step = match read.row.apply(event.clone(), now, &app.rules) {
            Ok(step) => step,
            Err(refusal) => return Ok(Changed::Refused(refusal)),
        };
        let along = others(&step.0)?;
        match app.table.commit(&read, step, along, now).await {
            Ok(committed) => return Ok(Changed::Written(Box::new(carry_out(app, committed).await))),
            Err(TableError::Conflict) => {
                let Some(again) = load(app, &read.row.tenant, read.row.id).await? else {
                    return Ok(Changed::Refused(Refusal::Finished));
                };
                read = again;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(TableError::Conflict.into())
}

/// The row as it is now.
pub async fn load(app: &App, tenant: &str, id: RequestId) -> Result<Option<Stored<Request>>, TableError> {
    app.table.get(&Key::request(tenant, id)).await
}

/// What fails here is left to the sweeper: the row, or its outbox event, is due.
pub async fn carry_out(app: &App, committed: Committed) -> Stored<Request> {
    let Committed { request, effects, hand_off } = committed;
    let tenant = &request.row.tenant;
    for effect in effects {
        let Effect::Enqueue { delay_seconds } = effect else { continue };
        let message = RequestMessage::V1 { tenant: tenant.clone(), request: request.row.id, dead: None };
        if let Err(error) = app.requests.send(&message, tenant, delay_seconds).await {
            tracing::warn!(%error, "hand-off left to the sweeper");
        }
    }
    if let Some(message) = hand_off
        && let Err(error) = app.deliveries.send(&message, tenant, 0).await
    {
        tracing::warn!(%error, "hand-off left to the sweeper");
    }
    request
}

/// Time that the run of `request` has: until `deadline` (epoch milliseconds), less what ending properly takes, and no
/// longer than somebody waits for it.
pub fn working_time(request: &Request, deadline: u64) -> std::time::Duration {
    /// Left of the function's time for aborting an upload and recording the outcome.
    const MARGIN: std::time::Duration = std::time::Duration::from_secs(20);
    let ends = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(deadline);
    let left = ends.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(MARGIN);
    let waited_for = request.answer_by.map(|answer_by| answer_by.duration_since(clock::now()));
    waited_for.map_or(left, |wait| left.min(wait.try_into().unwrap_or_default()))
}
