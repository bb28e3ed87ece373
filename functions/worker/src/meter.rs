//! Figures counted while streaming.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
};

use aws_lc_rs::digest::{Context, SHA256};

/// How far a run is; read by whoever reports it while the run goes on.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Rows formatted so far, without the header.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes formatted so far, before packaging.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts what was just formatted.
    pub(crate) fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Counts bytes and digests them on the way.
pub struct Meter {
    bytes: u64,
    digest: Context,
    /// Whether somebody else digests.
    counts_only: bool,
}

impl Default for Meter {
    fn default() -> Self {
        Self { bytes: 0, digest: Context::new(&SHA256), counts_only: false }
    }
}

impl Meter {
    /// One that counts, and is [told the digest](Self::set_digest).
    pub fn without_digest() -> Self {
        Self { counts_only: true, ..Self::default() }
    }

    /// Takes what passes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if !self.counts_only {
            self.digest.update(bytes);
        }
    }

    /// The SHA-256 of what has passed so far.
    pub fn digest(&self) -> Context {
        self.digest.clone()
    }

    /// The SHA-256 of what has passed, by somebody who needed it too.
    pub fn set_digest(&mut self, digest: Context) {
        self.digest = digest;
    }

    /// How many bytes have passed.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many bytes passed, and their SHA-256 in lower-case hex.
    pub fn finish(self) -> (u64, String) {
        let digest = self.digest.finish();
        let mut hex = String::with_capacity(64);
        for byte in digest.as_ref() {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        (self.bytes, hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_does_not_depend_on_how_bytes_arrive() {
        let mut meter = Meter::default();
        meter.update(b"a");
        meter.update(b"");
        meter.update(b"bc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut other = Meter::without_digest();
        other.update(b"abc");
        other.set_digest(meter.digest());
        assert_eq!(meter.finish(), (3, expected.to_owned()));
        assert_eq!(other.finish(), (3, expected.to_owned()));
    }
}
