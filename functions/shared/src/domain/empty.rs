//! What becomes of a report without rows. It is a success like any other; who is told of it, and what, is the caller's
//! choice.

use serde::{Deserialize, Serialize};

use super::{message::EventKind, request::Request};

/// What receivers are told of a report that succeeded with no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenEmpty {
    /// The same as of any other.
    #[default]
    Send,
    /// Nothing.
    Skip,
    /// That there were no rows, without a link.
    Notify,
}

impl WhenEmpty {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Send, Self::Skip, Self::Notify];

    /// Name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Skip => "skip",
            Self::Notify => "notify",
        }
    }

    /// The policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }

    /// Whether it is as if nobody had said anything.
    pub fn is_send(&self) -> bool {
        *self == Self::Send
    }
}

/// What an event's receivers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// What there is.
    All,
    /// That there are no rows.
    NoRows,
    /// Nothing: the event goes to the event bus alone.
    Nothing,
}

impl Request {
    /// What receivers are told of its event, by its policy for empty reports. Whoever was given no link to a file is not
    /// told of the file's end either. A report whose checks did not hold is told of as it is: that is news, rows or not.
    pub fn telling(&self, event: EventKind) -> Telling {
        let empty =
            self.file.as_ref().is_some_and(|file| file.rows == 0) && self.checks.iter().all(|check| check.passed);
        match (self.when_empty, event) {
            _ if !empty => Telling::All,
            (WhenEmpty::Skip, EventKind::ReportSucceeded | EventKind::ReportExpired)
            | (WhenEmpty::Notify, EventKind::ReportExpired) => Telling::Nothing,
            (WhenEmpty::Notify, EventKind::ReportSucceeded) => Telling::NoRows,
            _ => Telling::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        check::{CheckKind, CheckOutcome},
        outcome::ReportFile,
        request::tests::{file, queued},
    };

    use EventKind::{ReportCancelled, ReportDivergent, ReportExpired, ReportFailed, ReportSucceeded};

    fn telling(when_empty: WhenEmpty, rows: Option<u64>, passed: bool, event: EventKind) -> Telling {
        let check = CheckOutcome {
            name: "rows".into(),
            kind: CheckKind::Rows,
            passed,
            expected: None,
            actual: None,
            detail: String::new(),
        };
        let file = rows.map(|rows| ReportFile { rows, ..file(1) });
        Request { when_empty, file, checks: vec![check], ..queued() }.telling(event)
    }

    #[test]
    fn each_policy_tells_what_it_says() {
        let of_empty = |policy, event| telling(policy, Some(0), true, event);
        assert_eq!(of_empty(WhenEmpty::Send, ReportSucceeded), Telling::All);
        assert_eq!(of_empty(WhenEmpty::Send, ReportExpired), Telling::All);
        assert_eq!(of_empty(WhenEmpty::Skip, ReportSucceeded), Telling::Nothing);
        assert_eq!(of_empty(WhenEmpty::Skip, ReportExpired), Telling::Nothing);
        assert_eq!(of_empty(WhenEmpty::Notify, ReportSucceeded), Telling::NoRows);
        assert_eq!(of_empty(WhenEmpty::Notify, ReportExpired), Telling::Nothing);
    }

    #[test]
    fn whatever_is_not_empty_or_did_not_go_well_is_told() {
        for policy in WhenEmpty::ALL {
            assert_eq!(WhenEmpty::from_name(policy.name()), Some(policy));
            assert_eq!(serde_json::to_value(policy).unwrap(), policy.name());
            assert_eq!(telling(policy, Some(1), true, ReportSucceeded), Telling::All);
            assert_eq!(telling(policy, None, true, ReportFailed), Telling::All);
            assert_eq!(telling(policy, None, true, ReportCancelled), Telling::All);
            assert_eq!(telling(policy, Some(0), false, ReportDivergent), Telling::All);
            assert_eq!(telling(policy, Some(0), false, ReportExpired), Telling::All, "as its beginning was");
        }
    }
}
