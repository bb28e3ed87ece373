//! Messages written here, opened by rPGP and, where it is installed, by GnuPG.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use jiff::Timestamp;
use pgp::{
    composed::{
        ArmorOptions, Deserializable, DetachedSignature, EncryptionCaps, KeyType, Message, SecretKeyParamsBuilder,
        SignedPublicKey, SignedSecretKey, SubkeyParamsBuilder,
    },
    crypto::ecc_curve::ECCCurve,
    types::Password,
};

use super::*;
use crate::openpgp::generate_service_key;

fn recipient(encrypts: KeyType) -> (SignedSecretKey, RecipientKey) {
    let subkey = SubkeyParamsBuilder::default().key_type(encrypts).can_encrypt(EncryptionCaps::All).build().unwrap();
    let params = SecretKeyParamsBuilder::default()
        .key_type(KeyType::Ed25519Legacy)
        .can_certify(true)
        .can_sign(true)
        .primary_user_id("Recipient <recipient@example.com>".into())
        .subkey(subkey)
        .build()
        .unwrap();
    let secret = params.generate(rand::thread_rng()).unwrap();
    let public = secret.to_public_key().to_armored_string(ArmorOptions::default()).unwrap();
    (secret, RecipientKey::parse(&public, Timestamp::now()).unwrap())
}

fn service() -> ServiceKey {
    ServiceKey::parse(&generate_service_key("Waybill <waybill@example.com>", Timestamp::now()).unwrap()).unwrap()
}

/// Text that compresses like a report, not like zeros.
fn report(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 64);
    let mut state = 1_u64;
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(format!("{},tfr.debit,2024-05-01,{}\r\n", state >> 40, state % 977).as_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A source that yields pieces of odd sizes.
struct Odd<'a>(&'a [u8], usize);

impl Read for Odd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 * 31 % 100_003 + 1;
        let length = self.1.min(buffer.len()).min(self.0.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn encrypt(mut source: impl Read, recipients: &[RecipientKey], signer: &ServiceKey) -> Vec<u8> {
    let mut message = MessageWriter::begin(Vec::new(), ("rows.csv", Level::Fast), recipients, signer).unwrap();
    io::copy(&mut source, &mut message).unwrap();
    message.finish().unwrap()
}

fn decrypt(message: &[u8], with: &SignedSecretKey, signer: &ServiceKey) -> (Vec<u8>, String) {
    let (signer, _) = SignedPublicKey::from_string(&signer.public_armored().unwrap()).unwrap();
    let message = Message::from_bytes(message).unwrap();
    let mut message = message.decrypt(&Password::empty(), with).unwrap().decompress().unwrap();
    let mut plaintext = Vec::new();
    message.read_to_end(&mut plaintext).unwrap();
    message.verify(&signer).unwrap();
    let name = message.literal_data_header().unwrap().file_name();
    (plaintext, String::from_utf8(name.to_vec()).unwrap())
}

#[test]
fn a_long_stream_round_trips_to_every_recipient() {
    let recipients = [KeyType::X25519, KeyType::ECDH(ECCCurve::Curve25519Legacy), KeyType::Rsa(2048)].map(recipient);
    let keys: Vec<RecipientKey> = recipients.iter().map(|(_, key)| key.clone()).collect();
    let (signer, plaintext) = (service(), report(5_000_011));
    let message = encrypt(Odd(&plaintext, 1), &keys, &signer);
    assert!(message.len() < plaintext.len() * 2 / 3, "{} bytes are not compressed", message.len());
    for (secret, _) in &recipients {
        let (opened, name) = decrypt(&message, secret, &signer);
        assert!(opened == plaintext, "the plaintext changed");
        assert_eq!(name, "rows.csv");
    }
}

#[test]
fn small_and_empty_sources_round_trip() {
    let ((secret, key), signer) = (recipient(KeyType::X25519), service());
    for length in [0, 1, 511, 512, 65_535, 65_536, 65_537, 131_072] {
        let plaintext = report(length);
        let message = encrypt(plaintext.as_slice(), std::slice::from_ref(&key), &signer);
        assert!(decrypt(&message, &secret, &signer).0 == plaintext, "{length} bytes");
    }
}

/// Whoever needs the content's digest too takes the signature's.
#[test]
fn the_digest_so_far_is_that_of_what_was_written() {
    let (key, signer) = ([recipient(KeyType::X25519).1], service());
    let mut message = MessageWriter::begin(Vec::new(), ("a", Level::Fast), &key, &signer).unwrap();
    message.write_all(b"a").unwrap();
    message.write_all(b"bc").unwrap();
    let digest = message.sha256().unwrap().finish();
    assert_eq!(digest.as_ref(), aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"abc").as_ref());
}

#[test]
fn failures_of_the_sink_and_of_the_caller_are_told_apart() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("sink"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (key, signer) = ([recipient(KeyType::X25519).1], service());
    let sink = MessageWriter::begin(Broken, ("a", Level::Fast), &key, &signer).err().unwrap();
    assert!(matches!(&sink, Error::Write(error) if error.to_string() == "sink"), "{sink:?}");
    let none = MessageWriter::begin(io::sink(), ("a", Level::Fast), &[], &signer).err().unwrap();
    assert!(matches!(none, Error::Message(_)));
    let long = MessageWriter::begin(io::sink(), (&"a".repeat(256), Level::Fast), &key, &signer).err().unwrap();
    assert!(matches!(long, Error::Message(_)));
}

