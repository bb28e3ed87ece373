use jiff::SignedDuration;
use serde_json::json;

use super::*;

fn at(days: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days)
}

fn key(fingerprint: &str, bits: u32, expires: Option<i64>) -> RecipientKeyRecord {
    RecipientKeyRecord {
        fingerprint: fingerprint.to_owned(),
        armored: String::new(),
        algorithm: Some("RSA".to_owned()),
        bits: Some(bits),
        expires_at: expires.map(at),
        added_at: None,
        retired_at: None,
    }
}

fn tenant(keys: &[RecipientKeyRecord]) -> Stored<Tenant> {
    let row = json!({
        "id": "acme", "name": "Acme", "presenter_id": "00000000-0000-0000-0000-000000000000", "packaging": "openpgp",
        "recipient_keys": keys, "retention_hours": null, "identities": [], "webhook_secret_sealed": "",
        "created_at": Timestamp::UNIX_EPOCH,
    });
    Stored { row: serde_json::from_value(row).unwrap(), revision: 1 }
}

#[test]
fn warnings_name_active_keys_that_end() {
    let retired = RecipientKeyRecord { retired_at: Some(at(1)), ..key("R", 4096, Some(10)) };
    let keys = [key("A", 4096, Some(40)), key("B", 4096, Some(50)), key("C", 4096, None), retired];
    let tenant = tenant(&keys).row;
    let named =
        |days| -> Vec<bool> { warnings(&tenant, at(days)).iter().map(|text| text.contains("expires at")).collect() };
    assert_eq!(named(9), [false; 0]);
    assert_eq!(named(10), [true], "thirty days before the first");
    assert_eq!(named(45), [false, true], "one has ended");
    assert!(warnings(&tenant, at(45))[0].contains("key A expired at 1970-02-10T00:00:00Z"));
}

#[test]
fn a_floor_is_held_by_what_is_sent_and_by_what_stays() {
    let before = tenant(&[key("STRONG", 4096, None), key("WEAK", 2048, None)]);
    let pointers = |wanted: Option<Vec<(String, WantedKey)>>| -> Vec<(String, bool)> {
        let faults = below_floor((KeyFloor::Rsa4096, &Interfaces::default()), wanted.as_deref(), Some(&before));
        assert!(faults.iter().all(|fault| fault.code == "recipient_key_below_floor"));
        faults.into_iter().map(|fault| (fault.pointer, fault.detail.contains("WEAK"))).collect()
    };
    let known = |fingerprint: &str| ("/recipient_keys/0".to_owned(), WantedKey::Known(fingerprint.to_owned()));
    let sent = |bits| ("/recipient_keys/1".to_owned(), WantedKey::Sent(key("NEW", bits, None)));
    let floor = ("/recipient_key_floor".to_owned(), true);
    assert_eq!(pointers(None), std::slice::from_ref(&floor), "the keys stay as they are");
    assert_eq!(pointers(Some(vec![known("WEAK")])), [floor]);
    assert_eq!(pointers(Some(vec![known("STRONG"), sent(4096)])), [], "replaced in the same call");
    assert_eq!(pointers(Some(vec![sent(3072)])), [("/recipient_keys/1".to_owned(), false)]);
    assert!(below_floor((KeyFloor::Any, &Interfaces::default()), None, Some(&before)).is_empty());
    assert!(below_floor((KeyFloor::Rsa4096, &Interfaces::default()), None, None).is_empty());
}

#[test]
fn the_interface_that_raises_the_floor_is_named() {
    let before = tenant(&[key("WEAK", 2048, None)]);
    let tesouro = Interfaces { tesouro: Some(waybill::domain::interface::Tesouro {}), ..Interfaces::default() };
    let faults = below_floor((KeyFloor::Any, &tesouro), None, Some(&before));
    assert_eq!(faults[0].pointer, "/interfaces/tesouro");
    assert_eq!(below_floor((KeyFloor::Any, &tesouro), Some(&[]), Some(&before)), [], "replaced by none");
}
