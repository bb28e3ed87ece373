//! Opens a delivered report as its receiver would: with the machine's own `gpg`, or with rPGP where there is none.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use aws_lc_rs::digest;
use pgp::{
    composed::{Deserializable, Message, SignedPublicKey, SignedSecretKey},
    types::Password,
};

use crate::{
    error::{Context, Error, Result},
    hex,
};

/// Which program opened a report. Opening it includes verifying the service's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// The machine's `gpg`.
    Gpg,
    /// The library that this program is built with.
    Rpgp,
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// CSV records, without the header.
    pub csv_rows: u64,
}

/// Decrypts `from` to `to` and verifies that `signer` (an armored certificate) signed it.
pub fn open(from: &Path, to: &Path, private_key: &Path, signer: &str) -> Result<Opener> {
    if has_gpg() {
        open_with_gpg(from, to, private_key, signer)?;
        return Ok(Opener::Gpg);
    }
    open_with_rpgp(from, to, private_key, signer)?;
    Ok(Opener::Rpgp)
}

fn has_gpg() -> bool {
    Command::new("gpg").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Decrypts and verifies with `gpg`, in a key ring of its own that nobody else sees.
pub fn open_with_gpg(from: &Path, to: &Path, private_key: &Path, signer: &str) -> Result<()> {
    let home = GpgHome::new()?;
    let signer_path = home.dir.join("signer.asc");
    fs::write(&signer_path, signer).context("write the service's certificate")?;
    home.run(&[private_key.as_os_str(), signer_path.as_os_str()], &["--import"])?;
    let output =
        ["--yes", "--trust-model", "always", "--output", &to.to_string_lossy(), "--decrypt"].map(str::to_owned);
    let status = home.run(&[from.as_os_str()], &output.each_ref().map(String::as_str))?;
    let said = |word: &str| status.lines().any(|line| line.split(' ').nth(1) == Some(word));
    match (said("DECRYPTION_OKAY"), said("GOODSIG")) {
        (true, true) => Ok(()),
        (false, _) => Err(Error::new("decrypt the report with gpg", "gpg does not say that it did")),
        (true, false) => Err(Error::new("verify the report's signature with gpg", "gpg finds no good signature")),
    }
}

/// Whether `gpg` finds a good signature of `signer` (an armored certificate) over `data`; none where there is no `gpg`.
pub fn verify_detached_with_gpg(data: &[u8], signature: &[u8], signer: &str) -> Result<Option<bool>> {
    if !has_gpg() {
        return Ok(None);
    }
    let home = GpgHome::new()?;
    let paths = ["signer.asc", "signature", "data"].map(|name| home.dir.join(name));
    for (path, content) in paths.iter().zip([signer.as_bytes(), signature, data]) {
        fs::write(path, content).context(format!("write {}", path.display()))?;
    }
    let [signer, signature, data] = paths.each_ref().map(|path| path.as_os_str());
    home.run(&[signer], &["--import"])?;
    let verified = home.run(&[signature, data], &["--trust-model", "always", "--verify"]);
    Ok(Some(verified.is_ok_and(|status| status.lines().any(|line| line.split(' ').nth(1) == Some("GOODSIG")))))
}

/// Decrypts and verifies with rPGP.
pub fn open_with_rpgp(from: &Path, to: &Path, private_key: &Path, signer: &str) -> Result<()> {
    const WHAT: &str = "decrypt the report";
    let armored = fs::read_to_string(private_key).context(format!("read {}", private_key.display()))?;
    let (key, _) = SignedSecretKey::from_string(&armored).context("read the recipient's key")?;
    let (signer, _) = SignedPublicKey::from_string(signer).context("read the service's certificate")?;
    let encrypted = BufReader::new(File::open(from).context(format!("open {}", from.display()))?);
    let message = Message::from_bytes(encrypted).context(WHAT)?;
    let mut message = message.decrypt(&Password::empty(), &key).context(WHAT)?;
    if message.is_compressed() {
        message = message.decompress().context(WHAT)?;
    }
    let mut file = File::create(to).context(format!("create {}", to.display()))?;
    io::copy(&mut message, &mut file).and_then(|_| file.flush()).context(WHAT)?;
    message.verify(&signer).map(|_| ()).context("verify the report's signature")
}

/// Measures a CSV file in one pass.
pub fn measure(path: &Path) -> Result<Content> {
    let what = format!("read {}", path.display());
    let mut file = File::open(path).context(&what)?;
    let mut sha256 = digest::Context::new(&digest::SHA256);
    let mut records = Records::default();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer).context(&what)?;
        if n == 0 {
            break;
        }
        sha256.update(&buffer[..n]);
        records.feed(&buffer[..n]);
        bytes += n as u64;
    }
    let sha256 = hex::encode(sha256.finish().as_ref());
    Ok(Content { sha256, bytes, csv_rows: records.count().saturating_sub(1) })
}

