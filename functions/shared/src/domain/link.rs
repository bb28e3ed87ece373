//! Links to a report's file: what each is worth, and for how long.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    id::{LinkId, RequestId},
    request::{Request, Status},
};

/// The longest that a presigned URL behind a managed link lives.
pub const MAX_REDIRECT_LIFE: SignedDuration = SignedDuration::from_secs(300);

/// The longest that any presigned URL lives, which AWS fixes.
pub const MAX_DIRECT_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The shortest life that can be asked for.
pub const MIN_LIFE: SignedDuration = SignedDuration::from_secs(60);

/// Links of one request that can be live at once.
pub const MAX_LIVE: usize = 20;

/// Maker of the link that comes with a file, which status and notifications show.
pub const BY_WORKER: &str = "worker";

/// How a file is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkMode {
    /// A URL of the API that checks, counts and redirects; can be revoked.
    #[default]
    Managed,
    /// A presigned URL of S3, signed with the link signer's own key; only deletion of the file ends it early.
    Direct,
}

impl LinkMode {
    /// Every mode there is.
    pub const ALL: [Self; 2] = [Self::Managed, Self::Direct];

    /// Name in requests and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Direct => "direct",
        }
    }

    /// The mode of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// How a tenant's files are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPolicy {
    /// The kind of link that status and notifications give.
    #[serde(default)]
    pub mode: LinkMode,
    /// Life of such a link from the file's completion on; the file's own unless set.
    #[serde(default)]
    pub life_hours: Option<u32>,
    /// The life is that of each notification's own link, from the notification on: an interface promises it so. No
    /// tenant's setting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

impl LinkPolicy {
    /// End of a link to a file that was finished at `finished_at` and ends at `file_ends`: never after the file.
    pub fn expires_at(&self, finished_at: Timestamp, file_ends: Timestamp) -> Timestamp {
        let life = self.life_hours.map(|hours| finished_at + SignedDuration::from_hours(i64::from(hours)));
        life.map_or(file_ends, |end| end.min(file_ends))
    }
}

/// A link, as recorded in the story of its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its id; not what is in the URL.
    pub id: LinkId,
    /// Whose file it opens.
    pub tenant: String,
    /// Of which request.
    pub request: RequestId,
    /// Key in the report bucket.
    pub key: String,
    /// Managed or direct.
    pub mode: LinkMode,
    /// SHA-256 of the capability in a managed link's URL, in hex: the pointer stands under it.
    #[serde(default)]
    pub capability_hash: Option<String>,
    /// Who made it: issuer and subject, API key, or [`BY_WORKER`].
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The link is refused from here on.
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
    /// Times that it was followed to the file. Nobody knows that of a direct link.
    #[serde(default)]
    pub downloads: u64,
}

/// What stands under the hash of a capability: where its link is recorded. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPointer {
    /// Whose.
    pub tenant: String,
    /// Of which request.
    pub request: RequestId,
    /// Which link; none in what the release before wrote, where the pointer was all there was of a link.
    #[serde(default)]
    pub link: Option<LinkId>,
    /// When the link ends.
    pub expires_at: Timestamp,
}

/// What came of following a managed link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UseOutcome {
    /// It led to the file.
    Redirected,
    /// Its life, or the file's, had ended.
    Expired,
    /// It had been revoked.
    Revoked,
    /// The file had been deleted before its time.
    Deleted,
}

impl UseOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Redirected, Self::Expired, Self::Revoked, Self::Deleted];
}

/// One use of a managed link: the access log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkUse {
    /// Its id, which sorts by time (UUIDv7).
    pub id: Uuid,
    /// Whose file.
    pub tenant: String,
    /// Of which request.
    pub request: RequestId,
    /// Which link.
    pub link: LinkId,
    /// When.
    pub at: Timestamp,
    /// `GET` or `HEAD`.
    pub method: String,
    /// What came of it.
    pub outcome: UseOutcome,
    /// From where, as API Gateway saw it.
    #[serde(default)]
    pub ip: Option<String>,
    /// What the client calls itself; at most [`MAX_USER_AGENT`] characters of it.
    #[serde(default)]
    pub user_agent: Option<String>,
}

/// Characters that are kept of what a client calls itself.
pub const MAX_USER_AGENT: usize = 256;

/// URL of the managed link with that capability.
pub fn url(public_url: &str, capability: &str) -> String {
    format!("{public_url}/v1/links/{capability}")
}

/// What a new link is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// The tenant's mode unless given.
    pub mode: Option<LinkMode>,
    /// Life from now on; unless given as the tenant's policy has it, and no longer than possible.
    pub life: Option<SignedDuration>,
}

