//! What is asked for, in the words of the own API, and what that finds wrong, in the words of this one.

use async_graphql::InputObject;
use serde_json::{Map, Value, json};
use waybill::{
    accept::{Fault, fields::escaped},
    domain::{
        definition::Definition,
        outcome::{Format, Packaging},
    },
};

use super::{
    date_range::{self, ENDS, Range},
    scalars::{ReportFilter, ReportFormat, ReportPackaging, Uuid},
};

/// What is asked for.
#[derive(Debug, Clone, InputObject)]
pub struct RequestReportInput {
    /// Id of the report, as `reports` lists it.
    pub report: String,
    /// What it is narrowed to.
    #[graphql(name = "where")]
    pub filter: Option<ReportFilter>,
    /// One of the report's formats; its first one unless given.
    pub format: Option<ReportFormat>,
    /// OPENPGP unless given.
    pub packaging: Option<ReportPackaging>,
    /// The presenter on whose behalf it is asked for; the tenant's own unless given.
    pub presenter_id: Option<Uuid>,
}

/// The body of the own API for it, or what is wrong with its range.
pub fn body(definition: &Definition, input: &RequestReportInput) -> Result<Value, Vec<Fault>> {
    let filter = input.filter.clone().unwrap_or_default();
    let packaging = input.packaging.map_or(Packaging::Openpgp, Packaging::from);
    let mut body = json!({
        "report": input.report,
        "parameters": parameters(definition, filter.0)?,
        "packaging": packaging,
    });
    if let Some(format) = input.format {
        body["format"] = json!(Format::from(format));
    }
    if let Some(Uuid(presenter)) = input.presenter_id {
        body["presenter_id"] = json!(presenter);
    }
    Ok(body)
}

fn parameters(definition: &Definition, mut filter: Map<String, Value>) -> Result<Map<String, Value>, Vec<Fault>> {
    let Some(given) = filter.remove("dateRange").filter(|given| !given.is_null()) else { return Ok(filter) };
    let fault = |at: &str, code, detail: String| vec![Fault::new(format!("/where/dateRange{at}"), code, detail)];
    let Some(range) = Range::of(definition) else {
        return Err(fault("", "unknown", format!("The report {} has no range of dates.", definition.id)));
    };
    let Value::Object(ends) = &given else {
        return Err(fault("", "type", "Must be an object with `from` and `to`.".to_owned()));
    };
    if let Some(name) = ends.keys().find(|name| !ENDS.contains(&name.as_str())) {
        let detail = "No such end of a range. Known here: from, to.".to_owned();
        return Err(fault(&format!("/{}", escaped(name)), "unknown", detail));
    }
    let stands_for = match range {
        Range::Whole(parameter) => vec![(&parameter.name, given.clone())],
        Range::Ends(both) => {
            let ends = both.iter().enumerate().filter_map(|(which, parameter)| {
                Some((&parameter.name, date_range::end(parameter, which, ends.get(ENDS[which])?)))
            });
            ends.collect()
        }
    };
    for (name, value) in stands_for {
        if filter.insert(name.clone(), value).is_some_and(|before| !before.is_null()) {
            return Err(fault("", "not_allowed", format!("Not together with `{name}`, which it stands for.")));
        }
    }
    Ok(filter)
}

