//! Contexts good and bad, the documented one among them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// `generateParams.licenseContext` of TOTVS's documentation of licence consumption, letter by letter.
const DOCUMENTED: &str = "eyJmZWRlcmFsSWQiOiAiICAgICAgICAgICAgICAiLCJtYWluVGhyZWFkSWQiOiA1MTMwOCwidGhyZWFkSWQiOiA1MTMwOCwibW9kdWxlSWQiOiAiMiIsImFjdGlvbk5hbWUiOiAiVFJFUE9SVFNfMSIsImxpY2Vuc2VTZXJ2ZXIiOiB7Imhvc3RuYW1lIjogImxvY2FsaG9zdCIsInBvcnQiOiA1NTU1IH0sImNsaWVudCI6IHsiaG9zdG5hbWUiOiAiMTI3LjAuMC4xIiwicG9ydCI6IDEyMzUgfSwidXNlciI6IHsibmFtZSI6ICIwMDAwMDAiLCJpc0Z1bGxEZXRlcm1pbmFkbyI6IGZhbHNlLCJjcmVkZW50aWFscyI6IG51bGx9fQ==";

fn encoded(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

fn good() -> Value {
    json!({
        "federalId": "11111111111111", "mainThreadId": 1, "threadId": 999_999, "moduleId": "2", "actionName": "MATR",
        "licenseServer": { "hostname": "10.0.0.1", "port": 5555 },
        "client": { "hostname": "10.0.0.2", "port": 1235 },
        "user": { "name": "maria", "isFullDeterminado": false, "credentials": null },
    })
}

fn codes(encoded: &str) -> Vec<(&'static str, &'static str)> {
    LicenceContext::parse(encoded).unwrap_err().iter().map(|fault| (fault.pointer, fault.code)).collect()
}

/// The faults of the good one with this at that place.
fn with(pointer: &str, value: Value) -> Vec<(&'static str, &'static str)> {
    let mut context = good();
    *context.pointer_mut(pointer).unwrap() = value;
    codes(&encoded(&context))
}

fn without(parent: &str, field: &str) -> Value {
    let mut context = good();
    context.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field);
    context
}

#[test]
fn the_documented_sample_is_read() {
    let context = LicenceContext::parse(DOCUMENTED).unwrap();
    let place = |hostname: &str, port| Place { hostname: hostname.to_owned(), port };
    assert_eq!(
        context,
        LicenceContext {
            federal_id: Some(" ".repeat(14)),
            main_thread: 51308,
            thread: Some(51308),
            module: "2".into(),
            action: Some("TREPORTS_1".into()),
            licence_server: Some(place("localhost", 5555)),
            client: place("127.0.0.1", 1235),
            user: "000000".into(),
            is_full: Some(false),
        }
    );
    assert_eq!(context.waiver_key(), WaiverKey::of_context(51308, "2", ("127.0.0.1", 1235), "000000"));
    let holder = context.holder();
    assert_eq!((holder.federal_id, holder.client.as_deref()), (None, Some("127.0.0.1:1235")));
}

#[test]
fn only_the_documented_combination_makes_the_key() {
    let key = |value: &Value| LicenceContext::parse(&encoded(value)).unwrap().waiver_key();
    let same = key(&good());
    let others = [
        ("/federalId", json!("x")),
        ("/threadId", json!(1)),
        ("/actionName", json!("x")),
        ("/licenseServer/hostname", json!("x")),
        ("/licenseServer/port", json!(1)),
        ("/user/isFullDeterminado", json!(true)),
        ("/user/credentials", json!("secret")),
    ];
    for (pointer, value) in others {
        let mut context = good();
        *context.pointer_mut(pointer).unwrap() = value;
        assert_eq!(key(&context), same, "{pointer}");
    }
    let parts = [
        ("/mainThreadId", json!(2)),
        ("/moduleId", json!("3")),
        ("/client/hostname", json!("x")),
        ("/client/port", json!(1)),
        ("/user/name", json!("Maria")),
    ];
    for (pointer, value) in parts {
        let mut context = good();
        *context.pointer_mut(pointer).unwrap() = value;
        assert_ne!(key(&context), same, "{pointer}");
    }
}

#[test]
fn the_key_fields_are_required_and_the_others_are_not() {
    for (parent, field, at) in [
        ("", "mainThreadId", "/mainThreadId"),
        ("", "moduleId", "/moduleId"),
        ("", "client", "/client"),
        ("", "user", "/user"),
        ("/client", "hostname", "/client/hostname"),
        ("/client", "port", "/client/port"),
        ("/user", "name", "/user/name"),
    ] {
        assert_eq!(codes(&encoded(&without(parent, field))), [(at, "missing")]);
    }
    for (parent, field) in [
        ("", "federalId"),
        ("", "threadId"),
        ("", "actionName"),
        ("", "licenseServer"),
        ("/licenseServer", "port"),
        ("/user", "isFullDeterminado"),
        ("/user", "credentials"),
    ] {
        assert!(LicenceContext::parse(&encoded(&without(parent, field))).is_ok(), "{field}");
    }
    let mut more = good();
    more["of a later release"] = json!(1);
    assert!(LicenceContext::parse(&encoded(&more)).is_ok());
}

