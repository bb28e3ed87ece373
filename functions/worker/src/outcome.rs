//! What came of a run, recorded: the row, its link, its figures.

use std::time::Duration;

use waybill::{
    aws::table::{Row, Stored, TableError, Write, keys::Key, rows::LinkRow},
    clock,
    digest::sha256_hex,
    domain::{
        failure::{Failure, FailureCode},
        link::{Link, LinkMode},
        outcome::ReportFile,
        request::{Event, Request, Sealed},
        statistics::{Sample, Statistics},
    },
    seal::random_token,
    telemetry::{self, Unit},
};
use waybill_worker::{ProduceError, Produced, Stop};

use crate::{
    app::App,
    claim::{Changed, Retry, change, change_with, load},
};

/// What a run that went well has to record.
pub struct Made {
    /// The file and its checks.
    pub produced: Produced,
    /// Its managed link, if it gets one.
    pub link: Option<SealedLink>,
    /// Password of its archive, if one was made for it.
    pub password_sealed: Option<String>,
}

/// A new capability: hashed for the link, sealed for the request's row.
pub struct SealedLink {
    hash: String,
    sealed: String,
}

impl SealedLink {
    /// None for a tenant whose links are direct: those are signed when they are shown.
    pub async fn new(app: &App, request: &Request) -> Result<Option<Self>, Retry> {
        if request.link.mode == LinkMode::Direct {
            return Ok(None);
        }
        let capability = random_token();
        let keyring = app.sealing.get().await?;
        let sealed = keyring.seal(capability.expose().as_bytes(), &request.key().associated())?;
        Ok(Some(Self { hash: sha256_hex(capability.expose().as_bytes()), sealed }))
    }
}

/// What is recorded of a managed link, once its request's row says when it ends.
fn link_rows(request: &Request, hash: Option<&str>) -> Result<Vec<Write>, TableError> {
    let Some(link) = hash.and_then(|hash| Link::with_file(request, hash.to_owned())) else { return Ok(vec![]) };
    let mut writes = vec![Write::insert(&link)?];
    if let Some(pointer) = LinkRow::of(&link) {
        writes.push(Write::insert(&pointer)?);
    }
    Ok(writes)
}

/// Writes what came of the run of `claimed`, unless its lease was lost.
pub async fn record(
    app: &App,
    claimed: Stored<Request>,
    owner: String,
    outcome: Result<Made, ProduceError>,
) -> Result<(), Retry> {
    match outcome {
        Ok(made) => Box::pin(succeed(app, claimed, owner, made)).await,
        Err(ProduceError::Stopped(Stop::LeaseLost)) => Ok(()),
        Err(ProduceError::Stopped(stop)) => {
            let detail = "The report did not end within the time that one run may take.";
            tracing::warn!(?stop, "run stopped");
            Box::pin(fail(app, claimed, owner, Failure::new(FailureCode::TimedOut, detail), false)).await
        }
        Err(ProduceError::Failed { failure, retryable, cause }) => {
            tracing::warn!(code = ?failure.code, retryable, detail = failure.detail, cause = cause.map(|c| telemetry::with_causes(&*c)), "run failed");
            Box::pin(fail(app, claimed, owner, failure, retryable)).await
        }
    }
}

/// Deletes an object that nobody will ever be told of. If that fails, the bucket's own rule does it later.
pub async fn discard(app: &App, key: &str) {
    if let Err(error) = app.objects.delete_report(key).await {
        tracing::warn!(%error, "an object without a row is left to the bucket's lifecycle");
    }
}

/// Row, link and outbox event change together, on condition that the lease is still this run's. A loser's
/// object is deleted: the winner has its own.
async fn succeed(app: &App, claimed: Stored<Request>, owner: String, made: Made) -> Result<(), Retry> {
    let Made { produced: Produced { file, checks }, link, password_sealed } = made;
    let request = &claimed.row;
    measure(request, &file);
    let (asked, made) = (request.clone(), file.clone());
    let (hash, link) = link.map(|link| (link.hash, link.sealed)).unzip();
    let event =
        Event::Succeed { owner, file: Box::new(file), checks, sealed: Sealed { link, password: password_sealed } };
    let rows = |next: &Request| link_rows(next, hash.as_deref());
    if let Changed::Refused(refusal) = Box::pin(persevere(app, claimed, &event, &rows)).await? {
        // An answer may have been lost: if the row names this object, it was recorded after all.
        let recorded = load(app, &asked.tenant, asked.id).await?.and_then(|now_there| now_there.row.file);
        if recorded.is_none_or(|file| file.key != made.key) {
            tracing::warn!(%refusal, "outcome not recorded, its object is deleted");
            discard(app, &made.key).await;
            return Ok(());
        }
    }
    let since_request_ms = clock::now().as_millisecond() - asked.created_at.as_millisecond();
    tracing::info!(since_request_ms, "file recorded");
    count(app, &asked, &made).await;
    Ok(())
}

/// Toward the tenant's quotas, and for the next estimate. Neither is worth failing a finished report for.
async fn count(app: &App, request: &Request, file: &ReportFile) {
    let now = clock::now();
    let counted = app.table.count_output(&request.tenant, file.rows, file.object_bytes, now).await;
    if let Err(error) = counted.and(remember(app, request, file.rows).await) {
        tracing::warn!(%error, "figures of this run are not counted");
    }
}

/// Of two runs that end together one may be forgotten.
async fn remember(app: &App, request: &Request, rows: u64) -> Result<(), TableError> {
    let read = app.table.get::<Statistics>(&Key::statistics(&request.tenant, &request.report)).await?;
    let known = read.map_or_else(|| Statistics::new(&request.tenant, &request.report), |read| read.row);
    let sample = Sample { digest: request.run_digest(), days: request.days(), rows, at: clock::now() };
    app.table.write(vec![Write::overwrite(&known.with(sample))?]).await
}

/// A whole run is not thrown away for a table that is busy for seconds.
async fn persevere(
    app: &App,
    read: Stored<Request>,
    event: &Event,
    others: &(dyn Fn(&Request) -> Result<Vec<Write>, TableError> + Sync),
) -> Result<Changed, Retry> {
    for pause_ms in [500, 1000, 2000, 4000] {
        match change_with(app, read.clone(), event, others).await {
            Err(error) => {
                tracing::warn!(%error, "outcome not recorded yet");
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            changed => return changed,
        }
    }
    change_with(app, read, event, others).await
}

async fn fail(
    app: &App,
    claimed: Stored<Request>,
    owner: String,
    failure: Failure,
    transient: bool,
) -> Result<(), Retry> {
    change(app, claimed, &Event::Fail { owner, failure, transient }).await?;
    Ok(())
}

fn measure(request: &Request, file: &ReportFile) {
    let peak = peak_memory_bytes();
    tracing::info!(
        report.id = request.report,
        rows = file.rows,
        plaintext_bytes = file.plaintext_bytes,
        object_bytes = file.object_bytes,
        plan_ms = file.timings.plan_ms,
        encode_ms = file.timings.encode_ms,
        duration_ms = file.timings.total_ms,
        peak_memory_bytes = peak,
        "file produced"
    );
    telemetry::emit(
        &[],
        &[
            ("Rows", Unit::Count, file.rows),
            ("Bytes", Unit::Bytes, file.object_bytes),
            ("RunTime", Unit::Milliseconds, file.timings.total_ms),
            ("PeakMemory", Unit::Bytes, peak.unwrap_or(0)),
        ],
    );
}

/// High-water mark of this process's resident memory, where the kernel tells.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
