use proptest::prelude::*;
use serde_json::Value;
use standardwebhooks::Webhook;
use waybill::{
    openpgp::{ServiceKey, generate_service_key},
    webhook_key::{self, StoredKeys, WebhookKeys},
};

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn webhook_keys() -> WebhookKeys {
    let ring = webhook_key::generate().unwrap();
    serde_json::from_value::<StoredKeys>(ring.expose().clone()).unwrap().try_into().unwrap()
}

pub fn service() -> SigningKeys {
    let openpgp = ServiceKey::parse(&generate_service_key("service", Timestamp::now()).unwrap()).unwrap();
    SigningKeys { openpgp, webhook: Some(webhook_keys()) }
}

/// As the release before had it.
fn without_webhook_keys() -> SigningKeys {
    SigningKeys { webhook: None, ..service() }
}

fn now_message<'a>(id: &'a str, body: &'a [u8]) -> Message<'a> {
    Message { id, now: Timestamp::now(), body }
}

/// The part of the header that begins so, without that beginning.
fn entries<'a>(headers: &'a HeaderMap, version: &str) -> Vec<&'a str> {
    let all = headers[SIGNATURE].to_str().unwrap().split(' ');
    all.filter_map(|entry| entry.split_once(',')).filter(|entry| entry.0 == version).map(|entry| entry.1).collect()
}

fn verifies_v1a(set: &Value, signed: &[u8], signature: &str) -> bool {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let public = BASE64_URL_SAFE_NO_PAD.decode(set["keys"][0]["x"].as_str().unwrap()).unwrap();
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public);
    key.verify(signed, &BASE64_STANDARD.decode(signature).unwrap()).is_ok()
}

#[test]
fn the_published_vector() {
    let now = Timestamp::from_second(1_614_265_330).unwrap();
    let message = Message { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", now, body: br#"{"test": 2432232314}"# };
    let headers = headers(message, &[secret(SECRET)], &without_webhook_keys(), Profile::Waybill).unwrap();
    assert_eq!(headers[ID], "msg_p5jXN8AQM9LWM0D4loKWxJek");
    assert_eq!(headers[TIMESTAMP], "1614265330");
    assert_eq!(headers[SIGNATURE], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/// Eclipse's own documentation has it.
#[test]
fn the_published_vector_of_eclipse() {
    let body = br#"{"alias":"bluXSSCPCZ","cardOnFileId":"8e2c86a5-1acf-48b7-aa70-11a1b18c0d84","last4Digits":"0028"}"#;
    let now = Timestamp::from_millisecond(1_625_602_409_535).unwrap();
    let header = eclipse(Message { id: "dlv_1", now, body }, &[secret("HelloWorld")]);
    assert_eq!(header, "t=1625602409535,v1=b2+TTx2JbaHqeM67fpRye30Go1vdyvyGdoljBqdL9Rg=");
}

#[test]
fn either_secret_verifies_during_rotation_and_so_does_the_public_key() {
    let other = format!("whsec_{}", BASE64_STANDARD.encode([7; 24]));
    let (service, message) = (service(), now_message("dlv_1", b"{}"));
    let headers = headers(message, &[secret(SECRET), secret(&other)], &service, Profile::Waybill).unwrap();
    for text in [SECRET, &other] {
        Webhook::new(text).unwrap().verify(b"{}", &headers).unwrap();
    }
    let third = Webhook::new(&format!("whsec_{}", BASE64_STANDARD.encode([8; 24]))).unwrap();
    assert!(third.verify(b"{}", &headers).is_err());

    assert_eq!((entries(&headers, "v1").len(), entries(&headers, "v1a").len()), (2, 1));
    let signed = format!("dlv_1.{}.{{}}", message.now.as_second());
    let public = service.webhook.unwrap().public_set();
    assert!(verifies_v1a(&public, signed.as_bytes(), entries(&headers, "v1a")[0]));
    assert!(!verifies_v1a(&public, b"another", entries(&headers, "v1a")[0]));
    assert!(!verifies_v1a(&webhook_keys().public_set(), signed.as_bytes(), entries(&headers, "v1a")[0]));
}

#[test]
fn only_its_profile_adds_a_signature() {
    let service = service();
    for profile in Profile::ALL {
        let headers = headers(now_message("dlv_1", b"{}"), &[secret(SECRET)], &service, profile).unwrap();
        assert_eq!(headers.contains_key(OPENPGP_SIGNATURE), profile == Profile::Tesouro);
        assert_eq!(headers.contains_key(ECLIPSE_SIGNATURE), profile == Profile::Eclipse);
        Webhook::new(SECRET).unwrap().verify(b"{}", &headers).unwrap();
    }
}

#[test]
fn eclipse_gets_a_signature_for_each_live_secret() {
    let header = eclipse(now_message("dlv_1", b"{}"), &[secret("a"), secret("b")]);
    assert_eq!(header.matches(",v1=").count(), 2);
    assert!(header.starts_with("t="), "{header}");
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let service = without_webhook_keys();
    let refused = |id: &str, secrets: &[Secret<String>]| {
        headers(now_message(id, b""), secrets, &service, Profile::Waybill).unwrap_err()
    };
    assert_eq!(refused("a", &[]), SignError::NoSecret);
    assert_eq!(refused("a.b", &[secret(SECRET)]), SignError::Id);
    assert_eq!(refused("a\nb", &[secret(SECRET)]), SignError::Id);
    for text in ["", "whsec_", "whsec_*", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert_eq!(refused("a", &[secret(text)]), SignError::Secret, "{text}");
    }
}

proptest! {
    #[test]
    fn the_official_library_verifies_any_message(id in "[a-z0-9_]{1,40}", body: String, key: [u8; 24], other: [u8; 24]) {
        thread_local!(static SERVICE: SigningKeys = service());
        let [one, two] = [key, other].map(|key| format!("whsec_{}", BASE64_STANDARD.encode(key)));
        let message = now_message(&id, body.as_bytes());
        let headers = SERVICE.with(|service| {
            headers(message, &[secret(&one), secret(&two)], service, Profile::Waybill).unwrap()
        });
        for text in [one, two] {
            prop_assert!(Webhook::new(&text).unwrap().verify(body.as_bytes(), &headers).is_ok());
        }
        let signed = format!("{id}.{}.{body}", message.now.as_second());
        let public = SERVICE.with(|service| service.webhook.as_ref().unwrap().public_set());
        prop_assert!(verifies_v1a(&public, signed.as_bytes(), entries(&headers, "v1a")[0]));
    }

    /// A body with one bit turned verifies by no signature.
    #[test]
    fn a_changed_body_verifies_by_nothing(body in "[ -~]{1,80}", at: prop::sample::Index, bit in 0..7_u8) {
        thread_local!(static SERVICE: SigningKeys = service());
        let mut changed = body.clone().into_bytes();
        changed[at.index(body.len())] ^= 1 << bit;
        let message = now_message("dlv_1", body.as_bytes());
        let headers = SERVICE.with(|service| headers(message, &[secret(SECRET)], service, Profile::Waybill).unwrap());
        prop_assert!(Webhook::new(SECRET).unwrap().verify(&changed, &headers).is_err());
        let mut signed = format!("dlv_1.{}.", message.now.as_second()).into_bytes();
        signed.append(&mut changed);
        let public = SERVICE.with(|service| service.webhook.as_ref().unwrap().public_set());
        prop_assert!(!verifies_v1a(&public, &signed, entries(&headers, "v1a")[0]));
    }
}
