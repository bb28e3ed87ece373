//! From batches to packages in memory, opened again.

use std::{
    io::{Cursor, Read},
    ops::Range,
};

use ::zip::ZipArchive;
use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey};
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::mpsc;
use waybill::{
    aws::secrets::SigningKeys,
    clock,
    domain::{
        definition::ColumnKind,
        failure::FailureCode,
        outcome::Format,
        secret::Secret,
        style::Style,
        wrapping::{Compression, Wrapping, ZipCipher},
    },
    openpgp::{ServiceKey, generate_service_key},
    webhook_key::{self, StoredKeys},
};

use super::*;
use crate::{Package, fixture::definition, package::collect::collect};

fn keys() -> SigningKeys {
    let key = generate_service_key("Waybill <waybill@example.com>", clock::now()).unwrap();
    let stored: StoredKeys = serde_json::from_value(webhook_key::generate().unwrap().expose().clone()).unwrap();
    SigningKeys { openpgp: ServiceKey::parse(&key).unwrap(), webhook: Some(stored.try_into().unwrap()) }
}

/// CSV of one column, not encrypted.
fn job(split: Option<Split>) -> Job {
    Job {
        definition: Arc::new(definition("SELECT n", &[("n", ColumnKind::Text)], [])),
        parameters: std::collections::BTreeMap::new(),
        asked: json!({}),
        filter: None,
        tenant: "acme".to_owned(),
        request: "req_1".to_owned(),
        format: Format::Csv,
        style: Style::default(),
        package: Package::Plain(Compression::None),
        wrapping: Wrapping { split, ..Wrapping::default() },
        folder: "acme/req_1/1/".to_owned(),
        stem: "sales".to_owned(),
    }
}

fn batch(values: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([("n", values)]).unwrap()
}

fn numbers(values: Range<i64>) -> RecordBatch {
    batch(Arc::new(Int64Array::from_iter_values(values)))
}

/// Everything that is sent for these batches.
fn whole(batches: Vec<RecordBatch>) -> Vec<Feed> {
    let begin = Feed::Begin(batches[0].schema());
    std::iter::once(begin).chain(batches.into_iter().map(Feed::Rows)).chain([Feed::End]).collect()
}

/// What was packaged.
struct Made {
    packaged: Packaged,
    bytes: Vec<u8>,
    progress: Arc<Progress>,
    signer: ServiceKey,
}

fn run(job: Job, feed: Vec<Feed>) -> Result<Made, ProduceError> {
    let (sender, receiver) = mpsc::channel(feed.len().max(1));
    for message in feed {
        sender.try_send(message).ok().unwrap();
    }
    drop(sender);
    let (keys, progress) = (keys(), Arc::<Progress>::default());
    let signer = keys.openpgp.clone();
    let packager = Packager {
        document: job.document(clock::now()),
        job,
        feed: receiver,
        progress: Arc::clone(&progress),
        signers: Signers::new(Arc::new(keys)),
        scratch: std::env::temp_dir(),
        level: waybill_deflate::Level::Fast,
    };
    let (result, bytes) = collect(|out| packager.run(out));
    assert_eq!(result.is_ok(), bytes.is_some(), "a package is whole, or not there");
    Ok(Made { packaged: result?, bytes: bytes.unwrap(), progress, signer })
}

fn make(job: Job, batches: Vec<RecordBatch>) -> Made {
    run(job, whole(batches)).unwrap()
}

fn code(job: Job, batches: Vec<RecordBatch>) -> Option<FailureCode> {
    run(job, whole(batches)).err().and_then(|error| error.code())
}

/// Names and contents of an archive that is not encrypted.
fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let read = |index| {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        (file.name().unwrap().into_owned(), content)
    };
    (0..ZipArchive::new(Cursor::new(bytes)).unwrap().len()).map(read).collect()
}

fn digest(bytes: &[u8]) -> (u64, String) {
    let mut meter = Meter::default();
    meter.update(bytes);
    meter.finish()
}

/// The parts of a split report, after a check of their figures.
fn parts(made: &Made) -> Vec<Vec<u8>> {
    let files = &made.packaged.files;
    let parts: Vec<_> = entries(&made.bytes).into_iter().take(files.len()).collect();
    for (number, (file, (name, content))) in (1..).zip(files.iter().zip(&parts)) {
        assert_eq!((&file.name, name), (name, &format!("sales-{number:04}.csv")));
        assert_eq!((file.bytes, file.sha256.clone()), digest(content));
    }
    let parts: Vec<_> = parts.into_iter().map(|(_, content)| content).collect();
    assert_eq!(made.packaged.plaintext, digest(&parts.concat()));
    assert_eq!(made.packaged.object, digest(&made.bytes));
    parts
}

