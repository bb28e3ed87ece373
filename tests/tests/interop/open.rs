//! Takes reports out of their packages, with every program that can: all must find the same bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use tempfile::TempDir;
use waybill::domain::wrapping::{Compression, ZipCipher};
use waybill_tests::python::python;

use crate::{
    bench::{Bench, Delivery, PASSWORD, Pack, files},
    keys::{Ring, Who},
    tools::Tool,
};

/// What was in a package.
pub struct Opened {
    /// Where it is now.
    pub folder: PathBuf,
    /// Names of the files, in the package's order.
    pub names: Vec<String>,
}

impl Opened {
    /// Paths of the report's own files.
    pub fn reports(&self) -> Vec<PathBuf> {
        let own = self.names.iter().filter(|name| !name.starts_with("manifest.json"));
        own.map(|name| self.folder.join(name)).collect()
    }
}

/// Opens a delivered report as its receivers do.
pub async fn open(bench: &Bench, delivery: &Delivery) -> Opened {
    let is_archive = delivery.job.is_archive();
    let inner = match delivery.case.pack {
        Pack::Openpgp(recipients) => decrypt(bench, delivery, recipients),
        Pack::Plain(Compression::Gzip) => expand(Tool::Gzip, delivery),
        Pack::Plain(Compression::Zstd) => expand(Tool::Zstd, delivery),
        Pack::Plain(Compression::None) | Pack::Zip(_) => delivery.path.clone(),
    };
    if is_archive {
        return extract(delivery, &inner).await;
    }
    let job = &delivery.job;
    let name = job.wrapping.entry_name(&job.stem, job.format, 1);
    let folder = delivery.scratch("bare");
    fs::create_dir(&folder).unwrap();
    fs::copy(inner, folder.join(&name)).unwrap();
    Opened { folder, names: vec![name] }
}

/// With `gpg` and `sq`, as each of the recipients; as anybody else it must fail.
fn decrypt(bench: &Bench, delivery: &Delivery, recipients: &[Who]) -> PathBuf {
    let mut opened = Vec::new();
    for ring in &bench.rings {
        let by_gpg = delivery.scratch(&format!("gpg-{:?}", ring.who));
        let status = gpg(ring, delivery, &by_gpg);
        if !recipients.contains(&ring.who) {
            assert_eq!(status, None, "{:?} opens what is not for it", ring.who);
            continue;
        }
        let status = status.unwrap();
        let count = |word: &str| status.lines().filter(|line| line.split(' ').nth(1) == Some(word)).count();
        let said = (count("DECRYPTION_OKAY"), count("GOODSIG"), count("ENC_TO"));
        assert_eq!(said, (1, 1, recipients.len()), "{status}");
        opened.push(by_gpg);
        let by_sq = delivery.scratch(&format!("sq-{:?}", ring.who));
        if sq(ring, delivery, &by_sq) {
            opened.push(by_sq);
        }
    }
    all_alike(&opened)
}

/// The status lines, if it can be opened.
fn gpg(ring: &Ring, delivery: &Delivery, to: &Path) -> Option<String> {
    let to = to.to_string_lossy();
    let arguments = ["--trust-model", "always", "--output", &to, "--decrypt"];
    ring.home.run(&[delivery.path.as_os_str()], &arguments).ok()
}

/// Whether it was there to open it.
fn sq(ring: &Ring, delivery: &Delivery, to: &Path) -> bool {
    let Some(help) = Tool::Sq.run(["decrypt", "--help"]) else { return false };
    // Its options had other names in older versions.
    let is_new = String::from_utf8_lossy(&help.stdout).contains("--recipient-file");
    let (key, signer) =
        if is_new { ("--recipient-file", "--signer-file") } else { ("--recipient-key", "--signer-cert") };
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let options = [key, &path(&ring.secret), signer, &path(&ring.signer), "--signatures", "1"];
    Tool::Sq.run(["decrypt"].iter().chain(&options).chain(&["--output", &path(to), &path(&delivery.path)])).is_some()
}

