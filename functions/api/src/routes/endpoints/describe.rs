//! An endpoint as its tenant sees it: never a secret.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use waybill::domain::endpoint::{Endpoint, RetryPolicy};

use super::secrets;

/// Its settings, and what was done to it. Of headers the names; of secrets when they were made and when they end.
pub fn endpoint(endpoint: &Endpoint, now: Timestamp) -> Value {
    let settings = &endpoint.settings;
    let headers: Map<String, Value> = settings.headers.keys().map(|name| (name.clone(), Value::Null)).collect();
    let secrets =
        endpoint.live_secrets(now).map(|secret| json!({ "created_at": secret.created_at, "ends_at": secret.ends_at }));
    json!({
        "id": endpoint.id,
        "url": settings.url,
        "description": Some(&settings.description).filter(|text| !text.is_empty()),
        "authentication": secrets::describe(&settings.authentication),
        "headers": headers,
        "profile": settings.profile,
        "events": settings.events,
        "retry": retry(&settings.retry),
        "timeout_seconds": settings.timeout_seconds,
        "concurrency": settings.concurrency,
        "secrets": secrets.collect::<Vec<_>>(),
        "paused": endpoint.paused,
        "disabled": endpoint.disabled,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    })
}

fn retry(policy: &RetryPolicy) -> Value {
    match policy {
        RetryPolicy::Default => Value::Null,
        RetryPolicy::Listed { waits_seconds } => json!({ "waits_seconds": waits_seconds }),
        RetryPolicy::Exponential { max_attempts, first_interval_seconds, factor_percent, cap_seconds } => json!({
            "max_attempts": max_attempts,
            "first_interval_seconds": first_interval_seconds,
            "factor": f64::from(*factor_percent) / 100.0,
            "cap_seconds": cap_seconds,
        }),
    }
}
