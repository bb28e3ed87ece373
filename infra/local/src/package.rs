//! Packs each function's binary as Lambda wants it (`bootstrap` in a ZIP) and uploads what has changed.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use aws_lc_rs::digest;
use aws_sdk_s3::primitives::ByteStream;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    error::{Context, Error, Result},
    hex,
    instance::shared_dir,
};

/// The functions, by the names of their folders.
pub const FUNCTIONS: [&str; 5] = ["api", "intake", "worker", "dispatcher", "sweeper"];

/// A packed function.
#[derive(Debug)]
pub struct Package {
    /// Which function.
    pub function: &'static str,
    /// The ZIP on disk.
    pub path: PathBuf,
    /// Its key in the artifacts bucket; other code has another key.
    pub key: String,
}

/// Packs the functions whose binaries are in `bin_dir`. Unchanged ones are taken from the last time.
pub fn pack_all(bin_dir: &Path) -> Result<Vec<Package>> {
    let cache = shared_dir().join("packages");
    fs::create_dir_all(&cache).context(format!("create {}", cache.display()))?;
    std::thread::scope(|scope| {
        let threads = FUNCTIONS.map(|function| scope.spawn(|| pack(function, bin_dir, &cache)));
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::new("pack a function", "the packer panicked"))))
            .collect()
    })
}

fn pack(function: &'static str, bin_dir: &Path, cache: &Path) -> Result<Package> {
    let binary = bin_dir.join(format!("waybill-{function}"));
    let what = format!("pack {}", binary.display());
    let hash = hash_file(&binary)
        .map_err(|error| Error::new(&what, error.to_string()).advise("run `cargo build --workspace --all-targets`"))?;
    let name = format!("{function}-{hash}.zip");
    let path = cache.join(&name);
    if !path.is_file() {
        let stripped = cache.join(format!("{function}-{}.bin", std::process::id()));
        let part = cache.join(format!("{function}-{}.part", std::process::id()));
        strip(&binary, &stripped).and_then(|()| zip_bootstrap(&stripped, &part)).context(&what)?;
        fs::remove_file(&stripped).context(&what)?;
        remove_older(function, cache);
        fs::rename(&part, &path).context(&what)?;
    }
    Ok(Package { function, path, key: format!("functions/{name}") })
}

/// Without symbols a binary is a fraction of its size; where there is no `strip`, it stays as it is.
fn strip(from: &Path, to: &Path) -> io::Result<()> {
    let status = Command::new("strip").arg("-o").args([to, from]).stderr(Stdio::null()).status();
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    fs::copy(from, to).map(|_| ())
}

fn zip_bootstrap(binary: &Path, to: &Path) -> io::Result<()> {
    // The fastest level: the package only travels within this machine.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(File::create(to)?);
    zip.start_file("bootstrap", options)?;
    io::copy(&mut File::open(binary)?, &mut zip)?;
    zip.finish()?;
    Ok(())
}

/// Earlier builds of the function; nothing refers to them. One that will not go only costs space.
fn remove_older(function: &str, cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_package = path.extension().is_some_and(|extension| extension == "zip");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_package && name.starts_with(&format!("{function}-")) {
            _ = fs::remove_file(&path);
        }
    }
}

/// SHA-256 in hex, shortened to what keeps builds apart.
fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => context.update(&buffer[..n]),
        }
    }
    Ok(hex::encode(&context.finish().as_ref()[..12]))
}

/// Uploads the packages that the bucket does not have; makes the bucket if need be.
pub async fn upload(s3: &aws_sdk_s3::Client, bucket: &str, packages: &[Package]) -> Result<()> {
    if s3.head_bucket().bucket(bucket).send().await.is_err() {
        s3.create_bucket().bucket(bucket).send().await.context(format!("create bucket {bucket}"))?;
    }
    for package in packages {
        if s3.head_object().bucket(bucket).key(&package.key).send().await.is_ok() {
            continue;
        }
        let what = format!("upload {}", package.path.display());
        let body = fs::read(&package.path).context(&what)?;
        let put = s3.put_object().bucket(bucket).key(&package.key).body(ByteStream::from(body));
        put.send().await.context(&what)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_package_holds_an_executable_bootstrap_and_is_made_once() {
        let dir = std::env::temp_dir().join(format!("waybill-package-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("waybill-api"), "no binary, so strip fails and the file stays as it is").unwrap();

        let package = pack("api", &dir, &dir).unwrap();
        let mut zip = zip::ZipArchive::new(File::open(&package.path).unwrap()).unwrap();
        let mut entry = zip.by_name("bootstrap").unwrap();
        assert_eq!(entry.unix_mode().unwrap() & 0o777, 0o755);
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("no binary"));
        assert_eq!(pack("api", &dir, &dir).unwrap().key, package.key);

        fs::write(dir.join("waybill-api"), "another build").unwrap();
        let other = pack("api", &dir, &dir).unwrap();
        assert_ne!(other.key, package.key);
        assert!(!package.path.exists(), "older packages are removed");
        fs::remove_dir_all(dir).unwrap();
    }
}