/// With the compressor's own program.
fn expand(tool: Tool, delivery: &Delivery) -> PathBuf {
    let to = delivery.scratch("expanded");
    let path = delivery.path.to_string_lossy();
    fs::write(&to, tool.run(["-d", "-c", &path]).unwrap().stdout).unwrap();
    to
}

/// With `unzip`, `7z`, `bsdtar` and Python's libraries.
async fn extract(delivery: &Delivery, archive: &Path) -> Opened {
    let cipher = cipher(delivery);
    let folder = delivery.scratch("python");
    let password = cipher.map(|_| PASSWORD);
    let task =
        json!({ "archive": archive, "into": folder, "cipher": cipher.map(ZipCipher::name), "password": password });
    let names = serde_json::from_value(python("extract.py", task).await["names"].clone()).unwrap();
    for tool in unpackers(cipher) {
        let into = delivery.scratch(&format!("{tool:?}"));
        fs::create_dir(&into).unwrap();
        if tool.run(unpacking(tool, archive, &into, password)).is_some() {
            same_files(&folder, &into, tool);
        }
    }
    Opened { folder, names }
}

/// Whether any program opens an archive with another password.
pub fn opens_with(delivery: &Delivery, password: &str) -> bool {
    unpackers(cipher(delivery)).into_iter().any(|tool| {
        let into = TempDir::new_in(&delivery.scratch).unwrap();
        let output = tool.output(unpacking(tool, &delivery.path, into.path(), Some(password)));
        output.is_some_and(|output| output.status.success())
    })
}

fn cipher(delivery: &Delivery) -> Option<ZipCipher> {
    match delivery.case.pack {
        Pack::Zip(cipher) => Some(cipher),
        Pack::Plain(_) | Pack::Openpgp(_) => None,
    }
}

/// Info-ZIP has never learnt AES.
fn unpackers(cipher: Option<ZipCipher>) -> Vec<Tool> {
    let all = [Tool::Unzip, Tool::SevenZip, Tool::Bsdtar];
    all.into_iter().filter(|tool| *tool != Tool::Unzip || cipher != Some(ZipCipher::Aes256)).collect()
}

/// Arguments by which a program unpacks an archive into an existing folder.
fn unpacking(tool: Tool, archive: &Path, into: &Path, password: Option<&str>) -> Vec<String> {
    let (archive, into) = (archive.to_string_lossy().into_owned(), into.to_string_lossy().into_owned());
    let (options, last) = match tool {
        Tool::SevenZip => (vec!["x".to_owned(), "-bd".to_owned(), format!("-o{into}")], vec![archive]),
        Tool::Unzip => (vec!["-q".to_owned()], vec![archive, "-d".to_owned(), into]),
        _ => (vec!["-x".to_owned()], vec!["-f".to_owned(), archive, "-C".to_owned(), into]),
    };
    let password = password.map(|password| match tool {
        Tool::SevenZip => vec![format!("-p{password}")],
        Tool::Unzip => vec!["-P".to_owned(), password.to_owned()],
        _ => vec!["--passphrase".to_owned(), password.to_owned()],
    });
    [options, password.unwrap_or_default(), last].concat()
}

fn same_files(expected: &Path, found: &Path, tool: Tool) {
    assert_eq!(files(found), files(expected), "{tool:?}");
    for name in files(expected) {
        let pair = [expected.join(&name), found.join(&name)];
        assert!(all_alike(&pair).is_file(), "{tool:?}: {name}");
    }
}

/// The first of them, if all have the same content.
fn all_alike(paths: &[PathBuf]) -> PathBuf {
    let first = fs::read(&paths[0]).unwrap();
    for path in paths {
        assert!(fs::read(path).unwrap() == first, "{} and {} differ", path.display(), paths[0].display());
    }
    paths[0].clone()
}