/// Counts RFC 4180 records: a line feed within quotes ends none. Escaped quotes come in pairs, so they do not matter.
#[derive(Default)]
struct Records {
    ended: u64,
    quoted: bool,
    open: bool,
}

impl Records {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => {
                    self.ended += 1;
                    self.open = false;
                    continue;
                }
                _ => {}
            }
            self.open = true;
        }
    }

    fn count(&self) -> u64 {
        self.ended + u64::from(self.open)
    }
}

/// A throwaway `GNUPGHOME`.
pub struct GpgHome {
    /// Its folder, which only its owner may enter.
    pub dir: PathBuf,
}

impl GpgHome {
    /// An empty one.
    pub fn new() -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        // Short, for gpg-agent's socket lies in it and a socket's path is limited to about 100 bytes.
        let dir = std::env::temp_dir().join(format!("wb-gpg-{}-{number}", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&dir).context(format!("create {}", dir.display()))?;
        Ok(Self { dir })
    }

    /// Runs gpg; returns its status lines.
    pub fn run(&self, files: &[&std::ffi::OsStr], arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("gpg");
        command.env("GNUPGHOME", &self.dir).args(["--batch", "--quiet", "--no-tty", "--status-fd", "1"]);
        let output = command.args(arguments).args(files).stdin(Stdio::null()).output().context("run gpg")?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::new(format!("run gpg {}", arguments.join(" ")), text));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for GpgHome {
    fn drop(&mut self) {
        // The agent that gpg started would outlive its home. Neither failure matters to the caller.
        let mut kill = Command::new("gpgconf");
        _ = kill.env("GNUPGHOME", &self.dir).args(["--kill", "all"]).stderr(Stdio::null()).status();
        _ = fs::remove_dir_all(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pgp::composed::ArmorOptions;
    use waybill::openpgp::{MessageWriter, RecipientKey, ServiceKey, generate_service_key};

    use super::*;
    use crate::recipient;

    fn service_key() -> ServiceKey {
        ServiceKey::parse(&generate_service_key("service", Timestamp::now()).unwrap()).unwrap()
    }

    #[test]
    fn both_openers_decrypt_and_insist_on_the_signature() {
        let dir = std::env::temp_dir().join(format!("waybill-unpack-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (private, encrypted, plain) = (dir.join("private.asc"), dir.join("report.pgp"), dir.join("report.csv"));
        let key = recipient::generate("receiver", 2048).unwrap();
        fs::write(&private, key.to_armored_string(ArmorOptions::default()).unwrap()).unwrap();
        let certificate = SignedPublicKey::from(key).to_armored_string(ArmorOptions::default()).unwrap();
        let recipient = RecipientKey::parse(&certificate, Timestamp::now()).unwrap();
        let (service, stranger) = (service_key(), service_key().public_armored().unwrap());
        let out = File::create(&encrypted).unwrap();
        let mut message =
            MessageWriter::begin(out, ("report.csv", waybill::openpgp::Level::Fast), &[recipient], &service).unwrap();
        message.write_all(b"a,b\r\n1,2\r\n").unwrap();
        message.finish().unwrap();
        let signer = service.public_armored().unwrap();

        open_with_rpgp(&encrypted, &plain, &private, &signer).unwrap();
        assert_eq!(measure(&plain).unwrap().csv_rows, 1);
        assert!(open_with_rpgp(&encrypted, &plain, &private, &stranger).is_err());
        if has_gpg() {
            fs::remove_file(&plain).unwrap();
            open_with_gpg(&encrypted, &plain, &private, &signer).unwrap();
            assert_eq!(fs::read(&plain).unwrap(), b"a,b\r\n1,2\r\n");
            assert!(open_with_gpg(&encrypted, &plain, &private, &stranger).is_err());
        } else {
            assert_ne!(std::env::var("WAYBILL_COMPLETE").as_deref(), Ok("1"), "gpg is not installed");
            // Past the test harness, which keeps to itself what passing tests print.
            io::stderr().write_all(b"SKIPPED: gpg is not installed; opened with rPGP only\n").unwrap();
        }
        fs::remove_dir_all(dir).unwrap();
    }

    fn count(parts: &[&str]) -> u64 {
        let mut records = Records::default();
        for part in parts {
            records.feed(part.as_bytes());
        }
        records.count()
    }

    #[test]
    fn records_are_counted_as_rfc_4180_says() {
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&["a,b\r\n1,2\r\n"]), 2);
        assert_eq!(count(&["a,b\r\n1,2"]), 2, "the last record needs no end");
        assert_eq!(count(&["a\r\n\"two\nlines\"\r\n"]), 2);
        assert_eq!(count(&["a\r\n\"a quote \"", "\" and\n\"\r\n"]), 2, "an escaped quote, split between reads");
        assert_eq!(count(&["a\r\n\"\"\r\n"]), 2, "an empty text");
    }
}
