//! The data path as one call.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use object_store::{ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder};
use tokio::{
    sync::{
        mpsc::{self, Receiver, Sender},
        watch,
    },
    task::AbortHandle,
};
use waybill::{
    clock,
    digest::sha256_hex,
    domain::{
        check::CheckOutcome,
        failure::FailureCode,
        outcome::{ReportFile, Timings},
    },
};
use waybill_deflate::Level;

use crate::{
    Job, ProduceError, Progress, Stop,
    checks::Figures,
    engine::{Engine, Query, Rows, Run, datafusion::DataFusion},
    format,
    manifest::{Manifest, Signers},
    package::{Feed, Packaged, Packager, Part, PartWriter},
    sink::{Sink, Writing},
    upload::Target,
};

/// Batches between query and packager. Two keep both busy; more would only hold memory.
const BATCHES_AHEAD: usize = 2;

/// How long one read of the lake may take, including the time that the pipeline takes to accept it.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// Memory that is assumed where the function's is not known, in MiB.
const DEFAULT_MEMORY_MIB: usize = 1_024;

/// What every run in this process shares.
#[derive(Clone)]
pub struct Context {
    /// Runs the SQL.
    pub engine: DataFusion,
    /// Takes the files.
    pub sink: Sink,
    /// Sign them, and their manifests.
    pub signers: Signers,
    /// Of deflate: how much work is put into smaller files.
    pub level: Level,
}

impl Context {
    /// Over buckets, with region, endpoint, credentials, memory and the folder for spilling as the function's
    /// environment says.
    pub fn from_env(
        client: aws_sdk_s3::Client,
        lake_bucket: &str,
        report_bucket: &str,
        signers: Signers,
    ) -> Result<Self, object_store::Error> {
        // A plain endpoint is only ever the local cloud's.
        let plain = std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| url.starts_with("http://"));
        let options = ClientOptions::new().with_timeout(READ_TIMEOUT).with_allow_http(plain);
        let lake = AmazonS3Builder::from_env().with_bucket_name(lake_bucket);
        let lake = lake.with_client_options(options).with_retry(patient()).build()?;
        let memory = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok().and_then(|mib| mib.parse().ok());
        let memory = memory.unwrap_or(DEFAULT_MEMORY_MIB) << 20;
        Ok(Self {
            engine: DataFusion::new(Arc::new(lake) as Arc<dyn ObjectStore>, memory, spill_folder()),
            sink: Sink::Bucket { client, name: report_bucket.to_owned() },
            signers,
            level: deflate_level(),
        })
    }
}

/// As the operator has set it; what is no level is as if nothing was set.
fn deflate_level() -> Level {
    let set = waybill::config::optional("WAYBILL_DEFLATE_LEVEL").parse().ok();
    set.and_then(Level::from_number).unwrap_or(Level::Fast)
}

/// A body that is read slowly, because the pipeline is busy, is resumed for as long as a run may last.
fn patient() -> RetryConfig {
    RetryConfig { max_retries: 20, retry_timeout: Duration::from_secs(900), ..RetryConfig::default() }
}

/// One per sandbox: a runtime that was killed and restarted in it finds, and wipes, what it had left.
fn spill_folder() -> PathBuf {
    let sandbox = std::env::var("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_else(|_| std::process::id().to_string());
    let name: String = sandbox.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    std::env::temp_dir().join(format!("waybill-spill-{name}"))
}

/// What a run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// The file in the sink.
    pub file: ReportFile,
    /// What came of the definition's checks, in its order. The file is there whether they hold or not.
    pub checks: Vec<CheckOutcome>,
}

/// Runs `job` and leaves its file in the sink, or nothing. `stop` is looked at all along: once it holds a
/// [`Stop`], the run ends promptly.
///
/// Dropping the future ends the run too, but then the upload is aborted in the background. A run that ends while
/// S3 completes its object may leave it there although this returns an error: delete the key then.
pub async fn produce(
    job: &Job,
    context: &Context,
    progress: Arc<Progress>,
    stop: watch::Receiver<Option<Stop>>,
) -> Result<Produced, ProduceError> {
    format::check_columns(job.format, &job.definition)?;
    let target = Target {
        key: job.key(),
        media_type: job.wrapping.media_type(job.format, job.package.kind()),
        file_name: job.file_name(),
    };
    let mut writing = context.sink.open(target);
    let result = tokio::select! {
        biased;
        result = run(job, context, progress, &mut writing) => result,
        stop = stopped(stop) => Err(ProduceError::Stopped(stop)),
        () = out_of_time(job.definition.limits.timeout_seconds) => {
            let detail = "The report did not end within its time limit.";
            Err(ProduceError::permanent(FailureCode::TimedOut, detail))
        }
    };
    if result.is_err() {
        writing.abort().await;
    }
    result
}

/// Resolves when a stop is asked for. Where nobody can ask any more, never.
async fn stopped(mut stop: watch::Receiver<Option<Stop>>) -> Stop {
    let asked = stop.wait_for(Option::is_some).await.ok().and_then(|asked| *asked);
    match asked {
        Some(stop) => stop,
        None => std::future::pending().await,
    }
}

async fn out_of_time(limit: Option<u32>) {
    match limit {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
        None => std::future::pending().await,
    }
}

