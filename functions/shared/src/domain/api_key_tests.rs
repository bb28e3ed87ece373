use proptest::prelude::*;

use super::*;

const SECRET: &str = "abcdefghijklmnopqrstuvwxyz-_ABCDEFGHIJKLMNO";

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn presented() -> Presented {
    Presented::new("acme", ApiKeyId::new(uuid::Uuid::from_u128(7)), Secret::new(SECRET.to_owned()))
}

fn recorded() -> ApiKey {
    ApiKey {
        id: presented().id,
        tenant: "acme".to_owned(),
        name: "erp".to_owned(),
        scopes: vec![Scope::ReportsRead],
        secret_sha256: presented().secret_sha256(),
        created_at: now(),
        created_by: "somebody".to_owned(),
        expires_at: now() + SignedDuration::from_hours(1),
        revoked_at: None,
        last_used_at: None,
    }
}

#[test]
fn a_key_is_read_back_from_its_text() {
    let text = presented().text();
    assert_eq!(text.expose(), &format!("wbk_acme_00000000000000000000000000000007_{SECRET}"));
    assert_eq!(Presented::parse(text.expose()), Some(presented()));
}

#[test]
fn other_texts_are_no_keys() {
    let good = presented().text().expose().clone();
    let id = "00000000000000000000000000000007";
    for bad in [
        String::new(),
        "wbk_".to_owned(),
        "wbk___".to_owned(),
        good.replacen("wbk_", "WBK_", 1),
        good.replacen("wbk_", "", 1),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}A"),
        good[..good.len() - 1].to_owned(),
        good.replacen("acme", "", 1),
        good.replacen("acme", "Acme", 1),
        good.replacen("acme", "ac_me", 1),
        good.replacen("acme", "-acme", 1),
        good.replacen("acme", &"a".repeat(65), 1),
        good.replacen(id, &id.replace('7', "g"), 1),
        good.replacen(id, &id.replace('7', "A"), 1),
        good.replacen(id, &id[1..], 1),
        good.replacen(id, &format!("key_{id}"), 1),
        good.replacen(SECRET, &SECRET.replace('-', "+"), 1),
        good.replacen(SECRET, &SECRET.replace('O', "="), 1),
        good.replacen(SECRET, &SECRET.replace('O', "é"), 1),
    ] {
        assert_eq!(Presented::parse(&bad), None, "{bad}");
    }
}

#[test]
fn a_key_is_good_until_it_ends() {
    let moment = SignedDuration::from_nanos(1);
    let key = recorded();
    let end = key.expires_at;
    assert_eq!(presented().verify(Some(&key), now()), Ok(&key));
    assert_eq!(presented().verify(Some(&key), end - moment), Ok(&key));
    assert_eq!(presented().verify(Some(&key), end), Err(Refused::Expired));
    assert!(key.is_live(end - moment) && !key.is_live(end));

    let revoked = key.revoked(now()).unwrap();
    assert_eq!(presented().verify(Some(&revoked), now()), Err(Refused::Revoked));
    assert_eq!(revoked.revoked(now() + moment), None, "the first time stays");
    assert!(!revoked.is_live(now()));
    assert_eq!((key.ends_at(), revoked.ends_at()), (end, now()));
    assert_eq!(key.revoked(end + moment).unwrap().ends_at(), end);
}

#[test]
fn only_the_recorded_key_is_good() {
    let key = recorded();
    assert_eq!(presented().verify(None, now()), Err(Refused::Unknown));
    let other_tenant = ApiKey { tenant: "globex".to_owned(), ..key.clone() };
    assert_eq!(presented().verify(Some(&other_tenant), now()), Err(Refused::Unknown));
    let other_id = ApiKey { id: ApiKeyId::generate(), ..key.clone() };
    assert_eq!(presented().verify(Some(&other_id), now()), Err(Refused::Unknown));
    // Nobody who lacks the secret learns from the log that the rest is right.
    let ended = ApiKey { revoked_at: Some(now()), secret_sha256: sha256_hex(b"another"), ..key };
    assert_eq!(presented().verify(Some(&ended), now()), Err(Refused::Secret));
}

#[test]
fn a_use_is_written_down_once_in_a_while() {
    let key = recorded();
    let used = key.used(now()).unwrap();
    assert_eq!(used, ApiKey { last_used_at: Some(now()), ..key });
    assert_eq!(used.used(now()), None);
    assert_eq!(used.used(now() + USE_STEP - SignedDuration::from_nanos(1)), None);
    assert_eq!(used.used(now() + USE_STEP).unwrap().last_used_at, Some(now() + USE_STEP));
}

#[test]
fn the_secret_is_never_printed() {
    assert!(!format!("{:?}", presented()).contains(&SECRET[..8]));
    assert!(!format!("{:?} {}", presented().text(), presented().text()).contains(&SECRET[..8]));
    assert!(!serde_json::to_string(&recorded()).unwrap().contains(SECRET));
}

proptest! {
    #[test]
    fn text_round_trips(tenant in "[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", id: u128, secret in "[A-Za-z0-9_-]{43}") {
        let key = Presented::new(&tenant, ApiKeyId::new(uuid::Uuid::from_u128(id)), Secret::new(secret));
        prop_assert_eq!(Presented::parse(key.text().expose()), Some(key));
    }

    #[test]
    fn any_text_is_read_without_a_panic_and_only_in_its_one_form(text in "(wbk_)?[a-f0-9_é-]{0,120}|\\PC{0,60}") {
        if let Some(key) = Presented::parse(&text) {
            let again = key.text();
            prop_assert_eq!(again.expose(), &text);
        }
    }

    #[test]
    fn one_changed_character_of_the_secret_is_another_key(at in 0..SECRET_LENGTH, to in "[A-Za-z0-9_-]") {
        let mut secret = SECRET.to_owned();
        secret.replace_range(at..=at, &to);
        let key = Presented::new("acme", presented().id, Secret::new(secret.clone()));
        let recorded = recorded();
        prop_assert_eq!(key.verify(Some(&recorded), now()).is_ok(), secret == SECRET);
    }
}
