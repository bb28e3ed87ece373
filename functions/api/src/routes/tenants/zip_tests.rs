use super::*;

fn read_body(body: &Value) -> (WantedZip, Vec<(String, &'static str)>) {
    let faults = Faults::default();
    let zip = Fields::of(body, "", &["zip"], &faults).map(|fields| read(&fields, &faults)).unwrap_or_default();
    (zip, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
}

fn good(zip: &Value) -> WantedZip {
    let (wanted, faults) = read_body(&json!({ "zip": zip }));
    assert_eq!(faults, [], "{zip}");
    wanted
}

fn with_password(password: &Value) -> Vec<(String, &'static str)> {
    read_body(&json!({ "zip": { "password": password } })).1
}

fn holding(sealed: &str) -> ZipSettings {
    ZipSettings { cipher: ZipCipher::Aes256, password: Some(PasswordPolicy::Held { sealed: sealed.to_owned() }) }
}

#[test]
fn without_settings_passwords_are_generated() {
    for none in [json!(null), json!({}), json!({ "cipher": null, "password": null })] {
        assert_eq!(good(&none).recorded(None, Some(&holding("k1.x"))), ZipSettings::default(), "{none}");
    }
}

#[test]
fn what_is_shown_can_be_put_back() {
    let generated = PasswordPolicy::Generated { length: 16, alphabet: "0123456789abcdef".to_owned() };
    let known = [
        ZipSettings::default(),
        ZipSettings { cipher: ZipCipher::Zipcrypto, password: Some(generated) },
        holding("k1.x"),
    ];
    for before in known {
        let wanted = good(&describe(&before));
        assert!(!wanted.lacks_password(Some(&before)) && wanted.sent().is_none());
        assert_eq!(wanted.recorded(None, Some(&before)), before);
    }
    assert!(!describe(&holding("k1.x")).to_string().contains("k1.x"));
}

#[test]
fn a_held_password_is_sent_sealed_and_kept() {
    let sent = good(&json!({ "password": { "kind": "held", "value": "correct horse" } }));
    assert_eq!(sent.sent().unwrap().expose(), "correct horse");
    assert_eq!(sent.recorded(Some("k1.new".to_owned()), Some(&holding("k1.old"))), holding("k1.new"));
    let kept = || good(&json!({ "password": { "kind": "held" } }));
    assert_eq!(kept().recorded(None, Some(&holding("k1.old"))), holding("k1.old"));
    assert!(kept().lacks_password(None) && kept().lacks_password(Some(&ZipSettings::default())));
}

#[test]
fn a_generated_password_has_defaults() {
    let recorded = |password: Value| good(&json!({ "password": password })).recorded(None, None).password;
    let expected = |length, alphabet: &str| Some(PasswordPolicy::Generated { length, alphabet: alphabet.to_owned() });
    let default = expected(password::DEFAULT_LENGTH, password::DEFAULT_ALPHABET);
    assert_eq!(recorded(json!({ "kind": "generated" })), default);
    assert_eq!(
        recorded(json!({ "kind": "generated", "length": 16, "alphabet": "0123456789" })),
        expected(16, "0123456789")
    );
}

#[test]
fn every_fault_has_its_place() {
    let at = |field: &str| format!("/zip/password/{field}");
    let cases = [
        (json!({ "kind": "generated", "alphabet": "0123" }), at("alphabet"), "not_allowed"),
        (json!({ "kind": "generated", "alphabet": "00123456789" }), at("alphabet"), "not_allowed"),
        (json!({ "kind": "generated", "length": 15, "alphabet": "0123456789" }), at("length"), "out_of_range"),
        (json!({ "kind": "generated", "length": 9 }), at("length"), "out_of_range"),
        (json!({ "kind": "generated", "length": 129 }), at("length"), "out_of_range"),
        (json!({ "kind": "generated", "length": "20" }), at("length"), "type"),
        (json!({ "kind": "generated", "value": "x" }), at("value"), "unknown"),
        (json!({ "kind": "held", "value": "short" }), at("value"), "out_of_range"),
        (json!({ "kind": "held", "value": " 0123456789" }), at("value"), "not_allowed"),
        (json!({ "kind": "held", "value": 7 }), at("value"), "type"),
        (json!({ "kind": "held", "length": 20 }), at("length"), "unknown"),
        (json!({ "length": 20 }), at("kind"), "missing"),
        (json!({ "kind": "none" }), at("kind"), "not_allowed"),
        (json!({ "kind": 1 }), at("kind"), "type"),
        (json!("secret"), "/zip/password".to_owned(), "type"),
    ];
    for (password, pointer, code) in cases {
        assert_eq!(with_password(&password), [(pointer, code)], "{password}");
    }
    let (_, faults) = read_body(&json!({ "zip": { "cipher": "rc4", "level": 9 } }));
    assert_eq!(faults, [("/zip/level".to_owned(), "unknown"), ("/zip/cipher".to_owned(), "not_allowed")]);
}

#[test]
fn only_the_weak_cipher_is_warned_of() {
    let zip = |cipher| ZipSettings { cipher, password: None };
    assert!(warning(&zip(ZipCipher::Zipcrypto)).is_some_and(|warning| warning.contains("weak")));
    assert_eq!(warning(&zip(ZipCipher::Aes256)), None);
}
