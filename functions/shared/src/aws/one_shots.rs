//! One-shot schedules of EventBridge Scheduler, which wake the service at an instant, once.
//!
//! Nothing depends on them: a row that is due is found by the sweeper too. They make a run begin on its minute.

use aws_sdk_scheduler::{
    Client,
    types::{ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target},
};
use jiff::Timestamp;

use super::AwsError;
use crate::{
    config::{self, ConfigError},
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

    /// Has the schedule's message sent at that instant, and at no other.
    pub async fn arm(&self, tenant: &str, schedule: ScheduleId, at: Timestamp) -> Result<(), AwsError> {
        let (name, expression) = (self.name(schedule), expression(at));
        let target = self.target(tenant, schedule, at)?;
        let created = self
            .client
            .create_schedule()
            .name(&name)
            .schedule_expression(&expression)
            .action_after_completion(ActionAfterCompletion::Delete)
            .flexible_time_window(on_the_minute()?)
            .target(target.clone())
            .send()
            .await;
        match created {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conflict_exception()) => {
                self.rearm(&name, &expression, target).await
            }
            Err(error) => Err(AwsError::new("scheduler", "CreateSchedule", &error)),
        }
    }

    /// One that went off in between is left to the sweeper.
    async fn rearm(&self, name: &str, expression: &str, target: Target) -> Result<(), AwsError> {
        let update = self
            .client
            .update_schedule()
            .name(name)
            .schedule_expression(expression)
            .action_after_completion(ActionAfterCompletion::Delete)
            .flexible_time_window(on_the_minute()?)
            .target(target);
        update.send().await.map_err(|e| AwsError::new("scheduler", "UpdateSchedule", &e))?;
        Ok(())
    }

    /// It is not woken any more. One that is gone already will do.
    pub async fn disarm(&self, schedule: ScheduleId) -> Result<(), AwsError> {
        match self.client.delete_schedule().name(self.name(schedule)).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(()),
            Err(error) => Err(AwsError::new("scheduler", "DeleteSchedule", &error)),
        }
    }

    /// At most 64 characters, of which the id takes 33.
    fn name(&self, schedule: ScheduleId) -> String {
        format!("{}-{}", self.prefix, schedule.uuid().as_simple())
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
