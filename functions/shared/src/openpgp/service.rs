//! The service's own key.

use std::fmt;

use jiff::Timestamp;
use pgp::{
    composed::{ArmorOptions, Deserializable, DetachedSignature, KeyType, SecretKeyParamsBuilder, SignedSecretKey},
    crypto::hash::HashAlgorithm,
    packet::{OnePassSignature, SignatureConfig, SignatureType, Subpacket, SubpacketData},
    types::{KeyDetails, KeyVersion, Password, PublicParams, SecretParams, SigningKey, Timestamp as PgpTimestamp},
};

use super::{Error, packet_bytes, signature::StreamSignature, standing};

/// Makes a signing key for the service: Ed25519 in the encoding that every GnuPG since 2.1 verifies, without a
/// passphrase, armored. `user_id` has the form `Name <address>`.
///
/// # Errors
/// [`Error::OpenPgp`] if the time does not fit OpenPGP's 32 bits.
pub fn generate_service_key(user_id: &str, now: Timestamp) -> Result<String, Error> {
    let params = SecretKeyParamsBuilder::default()
        .key_type(KeyType::Ed25519Legacy)
        .can_certify(true)
        .can_sign(true)
        .created_at(pgp_timestamp(now)?)
        .primary_user_id(user_id.to_owned())
        .preferred_hash_algorithms([HashAlgorithm::Sha256, HashAlgorithm::Sha512].as_slice().into())
        .build()
        .map_err(|_| Error::ServiceKey("its parameters are contradictory"))?;
    let key = params.generate(rand::thread_rng())?;
    Ok(key.to_armored_string(ArmorOptions::default())?)
}

/// A secret key that signs in the service's name.
#[derive(Clone)]
pub struct ServiceKey {
    key: SignedSecretKey,
}

impl ServiceKey {
    /// Reads an armored secret key.
    ///
    /// # Errors
    /// [`Error::ServiceKey`] unless it is version 4, has no passphrase, may sign with its primary key, and is neither
    /// RSA below 3072 bits nor revoked.
    pub fn parse(armored: &str) -> Result<Self, Error> {
        let (key, _) = SignedSecretKey::from_string(armored)?;
        let public = key.primary_key.public_key();
        let refused = |reason| Err(Error::ServiceKey(reason));
        if key.version() != KeyVersion::V4 {
            return refused("not a version 4 key");
        }
        if !matches!(key.secret_params(), SecretParams::Plain(_)) {
            return refused("it has a passphrase");
        }
        if matches!(key.public_params(), PublicParams::RSA(_)) && super::recipient::rsa_bits(public)? < 3072 {
            return refused("RSA below 3072 bits");
        }
        match standing::of_primary(public, &key.details, i64::from(PgpTimestamp::now().as_secs())) {
            Some(standing) if standing.revoked => refused("it is revoked"),
            Some(standing) if standing.may_sign() => Ok(Self { key }),
            Some(_) => refused("its primary key may not sign"),
            None => refused("its self-signature is missing or broken"),
        }
    }

    /// The certificate to publish, armored.
    ///
    /// # Errors
    /// [`Error::OpenPgp`], not for a key that was parsed.
    pub fn public_armored(&self) -> Result<String, Error> {
        Ok(self.key.to_public_key().to_armored_string(ArmorOptions::default())?)
    }

    /// Fingerprint, 40 upper-case hex digits as GnuPG prints it.
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.key.fingerprint())
    }

    /// A binary detached signature over `data` (not armored).
    ///
    /// # Errors
    /// [`Error::OpenPgp`], not for a key that was parsed.
    pub fn sign_detached(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.signature_config()?.sign(&self.key.primary_key, &Password::empty(), data)?;
        packet_bytes(&DetachedSignature::new(signature).signature)
    }

    /// As [`Self::sign_detached`], in ASCII armor.
    ///
    /// # Errors
    /// [`Error::OpenPgp`], not for a key that was parsed.
    pub fn sign_detached_armored(&self, data: &[u8]) -> Result<String, Error> {
        let signature = self.signature_config()?.sign(&self.key.primary_key, &Password::empty(), data)?;
        Ok(DetachedSignature::new(signature).to_armored_string(ArmorOptions::default())?)
    }

    /// Begins a signature over a stream: the packet that announces it, and what hashes the stream.
    pub(super) fn begin_signature(&self) -> Result<(OnePassSignature, StreamSignature), Error> {
        let config = self.signature_config()?;
        let key_id = self.key.legacy_key_id();
        let announcement = OnePassSignature::v3(config.typ, config.hash_alg, config.pub_alg, key_id);
        Ok((announcement, StreamSignature::begin(config)?))
    }

    /// The signature packet that ends a stream begun by [`ServiceKey::begin_signature`].
    pub(super) fn finish_signature(&self, signature: StreamSignature) -> Result<Vec<u8>, Error> {
        signature.finish(&self.key.primary_key)
    }

    fn signature_config(&self) -> Result<SignatureConfig, Error> {
        let key = &self.key.primary_key;
        let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), key.hash_alg());
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
            Subpacket::regular(SubpacketData::SignatureCreationTime(PgpTimestamp::now()))?,
        ];
        config.unhashed_subpackets = vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
        Ok(config)
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceKey({})", self.fingerprint())
    }
}

fn pgp_timestamp(time: Timestamp) -> Result<PgpTimestamp, Error> {
    let seconds =
        u32::try_from(time.as_second()).map_err(|_| Error::ServiceKey("its creation time is out of range"))?;
    Ok(PgpTimestamp::from_secs(seconds))
}
