//! Recipient keys of a tenant: two may be active at a time, so that one can be rotated without a gap.

use jiff::Timestamp;

use super::{KeyFloor, RecipientKeyRecord, Tenant};
use crate::domain::{interface::Interfaces, outcome::Packaging};

/// Keys that reports are encrypted to, at most.
pub const MAX_ACTIVE: usize = 2;

/// Retired keys that are still listed. The audit trail knows more.
const MAX_RETIRED: usize = 20;

/// Why the keys stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is active already.
    #[error("the key is active already")]
    Active,
    /// No further key can be active.
    #[error("two keys are active")]
    TooMany {
        /// Fingerprints of the active ones; first the one to retire.
        active: Vec<String>,
    },
    /// It is less than the tenant's floor wants.
    #[error("the key is below the tenant's floor")]
    BelowFloor(KeyFloor),
    /// The tenant has no such key.
    #[error("no such key")]
    Unknown,
    /// Without it, what is packaged by default could not be encrypted.
    #[error("it is the last active key")]
    Last,
}

impl KeyFloor {
    /// Whether a key is enough: what counts is the key in it that encrypts.
    pub fn admits(self, key: &RecipientKeyRecord) -> bool {
        match self {
            Self::Any => true,
            Self::Rsa4096 => key.algorithm.as_deref() == Some("RSA") && key.bits >= Some(4096),
        }
    }

    /// With what the interfaces that are switched on want: Tesouro's promises RSA-4096, whatever the settings say.
    #[must_use]
    pub fn with(self, interfaces: &Interfaces) -> Self {
        if interfaces.tesouro.is_some() { self.max(Self::Rsa4096) } else { self }
    }

    /// What a key must be, for the customer.
    pub const fn wants(self) -> &'static str {
        match self {
            Self::Any => "any key that the service can encrypt to",
            Self::Rsa4096 => "RSA with 4096 bits or more",
        }
    }
}

impl Tenant {
    /// What its recipient keys must be.
    pub fn floor(&self) -> KeyFloor {
        self.key_floor.with(&self.interfaces)
    }

    /// The keys that reports are encrypted to, as far as the records tell.
    pub fn active_keys(&self) -> impl Iterator<Item = &RecipientKeyRecord> {
        self.recipient_keys.iter().filter(|key| key.is_active())
    }

    /// Adds a key. One that was retired may come again.
    pub fn with_key(&self, key: RecipientKeyRecord) -> Result<Self, Refusal> {
        let mut active: Vec<&RecipientKeyRecord> = self.active_keys().collect();
        if active.iter().any(|known| known.fingerprint == key.fingerprint) {
            return Err(Refusal::Active);
        }
        if !self.floor().admits(&key) {
            return Err(Refusal::BelowFloor(self.floor()));
        }
        if active.len() >= MAX_ACTIVE {
            // What ends first is what is being replaced; of those that never end, the oldest.
            active.sort_by_key(|key| (key.expires_at.unwrap_or(Timestamp::MAX), key.added_at));
            return Err(Refusal::TooMany { active: active.iter().map(|key| key.fingerprint.clone()).collect() });
        }
        let mut next = self.clone();
        next.recipient_keys.retain(|known| known.fingerprint != key.fingerprint);
        next.recipient_keys.push(key);
        Ok(next)
    }

    /// Retires a key; none if it was before.
    pub fn without_key(&self, fingerprint: &str, force: bool, now: Timestamp) -> Result<Option<Self>, Refusal> {
        let key = self.recipient_keys.iter().find(|key| key.fingerprint == fingerprint).ok_or(Refusal::Unknown)?;
        if !key.is_active() {
            return Ok(None);
        }
        if !force && self.packaging == Packaging::Openpgp && self.active_keys().count() == 1 {
            return Err(Refusal::Last);
        }
        let kept = self.active_keys().filter(|key| key.fingerprint != fingerprint).cloned().collect();
        Ok(Some(Self { recipient_keys: self.keys_replaced(kept, now), ..self.clone() }))
    }

