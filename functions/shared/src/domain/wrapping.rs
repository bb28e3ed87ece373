//! How a file is wrapped, beyond its packaging: compression, cipher, parts, and what its names are then.

use serde::{Deserialize, Serialize};

use super::outcome::{Format, Packaging};

/// How a bare file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// Every one there is.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// Name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|compression| compression.name() == name)
    }
}

/// How the entries of a ZIP archive are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZipCipher {
    /// WinZip's AE-2 with 256 bits. Info-ZIP's `unzip` cannot open it.
    #[default]
    Aes256,
    /// The traditional cipher, which every tool opens. **Weak**: it keeps a file from curious eyes, not from anybody who
    /// knows a part of its content.
    Zipcrypto,
}

impl ZipCipher {
    /// Every one there is.
    pub const ALL: [Self; 2] = [Self::Aes256, Self::Zipcrypto];

    /// Name in requests and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "aes256",
            Self::Zipcrypto => "zipcrypto",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.name() == name)
    }
}

/// When a report is cut into several files, each whole with its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// After so many rows.
    Rows(u64),
    /// Before a file would have more bytes than this (before packaging). A row that is larger by itself stands alone.
    Bytes(u64),
}

/// Most parts of a report: all are listed in its manifest.
pub const MAX_PARTS: u32 = 1_000;

/// Least bytes of a part.
pub const MIN_PART_BYTES: u64 = 64 * 1024;

/// How a file is wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wrapping {
    /// Of the packaging `plain`.
    pub compression: Compression,
    /// Of the packaging `zip`.
    pub cipher: ZipCipher,
    /// Into parts.
    pub split: Option<Split>,
    /// Whether an archive's last entries are the manifest and its signatures.
    pub manifest_inside: bool,
}

impl Default for Wrapping {
    fn default() -> Self {
        Self { compression: Compression::None, cipher: ZipCipher::Aes256, split: None, manifest_inside: true }
    }
}

impl Wrapping {
    /// Whether the package is, or holds, a ZIP archive: several files need one.
    pub fn is_archive(&self, packaging: Packaging) -> bool {
        packaging == Packaging::Zip || self.split.is_some()
    }

    /// Name of the packaged file, from its name without extensions.
    pub fn file_name(&self, stem: &str, format: Format, packaging: Packaging) -> String {
        let inner = if self.is_archive(packaging) { "zip" } else { format.name() };
        let outer = match (packaging, self.compression) {
            (Packaging::Openpgp, _) => ".pgp",
            (Packaging::Plain, Compression::Gzip) => ".gz",
            (Packaging::Plain, Compression::Zstd) => ".zst",
            (Packaging::Zip, _) | (Packaging::Plain, Compression::None) => "",
        };
        format!("{stem}.{inner}{outer}")
    }

    /// Name of a file in the package; `number` counts parts from 1.
    pub fn entry_name(&self, stem: &str, format: Format, number: u32) -> String {
        let extension = format.name();
        if self.split.is_some() { format!("{stem}-{number:04}.{extension}") } else { format!("{stem}.{extension}") }
    }

    /// Media type of the packaged file.
    pub fn media_type(&self, format: Format, packaging: Packaging) -> &'static str {
        match (packaging, self.compression) {
            (Packaging::Openpgp, _) => "application/octet-stream",
            (Packaging::Plain, Compression::Gzip) => "application/gzip",
            (Packaging::Plain, Compression::Zstd) => "application/zstd",
            _ if self.is_archive(packaging) => "application/zip",
            _ => format.media_type(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_how_to_open_them() {
        let name = |packaging, compression, split| {
            let wrapping = Wrapping { compression, split, ..Wrapping::default() };
            wrapping.file_name("r", Format::Csv, packaging)
        };
        let parts = Some(Split::Rows(1));
        assert_eq!(name(Packaging::Openpgp, Compression::None, None), "r.csv.pgp");
        assert_eq!(name(Packaging::Openpgp, Compression::None, parts), "r.zip.pgp");
        assert_eq!(name(Packaging::Zip, Compression::None, None), "r.zip");
        assert_eq!(name(Packaging::Plain, Compression::None, None), "r.csv");
        assert_eq!(name(Packaging::Plain, Compression::Gzip, None), "r.csv.gz");
        assert_eq!(name(Packaging::Plain, Compression::Zstd, None), "r.csv.zst");
        assert_eq!(name(Packaging::Plain, Compression::None, parts), "r.zip");
        assert_eq!(Wrapping { split: parts, ..Wrapping::default() }.entry_name("r", Format::Xml, 7), "r-0007.xml");
    }
}
