//! Makes reports: the worker's whole data path, from Parquet files in a folder to packaged files in another.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use object_store::local::LocalFileSystem;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use waybill::{
    aws::secrets::SigningKeys,
    domain::{
        outcome::{Format, ReportFile},
        secret::Secret,
        style::Style,
        wrapping::{Compression, Wrapping, ZipCipher},
    },
    openpgp::{ServiceKey, generate_service_key},
    webhook_key::{StoredKeys, WebhookKeys, generate},
};
use waybill_worker::{
    Context, Job, Package, ProduceError, engine::datafusion::DataFusion, manifest::Signers, produce, sink::Sink,
};

use crate::{
    data::{self, lake},
    keys::{Ring, Who},
    tools::Tool,
};

/// Of every archive: characters that shells and programs may stumble over.
pub const PASSWORD: &str = "Zx9 -$%\"'~!*Qw";

/// Memory of the worker, in bytes.
const MEMORY: usize = 1 << 30;

/// What a report is wrapped in.
#[derive(Debug, Clone, Copy)]
pub enum Pack {
    /// Not encrypted.
    Plain(Compression),
    /// An archive with [`PASSWORD`].
    Zip(ZipCipher),
    /// Encrypted to these.
    Openpgp(&'static [Who]),
}

/// One report to be made.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the data set.
    pub data: &'static str,
    /// How rows are written.
    pub format: Format,
    /// What the files are wrapped in.
    pub pack: Pack,
    /// How.
    pub wrapping: Wrapping,
    /// How values are written.
    pub style: Style,
    /// Name of the files, without extensions.
    pub stem: &'static str,
}

impl Case {
    /// Without any option.
    pub fn new(data: &'static str, format: Format, pack: Pack) -> Self {
        let (wrapping, style) = (Wrapping::default(), Style::default());
        Self { data, format, pack, wrapping, style, stem: "sales" }
    }

    /// Whether it can be made and opened here: not without a receiver's key, or a program that expands or reads it.
    pub fn is_possible(&self) -> bool {
        (self.format != Format::Pdf || Tool::Pdftotext.find().is_some()) && self.package().is_some()
    }

    fn package(&self) -> Option<Package> {
        Some(match self.pack {
            Pack::Plain(compression) => {
                match compression {
                    Compression::None => {}
                    Compression::Gzip => drop(Tool::Gzip.find()?),
                    Compression::Zstd => drop(Tool::Zstd.find()?),
                }
                Package::Plain(compression)
            }
            Pack::Zip(cipher) => Package::Zip { cipher, password: Secret::new(PASSWORD.to_owned()) },
            Pack::Openpgp(recipients) => {
                let keys: Option<Vec<_>> = recipients.iter().map(|who| Some(who.pair()?.key.clone())).collect();
                Package::Openpgp(keys?)
            }
        })
    }

    async fn job(&self, folder: String) -> Job {
        let parameters = data::PARAMETERS.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        Job {
            definition: Arc::new(lake().await.definition(self.data)),
            parameters: BTreeMap::new(),
            asked: Value::Object(parameters.collect()),
            filter: None,
            tenant: "acme".to_owned(),
            request: "req_1".to_owned(),
            format: self.format,
            style: self.style.clone(),
            package: self.package().unwrap(),
            wrapping: Wrapping {
                compression: match self.pack {
                    Pack::Plain(compression) => compression,
                    _ => Compression::None,
                },
                cipher: match self.pack {
                    Pack::Zip(cipher) => cipher,
                    _ => ZipCipher::default(),
                },
                ..self.wrapping.clone()
            },
            folder,
            stem: self.stem.to_owned(),
        }
    }
}

/// A report that was made.
pub struct Delivery {
    /// What was asked for.
    pub case: Case,
    /// How it was made.
    pub job: Job,
    /// What is said of it.
    pub file: ReportFile,
    /// The packaged file.
    pub path: PathBuf,
    /// Of its own, for what is taken out of the package.
    pub scratch: PathBuf,
}

/// A worker, a service with its keys, and receivers with theirs.
pub struct Bench {
    folder: TempDir,
    context: Context,
    runs: Cell<u32>,
    /// The receivers' rings.
    pub rings: Vec<Ring>,
    /// The service's Ed25519 key, PEM.
    pub ed25519: PathBuf,
}

impl Bench {
    /// With a folder of its own.
    pub async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let openpgp =
            ServiceKey::parse(&generate_service_key("Waybill <waybill@example.com>", jiff::Timestamp::now()).unwrap());
        let openpgp = openpgp.unwrap();
        let stored: StoredKeys = serde_json::from_value(generate().unwrap().expose().clone()).unwrap();
        let webhook = WebhookKeys::try_from(stored).unwrap();
        let certificate = openpgp.public_armored().unwrap();
        let ed25519 = folder.path().join("ed25519.pem");
        fs::write(&ed25519, pem(&webhook.public_set())).unwrap();
        let lake = LocalFileSystem::new_with_prefix(&lake().await.folder).unwrap();
        let context = Context {
            engine: DataFusion::new(Arc::new(lake), MEMORY, folder.path().join("spill")),
            sink: Sink::Folder(folder.path().join("out")),
            signers: Signers::new(Arc::new(SigningKeys { openpgp, webhook: Some(webhook) })),
            level: waybill_deflate::Level::Fast,
        };
        let rings = [Who::Rsa, Who::Curve].into_iter().filter_map(|who| Ring::of(who, &certificate)).collect();
        Self { folder, context, runs: Cell::new(0), rings, ed25519 }
    }

    /// Makes a report.
    pub async fn make(&self, case: &Case) -> Result<Delivery, ProduceError> {
        self.runs.set(self.runs.get() + 1);
        let job = case.job(format!("acme/req_1/{}/", self.runs.get())).await;
        let (_ask, stop) = watch::channel(None);
        let file = produce(&job, &self.context, Arc::default(), stop).await?.file;
        let path = self.out().join(&file.key);
        let scratch = self.folder.path().join(format!("opened-{}", self.runs.get()));
        fs::create_dir(&scratch).unwrap();
        Ok(Delivery { case: case.clone(), job, file, path, scratch })
    }

    /// Where files go.
    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }
}

impl Delivery {
    /// A file or folder to be made, with a name of its own.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let path = self.scratch.join(name);
        assert!(!path.exists(), "{} is used twice", path.display());
        path
    }

    /// What lies beside the packaged file.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(name)
    }
}

/// The current key of a JWK set as a public key of RFC 8410.
fn pem(set: &Value) -> String {
    let key = BASE64_URL_SAFE_NO_PAD.decode(set["keys"][0]["x"].as_str().unwrap()).unwrap();
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let encoded = BASE64_STANDARD.encode([&head[..], &key].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{encoded}\n-----END PUBLIC KEY-----\n")
}

/// Every file in a folder, by its path from there, in order.
pub fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found.sort();
    found
}
