//! What the mail service tells of a mail after it has taken it, and the addresses that are not written to for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::id::{DeliveryId, RequestId};

/// Tag of a mail: whose it is.
pub const TAG_TENANT: &str = "waybill-tenant";

/// Tag of a mail: of which request.
pub const TAG_REQUEST: &str = "waybill-request";

/// Tag of a mail: of which delivery.
pub const TAG_DELIVERY: &str = "waybill-delivery";

/// Reports that are kept of one mail: there is one, or a bounce and a late complaint.
pub const MAX_KEPT: usize = 10;

/// Longest word of the receiving side that is kept, in bytes.
const MAX_DETAIL: usize = 300;

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It came back, and so would every other.
    PermanentBounce,
    /// It came back; another may not.
    TransientBounce,
    /// It came back, and nobody knows why.
    UndeterminedBounce,
    /// Its reader took it for spam.
    Complaint,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::PermanentBounce, Self::TransientBounce, Self::UndeterminedBounce, Self::Complaint];

    /// Whether the address is not to be written to any more.
    pub const fn disables(self) -> bool {
        matches!(self, Self::PermanentBounce | Self::Complaint)
    }

    /// For people.
    pub const fn told(self) -> &'static str {
        match self {
            Self::PermanentBounce => "a mail to it bounced for good",
            Self::TransientBounce => "a mail to it bounced for now",
            Self::UndeterminedBounce => "a mail to it bounced",
            Self::Complaint => "its reader complained of a mail",
        }
    }
}

/// What the mail service told of one mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// Of the event: every copy of it has the same.
    pub event_id: String,
    /// What became of the mail.
    pub kind: Kind,
    /// When, by the mail service.
    pub at: Timestamp,
    /// What the receiving side said, if anything: one line.
    pub detail: Option<String>,
}

impl Feedback {
    /// With what the receiving side said cut to a line that may be kept.
    pub fn new(event_id: String, kind: Kind, at: Timestamp, said: Option<&str>) -> Self {
        let said: Option<String> =
            said.map(|said| said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
        let cut = said.map(|said| said[..said.floor_char_boundary(MAX_DETAIL)].trim().to_owned());
        Self { event_id, kind, at, detail: cut.filter(|said| !said.is_empty()) }
    }
}

/// An address that a tenant's mails do not go to until somebody enables it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisabledAddress {
    /// Whose mails.
    pub tenant: String,
    /// The address, folded.
    pub address: String,
    /// Why.
    pub feedback: Feedback,
    /// Of which request the mail was that showed it.
    pub request: RequestId,
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// Since when.
    pub disabled_at: Timestamp,
}

impl DisabledAddress {
    /// Why nothing is sent, for people.
    pub fn reason(&self) -> String {
        let said = self.feedback.detail.as_ref().map_or_else(String::new, |said| format!(": {said}"));
        format!("the address is disabled, for {}{said}", self.feedback.kind.told())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_for_good_disables() {
        let disabling = [Kind::PermanentBounce, Kind::TransientBounce, Kind::UndeterminedBounce, Kind::Complaint];
        assert_eq!(disabling.map(Kind::disables), [true, false, false, true]);
    }

    #[test]
    fn what_a_stranger_said_is_one_line_of_bounded_length() {
        let kept = |said| Feedback::new("e".into(), Kind::Complaint, Timestamp::UNIX_EPOCH, said).detail;
        assert_eq!(kept(Some("smtp; 550\r\n no such user ")), Some("smtp; 550   no such user".to_owned()));
        assert_eq!((kept(None), kept(Some(" \n"))), (None, None));
        assert_eq!(kept(Some(&"é".repeat(400))).map(|said| said.len()), Some(300));
    }
}
