use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use object_store::memory::InMemory;
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey};
use serde_json::json;
use tempfile::TempDir;
use waybill::{
    aws::secrets::SigningKeys,
    domain::{
        definition::{Binding, Check, Column, ColumnKind, Limits},
        outcome::Format,
        secret::Secret,
        style::Style,
        wrapping::{Compression, Split, Wrapping, ZipCipher},
    },
    openpgp::{ServiceKey, generate_service_key},
};

use super::*;
use crate::{
    Package,
    fixture::{Sale, condition, dataset, definition, engine, put, put_bytes, total},
    meter::Meter,
};

struct Bench {
    lake: Arc<InMemory>,
    context: Context,
    folder: TempDir,
    _stop: watch::Sender<Option<Stop>>,
    stop: watch::Receiver<Option<Stop>>,
}

impl Bench {
    async fn with(sales: &[Sale]) -> Self {
        let folder = TempDir::new().unwrap();
        let lake = Arc::new(InMemory::new());
        put(&lake, "sales/1.parquet", sales).await;
        let key = generate_service_key("Waybill <waybill@example.com>", jiff::Timestamp::now()).unwrap();
        let context = Context {
            engine: engine(&lake, folder.path()),
            sink: Sink::Folder(folder.path().join("out")),
            signers: Signers::new(Arc::new(SigningKeys { openpgp: ServiceKey::parse(&key).unwrap(), webhook: None })),
            level: waybill_deflate::Level::Fast,
        };
        let (sender, stop) = watch::channel(None);
        Self { lake, context, folder, _stop: sender, stop }
    }

    async fn run(&self, job: &Job) -> Result<ReportFile, ProduceError> {
        self.run_checked(job).await.map(|produced| produced.file)
    }

    async fn run_checked(&self, job: &Job) -> Result<Produced, ProduceError> {
        produce(job, &self.context, Arc::default(), self.stop.clone()).await
    }

    /// Every file in the sink, whole or not.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), found);
                } else {
                    found.push(entry.file_name().into_string().unwrap());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.folder.path().join("out"), &mut found);
        found.sort();
        found
    }

    /// What lies in the sink at that key.
    fn read(&self, key: &str) -> Vec<u8> {
        fs::read(self.folder.path().join("out").join(key)).unwrap()
    }
}

fn job(sql: &str) -> Job {
    let bound = dataset("sales/", &[], Binding::Column("owner".to_owned()));
    let columns = [("item", ColumnKind::Text), ("amount", ColumnKind::Decimal)];
    Job {
        definition: Arc::new(definition(sql, &columns, [("sales", bound)])),
        parameters: BTreeMap::new(),
        tenant: "acme".to_owned(),
        asked: serde_json::json!({}),
        filter: None,
        request: "req_1".to_owned(),
        format: Format::Csv,
        style: Style::default(),
        package: Package::Plain(Compression::None),
        wrapping: Wrapping::default(),
        folder: "acme/req_1/1/".to_owned(),
        stem: "sales".to_owned(),
    }
}

fn limited(sql: &str, limits: Limits) -> Job {
    let mut job = job(sql);
    Arc::make_mut(&mut job.definition).limits = limits;
    job
}

const SALES: &[Sale] = &[("acme", "a,b", -1_500, 0), ("globex", "g", 1, 0), ("acme", "=c", 7, 0)];
const ALL: &str = "SELECT item, amount FROM sales ORDER BY amount";
/// The report, and beside it the manifest with its signature.
const WHOLE: [&str; 3] = ["manifest.json", "manifest.json.asc", "sales.csv"];
/// More rows than any test waits for.
const ENDLESS: &str = "SELECT item, amount FROM sales CROSS JOIN generate_series(1, 1000000000000)";

#[tokio::test]
async fn a_plain_report_is_what_was_counted() {
    let bench = Bench::with(SALES).await;
    let progress = Arc::new(Progress::default());
    let file = produce(&job(ALL), &bench.context, Arc::clone(&progress), bench.stop.clone()).await.unwrap().file;
    let text = fs::read_to_string(bench.folder.path().join("out").join(&file.key)).unwrap();
    assert_eq!(text, "ITEM,AMOUNT\r\n\"a,b\",-1.500\r\n'=c,0.007\r\n");
    let mut meter = Meter::default();
    meter.update(text.as_bytes());
    let (bytes, digest) = meter.finish();
    assert_eq!((file.rows, file.plaintext_bytes, &file.plaintext_sha256), (2, bytes, &digest));
    assert_eq!((file.object_bytes, &file.object_sha256), (bytes, &digest));
    assert_eq!((progress.rows(), progress.bytes()), (2, bytes));
    assert_eq!(bench.files(), WHOLE);
}

