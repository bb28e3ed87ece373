//! The story of one run: claim, produce, record.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::sync::watch;
use uuid::Uuid;
use waybill::{
    aws::{
        config_store::ConfigError,
        table::{Row, Stored, Write, keys::Key, rows::LinkRow},
    },
    clock,
    domain::{
        definition::{Definition, parameter},
        failure::{Failure, FailureCode},
        id::RequestId,
        link::Link,
        outcome::{Packaging, ReportFile},
        request::{Event, Request, Status},
        secret::Secret,
        tenant::Tenant,
    },
    openpgp::RecipientKey,
    seal::random_token,
    telemetry::{self, Unit},
};
use waybill_worker::{Job, Package, ProduceError, Progress, Stop, produce};

use crate::{
    app::App,
    claim::{Changed, Retry, change, load, working_time},
    lease,
};

/// Runs a request unless it is over, or under way elsewhere.
pub async fn run(app: &App, tenant: &str, id: RequestId, deadline: u64) -> Result<(), Retry> {
    let Some(read) = load(app, tenant, id).await? else {
        tracing::warn!("a message for a request that is not there");
        return Ok(());
    };
    let owner = owner();
    let claimed = match change(app, read, &Event::Claim { owner: owner.clone() }, &[]).await? {
        Changed::Written(claimed) => *claimed,
        Changed::Refused(refusal) => {
            tracing::info!(%refusal, "message acknowledged");
            return Ok(());
        }
    };
    discard_lost_attempts(app, &claimed.row).await;
    if claimed.row.status != Status::Running {
        tracing::error!("request failed: every attempt was lost");
        return Ok(());
    }
    tracing::info!(attempt = claimed.row.attempt, report.id = claimed.row.report, "run begins");
    let outcome = Box::pin(produced(app, &claimed, &owner, deadline)).await;
    if outcome.is_err() {
        // A run that is stopped while S3 completes its object may leave it there.
        discard(app, &object_key(&claimed.row, claimed.row.attempt)).await;
    }
    record(app, claimed, owner, outcome).await
}

/// A token of its own for every claim, which also tells support whose log has the run.
fn owner() -> String {
    let log_stream = std::env::var("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_default();
    format!("{log_stream}#{}", Uuid::new_v4())
}

/// What a run that went well has to record.
struct Made {
    file: ReportFile,
    link: SealedLink,
}

/// A new capability: in the clear for the link's key, sealed for the request's row.
struct SealedLink {
    capability: Secret<String>,
    sealed: String,
}

impl SealedLink {
    async fn new(app: &App, request: &Request) -> Result<Self, Retry> {
        let capability = random_token();
        let keyring = app.sealing.get().await?;
        let sealed = keyring.seal(capability.expose().as_bytes(), &request.key().associated())?;
        Ok(Self { capability, sealed })
    }
}

/// The file, with the lease kept all along.
async fn produced(app: &App, claimed: &Stored<Request>, owner: &str, deadline: u64) -> Result<Made, ProduceError> {
    let progress = Arc::new(Progress::default());
    let (stop, stopped) = watch::channel(None);
    let keeper = lease::keep(app, claimed.clone(), owner, working_time(deadline), Arc::clone(&progress), stop.clone());
    let work = async {
        // Whatever the outcome needs is had before the work that it would otherwise waste.
        let link = SealedLink::new(app, &claimed.row).await.map_err(ProduceError::internal)?;
        let job = job(app, &claimed.row).await?;
        let key = app.signing.get().await.map_err(ProduceError::internal)?;
        let context = app.data_path((*key).clone()).map_err(ProduceError::internal)?;
        let file = produce(&job, &context, progress, stopped).await?;
        Ok(Made { file, link })
    };
    tokio::pin!(work, keeper);
    tokio::select! {
        outcome = &mut work => outcome,
        // It has called for the end; the work now ends by itself.
        () = &mut keeper => work.await,
    }
}

/// What is to be produced, from what was asked and what holds now.
async fn job(app: &App, request: &Request) -> Result<Job, ProduceError> {
    let definition = app.config.definition(&request.tenant, &request.report).await.map_err(|error| match error {
        ConfigError::Aws(error) => ProduceError::internal(error),
        invalid @ ConfigError::Invalid { .. } => broken_definition().because(invalid),
    })?;
    let definition = definition.ok_or_else(broken_definition)?;
    Ok(Job {
        parameters: placeholders(request, &definition)?,
        package: package(app, request).await?,
        tenant: request.tenant.clone(),
        format: request.format,
        key: object_key(request, request.attempt),
        file_name: file_name(request),
        definition,
    })
}

fn file_name(request: &Request) -> String {
    format!("{}-{}.{}{}", request.report, request.id, request.format.name(), request.packaging.suffix())
}

/// Every attempt has a key of its own, so that none can overwrite another's file.
fn object_key(request: &Request, attempt: u32) -> String {
    format!("{}/{}/{attempt}/{}", request.tenant, request.id, file_name(request))
}

/// A run that was killed between its upload and its outcome has left an object that no row names.
async fn discard_lost_attempts(app: &App, request: &Request) {
    let ended = u32::from(request.status != Status::Running);
    for attempt in 1..request.attempt + ended {
        discard(app, &object_key(request, attempt)).await;
    }
}

/// Deletes an object that nobody will ever be told of. If that fails, the bucket's own rule does it later.
async fn discard(app: &App, key: &str) {
    if let Err(error) = app.objects.delete(key).await {
        tracing::warn!(%error, "an object without a row is left to the bucket's lifecycle");
    }
}

fn broken_definition() -> ProduceError {
    ProduceError::permanent(FailureCode::DefinitionInvalid, "The definition of this report is missing or broken.")
}

/// As resolved when the request was recorded, or anew if the definition has changed since.
fn placeholders(request: &Request, definition: &Definition) -> Result<parameter::Placeholders, ProduceError> {
    if definition.version == request.report_version {
        return Ok(request.resolved.clone());
    }
    let none = serde_json::Map::new();
    let given = request.parameters.as_object().unwrap_or(&none);
    parameter::resolve(definition, given).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let detail = format!("The report's definition has changed since the request: {}", faults.join(" "));
        ProduceError::permanent(FailureCode::ParameterInvalid, detail)
    })
}

