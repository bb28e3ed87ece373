//! Certificates made by GnuPG 2.2.40 under `testdata/`, dated 2024-01-01, and private keys made here.

use pgp::composed::{
    ArmorOptions, EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder,
};

use super::*;

macro_rules! testdata {
    ($name:literal) => {
        include_str!(concat!("../testdata/", $name, ".asc"))
    };
}

const IN_2024: i64 = 1_710_000_000;
const IN_2026: i64 = 1_770_000_000;

fn parse_at(armored: &str, seconds: i64) -> Result<RecipientKey, KeyFault> {
    RecipientKey::parse(armored, Timestamp::from_second(seconds).unwrap())
}

fn fault(armored: &str) -> KeyFault {
    parse_at(armored, IN_2026).unwrap_err()
}

fn secret_key(primary: KeyType, subkey: Option<KeyType>) -> SignedSecretKey {
    let subkeys = subkey.into_iter().map(|key_type| {
        SubkeyParamsBuilder::default().key_type(key_type).can_encrypt(EncryptionCaps::All).build().unwrap()
    });
    let params = SecretKeyParamsBuilder::default()
        .key_type(primary)
        .can_certify(true)
        .can_sign(true)
        .primary_user_id("Test <test@example.com>".into())
        .subkeys(subkeys.collect())
        .build()
        .unwrap();
    params.generate(rand::thread_rng()).unwrap()
}

#[test]
fn usable_certificates_tell_what_they_are() {
    let cases = [
        (testdata!("curve25519-certified"), "Curve25519", 255, "B86ED5DB45505AAB8298498B9168E5E16638B606"),
        (testdata!("nist-p256"), "NIST P-256", 256, "CD5A056B3E243BFA697167AE614BC0A8AE536EBA"),
        (testdata!("rsa4096"), "RSA", 4096, "57E4A374C3093F818D97F2694C8A4F6DB10B5C40"),
    ];
    for (armored, algorithm, bits, fingerprint) in cases {
        let key = parse_at(armored, IN_2026 + 86_400 * 365).unwrap();
        assert_eq!((key.algorithm(), key.bits(), key.fingerprint()), (algorithm, bits, fingerprint));
        assert_eq!(key.expires_at(), None);
    }
}

#[test]
fn an_rsa_primary_key_that_may_encrypt_does() {
    let key = parse_at(testdata!("rsa3072-primary"), IN_2026).unwrap();
    assert_eq!((key.algorithm(), key.bits()), ("RSA", 3072));
    assert!(matches!(key.part, Part::Primary(_)));
}

#[test]
fn expiry_counts_at_the_time_of_asking_and_can_be_extended() {
    let expired = testdata!("expired");
    let at: Timestamp = "2024-12-31T00:00:00Z".parse().unwrap();
    assert_eq!(parse_at(expired, IN_2024).unwrap().expires_at(), Some(at));
    assert_eq!(fault(expired), KeyFault::Expired { at });
    // The newer self-signatures govern: primary until 2090, subkey until 2080.
    let extended = parse_at(testdata!("extended"), IN_2026).unwrap();
    assert_eq!(extended.expires_at().unwrap().strftime("%Y").to_string(), "2080");
}

#[test]
fn unusable_certificates_are_refused_with_their_fault() {
    assert_eq!(fault(testdata!("revoked")), KeyFault::Revoked);
    assert_eq!(fault(testdata!("subkey-revoked")), KeyFault::Revoked);
    assert_eq!(fault(testdata!("sign-only")), KeyFault::NoEncryptionKey);
    assert_eq!(fault(testdata!("certify-only")), KeyFault::NoEncryptionKey);
    assert_eq!(fault(testdata!("weak")), KeyFault::Weak { bits: 1024 });
    let two = concat!(testdata!("sign-only"), testdata!("nist-p256"));
    assert_eq!(fault(two), KeyFault::SeveralKeys);
    for text in ["", "key", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n"] {
        assert_eq!(fault(text), KeyFault::NotAKey, "{text}");
    }
    assert_eq!(fault(&"x".repeat(MAX_ARMORED_BYTES + 1)), KeyFault::NotAKey);
}

#[test]
fn secret_material_is_refused_whatever_the_armor_says() {
    let secret = secret_key(KeyType::Ed25519Legacy, Some(KeyType::X25519));
    let armored = secret.to_armored_string(ArmorOptions::default()).unwrap();
    assert_eq!(fault(&armored), KeyFault::PrivateKey);
    assert_eq!(fault(&armored.replace("PRIVATE KEY BLOCK", "PUBLIC KEY BLOCK")), KeyFault::PrivateKey);
    assert!(!format!("{:?}", fault(&armored)).contains("xV"), "nothing of the key is repeated");
}

#[test]
fn keys_in_the_newer_encoding_are_accepted() {
    for (subkey, algorithm) in [(KeyType::X25519, "X25519"), (KeyType::Rsa(2048), "RSA")] {
        let public = secret_key(KeyType::Ed25519, Some(subkey)).to_public_key();
        let armored = public.to_armored_string(ArmorOptions::default()).unwrap();
        let key = RecipientKey::parse(&armored, Timestamp::now()).unwrap();
        assert_eq!(key.algorithm(), algorithm);
    }
}

#[test]
fn a_certificate_whose_signatures_are_not_its_own_is_refused() {
    let mut public = secret_key(KeyType::Ed25519Legacy, Some(KeyType::X25519)).to_public_key();
    let other = secret_key(KeyType::Ed25519Legacy, Some(KeyType::X25519)).to_public_key();
    let genuine = public.public_subkeys.clone();
    // Somebody else's subkey grafted on, to read the messages.
    public.public_subkeys = other.public_subkeys;
    assert_eq!(fault(&public.to_armored_string(ArmorOptions::default()).unwrap()), KeyFault::NoEncryptionKey);
    public.public_subkeys = genuine;
    public.details = other.details;
    assert_eq!(fault(&public.to_armored_string(ArmorOptions::default()).unwrap()), KeyFault::SelfSignature);
}

proptest::proptest! {
    #[test]
    fn arbitrary_and_mutilated_text_never_panics(text: String, at: proptest::sample::Index, with: char) {
        let _ = parse_at(&text, IN_2026);
        let mut mutilated: Vec<char> = testdata!("curve25519-certified").chars().collect();
        let at = at.index(mutilated.len());
        mutilated[at] = with;
        let _ = parse_at(&mutilated.into_iter().collect::<String>(), IN_2026);
    }
}
