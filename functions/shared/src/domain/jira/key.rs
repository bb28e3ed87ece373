//! Keys of projects and issues, as Jira writes them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest key of a project. Jira's default is 10, and operators of a Data Center may allow more.
const MAX_PROJECT: usize = 32;

/// Most digits of an issue's number.
const MAX_DIGITS: usize = 12;

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Of a project.
    #[error("must be the key of a Jira project: 2 to {MAX_PROJECT} of A-Z, 0-9 and _, first a letter")]
    Project,
    /// Of an issue.
    #[error("must be the key of a Jira issue, such as ABC-123")]
    Issue,
}

/// Key of a project: `ABC`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectKey(String);

impl ProjectKey {
    /// As Jira writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectKey {
    type Err = KeyFault;

    fn from_str(text: &str) -> Result<Self, KeyFault> {
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
        let all = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let fits = first && all && (2..=MAX_PROJECT).contains(&text.len());
        if fits { Ok(Self(text.to_owned())) } else { Err(KeyFault::Project) }
    }
}

/// Key of an issue: its project's, and its number there. What is one can stand in a path and in a query as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssueKey(String);

impl IssueKey {
    /// As Jira writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Key of its project.
    pub fn project(&self) -> &str {
        self.0.rsplit_once('-').map_or("", |(project, _)| project)
    }
}

impl FromStr for IssueKey {
    type Err = KeyFault;

    fn from_str(text: &str) -> Result<Self, KeyFault> {
        let (project, number) = text.rsplit_once('-').ok_or(KeyFault::Issue)?;
        let numbered = (1..=MAX_DIGITS).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && !number.starts_with('0');
        if numbered && project.parse::<ProjectKey>().is_ok() { Ok(Self(text.to_owned())) } else { Err(KeyFault::Issue) }
    }
}

impl TryFrom<String> for ProjectKey {
    type Error = KeyFault;

    fn try_from(text: String) -> Result<Self, KeyFault> {
        text.parse()
    }
}

impl TryFrom<String> for IssueKey {
    type Error = KeyFault;

    fn try_from(text: String) -> Result<Self, KeyFault> {
        text.parse()
    }
}

impl From<ProjectKey> for String {
    fn from(key: ProjectKey) -> Self {
        key.0
    }
}

impl From<IssueKey> for String {
    fn from(key: IssueKey) -> Self {
        key.0
    }
}

impl fmt::Display for ProjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for IssueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_what_jira_writes() {
        for good in ["AB-1", "ABC-123", "A1_B-999999999999", &format!("{}-1", "A".repeat(32))] {
            let key: IssueKey = good.parse().unwrap();
            assert_eq!(format!("{}-{}", key.project(), good.rsplit_once('-').unwrap().1), good);
        }
        for bad in [
            "",
            "-",
            "ABC",
            "ABC-",
            "-1",
            "A-1",
            "abc-1",
            "1BC-1",
            "_BC-1",
            "ABC-0",
            "ABC-01",
            "ABC--1",
            "ABC-1 ",
            " ABC-1",
            "ABC-1/../2",
            "ABC-1?x",
            "ABC-1a",
            "ABC-１",
            "ÄBC-1",
            "A-B-1",
            "ABC-1234567890123",
            "ABC-1\n",
        ] {
            assert_eq!(bad.parse::<IssueKey>(), Err(KeyFault::Issue), "{bad:?}");
        }
        assert_eq!("A".repeat(33).parse::<ProjectKey>(), Err(KeyFault::Project));
        assert!(serde_json::from_str::<IssueKey>("\"nonsense\"").is_err(), "a row is read as strictly");
    }

    proptest! {
        #[test]
        fn what_passes_needs_no_escaping(text in "\\PC{0,12}|[A-Z]{1,3}-[0-9]{1,4}") {
            if let Ok(key) = text.parse::<IssueKey>() {
                prop_assert!(key.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
                prop_assert!(key.project().parse::<ProjectKey>().is_ok());
            }
        }
    }
}
