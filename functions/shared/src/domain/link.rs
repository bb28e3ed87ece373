//! Managed links: what a capability is worth, and for how long.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::RequestId;

/// The longest that a presigned URL behind a managed link lives.
pub const MAX_REDIRECT_LIFE: SignedDuration = SignedDuration::from_secs(300);

/// A managed link, as recorded under the hash of its capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Whose file it opens.
    pub tenant: String,
    /// Of which request.
    pub request: RequestId,
    /// Key in the report bucket.
    pub key: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The link is refused from here on.
    pub expires_at: Timestamp,
}

/// URL of the managed link with that capability.
pub fn url(public_url: &str, capability: &str) -> String {
    format!("{public_url}/v1/links/{capability}")
}

impl Link {
    /// How long the presigned URL behind the link may live, or none when the link's own life has ended.
    pub fn redirect_life(&self, now: Timestamp) -> Option<SignedDuration> {
        let left = self.expires_at.duration_since(now);
        (left >= SignedDuration::from_secs(1)).then(|| left.min(MAX_REDIRECT_LIFE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_never_outlives_its_link() {
        let now = Timestamp::UNIX_EPOCH;
        let link = |seconds| Link {
            tenant: "acme".into(),
            request: RequestId::generate(),
            key: "k".into(),
            created_at: now,
            expires_at: now + SignedDuration::from_secs(seconds),
        };
        assert_eq!(link(3600).redirect_life(now), Some(SignedDuration::from_secs(300)));
        assert_eq!(link(42).redirect_life(now), Some(SignedDuration::from_secs(42)));
        assert_eq!(link(0).redirect_life(now), None);
        assert_eq!(link(-1).redirect_life(now), None);
    }
}
