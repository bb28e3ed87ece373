use proptest::prelude::*;
use waybill::domain::{
    definition::{Limits, parameter},
    outcome::Format,
    style::Style,
};

use super::*;

fn today() -> parameter::Reckoning {
    parameter::Reckoning::of(None, jiff::Timestamp::UNIX_EPOCH)
}

fn definition() -> Definition {
    let text = ParameterKind::Text { max_length: 10, allowed: vec![] };
    let kinds = [
        ("codigo", text),
        ("count", ParameterKind::Integer { min: None, max: None }),
        ("least", ParameterKind::Decimal { scale: 2, min: None, max: None }),
        ("paid", ParameterKind::Boolean),
        ("day", ParameterKind::Date),
        ("at", ParameterKind::Timestamp),
        ("dates", ParameterKind::DateRange { max_days: None }),
    ];
    let parameter = |(name, kind): (&str, ParameterKind)| Parameter {
        name: name.to_owned(),
        description: String::new(),
        kind,
        required: false,
        default: None,
        not_before: None,
    };
    Definition {
        id: "r".to_owned(),
        version: 1,
        title: "R".to_owned(),
        description: String::new(),
        sql: String::new(),
        datasets: BTreeMap::new(),
        parameters: kinds.into_iter().map(parameter).collect(),
        columns: vec![],
        formats: vec![Format::Pdf],
        style: Style::default(),
        limits: Limits::default(),
        checks: vec![],
    }
}

fn translated(given: &[(&str, Json, &str)]) -> (Map<String, Json>, Vec<(String, &'static str)>) {
    let faults = Faults::default();
    let given: Vec<Given> = given
        .iter()
        .enumerate()
        .map(|(index, (name, value, declared))| Given {
            name,
            value: Some(value),
            declared: Declared::from_name(declared).unwrap(),
            place: format!("p[{index}]"),
        })
        .collect();
    let (parameters, _) = translate(&given, &definition(), &faults);
    (parameters, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
}

#[test]
fn texts_become_what_the_definition_has() {
    let (parameters, faults) = translated(&[
        ("codigo", json!("000839"), "String"),
        ("count", json!(" 12 "), "Int32"),
        ("least", json!("1.50"), "decimal"),
        ("paid", json!("True"), "Boolean"),
        ("day", json!("20240229"), "Date"),
        ("at", json!("2024-02-29"), "System.DateTime"),
        ("dates_from", json!("2024-01-01T00:00:00"), "Date"),
        ("dates_to", json!("2024-01-31"), ""),
    ]);
    assert_eq!(faults, []);
    let expected = json!({
        "codigo": "000839", "count": 12, "least": "1.50", "paid": true, "day": "2024-02-29",
        "at": "2024-02-29T00:00:00", "dates": { "from": "2024-01-01", "to": "2024-01-31" },
    });
    assert_eq!(Json::Object(parameters.clone()), expected);
    parameter::resolve(&definition(), &parameters, &today()).unwrap();
}

#[test]
fn typed_values_and_whole_ranges_pass() {
    let given = [
        ("count", json!(12), ""),
        ("paid", json!(false), "bool"),
        ("at", json!("2024-02-29 12:30:00"), "String"),
        ("dates", json!("2024-01-01/20240131"), "String"),
    ];
    let (parameters, faults) = translated(&given);
    assert_eq!(faults, []);
    assert_eq!((&parameters["at"], &parameters["dates"]["to"]), (&json!("2024-02-29T12:30:00"), &json!("2024-01-31")));
    parameter::resolve(&definition(), &parameters, &today()).unwrap();
}

#[test]
fn nothing_filled_in_is_nothing() {
    let given =
        [("codigo", json!(""), ""), ("count", json!(""), ""), ("dates_from", json!(" "), ""), ("day", json!(null), "")];
    assert_eq!(Json::Object(translated(&given).0), json!({ "codigo": "" }));
}

#[test]
fn what_cannot_be_is_left_for_the_reader_or_refused() {
    let given = [("count", json!("1.5"), ""), ("paid", json!("sim"), ""), ("day", json!("29/02/2024"), "")];
    let (parameters, faults) = translated(&given);
    assert_eq!(faults, []);
    assert_eq!(parameter::resolve(&definition(), &parameters, &today()).unwrap_err().len(), 3);
    let given = [
        ("codigo", json!("1"), "Int32"),
        ("count", json!("1"), "DateTime"),
        ("codigo", json!("2"), "String"),
        ("dates_until", json!("x"), ""),
        ("codigo_from", json!("x"), ""),
    ];
    let expected = [
        ("p[0].type", "type"),
        ("p[1].type", "type"),
        ("p[2]", "not_allowed"),
        ("p[3]", "unknown"),
        ("p[4]", "unknown"),
    ];
    assert_eq!(translated(&given).1, expected.map(|(at, code)| (at.to_owned(), code)));
    assert!(Declared::from_name("Memo").is_err());
}

proptest! {
    #[test]
    fn nothing_panics(name in "[a-z_]{0,12}", text in ".{0,24}") {
        translated(&[(&name, json!(text), ""), ("dates", json!(text), ""), ("at", json!(text), ""), ("day", json!(text), "")]);
    }
}
