//! Programs that receivers open reports with.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::Mutex,
};

use waybill_tests::skip;

/// A program that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// GnuPG.
    Gpg,
    /// Sequoia-PGP.
    Sq,
    /// Info-ZIP.
    Unzip,
    /// 7-Zip.
    SevenZip,
    /// libarchive.
    Bsdtar,
    /// GNU gzip.
    Gzip,
    /// Zstandard's own.
    Zstd,
    /// OpenSSL.
    Openssl,
    /// Of Poppler.
    Pdftotext,
}

impl Tool {
    /// The program's path; where there is none, that is said once.
    pub fn find(self) -> Option<PathBuf> {
        static MISSED: Mutex<BTreeSet<Tool>> = Mutex::new(BTreeSet::new());
        let found = self.names().iter().find_map(|name| on_path(name));
        if found.is_none() && MISSED.lock().unwrap().insert(self) {
            skip::lacking(&format!("{} is not installed; reports are not opened with it", self.names()[0]));
        }
        found
    }

    /// Names that distributions have for it.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Gpg => &["gpg"],
            Self::Sq => &["sq"],
            Self::Unzip => &["unzip"],
            Self::SevenZip => &["7z", "7zz"],
            Self::Bsdtar => &["bsdtar"],
            Self::Gzip => &["gzip"],
            Self::Zstd => &["zstd"],
            Self::Openssl => &["openssl"],
            Self::Pdftotext => &["pdftotext"],
        }
    }

    /// Runs it, if it is there; it must succeed.
    pub fn run<S: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = S>) -> Option<Output> {
        let output = self.output(arguments)?;
        let said = [output.stderr.as_slice(), &output.stdout[..output.stdout.len().min(2_000)]].concat();
        assert!(output.status.success(), "{self:?}: {}", String::from_utf8_lossy(&said));
        Some(output)
    }

    /// Runs it, if it is there.
    pub fn output<S: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = S>) -> Option<Output> {
        let mut command = Command::new(self.find()?);
        // Names of entries are UTF-8.
        Some(command.args(arguments).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output().unwrap())
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}
