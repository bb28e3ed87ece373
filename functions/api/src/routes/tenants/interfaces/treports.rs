//! A tenant's settings of TReports's interface.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    accept::fields::{Faults, Fields, escaped},
    domain::{
        definition::is_valid_report_id,
        interface::{Treports, treports::Language},
        outcome::Packaging,
        schedule::{UnknownZone, Zone},
    },
};

use crate::openapi::{
    parts::{packaging, report_id},
    schema::{Schema, described, flag, names, sent, text},
};

const FIELDS: [&str; 5] = ["reports", "language", "packaging", "time_zone", "info_while_running"];

/// Most reports that can have identifiers of their own: the tenant's row stays small.
const MAX_REPORTS: usize = 500;

/// Reads `treports`.
pub fn read(interfaces: &Fields, faults: &Faults) -> Option<Treports> {
    let treports = interfaces.object("treports", &FIELDS)?;
    let packaging = treports.choice("packaging", Packaging::from_name, &Packaging::ALL.map(Packaging::name));
    Some(Treports {
        reports: reports(&treports, faults),
        language: treports
            .choice("language", Language::from_name, &Language::ALL.map(Language::name))
            .unwrap_or_default(),
        packaging: packaging.unwrap_or(Packaging::Plain),
        time_zone: time_zone(&treports, faults).unwrap_or_else(|| Treports::default().time_zone),
        info_while_running: treports.flag("info_while_running"),
    })
}

/// As the database of zones spells it.
fn time_zone(treports: &Fields, faults: &Faults) -> Option<String> {
    let zone = Zone::named(treports.any_text("time_zone")?);
    let unknown = |error: &UnknownZone| {
        let detail = format!("There is no time zone {:?}; an IANA name is meant, such as America/Sao_Paulo.", error.0);
        faults.add(treports.pointer("time_zone"), "unknown_time_zone", detail);
    };
    zone.inspect_err(unknown).ok().map(|zone| zone.name().to_owned())
}

/// `{uid: report}`. Two identifiers may mean one report.
fn reports(treports: &Fields, faults: &Faults) -> BTreeMap<Uuid, String> {
    let given = treports.texts("reports");
    if given.len() > MAX_REPORTS {
        faults.add(treports.pointer("reports"), "out_of_range", format!("At most {MAX_REPORTS}."));
    }
    let mut reports = BTreeMap::new();
    for (uid, report) in given {
        let at = format!("{}/{}", treports.pointer("reports"), escaped(&uid));
        match Uuid::try_parse(&uid) {
            Err(_) => faults.add(at, "format", "The name must be a UUID."),
            Ok(_) if !is_valid_report_id(&report) => faults.add(at, "format", "Must be the id of a report."),
            Ok(uid) => {
                if reports.insert(uid, report).is_some() {
                    faults.add(at, "not_allowed", "The UUID is there twice.");
                }
            }
        }
    }
    reports
}

/// The settings, as the API's description has them.
pub fn schema() -> Schema {
    sent(&FIELDS, &[], |name| match name {
        "reports" => described(
            json!({
                "type": "object",
                "maxProperties": MAX_REPORTS,
                "propertyNames": { "format": "uuid" },
                "additionalProperties": report_id(),
            }),
            "Identifiers of reports: a UUID, and the report that it means.",
        ),
        "language" => names(Language::ALL.map(Language::name)),
        "packaging" => packaging(),
        "time_zone" => described(text(), "IANA name of the zone whose clock schedules go by."),
        "info_while_running" => flag(),
        _ => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(settings: &Value) -> (Option<Treports>, Vec<(String, &'static str)>) {
        let body = json!({ "treports": settings });
        let faults = Faults::default();
        let read = Fields::of(&body, "/interfaces", &["treports"], &faults).and_then(|fields| read(&fields, &faults));
        (read, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn settings_are_shown_as_they_are_sent() {
        assert_eq!(read_one(&json!({})), (Some(Treports::default()), vec![]));
        let all = json!({
            "reports": { "0de072a9-4e6f-4ee8-b5bc-f562b538dada": "invoice_lines" },
            "language": "en", "packaging": "zip", "time_zone": "America/Manaus", "info_while_running": true,
        });
        let (read, faults) = read_one(&all);
        assert_eq!(faults, []);
        assert_eq!(json!(read), all);
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let (_, faults) = read_one(&json!({
            "reports": {
                "0DE072A9-4E6F-4EE8-B5BC-F562B538DADA": "a", "0de072a94e6f4ee8b5bcf562b538dada": "b",
                "1de072a9-4e6f-4ee8-b5bc-f562b538dada": "../x", "sales": "sales",
            },
            "language": "fr", "packaging": 7, "time_zone": "Brasilia", "info_while_running": "no",
            "url": "https://x",
        }));
        let at = |name: &str| format!("/interfaces/treports{name}");
        let expected = [
            (at("/url"), "unknown"),
            (at("/packaging"), "type"),
            (at("/reports/0de072a94e6f4ee8b5bcf562b538dada"), "not_allowed"),
            (at("/reports/1de072a9-4e6f-4ee8-b5bc-f562b538dada"), "format"),
            (at("/reports/sales"), "format"),
            (at("/language"), "not_allowed"),
            (at("/time_zone"), "unknown_time_zone"),
            (at("/info_while_running"), "type"),
        ];
        assert_eq!(faults, expected);
    }
}
