//! The one parser of trigger files, in TOML, as definitions are: every fault at once, with its line.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;
use toml::{Spanned, de::DeTable};

use super::{KeyPattern, ObjectTrigger, OncePer, TENANT, Topic, Triggers, fill};
use crate::{
    accept::Ask,
    domain::{
        definition::{
            is_valid_report_id,
            parse::{
                Fault,
                section::{Faults, Section, to_json},
            },
        },
        tenant::is_valid_tenant_id,
    },
};

/// Triggers of one file, of either kind.
const MAX_TRIGGERS: usize = 100;

/// Tenants of one trigger: each is asked for within the time that one event has.
const MAX_TENANTS: usize = 50;

const ONCE_PER: [(&str, OncePer); 2] = [("object", OncePer::Object), ("partition", OncePer::Partition)];

/// Reads the TOML in `text`, or finds every fault, in the order of lines. `file_name` may be a path; its stem is the
/// first part of the triggers' ids.
pub fn parse(file_name: &str, text: &str) -> Result<Triggers, Vec<Fault>> {
    let faults = Faults::new(file_name, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        faults.add(error.span().map_or(0, |span| span.start), error.message().replace('\n', " "));
    }
    let read = errors.is_empty().then(|| read(&Section::root(&faults, document.get_ref()), file_name));
    let faults = faults.into_sorted();
    read.filter(|_| faults.is_empty()).ok_or(faults)
}

fn read(root: &Section<'_>, file_name: &str) -> Triggers {
    let stem = stem(root, file_name);
    let sections = |key: &'static str| {
        let sections = root.get(key).map(|value| root.list(key, value)).unwrap_or_default();
        if let Some(section) = sections.get(MAX_TRIGGERS) {
            root.faults.add(section.at, format!("a file has at most {MAX_TRIGGERS} `{key}`"));
        }
        sections
    };
    let mut names = BTreeSet::new();
    let objects = sections("objects").iter().filter_map(|section| object(section, &stem, &mut names)).collect();
    let mut arns = BTreeSet::new();
    let topics = sections("topics").iter().filter_map(|section| topic(section, &mut arns)).collect();
    if !root.has("objects") && !root.has("topics") {
        root.faults.add(0, "a file of triggers has `[[objects]]`, `[[topics]]` or both");
    }
    root.refuse_unknown_keys();
    Triggers { objects, topics }
}

fn stem(root: &Section<'_>, file_name: &str) -> String {
    let name = Path::new(file_name).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.strip_suffix(".toml").unwrap_or_default();
    if !is_valid_report_id(stem) {
        root.faults.add(0, "the file's name must be 1 to 64 letters, digits, `_` and `-`, and end with `.toml`");
    }
    stem.to_owned()
}

fn object(section: &Section<'_>, stem: &str, names: &mut BTreeSet<String>) -> Option<ObjectTrigger> {
    let name = section.required_text("name").map(|name| checked_name(section, &name, names));
    let bucket = section.required_text("bucket").map(|bucket| checked_bucket(section, &bucket));
    let key = section.required_text("key").and_then(|key| checked_key(section, &key));
    let tenants = tenants(section);
    let once_per = section.choice("once_per", &ONCE_PER).unwrap_or(OncePer::Object);
    let request = request(section, key.as_ref());
    section.refuse_unknown_keys();
    Some(ObjectTrigger {
        id: format!("{stem}/{}", name?),
        line: section.line(),
        bucket: bucket?,
        key: key?,
        tenants,
        once_per,
        request: request?,
    })
}

fn checked_name(section: &Section<'_>, name: &Spanned<&str>, names: &mut BTreeSet<String>) -> String {
    let text = *name.get_ref();
    if !is_valid_report_id(text) {
        section.faults.add(name.span().start, "`name` must be 1 to 64 letters, digits, `_` and `-`");
    } else if !names.insert(text.to_owned()) {
        section.faults.add(name.span().start, format!("trigger `{text}` is there twice"));
    }
    text.to_owned()
}

/// A bucket's name, by the rules of S3 that tell it from an ARN or a URL.
fn checked_bucket(section: &Section<'_>, bucket: &Spanned<&str>) -> String {
    let text = *bucket.get_ref();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if !(3..=63).contains(&text.len()) || !text.bytes().all(allowed) {
        section.faults.add(bucket.span().start, "`bucket` must be the name of a bucket, 3 to 63 characters");
    }
    text.to_owned()
}

