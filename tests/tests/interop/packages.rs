//! The packages that the matrix leaves out: compression, other recipients, parts, and options of archives.

use waybill::domain::{
    outcome::Format,
    wrapping::{Compression, MIN_PART_BYTES, Split, Wrapping, ZipCipher},
};

use crate::{
    bench::{Bench, Case, Pack},
    content::Book,
    keys::Who,
    open::opens_with,
};

/// Everything that can hold parts.
const PACKS: [Pack; 4] = [
    Pack::Plain(Compression::None),
    Pack::Zip(ZipCipher::Aes256),
    Pack::Zip(ZipCipher::Zipcrypto),
    Pack::Openpgp(&[Who::Curve]),
];

fn with(case: Case, wrapping: Wrapping) -> Case {
    Case { wrapping, ..case }
}

fn split(split: Split) -> Wrapping {
    Wrapping { split: Some(split), ..Wrapping::default() }
}

/// Delivers and verifies all that is possible here.
async fn all(bench: &Bench, cases: &[Case]) {
    let mut book = Book::default();
    let mut impossible = 0;
    for case in cases {
        if case.is_possible() {
            book.deliver(bench, case).await;
        } else {
            impossible += 1;
        }
    }
    assert_eq!(book.verify().await + impossible, cases.len());
}

#[tokio::test]
async fn compressed_files() {
    let packs = [Compression::Gzip, Compression::Zstd].map(Pack::Plain);
    let of = |data| packs.map(|pack| Case::new(data, Format::Csv, pack));
    all(&Bench::new().await, &["nasty", "empty", "many"].map(of).concat()).await;
}

#[tokio::test]
async fn messages_to_other_recipients() {
    let packs = [&[Who::Curve][..], &[Who::Rsa, Who::Curve], &[Who::Curve, Who::Rsa]].map(Pack::Openpgp);
    let of = |data| packs.map(|pack| Case::new(data, Format::Csv, pack));
    all(&Bench::new().await, &["nasty", "empty", "many"].map(of).concat()).await;
}

#[tokio::test]
async fn archives_without_a_manifest_and_with_names_beyond_ascii() {
    let wrapping = Wrapping { manifest_inside: false, ..Wrapping::default() };
    let plain = PACKS[1..3].iter().map(|pack| with(Case::new("nasty", Format::Csv, *pack), wrapping.clone()));
    let named =
        PACKS.iter().map(|pack| Case { stem: "extrato São Paulo – 日本", ..Case::new("one", Format::Csv, *pack) });
    all(&Bench::new().await, &plain.chain(named).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn another_password_opens_nothing() {
    let bench = Bench::new().await;
    for pack in &PACKS[1..3] {
        let delivery = bench.make(&Case::new("many", Format::Csv, *pack)).await.unwrap();
        assert!(!opens_with(&delivery, "Another-Password1"), "{pack:?}");
    }
}

#[tokio::test]
async fn parts_of_so_many_rows() {
    let bench = Bench::new().await;
    // 3,000 rows: the last part is full, or not, or the only one.
    let counts = [1_000, 999, 3_000, 1_000_000].map(Split::Rows);
    let of = |pack| counts.map(|rows| with(Case::new("many", Format::Csv, pack), split(rows)));
    all(&bench, &PACKS.map(of).concat()).await;
    let of = |data: &'static str| with(Case::new(data, Format::Csv, PACKS[0]), split(Split::Rows(7)));
    all(&bench, &["empty", "one", "nasty"].map(of)).await;
}

#[tokio::test]
async fn parts_in_every_format() {
    let of = |format| with(Case::new("many", format, PACKS[1]), split(Split::Rows(1_100)));
    all(&Bench::new().await, &Format::ALL.map(of)).await;
}

#[tokio::test]
async fn parts_of_so_many_bytes() {
    let bench = Bench::new().await;
    let formats = Format::ALL.into_iter().filter(|format| format.grows_row_by_row());
    let mut book = Book::default();
    for format in formats {
        for pack in PACKS {
            let case = with(Case::new("many", format, pack), split(Split::Bytes(MIN_PART_BYTES)));
            if !case.is_possible() {
                continue;
            }
            let (_, opened) = book.deliver(&bench, &case).await;
            let sizes: Vec<u64> = opened.reports().iter().map(|path| path.metadata().unwrap().len()).collect();
            let (last, full) = sizes.split_last().unwrap();
            assert!(full.len() > 1 && *last <= MIN_PART_BYTES, "{sizes:?}");
            // No part is cut before it must be: the row that comes next is shorter than a few hundred bytes.
            let room = MIN_PART_BYTES - 512..=MIN_PART_BYTES;
            assert!(full.iter().all(|size| room.contains(size)), "{sizes:?}");
        }
    }
    book.verify().await;
}
