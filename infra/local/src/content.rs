//! Fills the configuration and lake buckets: issuers, report definitions, sample data.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use aws_sdk_s3::{Client, primitives::ByteStream};
use serde_json::Value;
use waybill::{
    domain::definition::{Definition, parse},
    trigger,
};

use crate::{
    error::{Context, Error, Result},
    instance::{shared_dir, workspace_root},
    lake,
};

/// Rows of the sample lake: enough to look real, made and uploaded in a moment.
const SAMPLE_ROWS: u64 = 20_000;
const SAMPLE_SEED: u64 = 1;

/// Puts `issuers.json` and the definitions of `infra/reports`.
pub async fn put_configuration(s3: &Client, bucket: &str, issuers: &Value) -> Result<usize> {
    put(s3, bucket, "issuers.json", issuers.to_string().into_bytes()).await?;
    let definitions = definition_files(&workspace_root().join("infra/reports"))?;
    check(&definitions)?;
    for path in &definitions {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = fs::read(path).context(format!("read {}", path.display()))?;
        put(s3, bucket, &format!("reports/{name}"), text).await?;
    }
    Ok(definitions.len())
}

/// Checks every definition in `dir`; returns how many there are, or all faults as `file:line: reason`.
pub fn check_reports(dir: &Path) -> Result<usize> {
    definitions(dir).map(|definitions| definitions.len())
}

/// Checks every file of triggers in `dir` against the definitions in `reports`; returns how many there are, or all
/// faults as `file:line: reason`.
pub fn check_triggers(dir: &Path, reports: &Path) -> Result<usize> {
    let definitions = definitions(reports)?;
    let files = definition_files(dir)?;
    let mut faults = Vec::new();
    for path in &files {
        let text = fs::read_to_string(path).context(format!("read {}", path.display()))?;
        let name = path.display().to_string();
        match trigger::parse::parse(&name, &text) {
            Ok(triggers) => faults.extend(triggers.faults_by(&definitions, &name)),
            Err(found) => faults.extend(found),
        }
    }
    refuse("check triggers", &faults)?;
    Ok(files.len())
}

fn definitions(dir: &Path) -> Result<Vec<Definition>> {
    let files = definition_files(dir)?;
    if files.is_empty() {
        return Err(Error::new("check report definitions", format!("no .toml file in {}", dir.display())));
    }
    check(&files)
}

fn check(files: &[PathBuf]) -> Result<Vec<Definition>> {
    let (mut definitions, mut faults) = (Vec::new(), Vec::new());
    for path in files {
        let text = fs::read_to_string(path).context(format!("read {}", path.display()))?;
        match parse::parse(&path.display().to_string(), &text) {
            Ok(definition) => definitions.push(definition),
            Err(found) => faults.extend(found),
        }
    }
    refuse("check report definitions", &faults)?;
    Ok(definitions)
}

fn refuse(what: &str, faults: &[parse::Fault]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Err(Error::new(what, format!("{} faults\n{}", lines.len(), lines.join("\n"))))
}

fn definition_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).context(format!("list {}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    Ok(paths)
}

/// Puts the generated wallet transactions of these tenants; returns their number.
pub async fn put_sample_lake(s3: &Client, bucket: &str, tenants: &[String]) -> Result<u64> {
    let dir = shared_dir().join(format!("lake/{SAMPLE_ROWS}-{SAMPLE_SEED}-{}", tenants.join("-")));
    if !dir.is_dir() {
        // Under another name until complete: an interrupted run must not look like a finished one.
        let part = dir.with_extension(format!("part{}", std::process::id()));
        lake::generate(&part, SAMPLE_ROWS, SAMPLE_SEED, tenants).context("generate the sample lake")?;
        if let Err(error) = fs::rename(&part, &dir) {
            // Another process may have been faster: the same seed made the same data.
            fs::remove_dir_all(&part).context("remove the unfinished sample lake")?;
            if !dir.is_dir() {
                return Err(error).context("keep the sample lake");
            }
        }
    }
    put_folder(s3, bucket, "wallet/transactions/", &dir).await?;
    Ok(SAMPLE_ROWS)
}

/// Puts the public Online Retail data, where the machine has it. Says whether it does.
pub async fn put_online_retail(s3: &Client, bucket: &str) -> Result<bool> {
    let shared = std::env::var_os("WAYBILL_SHARED").map_or_else(|| workspace_root().join("../shared"), PathBuf::from);
    let dir = shared.join("data/online_retail");
    if !dir.is_dir() {
        return Ok(false);
    }
    put_folder(s3, bucket, "online_retail/", &dir).await?;
    Ok(true)
}

/// Puts the files of a folder, recursively, leaving out those that are there already in the same size.
async fn put_folder(s3: &Client, bucket: &str, prefix: &str, dir: &Path) -> Result<()> {
    let there = sizes(s3, bucket, prefix).await?;
    let mut files = Vec::new();
    collect_files(dir, &mut files).context(format!("list {}", dir.display()))?;
    for path in files {
        let relative = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let key = format!("{prefix}{relative}");
        let content = fs::read(&path).context(format!("read {}", path.display()))?;
        if there.get(&key) != Some(&content.len()) {
            put(s3, bucket, &key, content).await?;
        }
    }
    Ok(())
}

fn collect_files(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

async fn sizes(s3: &Client, bucket: &str, prefix: &str) -> Result<HashMap<String, usize>> {
    let mut sizes = HashMap::new();
    let mut pages = s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    while let Some(page) = pages.next().await {
        for object in page.context(format!("list {bucket}/{prefix}"))?.contents() {
            let size = usize::try_from(object.size().unwrap_or_default()).unwrap_or_default();
            sizes.insert(object.key().unwrap_or_default().to_owned(), size);
        }
    }
    Ok(sizes)
}

async fn put(s3: &Client, bucket: &str, key: &str, content: Vec<u8>) -> Result<()> {
    let put = s3.put_object().bucket(bucket).key(key).body(ByteStream::from(content)).send().await;
    put.map(|_| ()).context(format!("put {bucket}/{key}"))
}
