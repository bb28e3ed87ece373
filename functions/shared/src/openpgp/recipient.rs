//! Recipients' certificates.

use std::fmt;

use jiff::Timestamp;
use pgp::{
    armor::Dearmor,
    composed::{Deserializable, RawSessionKey, SignedPublicKey, SignedPublicSubKey},
    crypto::sym::SymmetricKeyAlgorithm,
    packet::{PacketParser, PacketTrait, PublicKey, PublicKeyEncryptedSessionKey, PublicSubkey},
    ser::Serialize,
    types::{EcdhPublicParams, EncryptionKey, KeyDetails, KeyVersion, PublicParams, Tag},
};

use super::{Error, packet_bytes, standing};

/// More than any certificate with its third-party signatures needs.
const MAX_ARMORED_BYTES: usize = 256 * 1024;
const MIN_RSA_BITS: u32 = 2048;

/// Why a text is not accepted as a recipient's key. The texts are for the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not one armored OpenPGP public key block of reasonable size.
    #[error("not an ASCII-armored OpenPGP public key")]
    NotAKey,
    /// It holds secret key material, which nobody should have sent.
    #[error("this is a private key: keep it secret, register the public key only")]
    PrivateKey,
    /// More than one certificate.
    #[error("more than one key: register them one by one")]
    SeveralKeys,
    /// No valid signature of its own binds the key.
    #[error("the key's self-signature is missing or broken")]
    SelfSignature,
    /// The key, or every encryption subkey of it, is revoked.
    #[error("the key is revoked")]
    Revoked,
    /// The key, or every encryption subkey of it, has expired.
    #[error("the key expired at {at}")]
    Expired {
        /// End of its validity.
        at: Timestamp,
    },
    /// It cannot encrypt at all, only sign.
    #[error("the key has no encryption subkey")]
    NoEncryptionKey,
    /// RSA that is too short.
    #[error("RSA with {bits} bits is too weak: at least {MIN_RSA_BITS} are needed")]
    Weak {
        /// Length of its modulus.
        bits: u32,
    },
    /// An algorithm or key version that this service cannot encrypt to.
    #[error("the key's algorithm or version is not supported: use RSA, Curve25519, X25519 or a NIST curve")]
    Unsupported,
}

/// A certificate to which messages can be encrypted.
#[derive(Clone)]
pub struct RecipientKey {
    part: Part,
    fingerprint: String,
    algorithm: &'static str,
    bits: u32,
    expires_at: Option<Timestamp>,
}

/// The key inside the certificate that encrypts.
#[derive(Clone)]
enum Part {
    Primary(PublicKey),
    Subkey(PublicSubkey),
}

impl RecipientKey {
    /// Reads one armored certificate and chooses the newest key in it that may encrypt at `now`.
    ///
    /// # Errors
    /// A [`KeyFault`] if no message to it could be opened, or if it is not a public key alone.
    pub fn parse(armored: &str, now: Timestamp) -> Result<Self, KeyFault> {
        let certificate = read_certificate(armored)?;
        let primary = &certificate.primary_key;
        let now = now.as_second();
        if !matches!(primary.version(), KeyVersion::V4 | KeyVersion::V6) {
            return Err(KeyFault::Unsupported);
        }
        let standing = standing::of_primary(primary, &certificate.details, now).ok_or(KeyFault::SelfSignature)?;
        check(&standing, now)?;

        let (part, part_expires_at) = match choose_subkey(&certificate, now) {
            Ok((subkey, expires_at)) => (Part::Subkey(subkey.key.clone()), expires_at),
            // Old RSA certificates encrypt with the primary key, if its flags say so.
            Err(fault) if standing.flags.is_none() || !standing.may_encrypt() => return Err(fault),
            Err(_) => (Part::Primary(primary.clone()), None),
        };
        let (algorithm, bits) = match &part {
            Part::Primary(key) => strength(key)?,
            Part::Subkey(key) => strength(key)?,
        };
        let expires_at = [standing.expires_at, part_expires_at].into_iter().flatten().min().map(timestamp);
        let fingerprint = format!("{:X}", primary.fingerprint());
        Ok(Self { part, fingerprint, algorithm, bits, expires_at })
    }

    /// Fingerprint of the certificate, upper-case hex as GnuPG prints it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Algorithm of the key that encrypts: `RSA`, `Curve25519`, `X25519`, `X448`, `NIST P-256` and so on.
    pub const fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// Key length in bits (of the field, for curves).
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// When it can no longer be encrypted to; none: never.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// The packet that gives this recipient the session key.
    pub(super) fn session_key_packet(&self, session_key: &[u8; 32]) -> Result<Vec<u8>, Error> {
        match &self.part {
            Part::Primary(key) => encrypt_session_key(key, session_key),
            Part::Subkey(key) => encrypt_session_key(key, session_key),
        }
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientKey({} {}-{})", self.fingerprint, self.algorithm, self.bits)
    }
}

