//! The flows of Waybill through HTTP on a deployed stack, with real clients, bad input, and faults.
//!
//! Every test has a tenant of its own and runs beside the others. Run by `make test`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod api_keys;
mod asking;
mod audit;
mod bad_delivery;
mod bad_input;
mod bad_token;
mod catalogue;
mod checks;
mod circuit;
mod cognito;
mod concurrency;
mod deadline;
mod deliveries;
mod deliveries_api;
mod direct_links;
mod eclipse_async;
mod eclipse_channels;
mod eclipse_client;
mod eclipse_login;
mod eclipse_sync;
mod email;
mod email_feedback;
mod email_preview;
mod ending;
mod endpoint_auth;
mod endpoints;
mod erasure;
mod events;
mod expiry;
mod failures;
mod faults;
mod flow;
mod following;
mod formats;
mod hostile;
mod intake;
mod invoices;
mod isolation;
mod isolation_matrix;
mod jira;
mod key_expiry;
mod licences;
mod links;
mod lost_deliveries;
mod lost_workers;
mod manifest;
mod process_status;
mod profiles;
mod quotas;
mod recipient_keys;
mod recovery;
mod redrive;
mod refusal;
mod samples;
mod signatures;
mod tenant_issuers;
mod tenants;
mod tesouro;
mod treports;
mod unico_interface;
mod webhook;
mod zip_password;
