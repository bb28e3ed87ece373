//! One report, from a lake in a folder into a folder.
//!
//! DEFINITION is a TOML file, PARAMETERS a JSON object as in a request, OUT the folder for the file. FORMAT is the
//! definition's first unless given. PACKAGE is `plain` (default), `gzip`, `zstd`, `aes256`, `zipcrypto`, or an armored
//! key to encrypt to. Prints a line: rows, bytes before and after packaging, seconds, rows per second and, on Linux, the
//! peak of resident memory; then a line for each check of the definition.

use std::{env, error::Error, fs, path::Path, sync::Arc};

use object_store::local::LocalFileSystem;
use tokio::sync::watch;
use waybill::{
    aws::secrets::SigningKeys,
    domain::{
        definition::{
            parameter::{self, Reckoning},
            parse,
        },
        outcome::Format,
        password::{DEFAULT_ALPHABET, DEFAULT_LENGTH},
        style::Style,
        wrapping::{Compression, Wrapping, ZipCipher},
    },
    openpgp::{RecipientKey, ServiceKey, generate_service_key},
    seal::random_password,
};
use waybill_deflate::Level;
use waybill_worker::{
    Context, Job, Package, Produced, Progress, engine::datafusion::DataFusion, manifest::Signers, produce, sink::Sink,
};

/// Memory of the function as it is deployed, in bytes.
const MEMORY: usize = 3_538 << 20;

/// The report that is to be made.
pub fn job(
    definition: &str,
    tenant: &str,
    parameters: &str,
    how: &[&str],
) -> Result<Job, Box<dyn Error + Send + Sync>> {
    let faults = |faults: &dyn std::fmt::Debug| format!("{faults:#?}");
    let file = Path::new(definition).file_name().unwrap_or_default().to_string_lossy();
    let definition = parse::parse(&file, &fs::read_to_string(definition)?).map_err(|found| faults(&found))?;
    let asked: serde_json::Map<_, _> = serde_json::from_str(parameters)?;
    let reckoning = Reckoning::of(None, waybill::clock::now());
    let parameters = parameter::resolve(&definition, &asked, &reckoning).map_err(|f| faults(&f))?.placeholders;
    let now = jiff::Timestamp::now();
    let package = package(how.get(1).unwrap_or(&"plain"), now)?;
    let compression = if let Package::Plain(compression) = &package { *compression } else { Compression::None };
    let format = match how.first() {
        Some(name) => Format::from_name(name).ok_or("no such format")?,
        None => *definition.formats.first().ok_or("no format")?,
    };
    Ok(Job {
        stem: definition.id.clone(),
        definition: Arc::new(definition),
        parameters,
        asked: asked.into(),
        filter: None,
        tenant: tenant.to_owned(),
        request: "bench".to_owned(),
        format,
        style: Style::default(),
        package,
        wrapping: Wrapping { compression, ..Wrapping::default() },
        folder: String::new(),
    })
}

/// Where it comes from and goes to.
pub fn context(lake: &str, out: &str) -> Result<Context, Box<dyn Error + Send + Sync>> {
    let spill = env::temp_dir().join(format!("waybill-bench-{}", std::process::id()));
    Ok(Context {
        engine: DataFusion::new(Arc::new(LocalFileSystem::new_with_prefix(lake)?), MEMORY, spill),
        sink: Sink::Folder(out.into()),
        signers: Signers::new(Arc::new(SigningKeys {
            openpgp: ServiceKey::parse(&generate_service_key("Waybill", jiff::Timestamp::now())?)?,
            webhook: None,
        })),
        level: level()?,
    })
}

/// As the function's.
fn level() -> Result<Level, Box<dyn Error + Send + Sync>> {
    let set = env::var("WAYBILL_DEFLATE_LEVEL").unwrap_or_else(|_| "1".to_owned());
    Level::from_number(set.parse()?).ok_or_else(|| "no such level".into())
}

/// Makes it, and prints its figures.
pub async fn run(job: Job, lake: &str, out: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let context = context(lake, out)?;
    let (_ask, stop) = watch::channel(None);
    let Produced { file: report, checks } = produce(&job, &context, Arc::new(Progress::default()), stop).await?;
    fs::remove_dir_all(context.engine.scratch())?;
    let seconds = f64::from(u32::try_from(report.timings.total_ms)?) / 1e3;
    let rate = f64::from(u32::try_from(report.rows)?) / seconds;
    println!(
        "{:>11} rows  {:<7}  {:<7}  {:>6} MB -> {:>6} MB  {seconds:>7.2} s  {rate:>9.0} rows/s  peak memory {}",
        report.rows,
        job.format.name(),
        job.package.kind().name(),
        report.plaintext_bytes / 1_000_000,
        report.object_bytes / 1_000_000,
        peak().unwrap_or_else(|| "unknown".to_owned()),
    );
    for check in checks {
        println!("{:>11} check {}: {}", if check.passed { "passed" } else { "FAILED" }, check.name, check.detail);
    }
    Ok(())
}

/// What files are wrapped in, by the name of it.
pub fn package(name: &str, now: jiff::Timestamp) -> Result<Package, Box<dyn Error + Send + Sync>> {
    let zip = |cipher| Package::Zip { cipher, password: random_password(DEFAULT_LENGTH, DEFAULT_ALPHABET) };
    Ok(match name {
        "plain" => Package::Plain(Compression::None),
        "gzip" => Package::Plain(Compression::Gzip),
        "zstd" => Package::Plain(Compression::Zstd),
        "aes256" => zip(ZipCipher::Aes256),
        "zipcrypto" => zip(ZipCipher::Zipcrypto),
        key => Package::Openpgp(vec![RecipientKey::parse(&fs::read_to_string(key)?, now)?]),
    })
}

fn peak() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|peak| peak.trim().to_owned())
}
