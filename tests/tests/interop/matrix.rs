//! Every format × every package × every data set.

use waybill::domain::{
    failure::FailureCode,
    outcome::Format,
    wrapping::{Compression, ZipCipher},
};

use crate::{
    bench::{Bench, Case, Pack, files},
    content::Book,
    data,
    keys::Who,
};

/// One of each kind; `packages` has the others.
const PACKS: [Pack; 4] = [
    Pack::Plain(Compression::None),
    Pack::Zip(ZipCipher::Aes256),
    Pack::Zip(ZipCipher::Zipcrypto),
    Pack::Openpgp(&[Who::Rsa]),
];

/// All reports of one format.
async fn matrix(format: Format) {
    let bench = Bench::new().await;
    let mut book = Book::default();
    let (mut refused, mut impossible) = (0, 0);
    for data in data::ALL {
        for pack in PACKS {
            let case = Case::new(data, format, pack);
            if !case.is_possible() {
                impossible += 1;
            } else if format == Format::Pdf && data == "wide" {
                let before = files(&bench.out());
                let error = bench.make(&case).await.err().unwrap();
                assert_eq!(error.code(), Some(FailureCode::TooLarge), "{error:?}");
                assert_eq!(files(&bench.out()), before, "nothing is written");
                refused += 1;
            } else {
                book.deliver(&bench, &case).await;
            }
        }
    }
    let verified = book.verify().await;
    assert_eq!(verified + refused + impossible, data::ALL.len() * PACKS.len());
    assert_eq!(refused > 0, format == Format::Pdf);
}

#[tokio::test]
async fn csv() {
    matrix(Format::Csv).await;
}

#[tokio::test]
async fn ndjson() {
    matrix(Format::Ndjson).await;
}

#[tokio::test]
async fn json() {
    matrix(Format::Json).await;
}

#[tokio::test]
async fn xml() {
    matrix(Format::Xml).await;
}

#[tokio::test]
async fn xlsx() {
    matrix(Format::Xlsx).await;
}

#[tokio::test]
async fn parquet() {
    matrix(Format::Parquet).await;
}

#[tokio::test]
async fn html() {
    matrix(Format::Html).await;
}

#[tokio::test]
async fn txt() {
    matrix(Format::Txt).await;
}

#[tokio::test]
async fn pdf() {
    matrix(Format::Pdf).await;
}

#[tokio::test]
async fn a_cell_that_is_another_is_noticed() {
    let bench = Bench::new().await;
    let mut book = Book::default();
    // A row that differs in every cell, in some by no more than the sign of a zero.
    let formats = Format::ALL.map(|format| Case::new("one", format, PACKS[0]));
    for case in formats.iter().filter(|case| case.is_possible()) {
        book.deliver(&bench, case).await;
    }
    let cells = data::lake().await.table("other").cells();
    assert!(book.differences("other").await.iter().all(|differing| *differing >= cells));
}
