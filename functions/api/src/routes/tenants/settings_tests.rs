use serde_json::json;
use waybill::domain::wrapping::ZipCipher;

use super::*;
use crate::routes::tenants::zip::WantedPassword;

const RETENTION: u32 = 96;
const KEY: &str = include_str!("../../../../shared/src/openpgp/testdata/curve25519-certified.asc");

fn body() -> Value {
    json!({ "name": "Acme" })
}

fn with(name: &str, value: Value) -> Value {
    let mut body = body();
    body[name] = value;
    body
}

fn read(body: &Value) -> (Option<Settings>, Vec<(String, &'static str)>) {
    let (settings, faults) = Settings::read("acme", body, RETENTION, Timestamp::now());
    (settings, faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect())
}

fn good(body: &Value) -> Settings {
    let (settings, faults) = read(body);
    assert_eq!(faults, [], "{body}");
    settings.unwrap()
}

#[test]
fn little_is_required() {
    let settings = good(&body());
    assert_eq!((settings.name.as_str(), settings.packaging), ("Acme", Packaging::Openpgp));
    assert_eq!((settings.link, settings.quotas), (LinkPolicy::default(), Quotas::default()));
    assert_eq!((settings.zip.cipher, settings.manifest_inside), (ZipCipher::Aes256, None));
    assert!(settings.zip.password.is_none() && settings.key_floor == KeyFloor::Any);
    assert!(settings.allowed_reports.is_none() && settings.recipient_keys.is_none() && !settings.new_webhook_secret);
}

#[test]
fn everything_is_read() {
    let settings = good(&json!({
        "id": "acme", "created_at": "2026-11-22T07:40:06.728Z", "erasure": null,
        "warnings": ["…"],
        "name": "Acme", "presenter_id": "01a20232-b327-721a-aae1-50376ffb3397", "packaging": "plain",
        "zip": { "cipher": "zipcrypto", "password": { "kind": "generated", "length": 30 } }, "manifest_inside": false,
        "recipient_key_floor": "rsa4096",
        "link": { "mode": "direct", "life_hours": 24 },
        "quotas": { "running": 2, "requests_per_day": 100, "rows_per_day": 1_000_000_000_000_u64,
                    "bytes_per_day": null },
        "licence_pool": { "seats": 3, "linger_seconds": 0 }, "allowed_reports": ["b", "a", "b"], "retention_hours": 48,
        "identities": [{ "issuer": "https://i.example", "subject": "s",
                         "scopes": ["reports:read", "endpoints:write"] }],
        "issuers": [{ "issuer": "https://i.example", "audience": ["a"], "algorithms": ["ES256", "ES256"],
                      "jwks_uri": "https://i.example/keys" }],
        "recipient_keys": [{ "fingerprint": "ABCD", "expires_at": null, "retired_at": null }],
        "new_webhook_secret": true,
    }));
    assert_eq!(settings.zip.cipher, ZipCipher::Zipcrypto);
    assert!(matches!(settings.zip.password, Some(WantedPassword::Generated { length: 30, .. })));
    assert_eq!((settings.manifest_inside, settings.key_floor), (Some(false), KeyFloor::Rsa4096));
    assert_eq!(settings.link, LinkPolicy { mode: LinkMode::Direct, life_hours: Some(24), anew: false });
    assert_eq!(settings.quotas.rows_per_day, Some(1_000_000_000_000));
    assert_eq!((settings.quotas.running, settings.quotas.bytes_per_day), (Some(2), None));
    assert_eq!(settings.licence_pool, Some((3, Some(0))));
    assert_eq!(settings.allowed_reports.unwrap().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(settings.identities[0].1.scopes, [Scope::ReportsRead, Scope::EndpointsWrite]);
    assert_eq!(settings.issuers[0].1.algorithms.len(), 1);
    let keys = settings.recipient_keys.unwrap();
    assert!(matches!(&keys[0].1, WantedKey::Known(fingerprint) if fingerprint == "ABCD"));
    assert!(settings.new_webhook_secret);
}

#[test]
fn nothing_and_everything_are_different_lists() {
    assert_eq!(good(&with("allowed_reports", json!([]))).allowed_reports, Some(BTreeSet::new()));
    assert!(good(&with("recipient_keys", json!([]))).recipient_keys.unwrap().is_empty());
    assert!(good(&with("recipient_keys", json!(null))).recipient_keys.is_none());
}

#[test]
fn a_wrong_type_hides_no_other_fault() {
    let (_, faults) = read(&json!({
        "id": "other", "name": 7, "presenter_id": "x", "packaging": "rar", "a/b": 1,
        "zip": { "cipher": 1, "password": { "kind": "held", "value": "x" } }, "manifest_inside": "no",
        "recipient_key_floor": "rsa1024",
        "link": { "mode": "both", "life_hours": 1.5, "size": 1 },
        "quotas": { "running": 101, "requests_per_day": 0, "rows_per_day": -1, "bytes_per_day": "many" },
        "licence_pool": { "linger_seconds": 3601 }, "allowed_reports": ["", "a b", 7], "retention_hours": 169,
        "identities": [7, { "subject": "s", "scopes": ["admin", "x", 1] },
                       { "issuer": "i", "subject": "", "scopes": {} }],
        "issuers": [{ "issuer": "http://i.example", "audience": 1, "algorithms": ["HS256"], "admins": ["me"],
                      "jwks": { "keys": [{ "kty": "EC", "d": "secret" }] } }],
        "recipient_keys": ["no key", 7], "new_webhook_secret": "yes",
    }));
    let expected = [
        ("/a~1b", "unknown"),
        ("/id", "not_allowed"),
        ("/name", "type"),
        ("/presenter_id", "format"),
        ("/packaging", "not_allowed"),
        ("/zip/cipher", "type"),
        ("/zip/password/value", "out_of_range"),
        ("/manifest_inside", "type"),
        ("/recipient_key_floor", "not_allowed"),
        ("/retention_hours", "out_of_range"),
        ("/link/size", "unknown"),
        ("/link/mode", "not_allowed"),
        ("/link/life_hours", "type"),
        ("/quotas/running", "out_of_range"),
        ("/quotas/requests_per_day", "out_of_range"),
        ("/quotas/rows_per_day", "out_of_range"),
        ("/quotas/bytes_per_day", "type"),
        ("/licence_pool/seats", "missing"),
        ("/licence_pool/linger_seconds", "out_of_range"),
        ("/allowed_reports/0", "format"),
        ("/allowed_reports/1", "format"),
        ("/allowed_reports/2", "format"),
        ("/identities/0", "type"),
        ("/identities/1/issuer", "missing"),
        ("/identities/1/scopes/0", "not_allowed"),
        ("/identities/1/scopes/1", "not_allowed"),
        ("/identities/1/scopes/2", "type"),
        ("/identities/2/subject", "out_of_range"),
        ("/identities/2/scopes", "type"),
        ("/issuers/0/admins", "unknown"),
        ("/issuers/0/issuer", "format"),
        ("/issuers/0/jwks/keys/0", "not_allowed"),
        ("/issuers/0/audience", "type"),
        ("/issuers/0/algorithms/0", "not_allowed"),
        ("/recipient_keys/0", "recipient_key_refused"),
        ("/recipient_keys/1", "type"),
        ("/new_webhook_secret", "type"),
    ];
    let mut faults = faults;
    let mut expected = expected.map(|(pointer, code)| (pointer.to_owned(), code)).to_vec();
    faults.sort();
    expected.sort();
    assert_eq!(faults, expected);
}

#[test]
fn other_json_is_no_settings() {
    for body in [json!([]), json!("x"), json!(null)] {
        let (settings, faults) = read(&body);
        assert!(settings.is_none());
        assert_eq!(faults, [(String::new(), "type")]);
    }
    assert_eq!(read(&json!({})).1, [("/name".to_owned(), "missing")]);
}

#[test]
fn a_link_does_not_outlive_its_file_nor_the_week_of_a_presigned_url() {
    for mode in ["managed", "direct"] {
        let linked = |life: u32, retention: Option<u32>| {
            let mut body = with("link", json!({ "mode": mode, "life_hours": life }));
            body["retention_hours"] = json!(retention);
            read(&body).1
        };
        assert_eq!(linked(168, Some(168)), []);
        assert_eq!(linked(RETENTION, None), [], "the operator's default");
        for (life, retention) in [(0, None), (169, Some(168)), (RETENTION + 1, None), (25, Some(24))] {
            assert_eq!(linked(life, retention), [("/link/life_hours".to_owned(), "out_of_range")], "{life}");
        }
    }
}

#[test]
fn lists_have_bounds_and_no_doubles() {
    let identity = |subject: usize| json!({ "issuer": "i", "subject": subject.to_string(), "scopes": [] });
    let issuer = |name: usize| {
        json!({ "issuer": format!("https://{name}.example"), "audience": "a",
                                       "algorithms": ["ES256"], "jwks_uri": "https://k.example" })
    };
    let cases = [
        (with("identities", (0..41).map(identity).collect()), "/identities", "out_of_range"),
        (with("identities", json!([identity(1), identity(1)])), "/identities/1", "not_allowed"),
        (with("issuers", (0..6).map(issuer).collect()), "/issuers", "out_of_range"),
        (with("issuers", json!([issuer(1), issuer(1)])), "/issuers/1/issuer", "not_allowed"),
        (with("allowed_reports", (0..201).map(|n| json!(n.to_string())).collect()), "/allowed_reports", "out_of_range"),
        (with("recipient_keys", json!(["a", "b", "c"])), "/recipient_keys", "out_of_range"),
        (
            with("recipient_keys", json!([{ "fingerprint": "A" }, { "fingerprint": "A" }])),
            "/recipient_keys/1",
            "not_allowed",
        ),
        (with("identities", json!({})), "/identities", "type"),
    ];
    for (body, pointer, code) in cases {
        assert_eq!(read(&body).1, [(pointer.to_owned(), code)]);
    }
    assert_eq!(good(&with("identities", (0..40).map(identity).collect())).identities.len(), 40);
}

#[test]
fn issuers_are_https_urls() {
    let faults = |text: &str| {
        let issuer =
            json!({ "issuer": text, "audience": "a", "algorithms": ["ES256"], "jwks_uri": "https://k.example" });
        read(&with("issuers", json!([issuer]))).1
    };
    for good in ["https://i.example", "https://i.example/", "https://i.example:8443/realms/acme"] {
        assert_eq!(faults(good), [], "{good}");
    }
    for bad in [
        "http://i.example",
        "i.example",
        "https://",
        "https://u@i.example",
        "https://i.example?x",
        "HTTPS:i",
        "https://i.exa\nmple",
        "https://i.example/ x",
    ] {
        assert_eq!(faults(bad), [("/issuers/0/issuer".to_owned(), "format")], "{bad}");
    }
}

#[test]
fn a_sent_key_is_described() {
    let settings = good(&with("recipient_keys", json!([KEY])));
    let (at, WantedKey::Sent(key)) = &settings.recipient_keys.unwrap()[0] else { panic!("not a sent key") };
    assert_eq!((at.as_str(), key.algorithm.as_deref(), key.bits), ("/recipient_keys/0", Some("Curve25519"), Some(255)));
    assert!(key.added_at.is_some() && key.retired_at.is_none() && key.fingerprint.len() == 40);
}