/// Every recipient key that is valid now; those that no longer are do not keep the others from their report.
async fn package(app: &App, request: &Request) -> Result<Package, ProduceError> {
    if request.packaging == Packaging::Plain {
        return Ok(Package::Plain);
    }
    let tenant = app.table.get::<Tenant>(&Key::tenant(&request.tenant)).await.map_err(ProduceError::internal)?;
    let now = clock::now();
    let mut recipients = Vec::new();
    for record in tenant.iter().flat_map(|tenant| &tenant.row.recipient_keys) {
        match RecipientKey::parse(&record.armored, now) {
            Ok(key) => recipients.push(key),
            Err(fault) => tracing::warn!(key.fingerprint = record.fingerprint, %fault, "recipient key left out"),
        }
    }
    if recipients.is_empty() {
        let detail = "The tenant has no recipient key that is valid now.";
        return Err(ProduceError::permanent(FailureCode::EncryptionKeyInvalid, detail));
    }
    Ok(Package::Openpgp(recipients))
}

async fn record(
    app: &App,
    claimed: Stored<Request>,
    owner: String,
    outcome: Result<Made, ProduceError>,
) -> Result<(), Retry> {
    match outcome {
        Ok(made) => succeed(app, claimed, owner, made).await,
        Err(ProduceError::Stopped(Stop::LeaseLost)) => Ok(()),
        Err(ProduceError::Stopped(stop)) => {
            let detail = "The report did not end within the time that one run may take.";
            tracing::warn!(?stop, "run stopped");
            fail(app, claimed, owner, Failure::new(FailureCode::TimedOut, detail), false).await
        }
        Err(ProduceError::Failed { failure, retryable, cause }) => {
            tracing::warn!(code = ?failure.code, retryable, detail = failure.detail, cause = cause.map(|c| telemetry::with_causes(&*c)), "run failed");
            fail(app, claimed, owner, failure, retryable).await
        }
    }
}

/// Row, link and outbox event change together, on condition that the lease is still this run's. A loser's
/// object is deleted: the winner has its own.
async fn succeed(app: &App, claimed: Stored<Request>, owner: String, made: Made) -> Result<(), Retry> {
    let Made { file, link } = made;
    let request = &claimed.row;
    measure(request, &file);
    let (id, tenant, created_at) = (request.id, request.tenant.clone(), request.created_at);
    let key = file.key.clone();
    let now = clock::now();
    let row = LinkRow {
        capability: link.capability.expose().clone(),
        link: Link {
            tenant: tenant.clone(),
            request: id,
            key: key.clone(),
            created_at: now,
            expires_at: now + SignedDuration::from_hours(i64::from(request.retention_hours)),
        },
    };
    let event = Event::Succeed { owner, file, link_sealed: link.sealed };
    if let Changed::Refused(refusal) = persevere(app, claimed, &event, &[Write::insert(&row)?]).await? {
        // An answer may have been lost: if the row names this object, it was recorded after all.
        let recorded = load(app, &tenant, id).await?.and_then(|now_there| now_there.row.file);
        if recorded.is_none_or(|file| file.key != key) {
            tracing::warn!(%refusal, "outcome not recorded, its object is deleted");
            discard(app, &key).await;
            return Ok(());
        }
    }
    tracing::info!(since_request_ms = now.as_millisecond() - created_at.as_millisecond(), "request succeeded");
    Ok(())
}

/// A whole run is not thrown away for a table that is busy for seconds.
async fn persevere(app: &App, read: Stored<Request>, event: &Event, others: &[Write]) -> Result<Changed, Retry> {
    for pause_ms in [500, 1000, 2000, 4000] {
        match change(app, read.clone(), event, others).await {
            Err(error) => {
                tracing::warn!(%error, "outcome not recorded yet");
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            changed => return changed,
        }
    }
    change(app, read, event, others).await
}

async fn fail(
    app: &App,
    claimed: Stored<Request>,
    owner: String,
    failure: Failure,
    transient: bool,
) -> Result<(), Retry> {
    let code = failure.code;
    let event = Event::Fail { owner, failure, transient };
    if let Changed::Written(written) = change(app, claimed, &event, &[]).await?
        && written.row.status == Status::Failed
    {
        let code = format!("{code:?}");
        telemetry::emit(&[("Outcome", "failed"), ("Code", &code)], &[("Reports", Unit::Count, 1)]);
    }
    Ok(())
}

fn measure(request: &Request, file: &ReportFile) {
    let peak = peak_memory_bytes();
    tracing::info!(
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
        &[("Outcome", "succeeded"), ("Report", &request.report)],
        &[
            ("Reports", Unit::Count, 1),
            ("Rows", Unit::Count, file.rows),
            ("ObjectBytes", Unit::Bytes, file.object_bytes),
            ("RunDuration", Unit::Milliseconds, file.timings.total_ms),
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
