//! Who shares a seat.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::digest::sha256_hex;

/// What two requests have in common if one licence serves both.
///
/// Held as canonical text: a JSON array, in which texts are quoted and numbers are not, so that no two combinations of
/// parts have the same one, however they are cut.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WaiverKey(String);

impl WaiverKey {
    /// Of a licence context: main thread, module, client's host and port, user.
    pub(super) fn of_context(main_thread: i64, module: &str, (host, port): (&str, u16), user: &str) -> Self {
        Self::of(&json!(["context", main_thread, module, host, port, user]))
    }

    /// The tenant's own, for a user without a context. Never that of a context.
    pub fn of_user(tenant: &str, user: &str) -> Self {
        Self::of(&json!(["user", tenant, user]))
    }

    fn of(parts: &Value) -> Self {
        Self(parts.to_string())
    }

    /// SHA-256 in hex: its name in the table and in reports of usage.
    pub fn digest(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_do_not_run_into_one_another() {
        let key = |module: &str, host: &str, user: &str| WaiverKey::of_context(1, module, (host, 1), user);
        assert_ne!(key("a", "bc", "d"), key("ab", "c", "d"));
        assert_ne!(key("a\",\"b", "c", "d"), key("a", "b", "c"));
        assert_ne!(WaiverKey::of_user("a", "bc"), WaiverKey::of_user("ab", "c"));
        assert_ne!(WaiverKey::of_context(1, "a", ("b", 2), "c").digest(), WaiverKey::of_user("1", "a").digest());
    }

    type Parts = (i64, String, String, u16, String);

    fn any_parts() -> impl Strategy<Value = Parts> {
        (0_i64..3, "[a\",\\[\\]1]{0,3}", "[a\",1]{0,3}", 0_u16..3, "[a\",\\[\\]1]{0,3}")
    }

    fn key((thread, module, host, port, user): &Parts) -> WaiverKey {
        WaiverKey::of_context(*thread, module, (host, *port), user)
    }

    proptest! {
        #[test]
        fn keys_are_the_same_exactly_when_all_parts_are(one in any_parts(), other in any_parts()) {
            prop_assert_eq!(key(&one) == key(&other), one == other);
            prop_assert_eq!(key(&one).digest() == key(&other).digest(), one == other);
        }
    }
}