#[test]
fn batches_become_one_counted_file() {
    let made = make(job(None), vec![numbers(0..0), numbers(0..3_000), numbers(3_000..3_001)]);
    let expected: Vec<String> = (0..3_001).map(|n: u32| n.to_string()).collect();
    let text = format!("N\r\n{}\r\n", expected.join("\r\n"));
    assert_eq!(made.bytes, text.as_bytes());
    assert_eq!((made.progress.rows(), made.progress.bytes()), (3_001, text.len() as u64));
    let (bytes, sha256) = digest(text.as_bytes());
    assert_eq!((&made.packaged.plaintext, &made.packaged.object), (&(bytes, sha256.clone()), &(bytes, sha256.clone())));
    assert_eq!(made.packaged.files, [FileFigures { name: "sales.csv".to_owned(), rows: 3_001, bytes, sha256 }]);
}

#[test]
fn no_rows_still_give_the_header() {
    assert_eq!(make(job(None), vec![numbers(0..0)]).bytes, b"N\r\n");
}

#[test]
fn a_query_that_is_cut_off_is_no_file() {
    let schema = numbers(0..0).schema();
    let rows = || Feed::Rows(numbers(0..2));
    for feed in [vec![], vec![rows(), Feed::End], vec![Feed::Begin(schema.clone())], vec![Feed::Begin(schema), rows()]]
    {
        let error = run(job(None), feed).err().unwrap();
        assert_eq!(error.code(), Some(FailureCode::Internal));
    }
}

#[test]
fn compression_keeps_the_files_own_figures() {
    let plain = make(job(None), vec![numbers(0..5_000)]);
    for compression in [Compression::Gzip, Compression::Zstd] {
        let mut job = job(None);
        job.package = Package::Plain(compression);
        let made = make(job, vec![numbers(0..5_000)]);
        assert_eq!(made.packaged.files, plain.packaged.files);
        assert_eq!(made.packaged.plaintext, plain.packaged.plaintext);
        assert_eq!(made.packaged.object, digest(&made.bytes));
        assert!(made.bytes.len() < plain.bytes.len());
    }
}