fn checked_key(section: &Section<'_>, key: &Spanned<&str>) -> Option<KeyPattern> {
    let pattern = KeyPattern::parse(key.get_ref());
    pattern.map_err(|reason| section.faults.add(key.span().start, format!("`key` {reason}"))).ok()
}

fn tenants(section: &Section<'_>) -> Vec<String> {
    let Some(value) = section.required("tenants") else { return vec![] };
    let given = section.strings("tenants", value).unwrap_or_default();
    if given.len() > MAX_TENANTS {
        section.faults.add(value.span().start, format!("a trigger has at most {MAX_TENANTS} `tenants`"));
    }
    let mut tenants: Vec<String> = Vec::new();
    for tenant in given {
        let id = *tenant.get_ref();
        if !is_valid_tenant_id(id) {
            section.faults.add(tenant.span().start, format!("`{id}` is no tenant's id"));
        } else if tenants.iter().any(|known| known == id) {
            section.faults.add(tenant.span().start, format!("tenant `{id}` is there twice"));
        }
        tenants.push(id.to_owned());
    }
    tenants
}

/// What is asked for. Its parameters are only known to fit once they are filled, and the report's definition is there.
fn request(section: &Section<'_>, key: Option<&KeyPattern>) -> Option<Json> {
    let value = section.required("request")?;
    let at = value.span().start;
    let Some(body) = to_json(value.get_ref()).filter(Json::is_object) else {
        section.faults.add(at, "`request` must be a table, what the body of `POST /v1/requests` would be");
        return None;
    };
    let faults = match Ask::parse(&body) {
        Err(faults) => faults,
        Ok((ask, faults)) => {
            if !is_valid_report_id(&ask.report) {
                add(section, at, "/report", "Must be the id of a report.");
            }
            if ask.validate_only {
                add(section, at, "/validate_only", "Nobody would be told: leave it out.");
            }
            faults
        }
    };
    for fault in faults {
        add(section, at, &fault.pointer, &fault.detail);
    }
    if let Some(key) = key {
        check_placeholders(section, at, &body, &key.names().collect());
    }
    Some(body)
}

fn add(section: &Section<'_>, at: usize, pointer: &str, detail: &str) {
    section.faults.add(at, format!("`request`{pointer}: {detail}"));
}

fn check_placeholders(section: &Section<'_>, at: usize, body: &Json, known: &BTreeSet<&str>) {
    for (field, value) in body.as_object().into_iter().flatten() {
        let is_filled = fill::FILLED.contains(&field.as_str());
        for name in fill::placeholders(value) {
            if !is_filled && known.contains(name) {
                add(section, at, &format!("/{field}"), "Placeholders stand in `parameters` and `filter` alone.");
            } else if is_filled && !known.contains(name) {
                let detail = format!("`{{{name}}}` is no placeholder of `key`.");
                add(section, at, &format!("/{field}"), &detail);
            }
        }
    }
    if known.contains(TENANT) && fill::FILLED.iter().any(|field| names_tenant(&body[*field])) {
        add(section, at, "", "`{tenant}` says for whom the report is; its definition's binding has it already.");
    }
}

fn names_tenant(value: &Json) -> bool {
    fill::placeholders(value).contains(&TENANT)
}

fn topic(section: &Section<'_>, arns: &mut BTreeSet<String>) -> Option<Topic> {
    let arn = section.required_text("topic");
    if let Some(arn) = &arn {
        let text = *arn.get_ref();
        if !is_topic(text) {
            let reason = "`topic` must be the ARN of a standard SNS topic, arn:aws:sns:REGION:ACCOUNT:NAME";
            section.faults.add(arn.span().start, reason);
        } else if !arns.insert(text.to_owned()) {
            section.faults.add(arn.span().start, format!("topic `{text}` is there twice"));
        }
    }
    let tenant = section.required_text("tenant");
    if let Some(id) = tenant.as_ref().filter(|id| !is_valid_tenant_id(id.get_ref())) {
        section.faults.add(id.span().start, format!("`{}` is no tenant's id", id.get_ref()));
    }
    section.refuse_unknown_keys();
    Some(Topic { arn: (*arn?.get_ref()).to_owned(), tenant: (*tenant?.get_ref()).to_owned() })
}

/// FIFO topics, whose names end with `.fifo`, cannot deliver to a standard queue.
fn is_topic(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let [prefix, partition, service, region, account, name] = parts[..] else { return false };
    let lower = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    prefix == "arn"
        && partition.starts_with("aws")
        && lower(partition)
        && service == "sns"
        && !region.is_empty()
        && lower(region)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=256).contains(&name.len())
        && name.bytes().all(named)
}

#[cfg(test)]
mod tests;