    /// The list of keys once these are the active ones. Those that were before are retired; a key that stays keeps
    /// the time at which it was added.
    pub fn keys_replaced(&self, active: Vec<RecipientKeyRecord>, now: Timestamp) -> Vec<RecipientKeyRecord> {
        let stays = |known: &RecipientKeyRecord| active.iter().any(|key| key.fingerprint == known.fingerprint);
        let gone = self.recipient_keys.iter().filter(|known| !stays(known));
        let mut retired: Vec<RecipientKeyRecord> = gone
            .map(|known| RecipientKeyRecord {
                armored: String::new(),
                retired_at: known.retired_at.or(Some(now)),
                ..known.clone()
            })
            .collect();
        retired.sort_by_key(|key| key.retired_at);
        retired.drain(..retired.len().saturating_sub(MAX_RETIRED));
        let before = |key: &RecipientKeyRecord| {
            self.active_keys().find(|known| known.fingerprint == key.fingerprint).and_then(|known| known.added_at)
        };
        let active =
            active.into_iter().map(|key| RecipientKeyRecord { added_at: before(&key).or(key.added_at), ..key });
        retired.into_iter().chain(active).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{link::LinkPolicy, tenant::Quotas};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn key(fingerprint: &str, added: i64, expires: Option<i64>) -> RecipientKeyRecord {
        RecipientKeyRecord {
            fingerprint: fingerprint.to_owned(),
            armored: format!("certificate of {fingerprint}"),
            algorithm: Some("Curve25519".to_owned()),
            bits: Some(255),
            expires_at: expires.map(at),
            added_at: Some(at(added)),
            retired_at: None,
        }
    }

    pub fn tenant(packaging: Packaging) -> Tenant {
        Tenant {
            id: "acme".to_owned(),
            name: "Acme".to_owned(),
            presenter_id: Uuid::nil(),
            packaging,
            zip: crate::domain::tenant::ZipSettings::default(),
            manifest_inside: None,
            key_floor: crate::domain::tenant::KeyFloor::Any,
            recipient_keys: vec![],
            retention_hours: None,
            link: LinkPolicy::default(),
            quotas: Quotas::default(),
            licence_seats: None,
            licence_linger_seconds: None,
            allowed_reports: None,
            jira: None,
            interfaces: crate::domain::interface::Interfaces::default(),
            email: crate::domain::email::EmailSettings::default(),
            issuers: vec![],
            identities: vec![],
            webhook_secret_sealed: String::new(),
            created_at: at(0),
            erasure: None,
        }
    }

    fn active(tenant: &Tenant) -> Vec<&str> {
        tenant.active_keys().map(|key| key.fingerprint.as_str()).collect()
    }

    #[test]
    fn a_key_is_rotated_without_a_gap() {
        let one = tenant(Packaging::Openpgp).with_key(key("A", 0, None)).unwrap();
        assert_eq!(one.without_key("A", false, at(1)), Err(Refusal::Last));
        assert_eq!(one.with_key(key("A", 1, None)), Err(Refusal::Active));
        let both = one.with_key(key("B", 2, None)).unwrap();
        assert_eq!(active(&both), ["A", "B"]);
        let refused = both.with_key(key("C", 3, None));
        assert_eq!(refused, Err(Refusal::TooMany { active: vec!["A".into(), "B".into()] }));
        let rotated = both.without_key("A", false, at(4)).unwrap().unwrap();
        assert_eq!(active(&rotated), ["B"]);
        let retired = &rotated.recipient_keys[0];
        assert_eq!((retired.retired_at, retired.armored.as_str()), (Some(at(4)), ""));
        assert_eq!(rotated.without_key("A", false, at(5)), Ok(None), "as it is already");
        assert_eq!(rotated.without_key("X", true, at(5)), Err(Refusal::Unknown));
        let back = rotated.with_key(key("A", 6, None)).unwrap();
        assert_eq!((active(&back), back.recipient_keys.len()), (vec!["B", "A"], 2));
    }

    #[test]
    fn a_floor_admits_rsa_of_its_length_and_nothing_else() {
        let of = |algorithm: Option<&str>, bits| {
            let algorithm = algorithm.map(str::to_owned);
            RecipientKeyRecord { algorithm, bits, ..key("A", 0, None) }
        };
        let strict = Tenant { key_floor: KeyFloor::Rsa4096, ..tenant(Packaging::Openpgp) };
        for bits in [4096, 8192] {
            let strong = of(Some("RSA"), Some(bits));
            assert!(strict.with_key(strong).is_ok(), "{bits}");
        }
        // What an earlier release recorded says neither: it must be registered anew.
        let weak = [of(Some("RSA"), Some(4095)), of(Some("Curve25519"), Some(255)), of(None, None)];
        for key in weak.into_iter().chain([of(Some("NIST P-521"), Some(4096)), of(Some("RSA"), None)]) {
            assert_eq!(strict.with_key(key.clone()), Err(Refusal::BelowFloor(KeyFloor::Rsa4096)), "{key:?}");
            assert!(KeyFloor::Any.admits(&key));
        }
    }

    #[test]
    fn tesouros_interface_raises_the_floor() {
        let tesouro = Interfaces { tesouro: Some(crate::domain::interface::Tesouro {}), ..Interfaces::default() };
        assert_eq!(KeyFloor::Any.with(&Interfaces::default()), KeyFloor::Any);
        assert_eq!(KeyFloor::Rsa4096.with(&Interfaces::default()), KeyFloor::Rsa4096);
        let strict = Tenant { interfaces: tesouro, ..tenant(Packaging::Openpgp) };
        assert_eq!((strict.key_floor, strict.floor()), (KeyFloor::Any, KeyFloor::Rsa4096));
        assert_eq!(strict.with_key(key("A", 0, None)), Err(Refusal::BelowFloor(KeyFloor::Rsa4096)));
    }

    #[test]
    fn the_key_that_ends_first_is_the_one_to_retire() {
        let both =
            tenant(Packaging::Plain).with_key(key("A", 0, None)).unwrap().with_key(key("B", 1, Some(9))).unwrap();
        let refused = both.with_key(key("C", 3, None));
        assert_eq!(refused, Err(Refusal::TooMany { active: vec!["B".into(), "A".into()] }));
    }

    #[test]
    fn the_last_key_goes_if_it_is_not_needed_or_by_force() {
        for (packaging, force) in [(Packaging::Plain, false), (Packaging::Openpgp, true)] {
            let one = tenant(packaging).with_key(key("A", 0, None)).unwrap();
            assert!(active(&one.without_key("A", force, at(1)).unwrap().unwrap()).is_empty());
        }
    }

    #[test]
    fn replacing_keeps_what_stays_and_retires_the_rest() {
        let mut tenant =
            tenant(Packaging::Openpgp).with_key(key("A", 0, None)).unwrap().with_key(key("B", 1, None)).unwrap();
        let renewed = key("B", 7, Some(900));
        tenant.recipient_keys = tenant.keys_replaced(vec![renewed, key("C", 7, None)], at(7));
        assert_eq!(active(&tenant), ["B", "C"]);
        let b = tenant.active_keys().next().unwrap();
        assert_eq!((b.added_at, b.expires_at), (Some(at(1)), Some(at(900))), "the new certificate of the same key");
        for second in 8..100 {
            tenant.recipient_keys = tenant.keys_replaced(vec![key(&format!("K{second}"), second, None)], at(second));
        }
        assert_eq!(tenant.recipient_keys.len(), MAX_RETIRED + 1);
        assert_eq!(active(&tenant), ["K99"]);
        assert_eq!(tenant.recipient_keys[MAX_RETIRED - 1].fingerprint, "K98", "the latest are remembered");
    }
}
