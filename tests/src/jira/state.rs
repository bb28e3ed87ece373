//! What the stand-in keeps.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::domain::jira::Kind;

/// What can be asked of Jira.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `POST …/issue`.
    Create,
    /// `POST …/issue/{key}/comment`.
    Comment,
    /// `GET …/issue/{key}/comment`.
    Comments,
    /// `POST …/search/jql`, or `…/search`.
    Search,
    /// `GET …/issue/{key}/properties/{property}`.
    Property,
}

/// How a request is met.
#[derive(Debug, Clone)]
pub enum Mood {
    /// Answered so, and nothing is done.
    Answer {
        /// HTTP status.
        status: u16,
        /// Seconds, if it is sent.
        retry_after: Option<u32>,
        /// Body.
        body: Value,
    },
    /// Nothing is done, and nothing answered.
    Silence,
    /// Done, and the connection breaks before the answer.
    DoneAndLost,
    /// Done, and answered with that status.
    DoneAndAnswered(u16),
    /// Done, and answered when nobody waits any more.
    DoneAndLate,
}

impl Mood {
    /// An answer in the shape of Atlassian's `ErrorCollection`.
    pub fn error(status: u16, message: &str) -> Self {
        Self::Answer { status, retry_after: None, body: json!({ "errorMessages": [message], "errors": {} }) }
    }

    /// An answer that asks to come again after so many seconds.
    pub fn busy(status: u16, seconds: u32) -> Self {
        let body = json!({ "errorMessages": ["Rate limit exceeded."], "errors": {} });
        Self::Answer { status, retry_after: Some(seconds), body }
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What for.
    pub operation: Operation,
    /// Its body; null without one.
    pub body: Value,
    /// When.
    pub at: Timestamp,
}

/// An issue.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Its key.
    pub key: String,
    /// Its fields as they were sent.
    pub fields: Value,
    /// Values of its properties, by key.
    pub properties: BTreeMap<String, Value>,
    /// Comments as they were sent, in order.
    pub comments: Vec<Value>,
    id: u64,
    made: Instant,
}

impl Issue {
    /// All text of its description.
    pub fn description(&self) -> String {
        super::document::text(&self.fields["description"])
    }

    /// All text of a comment.
    pub fn comment(&self, index: usize) -> String {
        super::document::text(&self.comments[index]["body"])
    }

    /// As Jira names it.
    pub fn reference(&self, base: &str) -> Value {
        let id = self.id.to_string();
        json!({ "id": id, "key": self.key, "self": format!("{base}/issue/{id}") })
    }
}

/// All of it.
pub struct State {
    /// Which Jira it stands for.
    pub kind: Kind,
    /// Every issue.
    pub issues: Vec<Issue>,
    /// Every request.
    pub log: Vec<Asked>,
    /// How requests are met.
    pub moods: BTreeMap<Operation, VecDeque<Mood>>,
    /// How long a new issue is not found.
    pub index_lag: Duration,
}

impl State {
    /// An empty Jira.
    pub fn new(kind: Kind) -> Self {
        Self { kind, issues: vec![], log: vec![], moods: BTreeMap::new(), index_lag: Duration::ZERO }
    }

    /// Whether there is such a project.
    pub fn has_project(key: &str) -> bool {
        matches!(key, "OPS" | "SUP")
    }

    /// Adds an issue, with properties as they are sent.
    pub fn add(&mut self, project: &str, fields: Value, properties: &[Value]) -> Issue {
        let number = self.issues.len() + 1;
        let property = |property: &Value| Some((property["key"].as_str()?.to_owned(), property["value"].clone()));
        let issue = Issue {
            key: format!("{project}-{number}"),
            fields,
            properties: properties.iter().filter_map(property).collect(),
            comments: vec![],
            id: 10_000 + u64::try_from(number).unwrap(),
            made: Instant::now(),
        };
        self.issues.push(issue.clone());
        issue
    }

    /// The issue with that key.
    pub fn issue(&self, key: &str) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.key == key)
    }

    /// The issues with that label that the index knows.
    pub fn labelled(&self, label: &str) -> Vec<&Issue> {
        let has = |issue: &&Issue| issue.fields["labels"].as_array().is_some_and(|all| all.contains(&json!(label)));
        self.issues.iter().filter(|issue| issue.made.elapsed() >= self.index_lag).filter(has).collect()
    }

    /// The mood that the next request of that kind meets.
    pub fn mood(&mut self, operation: Operation) -> Option<Mood> {
        self.moods.get_mut(&operation)?.pop_front()
    }
}
