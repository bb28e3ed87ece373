use proptest::prelude::*;
use waybill::domain::{
    definition::{Column, ColumnKind, Limits},
    filter::Filter,
    style::Style,
};

use super::*;

fn definition() -> Definition {
    Definition {
        id: "r".to_owned(),
        version: 1,
        title: "R".to_owned(),
        description: String::new(),
        sql: String::new(),
        datasets: std::collections::BTreeMap::new(),
        parameters: vec![],
        columns: vec![
            Column::new("a", ColumnKind::Text),
            Column::new("n", ColumnKind::Integer),
            Column::new("d", ColumnKind::Decimal),
            Column::new("t", ColumnKind::Timestamp),
        ],
        formats: vec![],
        style: Style::default(),
        limits: Limits::default(),
        checks: vec![],
    }
}

fn translated(filters: &Json) -> (Translated, Vec<(String, &'static str)>) {
    let body = json!({ "filters": filters });
    let faults = Faults::default();
    let words = Words::of(&body, "generateParams", &["filters"], &faults).unwrap();
    let read = translate(&words, &definition(), &faults);
    (read, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
}

/// `joint opening column sign value closing`, blanks between.
fn items(lines: &[&str]) -> Json {
    let item = |line: &&str| {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        json!({
            "andOr": parts[0], "openParenth": parts[1], "column": parts[2], "dataType": "", "operator": parts[3],
            "value": parts[4], "closeParenth": parts[5],
        })
    };
    json!([{ "tableName": "", "active": true, "filterItens": lines.iter().map(item).collect::<Json>() }])
}

fn told(lines: &[&str]) -> String {
    let (read, faults) = translated(&items(lines));
    assert_eq!(faults, []);
    Filter::parse(&read.filter.unwrap(), &definition().columns).unwrap().for_people(&str::to_owned)
}

#[test]
fn and_binds_closer_than_or() {
    assert_eq!(told(&["|  | a | = | x |"]), "a = x");
    assert_eq!(
        told(&["| | a | = | x |", "OU | | n | > | 1 |", "E | | d | <= | 2.5 |"]),
        "a = x or (n > 1 and d ≤ 2.5)"
    );
    assert_eq!(
        told(&["| ( | a | = | x |", "or | | n | > | 1 | )", "and | | d | <= | 2.5 |"]),
        "(a = x or n > 1) and d ≤ 2.5"
    );
    let nested =
        ["| (( | a | = | x |", "OR | | a | LIKE | y% | )", "AND | | n | ISNULL | | )", "OR | ( | n | <> | 3 | )"];
    assert_eq!(told(&nested), "((a = x or a like y%) and n is empty) or n ≠ 3");
}

#[test]
fn values_have_the_columns_type() {
    let (read, _) = translated(&items(&["| | n | = | 12 |", "E | | t | >= | 2024-02-29 |", "E | | a | = | 12 |"]));
    let filter = read.filter.unwrap();
    assert_eq!(filter["all"][0]["value"], 12);
    assert_eq!(filter["all"][1]["value"], "2024-02-29T00:00:00");
    assert_eq!(filter["all"][2]["value"], "12");
    assert_eq!(read.places[2].1, "generateParams.filters[0].filterItens[2]");
}

#[test]
fn several_filters_all_hold_and_those_that_are_off_do_not() {
    let one = |active: Json, value: &str| json!({ "TableName": "r", "Active": active, "FilterItens": [{ "Column": "a", "Operator": "=", "Value": value }] });
    let (read, faults) = translated(&json!([one(json!(true), "x"), one(json!(false), "y"), one(json!(null), "z")]));
    assert_eq!(faults, []);
    let filter = read.filter.unwrap();
    assert_eq!((&filter["all"][0]["value"], &filter["all"][1]["value"]), (&json!("x"), &json!("z")));
    assert_eq!(filter["all"].as_array().unwrap().len(), 2);
    for nothing in [json!([]), json!(null), json!([{ "active": true, "filterItens": [] }])] {
        assert_eq!(translated(&nothing), (Translated::default(), vec![]));
    }
}

#[test]
fn faults_name_their_places() {
    let at = |name: &str| format!("generateParams.filters[0]{name}");
    let refused = |line: &str| translated(&items(&[line])).1;
    assert_eq!(refused("XOR | | a | = | x |"), [(at(".filterItens[0].andOr"), "not_allowed")]);
    assert_eq!(refused("| [ | a | = | x |"), [(at(".filterItens[0].openParenth"), "format")]);
    assert_eq!(refused("| ( | a | = | x |"), [(at(".filterItens[0].openParenth"), "format")]);
    assert_eq!(refused("| | a | = | x | )"), [(at(".filterItens[0].closeParenth"), "format")]);
    assert_eq!(refused("| | a | ; DROP TABLE x | 1 |"), [(at(".filterItens[0].operator"), "not_allowed")]);
    assert_eq!(refused("| | | = | x |"), [(at(".filterItens[0].column"), "missing")]);
    let typed = json!([{ "filterItens": [{ "column": "n", "operator": "=", "value": 1, "dataType": "DateTime" }] }]);
    assert_eq!(translated(&typed).1, [(at(".filterItens[0].dataType"), "type")]);
    let table = json!([{ "tableName": "SA1", "filterItens": [] }]);
    assert_eq!(translated(&table).1, [(at(".tableName"), "unknown")]);
    assert_eq!(translated(&json!([{ "sql": "1=1" }])).1, [(at(".sql"), "unknown")]);
    assert_eq!(translated(&json!("1=1")).1, [("generateParams.filters".to_owned(), "type")]);
}

#[test]
fn faults_of_the_own_request_find_their_item() {
    let (read, _) = translated(&items(&["| | a | = | x |", "OU | | nothing | = | 1 |"]));
    assert_eq!(read.place("/filter/any/1/column"), "generateParams.filters[0].filterItens[1].column");
    assert_eq!(read.place("/filter/any/0"), "generateParams.filters[0].filterItens[0]");
    assert_eq!(read.place("/filter"), "generateParams.filters");
}

proptest! {
    /// Whatever is balanced is read, and every condition is there, in its order.
    #[test]
    fn balanced_lists_keep_their_conditions(
        shape in prop::collection::vec((any::<bool>(), 0..3_usize), 1..12)
    ) {
        let mut open = 0;
        let count = shape.len();
        let items: Vec<Json> = shape.into_iter().enumerate().map(|(index, (or, opens))| {
            open += opens;
            let closes = if index + 1 == count { open } else { open / 2 };
            open -= closes;
            json!({
                "andOr": if or { "OR" } else { "AND" }, "openParenth": "(".repeat(opens), "column": "n", "operator": "=",
                "value": index.to_string(), "closeParenth": ")".repeat(closes),
            })
        }).collect();
        let (read, faults) = translated(&json!([{ "filterItens": items }]));
        prop_assert_eq!(faults, vec![]);
        prop_assert_eq!(read.places.len(), count);
        for (index, (pointer, place)) in read.places.iter().enumerate() {
            prop_assert_eq!(place, &format!("generateParams.filters[0].filterItens[{index}]"));
            let filter = json!({ "filter": read.filter });
            prop_assert_eq!(filter.pointer(&format!("{pointer}/value")), Some(&json!(index)));
        }
    }

    #[test]
    fn nothing_panics(opens in "[( )x]{0,9}", closes in "[) (]{0,9}", joint in ".{0,4}", sign in ".{0,4}") {
        let item = json!({ "andOr": joint, "openParenth": opens, "column": "a", "operator": sign, "value": "", "closeParenth": closes });
        translated(&json!([{ "filterItens": [item, item] }]));
    }
}