fn encrypt_session_key(key: &impl EncryptionKey, session_key: &[u8; 32]) -> Result<Vec<u8>, Error> {
    let session_key = RawSessionKey::from(session_key.as_slice());
    let algorithm = SymmetricKeyAlgorithm::AES256;
    let packet = PublicKeyEncryptedSessionKey::from_session_key_v3(rand::thread_rng(), &session_key, algorithm, key)?;
    packet_bytes(&packet)
}

fn read_certificate(armored: &str) -> Result<SignedPublicKey, KeyFault> {
    if armored.len() > MAX_ARMORED_BYTES {
        return Err(KeyFault::NotAKey);
    }
    // Said first, so that a private key is called what it is even where it is otherwise broken.
    if armored.contains("BEGIN PGP PRIVATE KEY BLOCK") {
        return Err(KeyFault::PrivateKey);
    }
    match armored.matches("-----BEGIN PGP PUBLIC KEY BLOCK-----").count() {
        0 => return Err(KeyFault::NotAKey),
        1 => {}
        _ => return Err(KeyFault::SeveralKeys),
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut Dearmor::new(armored.as_bytes()), &mut bytes).map_err(|_| KeyFault::NotAKey)?;
    let tags: Vec<Tag> = PacketParser::new(bytes.as_slice()).filter_map(|p| p.ok().map(|p| p.tag())).collect();
    if tags.iter().any(|tag| matches!(tag, Tag::SecretKey | Tag::SecretSubkey)) {
        return Err(KeyFault::PrivateKey);
    }
    match tags.iter().filter(|&&tag| tag == Tag::PublicKey).count() {
        0 => Err(KeyFault::NotAKey),
        1 => SignedPublicKey::from_bytes(bytes.as_slice()).map_err(|_| KeyFault::NotAKey),
        _ => Err(KeyFault::SeveralKeys),
    }
}

/// The newest subkey that may encrypt, with the end of its validity; else what is wrong with the newest that was meant to.
fn choose_subkey(certificate: &SignedPublicKey, now: i64) -> Result<(&SignedPublicSubKey, Option<i64>), KeyFault> {
    let mut subkeys: Vec<&SignedPublicSubKey> = certificate.public_subkeys.iter().collect();
    subkeys.sort_by_key(|subkey| std::cmp::Reverse(subkey.created_at()));
    let mut fault = None;
    for subkey in subkeys {
        let Some(standing) = standing::of_subkey(&certificate.primary_key, subkey, now) else { continue };
        let signs_only = standing.flags.is_none() && strength(subkey) == Err(KeyFault::NoEncryptionKey);
        if !standing.may_encrypt() || signs_only {
            continue;
        }
        match check(&standing, now).and_then(|()| strength(subkey)) {
            Ok(_) => return Ok((subkey, standing.expires_at)),
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    Err(fault.unwrap_or(KeyFault::NoEncryptionKey))
}

fn check(standing: &standing::Standing, now: i64) -> Result<(), KeyFault> {
    if standing.revoked {
        return Err(KeyFault::Revoked);
    }
    match standing.expires_at {
        Some(at) if at <= now => Err(KeyFault::Expired { at: timestamp(at) }),
        _ => Ok(()),
    }
}

/// Name and length of a key that can encrypt.
fn strength(key: &impl KeyDetails) -> Result<(&'static str, u32), KeyFault> {
    match key.public_params() {
        PublicParams::RSA(_) => match rsa_bits(key).map_err(|_| KeyFault::Unsupported)? {
            bits if bits < MIN_RSA_BITS => Err(KeyFault::Weak { bits }),
            bits => Ok(("RSA", bits)),
        },
        PublicParams::ECDH(curve) => match curve {
            EcdhPublicParams::Curve25519Legacy { .. } => Ok(("Curve25519", 255)),
            EcdhPublicParams::P256 { .. } => Ok(("NIST P-256", 256)),
            EcdhPublicParams::P384 { .. } => Ok(("NIST P-384", 384)),
            EcdhPublicParams::P521 { .. } => Ok(("NIST P-521", 521)),
            _ => Err(KeyFault::Unsupported),
        },
        PublicParams::X25519(_) => Ok(("X25519", 255)),
        PublicParams::X448(_) => Ok(("X448", 448)),
        PublicParams::Elgamal(_) | PublicParams::Unknown { .. } => Err(KeyFault::Unsupported),
        _ => Err(KeyFault::NoEncryptionKey),
    }
}

/// Length of an RSA modulus: the bit count with which its encoding begins.
pub(super) fn rsa_bits(key: &impl KeyDetails) -> Result<u32, Error> {
    let mut encoded = Vec::new();
    key.public_params().to_writer(&mut encoded)?;
    Ok(encoded.first_chunk().map_or(0, |length| u32::from(u16::from_be_bytes(*length))))
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
