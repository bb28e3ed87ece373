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
        /// What stands before the first colon.
        user: String,
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

    /// The profile of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Whether it is Waybill's own.
    pub fn is_own(&self) -> bool {
        *self == Self::Waybill
    }

    /// Whether its body says what happened also without a link to the file.
    pub const fn can_do_without_link(self) -> bool {
        matches!(self, Self::Waybill | Self::Unico)
    }

    /// Whether its body can say that.
    pub const fn expresses(self, event: EventKind) -> bool {
        match self {
            Self::Waybill => true,
            Self::Tesouro | Self::Eclipse => matches!(event, EventKind::ReportSucceeded | EventKind::EndpointTest),
            Self::Unico => !matches!(event, EventKind::ReportExpired),
        }
    }
}

/// IDUnico's status for what became of a report.
pub const fn unico_status(event: EventKind) -> Option<u32> {
    match event {
        EventKind::ReportDivergent => Some(2),
        EventKind::ReportSucceeded => Some(3),
        EventKind::ReportCancelled => Some(4),
        EventKind::ReportFailed => Some(5),
        _ => None,
    }
}

/// The event of a report that IDUnico's status stands for.
pub const fn unico_event(status: u32) -> Option<EventKind> {
    match status {
        2 => Some(EventKind::ReportDivergent),
        3 => Some(EventKind::ReportSucceeded),
        4 => Some(EventKind::ReportCancelled),
        5 => Some(EventKind::ReportFailed),
        _ => None,
    }
}

/// When a receiver is called again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RetryPolicy {
    /// What its profile has, or else the operator's `RetrySchedule`.
    #[default]
    Default,
    /// After waits that are listed.
    Listed {
        /// Seconds before each attempt, the first one too: 1 to 30 of them, each at most 604,800.
        waits_seconds: Vec<u32>,
    },
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

/// Tesouro's waits, in seconds: at once, 1, 5, 15 and 30 minutes, 1 hour, then every 2 hours within 12.
const TESOURO_WAITS: [u32; 11] = [0, 60, 300, 900, 1800, 3600, 7200, 7200, 7200, 7200, 7200];

impl Settings {
    /// Waits before each attempt; `default` is the operator's.
    pub fn schedule(&self, default: &Schedule) -> Result<Schedule, InvalidSchedule> {
        match (&self.retry, self.profile) {
            (RetryPolicy::Default, Profile::Tesouro) => listed(&TESOURO_WAITS),
            (retry, _) => retry.schedule(default),
        }
    }
}

fn listed(seconds: &[u32]) -> Result<Schedule, InvalidSchedule> {
    Schedule::new(seconds.iter().map(|wait| SignedDuration::from_secs(i64::from(*wait))).collect())
}

impl RetryPolicy {
    fn schedule(&self, default: &Schedule) -> Result<Schedule, InvalidSchedule> {
        let (max_attempts, first_interval_seconds, factor_percent, cap_seconds) = match self {
            Self::Default => return Ok(default.clone()),
            Self::Listed { waits_seconds } => return listed(waits_seconds),
            Self::Exponential { max_attempts, first_interval_seconds, factor_percent, cap_seconds } => {
                (*max_attempts, *first_interval_seconds, *factor_percent, *cap_seconds)
            }
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
        self.disabled.is_none() && self.takes(event)
    }

    /// Whether it can be told of that event, and chose to be; disabled or not.
    pub fn takes(&self, event: EventKind) -> bool {
        let chosen = self.settings.events.is_empty() || self.settings.events.contains(&event);
        chosen && self.settings.profile.expresses(event)
    }

    /// Whether it is to be told that a process of the tenant's own has that status. IDUnico tells of 2 to 5, and does
    /// not tell processes from reports: statuses that are chosen as events of reports are chosen for both.
    pub fn wants_status(&self, status: u32) -> bool {
        let Settings { profile, events, .. } = &self.settings;
        let named = events.is_empty() || events.contains(&EventKind::ProcessStatus);
        let chosen = match (profile, unico_event(status)) {
            (Profile::Unico, None) => false,
            (Profile::Unico, Some(alike)) => {
                let by_status = (2..=5).filter_map(unico_event).any(|event| events.contains(&event));
                events.contains(&alike) || (named && !by_status)
            }
            _ => named,
        };
        chosen && self.disabled.is_none() && profile.expresses(EventKind::ProcessStatus)
    }

    /// With a new secret, sealed, beside the newest one so far, which signs on for `overlap`. Older ones end.
    #[must_use]
    pub fn rotated(&self, sealed: String, overlap: SignedDuration, now: Timestamp) -> Self {
        let mut next = self.clone();
        let newest = self.secrets.first().cloned().filter(|_| overlap.is_positive());
        let outgoing = newest.map(|secret| SigningSecret { ends_at: Some(now + overlap), ..secret });
        next.secrets =
            std::iter::once(SigningSecret { sealed, created_at: now, ends_at: None }).chain(outgoing).collect();
        next.updated_at = now;
        next
    }

    /// Secrets that sign now, the newest first.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        self.secrets.iter().filter(move |secret| secret.ends_at.is_none_or(|end| end > now))
    }

