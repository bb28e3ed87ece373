//! What formats have no room for, and what to ask for instead.

use waybill::domain::{
    definition::Definition,
    outcome::Format,
    wrapping::{MAX_PARTS, Split},
};

use super::EncodeError;

/// Refuses columns that the format has no room for.
pub fn check_columns(format: Format, definition: &Definition) -> Result<(), EncodeError> {
    let columns = definition.columns.len();
    let Some(most) = format.max_columns().filter(|most| columns > *most) else { return Ok(()) };
    let advice = ask_for(definition, |other| other.max_columns().is_none_or(|most| columns <= most));
    let detail = format!("The report has {columns} columns, and {} has room for {most}. {advice}", format.name());
    Err(EncodeError::TooLarge(detail))
}

/// Refuses a result of so many rows that the format, or the parts that are asked for, have no room for.
pub fn check_result(
    format: Format,
    rows: u64,
    split: Option<Split>,
    definition: &Definition,
) -> Result<(), EncodeError> {
    match split {
        None => check_rows(format, rows, false, definition),
        Some(Split::Rows(most)) if rows.div_ceil(most.max(1)) > u64::from(MAX_PARTS) => Err(too_many_parts()),
        Some(Split::Rows(_) | Split::Bytes(_)) => Ok(()),
    }
}

/// A report in more parts than a manifest lists.
pub fn too_many_parts() -> EncodeError {
    let detail = format!("The report has more than {MAX_PARTS} parts. Ask for larger parts, or narrow it.");
    EncodeError::TooLarge(detail)
}

/// Refuses so many rows if one file of the format cannot hold them; `split` says whether it is one of several.
pub fn check_rows(format: Format, rows: u64, split: bool, definition: &Definition) -> Result<(), EncodeError> {
    let Some(most) = format.max_rows().filter(|most| rows > *most) else { return Ok(()) };
    let advice = ask_for(definition, |other| other.max_rows().is_none_or(|most| rows <= most));
    let parts = if split { "Make its parts smaller" } else { "Split it into parts" };
    let detail = format!(
        "The report has more than the {most} rows that one {} file can hold. {advice} {parts}, or narrow it.",
        format.name()
    );
    Err(EncodeError::TooLarge(detail))
}

/// The formats that the report is offered in and that have room; those for people if there are any, for so is the one
/// that was asked for.
fn ask_for(definition: &Definition, has_room: impl Fn(Format) -> bool) -> String {
    let roomy: Vec<Format> = definition.formats.iter().copied().filter(|other| has_room(*other)).collect();
    let for_people: Vec<&str> = roomy.iter().filter(|other| other.is_styled()).map(|other| other.name()).collect();
    let names = if for_people.is_empty() { roomy.iter().map(|other| other.name()).collect() } else { for_people };
    if names.is_empty() {
        "The operator must offer another format.".to_owned()
    } else {
        format!("Ask for {}.", names.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::definition;

    fn refused(format: Format, rows: u64, split: bool, offered: &[Format]) -> String {
        let mut definition = definition("", &[], []);
        definition.formats = offered.to_vec();
        check_rows(format, rows, split, &definition).unwrap_err().to_string()
    }

    #[test]
    fn advice_is_what_the_report_offers_and_the_request_can_still_do() {
        let offered = [Format::Pdf, Format::Html, Format::Xlsx, Format::Ndjson];
        let detail = refused(Format::Pdf, 20_001, false, &offered);
        assert!(detail.contains("20000 rows") && detail.contains("html or xlsx. Split it into parts"), "{detail}");
        let detail = refused(Format::Pdf, 100_001, true, &offered);
        assert!(detail.contains("Ask for xlsx. Make its parts smaller"), "{detail}");
        let detail = refused(Format::Html, 100_001, false, &[Format::Html, Format::Ndjson]);
        assert!(detail.contains("Ask for ndjson."), "{detail}");
        assert!(refused(Format::Pdf, 100_001, false, &[Format::Pdf]).contains("operator"));
        assert!(check_rows(Format::Pdf, 20_000, false, &definition("", &[], [])).is_ok());
    }

    #[test]
    fn columns_have_bounds() {
        let column = ("c", waybill::domain::definition::ColumnKind::Integer);
        let check = |format, columns| check_columns(format, &definition("", &vec![column; columns], []));
        assert!(check(Format::Pdf, 24).is_ok() && check(Format::Xlsx, 16_384).is_ok());
        for (format, columns) in [(Format::Pdf, 25), (Format::Xlsx, 16_385)] {
            let refused = check(format, columns).unwrap_err().to_string();
            assert!(refused.contains(&columns.to_string()) && refused.contains("csv"), "{refused}");
        }
    }

    #[test]
    fn parts_are_counted_before_they_are_made() {
        let check = |rows, split| check_result(Format::Csv, rows, Some(split), &definition("", &[], []));
        assert!(check(10_000, Split::Rows(10)).is_ok());
        let refused = check(10_001, Split::Rows(10)).unwrap_err().to_string();
        assert!(refused.contains("1000 parts"), "{refused}");
        assert!(check(u64::MAX, Split::Bytes(65_536)).is_ok(), "nobody knows yet");
    }
}