#[test]
fn parts_have_as_many_rows_as_asked_for() {
    for (rows, most, expected) in [
        (0, 10, vec![0]),
        (1, 10, vec![1]),
        (10, 10, vec![10]),
        (11, 10, vec![10, 1]),
        (20, 10, vec![10, 10]),
        (2_500, 1_000, vec![1_000, 1_000, 500]),
        (1_024, 1_024, vec![1_024]),
        (5_000, 4_999, vec![4_999, 1]),
    ] {
        let cut = rows / 3;
        let made = make(job(Some(Split::Rows(most))), vec![numbers(0..cut), numbers(cut..rows)]);
        let counts: Vec<u64> = made.packaged.files.iter().map(|file| file.rows).collect();
        assert_eq!(counts, expected, "{rows} rows");
        let mut read = Vec::new();
        for part in parts(&made) {
            let text = String::from_utf8(part).unwrap();
            let rows = text.strip_prefix("N\r\n").unwrap();
            read.extend(rows.split_terminator("\r\n").map(|row| row.parse::<i64>().unwrap()));
        }
        assert_eq!(read, (0..rows).collect::<Vec<_>>());
        assert_eq!(made.progress.rows(), u64::try_from(rows).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn parts_have_at_most_the_bytes_asked_for(
        lengths in proptest::collection::vec(prop_oneof![1_usize..40, 1_usize..40, 1_usize..400], 0..300),
        most in 100_u64..2_000,
    ) {
        let rows: Vec<String> = (0..).zip(&lengths).map(|(n, length)| format!("{n}{}", "x".repeat(*length))).collect();
        let made = make(job(Some(Split::Bytes(most))), vec![batch(Arc::new(StringArray::from_iter_values(&rows)))]);
        let mut read: Vec<String> = Vec::new();
        for (part, file) in parts(&made).into_iter().zip(&made.packaged.files) {
            // No more than one row that is too large, and no less than what fits.
            prop_assert!(file.bytes + FOOTER <= most || file.rows == 1, "{file:?}");
            let text = String::from_utf8(part).unwrap();
            let part: Vec<_> = text.strip_prefix("N\r\n").unwrap().split_terminator("\r\n").map(str::to_owned).collect();
            prop_assert_eq!(part.len() as u64, file.rows);
            read.extend(part);
            if let Some(next) = rows.get(read.len()) {
                prop_assert!(file.bytes + next.len() as u64 + 2 + FOOTER > most, "{file:?} has room for {next}");
            }
        }
        prop_assert_eq!(read, rows);
    }
}

#[test]
fn a_row_larger_than_a_part_stands_alone() {
    let large = "x".repeat(500);
    let rows = ["a", "b", &large, "c", &large, &large, "d"];
    let made = make(job(Some(Split::Bytes(200))), vec![batch(Arc::new(StringArray::from_iter_values(rows)))]);
    let counts: Vec<u64> = made.packaged.files.iter().map(|file| file.rows).collect();
    assert_eq!(counts, [2, 1, 1, 1, 1, 1]);
    assert_eq!(parts(&made)[1], format!("N\r\n{large}\r\n").into_bytes());
}

#[test]
fn more_parts_than_a_manifest_lists_are_too_large() {
    let most = i64::from(MAX_PARTS);
    let by_row = || job(Some(Split::Rows(1)));
    assert_eq!(make(by_row(), vec![numbers(0..most)]).packaged.files.len(), 1_000);
    assert_eq!(code(by_row(), vec![numbers(0..most + 1)]), Some(FailureCode::TooLarge));
    assert_eq!(code(job(Some(Split::Bytes(1))), vec![numbers(0..most + 1)]), Some(FailureCode::TooLarge));
}

#[test]
fn the_formats_limit_holds_for_each_file() {
    let html = |split| Job { format: Format::Html, ..job(split) };
    let most = Format::Html.max_rows().unwrap();
    let rows = || vec![numbers(0..i64::try_from(most).unwrap() + 1)];
    assert_eq!(code(html(None), rows()), Some(FailureCode::TooLarge));
    assert_eq!(code(html(Some(Split::Rows(most + 1))), rows()), Some(FailureCode::TooLarge));
    let made = make(html(Some(Split::Rows(most))), rows());
    assert_eq!(made.packaged.files.iter().map(|file| file.rows).collect::<Vec<_>>(), [most, 1]);
}

#[test]
fn the_manifest_is_what_an_archive_ends_with() {
    let made = make(job(Some(Split::Rows(2))), vec![numbers(0..3)]);
    let entries = entries(&made.bytes);
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    let inside = ["manifest.json", "manifest.json.asc", "manifest.json.sig"];
    assert_eq!(names, [&["sales-0001.csv", "sales-0002.csv"], &inside[..]].concat());
    let manifest: serde_json::Value = serde_json::from_slice(&entries[2].1).unwrap();
    assert_eq!(manifest["files"], serde_json::to_value(&made.packaged.files).unwrap());
    assert_eq!((&manifest["rows"], &manifest["object"]), (&json!(3), &json!(null)));

    let (public, _) = SignedPublicKey::from_string(&made.signer.public_armored().unwrap()).unwrap();
    let signature = String::from_utf8(entries[3].1.clone()).unwrap();
    let (signature, _) = DetachedSignature::from_string(&signature).unwrap();
    signature.verify(&public, entries[2].1.as_slice()).unwrap();
    assert!(signature.verify(&public, entries[0].1.as_slice()).is_err());
    assert_eq!(entries[4].1.len(), 64);
}

#[test]
fn a_manifest_that_is_not_wanted_is_not_inside() {
    let mut job = job(Some(Split::Rows(2)));
    job.wrapping.manifest_inside = false;
    let made = make(job, vec![numbers(0..3)]);
    assert_eq!(entries(&made.bytes).len(), 2);
}

#[test]
fn what_is_encrypted_is_what_was_counted() {
    for cipher in ZipCipher::ALL {
        let mut job = job(None);
        job.package = Package::Zip { cipher, password: Secret::new("correct horse".to_owned()) };
        let made = make(job, vec![numbers(0..3_000)]);
        let mut archive = ZipArchive::new(Cursor::new(made.bytes.as_slice())).unwrap();
        assert_eq!(archive.len(), 4);
        let mut content = Vec::new();
        archive.by_index_decrypt(0, b"correct horse").unwrap().read_to_end(&mut content).unwrap();
        let [file] = made.packaged.files.as_slice() else { panic!("{:?}", made.packaged.files) };
        assert_eq!((file.name.as_str(), file.rows), ("sales.csv", 3_000));
        assert_eq!((file.bytes, file.sha256.clone()), digest(&content));
        assert_eq!(made.packaged.plaintext, digest(&content));
        assert_eq!(made.packaged.object, digest(&made.bytes));
    }
}
