//! Jira, where a report's end can be told in an issue: keys, a tenant's settings, and the texts that it is told in.

mod key;
mod template;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::{
    key::{IssueKey, KeyFault, ProjectKey},
    template::{Line, Span, Style, Template, TemplateFault, VARIABLES, Values},
};
use super::message::EventKind;

/// Issue type of a tenant's issues, unless set.
pub const DEFAULT_ISSUE_TYPE: &str = "Task";

/// Longest summary that Jira takes, in characters.
pub const MAX_SUMMARY: usize = 255;

/// How a tenant's reports are told of in Jira. The operator decides, never who asks for a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// A Jira of the tenant's own; none: the stack's.
    #[serde(default)]
    pub site: Option<Site>,
    /// Where issues are made.
    pub project: ProjectKey,
    /// Projects besides, whose issues may be commented.
    #[serde(default)]
    pub comment_projects: BTreeSet<ProjectKey>,
    /// Name or number of the issues' type.
    pub issue_type: String,
    /// Account id (Cloud) or user name (Data Center) that issues are assigned to.
    #[serde(default)]
    pub assignee: Option<String>,
    /// The issue that they are made under.
    #[serde(default)]
    pub parent: Option<IssueKey>,
    /// Labels, besides the one that finds the issue again.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Texts of what is told of a file.
    #[serde(default)]
    pub texts: Texts,
    /// Texts of what is told of a failure.
    #[serde(default)]
    pub failure_texts: Texts,
    /// Whether the password of an archive stands beside its link.
    #[serde(default)]
    pub password: PasswordRule,
    /// Whether it is told that a report failed.
    #[serde(default = "yes")]
    pub on_failure: bool,
}

const fn yes() -> bool {
    true
}

impl Settings {
    /// Whether an issue of that project may be commented.
    pub fn may_comment_in(&self, project: &str) -> bool {
        self.project.as_str() == project || self.comment_projects.iter().any(|other| other.as_str() == project)
    }

    /// Whether that event is told.
    pub const fn takes(&self, event: EventKind) -> bool {
        match event {
            EventKind::ReportSucceeded | EventKind::ReportDivergent => true,
            EventKind::ReportFailed => self.on_failure,
            _ => false,
        }
    }
}

/// A Jira.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// https, with a context path if it has one, without a final slash.
    pub base_url: String,
    /// Which of the two.
    pub kind: Kind,
    /// Whose token it is; empty where the token says it.
    #[serde(default)]
    pub email: String,
    /// API token (Cloud) or personal access token (Data Center), sealed for the tenant's row.
    pub token_sealed: String,
}

/// Atlassian's two Jiras, which differ in what they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// REST API 3, documents in Atlassian Document Format, e-mail address and API token.
    #[default]
    Cloud,
    /// REST API 2, wiki markup, a personal access token.
    Datacenter,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cloud, Self::Datacenter];

    /// Name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Datacenter => "datacenter",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Whether the generated password of an archive stands in the issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordRule {
    /// Beside the link, as Eclipse's tickets have it: whoever may read the issue can open the file.
    #[default]
    Told,
    /// Nowhere in Jira: it is read through the API.
    Withheld,
}

impl PasswordRule {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Told, Self::Withheld];

    /// Name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Withheld => "withheld",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// Templates of an issue; none: the built-in ones. A comment has the description's text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Texts {
    /// Its one line.
    #[serde(default)]
    pub summary: Option<String>,
    /// Paragraphs, with empty lines between.
    #[serde(default)]
    pub description: Option<String>,
}

const SUMMARY: &str = "Report {{data.reportId}} is ready";

const DESCRIPTION: &str = "The report {{data.reportId}} is ready.
Rows: {{data.rows}}
Checks that did not hold: {{data.failedChecks}}

Download: {{data.reportUrl}}
Password: {{data.password}}
{{data.passwordNote}}
The link works until {{data.linkExpiresAt}}.

Request {{data.requestId}}, delivery {{data.deliveryId}}.";

const EMPTY_SUMMARY: &str = "Report {{data.reportId}} has no rows";

const EMPTY_DESCRIPTION: &str = "The report {{data.reportId}} was made, and has no rows: there is nothing to download.

Request {{data.requestId}}, delivery {{data.deliveryId}}.";

const FAILURE_SUMMARY: &str = "Report {{data.reportId}} failed";

const FAILURE_DESCRIPTION: &str = "The report {{data.reportId}} failed: {{data.failureDetail}} ({{data.failureCode}})
What to do: {{data.nextAction}}

Request {{data.requestId}}, delivery {{data.deliveryId}}.";

impl Settings {
    /// Templates of summary and description for that event; `empty` if it is told that there are no rows. What was recorded was judged then, so a template that
    /// cannot be read any more gives way to the built-in one.
    pub fn templates(&self, event: EventKind, empty: bool) -> (Template, Template) {
        let (texts, summary, description) = match event {
            EventKind::ReportFailed => (&self.failure_texts, FAILURE_SUMMARY, FAILURE_DESCRIPTION),
            _ if empty => (&self.texts, EMPTY_SUMMARY, EMPTY_DESCRIPTION),
            _ => (&self.texts, SUMMARY, DESCRIPTION),
        };
        let parsed = |own: &Option<String>, built_in| {
            own.as_deref().and_then(|text| Template::parse(text).ok()).unwrap_or_else(|| Template::built_in(built_in))
        };
        (parsed(&texts.summary, summary), parsed(&texts.description, description))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        serde_json::from_str(r#"{"project":"OPS","issue_type":"Task","comment_projects":["SUP"]}"#).unwrap()
    }

    #[test]
    fn comments_stay_in_the_projects_that_are_named() {
        let settings = settings();
        assert!(settings.may_comment_in("OPS") && settings.may_comment_in("SUP"));
        assert!(!settings.may_comment_in("OP") && !settings.may_comment_in(""));
    }

    #[test]
    fn failures_are_told_by_setting() {
        let settings = settings();
        let told = |settings: &Settings| {
            EventKind::SUBSCRIBABLE.into_iter().filter(|event| settings.takes(*event)).collect::<Vec<_>>()
        };
        let with_file = [EventKind::ReportSucceeded, EventKind::ReportDivergent];
        assert_eq!(told(&Settings { on_failure: false, ..settings.clone() }), with_file);
        assert!(told(&settings).contains(&EventKind::ReportFailed), "unless the operator wants it otherwise");
        assert_eq!(told(&settings).len(), 3);
    }

    #[test]
    fn every_built_in_template_is_one() {
        for text in [SUMMARY, DESCRIPTION, EMPTY_SUMMARY, EMPTY_DESCRIPTION, FAILURE_SUMMARY, FAILURE_DESCRIPTION] {
            assert!(Template::parse(text).is_ok(), "{text}");
        }
    }
}
