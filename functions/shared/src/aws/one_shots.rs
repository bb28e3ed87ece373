//! One-shot schedules of EventBridge Scheduler, which wake the service at an instant, once.
//!
//! Nothing depends on them: a row that is due is found by the sweeper too. They make a run begin on its minute.

use aws_sdk_scheduler::{
    Client,
    operation::{create_schedule::CreateScheduleError, delete_schedule::DeleteScheduleError},
    types::{ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target},
};
use jiff::Timestamp;

use super::AwsError;
use crate::{
    config::{self, ConfigError},
    digest::sha256_hex,
    domain::{id::ScheduleId, message::ScheduleMessage},
};

/// After this the sweeper has done it.
const MAX_AGE_SECONDS: i32 = 300;

const MAX_RETRIES: i32 = 10;

/// Where they go, and in whose name.
#[derive(Debug, Clone)]
pub struct OneShots {
    client: Client,
    /// Names begin with it: they share the default group with those of others.
    prefix: String,
    /// ARN of the role that may send to the queue.
    role: String,
    /// ARN of the intake queue.
    queue: String,
    /// ARN of its dead-letter queue.
    dead_letters: String,
}

impl OneShots {
    /// As the environment has it: `WAYBILL_SCHEDULE_PREFIX`, `WAYBILL_SCHEDULE_ROLE`, `WAYBILL_INTAKE_QUEUE_ARN` and
    /// `WAYBILL_INTAKE_DLQ_ARN`.
    pub fn from_env(client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            prefix: config::text("WAYBILL_SCHEDULE_PREFIX")?,
            role: config::text("WAYBILL_SCHEDULE_ROLE")?,
            queue: config::text("WAYBILL_INTAKE_QUEUE_ARN")?,
            dead_letters: config::text("WAYBILL_INTAKE_DLQ_ARN")?,
        })
    }

    /// Has the schedule's message sent at that instant. Doing so again changes nothing.
    ///
    /// Each instant has a one-shot of its own: one that has gone off is deleted by Scheduler some time later, and would take
    /// the next instant with it.
    pub async fn arm(&self, tenant: &str, schedule: ScheduleId, at: Timestamp) -> Result<(), AwsError> {
        let created = self
            .client
            .create_schedule()
            .name(self.name(schedule, at))
            .schedule_expression(expression(at))
            .action_after_completion(ActionAfterCompletion::Delete)
            .flexible_time_window(on_the_minute()?)
            .target(self.target(tenant, schedule, at)?);
        match created.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateScheduleError::is_conflict_exception) => Ok(()),
            Err(error) => Err(AwsError::new("scheduler", "CreateSchedule", &error)),
        }
    }

    /// The schedule is not woken at that instant any more. One that is gone already will do.
    pub async fn disarm(&self, schedule: ScheduleId, at: Timestamp) -> Result<(), AwsError> {
        match self.client.delete_schedule().name(self.name(schedule, at)).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(DeleteScheduleError::is_resource_not_found_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(AwsError::new("scheduler", "DeleteSchedule", &error)),
        }
    }

    /// What the one-shot of an instant is called.
    fn name(&self, schedule: ScheduleId, at: Timestamp) -> String {
        name(&self.prefix, schedule, at)
    }

    fn target(&self, tenant: &str, schedule: ScheduleId, at: Timestamp) -> Result<Target, AwsError> {
        let input = serde_json::to_string(&ScheduleMessage::new(tenant, schedule, at));
        let retry =
            RetryPolicy::builder().maximum_event_age_in_seconds(MAX_AGE_SECONDS).maximum_retry_attempts(MAX_RETRIES);
        Target::builder()
            .arn(&self.queue)
            .role_arn(&self.role)
            .input(input.map_err(|e| AwsError::new("scheduler", "CreateSchedule", &e))?)
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.dead_letters).build())
            .retry_policy(retry.build())
            .build()
            .map_err(|e| AwsError::new("scheduler", "CreateSchedule", &e))
    }
}

/// Name of the one-shot of an instant in a stack: at most 64 characters, of which these take 25.
pub fn name(prefix: &str, schedule: ScheduleId, at: Timestamp) -> String {
    let digest = sha256_hex(format!("{schedule}:{at}").as_bytes());
    format!("{prefix}-{}", &digest[..24])
}

fn on_the_minute() -> Result<FlexibleTimeWindow, AwsError> {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
    window.map_err(|e| AwsError::new("scheduler", "CreateSchedule", &e))
}

/// In UTC, as Scheduler takes an expression without a zone.
fn expression(at: Timestamp) -> String {
    format!("at({})", at.strftime("%Y-%m-%dT%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_in_utc_and_whole_seconds() {
        let at: Timestamp = "2026-11-27T08:00:05.9-03:00".parse().unwrap();
        assert_eq!(expression(at), "at(2026-11-27T11:00:05)");
    }
}