#[tokio::test]
async fn the_manifest_beside_names_what_is_stored() {
    let bench = Bench::with(SALES).await;
    let mut job = job(ALL);
    job.package = Package::Zip { cipher: ZipCipher::Aes256, password: Secret::new("correct horse".to_owned()) };
    job.wrapping.split = Some(Split::Rows(1));
    let file = bench.run(&job).await.unwrap();
    assert_eq!((file.rows, file.parts, file.name.as_str()), (2, 2, "sales.zip"));

    let bytes = bench.read(&ReportFile::manifest_key(&file.key));
    assert_eq!(file.manifest_sha256, Some(sha256_hex(&bytes)));
    let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let object = bench.read(&file.key);
    let expected = json!({ "name": "sales.zip", "bytes": object.len(), "sha256": sha256_hex(&object) });
    assert_eq!((&manifest["object"], &manifest["rows"]), (&expected, &json!(2)));
    let names: Vec<_> = manifest["files"].as_array().unwrap().iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["sales-0001.csv", "sales-0002.csv"]);

    let signature = bench.read(&format!("{}.asc", ReportFile::manifest_key(&file.key)));
    let (signature, _) = DetachedSignature::from_armor_single(signature.as_slice()).unwrap();
    let public = bench.context.signers.openpgp().public_armored().unwrap();
    let (public, _) = SignedPublicKey::from_string(&public).unwrap();
    signature.verify(&public, bytes.as_slice()).unwrap();
}

#[tokio::test]
async fn what_a_format_cannot_hold_is_too_large_before_a_row_is_read() {
    let bench = Bench::with(SALES).await;
    let most = Format::Pdf.max_columns().unwrap();
    let names: Vec<String> = (0..=most).map(|n| format!("c{n}")).collect();
    // Were it run it would not end.
    let mut job = job(ENDLESS);
    job.format = Format::Pdf;
    Arc::make_mut(&mut job.definition).columns = names.iter().map(|n| Column::new(n, ColumnKind::Text)).collect();
    let error = bench.run(&job).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::TooLarge));
    assert!(bench.files().is_empty());
}

#[tokio::test]
async fn no_rows_are_a_report() {
    let bench = Bench::with(SALES).await;
    let file = bench.run(&job("SELECT item, amount FROM sales WHERE amount > 999999")).await.unwrap();
    let text = fs::read_to_string(bench.folder.path().join("out").join(&file.key)).unwrap();
    assert_eq!((text.as_str(), file.rows), ("ITEM,AMOUNT\r\n", 0));
}

#[tokio::test]
async fn more_rows_than_allowed_are_too_large() {
    let bench = Bench::with(SALES).await;
    let limits = Limits { max_rows: Some(1), timeout_seconds: None };
    let error = bench.run(&limited(ALL, limits)).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::TooLarge));
    let error = bench.run(&limited(ENDLESS, limits)).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::TooLarge));
    assert!(bench.files().is_empty());
    assert!(bench.run(&limited(ALL, Limits { max_rows: Some(2), timeout_seconds: None })).await.is_ok());
}

#[tokio::test]
async fn a_run_beyond_its_time_limit_timed_out() {
    let bench = Bench::with(SALES).await;
    let limits = Limits { max_rows: None, timeout_seconds: Some(0) };
    let error = bench.run(&limited(ENDLESS, limits)).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::TimedOut));
    assert!(bench.files().is_empty());
}

#[tokio::test]
async fn an_error_of_the_data_is_the_runs_error() {
    let bench = Bench::with(SALES).await;
    let failing = "SELECT item, amount FROM sales WHERE 1 / (CAST(amount AS BIGINT) - CAST(amount AS BIGINT)) = 1";
    let error = bench.run(&job(failing)).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::DefinitionInvalid));
    assert!(bench.files().is_empty());
}

