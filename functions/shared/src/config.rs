//! The environment, read once at start. A function that lacks a setting does not start, and says which.

use std::{fmt::Display, str::FromStr};

use crate::{
    domain::{request::Rules, retry::Schedule},
    guard::{Guard, Policy},
};

/// A setting that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {name}: {reason}")]
pub struct ConfigError {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// A required text.
pub fn text(name: &'static str) -> Result<String, ConfigError> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| ConfigError { name, reason: "is not set".to_owned() })
}

/// A text that may be missing.
pub fn optional(name: &'static str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// A required value of another type.
pub fn parsed<T: FromStr<Err: Display>>(name: &'static str) -> Result<T, ConfigError> {
    text(name)?.parse().map_err(|error: T::Err| ConfigError { name, reason: error.to_string() })
}

/// `WAYBILL_RETRY_SCHEDULE`: seconds before each attempt of a delivery.
pub fn retry_schedule() -> Result<Schedule, ConfigError> {
    let name = "WAYBILL_RETRY_SCHEDULE";
    Schedule::parse(&text(name)?).map_err(|error| ConfigError { name, reason: error.to_string() })
}

/// `WAYBILL_LEASE_SECONDS` and `WAYBILL_MAX_ATTEMPTS`.
pub fn request_rules() -> Result<Rules, ConfigError> {
    let lease: u32 = parsed("WAYBILL_LEASE_SECONDS")?;
    Ok(Rules {
        lease: jiff::SignedDuration::from_secs(i64::from(lease.max(5))),
        max_attempts: parsed::<u32>("WAYBILL_MAX_ATTEMPTS")?.max(1),
    })
}

/// Whether `WAYBILL_JIRA_BASE_URL` names a Jira for tenants without a site of their own.
pub fn has_jira_site() -> bool {
    !optional("WAYBILL_JIRA_BASE_URL").is_empty()
}

/// The SSRF guard with the operator's openings: `WAYBILL_ALLOWED_CIDRS`, `WAYBILL_ALLOWED_PORTS`,
/// `WAYBILL_EXTRA_CA_PEM`.
pub fn guard() -> Result<Guard, ConfigError> {
    let policy = Policy::parse(
        &optional("WAYBILL_ALLOWED_CIDRS"),
        &optional("WAYBILL_ALLOWED_PORTS"),
        &optional("WAYBILL_EXTRA_CA_PEM"),
    );
    policy.and_then(Guard::new).map_err(|error| ConfigError {
        name: "WAYBILL_ALLOWED_CIDRS, _ALLOWED_PORTS or _EXTRA_CA_PEM",
        reason: error.to_string(),
    })
}
