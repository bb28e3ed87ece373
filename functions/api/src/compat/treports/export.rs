//! Formats, by TReports' numbers and names.

use serde_json::Value as Json;
use waybill::domain::{interface::treports::EXPORT_FILE_TYPES, outcome::Format};

/// The format that a number, a number as text, or a name in any case means; or why there is none.
pub fn read(value: &Json) -> Result<Format, String> {
    let of_text = |text: &str| {
        let by_name = EXPORT_FILE_TYPES.iter().position(|(name, _)| name.eq_ignore_ascii_case(text));
        text.parse().ok().or(by_name)
    };
    let index = match value {
        Json::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
        Json::String(text) => of_text(text),
        _ => None,
    };
    match index.and_then(|index| EXPORT_FILE_TYPES.get(index)) {
        Some((_, Some(format))) => Ok(*format),
        Some((name, None)) => Err(format!("{name} is not made here. {}", served())),
        None => Err(format!("There is no such type. {}", served())),
    }
}

fn served() -> String {
    let served = EXPORT_FILE_TYPES.iter().enumerate().filter(|(_, (_, format))| format.is_some());
    let served: Vec<String> = served.map(|(number, (name, _))| format!("{name} ({number})")).collect();
    format!("There are {}.", served.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_names_are_read() {
        for value in [json!(5), json!("5"), json!("xlsx"), json!("XLSX")] {
            assert_eq!(read(&value), Ok(Format::Xlsx), "{value}");
        }
        assert_eq!(read(&json!(0)), Ok(Format::Pdf));
    }

    #[test]
    fn what_is_not_made_is_refused_by_its_name() {
        assert!(read(&json!(7)).unwrap_err().starts_with("RTF is not made here. There are PDF (0), CSV (2)"));
        assert!(read(&json!("docx")).unwrap_err().starts_with("DOCX"));
        for value in [json!(11), json!(-1), json!(1.5), json!("parquet"), json!(""), json!(null), json!([])] {
            assert!(read(&value).unwrap_err().starts_with("There is no such type"), "{value}");
        }
    }
}
