use std::sync::Arc;

use serde_json::json;
use waybill::{
    domain::endpoint::Authentication,
    guard::Policy,
    seal::{Keyring, generate_keyring},
};

use super::*;

const URL: &str = "https://example.com/hook";

fn sealer() -> Sealer {
    Sealer::new(Arc::new(Keyring::parse(generate_keyring().expose()).unwrap()), "here".to_owned())
}

fn judge(body: &Value, before: Option<&Settings>) -> Result<Settings, Vec<(String, &'static str)>> {
    let read = read(body, before, &sealer(), &Guard::new(Policy::default()).unwrap());
    read.map_err(|faults| faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect())
}

fn with(more: &Value) -> Value {
    let mut body = json!({ "url": URL });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn faults(more: &Value) -> Vec<(String, &'static str)> {
    judge(&with(more), None).map_or_else(|faults| faults, |_| vec![])
}

/// What is sealed, opened again.
fn opened(body: &Value) -> (Settings, impl Fn(&str) -> String + use<>) {
    let keyring = Arc::new(Keyring::parse(generate_keyring().expose()).unwrap());
    let sealer = Sealer::new(Arc::clone(&keyring), "here".to_owned());
    let settings = read(&with(body), None, &sealer, &Guard::new(Policy::default()).unwrap()).unwrap();
    (settings, move |sealed| String::from_utf8(keyring.open(sealed, "here").unwrap().expose().clone()).unwrap())
}

#[test]
fn a_url_is_enough() {
    let settings = judge(&json!({ "url": URL }), None).unwrap();
    assert_eq!((settings.profile, settings.retry), (Profile::Waybill, RetryPolicy::Default));
    assert_eq!((settings.timeout_seconds, settings.concurrency), (30, 10));
    assert_eq!(settings.authentication, Authentication::None);
    assert!(settings.events.is_empty() && settings.headers.is_empty() && settings.description.is_empty());
}

#[test]
fn secrets_are_split_on_the_first_colon() {
    let body = json!({ "authentication": { "type": "basic", "credentials": "ann:a:b" } });
    let (settings, open) = opened(&body);
    let Authentication::Basic { user, credentials_sealed } = settings.authentication else { panic!() };
    assert_eq!((user.as_str(), open(&credentials_sealed).as_str()), ("ann", "ann:a:b"));
    for (key, name, value) in [
        ("X-Api-Key:k:1", "x-api-key", "k:1"),
        ("X-Api-Key: k1", "x-api-key", "k1"),
        ("Bearer abc", "authorization", "Bearer abc"),
        ("Authorization:Token t", "authorization", "Token t"),
    ] {
        let body = json!({ "authentication": { "type": "api_key", "key": key } });
        let (settings, open) = opened(&body);
        let Authentication::ApiKey { header, value_sealed } = settings.authentication else { panic!() };
        assert_eq!((header.as_str(), open(&value_sealed).as_str()), (name, value), "{key}");
    }
}

#[test]
fn statuses_of_idunico_stand_for_events() {
    let read = |more: Value| judge(&with(&more), None).map(|settings| settings.events.into_iter().collect::<Vec<_>>());
    let all =
        [EventKind::ReportSucceeded, EventKind::ReportDivergent, EventKind::ReportFailed, EventKind::ReportCancelled];
    assert_eq!(read(json!({ "profile": "unico", "statuses": [5, 4, 3, 2] })), Ok(all.to_vec()));
    let both = json!({ "statuses": [5], "events": ["report.expired"] });
    assert_eq!(read(both), Ok(vec![EventKind::ReportFailed, EventKind::ReportExpired]));
}

#[test]
fn retries_are_bounded() {
    let retry = |value: Value| judge(&with(&json!({ "retry": value })), None).map(|settings| settings.retry);
    let policy = |factor_percent, cap_seconds| RetryPolicy::Exponential {
        max_attempts: 5,
        first_interval_seconds: 10,
        factor_percent,
        cap_seconds,
    };
    assert_eq!(retry(json!({ "max_attempts": 5, "first_interval_seconds": 10 })), Ok(policy(200, 86_400)));
    let whole = json!({ "max_attempts": 5, "first_interval_seconds": 10, "factor": 1.05, "cap_seconds": 60 });
    assert_eq!(retry(whole), Ok(policy(105, 60)));
    assert_eq!(retry(json!({})).unwrap_err().len(), 2);
    let wrong = json!({ "max_attempts": 31, "first_interval_seconds": 0, "factor": 0.99, "cap_seconds": 604_801 });
    assert_eq!(retry(wrong).unwrap_err().len(), 4);
    let listed = retry(json!({ "waits_seconds": [0, 60, 604_800] }));
    assert_eq!(listed, Ok(RetryPolicy::Listed { waits_seconds: vec![0, 60, 604_800] }));
    let at = |value: Value| retry(value).unwrap_err().into_iter().map(|(at, _)| at).collect::<Vec<_>>();
    assert_eq!(at(json!({ "waits_seconds": [] })), ["/retry/waits_seconds"]);
    assert_eq!(at(json!({ "waits_seconds": vec![0; 31] })), ["/retry/waits_seconds"]);
    assert_eq!(at(json!({ "waits_seconds": [0, -1, 604_801, "5"], "max_attempts": 3 })).len(), 4);
    assert_eq!(retry(json!("often")), Err(vec![("/retry".to_owned(), "type")]));
}

#[test]
fn every_fault_is_named_at_once() {
    let body = json!({
        "url": "http://example.com/", "secret": "of my own", "id": "end_1", "description": 7,
        "authentication": { "type": "basic", "credentials": "no colon", "password": "x" },
        "headers": { "Authorization": "mine", "X-A": "1", "x-a": "2", "Host": "x", "webhook-id": "x",
                     "b": "a\r\nb", "c d": "x", "e": 1, "f": null },
        "profile": "slack", "events": ["report.succeeded", "report.begun", "endpoint.test", 3], "statuses": [3, 1, "5"],
        "timeout_seconds": 31, "concurrency": 501,
    });
    let expected = [
        ("/description", "type"),
        ("/id", "unknown"),
        ("/secret", "unknown"),
        ("/url", "url_refused"),
        ("/authentication/credentials", "format"),
        ("/authentication/password", "unknown"),
        ("/headers/Host", "not_allowed"),
        ("/headers/b", "format"),
        ("/headers/c d", "format"),
        ("/headers/e", "type"),
        ("/headers/f", "missing"),
        ("/headers/webhook-id", "not_allowed"),
        ("/headers/x-a", "not_allowed"),
        ("/profile", "not_allowed"),
        ("/events/1", "not_allowed"),
        ("/events/2", "not_allowed"),
        ("/events/3", "type"),
        ("/statuses/1", "not_allowed"),
        ("/statuses/2", "type"),
        ("/timeout_seconds", "out_of_range"),
        ("/concurrency", "out_of_range"),
    ];
    let mut expected: Vec<_> = expected.into_iter().map(|(at, code)| (at.to_owned(), code)).collect();
    let mut found = judge(&body, None).unwrap_err();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(judge(&json!([]), None), Err(vec![(String::new(), "type")]));
    assert_eq!(judge(&json!({}), None), Err(vec![("/url".to_owned(), "missing")]));
}

#[test]
fn authentication_is_judged_by_its_type() {
    let oauth2 =
        |token_url: &str| json!({ "type": "oauth2", "token_url": token_url, "client_id": "c", "client_secret": "s" });
    for (authentication, at, code) in [
        (json!({}), "/type", "missing"),
        (json!({ "type": "digest" }), "/type", "not_allowed"),
        (json!({ "type": "basic" }), "/credentials", "missing"),
        (json!({ "type": "basic", "credentials": "a:\u{7}" }), "/credentials", "format"),
        (json!({ "type": "basic", "credentials": "a:b", "user": "c" }), "/user", "not_allowed"),
        (json!({ "type": "basic", "credentials": "a:b", "key": "c" }), "/key", "unknown"),
        (json!({ "type": "api_key" }), "/key", "missing"),
        (json!({ "type": "api_key", "key": "Host:x" }), "/key", "not_allowed"),
        (json!({ "type": "api_key", "key": "Content-Length:1" }), "/key", "not_allowed"),
        (json!({ "type": "api_key", "key": "Bearer a:b" }), "/key", "format"),
        (json!({ "type": "api_key", "key": "X-Key:" }), "/key", "format"),
        (json!({ "type": "api_key", "key": "X-Key:ä" }), "/key", "format"),
        (json!({ "type": "oauth2", "token_url": URL, "client_id": "c" }), "/client_secret", "missing"),
        (json!({ "type": "oauth2", "client_id": "c", "client_secret": "s" }), "/token_url", "missing"),
        (oauth2("https://169.254.169.254/"), "/token_url", "url_refused"),
        (oauth2("http://example.com/"), "/token_url", "url_refused"),
    ] {
        let found = faults(&json!({ "authentication": authentication }));
        assert_eq!(found, [(format!("/authentication{at}"), code)], "{authentication}");
    }
    assert_eq!(faults(&json!({ "authentication": oauth2("https://id.example.com/token") })), []);
    assert_eq!(faults(&json!({ "authentication": { "type": "none" }, "headers": { "authorization": "x" } })), []);
    let own = json!({ "authentication": { "type": "api_key", "key": "X-Key:k" },
                      "headers": { "x-key": "x", "authorization": "y" } });
    assert_eq!(faults(&own).len(), 2);
}

#[test]
fn headers_are_few_and_small() {
    let headers = |count: usize, bytes: usize| {
        let map = (0..count).map(|n| (format!("x-{n}"), json!("v".repeat(bytes)))).collect();
        faults(&json!({ "headers": Value::Object(map) }))
    };
    assert_eq!(headers(20, 400), []);
    assert_eq!(headers(21, 1), [("/headers".to_owned(), "out_of_range")]);
    assert_eq!(headers(2, 4097), [("/headers".to_owned(), "out_of_range")]);
    assert_eq!(faults(&json!({ "headers": [] })), [("/headers".to_owned(), "type")]);
}

#[test]
fn what_a_profile_cannot_express_is_refused() {
    let found =
        faults(&json!({ "profile": "tesouro", "events": ["report.succeeded", "report.failed"], "statuses": [2] }));
    assert_eq!(found, [("/events/1".to_owned(), "not_allowed"), ("/statuses/0".to_owned(), "not_allowed")]);
    assert_eq!(faults(&json!({ "profile": "unico", "events": ["report.expired"] })).len(), 1);
}

/// What `GET` shows can be sent back, and keeps the secrets, but not at another host.
#[test]
fn secrets_that_are_not_sent_stay_where_the_endpoint_stays() {
    for (authentication, shown) in [
        (json!({ "type": "basic", "credentials": "ann:x" }), json!({ "type": "basic", "user": "ann" })),
        (json!({ "type": "api_key", "key": "X-Key:k" }), json!({ "type": "api_key", "header": "x-key" })),
        (
            json!({ "type": "oauth2", "token_url": URL, "client_id": "c", "client_secret": "s", "scope": "a" }),
            json!({ "type": "oauth2", "token_url": URL, "client_id": "c", "scope": "a" }),
        ),
    ] {
        let before =
            judge(&with(&json!({ "authentication": authentication, "headers": { "X-Team": "t" } })), None).unwrap();
        let back = json!({ "authentication": shown, "headers": { "x-team": null }, "created_at": "x", "circuit": {} });
        assert_eq!(judge(&with(&back), Some(&before)), Ok(before.clone()), "as shown");
        assert_eq!(judge(&with(&json!({})), Some(&before)), Ok(before.clone()), "left out");
        let elsewhere = |more: Value| {
            let mut body = with(&more);
            body["url"] = json!("https://example.org/hook");
            judge(&body, Some(&before)).map_err(|faults| faults.len())
        };
        assert_eq!(elsewhere(json!({})), Err(2), "neither goes to another host");
        assert_eq!(elsewhere(json!({ "authentication": shown, "headers": { "x-team": null } })), Err(2));
        assert!(elsewhere(json!({ "authentication": authentication, "headers": {} })).is_ok());
        let gone =
            judge(&with(&json!({ "authentication": { "type": "none" }, "headers": {} })), Some(&before)).unwrap();
        assert_eq!((gone.authentication, gone.headers.len()), (Authentication::None, 0));
    }
    let before = judge(&with(&json!({ "authentication": { "type": "basic", "credentials": "ann:x" } })), None).unwrap();
    for other in [json!({ "type": "basic", "user": "bob" }), json!({ "type": "api_key" })] {
        assert_eq!(judge(&with(&json!({ "authentication": other })), Some(&before)).unwrap_err().len(), 1, "{other}");
    }
}
