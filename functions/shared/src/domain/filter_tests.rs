use proptest::prelude::*;

use super::*;

fn columns() -> Vec<Column> {
    let kinds = [
        ("country", ColumnKind::Text),
        ("amount", ColumnKind::Decimal),
        ("customer_id", ColumnKind::Integer),
        ("paid", ColumnKind::Boolean),
        ("day", ColumnKind::Date),
        ("at", ColumnKind::Timestamp),
    ];
    kinds.into_iter().map(|(name, kind)| Column::new(name, kind)).collect()
}

fn faults(asked: &Json) -> Vec<(String, FaultCode)> {
    let faults = Filter::parse(asked, &columns()).unwrap_err();
    faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

fn one(column: &str, operator: &str, value: &Json) -> Json {
    json!({ "column": column, "operator": operator, "value": value })
}

#[test]
fn a_tree_is_read_and_told_again() {
    let asked = json!({ "all": [
        one("country", "eq", &json!("Germany")),
        { "any": [one("amount", "ge", &json!("100.5")), { "column": "customer_id", "operator": "null" }] },
        one("paid", "ne", &json!(false)),
        one("day", "lt", &json!("2011-06-30")),
        one("at", "le", &json!("2011-06-30T12:00:00.000")),
        one("customer_id", "gt", &json!(12)),
        one("country", "not_like", &json!("A%")),
    ] });
    let filter = Filter::parse(&asked, &columns()).unwrap();
    assert_eq!(filter.as_asked(), asked);
    let title = |name: &str| if name == "country" { "Country".to_owned() } else { name.to_owned() };
    let told = filter.for_people(&title);
    assert!(
        told.starts_with("Country = Germany and (amount ≥ 100.5 or customer_id is empty) and paid ≠ false"),
        "{told}"
    );
}

#[test]
fn every_fault_is_found_at_once() {
    let asked = json!({ "any": [
        one("price", "eq", &json!(1)),
        one("country", "=", &json!("x")),
        one("amount", "like", &json!("1%")),
        one("customer_id", "eq", &json!("12")),
        { "column": "country", "operator": "eq" },
        one("country", "null", &json!("x")),
        { "column": 7, "operator": 7, "sql": "1=1" },
        { "all": [] },
        "1=1",
    ] });
    let expected = [
        ("/filter/any/0/column", FaultCode::Unknown),
        ("/filter/any/1/operator", FaultCode::NotAllowed),
        ("/filter/any/2/operator", FaultCode::NotAllowed),
        ("/filter/any/3/value", FaultCode::Type),
        ("/filter/any/4/value", FaultCode::Missing),
        ("/filter/any/5/value", FaultCode::NotAllowed),
        ("/filter/any/6/sql", FaultCode::Unknown),
        ("/filter/any/6/column", FaultCode::Type),
        ("/filter/any/6/operator", FaultCode::Type),
        ("/filter/any/7/all", FaultCode::Missing),
        ("/filter/any/8", FaultCode::Type),
    ];
    assert_eq!(faults(&asked), expected.map(|(at, code)| (at.to_owned(), code)));
    let both = json!({ "all": [], "any": [] });
    assert_eq!(faults(&both), [("/filter".to_owned(), FaultCode::NotAllowed)]);
    assert_eq!(faults(&json!({ "all": {} })), [("/filter/all".to_owned(), FaultCode::Type)]);
}

#[test]
fn a_filter_has_bounds() {
    let leaf = one("country", "eq", &json!("x"));
    let nested = |levels| (0..levels).fold(leaf.clone(), |inner, _| json!({ "all": [inner] }));
    assert!(Filter::parse(&nested(MAX_DEPTH - 1), &columns()).is_ok());
    assert_eq!(faults(&nested(MAX_DEPTH))[0].1, FaultCode::OutOfRange);
    let wide = |count| json!({ "any": vec![leaf.clone(); count] });
    assert!(Filter::parse(&wide(MAX_CONDITIONS), &columns()).is_ok());
    assert_eq!(faults(&wide(MAX_CONDITIONS + 1)), [("/filter/any".to_owned(), FaultCode::OutOfRange)]);
    let twice = json!({ "all": [wide(30), wide(30)] });
    assert_eq!(faults(&twice), [("/filter".to_owned(), FaultCode::OutOfRange)]);
}

fn asked() -> impl Strategy<Value = Json> {
    let text = "[ -~]{1,12}".prop_map(|text| one("country", "like", &json!(text)));
    let number = any::<i64>().prop_map(|number| one("customer_id", "ne", &json!(number)));
    let decimal = "-?[1-9][0-9]{0,9}\\.[0-9]{0,5}[1-9]".prop_map(|text| one("amount", "gt", &json!(text)));
    let leaf = prop_oneof![text, number, decimal, Just(json!({ "column": "at", "operator": "not_null" }))];
    leaf.prop_recursive(4, 20, 3, |inner| {
        (prop::collection::vec(inner, 1..3), any::<bool>())
            .prop_map(|(parts, all)| if all { json!({ "all": parts }) } else { json!({ "any": parts }) })
    })
}

proptest! {
    #[test]
    fn what_is_told_asks_for_the_same(asked in asked()) {
        let filter = Filter::parse(&asked, &columns()).unwrap();
        prop_assert_eq!(&filter.as_asked(), &asked);
        let stored = serde_json::to_string(&filter).unwrap();
        prop_assert_eq!(serde_json::from_str::<Filter>(&stored).unwrap(), filter);
    }

    #[test]
    fn nothing_panics(name in ".{0,8}", operator in ".{0,8}", value in ".{0,8}") {
        let _ = Filter::parse(&one(&name, &operator, &json!(value)), &columns());
        let _ = Filter::parse(&json!({ name: [{ operator: value }] }), &columns());
    }
}
