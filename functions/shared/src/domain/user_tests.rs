use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

/// A user that can log in.
pub fn user() -> User {
    User {
        id: UserId::generate(),
        tenant: "acme".to_owned(),
        identity: UserIdentity::parse("erp@acme").unwrap(),
        scopes: vec![Scope::ReportsRead],
        password_hash: hash("one"),
        password_changed_at: at(0),
        stamp: Uuid::from_u128(1),
        disabled_at: None,
        created_at: at(0),
        created_by: "an admin".to_owned(),
        last_login_at: None,
    }
}

fn as_it_is() -> Wanted {
    Wanted { scopes: vec![Scope::ReportsRead], disabled: false, password: None }
}

const FRESH: Uuid = Uuid::from_u128(2);

#[test]
fn identities_are_ascii_and_of_one_case() {
    for (text, expected) in [("abc", "abc"), ("ERP@Acme.example", "erp@acme.example"), ("+27-84_112", "+27-84_112")] {
        assert_eq!(UserIdentity::parse(text).unwrap().as_str(), expected);
    }
    assert!(UserIdentity::parse(&"a".repeat(40)).is_ok());
    for bad in ["", "ab", &"a".repeat(41), "a b c", "a/bc", "ärger", "аdmin", "a\u{0}bc", "İstanbul", "abc\n", "a#bc"]
    {
        assert_eq!(UserIdentity::parse(bad), Err(NoIdentity), "{bad:?}");
    }
}

#[test]
fn passwords_are_long_and_not_the_first_guess() {
    let identity = UserIdentity::parse("Erp").unwrap();
    for good in ["correct horse", "pässwörter ☃☃☃", &"abcde".repeat(51)] {
        assert_eq!(check_password(good, &identity), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("", Weak::Length),
        ("elevenchars", Weak::Length),
        (&*"abcdef".repeat(43), Weak::Length),
        ("with\ta control", Weak::Unprintable),
        ("with\u{7f}delete...", Weak::Unprintable),
        ("aaaaaaaaaaaaaaaa", Weak::Monotonous),
        ("my ERP password", Weak::Identity),
    ] {
        assert_eq!(check_password(bad, &identity), Err(why), "{bad:?}");
    }
}

#[test]
fn what_ends_sessions_gives_a_new_stamp() {
    let user = user();
    let scoped = user.changed(Wanted { scopes: vec![], ..as_it_is() }, FRESH, at(9));
    assert_eq!((scoped.stamp, user.changes(&scoped)), (user.stamp, vec!["scopes"]));
    let renewed = user.changed(Wanted { password: Some(hash("two")), ..as_it_is() }, FRESH, at(9));
    assert_eq!((renewed.stamp, renewed.password_changed_at, user.changes(&renewed)), (FRESH, at(9), vec!["password"]));
    let disabled = user.changed(Wanted { disabled: true, ..as_it_is() }, FRESH, at(9));
    assert_eq!((disabled.disabled_at, user.changes(&disabled)), (Some(at(9)), vec!["disabled"]));
    assert!(!disabled.admits(user.stamp) && !disabled.admits(FRESH));
    assert_eq!(disabled.changed(Wanted { disabled: true, ..as_it_is() }, Uuid::max(), at(20)), disabled);
    let back = disabled.changed(as_it_is(), Uuid::max(), at(20));
    assert!(back.admits(FRESH) && !back.admits(user.stamp), "sessions of before do not come back");
    assert_eq!(user.changed(as_it_is(), FRESH, at(9)), user);
}

#[test]
fn logging_in_ends_no_session() {
    let user = user();
    let seen = user.logged_in(None, at(5));
    assert_eq!(seen, User { last_login_at: Some(at(5)), ..user.clone() });
    let rehashed = user.logged_in(Some(hash("stronger")), at(5));
    assert!(rehashed.admits(user.stamp) && rehashed.password_hash == hash("stronger"));
    assert!(!user.clone().logged_out(FRESH).admits(user.stamp));
}

#[test]
fn a_hash_is_never_printed() {
    assert!(!format!("{:?}", User { password_hash: hash("$argon2id$"), ..user() }).contains("argon2"));
}

proptest! {
    #[test]
    fn any_text_is_judged(text: String) {
        if let Ok(identity) = UserIdentity::parse(&text) {
            prop_assert_eq!(UserIdentity::parse(identity.as_str()), Ok(identity.clone()));
            prop_assert!(identity.as_str().is_ascii() && (3..=40).contains(&identity.as_str().len()));
        }
        let _ = check_password(&text, &UserIdentity::parse("erp").unwrap());
    }
}
