use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::accept::add_wishes;
use crate::domain::{
    definition::{Column, ColumnKind, Limits},
    style::Style,
    wrapping::{Compression, ZipCipher},
};

fn definition(columns: usize, formats: &[Format]) -> Definition {
    let column = |number: usize| Column::new(format!("c{number}"), ColumnKind::Decimal);
    Definition {
        id: "r".to_owned(),
        version: 1,
        title: "R".to_owned(),
        description: String::new(),
        sql: String::new(),
        datasets: std::collections::BTreeMap::new(),
        parameters: vec![],
        columns: (0..columns).map(column).collect(),
        formats: formats.to_vec(),
        style: Style { grouping_separator: Some(','), ..Style::default() },
        limits: Limits::default(),
        checks: vec![],
    }
}

fn tenant() -> Tenant {
    let row = json!({
        "id": "acme", "name": "Acme", "presenter_id": uuid::Uuid::nil(), "packaging": "plain", "recipient_keys": [],
        "identities": [], "webhook_secret_sealed": "", "created_at": "2026-11-22T07:40:06Z",
    });
    serde_json::from_value(row).unwrap()
}

fn ask(body: &Json) -> Ask {
    let mut body = body.clone();
    body["report"] = json!("r");
    let (ask, faults) = Ask::parse(&body).unwrap();
    assert_eq!(faults, [], "{body}");
    ask
}

