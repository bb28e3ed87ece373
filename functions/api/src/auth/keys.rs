//! Published keys of issuers, kept for a while.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jsonwebtoken::{Header, jwk::JwkSet};
use tokio::sync::Mutex;
use waybill::guard::Guard;

use super::token::{self, Issuer, Refused, Verified};
use crate::problem::Problem;

/// How long published keys are used.
const FRESH: Duration = Duration::from_secs(300);

/// An unknown key id fetches the keys again, but not more often than this: anybody can make one up.
const REFETCH: Duration = Duration::from_secs(30);

/// How long keys are used that cannot be read again: an issuer's outage must not be ours.
const STALE: Duration = Duration::from_secs(3600);

/// Largest key set that is read, in bytes.
const MAX_JWKS: usize = 256 * 1024;

/// Key sets that are kept; the one that was used longest ago goes first.
const MAX_SETS: usize = 100;

/// The published keys of all issuers. Each has a place and a lock of its own: one that does not answer holds nobody else
/// up, and what one tenant's issuer publishes is never another's, wherever both say it stands.
pub struct Keys {
    guard: Arc<Guard>,
    sets: Mutex<HashMap<Place, Set>>,
}

/// Tenant (none for the operator's issuers), `iss`, and where the keys are published.
type Place = (Option<String>, String, String);

struct Set {
    used_at: Instant,
    read: Arc<Mutex<Read>>,
}

/// What is known of one issuer's keys.
#[derive(Default)]
struct Read {
    tried_at: Option<Instant>,
    /// When they were last read, and what they were then.
    keys: Option<(Instant, Arc<JwkSet>)>,
}

impl Read {
    fn not_older_than(&self, max_age: Duration, now: Instant) -> Option<Arc<JwkSet>> {
        let (read_at, keys) = self.keys.as_ref()?;
        (now.saturating_duration_since(*read_at) < max_age).then(|| Arc::clone(keys))
    }
}

impl Keys {
    /// No keys yet; they are fetched through the guard.
    pub fn new(guard: Arc<Guard>) -> Self {
        Self { guard, sets: Mutex::default() }
    }

    /// Verifies a token with the issuer's keys, which an unknown key id makes it read again. A [`Problem`] if there
    /// are none.
    pub async fn verify(
        &self,
        token: &str,
        header: &Header,
        issuer: &Issuer,
        now: Instant,
    ) -> Result<Result<Verified, Refused>, Problem> {
        let keys = self.of(issuer, FRESH, now).await?;
        match token::verify(token, header, issuer, &keys) {
            Err(Refused::UnknownKey) if issuer.jwks_uri.is_some() => {
                let keys = self.of(issuer, REFETCH, now).await?;
                Ok(token::verify(token, header, issuer, &keys))
            }
            other => Ok(other),
        }
    }

    async fn of(&self, issuer: &Issuer, max_age: Duration, now: Instant) -> Result<Arc<JwkSet>, Problem> {
        if let Some(keys) = &issuer.jwks {
            return Ok(Arc::new(keys.clone()));
        }
        let Some(uri) = &issuer.jwks_uri else {
            return Err(Problem::unavailable(&format!("issuer {} has neither jwks nor jwks_uri", issuer.issuer)));
        };
        let set = self.set(issuer, uri, now).await;
        let mut read = set.lock().await;
        if let Some(keys) = read.not_older_than(max_age, now) {
            return Ok(keys);
        }
        // A failed try counts too: else, in an issuer's outage, every token would make another call.
        if read.tried_at.is_some_and(|tried_at| now.saturating_duration_since(tried_at) < REFETCH) {
            return read
                .not_older_than(STALE, now)
                .ok_or_else(|| Problem::unavailable(&"an issuer's keys cannot be read"));
        }
        read.tried_at = Some(now);
        match self.fetch(uri).await {
            Ok(keys) => {
                read.keys = Some((now, Arc::clone(&keys)));
                Ok(keys)
            }
            Err(problem) => read.not_older_than(STALE, now).ok_or(problem),
        }
    }

    async fn set(&self, issuer: &Issuer, uri: &str, now: Instant) -> Arc<Mutex<Read>> {
        let place = (issuer.tenant.clone(), issuer.issuer.clone(), uri.to_owned());
        let mut sets = self.sets.lock().await;
        if sets.len() >= MAX_SETS && !sets.contains_key(&place) {
            let oldest = sets.iter().min_by_key(|(_, set)| set.used_at).map(|(place, _)| place.clone());
            oldest.map(|place| sets.remove(&place));
        }
        let set = sets.entry(place).or_insert_with(|| Set { used_at: now, read: Arc::default() });
        set.used_at = now;
        Arc::clone(&set.read)
    }