async fn run(
    job: &Job,
    context: &Context,
    progress: Arc<Progress>,
    writing: &mut Writing,
) -> Result<Produced, ProduceError> {
    let (started, as_of) = (Instant::now(), clock::now());
    let (batch_sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let (part_sender, parts) = mpsc::channel(1);

    // Dropped with this future, the guard ends the query; the channels that close with it end the packager.
    // A task of its own also keeps a panic in the query, which damaged files can bring about, to this run.
    let querying = tokio::spawn(query(job.clone(), context.engine.clone(), batch_sender));
    let _guard = AbortOnDrop(querying.abort_handle());
    let packager = Packager {
        job: job.clone(),
        document: job.document(as_of),
        feed: batches,
        progress,
        signers: context.signers.clone(),
        scratch: context.engine.scratch().to_owned(),
        level: context.level,
    };
    let packaging = tokio::task::spawn_blocking(move || packager.run(PartWriter::new(part_sender)));

    let whole = store(parts, writing).await.map_err(ProduceError::internal)?;
    // Whose failure it was is known by who failed first in the direction of the data.
    let Queried { first_row, checks } = querying.await.map_err(ProduceError::internal)??;
    let Packaged { files, plaintext, object, busy } = packaging.await.map_err(ProduceError::internal)??;
    if !whole {
        return Err(ProduceError::internal("the package has no last part"));
    }
    let manifest = Manifest::of(job, as_of, &files).beside(&job.file_name(), &object).canonical()?;
    let signatures = context.signers.sign(&manifest)?;
    let manifest_sha256 = sha256_hex(&manifest);
    let stored = context.sink.put_manifest(&job.manifest_key(), manifest, &signatures).await;
    stored.map_err(ProduceError::internal)?;
    let file = ReportFile {
        key: job.key(),
        name: job.file_name(),
        rows: files.iter().map(|file| file.rows).sum(),
        parts: u32::try_from(files.len()).unwrap_or(u32::MAX),
        plaintext_bytes: plaintext.0,
        plaintext_sha256: plaintext.1,
        object_bytes: object.0,
        object_sha256: object.1,
        manifest_sha256: Some(manifest_sha256),
        timings: Timings {
            plan_ms: milliseconds(first_row.duration_since(started)),
            encode_ms: milliseconds(busy),
            total_ms: milliseconds(started.elapsed()),
        },
    };
    Ok(Produced { file, checks })
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a query that was run to its end leaves.
struct Queried {
    /// When the first row came, or the end if none did.
    first_row: Instant,
    checks: Vec<CheckOutcome>,
}

/// Feeds the packager, then makes the checks. Until they are made the packager waits for the end of its rows: so while
/// they run the rest of the file is packaged and uploaded, but a run that fails in them completes no file.
async fn query(job: Job, engine: DataFusion, batches: Sender<Feed>) -> Result<Queried, ProduceError> {
    let query = Query {
        definition: &job.definition,
        parameters: &job.parameters,
        tenant: &job.tenant,
        filter: job.filter.as_ref(),
    };
    let Run { schema, exact_rows, rows, controls } = engine.run(query).await?;
    if let Some(rows) = exact_rows {
        format::check_result(job.format, rows, job.wrapping.split, &job.definition)?;
    }
    // A packager that is gone has failed, and says why itself.
    let _ = batches.send(Feed::Begin(schema)).await;
    let mut figures = Figures::new(&job.definition);
    let first_row = feed(rows, &batches, &mut figures, job.definition.limits.max_rows).await?;
    let checks = tokio::select! {
        outcomes = figures.outcomes(&job.definition, controls) => outcomes?,
        // As in `feed`.
        () = batches.closed() => vec![],
    };
    let _ = batches.send(Feed::End).await;
    Ok(Queried { first_row, checks })
}

/// Moves batches from the query to the packager. Returns when the first row came, or the end if none did.
async fn feed(
    mut rows: Rows,
    batches: &Sender<Feed>,
    figures: &mut Figures,
    max_rows: Option<u64>,
) -> Result<Instant, ProduceError> {
    let mut first = None;
    loop {
        let batch = tokio::select! {
            batch = rows.next() => batch,
            // A packager that is gone has failed, and says why itself.
            () = batches.closed() => break,
        };
        let Some(batch) = batch.transpose()? else { break };
        first.get_or_insert_with(Instant::now);
        let count = figures.add(&batch)?;
        if let Some(max) = max_rows.filter(|max| count > *max) {
            let detail = format!("The report has more than the {max} rows that its definition allows.");
            return Err(ProduceError::permanent(FailureCode::TooLarge, detail));
        }
        if batches.send(Feed::Rows(batch)).await.is_err() {
            break;
        }
    }
    Ok(first.unwrap_or_else(Instant::now))
}

/// Moves parts from the packager to the sink. Returns whether the last one came.
async fn store(mut parts: Receiver<Part>, writing: &mut Writing) -> Result<bool, crate::error::Cause> {
    while let Some(part) = parts.recv().await {
        match part {
            Part::Full(bytes) => writing.push(bytes).await?,
            Part::Last(bytes) => {
                writing.finish(bytes).await?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
