//! The body of a request, read strictly: unknown fields are refused, every fault is found at once.

mod output;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

pub use self::output::{OUTPUT_FIELDS, PACKAGE_FIELDS, PackageAsk, SPLIT_FIELDS, add_when_empty, add_wishes};
use super::{
    Fault,
    fields::{Faults, Fields},
};
use crate::domain::{
    delivery::Target,
    email::{Address, InvalidAddress, MAX_RECIPIENTS},
    empty::WhenEmpty,
    outcome::{Format, Packaging},
    style::Style,
    wrapping::Split,
};

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Id of the report.
    pub report: String,
    /// As given; checked against the definition later.
    pub parameters: Map<String, Json>,
    /// Which rows are wanted, as given; checked against the definition later.
    pub filter: Option<Json>,
    /// None: the report's default.
    pub format: Option<Format>,
    /// What is to be written otherwise than the definition says; checked against it later.
    pub style: Style,
    /// Into parts.
    pub split: Option<Split>,
    /// None: the tenant's default.
    pub packaging: Option<Packaging>,
    /// How it is to be wrapped.
    pub package: PackageAsk,
    /// None: nobody is told.
    pub delivery: Option<Target>,
    /// What is told if there are no rows.
    pub when_empty: WhenEmpty,
    /// None: the tenant's own.
    pub presenter_id: Option<Uuid>,
    /// Only say whether it would be accepted.
    pub validate_only: bool,
    /// Be content with an identical request in flight.
    pub coalesce: bool,
}

/// Fields of a body.
pub const FIELDS: [&str; 13] = [
    "report",
    "parameters",
    "filter",
    "format",
    "output",
    "split",
    "packaging",
    "package",
    "delivery",
    "when_empty",
    "presenter_id",
    "validate_only",
    "coalesce",
];

/// Longest URL that is kept with a request, in bytes.
pub const MAX_URL: usize = 2048;

impl Ask {
    /// Reads a body, `{report, parameters?, format?, …}`, and what is wrong with it. With a report, the rest can be
    /// checked in spite of faults, so that all are told at once; without one, nothing can.
    pub fn parse(body: &Json) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let faults = Faults::default();
        let ask = Fields::of(body, "", &FIELDS, &faults).and_then(|fields| Self::read(&fields, &faults));
        let faults = faults.into_vec();
        match ask {
            Some(ask) => Ok((ask, faults)),
            None => Err(faults),
        }
    }

    fn read(fields: &Fields<'_>, faults: &Faults) -> Option<Self> {
        if fields.get("report").is_none() {
            faults.add("/report", "missing", "Required.");
        }
        let policy = fields.choice("when_empty", WhenEmpty::from_name, &WhenEmpty::ALL.map(WhenEmpty::name));
        let report = fields.any_text("report").map(str::to_owned);
        let ask = Self {
            report: report.clone().unwrap_or_default(),
            parameters: parameters(fields, faults),
            filter: fields.get("filter").cloned(),
            format: fields.choice("format", Format::from_name, &Format::ALL.map(Format::name)),
            style: output::style(fields),
            split: output::split(fields, faults),
            packaging: fields.choice("packaging", Packaging::from_name, &Packaging::ALL.map(Packaging::name)),
            package: PackageAsk::read(fields),
            delivery: delivery(fields, faults),
            when_empty: policy.unwrap_or_default(),
            presenter_id: presenter(fields, faults),
            validate_only: fields.flag("validate_only"),
            coalesce: fields.flag("coalesce"),
        };
        report.map(|_| ask)
    }
}

fn parameters(fields: &Fields<'_>, faults: &Faults) -> Map<String, Json> {
    let Some(given) = fields.get("parameters") else { return Map::new() };
    let parameters = given.as_object().cloned();
    parameters.unwrap_or_else(|| {
        faults.add("/parameters", "type", "Must be an object of the report's parameters.");
        Map::new()
    })
}

fn presenter(fields: &Fields<'_>, faults: &Faults) -> Option<Uuid> {
    let read = Uuid::try_parse(fields.any_text("presenter_id")?);
    if read.is_err() {
        faults.add("/presenter_id", "format", "Must be a UUID.");
    }
    read.ok()
}

/// Ways to a receiver; a delivery names one.
pub const CHANNELS: [&str; 4] = ["webhook", "endpoint", "email", "jira"];