    /// Why no attempt may be made now; the delivery waits.
    pub fn is_held(&self) -> bool {
        self.paused.is_some() || self.disabled.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(profile: Profile, events: &[EventKind]) -> Endpoint {
        let now = Timestamp::UNIX_EPOCH;
        Endpoint {
            id: EndpointId::generate(),
            tenant: "acme".into(),
            settings: Settings {
                description: String::new(),
                url: "https://example.com/".into(),
                authentication: Authentication::None,
                headers: BTreeMap::new(),
                profile,
                events: events.iter().copied().collect(),
                retry: RetryPolicy::Default,
                timeout_seconds: 30,
                concurrency: 10,
            },
            secrets: vec![SigningSecret { sealed: "1".into(), created_at: now, ends_at: None }],
            created_at: now,
            updated_at: now,
            paused: None,
            disabled: None,
        }
    }

    #[test]
    fn an_endpoint_is_told_what_it_chose_and_its_profile_can_express() {
        use EventKind::{ReportExpired, ReportFailed, ReportSucceeded};
        let told = |profile, events: &[EventKind]| {
            let endpoint = endpoint(profile, events);
            EventKind::SUBSCRIBABLE.into_iter().filter(|event| endpoint.wants(*event)).collect::<Vec<_>>()
        };
        assert_eq!(told(Profile::Waybill, &[]), EventKind::SUBSCRIBABLE);
        assert_eq!(told(Profile::Waybill, &[ReportExpired]), [ReportExpired]);
        assert_eq!(told(Profile::Tesouro, &[]), [ReportSucceeded]);
        assert_eq!(told(Profile::Tesouro, &[ReportFailed]), []);
        let disabled = Disabled { at: Timestamp::UNIX_EPOCH, reason: "gone".into() };
        let disabled = Endpoint { disabled: Some(disabled), ..endpoint(Profile::Waybill, &[]) };
        assert!(disabled.is_held() && !disabled.wants(ReportFailed) && disabled.takes(ReportFailed));
    }

    #[test]
    fn statuses_choose_among_processes_too() {
        use EventKind::{ProcessStatus, ReportExpired, ReportFailed, ReportSucceeded};
        let told = |profile, events: &[EventKind]| {
            let endpoint = endpoint(profile, events);
            (0..=6).filter(|status| endpoint.wants_status(*status)).collect::<Vec<_>>()
        };
        assert_eq!(told(Profile::Waybill, &[]), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(told(Profile::Waybill, &[ReportSucceeded]), [0; 0]);
        assert_eq!(told(Profile::Waybill, &[ProcessStatus, ReportSucceeded]).len(), 7);
        assert_eq!(told(Profile::Unico, &[]), [2, 3, 4, 5], "1 is never told");
        assert_eq!(told(Profile::Unico, &[ProcessStatus]), [2, 3, 4, 5]);
        assert_eq!(told(Profile::Unico, &[ReportSucceeded, ReportFailed]), [3, 5]);
        assert_eq!(told(Profile::Unico, &[ProcessStatus, ReportFailed]), [5]);
        assert_eq!(told(Profile::Unico, &[ReportExpired]), [0; 0]);
        for profile in [Profile::Tesouro, Profile::Eclipse] {
            assert_eq!(told(profile, &[]), [0; 0]);
        }
    }

    #[test]
    fn at_most_two_secrets_live() {
        let live = |endpoint: &Endpoint, now| {
            endpoint.live_secrets(now).map(|secret| secret.sealed.clone()).collect::<Vec<_>>()
        };
        let (now, hour) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        let first = endpoint(Profile::Waybill, &[]);
        let second = first.rotated("2".into(), hour, now);
        assert_eq!((live(&second, now), live(&second, now + hour)), (vec!["2".into(), "1".into()], vec!["2".into()]));
        let third = second.rotated("3".into(), hour * 2, now);
        assert_eq!(live(&third, now + hour), ["3", "2"]);
        assert_eq!(live(&third.rotated("4".into(), SignedDuration::ZERO, now), now), ["4"]);
    }

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
        assert_eq!(RetryPolicy::Default.schedule(&default), Ok(default.clone()));
        let listed = RetryPolicy::Listed { waits_seconds: vec![0, 7, 604_800] };
        assert_eq!(listed.schedule(&default), Schedule::parse("0,7,604800"));
        for waits_seconds in [vec![], vec![604_801], vec![0; 31]] {
            assert!(RetryPolicy::Listed { waits_seconds }.schedule(&default).is_err());
        }
    }

    #[test]
    fn tesouros_endpoints_are_called_again_as_tesouro_does() {
        let default = Schedule::parse("0,5").unwrap();
        let own = endpoint(Profile::Tesouro, &[]).settings;
        let schedule = own.schedule(&default).unwrap();
        assert_eq!(Ok(&schedule), Schedule::parse("0,60,300,900,1800,3600,7200,7200,7200,7200,7200").as_ref());
        assert!(schedule.total() <= SignedDuration::from_hours(12));
        assert!(schedule.total() + SignedDuration::from_hours(2) > SignedDuration::from_hours(12), "every 2 hours");
        let chosen = Settings { retry: RetryPolicy::Listed { waits_seconds: vec![0] }, ..own };
        assert_eq!(chosen.schedule(&default), Schedule::parse("0"));
        assert_eq!(endpoint(Profile::Unico, &[]).settings.schedule(&default), Ok(default));
    }
}
