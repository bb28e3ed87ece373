//! Archives written here, opened by the `zip` crate. Other tools open them in the interoperability tests.

use std::io::{self, BufReader, Cursor, Read, Seek};

use ::zip::{AesMode, CompressionMethod, ZipArchive, result::ZipError};
use proptest::prelude::*;

use super::*;
use crate::package::collect::{collect, collect_into};

const PASSWORD: &str = "correct horse";

/// Every way to write an archive.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Stored,
    Deflated,
    Locked(ZipCipher),
}

const KINDS: [Kind; 4] =
    [Kind::Stored, Kind::Deflated, Kind::Locked(ZipCipher::Aes256), Kind::Locked(ZipCipher::Zipcrypto)];

type Files = Vec<(String, Vec<u8>)>;

/// An archive of files, each written in pieces of so many bytes.
fn archive(kind: Kind, files: &Files, piece: usize) -> Vec<u8> {
    let (written, bytes) = collect(|out| {
        let mut zip = Box::new(match kind {
            Kind::Stored => Zip::stored(out),
            Kind::Deflated => Zip::deflated(out, Level::Fast),
            Kind::Locked(cipher) => Zip::encrypted(out, Level::Fast, cipher, &Secret::new(PASSWORD.to_owned())),
        });
        for (name, content) in files {
            zip.begin(name).unwrap();
            for bytes in content.chunks(piece) {
                zip.write(bytes).unwrap();
            }
            zip.end().unwrap();
        }
        zip.finish().unwrap().finish()
    });
    assert_eq!(written.unwrap().0, bytes.as_ref().unwrap().len() as u64);
    bytes.unwrap()
}

fn open(bytes: &[u8]) -> ZipArchive<Cursor<&[u8]>> {
    ZipArchive::new(Cursor::new(bytes)).unwrap()
}

fn read(bytes: &[u8], kind: Kind) -> Files {
    let mut archive = open(bytes);
    let read = |index| {
        let mut file = match kind {
            Kind::Locked(_) => archive.by_index_decrypt(index, PASSWORD.as_bytes()).unwrap(),
            _ => archive.by_index(index).unwrap(),
        };
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        (file.name().unwrap().into_owned(), content)
    };
    (0..open(bytes).len()).map(read).collect()
}

fn files(files: &[(&str, &[u8])]) -> Files {
    files.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect()
}

/// Text that compresses like a report.
fn report(rows: u32) -> Vec<u8> {
    (0..rows).flat_map(|n| format!("{},debit,2024-05-01\r\n", n.wrapping_mul(2_654_435_761)).into_bytes()).collect()
}

#[test]
fn several_entries_in_every_way() {
    let files = files(&[("relatório-日本 😀.csv", &report(20_000)), ("empty", b""), ("folder/one", b"1")]);
    for kind in KINDS {
        let bytes = archive(kind, &files, 50_000);
        assert!(read(&bytes, kind) == files, "{kind:?}");
        let plain = files[0].1.len();
        if kind == Kind::Stored {
            assert!(bytes.len() > plain && bytes.len() < plain + plain / 1_000 + 1_000);
        } else {
            assert!(bytes.len() < plain / 2, "{kind:?}");
        }
    }
}

#[test]
fn what_is_compressed_is_not_compressed_again() {
    let content = report(1_000);
    let files = files(&[("a.parquet", &content), ("a.xlsx", &content), ("a.csv", &content)]);
    let kind = Kind::Locked(ZipCipher::Aes256);
    let bytes = archive(kind, &files, 10_000);
    let mut archive = open(&bytes);
    let smaller = [0, 1, 2].map(|index| archive.by_index_raw(index).unwrap().compressed_size() < content.len() as u64);
    assert_eq!(smaller, [false, false, true]);
    assert!(read(&bytes, kind) == files);
}

#[test]
fn no_entries_are_an_archive() {
    assert!(open(&archive(Kind::Deflated, &Files::new(), 1)).is_empty());
}

#[test]
fn headers_say_what_is_in_the_entry() {
    let content = report(10);
    let files = files(&[("a", &content)]);
    for kind in KINDS {
        let bytes = archive(kind, &files, 1 << 20);
        let mut archive = open(&bytes);
        let entry = archive.by_index_raw(0).unwrap();
        let aes = kind == Kind::Locked(ZipCipher::Aes256);
        let mut crc = Crc::new();
        crc.update(if aes { b"" } else { &content });
        assert_eq!((entry.size(), entry.crc32()), (content.len() as u64, crc.sum()), "{kind:?}");
        assert_eq!((entry.encrypted(), entry.unix_mode()), (matches!(kind, Kind::Locked(_)), Some(0o100_644)));
        assert_eq!(entry.compression(), CompressionMethod::Deflated);
        // The fixed part, the name, the field of AES.
        let data = usize::try_from(entry.data_start().unwrap()).unwrap();
        assert_eq!(data, 30 + 1 + if aes { 11 } else { 0 });
        let compressed = usize::try_from(entry.compressed_size()).unwrap();
        let descriptor = &bytes[data + compressed..][..16];
        assert_eq!(&descriptor[..4], b"PK\x07\x08");
        assert_eq!(descriptor[4..8], entry.crc32().to_le_bytes());
        assert_eq!(descriptor[8..12], entry.compressed_size().to_le_bytes()[..4]);
        assert_eq!(descriptor[12..], entry.size().to_le_bytes()[..4]);
    }
}

