//! From what is asked to the row that records it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{HANDOFF_GRACE, Request, Status};
use crate::domain::{
    definition::parameter::Value,
    delivery::Target,
    id::RequestId,
    outcome::{Format, Packaging},
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
    pub parameters: serde_json::Value,
    /// Values for the SQL's placeholders.
    pub resolved: BTreeMap<String, Value>,
    /// How rows are written.
    pub format: Format,
    /// What the file is wrapped in.
    pub packaging: Packaging,
    /// Who is told at the end, if anybody.
    pub delivery: Option<Target>,
    /// Life of the file.
    pub retention_hours: u32,
}

impl Request {
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
            format: asked.format,
            packaging: asked.packaging,
            delivery: asked.delivery,
            retention_hours: asked.retention_hours,
            status: Status::Queued,
            attempt: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
            retry_at: None,
            lease: None,
            due_at: Some(now + HANDOFF_GRACE),
            handoffs: 0,
            file: None,
            expires_at: None,
            link_sealed: None,
            failure: None,
        }
    }
}
