//! The story of one run: take a turn, produce, record, give the slot back.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::Instrument;
use uuid::Uuid;
use waybill::{
    aws::table::keys::Key,
    domain::{id::RequestId, request::Request, tenant::Tenant},
};
use waybill_worker::{ProduceError, Progress, produce};

use crate::{
    admission::{Turn, take_turn},
    app::App,
    claim::{Retry, working_time},
    lease,
    outcome::{Made, SealedLink, discard, record},
    work::Work,
};

/// Runs what is the tenant's turn: the message's request `id`, or one that has waited longer.
pub async fn run(app: &App, tenant: &str, id: RequestId, deadline: u64) -> Result<(), Retry> {
    let tenant = app.table.get::<Tenant>(&Key::tenant(tenant)).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.row.erasure.is_none()) else {
        tracing::warn!("a message for a tenant that is not there, or is being erased");
        return Ok(());
    };
    let owner = owner();
    let Some(turn) = Box::pin(take_turn(app, &tenant.row, id, &owner)).await? else { return Ok(()) };
    let request = &turn.claimed.row;
    // Of a line's spans only the innermost is written: it says all there is to say.
    let span = tracing::info_span!("run", tenant.id = request.tenant, request.id = %request.id, request.attempt = request.attempt);
    let outcome = Box::pin(in_turn(app, &tenant.row, &turn, owner, deadline)).instrument(span).await;
    turn.slot.leave(app).await;
    outcome
}

async fn in_turn(app: &App, tenant: &Tenant, turn: &Turn, owner: String, deadline: u64) -> Result<(), Retry> {
    let request = &turn.claimed.row;
    discard_lost_attempts(app, request).await;
    tracing::info!(report.id = request.report, slot = turn.slot.number().await, "run begins");
    let outcome = Box::pin(produced(app, tenant, turn, &owner, deadline)).await;
    if outcome.is_err() {
        // A run that is stopped while S3 completes its object may leave it there.
        discard(app, &request.object_key(request.attempt)).await;
    }
    Box::pin(record(app, turn.claimed.clone(), owner, outcome)).await
}

/// A token of its own for every claim, which also tells support whose log has the run.
fn owner() -> String {
    let log_stream = std::env::var("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_default();
    format!("{log_stream}#{}", Uuid::new_v4())
}

/// The file, with lease and slot kept all along.
async fn produced(app: &App, tenant: &Tenant, turn: &Turn, owner: &str, deadline: u64) -> Result<Made, ProduceError> {
    let request = &turn.claimed.row;
    let progress = Arc::new(Progress::default());
    let (stop, stopped) = watch::channel(None);
    let keeper = lease::keep(app, turn, owner, working_time(request, deadline), Arc::clone(&progress), stop.clone());
    let work = async {
        // Whatever the outcome needs is had before the work that it would otherwise waste.
        let link = SealedLink::new(app, request).await.map_err(ProduceError::internal)?;
        let Work { job, password_sealed } = Work::of(app, tenant, request).await?;
        let keys = app.signing.get().await.map_err(ProduceError::internal)?;
        let context = app.data_path(keys).map_err(ProduceError::internal)?;
        let produced = produce(&job, &context, progress, stopped).await?;
        Ok(Made { produced, link, password_sealed })
    };
    tokio::pin!(work, keeper);
    tokio::select! {
        outcome = &mut work => outcome,
        // It has called for the end; the work now ends by itself.
        () = &mut keeper => work.await,
    }
}

/// A run that was killed between its upload and its outcome has left an object that no row names.
async fn discard_lost_attempts(app: &App, request: &Request) {
    for attempt in 1..request.attempt {
        discard(app, &request.object_key(attempt)).await;
    }
}
