//! The stack's event bus.

use aws_sdk_eventbridge::{
    Client, operation::put_events::PutEventsOutput, primitives::DateTime, types::PutEventsRequestEntry,
};
use jiff::Timestamp;
use waybill::aws::AwsError;

/// Source of all of the service's own events. No rule that makes requests of events may listen to it.
const SOURCE: &str = "waybill";

/// The bus.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// Uses the bus of that name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// Puts one event, whose `detail` is a JSON object. Done means that the bus has it.
    pub async fn put(&self, detail_type: &str, detail: &str, time: Timestamp) -> Result<(), AwsError> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(detail_type)
            .detail(detail)
            .time(DateTime::from_millis(time.as_millisecond()))
            .build();
        let answer = self.client.put_events().entries(entry).send().await;
        let answer = answer.map_err(|e| AwsError::new("eventbridge", "PutEvents", &e))?;
        match refused(&answer) {
            None => Ok(()),
            Some(message) => Err(AwsError { service: "eventbridge", operation: "PutEvents", message }),
        }
    }
}

/// Why an entry was not taken: the call as a whole succeeds all the same.
fn refused(answer: &PutEventsOutput) -> Option<String> {
    if answer.failed_entry_count() == 0 {
        return None;
    }
    let entry = answer.entries().iter().find(|entry| entry.error_code().is_some());
    let (code, message) = entry.map(|entry| (entry.error_code(), entry.error_message())).unwrap_or_default();
    Some(format!("{}: {}", code.unwrap_or("no code"), message.unwrap_or("no message")))
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::types::PutEventsResultEntry;

    use super::*;

    #[test]
    fn an_entry_that_was_not_taken_is_an_error() {
        let taken = PutEventsResultEntry::builder().event_id("1").build();
        let answer = PutEventsOutput::builder().entries(taken).build();
        assert_eq!(refused(&answer), None);
        let failed =
            PutEventsResultEntry::builder().error_code("ThrottlingException").error_message("slow down").build();
        let answer = PutEventsOutput::builder().failed_entry_count(1).entries(failed).build();
        assert_eq!(refused(&answer).as_deref(), Some("ThrottlingException: slow down"));
        let silent = PutEventsOutput::builder().failed_entry_count(1).build();
        assert!(refused(&silent).is_some());
    }
}
