//! OpenPGP key pairs of the sample tenants: what a customer makes with `gpg --generate-key`.

use std::{fs, path::PathBuf};

use pgp::{
    composed::{
        ArmorOptions, Deserializable, EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedPublicKey,
        SignedSecretKey, SubkeyParamsBuilder,
    },
    types::KeyVersion,
};

use crate::{
    error::{Context, Result},
    instance::{shared_dir, write_file},
};

/// As customers use it. Takes seconds to make, so it is made once and kept for all instances.
const RSA_BITS: u32 = 4096;

/// A tenant's key pair.
pub struct Recipient {
    /// The armored secret key, without a passphrase.
    pub private_key_path: PathBuf,
    /// The armored certificate, to be registered.
    pub certificate: String,
}

/// The key pair of a sample tenant, made at first.
pub fn ensure(tenant: &str) -> Result<Recipient> {
    let path = shared_dir().join(format!("keys/{tenant}.asc"));
    let what = format!("make an OpenPGP key for {tenant}");
    if !path.is_file() {
        let user_id = format!("{tenant} <reports@{tenant}.example>");
        let key = generate(&user_id, RSA_BITS).context(&what)?;
        let armored = key.to_armored_string(ArmorOptions::default()).context(&what)?;
        write_file(&path, armored.as_bytes(), true)?;
    }
    let armored = fs::read_to_string(&path).context(format!("read {}", path.display()))?;
    let (key, _) = SignedSecretKey::from_string(&armored).context(format!("read {}", path.display()))?;
    let certificate = SignedPublicKey::from(key).to_armored_string(ArmorOptions::default()).context(what)?;
    Ok(Recipient { private_key_path: path, certificate })
}

/// A key pair that signs with its primary key and decrypts with a subkey, both RSA of that many bits.
pub fn generate(user_id: &str, bits: u32) -> pgp::errors::Result<SignedSecretKey> {
    let fault = |error: &dyn std::fmt::Display| pgp::errors::Error::from(std::io::Error::other(error.to_string()));
    let subkey = SubkeyParamsBuilder::default()
        .version(KeyVersion::V4)
        .key_type(KeyType::Rsa(bits))
        .can_encrypt(EncryptionCaps::All)
        .build()
        .map_err(|error| fault(&error))?;
    let params = SecretKeyParamsBuilder::default()
        .version(KeyVersion::V4)
        .key_type(KeyType::Rsa(bits))
        .can_certify(true)
        .can_sign(true)
        .primary_user_id(user_id.to_owned())
        .subkey(subkey)
        .build()
        .map_err(|error| fault(&error))?;
    params.generate(rand::thread_rng())
}