/// The argument that a pointer of the own API is about.
pub fn argument(definition: Option<&Definition>, pointer: &str) -> String {
    let unescaped = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let parts: Vec<String> = pointer.split('/').skip(1).map(unescaped).collect();
    let path: Vec<&str> = parts.iter().map(String::as_str).collect();
    match path[..] {
        ["parameters", name, ref rest @ ..] => {
            let range = definition.and_then(Range::of).and_then(|range| range.filter(name));
            let filter = range.unwrap_or_else(|| name.to_owned());
            [&["input", "where", &filter], rest].concat().join(".")
        }
        ["presenter_id"] => "input.presenterId".to_owned(),
        ["where", ..] | ["report" | "format" | "packaging"] => format!("input.{}", path.join(".")),
        _ => "input".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use waybill::domain::definition::parameter::{Reckoning, resolve};

    use super::{super::date_range::tests::report, *};

    const TIMES: &str = "[parameters.d1]\ntype = \"timestamp\"\nrequired = true\n[parameters.d2]\ntype = \"timestamp\"\n\
                         required = true\nnot_before = \"d1\"\n[parameters.\"country\"]\ntype = \"text\"\n";
    const RANGE: &str = "[parameters.dates]\ntype = \"date_range\"\nrequired = true\n";

    fn input(filter: Value) -> RequestReportInput {
        let Value::Object(filter) = filter else { panic!("no object") };
        RequestReportInput {
            report: "r".to_owned(),
            filter: Some(ReportFilter(filter)),
            format: None,
            packaging: None,
            presenter_id: None,
        }
    }

    fn today() -> Reckoning {
        Reckoning::of(None, jiff::Timestamp::UNIX_EPOCH)
    }

    /// Where it is wrong, and how.
    fn faults(parameters: &str, filter: Value) -> Vec<(String, &'static str)> {
        let definition = report(parameters);
        let faults = match body(&definition, &input(filter)) {
            Err(faults) => faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect(),
            Ok(body) => {
                let faults =
                    resolve(&definition, body["parameters"].as_object().unwrap(), &today()).err().unwrap_or_default();
                faults.into_iter().map(|fault| (fault.pointer, fault.code.name())).collect::<Vec<_>>()
            }
        };
        faults.into_iter().map(|(pointer, code)| (argument(Some(&definition), &pointer), code)).collect()
    }

    #[test]
    fn a_range_and_filters_become_the_reports_parameters() {
        let asked = input(json!({ "dateRange": { "from": "2026-01-01", "to": "2026-01-31" }, "country": "Brazil" }));
        let expected = json!({
            "report": "r", "packaging": "openpgp",
            "parameters": { "d1": "2026-01-01T00:00:00", "d2": "2026-01-31T23:59:59.999", "country": "Brazil" },
        });
        assert_eq!(body(&report(TIMES), &asked), Ok(expected));
        let whole = RequestReportInput {
            format: Some(ReportFormat::Xlsx),
            packaging: Some(ReportPackaging::Plain),
            presenter_id: Some(Uuid(uuid::Uuid::nil())),
            ..input(json!({ "dateRange": { "from": "2026-01-01", "to": "2026-01-31" } }))
        };
        let expected = json!({
            "report": "r", "packaging": "plain", "format": "xlsx", "presenter_id": uuid::Uuid::nil(),
            "parameters": { "dates": { "from": "2026-01-01", "to": "2026-01-31" } },
        });
        assert_eq!(body(&report(RANGE), &whole), Ok(expected));
        let none = RequestReportInput { filter: None, ..input(json!({})) };
        assert_eq!(body(&report(""), &none).unwrap()["parameters"], json!({}));
    }

    #[test]
    fn a_wrong_filter_is_named_where_it_stands() {
        for (parameters, filter, expected) in [
            (TIMES, json!({ "dateRange": { "from": "2026-01-01" } }), ("input.where.dateRange.to", "missing")),
            (
                TIMES,
                json!({ "dateRange": { "from": "2026-02-30", "to": "2026-03-01" } }),
                ("input.where.dateRange.from", "format"),
            ),
            (TIMES, json!({ "dateRange": { "from": 1, "to": "2026-03-01" } }), ("input.where.dateRange.from", "type")),
            (TIMES, json!({ "dateRange": [] }), ("input.where.dateRange", "type")),
            (TIMES, json!({ "dateRange": { "since": "2026-01-01" } }), ("input.where.dateRange.since", "unknown")),
            (
                TIMES,
                json!({ "dateRange": { "from": "2026-01-01" }, "d1": "x" }),
                ("input.where.dateRange", "not_allowed"),
            ),
            (RANGE, json!({}), ("input.where.dateRange", "missing")),
            (RANGE, json!({ "dateRange": null }), ("input.where.dateRange", "missing")),
            (
                RANGE,
                json!({ "dateRange": { "from": "2026-02-01", "to": "2026-01-01" } }),
                ("input.where.dateRange", "range_reversed"),
            ),
            (RANGE, json!({ "dateRange": { "from": "2026-01-01" } }), ("input.where.dateRange.to", "missing")),
            ("", json!({ "dateRange": {} }), ("input.where.dateRange", "unknown")),
            ("", json!({ "a/b~c": 1 }), ("input.where.a/b~c", "unknown")),
        ] {
            let found = faults(parameters, filter.clone());
            assert_eq!(found, [(expected.0.to_owned(), expected.1)], "{filter}");
        }
        let reversed = json!({ "dateRange": { "from": "2026-02-01", "to": "2026-01-01" } });
        let both = [
            ("input.where.dateRange.from".to_owned(), "range_reversed"),
            ("input.where.dateRange.to".to_owned(), "range_reversed"),
        ];
        assert_eq!(faults(TIMES, reversed), both);
    }

    #[test]
    fn other_pointers_are_arguments_too() {
        for (pointer, expected) in [
            ("/packaging", "input.packaging"),
            ("/format", "input.format"),
            ("/report", "input.report"),
            ("/presenter_id", "input.presenterId"),
            ("/delivery/webhook", "input"),
            ("", "input"),
        ] {
            assert_eq!(argument(None, pointer), expected);
        }
    }
}