#[test]
fn aes_is_of_256_bits() {
    let kind = Kind::Locked(ZipCipher::Aes256);
    let bytes = archive(kind, &files(&[("a", b"content")]), 1);
    let (mode, ..) = open(&bytes).get_aes_verification_key_and_salt(0).unwrap().map(|info| (info.aes_mode,)).unwrap();
    assert!(matches!(mode, AesMode::Aes256));
}

#[test]
fn a_wrong_password_opens_nothing() {
    let content = report(100);
    for cipher in [ZipCipher::Aes256, ZipCipher::Zipcrypto] {
        let bytes = archive(Kind::Locked(cipher), &files(&[("a", &content)]), 1_000);
        assert!(matches!(open(&bytes).by_index(0), Err(ZipError::UnsupportedArchive(_))));
        for wrong in ["", "correct horsf", "Correct horse"] {
            let mut archive = open(&bytes);
            // The verifier passes one in many; the content never does.
            let mut read = Vec::new();
            let opened = archive.by_index_decrypt(0, wrong.as_bytes());
            assert!(opened.map_or(true, |mut file| file.read_to_end(&mut read).is_err()), "{cipher:?} {wrong}");
            assert_ne!(read, content);
        }
    }
}

#[test]
fn what_was_changed_is_noticed() {
    let content = report(100);
    let kind = Kind::Locked(ZipCipher::Aes256);
    let mut bytes = archive(kind, &files(&[("a", &content)]), 1_000);
    // Past salt and verifier, in the ciphertext.
    bytes[200] ^= 1;
    let mut archive = open(&bytes);
    let mut file = archive.by_index_decrypt(0, PASSWORD.as_bytes()).unwrap();
    assert!(file.read_to_end(&mut Vec::new()).is_err());
}

#[test]
fn equal_files_do_not_look_equal() {
    for cipher in [ZipCipher::Aes256, ZipCipher::Zipcrypto] {
        let bytes = archive(Kind::Locked(cipher), &files(&[("a", b"same"), ("b", b"same")]), 4);
        let mut archive = open(&bytes);
        let [a, b] = [0, 1].map(|index| {
            let mut raw = Vec::new();
            archive.by_index_raw(index).unwrap().read_to_end(&mut raw).unwrap();
            raw
        });
        assert_ne!(a, b, "{cipher:?}");
    }
}

#[test]
fn more_entries_than_sixteen_bits_count() {
    let many: Files = (0..65_536).map(|n: u32| (n.to_string(), n.to_le_bytes().to_vec())).collect();
    let bytes = archive(Kind::Deflated, &many, 4);
    assert!(read(&bytes, Kind::Deflated) == many);
}

#[test]
#[ignore = "it writes a temporary file of 4 GiB"]
fn more_bytes_than_thirty_two_bits_count() {
    let piece = vec![7; 1 << 20];
    let entries: [(&str, u64); 2] = [("large", 4_097), ("behind it", 1)];
    let (written, file) = collect_into(tempfile::tempfile().unwrap(), |out| {
        let mut zip = Box::new(Zip::stored(out));
        for (name, pieces) in entries {
            zip.begin(name).unwrap();
            for _ in 0..pieces {
                zip.write(&piece).unwrap();
            }
            zip.end().unwrap();
        }
        zip.finish().unwrap().finish()
    });
    assert!(written.unwrap().0 > 4_098 << 20);
    let mut file = file.unwrap();
    file.rewind().unwrap();
    let mut archive = ZipArchive::new(BufReader::new(file)).unwrap();
    for (name, pieces) in entries {
        let mut entry = archive.by_name(name).unwrap();
        assert_eq!(entry.size(), pieces << 20);
        // Its checksum is compared on the way.
        assert_eq!(io::copy(&mut entry, &mut io::sink()).unwrap(), pieces << 20);
    }
}

#[test]
fn calls_in_the_wrong_order_are_errors() {
    let (written, bytes) = collect(|out| {
        let mut zip = Zip::deflated(out, Level::Fast);
        [zip.write(b"a"), zip.end()].map(|result| result.is_err())
    });
    assert_eq!((written, bytes), ([true, true], None));
}

#[test]
fn names_that_lead_elsewhere_are_mistakes() {
    assert!(["a", "a/b.csv", "..a", "a b"].into_iter().all(stays_in_its_folder));
    assert!(!["", "/a", "../a", "a/../b", "a//b", "a/", "a\\b", "."].into_iter().any(stays_in_its_folder));
}

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(&KINDS[..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn contents_read_back(
        kind in kind(),
        contents in proptest::collection::vec((any::<Vec<u8>>(), 1_usize..300), 0..6),
        piece in 1_usize..10_000,
    ) {
        let file = |(index, (seed, times)): (usize, &(Vec<u8>, usize))| (format!("ü{index}"), seed.repeat(*times));
        let files: Files = contents.iter().enumerate().map(file).collect();
        prop_assert!(read(&archive(kind, &files, piece), kind) == files);
    }
}
