//! How a tenant's reports are told of in Jira, as its settings say it.
//!
//! What `GET` shows can be put back as it is: a token is not shown, and one that is not sent stays, unless the site
//! moves elsewhere.

mod texts;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use waybill::{
    accept::{
        Fault,
        fields::{Faults, Fields},
    },
    domain::{
        jira::{DEFAULT_ISSUE_TYPE, IssueKey, KeyFault, Kind, PasswordRule, ProjectKey, Settings, Site},
        secret::Secret,
    },
    guard::Guard,
};

use crate::openapi::{
    parts::https_url,
    schema::{Schema, bytes, defaulted, described, flag, list_of_at_most, names, pattern, sent},
};

/// What is decided by the operator.
const FIELDS: [&str; 12] = [
    "site",
    "project",
    "comment_projects",
    "issue_type",
    "assignee",
    "parent",
    "labels",
    "summary",
    "description",
    "failure",
    "password",
    "on_failure",
];

const SITE_FIELDS: [&str; 5] = ["base_url", "kind", "email", "token", "token_set"];

/// Longest name of an issue type, an assignee or a label, in bytes: the latter's limit in Jira.
const MAX_NAME: usize = 255;

/// Longest token, in bytes: Atlassian's API tokens have 192 characters.
const MAX_TOKEN: usize = 1024;

/// Projects besides the tenant's own.
const MAX_PROJECTS: usize = 20;

const MAX_LABELS: usize = 20;

/// What is wanted: the settings but for the site's token.
pub struct WantedJira {
    settings: Settings,
    /// None: the one that is recorded.
    token: Option<Secret<String>>,
}

/// Reads `jira`; none: it is not told of there.
pub fn read(fields: &Fields, faults: &Faults) -> Option<WantedJira> {
    let jira = fields.object("jira", &FIELDS)?;
    if jira.get("project").is_none() {
        faults.add(jira.pointer("project"), "missing", "Required: the key of the project that issues are made in.");
    }
    let (site, token) = read_site(&jira, faults).map_or((None, None), |(site, token)| (Some(site), token));
    let project = key(&jira, "project", faults);
    let settings = Settings {
        site,
        comment_projects: projects(&jira, faults),
        issue_type: jira.text("issue_type", MAX_NAME).unwrap_or(DEFAULT_ISSUE_TYPE).to_owned(),
        assignee: jira.text("assignee", MAX_NAME).map(str::to_owned),
        parent: key::<IssueKey>(&jira, "parent", faults),
        labels: labels(&jira, faults),
        texts: texts::read(&jira, faults),
        failure_texts: jira
            .object("failure", &["summary", "description"])
            .map(|failure| texts::read(&failure, faults))
            .unwrap_or_default(),
        password: jira
            .choice("password", PasswordRule::from_name, &PasswordRule::ALL.map(PasswordRule::name))
            .unwrap_or_default(),
        on_failure: jira.boolean("on_failure").unwrap_or(true),
        // Last, so that all else is read, and its faults are found, without one.
        project: project?,
    };
    Some(WantedJira { settings, token })
}

/// `token_set` is what is shown of a token; nobody sets it.
fn read_site(jira: &Fields, faults: &Faults) -> Option<(Site, Option<Secret<String>>)> {
    let site = jira.object("site", &SITE_FIELDS)?;
    site.boolean("token_set");
    let kind = site.choice("kind", Kind::from_name, &Kind::ALL.map(Kind::name)).unwrap_or_default();
    let email = site.text("email", MAX_NAME);
    if kind == Kind::Cloud && site.get("email").is_none() {
        faults.add(site.pointer("email"), "missing", "Required for Jira Cloud: whose token it is.");
    }
    if email.is_some_and(|email| !email.bytes().all(|b| b.is_ascii_graphic()) || email.contains(':')) {
        faults.add(site.pointer("email"), "format", "Must be an e-mail address of ASCII characters.");
    }
    let token = site.text("token", MAX_TOKEN);
    if token.is_some_and(|token| !token.bytes().all(|b| b.is_ascii_graphic())) {
        faults.add(site.pointer("token"), "format", "Must be printable ASCII characters without spaces.");
    }
    let base_url = site.required_text("base_url", 2048)?.trim_end_matches('/').to_owned();
    let email = email.unwrap_or_default().to_owned();
    let site = Site { base_url, kind, email, token_sealed: String::new() };
    Some((site, token.map(|token| Secret::new(token.to_owned()))))
}

fn key<K: std::str::FromStr<Err = KeyFault>>(jira: &Fields, name: &str, faults: &Faults) -> Option<K> {
    let read = jira.any_text(name)?.parse();
    read.inspect_err(|fault| faults.add(jira.pointer(name), "format", sentence(*fault))).ok()
}

fn sentence(fault: KeyFault) -> String {
    let text = fault.to_string();
    format!("Must{}.", text.strip_prefix("must").unwrap_or(&text))
}

fn projects(jira: &Fields, faults: &Faults) -> BTreeSet<ProjectKey> {
    let entries = jira.list("comment_projects", MAX_PROJECTS).into_iter();
    let keys = entries.filter_map(|(at, entry)| {
        let key = entry.as_str().and_then(|text| text.parse().ok());
        if key.is_none() {
            faults.add(at, "format", sentence(KeyFault::Project));
        }
        key
    });
    keys.collect()
}