#[test]
fn every_wrong_type_names_its_field() {
    for (at, value) in [
        ("/federalId", json!(1)),
        ("/federalId", json!(null)),
        ("/mainThreadId", json!("51308")),
        ("/mainThreadId", json!(1.5)),
        ("/mainThreadId", json!(u64::MAX)),
        ("/mainThreadId", json!(null)),
        ("/threadId", json!([])),
        ("/moduleId", json!(2)),
        ("/actionName", json!({})),
        ("/licenseServer", json!("localhost:5555")),
        ("/licenseServer/hostname", json!(1)),
        ("/licenseServer/port", json!("5555")),
        ("/client", json!([])),
        ("/client/hostname", json!(false)),
        ("/client/port", json!("1235")),
        ("/client/port", json!(1.0)),
        ("/user", json!("maria")),
        ("/user/name", json!(0)),
        ("/user/isFullDeterminado", json!("false")),
    ] {
        assert_eq!(with(at, value), [(at, "type")]);
    }
    for at in ["/moduleId", "/client/hostname", "/user/name"] {
        assert_eq!(with(at, json!("  ")), [(at, "missing")]);
        assert_eq!(with(at, json!("a".repeat(257))), [(at, "out_of_range")]);
    }
    for port in [json!(-1), json!(65_536)] {
        assert_eq!(with("/client/port", port), [("/client/port", "out_of_range")]);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let context = json!({ "mainThreadId": "1", "client": { "port": -1 }, "user": { "isFullDeterminado": 1 } });
    let expected = [
        ("/mainThreadId", "type"),
        ("/moduleId", "missing"),
        ("/client/hostname", "missing"),
        ("/client/port", "out_of_range"),
        ("/user/name", "missing"),
        ("/user/isFullDeterminado", "type"),
    ];
    assert_eq!(codes(&encoded(&context)), expected);
    assert_eq!(codes(&encoded(&json!({}))).len(), 4);
}

#[test]
fn what_is_no_context_is_refused_whole() {
    for bad in ["%", "e30", "e30=\n", " e30=", "e30==", "_-8=", "e3 0="] {
        assert_eq!(codes(bad), [("", "base64")], "{bad:?}");
    }
    for bad in ["", "{", "{}x", "\u{0}"] {
        assert_eq!(codes(&STANDARD.encode(bad)), [("", "json")], "{bad:?}");
    }
    assert_eq!(codes(&STANDARD.encode(b"{\"moduleId\":\"\xc3\"}")), [("", "json")], "not UTF-8");
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(codes(&STANDARD.encode(deep)), [("", "json")], "too deep");
    for bad in ["[]", "null", "\"a\"", "7"] {
        assert_eq!(codes(&STANDARD.encode(bad)), [("", "type")], "{bad:?}");
    }
    for size in [MAX_ENCODED + 1, 8 * 1024, 1024 * 1024] {
        assert_eq!(codes(&"A".repeat(size)), [("", "too_long")]);
    }
}

#[test]
fn credentials_are_not_kept() {
    let mut context = good();
    context["user"]["credentials"] = json!("s3cr3t");
    let context = LicenceContext::parse(&encoded(&context)).unwrap();
    let kept = format!("{context:?} {:?} {:?}", context.holder(), context.waiver_key());
    assert!(!kept.contains("s3cr3t"), "{kept}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        let name = prop_oneof![Just("hostname"), Just("port"), Just("name"), Just("isFullDeterminado")];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(name.prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = LicenceContext::parse(&text);
    }

    #[test]
    fn no_bytes_in_base64_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = LicenceContext::parse(&STANDARD.encode(bytes));
    }

    /// One field is replaced by anything: it is good, or the fault lies in that very field.
    #[test]
    fn a_fault_is_told_where_it_is(
        field in proptest::sample::select(vec![
            "federalId", "mainThreadId", "threadId", "moduleId", "actionName", "licenseServer", "client", "user",
        ]),
        value in any_json(),
    ) {
        let mut context = good();
        context[field] = value;
        if let Err(faults) = LicenceContext::parse(&encoded(&context)) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert!(fault.pointer.starts_with(&format!("/{field}")), "{field}: {fault}");
            }
        }
    }
}