/// `{webhook: {url}}`, `{endpoint: id}`, `{email: {to: […]}}` or `{jira: {issue?}}`, one of them.
fn delivery(fields: &Fields<'_>, faults: &Faults) -> Option<Target> {
    let channels = fields.object("delivery", &CHANNELS)?;
    let shape = concat!(
        r#"Must be one of {"webhook": {"url": "https://…"}}, {"endpoint": "end_…"}, "#,
        r#"{"email": {"to": ["name@example.com"]}} and {"jira": {}}."#,
    );
    let named: Vec<&str> = CHANNELS.into_iter().filter(|channel| channels.get(channel).is_some()).collect();
    match named[..] {
        ["webhook"] => one_off(&channels.object("webhook", &["url"])?, faults),
        ["endpoint"] => registered(&channels, faults),
        ["email"] => mailed(&channels.object("email", &["to"])?, faults),
        ["jira"] => jira(&channels.object("jira", &["issue"])?, faults),
        [] => {
            faults.add("/delivery/webhook", "missing", shape);
            None
        }
        _ => {
            faults.add("/delivery", "not_allowed", shape);
            None
        }
    }
}

/// Whether the tenant may have it is looked at later.
fn jira(jira: &Fields<'_>, faults: &Faults) -> Option<Target> {
    if jira.get("issue").is_none() {
        return Some(Target::Jira { issue: None });
    }
    let issue = jira.any_text("issue")?.parse().ok();
    if issue.is_none() {
        faults.add(jira.pointer("issue"), "format", "Must be the key of a Jira issue, such as ABC-123.");
    }
    issue.map(|issue| Target::Jira { issue: Some(issue) })
}

/// The guard looks at the URL later.
fn one_off(webhook: &Fields<'_>, faults: &Faults) -> Option<Target> {
    if webhook.get("url").is_none() {
        faults.add(webhook.pointer("url"), "missing", "Required.");
    }
    let url = webhook.any_text("url")?;
    if url.len() > MAX_URL {
        faults.add(webhook.pointer("url"), "out_of_range", format!("Must be at most {MAX_URL} bytes long."));
        return None;
    }
    Some(Target::webhook(url))
}

/// Whether there is such an endpoint is looked up later; what cannot be an id is none.
fn registered(channels: &Fields<'_>, faults: &Faults) -> Option<Target> {
    let id = channels.any_text("endpoint")?.parse().ok();
    if id.is_none() {
        faults.add("/delivery/endpoint", "unknown_endpoint", "There is no such endpoint.");
    }
    id.map(|id| Target::Endpoint { id })
}

/// Whether those domains may be written to is looked up later.
fn mailed(email: &Fields<'_>, faults: &Faults) -> Option<Target> {
    if email.get("to").is_none() {
        faults.add(email.pointer("to"), "missing", "Required: a list of addresses.");
        return None;
    }
    let entries = email.list("to", MAX_RECIPIENTS);
    if entries.is_empty() && email.get("to").is_some_and(|to| to.as_array().is_some_and(Vec::is_empty)) {
        faults.add(email.pointer("to"), "out_of_range", "At least one.");
    }
    let mut to: Vec<Address> = Vec::new();
    for (at, entry) in entries {
        let Some(text) = entry.as_str() else {
            faults.add(at, "type", "Must be a text.");
            continue;
        };
        match Address::parse(text) {
            Ok(address) if to.iter().any(|other| other.folded() == address.folded()) => {
                faults.add(at, "not_allowed", "The address is listed already.");
            }
            Ok(address) => to.push(address),
            Err(error) => faults.add(at, "format", sentence(error)),
        }
    }
    Some(Target::email(to.iter().map(ToString::to_string).collect()))
}

