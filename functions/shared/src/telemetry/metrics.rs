//! Every metric there is: its name, unit and dimensions. Whoever emits another one, or one of these otherwise, is told by
//! an assertion; dashboard, alarms and the table in `docs/operations.md` are compared with this list by tests.
//!
//! CloudWatch bills each combination of a name with values of its dimensions. So a dimension is a closed list, and no id,
//! tenant or report is one: those are in the log lines ([`super`]), which Logs Insights counts.

use super::Unit;
use crate::domain::{failure::FailureCode, interface::Interface};

/// A dimension and all the values that it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimension {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: &'static [&'static str],
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its dimensions besides [`super::STACK`], which every metric has.
    pub dimensions: &'static [Dimension],
    /// What it counts or measures, for the operator's table.
    pub says: &'static str,
}

impl Metric {
    /// How many metrics CloudWatch bills at most: combinations of its dimensions' values.
    pub fn combinations(&self) -> usize {
        self.dimensions.iter().map(|dimension| dimension.values.len()).product()
    }
}

const INTERFACE: Dimension = Dimension { name: "Interface", values: &INTERFACES };
const CODE: Dimension = Dimension { name: "Code", values: &CODES };
const CHANNEL: Dimension = Dimension { name: "Channel", values: &["webhook", "email", "jira"] };
const QUEUE_FUNCTION: Dimension = Dimension { name: "Function", values: &["worker", "dispatcher"] };

const fn outcome(values: &'static [&'static str]) -> Dimension {
    Dimension { name: "Outcome", values }
}

const TRIGGERED: [Dimension; 2] = [
    Dimension { name: "Kind", values: &["eventbridge", "s3", "sns", "direct", "schedule", "process", "mail"] },
    outcome(&["accepted", "replayed", "refused", "failed"]),
];

const INTERFACES: [&str; Interface::ALL.len()] = {
    let mut names = [""; Interface::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Interface::ALL[at].name();
        at += 1;
    }
    names
};

const CODES: [&str; FailureCode::ALL.len()] = {
    let mut names = [""; FailureCode::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = FailureCode::ALL[at].name();
        at += 1;
    }
    names
};

const fn metric(name: &'static str, unit: Unit, dimensions: &'static [Dimension], says: &'static str) -> Metric {
    Metric { name, unit, dimensions, says }
}

/// All of them, in the order of a report's life.
pub const METRICS: [Metric; 28] = [
    metric(
        "Requests",
        Unit::Count,
        &[INTERFACE, outcome(&["accepted", "replayed", "refused", "failed"])],
        "what came of asking for a report: recorded; answered by what is recorded or in flight; the caller's fault; ours",
    ),
    metric("Triggers", Unit::Count, &TRIGGERED, "events on the intake queue, and calls of `intake`, by what sent them"),
    metric(
        "ScheduleLag",
        Unit::Milliseconds,
        &[],
        "from when a run of a schedule was due until its request was recorded",
    ),
    metric("LicenceSeatsInUse", Unit::Count, &[], "of the pool that a seat was taken from or refused by"),
    metric("LicenceRefusals", Unit::Count, &[INTERFACE], "reports refused for want of a seat"),
    metric("Parked", Unit::Count, &[], "requests that had to wait for a free slot of their tenant"),
    metric("QueueTime", Unit::Milliseconds, &[], "from a request's record until a worker first claimed it"),
    metric(
        "RunTime",
        Unit::Milliseconds,
        &[],
        "of a run that made its file: from reading the lake until the file was complete in S3",
    ),
    metric("Rows", Unit::Count, &[], "rows of such a file"),
    metric("Bytes", Unit::Bytes, &[], "size of such a file, as it lies in S3"),
    metric("PeakMemory", Unit::Bytes, &[], "most memory that the worker's process ever had, as of such a run"),
    metric(
        "Reports",
        Unit::Count,
        &[outcome(&["succeeded", "divergent", "failed", "cancelled"])],
        "requests that ended, whoever ended them",
    ),
    metric("ReportFailures", Unit::Count, &[CODE], "those that failed, by the failure's code"),
    metric("ReportTime", Unit::Milliseconds, &[], "from a request's record until its file was"),
    metric(
        "Attempts",
        Unit::Count,
        &[CHANNEL, outcome(&["success", "retryable", "permanent"])],
        "attempts at deliveries that are over",
    ),
    metric("AttemptTime", Unit::Milliseconds, &[CHANNEL], "how long such an exchange took"),
    metric(
        "UnpreparedAttempts",
        Unit::Count,
        &[],
        "attempts that our side could not even make, such as for want of a key",
    ),
    metric(
        "Deliveries",
        Unit::Count,
        &[CHANNEL, outcome(&["delivered", "dead", "expired", "called_off"])],
        "deliveries that ended",
    ),
    metric(
        "DeliveryLatency",
        Unit::Milliseconds,
        &[CHANNEL],
        "from the event until its receiver had confirmed; not of those made again",
    ),
    metric(
        "LaneLimit",
        Unit::Percent,
        &[],
        "of its configured concurrency that a lane has now: 0 with an open circuit",
    ),
    metric("CircuitsOpened", Unit::Count, &[], "lanes whose circuit opened"),
    metric(
        "MessagesReturned",
        Unit::Count,
        &[QUEUE_FUNCTION],
        "messages that a function could not do now, and that come again",
    ),
    metric("SweptDue", Unit::Count, &[], "due rows that a sweep looked at"),
    metric("SweptMoved", Unit::Count, &[], "of these, those that something was done about"),
    metric("SweptDead", Unit::Count, &[], "dead letters whose rows a sweep marked"),
    metric("SweptLeft", Unit::Count, &[], "what failed and is left for the next sweep"),
    metric(
        "SweepLag",
        Unit::Milliseconds,
        &[],
        "how long the oldest due row of a sweep had been due; also tells that there was a sweep",
    ),
    metric("SweepTime", Unit::Milliseconds, &[], "how long the sweep took"),
];

/// Whether these dimensions, values and units are of a listed metric.
pub fn is_listed(name: &str, unit: Unit, dimensions: &[(&str, &str)]) -> bool {
    METRICS.iter().find(|metric| metric.name == name).is_some_and(|metric| {
        let has = |(dimension, given): (&Dimension, &(&str, &str))| {
            dimension.name == given.0 && dimension.values.contains(&given.1)
        };
        metric.unit == unit
            && metric.dimensions.len() == dimensions.len()
            && metric.dimensions.iter().zip(dimensions).all(has)
    })
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
