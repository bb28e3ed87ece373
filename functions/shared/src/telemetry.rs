//! Structured logs and metrics, both as JSON lines on standard output, where Lambda picks them up.
//!
//! Log once, at the boundary where a thing is decided. Fields: `request.id`, `tenant.id`, `delivery.id`,
//! units in names (`duration_ms`, `bytes`). Never: tokens, secrets, capabilities, parameters, row data.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tracing_subscriber::EnvFilter;

/// Namespace of every metric.
const NAMESPACE: &str = "Waybill";

/// Starts JSON logging, filtered by `WAYBILL_LOG` (default `info`).
pub fn init() {
    let filter = EnvFilter::try_from_env("WAYBILL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_current_span(true)
        .with_span_list(false)
        .flatten_event(true)
        .with_target(false)
        .init();
}

/// An error and its causes in one line, for a log.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// A metric's unit, as CloudWatch names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A number of bytes.
    Bytes,
    /// A duration.
    Milliseconds,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Emits metrics in CloudWatch's embedded metric format. `dimensions` must have few distinct values: never
/// an id.
pub fn emit(dimensions: &[(&str, &str)], metrics: &[(&str, Unit, u64)]) {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
    println!("{}", embedded(dimensions, metrics, u64::try_from(millis).unwrap_or(0)));
}

fn embedded(dimensions: &[(&str, &str)], metrics: &[(&str, Unit, u64)], millis: u64) -> Value {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let units: Vec<Value> = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit.name()})).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": millis,
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": units}],
        }),
    );
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    line.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_cloudwatchs_form() {
        let line = embedded(&[("Outcome", "SUCCEEDED")], &[("Rows", Unit::Count, 7)], 1);
        assert_eq!(
            line,
            json!({
                "_aws": {"Timestamp": 1, "CloudWatchMetrics": [{
                    "Namespace": "Waybill", "Dimensions": [["Outcome"]],
                    "Metrics": [{"Name": "Rows", "Unit": "Count"}],
                }]},
                "Outcome": "SUCCEEDED", "Rows": 7,
            })
        );
    }
}
