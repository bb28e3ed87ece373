//! How the file is written, cut and wrapped: what goes together, and what the tenant's settings fill in.

use crate::{
    accept::{Ask, Fault, fields::escaped},
    domain::{
        definition::Definition,
        outcome::{Format, Packaging},
        tenant::Tenant,
        wrapping::{Split, Wrapping},
    },
};

/// Whether the format has room for the report's columns.
pub(super) fn check_columns(definition: &Definition, format: Format, faults: &mut Vec<Fault>) {
    let columns = definition.columns.len();
    let Some(most) = format.max_columns().filter(|most| columns > *most) else { return };
    let roomier = definition.formats.iter().filter(|other| other.max_columns().is_none_or(|most| columns <= most));
    let roomier: Vec<&str> = roomier.map(|other| other.name()).collect();
    let advice = if roomier.is_empty() {
        "The operator must offer another one.".to_owned()
    } else {
        format!("Ask for {}.", roomier.join(" or "))
    };
    let detail = format!("The report has {columns} columns, and {} has room for {most}. {advice}", format.name());
    faults.push(Fault::new("/format", "out_of_range", detail));
}

/// Whether the style fits the definition and the format.
pub(super) fn check_style(ask: &Ask, definition: &Definition, format: Format, faults: &mut Vec<Fault>) {
    let style = &ask.style;
    if style.is_empty() {
        return;
    }
    if !format.is_styled() {
        let detail = format!(
            "{} is for programs: it has names, exact values and ISO 8601, whatever the style. Leave `output` out, or ask \
             for a format for people.",
            format.name()
        );
        faults.push(Fault::new("/output", "not_allowed", detail));
    } else if format != Format::Csv {
        let of_csv = [
            ("delimiter", style.delimiter.is_some()),
            ("bom", style.bom.is_some()),
            ("formulas", style.formulas.is_some()),
        ];
        for (field, _) in of_csv.into_iter().filter(|(_, given)| *given) {
            let detail = format!("Goes with the format csv only, not with {}.", format.name());
            faults.push(Fault::new(format!("/output/{field}"), "not_allowed", detail));
        }
    }
    faults.extend(style.faults(&definition.style, &definition.columns).into_iter().map(|fault| {
        let column = fault.column.as_ref().map(|column| format!("/{}", escaped(column))).unwrap_or_default();
        Fault::new(format!("/output/{}{column}", fault.field), fault.code, fault.sentence())
    }));
}

/// How the file is wrapped, with the tenant's settings where nothing is asked. What does not apply has its default, so
/// that two requests for the same are the same.
pub(super) fn wrapping(
    ask: &Ask,
    tenant: &Tenant,
    (format, packaging): (Format, Packaging),
    faults: &mut Vec<Fault>,
) -> Wrapping {
    let asked = ask.package;
    let mut refuse = |pointer: &str, detail: String| faults.push(Fault::new(pointer, "not_allowed", detail));
    if matches!(ask.split, Some(Split::Bytes(_))) && !format.grows_row_by_row() {
        let by_size: Vec<&str> =
            Format::ALL.iter().filter(|one| one.grows_row_by_row()).map(|one| one.name()).collect();
        let detail = format!(
            "The size of {} is only known at its end. Split it by rows, or ask for {}.",
            format.name(),
            by_size.join(", ")
        );
        refuse("/split/bytes", detail);
    }
    if let (Some(Split::Rows(rows)), Some(most)) = (ask.split, format.max_rows())
        && rows > most
    {
        refuse("/split/rows", format!("One {} file holds {most} rows at most.", format.name()));
    }
    if asked.compression.is_some() {
        if packaging != Packaging::Plain {
            refuse(
                "/package/compression",
                format!("{} compresses by itself; only plain has a choice.", packaging.name()),
            );
        } else if ask.split.is_some() {
            let detail = "The parts of a split report are in a ZIP archive, which compresses them.";
            refuse("/package/compression", detail.to_owned());
        }
    }
    if asked.cipher.is_some() && packaging != Packaging::Zip {
        refuse("/package/cipher", format!("Goes with the packaging zip only, not with {}.", packaging.name()));
    }
    let mut wrapping = Wrapping { split: ask.split, ..Wrapping::default() };
    let archive = wrapping.is_archive(packaging);
    if asked.manifest.is_some() && !archive {
        let detail = "One file has no place for a manifest inside: it is there for zip and for split reports. Every \
                      report has one beside it, at GET /v1/requests/{request}/manifest.";
        refuse("/package/manifest", detail.to_owned());
    }
    if archive {
        wrapping.manifest_inside = asked.manifest.or(tenant.manifest_inside).unwrap_or(wrapping.manifest_inside);
    }
    if packaging == Packaging::Zip {
        wrapping.cipher = asked.cipher.unwrap_or(tenant.zip.cipher);
    }
    wrapping.compression = asked.compression.unwrap_or_default();
    wrapping
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
