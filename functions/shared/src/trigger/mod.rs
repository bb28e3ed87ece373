//! What an operator has made of objects that arrive in S3 and of messages of SNS topics: which reports, for which tenants.
//!
//! It stands in files, `triggers/*.toml` of the configuration bucket, because neither an object's event nor a topic's
//! message may say whose it is. [`parse`] is the one parser, used at check and at run, and its faults name file, line
//! and reason. The reference of the format is `docs/triggers.md`.

mod check;
mod fill;
pub mod parse;
mod pattern;

use std::collections::BTreeMap;

use serde_json::Value as Json;

pub use self::{fill::Unfit, pattern::KeyPattern};

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triggers {
    /// What comes of objects, in the file's order.
    pub objects: Vec<ObjectTrigger>,
    /// Whose the messages of topics are.
    pub topics: Vec<Topic>,
}

/// What comes of an object that arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectTrigger {
    /// `file/name`: its name in logs, and part of what makes a request of it one and the same.
    pub id: String,
    /// Line of the file that it begins at, from 1.
    pub line: usize,
    /// The only bucket that it is for.
    pub bucket: String,
    /// Which keys it is for.
    pub key: KeyPattern,
    /// Ids of the tenants that a report is made for.
    pub tenants: Vec<String>,
    /// What is one and the same occasion.
    pub once_per: OncePer,
    /// The body of `POST /v1/requests`, with placeholders of the key in its parameters and its filter.
    pub request: Json,
}

/// What brings about one report, and no second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OncePer {
    /// An object in one version: what replaces it is another.
    Object,
    /// The values of the key's placeholders, within a day: further objects of a partition bring about nothing.
    Partition,
}

/// Whose the messages of a topic are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its ARN.
    pub arn: String,
    /// The tenant's id.
    pub tenant: String,
}

/// The placeholder that stands for a tenant's id.
pub const TENANT: &str = "tenant";

/// What a trigger makes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// For whom.
    pub tenants: Vec<&'a str>,
    /// What is asked for.
    pub request: Json,
    /// The key's placeholders with their values, in one text: the partition that it is in.
    pub partition: String,
}

impl ObjectTrigger {
    /// What is wanted of an object; none if the trigger is not for it. `key` is the plain key, not one that is encoded
    /// for a URL.
    pub fn wanted(&self, bucket: &str, key: &str) -> Option<Result<Wanted<'_>, Unfit>> {
        if bucket != self.bucket {
            return None;
        }
        let values = self.key.values(key)?;
        let tenants = self.tenants_of(&values);
        if tenants.is_empty() {
            return None;
        }
        let request = fill::request(&self.request, &values);
        Some(request.map(|request| Wanted { tenants, request, partition: partition(&values) }))
    }

    /// All of its tenants, or the one of them whose place the key names.
    fn tenants_of(&self, values: &BTreeMap<&str, &str>) -> Vec<&str> {
        let named = values.get(TENANT);
        self.tenants.iter().map(String::as_str).filter(|id| named.is_none_or(|named| named == id)).collect()
    }
}

/// Neither `=` nor `/` is in a name, and no `/` in a value: no two partitions have the same text.
fn partition(values: &BTreeMap<&str, &str>) -> String {
    let pairs: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trigger(key: &str, tenants: &[&str]) -> ObjectTrigger {
        ObjectTrigger {
            id: "sales/monthly".to_owned(),
            line: 1,
            bucket: "lake".to_owned(),
            key: KeyPattern::parse(key).unwrap(),
            tenants: tenants.iter().map(ToString::to_string).collect(),
            once_per: OncePer::Object,
            request: json!({ "report": "r", "parameters": { "dates": { "period": "{month}" } } }),
        }
    }

    #[test]
    fn an_object_of_a_partition_asks_for_it() {
        let trigger = trigger("sales/month={month}/*.parquet", &["acme", "globex"]);
        let wanted = trigger.wanted("lake", "sales/month=2011-06/part-0.parquet").unwrap().unwrap();
        assert_eq!(wanted.tenants, ["acme", "globex"]);
        assert_eq!(wanted.request["parameters"]["dates"], json!({ "from": "2011-06-01", "to": "2011-06-30" }));
        assert_eq!(wanted.partition, "month=2011-06");
        assert_eq!(trigger.wanted("lake-2", "sales/month=2011-06/part-0.parquet"), None);
        assert_eq!(trigger.wanted("lake", "sales/month=2011-06/part-0.csv"), None);
        assert!(trigger.wanted("lake", "sales/month=June/part-0.parquet").unwrap().is_err());
    }

    #[test]
    fn a_key_that_names_a_tenant_is_for_that_one_of_the_list() {
        let trigger = trigger("sales/tenant={tenant}/month={month}/_SUCCESS", &["acme", "globex"]);
        let tenants = |tenant: &str| {
            let key = format!("sales/tenant={tenant}/month=2011-06/_SUCCESS");
            trigger.wanted("lake", &key).map(|wanted| wanted.unwrap().tenants)
        };
        assert_eq!(tenants("globex"), Some(vec!["globex"]));
        assert_eq!(tenants("initech"), None, "a key makes nobody a tenant of the list");
    }
}