#[tokio::test]
async fn a_damaged_file_fails_the_run_and_no_more() {
    let bench = Bench::with(SALES).await;
    // Its footer claims to be longer than the file.
    put_bytes(&bench.lake, "sales/2.parquet", b"PAR1\xff\xff\xff\x00PAR1".to_vec()).await;
    assert!(bench.run(&job(ALL)).await.unwrap_err().code().is_some());
    assert!(bench.files().is_empty());
}

#[tokio::test]
async fn without_a_recipient_nothing_is_written() {
    let bench = Bench::with(SALES).await;
    let mut job = job(ENDLESS);
    job.package = Package::Openpgp(Vec::new());
    let error = bench.run(&job).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::EncryptionKeyInvalid));
    assert!(bench.files().is_empty());
}

fn checked(sql: &str, checks: Vec<Check>) -> Job {
    let mut job = job(sql);
    Arc::make_mut(&mut job.definition).checks = checks;
    job
}

#[tokio::test]
async fn a_check_that_does_not_hold_leaves_the_file() {
    let bench = Bench::with(SALES).await;
    let sum = "SELECT sum(amount) FROM sales";
    let checks = vec![total("amount", sum), condition("SELECT count(*) = 3 FROM output")];
    let produced = bench.run_checked(&checked(ALL, checks)).await.unwrap();
    assert_eq!((produced.file.rows, bench.files()), (2, WHOLE.map(str::to_owned).to_vec()));
    let told: Vec<_> = produced.checks.iter().map(|check| (check.passed, check.actual.as_deref())).collect();
    assert_eq!(told, [(true, Some("-1.493")), (false, Some("false"))]);
    assert!(bench.run_checked(&job(ALL)).await.unwrap().checks.is_empty());
}

#[tokio::test]
async fn a_check_that_cannot_be_made_fails_the_run() {
    let bench = Bench::with(SALES).await;
    // One is found when it is planned, the other when it is run, after the last row.
    for control in ["SELECT sum(price) FROM sales", "SELECT line / (line - line) FROM sales LIMIT 1"] {
        let error = bench.run_checked(&checked(ALL, vec![total("amount", control)])).await.unwrap_err();
        assert_eq!(error.code(), Some(FailureCode::DefinitionInvalid), "{control}");
        assert!(bench.files().is_empty(), "{control}");
    }
}

#[tokio::test]
async fn checks_count_towards_the_time_limit() {
    let bench = Bench::with(SALES).await;
    let endless = "SELECT count(*) FROM sales CROSS JOIN generate_series(1, 1000000000000)";
    let mut job = checked(ALL, vec![total("amount", endless)]);
    Arc::make_mut(&mut job.definition).limits.timeout_seconds = Some(1);
    let error = bench.run_checked(&job).await.unwrap_err();
    assert_eq!(error.code(), Some(FailureCode::TimedOut));
    assert!(bench.files().is_empty());
}

/// Waits, in real time, for something that other threads bring about.
async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_everything_and_leaves_nothing() {
    let bench = Bench::with(SALES).await;
    let progress = Arc::new(Progress::default());
    let (ask, stop) = watch::channel(None);
    let job = job(ENDLESS);
    let running = produce(&job, &bench.context, Arc::clone(&progress), stop);
    let stopping = async {
        // By then parts have left for the sink.
        eventually("progress", || progress.bytes() > 20 << 20).await;
        assert_eq!(bench.files(), ["sales.csv.partial"]);
        ask.send(Some(Stop::Deadline)).unwrap();
    };
    let (result, ()) = tokio::join!(running, stopping);
    assert!(matches!(result, Err(ProduceError::Stopped(Stop::Deadline))));
    assert!(bench.files().is_empty());
    eventually("the end of the packager", || Arc::strong_count(&progress) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_dropped_leaves_nothing() {
    let bench = Bench::with(SALES).await;
    let progress = Arc::new(Progress::default());
    let job = job(ENDLESS);
    {
        let running = produce(&job, &bench.context, Arc::clone(&progress), bench.stop.clone());
        let enough = eventually("progress", || progress.bytes() > 20 << 20);
        tokio::select! {
            _ = running => panic!("it ended"),
            () = enough => {}
        }
    }
    assert!(bench.files().is_empty());
    eventually("the end of the packager", || Arc::strong_count(&progress) == 1).await;
}