fn labels(jira: &Fields, faults: &Faults) -> Vec<String> {
    let entries = jira.list("labels", MAX_LABELS).into_iter();
    let labels = entries.filter_map(|(at, entry)| {
        let fits = |text: &&str| (1..=MAX_NAME).contains(&text.len()) && !text.contains(char::is_whitespace);
        let label = entry.as_str().filter(fits).filter(|text| !text.contains(char::is_control));
        if label.is_none() {
            faults.add(at, "format", format!("Must be a text of 1 to {MAX_NAME} bytes without spaces."));
        }
        label.map(str::to_owned)
    });
    labels.collect()
}

impl WantedJira {
    /// What only the guard, the stack and the recorded settings tell.
    pub fn faults(&self, guard: &Guard, stack_has_one: bool, before: Option<&Settings>) -> Vec<Fault> {
        let Some(site) = &self.settings.site else {
            let detail = "This stack has no Jira of its own (`JiraBaseUrl`): name the tenant's.";
            let missing = || Fault::new("/jira/site", "missing", detail);
            return (!stack_has_one).then(missing).into_iter().collect();
        };
        let mut faults = Vec::new();
        match guard.check_url(&site.base_url) {
            Ok(target) if target.url().query().is_some() => {
                faults.push(Fault::new("/jira/site/base_url", "format", "Must have no query."));
            }
            Ok(_) => {}
            Err(refused) => faults.push(Fault::new("/jira/site/base_url", "url_refused", refused.to_string())),
        }
        if self.token.is_none() && kept(site, before).is_none() {
            let detail = "Required: no token is recorded for this site and address.";
            faults.push(Fault::new("/jira/site/token", "missing", detail));
        }
        faults
    }

    /// A token that is yet to be sealed.
    pub fn sent(&self) -> Option<&Secret<String>> {
        self.token.as_ref()
    }

    /// As they are recorded, with the sealed form of what was sent.
    pub fn recorded(self, sealed: Option<String>, before: Option<&Settings>) -> Settings {
        let site = self.settings.site.and_then(|site| {
            let token_sealed = sealed.or_else(|| kept(&site, before).map(str::to_owned))?;
            Some(Site { token_sealed, ..site })
        });
        Settings { site, ..self.settings }
    }
}

/// The token that is recorded for the same site and address: it is never sent anywhere else.
fn kept<'a>(site: &Site, before: Option<&'a Settings>) -> Option<&'a str> {
    let known = before?.site.as_ref()?;
    let same = (&known.base_url, &known.email, known.kind) == (&site.base_url, &site.email, site.kind);
    same.then_some(known.token_sealed.as_str())
}

/// Everything but the token, of which only its being there is told.
pub fn describe(settings: &Settings) -> Value {
    let site = settings.site.as_ref().map(|site| {
        let email = (!site.email.is_empty()).then_some(&site.email);
        json!({ "base_url": site.base_url, "kind": site.kind, "email": email, "token_set": true })
    });
    json!({
        "site": site,
        "project": settings.project,
        "comment_projects": settings.comment_projects,
        "issue_type": settings.issue_type,
        "assignee": settings.assignee,
        "parent": settings.parent,
        "labels": settings.labels,
        "summary": settings.texts.summary,
        "description": settings.texts.description,
        "failure": settings.failure_texts,
        "password": settings.password,
        "on_failure": settings.on_failure,
    })
}

/// `jira`, as the API's description has it.
pub fn schema() -> Schema {
    let project = || pattern("^[A-Z][A-Z0-9_]{1,9}$");
    sent(&FIELDS, &["project"], |name| match name {
        "site" => sent(&SITE_FIELDS, &["base_url"], |name| match name {
            "base_url" => https_url(),
            "kind" => names(Kind::ALL.map(Kind::name)),
            "email" => described(pattern("^[!-9;-~]{1,255}$"), "Required for Jira Cloud: whose token it is."),
            "token" => described(pattern("^[!-~]{1,1024}$"), "Need not be sent again for the same site."),
            "token_set" => described(flag(), "As it is shown; nobody sets it."),
            _ => Value::Null,
        }),
        "project" => described(project(), "Key of the project that issues are made in."),
        "comment_projects" => list_of_at_most(project(), MAX_PROJECTS),
        "issue_type" => defaulted(bytes(MAX_NAME), DEFAULT_ISSUE_TYPE),
        "assignee" => bytes(MAX_NAME),
        "parent" => pattern("^[A-Z][A-Z0-9_]{1,9}-[1-9][0-9]{0,8}$"),
        "labels" => list_of_at_most(pattern("^[!-~]{1,255}$"), MAX_LABELS),
        "summary" | "description" => described(texts::schema(name), "A template."),
        "failure" => sent(&["summary", "description"], &[], texts::schema),
        "password" => names(PasswordRule::ALL.map(PasswordRule::name)),
        "on_failure" => defaulted(flag(), true),
        _ => Value::Null,
    })
}

#[cfg(test)]
#[path = "jira_tests.rs"]
mod tests;
