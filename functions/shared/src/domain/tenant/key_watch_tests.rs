use EventKind::{RecipientKeyExpired as Expired, RecipientKeyExpiring as Expiring};
use proptest::prelude::*;

use super::*;

const DAY: i64 = 24 * 60 * 60;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn key(fingerprint: &str, expires: Option<i64>) -> RecipientKeyRecord {
    RecipientKeyRecord {
        fingerprint: fingerprint.to_owned(),
        armored: String::new(),
        algorithm: Some("RSA".to_owned()),
        bits: Some(4096),
        expires_at: expires.map(at),
        added_at: None,
        retired_at: None,
    }
}

fn over(keys: &[RecipientKeyRecord], before: Option<&KeyWatch>) -> KeyWatch {
    KeyWatch::over("acme", keys.iter(), before)
}

/// The watch after a look, and what was told: kind, key, and how many are left.
fn look(watch: &KeyWatch, seconds: i64) -> (KeyWatch, Vec<(EventKind, String, usize)>) {
    let Some((next, told)) = watch.looked_at(at(seconds)) else { return (watch.clone(), vec![]) };
    let told = told.into_iter().map(|(kind, notice)| (kind, notice.fingerprint, notice.active_keys_left));
    (next, told.collect())
}

#[test]
fn a_key_is_warned_of_when_thirty_days_are_left_and_told_of_at_its_end() {
    let end = 100 * DAY;
    let watch = over(&[key("A", Some(end))], None);
    assert_eq!(watch.due_at, Some(at(70 * DAY)));
    assert_eq!(look(&watch, 70 * DAY - 1).1, []);
    let (warned, told) = look(&watch, 70 * DAY);
    assert_eq!((told, warned.due_at), (vec![(Expiring, "A".to_owned(), 0)], Some(at(end))));
    assert_eq!(look(&warned, end - 1).1, [], "once");
    let (ended, told) = look(&warned, end);
    assert_eq!((told, ended.due_at), (vec![(Expired, "A".to_owned(), 0)], None));
    assert_eq!(look(&ended, end + DAY).1, []);
}

#[test]
fn a_key_that_comes_late_is_due_at_once_and_one_without_end_never() {
    let soon = over(&[key("A", Some(20 * DAY))], None);
    assert_eq!(soon.due_at, Some(at(-10 * DAY)));
    assert_eq!(look(&soon, 0).1, [(Expiring, "A".to_owned(), 0)]);
    assert_eq!(look(&soon, 20 * DAY).1, [(Expired, "A".to_owned(), 0)], "nobody looked in time: no warning any more");
    assert_eq!(over(&[key("B", None)], None).due_at, None);
}

#[test]
fn what_is_left_are_the_keys_that_outlive_it() {
    let keys = [key("A", Some(100 * DAY)), key("B", Some(100 * DAY)), key("C", Some(101 * DAY)), key("D", None)];
    let (warned, told) = look(&over(&keys, None), 70 * DAY);
    assert_eq!(told, [(Expiring, "A".to_owned(), 2), (Expiring, "B".to_owned(), 2)]);
    assert_eq!(warned.due_at, Some(at(71 * DAY)), "of C");
    let (_, told) = look(&warned, 200 * DAY);
    assert!(told.iter().all(|(kind, _, left)| (*kind, *left) == (Expired, 1)), "{told:?}");
}

#[test]
fn other_changes_of_a_tenant_tell_nothing_again() {
    let keys = [key("A", Some(20 * DAY))];
    let (warned, _) = look(&over(&keys, None), 0);
    assert_eq!(over(&keys, Some(&warned)), warned);
    let (both, told) = look(&over(&[keys[0].clone(), key("B", Some(25 * DAY))], Some(&warned)), 1);
    assert_eq!(told, [(Expiring, "B".to_owned(), 0)]);
    assert_eq!(both.due_at, Some(at(20 * DAY)));
}

#[test]
fn a_renewed_key_is_watched_anew() {
    let (warned, _) = look(&over(&[key("A", Some(20 * DAY))], None), 0);
    let renewed = over(&[key("A", Some(400 * DAY))], Some(&warned));
    assert_eq!(renewed.due_at, Some(at(370 * DAY)));
    assert_eq!(look(&renewed, 20 * DAY).1, []);
    assert_eq!(look(&renewed, 370 * DAY).1, [(Expiring, "A".to_owned(), 0)]);
    let unlimited = over(&[key("A", None)], Some(&warned));
    assert_eq!((unlimited.due_at, unlimited.keys[0].stage), (None, Stage::Valid));
}

#[test]
fn a_retired_key_is_watched_no_more_and_comes_again_as_a_new_one() {
    let keys = [key("A", Some(20 * DAY))];
    let (warned, _) = look(&over(&keys, None), 0);
    let retired = over(&[], Some(&warned));
    assert_eq!((retired.due_at, look(&retired, 20 * DAY).1), (None, vec![]));
    let back = over(&keys, Some(&retired));
    assert_eq!(look(&back, DAY).1, [(Expiring, "A".to_owned(), 0)]);
}

proptest! {
    /// However often it is looked at, and when: each stage of each key is told at most once, in order, and the end
    /// always.
    #[test]
    fn nothing_is_told_twice_or_forgotten(
        ends in prop::collection::vec(prop::option::of(0..80 * DAY), 1..4),
        mut looks in prop::collection::vec(0..80 * DAY, 0..20),
    ) {
        let keys: Vec<_> = ends.iter().enumerate().map(|(n, end)| key(&n.to_string(), *end)).collect();
        looks.sort_unstable();
        looks.push(81 * DAY);
        let mut watch = over(&keys, None);
        let mut told = Vec::new();
        for seconds in looks {
            let (next, now_told) = look(&watch, seconds);
            prop_assert_eq!(now_told.is_empty(), watch.due_at.is_none_or(|due| due > at(seconds)), "due when it is");
            told.extend(now_told);
            watch = over(&keys, Some(&next));
            prop_assert_eq!(&watch, &next);
        }
        prop_assert_eq!(watch.due_at, None);
        for key in &keys {
            let of_key: Vec<EventKind> =
                told.iter().filter(|(_, of, _)| *of == key.fingerprint).map(|(kind, ..)| *kind).collect();
            let ended = key.expires_at.is_some();
            prop_assert!(of_key == [Expiring, Expired][..] || of_key == [Expired][..] || !ended, "{of_key:?}");
            prop_assert!(ended || of_key.is_empty());
        }
    }
}
