//! What the end-to-end tests share: the deployed stack, tenants of their own, lakes, and second opinions from
//! programs that know nothing of Waybill (DuckDB, GnuPG, the Standard Webhooks library).
//!
//! The tests themselves are in `tests/stack`; they speak HTTP to a stack that `WAYBILL_STACK` describes. Those of formats and
//! packages, in `tests/interop`, need no stack; neither do assertions on `template.yaml`, which are here.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests fail by panicking")]

pub mod doc_lines;
pub mod events;
pub mod example;
pub mod files;
pub mod function;
pub mod hostile;
pub mod jira;
pub mod lake;
pub mod presigned;
pub mod python;
pub mod receiver;
pub mod retail;
pub mod skip;
pub mod tally;
pub mod tenant;
pub mod wait;
pub mod world;

#[cfg(test)]
mod template;
