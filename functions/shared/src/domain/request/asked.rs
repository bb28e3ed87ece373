//! From what is asked to the row that records it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{HANDOFF_GRACE, Request, Status};
use crate::digest::sha256_hex;
use crate::domain::{
    definition::parameter::Value,
    delivery::Target,
    empty::WhenEmpty,
    filter::Filter,
    id::RequestId,
    interface::Interface,
    link::LinkPolicy,
    outcome::{Format, Packaging},
    schedule::Occasion,
    style::Style,
    wrapping::Wrapping,
};

/// What is asked for, once it is known to be right.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Id that it is recorded under.
    pub id: RequestId,
    /// Whose it is.
    pub tenant: String,
    /// Who asks.
    pub requested_by: String,
    /// Id of the definition.
    pub report: String,
    /// Version of the definition.
    pub report_version: u32,
    /// Parameters as given.
    pub parameters: Json,
    /// Values for the SQL's placeholders.
    pub resolved: BTreeMap<String, Value>,
    /// What relative dates came to.
    pub reckoned: Map<String, Json>,
    /// Which rows of the output are wanted; none: all.
    pub filter: Option<Filter>,
    /// How rows are written.
    pub format: Format,
    /// What the file is wrapped in.
    pub packaging: Packaging,
    /// How it is wrapped.
    pub wrapping: Wrapping,
    /// What is written otherwise than the definition says.
    pub style: Style,
    /// Who is told at the end, if anybody.
    pub delivery: Option<Target>,
    /// What they are told if there are no rows.
    pub when_empty: WhenEmpty,
    /// On whose behalf.
    pub presenter_id: Uuid,
    /// The request that this one repeats.
    pub repeats: Option<RequestId>,
    /// Life of the file.
    pub retention_hours: u32,
    /// How the file is fetched.
    pub link: LinkPolicy,
    /// Through which interface.
    pub interface: Interface,
    /// What that interface keeps with it.
    pub keeps: Option<Json>,
    /// Until when somebody waits for the file.
    pub answer_by: Option<Timestamp>,
    /// The run of a schedule that it is.
    pub occasion: Option<Occasion>,
}

/// What the caller is told of a request that was accepted; the same however often it asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its id.
    pub id: RequestId,
    /// Id of the definition.
    pub report: String,
    /// How rows will be written.
    pub format: Format,
    /// What the file will be wrapped in.
    pub packaging: Packaging,
    /// How it will be wrapped.
    #[serde(default)]
    pub wrapping: Wrapping,
    /// What will be written otherwise than the definition says.
    #[serde(default)]
    pub style: Style,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// The request that it repeats.
    #[serde(default)]
    pub repeats: Option<RequestId>,
    /// What will be told if there are no rows.
    #[serde(default, skip_serializing_if = "WhenEmpty::is_send")]
    pub when_empty: WhenEmpty,
}

impl Asked {
    /// Of everything that makes the outcome, and who is told of it: what has the same digest is the same request.
    pub fn digest(&self) -> String {
        digest(&json!([
            self.run_digest(),
            self.format,
            self.packaging,
            self.wrapping,
            self.style,
            self.delivery,
            self.presenter_id,
            self.retention_hours,
            self.link,
            self.interface,
            self.keeps,
            self.answer_by,
            self.occasion,
            self.when_empty,
        ]))
    }

    /// Of what the query is run with.
    pub fn run_digest(&self) -> String {
        run_digest((&self.report, self.report_version), &self.resolved, self.filter.as_ref())
    }

    /// Days that its date range spans, both ends counted, where it has one and every row of them is wanted.
    pub fn days(&self) -> Option<u32> {
        days(&self.resolved).filter(|_| self.filter.is_none())
    }
}

impl Request {
    /// As [`Asked::run_digest`].
    pub fn run_digest(&self) -> String {
        run_digest((&self.report, self.report_version), &self.resolved, self.filter.as_ref())
    }

    /// As [`Asked::days`].
    pub fn days(&self) -> Option<u32> {
        days(&self.resolved).filter(|_| self.filter.is_none())
    }

    /// Parameters as given, with days where relative dates were: what is run, stated, and asked for again.
    pub fn stated(&self) -> Map<String, Json> {
        let mut stated = self.parameters.as_object().cloned().unwrap_or_default();
        stated.extend(self.reckoned.clone());
        stated
    }

    /// What its caller was told.
    pub fn receipt(&self) -> Receipt {
        Receipt {
            id: self.id,
            report: self.report.clone(),
            format: self.format,
            packaging: self.packaging,
            wrapping: self.wrapping.clone(),
            style: self.style.clone(),
            created_at: self.created_at,
            repeats: self.repeats,
            when_empty: self.when_empty,
        }
    }

    /// A new request, whose message is sent once it is recorded: the sweeper looks whether it arrived.
    pub fn recorded(asked: Asked, now: Timestamp) -> Self {
        Self {
            id: asked.id,
            tenant: asked.tenant,
            requested_by: asked.requested_by,
            report: asked.report,
            report_version: asked.report_version,
            parameters: asked.parameters,
            resolved: asked.resolved,
            reckoned: asked.reckoned,
            filter: asked.filter,
            format: asked.format,
            packaging: asked.packaging,
            wrapping: asked.wrapping,
            style: asked.style,
            delivery: asked.delivery,
            when_empty: asked.when_empty,
            presenter_id: asked.presenter_id,
            repeats: asked.repeats,
            retention_hours: asked.retention_hours,
            link: asked.link,
            interface: asked.interface,
            keeps: asked.keeps,
            answer_by: asked.answer_by,
            occasion: asked.occasion,
            waiver: None,
            status: Status::Queued,
            attempt: 0,
            created_at: now,
            started_at: None,
            attempt_started_at: None,
            waiting: false,
            finished_at: None,
            retry_at: None,
            lease: None,
            due_at: Some(asked.answer_by.unwrap_or(now + HANDOFF_GRACE)),
            handoffs: 0,
            file: None,
            checks: vec![],
            expires_at: None,
            link_sealed: None,
            password_sealed: None,
            failure: None,
            cancellation: None,
            deletion: None,
        }
    }
}

fn run_digest((report, version): (&str, u32), resolved: &BTreeMap<String, Value>, filter: Option<&Filter>) -> String {
    match filter {
        // As the release before had it, so that its figures of past runs count on.
        None => digest(&json!([report, version, resolved])),
        Some(filter) => digest(&json!([report, version, resolved, filter])),
    }
}

fn digest(of: &Json) -> String {
    sha256_hex(of.to_string().as_bytes())
}

/// A parameter that is a range of dates is bound as `$name_from` and `$name_to`.
fn days(resolved: &BTreeMap<String, Value>) -> Option<u32> {
    let mut ranges = resolved.iter().filter_map(|(name, from)| {
        let to = resolved.get(&format!("{}_to", name.strip_suffix("_from")?))?;
        let (Value::Date(from), Value::Date(to)) = (from, to) else { return None };
        u32::try_from(to.duration_since(*from).as_hours() / 24 + 1).ok()
    });
    ranges.next()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_range_of_dates_spans_its_days() {
        let value = |day| Value::Date(date(2011, 6, day));
        let resolved = |pairs: &[(&str, Value)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        assert_eq!(days(&resolved(&[("dates_from", value(1)), ("dates_to", value(30))])), Some(30));
        assert_eq!(days(&resolved(&[("dates_from", value(1))])), None);
        assert_eq!(days(&resolved(&[("a", value(1)), ("b", value(2))])), None);
    }
}