/// An error that begins with `must`.
fn sentence(error: InvalidAddress) -> String {
    let text = error.to_string();
    format!("M{}.", text.strip_prefix('m').unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(body: &Json) -> Vec<(String, &'static str)> {
        Ask::parse(body)
            .map_or_else(|faults| faults, |(_, faults)| faults)
            .into_iter()
            .map(|fault| (fault.pointer, fault.code))
            .collect()
    }

    #[test]
    fn a_full_body_is_read() {
        let ask = Ask::parse(&json!({
            "report": "r", "parameters": {"a": 1}, "format": "ndjson", "packaging": "plain",
            "delivery": {"webhook": {"url": "https://example.com/"}}, "coalesce": true, "validate_only": false,
            "presenter_id": "01a20232-b327-721a-aae1-50376ffb3397", "when_empty": "notify",
        }))
        .unwrap()
        .0;
        assert_eq!(ask.format, Some(Format::Ndjson));
        assert_eq!(ask.packaging, Some(Packaging::Plain));
        assert_eq!(ask.delivery, Some(Target::webhook("https://example.com/")));
        assert_eq!(ask.when_empty, WhenEmpty::Notify);
        assert!(ask.coalesce && !ask.validate_only && ask.presenter_id.is_some());
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let found = faults(&json!({
            "parameters": [], "format": "doc", "packaging": 7, "a/b": 1,
            "delivery": {"webhook": {"url": 1, "secret": "x"}, "fax": {}},
            "presenter_id": "x", "validate_only": "yes", "coalesce": 1, "when_empty": "drop",
        }));
        let expected = [
            ("/a~1b", "unknown"),
            ("/report", "missing"),
            ("/when_empty", "not_allowed"),
            ("/parameters", "type"),
            ("/format", "not_allowed"),
            ("/packaging", "type"),
            ("/delivery/fax", "unknown"),
            ("/delivery/webhook/secret", "unknown"),
            ("/delivery/webhook/url", "type"),
            ("/presenter_id", "format"),
            ("/validate_only", "type"),
            ("/coalesce", "type"),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn other_json_is_refused() {
        for body in [json!([]), json!("x"), json!(null)] {
            assert_eq!(faults(&body), [(String::new(), "type")]);
        }
        assert_eq!(faults(&json!({"report": "r", "delivery": {}})), [("/delivery/webhook".to_owned(), "missing")]);
    }

    #[test]
    fn jira_gets_an_issue_or_a_comment() {
        let read = |delivery: Json| Ask::parse(&json!({ "report": "r", "delivery": delivery }));
        let target = |delivery: Json| read(delivery).unwrap().0.delivery;
        let issue = Some("ABC-123".parse().unwrap());
        assert_eq!(target(json!({ "jira": {} })), Some(Target::Jira { issue: None }));
        assert_eq!(target(json!({ "jira": { "issue": null } })), Some(Target::Jira { issue: None }));
        assert_eq!(target(json!({ "jira": { "issue": "ABC-123" } })), Some(Target::Jira { issue }));
        for (delivery, pointer, code) in [
            (json!({ "jira": { "issue": "ABC" } }), "/delivery/jira/issue", "format"),
            (json!({ "jira": { "issue": 7 } }), "/delivery/jira/issue", "type"),
            (json!({ "jira": { "project": "ABC" } }), "/delivery/jira/project", "unknown"),
            (json!({ "jira": "ABC-1" }), "/delivery/jira", "type"),
            (json!({ "jira": {}, "endpoint": "end_1" }), "/delivery", "not_allowed"),
        ] {
            let found = read(delivery).unwrap().1;
            assert_eq!((found[0].pointer.as_str(), found[0].code, found.len()), (pointer, code, 1));
        }
    }

    fn mailed(email: &Json) -> Result<Target, Vec<(String, &'static str)>> {
        let body = json!({"report": "r", "delivery": {"email": email}});
        let found = faults(&body);
        if found.is_empty() { Ok(Ask::parse(&body).unwrap().0.delivery.unwrap()) } else { Err(found) }
    }

    #[test]
    fn addresses_are_named_one_by_one() {
        let to = ["a@b.example", "c@D.example"];
        assert_eq!(mailed(&json!({"to": to})), Ok(Target::email(vec!["a@b.example".into(), "c@d.example".into()])));
        let many: Vec<String> = (0..=MAX_RECIPIENTS).map(|n| format!("a{n}@b.example")).collect();
        let cases = [
            (json!({}), "/delivery/email/to", "missing"),
            (json!({"to": "a@b.example"}), "/delivery/email/to", "type"),
            (json!({"to": []}), "/delivery/email/to", "out_of_range"),
            (json!({"to": many}), "/delivery/email/to", "out_of_range"),
            (json!({"to": [1]}), "/delivery/email/to/0", "type"),
            (json!({"to": ["a@b.example", "x"]}), "/delivery/email/to/1", "format"),
            (json!({"to": ["a@b.example,c@b.example"]}), "/delivery/email/to/0", "format"),
            (json!({"to": ["a@b.example\r\nBcc: c@b.example"]}), "/delivery/email/to/0", "format"),
            (json!({"to": ["a@b.example", "A@B.example"]}), "/delivery/email/to/1", "not_allowed"),
            (json!({"to": ["a@b.example"], "cc": []}), "/delivery/email/cc", "unknown"),
            (json!("a@b.example"), "/delivery/email", "type"),
        ];
        for (email, pointer, code) in cases {
            assert_eq!(mailed(&email), Err(vec![(pointer.to_owned(), code)]), "{email}");
        }
        let both = json!({"report": "r", "delivery": {"email": {"to": to}, "endpoint": "end_x"}});
        assert_eq!(faults(&both), [("/delivery".to_owned(), "not_allowed")]);
    }
}
