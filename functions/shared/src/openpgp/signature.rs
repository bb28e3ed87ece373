//! A signature over a stream. Keys and packets are rPGP's; what hashes is not: its SHA-2 uses arm64's instructions for that
//! only with an assembler's help, and what aws-lc has hashed can be shared with who needs the same digest.

use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA384, SHA512};
use digest::{DynDigest, InvalidBufferSize};
use pgp::{
    crypto::hash::HashAlgorithm,
    packet::{Signature, SignatureConfig},
    types::{Password, SigningKey},
};

use super::{Error, packet_bytes};

/// Hashes the stream that it will sign.
pub(super) struct StreamSignature {
    config: SignatureConfig,
    digest: Context,
}

impl StreamSignature {
    /// Of that kind.
    ///
    /// # Errors
    /// [`Error::ServiceKey`] if the kind asks for a hash that is not SHA-2.
    pub(super) fn begin(config: SignatureConfig) -> Result<Self, Error> {
        let digest = Context::new(sha2(config.hash_alg)?);
        Ok(Self { config, digest })
    }

    /// Takes a piece of the stream.
    pub(super) fn update(&mut self, data: &[u8]) {
        self.digest.update(data);
    }

    /// SHA-256 of the stream so far, where that is what is signed.
    pub(super) fn sha256(&self) -> Option<Context> {
        (*self.digest.algorithm() == SHA256).then(|| self.digest.clone())
    }

    /// The signature packet (RFC 9580, section 5.2.4: of the stream, the signature's own fields, and a trailer).
    ///
    /// # Errors
    /// Those of the library; not for a key that was parsed.
    pub(super) fn finish(self, key: &impl SigningKey) -> Result<Vec<u8>, Error> {
        let Self { config, digest } = self;
        let mut digest: Box<dyn DynDigest + Send> = Box::new(Sha2(digest));
        let length = config.hash_signature_data(&mut digest)?;
        digest.update(&config.trailer(length)?);
        let hash = digest.finalize();
        let [first, second, ..] = *hash else { return Err(Error::ServiceKey("its hash is too short")) };
        let signature = key.sign(&Password::empty(), config.hash_alg, &hash)?;
        packet_bytes(&Signature::from_config(config, [first, second], signature)?)
    }
}

fn sha2(algorithm: HashAlgorithm) -> Result<&'static Algorithm, Error> {
    match algorithm {
        HashAlgorithm::Sha256 => Ok(&SHA256),
        HashAlgorithm::Sha384 => Ok(&SHA384),
        HashAlgorithm::Sha512 => Ok(&SHA512),
        _ => Err(Error::ServiceKey("its hash is not SHA-2")),
    }
}

/// A digest as rPGP takes it.
#[derive(Clone)]
struct Sha2(Context);

impl DynDigest for Sha2 {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize_into(mut self, out: &mut [u8]) -> Result<(), InvalidBufferSize> {
        self.finalize_into_reset(out)
    }

    fn finalize_into_reset(&mut self, out: &mut [u8]) -> Result<(), InvalidBufferSize> {
        if out.len() != self.output_size() {
            return Err(InvalidBufferSize);
        }
        let fresh = Context::new(self.0.algorithm());
        out.copy_from_slice(std::mem::replace(&mut self.0, fresh).finish().as_ref());
        Ok(())
    }

    fn reset(&mut self) {
        self.0 = Context::new(self.0.algorithm());
    }

    fn output_size(&self) -> usize {
        self.0.algorithm().output_len()
    }

    fn box_clone(&self) -> Box<dyn DynDigest> {
        Box::new(self.clone())
    }
}
