//! The flows of Waybill through HTTP on a deployed stack, with real clients, bad input, and faults.
//!
//! Every test has a tenant of its own and runs beside the others. Run by `make test`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod bad_delivery;
mod bad_input;
mod bad_token;
mod catalogue;
mod deadline;
mod deliveries;
mod expiry;
mod failures;
mod faults;
mod flow;
mod intake;
mod invoices;
mod isolation;
mod lost_deliveries;
mod lost_workers;
mod refusal;
mod tenants;
mod webhook;