#[test]
fn a_detached_signature_verifies_over_its_bytes_only() {
    let signer = service();
    let (public, _) = SignedPublicKey::from_string(&signer.public_armored().unwrap()).unwrap();
    let signature = DetachedSignature::from_bytes(signer.sign_detached(b"body").unwrap().as_slice()).unwrap();
    signature.verify(&public, b"body").unwrap();
    assert!(signature.verify(&public, b"Body").is_err());
}

#[test]
fn unusable_service_keys_are_refused() {
    let public = service().public_armored().unwrap();
    assert!(ServiceKey::parse(&public).is_err());
    assert!(ServiceKey::parse("").is_err());
    let refused = |key: SignedSecretKey| {
        let parsed = ServiceKey::parse(&key.to_armored_string(ArmorOptions::default()).unwrap());
        assert!(matches!(parsed, Err(Error::ServiceKey(_))), "{parsed:?}");
    };
    let (mut locked, _) = recipient(KeyType::X25519);
    locked.primary_key.set_password(rand::thread_rng(), &"passphrase".into()).unwrap();
    refused(locked);
    let params = SecretKeyParamsBuilder::default()
        .key_type(KeyType::Rsa(2048))
        .can_certify(true)
        .can_sign(true)
        .primary_user_id("Short <short@example.com>".into())
        .build()
        .unwrap();
    refused(params.generate(rand::thread_rng()).unwrap());
}

/// A throwaway GnuPG home, or none (loudly) where GnuPG is not installed.
struct Gpg(std::path::PathBuf);

impl Gpg {
    fn new(name: &str) -> Option<Self> {
        if Command::new("gpg").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert_ne!(std::env::var("WAYBILL_COMPLETE").as_deref(), Ok("1"), "gpg is not installed");
            // Past the test harness, which keeps to itself what passing tests print.
            let skipped = b"SKIPPED: gpg is not installed, so nothing proves that GnuPG opens our messages\n";
            io::stderr().write_all(skipped).unwrap();
            return None;
        }
        let home = std::env::temp_dir().join(format!("waybill-gpg-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&home, private).unwrap();
        Some(Self(home))
    }

    /// Runs gpg over `input`; returns standard output and the status lines.
    fn run(&self, arguments: &[&str], input: &[u8]) -> (Vec<u8>, String) {
        let file = self.0.join("input");
        std::fs::write(&file, input).unwrap();
        let base = ["--batch", "--no-tty", "--trust-model", "always", "--status-fd", "2"];
        let mut command = Command::new("gpg");
        command.env("GNUPGHOME", &self.0).args(base).args(arguments).arg(&file);
        let output = command.output().unwrap();
        let status = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "gpg {arguments:?}: {status}");
        (output.stdout, status)
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(&self.0).args(["--kill", "all"]).status();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn gnupg_opens_a_message_and_finds_a_good_signature() {
    let Some(gpg) = Gpg::new("message") else { return };
    let recipients = [KeyType::ECDH(ECCCurve::Curve25519Legacy), KeyType::Rsa(2048)].map(recipient);
    let keys: Vec<RecipientKey> = recipients.iter().map(|(_, key)| key.clone()).collect();
    let signer = service();
    gpg.run(&["--import"], signer.public_armored().unwrap().as_bytes());
    for length in [0, 65_536, 3_000_017] {
        let plaintext = report(length);
        let message = encrypt(Odd(&plaintext, 3), &keys, &signer);
        for (secret, _) in &recipients {
            let secret_armored = secret.to_armored_string(ArmorOptions::default()).unwrap();
            let home = Gpg::new("recipient").unwrap();
            home.run(&["--import"], secret_armored.as_bytes());
            home.run(&["--import"], signer.public_armored().unwrap().as_bytes());
            let (opened, status) = home.run(&["--decrypt"], &message);
            assert!(opened == plaintext, "the plaintext changed at {length} bytes");
            assert!(status.contains("GOODMDC") && status.contains("GOODSIG"), "{status}");
            assert!(status.contains(&format!("VALIDSIG {}", signer.fingerprint())), "{status}");
            assert!(status.contains("rows.csv"), "{status}");
        }
    }
}

#[test]
fn gnupg_verifies_a_detached_signature() {
    let Some(gpg) = Gpg::new("detached") else { return };
    let signer = service();
    gpg.run(&["--import"], signer.public_armored().unwrap().as_bytes());
    let signature = gpg.0.join("signature");
    std::fs::write(&signature, signer.sign_detached(b"{\"body\":1}").unwrap()).unwrap();
    let (_, status) = gpg.run(&["--verify", &signature.to_string_lossy()], b"{\"body\":1}");
    assert!(status.contains(&format!("VALIDSIG {}", signer.fingerprint())), "{status}");
}
