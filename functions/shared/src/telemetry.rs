//! Structured logs and metrics, both as JSON lines on standard output, where Lambda picks them up.
//!
//! Log once, at the boundary where a thing is decided. Fields: `request.id`, `tenant.id`, `delivery.id`,
//! units in names (`duration_ms`, `bytes`). Never: tokens, secrets, capabilities, parameters, row data.
//!
//! What is counted stands in [`metrics`]; what a change of a row counts as, in [`moves`].

pub mod metrics;
pub mod moves;

use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config;

/// Namespace of every metric.
pub const NAMESPACE: &str = "Waybill";

/// Dimension that every metric has: the stack's name, so that two stacks of one account do not mix.
pub const STACK: &str = "Stack";

/// Starts JSON logging, filtered by `WAYBILL_LOG`: a level, or `module=level` separated by commas (default `info`).
pub fn init() {
    let lines =
        fmt::layer().json().with_current_span(true).with_span_list(false).flatten_event(true).with_target(false);
    tracing_subscriber::registry().with(lines).with(filter(&config::optional("WAYBILL_LOG"))).init();
}

/// Not by an `EnvFilter`, which brings an engine of regular expressions with it.
fn filter(directives: &str) -> Targets {
    let wanted = directives.parse().ok().filter(|_| !directives.trim().is_empty());
    wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO))
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
    /// A share, 0 to 100.
    Percent,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Milliseconds => "Milliseconds",
            Self::Percent => "Percent",
        }
    }
}

/// Emits metrics in CloudWatch's embedded metric format, for the stack that `WAYBILL_STACK_NAME` names. All of them are
/// listed in [`metrics::METRICS`], with these dimensions in this order.
pub fn emit(dimensions: &[(&str, &str)], metrics: &[(&str, Unit, u64)]) {
    for (name, unit, _) in metrics {
        debug_assert!(metrics::is_listed(name, *unit, dimensions), "{name} {dimensions:?} is no metric of ours");
    }
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
    println!("{}", embedded(stack(), dimensions, metrics, u64::try_from(millis).unwrap_or(0)));
}

/// Never empty, or CloudWatch would take no metric.
fn stack() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        std::env::var("WAYBILL_STACK_NAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "waybill".to_owned())
    })
}

fn embedded(stack: &str, dimensions: &[(&str, &str)], metrics: &[(&str, Unit, u64)], millis: u64) -> Value {
    let dimensions: Vec<(&str, &str)> = [(STACK, stack)].into_iter().chain(dimensions.iter().copied()).collect();
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
    use tracing::Level;

    use super::*;

    #[test]
    fn logs_are_filtered_by_level_and_module() {
        assert!(filter("debug").would_enable("waybill", &Level::DEBUG));
        let some = filter("warn,waybill_worker=trace");
        assert!(some.would_enable("waybill_worker::run", &Level::TRACE) && !some.would_enable("h2", &Level::INFO));
        for nothing in ["", " "] {
            let usual = filter(nothing);
            assert!(
                usual.would_enable("waybill", &Level::INFO) && !usual.would_enable("waybill", &Level::DEBUG),
                "{nothing}"
            );
        }
    }

    #[test]
    fn metrics_have_cloudwatchs_form() {
        let line = embedded("waybill-eu", &[("Outcome", "succeeded")], &[("Reports", Unit::Count, 7)], 1);
        assert_eq!(
            line,
            json!({
                "_aws": {"Timestamp": 1, "CloudWatchMetrics": [{
                    "Namespace": "Waybill", "Dimensions": [["Stack", "Outcome"]],
                    "Metrics": [{"Name": "Reports", "Unit": "Count"}],
                }]},
                "Stack": "waybill-eu", "Outcome": "succeeded", "Reports": 7,
            })
        );
    }
}
