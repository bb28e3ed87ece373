//! Hashing passwords of users: Argon2id with OWASP's parameters, which each hash carries, so that they can be raised.
//!
//! It takes tens of milliseconds of a processor, so it runs apart from what waits for the network.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash as Phc, PasswordHasher, PasswordVerifier, Version,
    password_hash::{self, SaltString},
};
use waybill::{
    domain::{secret::Secret, user::PasswordHash},
    seal::random_bytes,
};

use crate::problem::Problem;

/// Memory in KiB, passes, lanes: OWASP's Password Storage Cheat Sheet.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash of today's parameters that no password has: for who is not there, so that the answer takes as long.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Another password.
    Wrong,
    /// The password.
    Right {
        /// Its hash has other parameters than those of today.
        outdated: bool,
    },
}

/// What is kept of a password.
pub async fn hash(password: Secret<String>) -> Result<PasswordHash, Problem> {
    apart(move || hash_with(&password, MEMORY)).await
}

/// Whether it is the password of that hash; without one, the same work comes to nothing.
pub async fn check(password: Secret<String>, hash: Option<PasswordHash>) -> Result<Checked, Problem> {
    apart(move || compare(&password, hash.as_ref())).await
}

async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, password_hash::Error> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|e| Problem::unavailable(&e))?;
    done.map_err(|e| Problem::unavailable(&format!("a password could not be hashed: {e}")))
}

fn hash_with(password: &Secret<String>, memory: u32) -> Result<PasswordHash, password_hash::Error> {
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(memory, PASSES, LANES, None)?);
    let salt = SaltString::encode_b64(&random_bytes::<16>())?;
    Ok(PasswordHash::new(hasher.hash_password(password.expose().as_bytes(), &salt)?.to_string()))
}

fn compare(password: &Secret<String>, hash: Option<&PasswordHash>) -> Result<Checked, password_hash::Error> {
    let parsed = Phc::new(hash.map_or(NOBODYS, PasswordHash::expose))?;
    match Argon2::default().verify_password(password.expose().as_bytes(), &parsed) {
        Ok(()) if hash.is_some() => Ok(Checked::Right { outdated: is_outdated(&parsed) }),
        Ok(()) | Err(password_hash::Error::Password) => Ok(Checked::Wrong),
        Err(error) => Err(error),
    }
}

fn is_outdated(hash: &Phc<'_>) -> bool {
    let todays = |params: Params| (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY, PASSES, LANES);
    let same_kind = hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(Version::V0x13.into());
    !(same_kind && Params::try_from(hash).is_ok_and(todays))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let (one, again) = (hash(secret("correct horse")).await.unwrap(), hash(secret("correct horse")).await.unwrap());
        assert!(one.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "OWASP's parameters");
        assert_ne!(one, again, "each has a salt of its own");
        assert_eq!(
            check(secret("correct horse"), Some(one.clone())).await.unwrap(),
            Checked::Right { outdated: false }
        );
        for other in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert_eq!(check(secret(other), Some(one.clone())).await.unwrap(), Checked::Wrong, "{other:?}");
        }
    }

    #[test]
    fn a_hash_of_other_parameters_is_good_and_outdated() {
        let weaker = hash_with(&secret("correct horse"), 64).unwrap();
        assert_eq!(compare(&secret("correct horse"), Some(&weaker)), Ok(Checked::Right { outdated: true }));
        assert_eq!(compare(&secret("x"), Some(&weaker)), Ok(Checked::Wrong));
    }

    #[test]
    fn nobody_has_no_password_and_takes_as_long() {
        let parsed = Phc::new(NOBODYS).unwrap();
        assert!(!is_outdated(&parsed) && parsed.hash.unwrap().len() == 32);
        assert_eq!(compare(&secret(""), None), Ok(Checked::Wrong));
        assert!(compare(&secret("x"), Some(&PasswordHash::new("no hash".to_owned()))).is_err());
    }
}
