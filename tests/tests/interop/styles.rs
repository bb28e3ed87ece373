//! Reports in a style of their own, in every format for people; formats for programs take no notice of it.

use std::collections::BTreeMap;

use waybill::domain::{
    outcome::Format,
    style::{Formulas, Style},
    wrapping::Compression,
};

use crate::{
    bench::{Bench, Case, Pack},
    content::Book,
};

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// As a receiver in São Paulo wants it.
fn brazil() -> Style {
    Style {
        titles: map(&[("amount", "Valor; \"R$\""), ("day", "Data"), ("text", "=Texto"), ("customer", "Cliente")]),
        formats: map(&[
            ("amount", "#,##0.00"),
            ("price", "0.0"),
            ("big", "#,##0"),
            ("small", "0.00"),
            ("whole", "#,##0.0"),
            ("ratio", "#,##0.000"),
            ("moment", "%d/%m/%Y %H:%M:%S.%3f"),
            ("quantity", "#,##0"),
        ]),
        time_zone: Some("America/Sao_Paulo".to_owned()),
        date_format: Some("%d/%m/%Y".to_owned()),
        decimal_separator: Some(','),
        null_text: Some("N/A".to_owned()),
        delimiter: Some(';'),
        bom: Some(true),
        ..Style::default()
    }
}

/// What brings out the rest: grouping by spaces, a zone at half an hour, formulas as they are.
fn raw() -> Style {
    Style {
        formats: map(&[("amount", "#,##0.0000000000"), ("single", "0.00")]),
        time_zone: Some("America/St_Johns".to_owned()),
        timestamp_format: Some("%Y-%m-%d %H:%M:%S".to_owned()),
        grouping_separator: Some(' '),
        delimiter: Some('\t'),
        formulas: Some(Formulas::Raw),
        ..Style::default()
    }
}

#[tokio::test]
async fn styles_of_all_formats() {
    let bench = Bench::new().await;
    let mut book = Book::default();
    for style in [brazil(), raw()] {
        for format in Format::ALL {
            for data in ["nasty", "empty", "many"] {
                let case = Case::new(data, format, Pack::Plain(Compression::None));
                book.deliver(&bench, &Case { style: style.clone(), ..case }).await;
            }
        }
    }
    assert_eq!(book.verify().await, 2 * Format::ALL.len() * 3);
}

#[tokio::test]
async fn dialects_of_csv() {
    let bench = Bench::new().await;
    let mut book = Book::default();
    for delimiter in [',', ';', '|', '\t'] {
        for formulas in [Formulas::Guard, Formulas::Raw] {
            for null_text in [None, Some("N/A"), Some("null"), Some("a")] {
                let style = Style {
                    delimiter: Some(delimiter),
                    formulas: Some(formulas),
                    null_text: null_text.map(str::to_owned),
                    bom: Some(null_text.is_some()),
                    ..Style::default()
                };
                let case = Case::new("fuzz", Format::Csv, Pack::Plain(Compression::None));
                book.deliver(&bench, &Case { style, ..case }).await;
            }
        }
    }
    assert_eq!(book.verify().await, 4 * 2 * 4);
}
