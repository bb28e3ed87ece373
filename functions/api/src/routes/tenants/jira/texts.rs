//! Templates of an issue's texts, judged where they are set.

use waybill::{
    accept::fields::{Faults, Fields},
    domain::jira::{Template, Texts},
};

use crate::openapi::schema::{Schema, bytes};

/// Longest templates, in bytes.
const MAX_SUMMARY: usize = 500;
const MAX_DESCRIPTION: usize = 8 * 1024;

/// Reads `summary` and `description`.
pub fn read(fields: &Fields, faults: &Faults) -> Texts {
    Texts {
        summary: template(fields, "summary", MAX_SUMMARY, faults),
        description: template(fields, "description", MAX_DESCRIPTION, faults),
    }
}

fn template(fields: &Fields, name: &str, most: usize, faults: &Faults) -> Option<String> {
    let text = fields.text(name, most)?;
    if let Err(fault) = Template::parse(text) {
        faults.add(fields.pointer(name), "template", format!("Not a template: {fault}."));
    }
    Some(text.to_owned())
}

/// One of them, as the API's description has it.
pub fn schema(name: &str) -> Schema {
    bytes(if name == "summary" { MAX_SUMMARY } else { MAX_DESCRIPTION })
}
