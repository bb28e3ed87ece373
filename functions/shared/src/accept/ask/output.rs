//! How the file is to be written, cut and wrapped.

use serde_json::{Map, Value as Json, json};

use crate::{
    accept::fields::{Faults, Fields},
    domain::{
        empty::WhenEmpty,
        outcome::Packaging,
        style::{Formulas, Style, separator},
        wrapping::{Compression, MIN_PART_BYTES, Split, Wrapping, ZipCipher},
    },
};

/// Fields of `output`.
pub const OUTPUT_FIELDS: [&str; 11] = [
    "titles",
    "formats",
    "time_zone",
    "date_format",
    "timestamp_format",
    "decimal_separator",
    "grouping_separator",
    "null_text",
    "delimiter",
    "bom",
    "formulas",
];

/// Fields of `package`.
pub const PACKAGE_FIELDS: [&str; 3] = ["compression", "cipher", "manifest"];

/// Fields of `split`, one of which is given.
pub const SPLIT_FIELDS: [&str; 2] = ["rows", "bytes"];

/// Longest text of a style, in bytes: more than any rule allows.
const MAX_TEXT: usize = 1_024;

/// What is asked of the package; none: as the tenant has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PackageAsk {
    /// Of a file that is not encrypted.
    pub compression: Option<Compression>,
    /// Of an encrypted archive.
    pub cipher: Option<ZipCipher>,
    /// Whether an archive ends with its manifest.
    pub manifest: Option<bool>,
}

impl PackageAsk {
    /// Reads `package`.
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let Some(package) = fields.object("package", &PACKAGE_FIELDS) else {
            return Self::default();
        };
        Self {
            compression: package.choice(
                "compression",
                Compression::from_name,
                &Compression::ALL.map(Compression::name),
            ),
            cipher: package.choice("cipher", ZipCipher::from_name, &ZipCipher::ALL.map(ZipCipher::name)),
            manifest: package.boolean("manifest"),
        }
    }
}

/// Reads `output`. What its texts may be is for the style's own rules, which know the definition.
pub(super) fn style(fields: &Fields<'_>) -> Style {
    let Some(output) = fields.object("output", &OUTPUT_FIELDS) else { return Style::default() };
    let text = |name| output.text(name, MAX_TEXT).map(str::to_owned);
    let character = |name| output.any_text(name).map(separator);
    Style {
        titles: output.texts("titles"),
        formats: output.texts("formats"),
        time_zone: text("time_zone"),
        date_format: text("date_format"),
        timestamp_format: text("timestamp_format"),
        decimal_separator: character("decimal_separator"),
        grouping_separator: character("grouping_separator"),
        null_text: output.any_text("null_text").map(str::to_owned),
        delimiter: character("delimiter"),
        bom: output.boolean("bom"),
        formulas: output.choice("formulas", Formulas::from_name, &Formulas::ALL.map(Formulas::name)),
    }
}

/// Reads `split`: `{rows}` or `{bytes}`, one of the two.
pub(super) fn split(fields: &Fields<'_>, faults: &Faults) -> Option<Split> {
    let split = fields.object("split", &SPLIT_FIELDS)?;
    let shape = "Must be {\"rows\": …} or {\"bytes\": …}.";
    match (split.get("rows"), split.get("bytes")) {
        (Some(_), None) => split.whole("rows", 1..=u64::MAX).map(Split::Rows),
        (None, Some(_)) => split.whole("bytes", MIN_PART_BYTES..=u64::MAX).map(Split::Bytes),
        (None, None) => {
            faults.add("/split", "missing", shape);
            None
        }
        (Some(_), Some(_)) => {
            faults.add("/split", "not_allowed", shape);
            None
        }
    }
}

/// Adds `output`, `split` and `package` to what is told of a request, where there is something to tell: what is read
/// above. Asked for with them, it is the very same.
pub fn add_wishes(shown: &mut Json, style: &Style, wrapping: &Wrapping, packaging: Packaging) {
    if !style.is_empty() {
        shown["output"] = json!(style);
    }
    if let Some(split) = wrapping.split {
        shown["split"] = json!(split);
    }
    let mut package = Map::new();
    if wrapping.compression != Compression::None {
        package.insert("compression".to_owned(), json!(wrapping.compression));
    }
    if packaging == Packaging::Zip {
        package.insert("cipher".to_owned(), json!(wrapping.cipher));
    }
    if wrapping.is_archive(packaging) {
        package.insert("manifest".to_owned(), json!(wrapping.manifest_inside));
    }
    if !package.is_empty() {
        shown["package"] = Json::Object(package);
    }
}

