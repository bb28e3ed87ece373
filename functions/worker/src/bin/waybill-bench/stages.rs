//! The stages of one report by themselves, one after the other. Prints a JSON object for each: MB of formatted text per
//! second. On one processor that is what a thread does of it.

use std::{
    error::Error,
    fs,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;
use waybill::domain::outcome::Format;
use waybill_deflate::{Deflate, Level};
use waybill_worker::{
    Context, Job, Package,
    engine::{Engine, Query},
    format,
    meter::Meter,
    package::{Part, PartWriter},
    upload::Target,
};

/// Text that is kept for the stages after the encoder.
const KEPT: usize = 256 << 20;

/// Pieces in which text reaches a package.
const PIECE: usize = 256 << 10;

/// A file that is not compressed once more: so packages encrypt it, and do little else.
const COMPRESSED: &str = "lineitem.xlsx";

/// Measures the stages of that report.
pub async fn run(job: &Job, lake: &str, out: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let context = super::report::context(lake, out)?;
    let text = scan_and_encode(job, &context).await?;
    let plain = text.len();
    told(
        "digest",
        plain,
        timed(|| {
            let mut meter = Meter::default();
            text.chunks(PIECE).for_each(|piece| meter.update(piece));
            meter.finish()
        })
        .1,
    );
    for (name, level) in
        [("compress", Level::Fast), ("compress, zlib 2", Level::Zlib(2)), ("compress, zlib 6", Level::Zlib(6))]
    {
        let (compressed, took) = timed(|| compress(&text, level));
        println!(
            "{}",
            json!({ "stage": name, "mb_per_s": rate(plain, took), "ratio": share(plain, compressed?.len()) })
        );
    }
    let compressed = compress(&text, context.level)?;
    drop(text);
    let now = jiff::Timestamp::now();
    let packages = [
        ("encrypt, ZIP AES-256", super::report::package("aes256", now)?),
        ("encrypt, ZipCrypto", super::report::package("zipcrypto", now)?),
        ("encrypt and sign, OpenPGP", job.package.clone()),
        ("no encryption", super::report::package("plain", now)?),
    ];
    for (name, package) in packages {
        let (packaged, took) = timed(|| tokio::task::block_in_place(|| encrypt(&package, &compressed, &context)));
        packaged?;
        told(name, plain, took);
    }
    let began = Instant::now();
    sink(&context, compressed.into()).await?;
    told("sink (folder)", plain, began.elapsed());
    fs::remove_dir_all(context.engine.scratch())?;
    Ok(())
}

/// The first part of the report's text. Told are the rates over all of it.
async fn scan_and_encode(job: &Job, context: &Context) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let query = Query { definition: &job.definition, parameters: &job.parameters, tenant: &job.tenant, filter: None };
    let began = Instant::now();
    let mut run = context.engine.run(query).await?;
    let mut encoder =
        format::encoder(Format::Csv, &job.document(jiff::Timestamp::now()), &run.schema, context.engine.scratch())?;
    let (mut scanning, mut encoding) = (began.elapsed(), Duration::ZERO);
    let (mut kept, mut bytes, mut total) = (Vec::with_capacity(KEPT), Vec::new(), 0);
    loop {
        let began = Instant::now();
        let Some(batch) = run.rows.next().await.transpose()? else { break };
        scanning += began.elapsed();
        bytes.clear();
        let (encoded, took) = timed(|| encoder.encode(&batch, 0, &mut bytes));
        encoded?;
        encoding += took;
        total += bytes.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(KEPT - kept.len())]);
    }
    told("scan", total, scanning);
    told("encode, CSV", total, encoding);
    Ok(kept)
}

fn compress(text: &[u8], level: Level) -> Result<Vec<u8>, std::io::Error> {
    let (mut deflate, mut out) = (Deflate::new(level), Vec::with_capacity(text.len() / 2));
    let mut keep = |made: &mut [u8]| {
        out.extend_from_slice(made);
        Ok(())
    };
    for piece in text.chunks(PIECE) {
        deflate.push(piece, &mut keep)?;
    }
    deflate.finish(&mut keep)?;
    Ok(out)
}

/// Into nothing; with the digest of the file, which every package has.
fn encrypt(package: &Package, bytes: &[u8], context: &Context) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (sender, mut parts) = mpsc::channel(1);
    let draining = std::thread::spawn(move || while let Some(Part::Full(_)) = parts.blocking_recv() {});
    let signer = context.signers.openpgp();
    let mut archive = package.open(PartWriter::new(sender), COMPRESSED, false, context.level, signer)?;
    archive.begin(COMPRESSED)?;
    for piece in bytes.chunks(PIECE) {
        archive.write(piece)?;
    }
    archive.end()?;
    archive.finish()?.finish()?;
    draining.join().map_err(|_| "draining has panicked")?;
    Ok(())
}

async fn sink(context: &Context, bytes: Bytes) -> Result<(), Box<dyn Error + Send + Sync>> {
    let target =
        Target { key: "stages".to_owned(), media_type: "application/octet-stream", file_name: "stages".to_owned() };
    let mut writing = context.sink.open(target);
    let mut rest = bytes;
    while rest.len() > 8 << 20 {
        writing.push(rest.split_to(8 << 20)).await?;
    }
    writing.finish(rest).await
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (work(), began.elapsed())
}

fn told(stage: &str, bytes: usize, took: Duration) {
    println!("{}", json!({ "stage": stage, "mb_per_s": rate(bytes, took) }));
}

fn rate(bytes: usize, took: Duration) -> f64 {
    share(bytes, 1_000_000) / took.as_secs_f64()
}

/// Exact below 4 GiB, which is enough for rates.
fn share(of: usize, by: usize) -> f64 {
    let float = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    float(of) / float(by)
}