    async fn fetch(&self, uri: &str) -> Result<Arc<JwkSet>, Problem> {
        let json = self.guard.get_json(uri, MAX_JWKS).await.map_err(|e| Problem::unavailable(&e))?;
        serde_json::from_value(json).map(Arc::new).map_err(|e| Problem::unavailable(&e))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waybill::guard::Policy;
    use waybill_local::{
        ca::Ca,
        instance::Instance,
        receiver::{Receiver, Reply},
    };

    use super::*;
    use crate::auth::token::tests::{Signer, claims, issuer};

    /// An issuer that publishes its keys, and the caller's side.
    struct Published {
        receiver: Arc<Receiver>,
        issuer: Issuer,
        keys: Keys,
        /// When it was made; the tests decide how much later it is.
        start: Instant,
        dir: std::path::PathBuf,
    }

    impl Published {
        async fn of(name: &str, signer: &Signer) -> Self {
            let dir = std::env::temp_dir().join(format!("waybill-keys-{}-{name}", std::process::id()));
            let ca = Ca::ensure(&Instance { name: name.to_owned(), dir: dir.clone() }).unwrap();
            let guard = Guard::new(Policy::parse("127.0.0.0/8", "*", &ca.pem().unwrap()).unwrap()).unwrap();
            let receiver = Arc::new(Receiver::start(&ca).await.unwrap());
            let issuer = Issuer { jwks: None, jwks_uri: Some(receiver.url("/jwks")), ..issuer(&[]) };
            let published = Self { receiver, issuer, keys: Keys::new(Arc::new(guard)), start: Instant::now(), dir };
            published.publish(&[signer]);
            published
        }

        fn publish(&self, signers: &[&Signer]) {
            let set = json!({ "keys": signers.iter().map(|signer| &signer.key).collect::<Vec<_>>() });
            self.receiver.reply("/jwks", [Reply::status(http::StatusCode::OK).body(set.to_string())]);
        }

        async fn verify(&self, signer: &Signer, later: Duration) -> Result<Result<Verified, Refused>, Problem> {
            let (header, token) = signer.sign(&claims());
            self.keys.verify(&token, &header, &self.issuer, self.start + later).await
        }

        async fn accepts(&self, signer: &Signer, later: Duration) -> bool {
            self.verify(signer, later).await.unwrap().is_ok()
        }

        fn fetched(&self) -> usize {
            self.receiver.received("/jwks").len()
        }
    }

    impl Drop for Published {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }

    const MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn published_keys_are_fetched_once_in_a_while() {
        let signer = Signer::es256("a");
        let published = Published::of("once", &signer).await;
        for later in [Duration::ZERO, REFETCH, FRESH.saturating_sub(MOMENT)] {
            assert!(published.accepts(&signer, later).await);
            assert_eq!(published.fetched(), 1, "{later:?}");
        }
        assert!(published.accepts(&signer, FRESH).await);
        assert_eq!(published.fetched(), 2);
        assert_eq!(published.receiver.received("/jwks")[0].method, http::Method::GET);

        // A key that is published no more is not used for ever.
        published.publish(&[&Signer::es256("b")]);
        assert!(published.accepts(&signer, (FRESH * 2).saturating_sub(MOMENT)).await);
        assert!(!published.accepts(&signer, FRESH * 2).await);
    }

    #[tokio::test]
    async fn an_unknown_key_id_fetches_again_but_seldom() {
        let (old, new) = (Signer::es256("old"), Signer::rs256("new"));
        let published = Published::of("seldom", &old).await;
        assert!(published.accepts(&old, Duration::ZERO).await);
        for later in [Duration::ZERO, REFETCH.saturating_sub(MOMENT)] {
            let refused = published.verify(&new, later).await.unwrap();
            assert_eq!(refused, Err(Refused::UnknownKey), "{later:?}");
            assert_eq!(published.fetched(), 1, "{later:?}");
        }
        assert_eq!(published.verify(&new, REFETCH).await.unwrap(), Err(Refused::UnknownKey));
        assert_eq!(published.fetched(), 2, "still unknown");

        published.publish(&[&old, &new]);
        assert!(!published.accepts(&new, REFETCH).await);
        assert!(published.accepts(&new, REFETCH * 2).await, "a new key serves as soon as may be");
        assert!(published.accepts(&old, REFETCH * 2).await);
        assert_eq!(published.fetched(), 3);
    }

    #[tokio::test]
    async fn keys_outlive_an_outage_of_their_issuer_but_not_any() {
        let signer = Signer::es256("a");
        let published = Published::of("outage", &signer).await;
        assert!(published.accepts(&signer, Duration::ZERO).await);
        published.receiver.reply("/jwks", [Reply::status(http::StatusCode::SERVICE_UNAVAILABLE)]);
        assert!(published.accepts(&signer, FRESH).await);
        assert!(published.accepts(&signer, STALE.saturating_sub(MOMENT)).await);
        assert_eq!(published.verify(&signer, STALE).await.unwrap_err().code, "unavailable");
    }

    #[tokio::test]
    async fn without_keys_the_service_is_unavailable_and_the_token_not_judged() {
        let signer = Signer::es256("a");
        let published = Published::of("none", &signer).await;
        let replies = [
            Reply::status(http::StatusCode::INTERNAL_SERVER_ERROR).body("{}"),
            Reply::status(http::StatusCode::OK).body("{}"),
            Reply::status(http::StatusCode::OK).body(" ".repeat(MAX_JWKS + 1)),
        ];
        let mut later = Duration::ZERO;
        for reply in replies {
            published.receiver.reply("/jwks", [reply]);
            assert_eq!(published.verify(&signer, later).await.unwrap_err().code, "unavailable");
            let fetched = published.fetched();
            later += REFETCH;
            // Every token would else make another call, as long as the issuer is down.
            assert_eq!(published.verify(&signer, later.saturating_sub(MOMENT)).await.unwrap_err().code, "unavailable");
            assert_eq!(published.fetched(), fetched);
        }
        published.publish(&[&signer]);
        assert!(published.accepts(&signer, later).await, "a failure is forgotten in time");

        let nowhere = Issuer { jwks_uri: None, ..published.issuer.clone() };
        let (header, token) = signer.sign(&claims());
        let answer = published.keys.verify(&token, &header, &nowhere, published.start).await;
        assert_eq!(answer.unwrap_err().code, "unavailable");
    }

    impl Published {
        /// The issuer as a tenant's own, with its keys at `path`.
        fn of_tenant(&self, tenant: &str, path: &str) -> Issuer {
            Issuer { tenant: Some(tenant.to_owned()), jwks_uri: Some(self.receiver.url(path)), ..self.issuer.clone() }
        }

        async fn judge(&self, issuer: &Issuer, signer: &Signer, later: Duration) -> Result<bool, &'static str> {
            let (header, token) = signer.sign(&claims());
            let judged = self.keys.verify(&token, &header, issuer, self.start + later).await;
            judged.map(|verified| verified.is_ok()).map_err(|problem| problem.code)
        }
    }

