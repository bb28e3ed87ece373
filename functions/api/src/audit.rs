//! Entries of the audit trail, to be written in the transaction of the action that they are about.

use serde_json::Value;
use waybill::{
    aws::table::Write,
    clock,
    domain::{audit::Entry, id::AuditId},
};

use crate::{auth::Admin, problem::Problem};

/// The entry for what an administrator does to a tenant. `detail` is a small object without secrets.
pub fn entry(admin: &Admin, tenant: &str, action: &'static str, detail: Value) -> Result<Write, Problem> {
    let entry = Entry {
        id: AuditId::generate(),
        at: clock::now(),
        tenant: tenant.to_owned(),
        actor: admin.subject.clone(),
        ip: admin.ip.clone(),
        action: action.to_owned(),
        detail,
    };
    Ok(Write::insert(&entry)?)
}
