//! What a certificate's own signatures say about a key: whether it is bound, revoked, until when and for what it holds.
//!
//! Only signatures that verify under the primary key count: those of third parties and broken ones are passed over,
//! as GnuPG does. Of several, the newest governs.

use pgp::{
    composed::{SignedKeyDetails, SignedPublicSubKey},
    packet::{KeyFlags, PublicKey, Signature, SignatureType, SubpacketData},
    types::{KeyDetails, SignedUser, Tag},
};

/// The standing of one key.
#[derive(Debug)]
pub(super) struct Standing {
    /// Revoked by the primary key.
    pub(super) revoked: bool,
    /// End of its validity in seconds since 1970; none: unlimited.
    pub(super) expires_at: Option<i64>,
    /// What it may be used for; none: whatever its algorithm can do.
    pub(super) flags: Option<KeyFlags>,
}

impl Standing {
    pub(super) fn may_encrypt(&self) -> bool {
        self.flags.as_ref().is_none_or(|flags| flags.encrypt_comms() || flags.encrypt_storage())
    }

    pub(super) fn may_sign(&self) -> bool {
        self.flags.as_ref().is_none_or(KeyFlags::sign)
    }
}

/// Standing of the primary key, or none where no signature of its own binds it.
pub(super) fn of_primary(key: &PublicKey, details: &SignedKeyDetails, now: i64) -> Option<Standing> {
    let direct = newest(
        details
            .direct_signatures
            .iter()
            .filter(|signature| signature.typ() == Some(SignatureType::Key))
            .filter(|signature| in_force(signature, now) && signature.verify_key(key).is_ok()),
    );
    let users = details.users.iter().filter_map(|user| certification(key, user, now));
    let user = users.max_by_key(|signature| (signature.is_primary(), signature.created()));
    if direct.is_none() && user.is_none() {
        return None;
    }
    // What a direct-key signature leaves open, the primary user id's certification says.
    let governing = || direct.into_iter().chain(user);
    let revocations = &details.revocation_signatures;
    Some(Standing {
        revoked: revocations.iter().any(|signature| signature.verify_key(key).is_ok()),
        expires_at: governing().find_map(|signature| expiry(signature, key)),
        flags: governing().find_map(key_flags),
    })
}

/// Standing of a subkey, or none where the primary key does not bind it.
pub(super) fn of_subkey(primary: &PublicKey, subkey: &SignedPublicSubKey, now: i64) -> Option<Standing> {
    let of_type = |wanted: SignatureType| {
        subkey.signatures.iter().filter(move |signature| {
            signature.typ() == Some(wanted) && signature.verify_subkey_binding(primary, &subkey.key).is_ok()
        })
    };
    let binding = newest(of_type(SignatureType::SubkeyBinding).filter(|signature| in_force(signature, now)))?;
    Some(Standing {
        revoked: of_type(SignatureType::SubkeyRevocation).next().is_some(),
        expires_at: expiry(binding, &subkey.key),
        flags: key_flags(binding),
    })
}

/// The key's own newest certification of a user id, unless it is a revocation.
fn certification<'a>(key: &PublicKey, user: &'a SignedUser, now: i64) -> Option<&'a Signature> {
    let own = user.signatures.iter().filter(|signature| in_force(signature, now));
    let own = own.filter(|signature| signature.verify_certification(key, Tag::UserId, &user.id).is_ok());
    newest(own).filter(|signature| signature.typ() != Some(SignatureType::CertRevocation))
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| signature.created())
}

/// Whether the signature itself (not the key) has not run out.
fn in_force(signature: &Signature, now: i64) -> bool {
    let lifetime = signature.signature_expiration_time().map_or(0, |lifetime| i64::from(lifetime.as_secs()));
    let created = signature.created().map_or(0, |created| i64::from(created.as_secs()));
    lifetime == 0 || created + lifetime > now
}

fn expiry(signature: &Signature, key: &impl KeyDetails) -> Option<i64> {
    let lifetime = signature.key_expiration_time().map(|lifetime| i64::from(lifetime.as_secs()));
    let lifetime = lifetime.filter(|&lifetime| lifetime != 0)?;
    Some(i64::from(key.created_at().as_secs()) + lifetime)
}

fn key_flags(signature: &Signature) -> Option<KeyFlags> {
    signature.config()?.hashed_subpackets().find_map(|subpacket| match &subpacket.data {
        SubpacketData::KeyFlags(flags) => Some(flags.clone()),
        _ => None,
    })
}