    #[tokio::test]
    async fn an_issuer_that_does_not_answer_holds_up_nobody_else() {
        let signer = Signer::es256("a");
        let published = Published::of("hangs", &signer).await;
        let released = Arc::new(tokio::sync::Notify::new());
        let never = Duration::from_secs(60);
        published.receiver.reply("/hangs", [Reply::status(http::StatusCode::OK).after(never)]);
        let (hanging, other) = (published.of_tenant("acme", "/hangs"), published.of_tenant("globex", "/jwks"));
        let waits = async {
            let judged = published.judge(&hanging, &signer, Duration::ZERO);
            tokio::select! {
                _ = judged => panic!("the others were held up until it was given up"),
                () = released.notified() => {}
            }
        };
        let others = async {
            published.receiver.wait_for("/hangs", 1, Duration::from_secs(5)).await.unwrap();
            for issuer in [&other, &published.issuer] {
                assert_eq!(published.judge(issuer, &signer, Duration::ZERO).await, Ok(true));
            }
            released.notify_one();
        };
        tokio::join!(waits, others);
    }

    #[tokio::test]
    async fn what_one_tenants_issuer_publishes_is_not_anothers() {
        let (signer, forger) = (Signer::es256("a"), Signer::es256("a"));
        let published = Published::of("apart", &signer).await;
        let (one, other) = (published.of_tenant("acme", "/jwks"), published.of_tenant("globex", "/jwks"));
        assert_eq!(published.judge(&one, &signer, Duration::ZERO).await, Ok(true));
        // The same address says something else to the next who asks.
        published.publish(&[&forger]);
        assert_eq!(published.judge(&other, &forger, MOMENT).await, Ok(true));
        assert_eq!(published.judge(&one, &forger, MOMENT).await, Ok(false));
        assert_eq!(published.judge(&one, &signer, MOMENT).await, Ok(true));
        assert_eq!(published.judge(&published.issuer, &signer, MOMENT).await, Ok(false), "nor the operator's");
    }

    #[tokio::test]
    async fn the_key_sets_that_are_kept_are_bounded() {
        let signer = Signer::es256("a");
        let published = Published::of("bounded", &signer).await;
        for number in 0..=MAX_SETS {
            let later = MOMENT * u32::try_from(number).unwrap();
            let issuer = published.of_tenant(&format!("t{number}"), "/jwks");
            drop(published.keys.set(&issuer, "u", published.start + later).await);
        }
        let sets = published.keys.sets.lock().await;
        assert_eq!(sets.len(), MAX_SETS);
        assert!(!sets.keys().any(|(tenant, ..)| tenant.as_deref() == Some("t0")), "the oldest went");
    }
}
