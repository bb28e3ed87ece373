//! Registered receivers: where notifications go, of what, how signed, how often and how many at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    id::EndpointId,
    message::EventKind,
    request::Deed,
    retry::{InvalidSchedule, Schedule},
};

/// A registered receiver, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose.
    pub tenant: String,
    /// What it is told, where, and how.
    pub settings: Settings,
    /// Secrets (`whsec_…`) that sign what it is told: the first is the newest; a second lives on during a rotation.
    pub secrets: Vec<SigningSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its settings were last changed.
    pub updated_at: Timestamp,
    /// Present while somebody has paused it: its deliveries wait.
    #[serde(default)]
    pub paused: Option<Deed>,
    /// Present once it is called no more, until somebody resumes it.
    #[serde(default)]
    pub disabled: Option<Disabled>,
}

/// What an endpoint's owner decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// For people; may be empty.
    pub description: String,
    /// https, where to.
    pub url: String,
    /// How it knows us, besides the signature. Secrets in it are sealed for the endpoint's row.
    pub authentication: Authentication,
    /// Headers that are sent with every notification, by lower-case name; values sealed for the endpoint's row.
    pub headers: BTreeMap<String, String>,
    /// Body, signatures and the meaning of answers.
    pub profile: Profile,
    /// What it is told of; empty: everything that its profile can express.
    pub events: BTreeSet<EventKind>,
    /// When it is called again.
    pub retry: RetryPolicy,
    /// For one whole exchange, 1–30.
    pub timeout_seconds: u32,
    /// Notifications at the same time, 1–500.
    pub concurrency: u32,
}

/// How an endpoint knows us, besides the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Authentication {
    /// By the signature alone.
    None,
    /// HTTP Basic.
    Basic {
        /// `user:password`, sealed.
        credentials_sealed: String,
    },
    /// A fixed header.
    ApiKey {
        /// Name, lower case; `authorization` where none was given.
        header: String,
        /// Its value, sealed.
        value_sealed: String,
    },
    /// A bearer token of OAuth2 client credentials.
    Oauth2 {
        /// https, where tokens come from.
        token_url: String,
        /// Client.
        client_id: String,
        /// Its secret, sealed.
        client_secret_sealed: String,
        /// Space-separated; may be empty.
        scope: String,
    },
}

/// Shapes of notifications: body, signatures beside Standard Webhooks, and what answers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Waybill's own; 2xx confirms, 410 disables.
    #[default]
    Waybill,
    /// Tesouro's body, rendered per attempt; only 200 confirms.
    Tesouro,
    /// Eclipse's body; 2xx confirms.
    Eclipse,
    /// IDUnico's `{id, status}`; 2xx confirms.
    Unico,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::Waybill, Self::Tesouro, Self::Eclipse, Self::Unico];

    /// Name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waybill => "waybill",
            Self::Tesouro => "tesouro",
            Self::Eclipse => "eclipse",
            Self::Unico => "unico",
        }
    }

    /// Whether its body can say that.
    pub const fn expresses(self, event: EventKind) -> bool {
        match self {
            Self::Waybill => true,
            Self::Tesouro | Self::Eclipse => matches!(event, EventKind::ReportSucceeded),
            Self::Unico => !matches!(event, EventKind::ReportExpired),
        }
    }
}

/// When a receiver is called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RetryPolicy {
    /// The operator's `RetrySchedule`.
    #[default]
    Default,
    /// At once, then after intervals that grow.
    Exponential {
        /// Attempts at most, 1–30.
        max_attempts: u32,
        /// Seconds after the first attempt, 1–86,400.
        first_interval_seconds: u32,
        /// By what each further interval grows, in hundredths: 200 doubles; 100–1,000.
        factor_percent: u32,
        /// No interval is longer, in seconds, 1–604,800.
        cap_seconds: u32,
    },
}

impl RetryPolicy {
    /// Waits before each attempt.
    pub fn schedule(&self, default: &Schedule) -> Result<Schedule, InvalidSchedule> {
        let Self::Exponential { max_attempts, first_interval_seconds, factor_percent, cap_seconds } = *self else {
            return Ok(default.clone());
        };
        let mut waits = vec![SignedDuration::ZERO];
        let mut interval = u64::from(first_interval_seconds);
        for _ in 1..max_attempts {
            let seconds = interval.min(u64::from(cap_seconds));
            waits.push(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(604_800)));
            interval = seconds.saturating_mul(u64::from(factor_percent)).div_ceil(100).max(1);
        }
        Schedule::new(waits)
    }
}

/// A secret that signs notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// `whsec_…`, sealed for the endpoint's row.
    pub sealed: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// It signs no more from here on; none for the newest.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
}

/// That an endpoint is called no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why, for its owner.
    pub reason: String,
}

impl Endpoint {
    /// Whether it is to be told of that event.
    pub fn wants(&self, event: EventKind) -> bool {
        let chosen = self.settings.events.is_empty() || self.settings.events.contains(&event);
        chosen && self.disabled.is_none() && self.settings.profile.expresses(event)
    }

    /// Secrets that sign now, the newest first.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        self.secrets.iter().filter(move |secret| secret.ends_at.is_none_or(|end| end > now))
    }

    /// Why no attempt may be made now; the delivery waits.
    pub fn is_held(&self) -> bool {
        self.paused.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_to_their_cap() {
        let default = Schedule::parse("0,5").unwrap();
        let policy = RetryPolicy::Exponential {
            max_attempts: 6,
            first_interval_seconds: 10,
            factor_percent: 200,
            cap_seconds: 60,
        };
        assert_eq!(policy.schedule(&default), Schedule::parse("0,10,20,40,60,60"));
        assert_eq!(RetryPolicy::Default.schedule(&default), Ok(default));
    }
}
