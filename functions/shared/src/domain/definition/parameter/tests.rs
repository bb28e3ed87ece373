use jiff::civil::{date, datetime};
use proptest::prelude::*;
use serde_json::json;

use super::*;

pub(super) fn parameter(name: &str, kind: ParameterKind) -> Parameter {
    Parameter {
        name: name.to_owned(),
        description: String::new(),
        kind,
        required: false,
        default: None,
        not_before: None,
    }
}

pub(super) fn definition(parameters: Vec<Parameter>) -> Definition {
    Definition {
        id: "r".to_owned(),
        version: 1,
        title: "R".to_owned(),
        description: String::new(),
        sql: String::new(),
        datasets: BTreeMap::new(),
        parameters,
        columns: vec![],
        formats: vec![],
        style: crate::domain::style::Style::default(),
        limits: super::super::Limits::default(),
        checks: vec![],
    }
}

#[test]
fn two_parameters_in_the_wrong_order_are_both_at_fault() {
    for (kind, early, late) in [
        (ParameterKind::Date, json!("2024-01-31"), json!("2024-02-01")),
        (ParameterKind::Timestamp, json!("2024-01-31T00:00:00"), json!("2024-01-31T00:00:00.001")),
    ] {
        let mut end = parameter("d2", kind.clone());
        end.not_before = Some("d1".to_owned());
        let definition = definition(vec![end, parameter("d1", kind)]);
        let faults = |d1: &Json, d2: &Json| {
            let raw = json!({ "d1": d1, "d2": d2 });
            let faults = resolve(&definition, raw.as_object().unwrap(), &today()).err().unwrap_or_default();
            faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect::<Vec<_>>()
        };
        let both = ["/parameters/d1", "/parameters/d2"].map(|at| (at.to_owned(), FaultCode::RangeReversed));
        assert_eq!(faults(&late, &early), both);
        assert_eq!(faults(&early, &late), []);
        assert_eq!(faults(&early, &early), []);
        assert_eq!(faults(&late, &Json::Null), []);
        assert_eq!(faults(&json!("x"), &early), [("/parameters/d1".to_owned(), FaultCode::Format)]);
    }
}

fn today() -> Reckoning {
    Reckoning::of(None, "2024-03-15T12:00:00Z".parse().unwrap())
}

fn text_kind() -> ParameterKind {
    ParameterKind::Text { max_length: 3, allowed: vec![] }
}

fn resolve_one(kind: ParameterKind, json: Json) -> Result<Placeholders, Vec<ParameterFault>> {
    let raw = Map::from_iter([("p".to_owned(), json)]);
    resolve(&definition(vec![parameter("p", kind)]), &raw, &today()).map(|resolved| resolved.placeholders)
}

fn value(kind: ParameterKind, json: Json) -> Value {
    resolve_one(kind, json).unwrap().remove("p").unwrap()
}

fn fault(kind: ParameterKind, json: Json) -> (String, FaultCode) {
    let mut faults = resolve_one(kind, json).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.pop().map(|fault| (fault.pointer, fault.code)).unwrap()
}

fn decimal(scale: u8) -> ParameterKind {
    ParameterKind::Decimal { scale, min: None, max: None }
}

