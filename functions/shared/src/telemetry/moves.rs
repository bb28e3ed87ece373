//! What the change of a request or a delivery says to its operator. Measured where a change is written, so that an end
//! counts once, whoever brings it about.

use jiff::Timestamp;

use super::{Unit, emit};
use crate::domain::{
    delivery::{Delivery, Status, Target},
    request::{self, Request},
};

/// A metric with its dimensions, to be emitted.
type Sample = (Vec<(&'static str, &'static str)>, (&'static str, Unit, u64));

/// A request has become what it is now.
pub fn request_moved(from: &Request, to: &Request) {
    emit_all(of_request(from, to));
}

/// A delivery has become what it is now.
pub fn delivery_moved(from: &Delivery, to: &Delivery) {
    emit_all(of_delivery(from, to));
}

fn emit_all(samples: Vec<Sample>) {
    for (dimensions, metric) in samples {
        emit(&dimensions, &[metric]);
    }
}

fn of_request(from: &Request, to: &Request) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    if let (None, Some(started)) = (from.started_at, to.started_at) {
        samples.push((vec![], ("QueueTime", Unit::Milliseconds, millis(to.created_at, started))));
    }
    if to.waiting && !from.waiting {
        samples.push((vec![], ("Parked", Unit::Count, 1)));
    }
    let outcome = match to.status {
        _ if from.status.is_final() => None,
        request::Status::Succeeded => Some("succeeded"),
        request::Status::Divergent => Some("divergent"),
        request::Status::Failed => Some("failed"),
        request::Status::Cancelled => Some("cancelled"),
        request::Status::Queued | request::Status::Running | request::Status::Expired => None,
    };
    let Some(outcome) = outcome else { return samples };
    samples.push((vec![("Outcome", outcome)], ("Reports", Unit::Count, 1)));
    if let (request::Status::Failed, Some(failure)) = (to.status, &to.failure) {
        samples.push((vec![("Code", failure.code.name())], ("ReportFailures", Unit::Count, 1)));
    }
    if let (true, Some(finished)) = (to.status.has_file(), to.finished_at) {
        samples.push((vec![], ("ReportTime", Unit::Milliseconds, millis(to.created_at, finished))));
    }
    samples
}

fn of_delivery(from: &Delivery, to: &Delivery) -> Vec<Sample> {
    let outcome = match to.status {
        _ if from.status != Status::Pending => None,
        Status::Pending => None,
        Status::Delivered => Some("delivered"),
        Status::Dead => Some("dead"),
        Status::Expired => Some("expired"),
        Status::CalledOff => Some("called_off"),
    };
    let Some(outcome) = outcome else { return vec![] };
    let channel = ("Channel", channel(&to.target));
    let mut samples: Vec<Sample> = vec![(vec![channel, ("Outcome", outcome)], ("Deliveries", Unit::Count, 1))];
    // Of one that somebody had made again it would say when that was.
    if let (Status::Delivered, None, Some(finished)) = (to.status, &to.revival, to.finished_at) {
        let latency = millis(to.announcement.occurred_at, finished);
        samples.push((vec![channel], ("DeliveryLatency", Unit::Milliseconds, latency)));
    }
    samples
}

/// Name of the channel that leads to a target.
const fn channel(target: &Target) -> &'static str {
    match target {
        Target::Webhook { .. } | Target::Endpoint { .. } => "webhook",
        Target::Email { .. } => "email",
        Target::Jira { .. } => "jira",
    }
}

/// 0 where clocks disagree.
fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        domain::{
            delivery::{Revival, tests::pending},
            failure::{Failure, FailureCode},
            request::{Request, tests::queued},
        },
        telemetry::metrics::is_listed,
    };

    fn named(samples: &[Sample]) -> Vec<(&'static str, String, u64)> {
        for (dimensions, (name, unit, _)) in samples {
            assert!(is_listed(name, *unit, dimensions), "{name} {dimensions:?}");
        }
        let values =
            |dimensions: &[(&str, &'static str)]| dimensions.iter().map(|(_, value)| *value).collect::<Vec<_>>();
        samples.iter().map(|(dimensions, (name, _, value))| (*name, values(dimensions).join(" "), *value)).collect()
    }

    #[test]
    fn an_end_counts_once_and_expiry_is_none() {
        let asked = queued();
        let at = |seconds| asked.created_at + SignedDuration::from_secs(seconds);
        let running = Request { status: request::Status::Running, started_at: Some(at(2)), ..asked.clone() };
        assert_eq!(named(&of_request(&asked, &running)), [("QueueTime", String::new(), 2000)]);
        assert_eq!(of_request(&running, &running), [], "a lease that is renewed, or another attempt");
        let done = Request { status: request::Status::Succeeded, finished_at: Some(at(9)), ..running.clone() };
        let ended = [("Reports", "succeeded".to_owned(), 1), ("ReportTime", String::new(), 9000)];
        assert_eq!(named(&of_request(&running, &done)), ended);
        let expired = Request { status: request::Status::Expired, ..done.clone() };
        assert_eq!(of_request(&done, &expired), []);
        let parked = Request { waiting: true, ..asked.clone() };
        assert_eq!(named(&of_request(&asked, &parked)), [("Parked", String::new(), 1)]);
        assert_eq!(of_request(&parked, &parked), [], "the sweeper hands it over again");
    }

    #[test]
    fn every_code_of_a_failure_has_its_metric() {
        let running = Request { started_at: Some(queued().created_at), ..queued() };
        for code in FailureCode::ALL {
            let failure = Some(Failure::new(code, "of a test"));
            let failed = Request { status: request::Status::Failed, failure, ..running.clone() };
            let samples = named(&of_request(&running, &failed));
            assert_eq!(samples[0].1, "failed");
            assert_eq!(samples[1], ("ReportFailures", code.name().to_owned(), 1));
        }
    }

    #[test]
    fn latency_is_of_deliveries_that_nobody_had_made_again() {
        let waits = pending(None);
        let finished_at = Some(waits.announcement.occurred_at + SignedDuration::from_millis(700));
        let delivered = Delivery { status: Status::Delivered, finished_at, ..waits.clone() };
        let told = named(&of_delivery(&waits, &delivered));
        let counted = ("Deliveries", "webhook delivered".to_owned(), 1);
        assert_eq!(told, [counted.clone(), ("DeliveryLatency", "webhook".to_owned(), 700)]);
        let revival = Some(Revival { at: waits.created_at, attempts_before: 1, recovery: None });
        let again = Delivery { revival, ..delivered.clone() };
        assert_eq!(named(&of_delivery(&waits, &again)), [counted]);
        assert_eq!(of_delivery(&delivered, &delivered), []);
        for (target, status) in [(Target::email(vec![]), Status::Dead), (Target::Jira { issue: None }, Status::Expired)]
        {
            let ended = Delivery { target, status, ..waits.clone() };
            assert_eq!(named(&of_delivery(&waits, &ended)).len(), 1);
        }
    }
}
