//! Measures the data path without AWS, on a lake in a folder:
//!
//! `waybill-bench LAKE DEFINITION TENANT PARAMETERS OUT [FORMAT [PACKAGE]]`
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

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [lake, definition, tenant, parameters, out, how @ ..] = arguments.as_slice() else {
        return Err("usage: waybill-bench LAKE DEFINITION TENANT PARAMETERS OUT [FORMAT [PACKAGE]]".into());
    };
    let faults = |faults: &dyn std::fmt::Debug| format!("{faults:#?}");
    let file = Path::new(definition).file_name().unwrap_or_default().to_string_lossy();
    let definition = parse::parse(&file, &fs::read_to_string(definition)?).map_err(|found| faults(&found))?;
    let asked: serde_json::Map<_, _> = serde_json::from_str(parameters)?;
    let reckoning = Reckoning::of(None, waybill::clock::now());
    let parameters = parameter::resolve(&definition, &asked, &reckoning).map_err(|f| faults(&f))?.placeholders;
    let now = jiff::Timestamp::now();
    let package = package(how.get(1).map_or("plain", String::as_str), now)?;
    let compression = if let Package::Plain(compression) = &package { *compression } else { Compression::None };
    let format = match how.first() {
        Some(name) => Format::from_name(name).ok_or("no such format")?,
        None => *definition.formats.first().ok_or("no format")?,
    };
    let job = Job {
        stem: definition.id.clone(),
        definition: Arc::new(definition),
        parameters,
        asked: asked.into(),
        filter: None,
        tenant: tenant.clone(),
        request: "bench".to_owned(),
        format,
        style: Style::default(),
        package,
        wrapping: Wrapping { compression, ..Wrapping::default() },
        folder: String::new(),
    };
    let spill = env::temp_dir().join(format!("waybill-bench-{}", std::process::id()));
    let context = Context {
        engine: DataFusion::new(Arc::new(LocalFileSystem::new_with_prefix(lake)?), MEMORY, spill.clone()),
        sink: Sink::Folder(out.into()),
        signers: Signers::new(Arc::new(SigningKeys {
            openpgp: ServiceKey::parse(&generate_service_key("Waybill", now)?)?,
            webhook: None,
        })),
        level: Level::Fast,
    };
    let (_ask, stop) = watch::channel(None);
    let Produced { file: report, checks } = produce(&job, &context, Arc::new(Progress::default()), stop).await?;
    fs::remove_dir_all(spill)?;
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

fn package(name: &str, now: jiff::Timestamp) -> Result<Package, Box<dyn Error>> {
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