/// Adds `when_empty` to what is told of a request, where it is not as always.
pub fn add_when_empty(shown: &mut Json, when_empty: WhenEmpty) {
    if !when_empty.is_send() {
        shown["when_empty"] = json!(when_empty);
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::accept::Ask;

    fn read(body: Json) -> (Ask, Vec<(String, &'static str)>) {
        let mut body = body;
        body["report"] = json!("r");
        let (ask, faults) = Ask::parse(&body).unwrap();
        (ask, faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    fn faults(body: Json) -> Vec<(String, &'static str)> {
        read(body).1
    }

    #[test]
    fn a_full_style_is_read_as_it_is_recorded() {
        let output = json!({
            "titles": { "a": "A" }, "formats": { "b": "0.00" }, "time_zone": "UTC", "date_format": "%F",
            "timestamp_format": "%F %T", "decimal_separator": ",", "grouping_separator": ".", "null_text": "",
            "delimiter": ";", "bom": false, "formulas": "raw",
        });
        let (ask, faults) = read(json!({ "output": output }));
        assert_eq!(faults, []);
        assert_eq!((&ask.style.null_text, ask.style.bom), (&Some(String::new()), Some(false)));
        assert_eq!(serde_json::to_value(&ask.style).unwrap(), output);
        assert_eq!(read(json!({ "output": { "titles": { "a": null }, "bom": null } })).0.style, Style::default());
    }

    #[test]
    fn a_package_and_its_parts_are_read() {
        let ask = read(json!({
            "split": { "rows": 1 }, "package": { "compression": "zstd", "cipher": "zipcrypto", "manifest": false },
        }));
        let package = PackageAsk {
            compression: Some(Compression::Zstd),
            cipher: Some(ZipCipher::Zipcrypto),
            manifest: Some(false),
        };
        assert_eq!((ask.0.split, ask.0.package, ask.1), (Some(Split::Rows(1)), package, vec![]));
        let least = json!({ "split": { "bytes": MIN_PART_BYTES, "rows": null } });
        assert_eq!(read(least).0.split, Some(Split::Bytes(MIN_PART_BYTES)));
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let found = faults(json!({
            "output": { "titles": { "a/b": 1 }, "formats": [], "time_zone": "", "date_format": 7, "delimiter": 1,
                        "null_text": 0, "bom": "yes", "formulas": "run", "font": "Arial" },
            "split": { "rows": 0 },
            "package": { "compression": "rar", "cipher": 7, "manifest": 1, "level": 9 },
        }));
        let expected = [
            ("/output/font", "unknown"),
            ("/output/titles/a~1b", "type"),
            ("/output/formats", "type"),
            ("/output/time_zone", "out_of_range"),
            ("/output/date_format", "type"),
            ("/output/null_text", "type"),
            ("/output/delimiter", "type"),
            ("/output/bom", "type"),
            ("/output/formulas", "not_allowed"),
            ("/split/rows", "out_of_range"),
            ("/package/level", "unknown"),
            ("/package/compression", "not_allowed"),
            ("/package/cipher", "type"),
            ("/package/manifest", "type"),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        assert_eq!(faults(json!({ "output": [] })), [("/output".to_owned(), "type")]);
    }

    #[test]
    fn a_split_is_by_rows_or_by_bytes() {
        let cases = [
            (json!({}), "/split", "missing"),
            (json!({ "rows": 1, "bytes": 100_000 }), "/split", "not_allowed"),
            (json!({ "bytes": MIN_PART_BYTES - 1 }), "/split/bytes", "out_of_range"),
            (json!({ "rows": 1.5 }), "/split/rows", "type"),
            (json!({ "rows": -1 }), "/split/rows", "out_of_range"),
            (json!({ "files": 2, "rows": 1 }), "/split/files", "unknown"),
            (json!(7), "/split", "type"),
        ];
        for (split, pointer, code) in cases {
            assert_eq!(faults(json!({ "split": split })), [(pointer.to_owned(), code)], "{split}");
        }
    }
}