/// Why there is no new link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request has not ended.
    #[error("the request has not ended")]
    Unfinished,
    /// It ended without a file.
    #[error("the request has no file")]
    NoFile,
    /// The file's life has ended, or it was deleted.
    #[error("the file is gone")]
    Gone,
    /// [`MAX_LIVE`] links are live.
    #[error("there are too many live links")]
    TooMany,
    /// Under [`MIN_LIFE`].
    #[error("the life is too short")]
    TooShort,
    /// It would outlive the file, which has this left.
    #[error("the life is longer than the file's")]
    LongerThanFile(SignedDuration),
    /// It would outlive any signature.
    #[error("the life is longer than a presigned URL can have")]
    LongerThanSignature,
}

/// Mode and end of a new link to the request's file, of which `live` links are live. What is asked for is refused
/// where it cannot be kept, never shortened.
pub fn admit(request: &Request, wish: Wish, live: usize, now: Timestamp) -> Result<(LinkMode, Timestamp), Refusal> {
    let file_ends = match request.expires_at {
        Some(end) if request.status.has_file() => end,
        _ if !request.status.is_final() => return Err(Refusal::Unfinished),
        _ if request.status == Status::Expired => return Err(Refusal::Gone),
        _ => return Err(Refusal::NoFile),
    };
    let left = file_ends.duration_since(now);
    if left < SignedDuration::from_secs(1) {
        return Err(Refusal::Gone);
    }
    if live >= MAX_LIVE {
        return Err(Refusal::TooMany);
    }
    let mode = wish.mode.unwrap_or(request.link.mode);
    let most = if mode == LinkMode::Direct { MAX_DIRECT_LIFE } else { SignedDuration::MAX };
    let Some(life) = wish.life else {
        let end = request.link.expires_at(now, file_ends);
        return Ok((mode, end.min(now.checked_add(most).unwrap_or(end))));
    };
    match life {
        _ if life < MIN_LIFE => Err(Refusal::TooShort),
        _ if life > left => Err(Refusal::LongerThanFile(left)),
        _ if life > most => Err(Refusal::LongerThanSignature),
        _ => Ok((mode, now + life)),
    }
}

impl Link {
    /// The managed link that comes with the file of a request that has just ended; none without a file.
    pub fn with_file(request: &Request, capability_hash: String) -> Option<Self> {
        let link = Self::of_worker(request, LinkId::generate(), request.link_expires_at()?)?;
        Some(Self { capability_hash: Some(capability_hash), ..link })
    }

    /// A link of which the release before recorded the pointer alone; none if there must be more.
    pub fn of_pointer(pointer: &LinkPointer, request: &Request) -> Option<Self> {
        let id = LinkId::new(Uuid::nil());
        pointer.link.is_none().then(|| Self::of_worker(request, id, pointer.expires_at)).flatten()
    }

    fn of_worker(request: &Request, id: LinkId, expires_at: Timestamp) -> Option<Self> {
        Some(Self {
            id,
            tenant: request.tenant.clone(),
            request: request.id,
            key: request.file.as_ref()?.key.clone(),
            mode: LinkMode::Managed,
            capability_hash: None,
            created_by: BY_WORKER.to_owned(),
            created_at: request.finished_at?,
            expires_at,
            revoked_at: None,
            downloads: 0,
        })
    }

    /// The pointer to it.
    pub fn pointer(&self) -> LinkPointer {
        LinkPointer {
            tenant: self.tenant.clone(),
            request: self.request,
            link: Some(self.id),
            expires_at: self.expires_at,
        }
    }

    /// Whether it can still open its file, as far as the link itself tells.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }

    /// How long the presigned URL behind the link may live, given its request as it is now; or why there is none.
    pub fn follow(&self, request: Option<&Request>, now: Timestamp) -> Result<SignedDuration, UseOutcome> {
        if self.revoked_at.is_some() {
            return Err(UseOutcome::Revoked);
        }
        let Some(request) = request else { return Err(UseOutcome::Deleted) };
        if request.deletion.is_some() {
            return Err(UseOutcome::Deleted);
        }
        let ends = request.expires_at.map_or(self.expires_at, |end| end.min(self.expires_at));
        let left = ends.duration_since(now);
        if !request.status.has_file() || left < SignedDuration::from_secs(1) {
            return Err(UseOutcome::Expired);
        }
        Ok(left.min(MAX_REDIRECT_LIFE))
    }
}

impl Request {
    /// End of the link that status and notifications give; none without a file. Where each notification has its own, the
    /// status gives one until the file ends.
    pub fn link_expires_at(&self) -> Option<Timestamp> {
        let file_ends = self.expires_at.filter(|_| self.status.has_file())?;
        if self.link.anew {
            return Some(file_ends);
        }
        Some(self.link.expires_at(self.finished_at?, file_ends))
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