fn pairs(faults: Vec<Fault>) -> Vec<(String, &'static str)> {
    faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

/// Faults of an `output` for a report with the column `c0`.
fn style_faults(format: Format, output: &Json) -> Vec<(String, &'static str)> {
    let mut faults = vec![];
    check_style(&ask(&json!({ "output": output })), &definition(1, &Format::ALL), format, &mut faults);
    pairs(faults)
}

fn wrapped(
    tenant: &Tenant,
    format: Format,
    packaging: Packaging,
    body: &Json,
) -> Result<Wrapping, Vec<(String, &'static str)>> {
    let mut faults = vec![];
    let wrapping = wrapping(&ask(body), tenant, (format, packaging), &mut faults);
    if faults.is_empty() { Ok(wrapping) } else { Err(pairs(faults)) }
}

fn not_allowed(pointer: &str) -> Vec<(String, &'static str)> {
    vec![(pointer.to_owned(), "not_allowed")]
}

#[test]
fn a_style_is_for_formats_for_people() {
    let style = json!({ "titles": { "c0": "Amount" }, "formats": { "c0": "0.00" }, "time_zone": "UTC" });
    for format in Format::ALL {
        let expected = if format.is_styled() { vec![] } else { not_allowed("/output") };
        assert_eq!(style_faults(format, &style), expected, "{format:?}");
        assert_eq!(style_faults(format, &json!({})), [], "{format:?}");
    }
    let dialect = json!({ "delimiter": ";", "bom": true, "formulas": "guard" });
    assert_eq!(style_faults(Format::Csv, &dialect), []);
    let places = ["/output/delimiter", "/output/bom", "/output/formulas"];
    assert_eq!(style_faults(Format::Xlsx, &dialect), places.map(|at| (at.to_owned(), "not_allowed")));
}

#[test]
fn a_style_fits_the_definition_and_its_style() {
    let style = json!({ "titles": { "x/y": "?" }, "formats": { "c0": "%d" }, "decimal_separator": "," });
    let expected = [
        ("/output/titles/x~1y", "unknown"),
        ("/output/formats/c0", "format"),
        ("/output/decimal_separator", "not_allowed"),
    ];
    assert_eq!(style_faults(Format::Csv, &style), expected.map(|(at, code)| (at.to_owned(), code)));
}

#[test]
fn a_format_has_room_for_so_many_columns() {
    let refused = |columns, formats: &[Format], format| {
        let mut faults = vec![];
        check_columns(&definition(columns, formats), format, &mut faults);
        faults.pop().map(|fault| (fault.pointer, fault.code, fault.detail))
    };
    assert_eq!(refused(24, &[Format::Pdf], Format::Pdf), None);
    let (pointer, code, detail) = refused(25, &[Format::Pdf, Format::Html, Format::Xlsx], Format::Pdf).unwrap();
    assert_eq!((pointer.as_str(), code), ("/format", "out_of_range"));
    assert!(detail.ends_with("has 25 columns, and pdf has room for 24. Ask for html or xlsx."), "{detail}");
    let (_, _, detail) = refused(25, &[Format::Pdf], Format::Pdf).unwrap();
    assert!(detail.contains("operator"), "{detail}");
    assert_eq!(refused(1_000, &[Format::Csv], Format::Csv), None);
}

#[test]
fn nothing_asked_is_as_the_tenant_has_it() {
    let mut tenant = tenant();
    let none = json!({});
    assert_eq!(wrapped(&tenant, Format::Csv, Packaging::Zip, &none), Ok(Wrapping::default()));
    tenant.zip.cipher = ZipCipher::Zipcrypto;
    tenant.manifest_inside = Some(false);
    let own = Wrapping { cipher: ZipCipher::Zipcrypto, manifest_inside: false, ..Wrapping::default() };
    assert_eq!(wrapped(&tenant, Format::Csv, Packaging::Zip, &none), Ok(own));
    let asked = json!({ "package": { "cipher": "aes256", "manifest": true } });
    assert_eq!(wrapped(&tenant, Format::Csv, Packaging::Zip, &asked), Ok(Wrapping::default()));
    // What does not apply makes no other request.
    assert_eq!(wrapped(&tenant, Format::Csv, Packaging::Plain, &none), Ok(Wrapping::default()));
    let parts = wrapped(&tenant, Format::Csv, Packaging::Openpgp, &json!({ "split": { "rows": 10 } })).unwrap();
    assert_eq!((parts.split, parts.manifest_inside, parts.cipher), (Some(Split::Rows(10)), false, ZipCipher::Aes256));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let refused = |format, packaging, body| wrapped(&tenant(), format, packaging, &body).unwrap_err();
    for packaging in [Packaging::Openpgp, Packaging::Zip] {
        let gzip = json!({ "package": { "compression": "gzip" } });
        assert_eq!(refused(Format::Csv, packaging, gzip), not_allowed("/package/compression"));
    }
    let parts = json!({ "package": { "compression": "gzip" }, "split": { "rows": 1 } });
    assert_eq!(refused(Format::Csv, Packaging::Plain, parts), not_allowed("/package/compression"));
    for packaging in [Packaging::Openpgp, Packaging::Plain] {
        let cipher = json!({ "package": { "cipher": "aes256" } });
        assert_eq!(refused(Format::Csv, packaging, cipher), not_allowed("/package/cipher"));
        let manifest = json!({ "package": { "manifest": true } });
        assert_eq!(refused(Format::Csv, packaging, manifest), not_allowed("/package/manifest"));
        let both = json!({ "package": { "manifest": false }, "split": { "rows": 1 } });
        assert!(wrapped(&tenant(), Format::Csv, packaging, &both).is_ok_and(|wrapping| !wrapping.manifest_inside));
    }
    let zstd = wrapped(&tenant(), Format::Csv, Packaging::Plain, &json!({ "package": { "compression": "zstd" } }));
    assert_eq!(zstd.unwrap().compression, Compression::Zstd);
    let bytes = json!({ "split": { "bytes": 1_000_000 } });
    for format in Format::ALL {
        let found = wrapped(&tenant(), format, Packaging::Zip, &bytes);
        assert_eq!(found.is_ok(), format.grows_row_by_row(), "{format:?}");
    }
    assert_eq!(refused(Format::Xlsx, Packaging::Zip, bytes), not_allowed("/split/bytes"));
}

proptest! {
    /// What is told of a request asks for the very same, whatever its tenant's settings have become.
    #[test]
    fn what_is_told_asks_for_the_same(
        packaging in prop::sample::select(Packaging::ALL.to_vec()),
        split in prop::option::of(prop_oneof![(1_u64..).prop_map(Split::Rows), (100_000_u64..).prop_map(Split::Bytes)]),
        compression in prop::sample::select(Compression::ALL.to_vec()),
        cipher in prop::sample::select(ZipCipher::ALL.to_vec()),
        manifest_inside: bool,
        delimiter in prop::option::of(prop::sample::select(vec![';', '|', '\t'])),
        null_text in prop::option::of("[a-z]{0,3}"),
    ) {
        let asked = Wrapping { compression, cipher, split, manifest_inside };
        let plain = packaging == Packaging::Plain && split.is_none();
        let wanted = Wrapping {
            compression: if plain { compression } else { Compression::None },
            cipher: if packaging == Packaging::Zip { cipher } else { ZipCipher::Aes256 },
            manifest_inside: manifest_inside || !asked.is_archive(packaging),
            ..asked
        };
        let style = Style { null_text, delimiter, ..Style::default() };
        let mut body = json!({});
        add_wishes(&mut body, &style, &wanted, packaging);
        let mut tenant = tenant();
        tenant.manifest_inside = Some(!manifest_inside);
        tenant.zip.cipher = if cipher == ZipCipher::Aes256 { ZipCipher::Zipcrypto } else { ZipCipher::Aes256 };
        prop_assert_eq!(wrapped(&tenant, Format::Csv, packaging, &body), Ok(wanted));
        prop_assert_eq!(ask(&body).style, style);
    }
}