#[test]
fn every_fault_is_found_at_once() {
    let mut required = parameter("organisation", ParameterKind::Integer { min: Some(1), max: None });
    required.required = true;
    let range = parameter("dates", ParameterKind::DateRange { max_days: None });
    let definition = definition(vec![required, range, parameter("country", text_kind())]);
    let raw = json!({"dates": {"from": "2024-02-30", "until": "x"}, "country": "four", "a/b~c": 1});
    let mut faults = resolve(&definition, raw.as_object().unwrap(), &today()).unwrap_err();
    faults.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    let found: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
    let expected = [
        ("/parameters/a~1b~0c", FaultCode::Unknown),
        ("/parameters/country", FaultCode::OutOfRange),
        ("/parameters/dates/from", FaultCode::Format),
        ("/parameters/dates/to", FaultCode::Missing),
        ("/parameters/dates/until", FaultCode::Unknown),
        ("/parameters/organisation", FaultCode::Missing),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_absent_is_the_default_or_a_typed_null() {
    let mut with_default = parameter("limit", ParameterKind::Integer { min: None, max: None });
    with_default.default = Some(json!(7));
    let range = parameter("dates", ParameterKind::DateRange { max_days: None });
    let definition = definition(vec![with_default, range, parameter("least", decimal(2))]);
    let raw = json!({"least": null});
    let placeholders = resolve(&definition, raw.as_object().unwrap(), &today()).unwrap().placeholders;
    let expected = BTreeMap::from([
        ("dates_from".to_owned(), Value::Null(ValueType::Date)),
        ("dates_from_month".to_owned(), Value::Null(ValueType::Text)),
        ("dates_to".to_owned(), Value::Null(ValueType::Date)),
        ("dates_to_month".to_owned(), Value::Null(ValueType::Text)),
        ("least".to_owned(), Value::Null(ValueType::Decimal { scale: 2 })),
        ("limit".to_owned(), Value::Integer(7)),
    ]);
    assert_eq!(placeholders, expected);
}

#[test]
fn dates_bring_their_months() {
    let range =
        resolve_one(ParameterKind::DateRange { max_days: Some(32) }, json!({"from": "2023-12-31", "to": "2024-01-31"}))
            .unwrap();
    assert_eq!(range["p_from"], Value::Date(date(2023, 12, 31)));
    assert_eq!(range["p_from_month"], Value::Text("2023-12".to_owned()));
    assert_eq!(range["p_to_month"], Value::Text("2024-01".to_owned()));
    let timestamp = resolve_one(ParameterKind::Timestamp, json!("2024-01-31T23:59:59.999")).unwrap();
    assert_eq!(timestamp["p"], Value::Timestamp(datetime(2024, 1, 31, 23, 59, 59, 999_000_000)));
    assert_eq!(timestamp["p_month"], Value::Text("2024-01".to_owned()));
    let date = resolve_one(ParameterKind::Date, json!("0987-06-05")).unwrap();
    assert_eq!(date["p_month"], Value::Text("0987-06".to_owned()));
}

#[test]
fn ranges_have_two_ends_in_order_and_a_length() {
    let range = |max_days| ParameterKind::DateRange { max_days };
    let days = |from: &str, to: &str| json!({"from": from, "to": to});
    assert!(resolve_one(range(Some(1)), days("2024-01-01", "2024-01-01")).is_ok());
    assert!(resolve_one(range(Some(366)), days("2024-01-01", "2024-12-31")).is_ok());
    assert!(resolve_one(range(None), days("0000-01-01", "9999-12-31")).is_ok());
    let whole = "/parameters/p".to_owned();
    assert_eq!(fault(range(Some(365)), days("2024-01-01", "2024-12-31")), (whole.clone(), FaultCode::OutOfRange));
    assert_eq!(fault(range(None), days("2024-01-02", "2024-01-01")), (whole.clone(), FaultCode::RangeReversed));
    assert_eq!(fault(range(None), json!("2024-01-02")), (whole, FaultCode::Type));
    assert_eq!(fault(range(None), json!({"from": "2024-01-02"})), ("/parameters/p/to".to_owned(), FaultCode::Missing));
}

#[test]
fn decimals_are_exact_as_strings_and_as_numbers() {
    let cents = |unscaled| Value::Decimal { unscaled, scale: 2 };
    assert_eq!(value(decimal(2), json!("0.10")), cents(10));
    assert_eq!(value(decimal(2), json!(0.1)), cents(10));
    assert_eq!(value(decimal(2), json!(-12.5)), cents(-1250));
    assert_eq!(value(decimal(2), json!(u64::MAX)), cents(i128::from(u64::MAX) * 100));
    assert_eq!(value(decimal(10), json!(1e-7)), Value::Decimal { unscaled: 1000, scale: 10 });
    for json in [json!("0.105"), json!(0.105), json!("1e2"), json!(1e13), json!(1_000_000_000_000_000.1)] {
        assert_eq!(fault(decimal(2), json.clone()).1, FaultCode::Format, "{json}");
    }
    assert_eq!(fault(decimal(2), json!("9".repeat(37))).1, FaultCode::OutOfRange);
    assert_eq!(fault(decimal(2), json!(true)).1, FaultCode::Type);
    let bounded = ParameterKind::Decimal { scale: 2, min: Some(0), max: Some(1000) };
    assert_eq!(value(bounded.clone(), json!(10)), cents(1000));
    assert_eq!(fault(bounded.clone(), json!("10.01")).1, FaultCode::OutOfRange);
    assert_eq!(fault(bounded, json!(-0.01)).1, FaultCode::OutOfRange);
}

#[test]
fn integers_are_whole_and_bounded() {
    let integer = ParameterKind::Integer { min: Some(1), max: Some(9) };
    assert_eq!(value(integer.clone(), json!(9)), Value::Integer(9));
    assert_eq!(fault(integer.clone(), json!(0)).1, FaultCode::OutOfRange);
    assert_eq!(fault(integer.clone(), json!(10)).1, FaultCode::OutOfRange);
    assert_eq!(fault(integer.clone(), json!(u64::MAX)).1, FaultCode::OutOfRange);
    assert_eq!(fault(integer.clone(), json!(1.0)).1, FaultCode::Type);
    assert_eq!(fault(integer, json!("1")).1, FaultCode::Type);
}

#[test]
fn text_is_counted_in_characters_and_may_be_an_enumeration() {
    assert_eq!(value(text_kind(), json!("äöü")), Value::Text("äöü".to_owned()));
    assert_eq!(fault(text_kind(), json!("äöüß")).1, FaultCode::OutOfRange);
    assert_eq!(fault(text_kind(), json!(1)).1, FaultCode::Type);
    let listed = ParameterKind::Text { max_length: 3, allowed: vec!["EUR".to_owned(), "ZAR".to_owned()] };
    assert_eq!(value(listed.clone(), json!("ZAR")), Value::Text("ZAR".to_owned()));
    assert_eq!(fault(listed, json!("zar")).1, FaultCode::NotAllowed);
}

#[test]
fn a_boolean_is_nothing_else() {
    assert_eq!(value(ParameterKind::Boolean, json!(false)), Value::Boolean(false));
    assert_eq!(fault(ParameterKind::Boolean, json!(0)).1, FaultCode::Type);
    assert_eq!(fault(ParameterKind::Boolean, json!("true")).1, FaultCode::Type);
}

fn any_kind() -> impl Strategy<Value = ParameterKind> {
    prop_oneof![
        (0..10_usize).prop_map(|max_length| ParameterKind::Text { max_length, allowed: vec![] }),
        any::<(Option<i64>, Option<i64>)>().prop_map(|(min, max)| ParameterKind::Integer { min, max }),
        (0..=MAX_DIGITS, any::<(Option<i128>, Option<i128>)>())
            .prop_map(|(scale, (min, max))| ParameterKind::Decimal { scale, min, max }),
        Just(ParameterKind::Boolean),
        Just(ParameterKind::Date),
        Just(ParameterKind::Timestamp),
        any::<Option<u32>>().prop_map(|max_days| ParameterKind::DateRange { max_days }),
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[0-9.T:-]{0,24}".prop_map(Json::from),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]".prop_map(Json::from),
        ".*".prop_map(Json::from),
    ];
    let range = (leaf.clone(), leaf.clone()).prop_map(|(from, to)| json!({"from": from, "to": to}));
    let relative =
        (leaf.clone(), leaf.clone(), 0..25_usize).prop_map(|(zone, edge, word)| match Relative::names().nth(word) {
            Some(word) => json!({"relative": word, "time_zone": null, "edge": edge}),
            None => json!({"relative": edge, "time_zone": zone}),
        });
    prop_oneof![leaf.clone(), leaf.prop_map(|one| json!([one])), range, relative]
}

proptest! {
    /// Whatever comes in: faults point at the parameter, or every placeholder is there, in its declared type,
    /// and survives being stored.
    #[test]
    fn placeholders_are_complete_and_typed(kind in any_kind(), json in any_json()) {
        let declared: BTreeMap<_, _> = parameter("p", kind.clone()).placeholders().into_iter().collect();
        match resolve_one(kind, json) {
            Ok(placeholders) => {
                let types = placeholders.iter().map(|(name, value)| (name.clone(), value.value_type())).collect();
                prop_assert_eq!(declared, types);
                let stored = serde_json::to_string(&placeholders).unwrap();
                prop_assert_eq!(serde_json::from_str::<Placeholders>(&stored).unwrap(), placeholders);
            }
            Err(faults) => prop_assert!(faults.iter().all(|fault| fault.pointer.starts_with("/parameters/p"))),
        }
    }

    /// A number in JSON text means the same as that text in a string, or is refused.
    #[test]
    fn decimal_numbers_are_never_rounded(whole in 0..u64::MAX, fraction in "[0-9]{0,6}", scale in 0..8_u8) {
        let text = if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") };
        let number: Json = serde_json::from_str(&text).unwrap();
        if let Ok(placeholders) = resolve_one(decimal(scale), number) {
            prop_assert_eq!(&placeholders["p"], &value(decimal(scale), json!(text)));
        }
    }
}
