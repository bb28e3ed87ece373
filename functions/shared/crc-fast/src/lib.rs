//! Checksums for AWS's SDK of S3, in place of the registry's crate `crc-fast` (`[patch.crates-io]` in the workspace's
//! manifest): the part of its interface that `aws-smithy-checksums` uses, over two kept libraries.
//!
//! The replaced crate links the tables of every CRC there is, 0.7 MB that do not compress, into each function. What of
//! its interface is missing here and asked for by a later SDK fails to build; a version that is not replaced any more
//! fails the test of `Cargo.lock` below.

use std::fmt;

use crc::{CRC_32_ISCSI, CRC_64_NVME, Crc, Table};

/// Of a kilobyte and two: neither is asked for by a call of ours, only by objects that others wrote with it.
static CRC32C: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_NVME);

/// What S3 knows, by the names of the replaced crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// CRC-32 of ISO-HDLC, as in ZIP: S3's `CRC32`, which the SDK sends with every upload.
    Crc32IsoHdlc,
    /// CRC-32C, as in iSCSI: S3's `CRC32C`.
    Crc32Iscsi,
    /// S3's `CRC64NVME`.
    Crc64Nvme,
}

/// A checksum of what comes piece by piece.
#[derive(Clone)]
pub struct Digest(State);

#[derive(Clone)]
enum State {
    Crc32(crc32fast::Hasher),
    Crc32c(crc::Digest<'static, u32, Table<1>>),
    Crc64(crc::Digest<'static, u64, Table<1>>),
}

impl Digest {
    /// Of nothing so far.
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => State::Crc32(crc32fast::Hasher::new()),
            CrcAlgorithm::Crc32Iscsi => State::Crc32c(CRC32C.digest()),
            CrcAlgorithm::Crc64Nvme => State::Crc64(CRC64.digest()),
        })
    }

    /// Of `bytes` besides.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc32(state) => state.update(bytes),
            State::Crc32c(state) => state.update(bytes),
            State::Crc64(state) => state.update(bytes),
        }
    }

    /// The checksum, of 32 bits in the lower half or of 64.
    pub fn finalize(self) -> u64 {
        match self.0 {
            State::Crc32(state) => state.finalize().into(),
            State::Crc32c(state) => state.finalize().into(),
            State::Crc64(state) => state.finalize(),
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            State::Crc32(_) => "Crc32",
            State::Crc32c(_) => "Crc32c",
            State::Crc64(_) => "Crc64",
        };
        f.debug_tuple("Digest").field(&name).finish()
    }
}

/// That of `bytes`, at once.
pub fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new(algorithm);
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [CrcAlgorithm; 3] = [CrcAlgorithm::Crc32IsoHdlc, CrcAlgorithm::Crc32Iscsi, CrcAlgorithm::Crc64Nvme];

    /// The check values of the catalogue of parametrised CRC algorithms, <https://reveng.sourceforge.io/crc-catalogue/>.
    #[test]
    fn the_catalogue_s_values() {
        let checks = ALL.map(|algorithm| checksum(algorithm, b"123456789"));
        assert_eq!(checks, [0xcbf4_3926, 0xe306_9283, 0xae8b_1486_0a79_9888]);
    }

    /// A second version from the registry, as after an update of the SDK, would bring the tables back unnoticed.
    #[test]
    fn nothing_links_the_replaced_crate() {
        let lock = include_str!("../../../../Cargo.lock");
        let found: Vec<_> = lock.split("[[package]]").filter(|entry| entry.contains("name = \"crc-fast\"")).collect();
        assert_eq!(found.len(), 1);
        assert!(!found[0].contains("source ="), "adapt functions/shared/crc-fast to what the SDK asks for now");
    }

    proptest! {
        #[test]
        fn pieces_are_as_the_whole(pieces: Vec<Vec<u8>>) {
            for algorithm in ALL {
                let mut digest = Digest::new(algorithm);
                for piece in &pieces {
                    digest.update(piece);
                }
                prop_assert_eq!(digest.finalize(), checksum(algorithm, &pieces.concat()));
            }
        }
    }
}
