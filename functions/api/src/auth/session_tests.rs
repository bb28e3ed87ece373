//! Tokens of users: what is minted here is believed, and nothing else.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use waybill::domain::{
    tenant::Scope,
    user::{PasswordHash, UserIdentity},
};

use super::*;

fn ring(current: &str, ids: &[(&str, u8)]) -> Keyring {
    let keys: serde_json::Map<String, Value> =
        ids.iter().map(|(id, byte)| ((*id).to_owned(), json!(BASE64_STANDARD.encode([*byte; 32])))).collect();
    Keyring::parse(&json!({ "current": current, "keys": keys }).to_string()).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn user() -> User {
    User {
        id: UserId::generate(),
        tenant: "acme".to_owned(),
        identity: UserIdentity::parse("erp").unwrap(),
        scopes: vec![Scope::ReportsRead],
        password_hash: PasswordHash::new(String::new()),
        password_changed_at: at(0),
        stamp: Uuid::new_v4(),
        disabled_at: None,
        created_at: at(0),
        created_by: String::new(),
        last_login_at: None,
    }
}

fn csrf() -> Secret<String> {
    Secret::new("beside".to_owned())
}

fn claims() -> Claims {
    Claims::begun(&user(), Uuid::new_v4(), &csrf(), at(0))
}

fn minted(claims: &Claims) -> String {
    mint(&ring("k1", &[("k1", 1)]), claims).unwrap().expose().clone()
}

fn judge(token: &str, now: Timestamp) -> Result<Claims, Refused> {
    verify(&ring("k1", &[("k1", 1)]), token, now)
}

/// Signed under the right key, whatever it says.
fn signed(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let derived = ring("k1", &[("k1", 1)]).derive("k1", PURPOSE).unwrap();
    let key = EncodingKey::from_secret(derived.expose());
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{text}.{signature}")
}

fn header() -> Value {
    json!({ "alg": "HS256", "typ": KIND, "kid": "k1" })
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut value = json!(claims());
    change(&mut value);
    signed(&header(), &value)
}

#[test]
fn a_token_is_good_until_its_end() {
    let claims = claims();
    let token = minted(&claims);
    assert!(claims_to_be(&token));
    assert_eq!(judge(&token, at(0)), Ok(claims.clone()));
    assert_eq!(judge(&token, at(3599)), Ok(claims.clone()));
    assert_eq!(judge(&token, at(3600)), Err(Refused::Expired), "an hour, without leeway");
    let short = minted(&Claims { exp: claims.iat + 1, ..claims });
    assert_eq!((judge(&short, at(0)).is_ok(), judge(&short, at(1))), (true, Err(Refused::Expired)));
    assert!(judge(&changed(|_| ()), at(0)).is_ok(), "what the other tests change is good");
}

#[test]
fn a_rotation_ends_no_session() {
    let token = minted(&claims());
    let rotated = ring("k2", &[("k1", 1), ("k2", 2)]);
    assert!(verify(&rotated, &token, at(0)).is_ok());
    let newer = mint(&rotated, &claims()).unwrap();
    assert_eq!(judge(newer.expose(), at(0)), Err(Refused::UnknownKey), "worth reading the ring again");
    assert!(matches!(verify(&ring("k1", &[("k1", 3)]), &token, at(0)), Err(Refused::Invalid(_))), "another stack's");
}

#[test]
fn renewals_stay_within_the_session() {
    let first = claims();
    assert!(first.came_with("beside") && !first.came_with("") && !first.came_with(&first.csrf));
    let next = first.renewed(&Secret::new("another".to_owned()), at(3000));
    assert_eq!((next.sid, next.auth_time, next.exp - first.exp), (first.sid, first.auth_time, 3000));
    assert!(next.came_with("another") && !next.came_with("beside"));
    let last = first.renewed(&csrf(), at(23 * 3600 + 1800));
    assert_eq!(last.exp, first.auth_time + 24 * 3600);
}

#[test]
fn nothing_else_is_believed() {
    let good = minted(&claims());
    let [head, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let other = minted(&Claims { tenant: "globex".to_owned(), ..claims() });
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let mut bad = vec![
        String::new(),
        "..".to_owned(),
        format!("{head}.{payload}."),
        format!("{head}.{payload}"),
        format!("{head}.{}.{signature}", other.split('.').nth(1).unwrap()),
        format!("{}.{payload}.", encode(&json!({ "alg": "none", "typ": KIND, "kid": "k1" }))),
        format!("{good}A"),
    ];
    for change in [
        json!({ "iss": "https://issuer.example" }),
        json!({ "aud": "urn:other" }),
        json!({ "aud": null }),
        json!({ "sub": "somebody" }),
        json!({ "sub": "key_01a2023736cf70cbbb6b7530be04d456" }),
        json!({ "stamp": 1 }),
        json!({ "exp": "never" }),
        json!({ "exp": null }),
        json!({ "admin": true }),
    ] {
        bad.push(changed(|claims| claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone())));
    }
    for (name, value) in [("alg", "HS512"), ("alg", "RS256"), ("typ", "JWT"), ("kid", "k9"), ("kid", "")] {
        let mut header = header();
        header[name] = json!(value);
        bad.push(signed(&header, &json!(claims())));
    }
    // The sealing key itself is not the key of tokens, nor is one derived for something else.
    let derived = ring("k1", &[("k1", 1)]).derive("k1", "another purpose").unwrap();
    for key in [[1; 32], *derived.expose(), [0; 32]] {
        let header = Header { typ: Some(KIND.into()), kid: Some("k1".into()), ..Header::new(Algorithm::HS256) };
        bad.push(encode_with(&header, &key));
    }
    for token in bad {
        assert!(judge(&token, at(0)).is_err(), "{token}");
    }
}

fn encode_with(header: &Header, key: &[u8]) -> String {
    encode(header, &claims(), &EncodingKey::from_secret(key)).unwrap()
}

#[test]
fn only_its_own_issuer_makes_it_one() {
    let sign = |claims: Value| encode(&Header::default(), &claims, &EncodingKey::from_secret(b"x")).unwrap();
    assert!(claims_to_be(&sign(json!({ "iss": ISSUER }))));
    for claims in
        [json!({}), json!({ "iss": "https://issuer.example" }), json!({ "iss": [ISSUER] }), json!({ "iss": null })]
    {
        assert!(!claims_to_be(&sign(claims.clone())), "{claims}");
    }
    assert!(!claims_to_be(&sign(json!({ "iss": ISSUER, "x": "x".repeat(MAX_TOKEN) }))), "too long to be looked at");
    assert!(!claims_to_be("garbage"));
}
