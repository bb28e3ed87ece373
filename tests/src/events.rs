//! A consumer of the stack's lifecycle events: a queue with a rule on the bus, as an operator would make them.

use std::sync::Mutex;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{python::python, wait::eventually, world::World};

/// Gets the events of one tenant. Rule and queue are gone once it is closed.
pub struct Consumer {
    events: aws_sdk_eventbridge::Client,
    sqs: aws_sdk_sqs::Client,
    bus: String,
    /// Name of the rule.
    rule: String,
    /// URL of the queue.
    queue: String,
    seen: Mutex<Vec<Value>>,
}

impl Consumer {
    /// Begins to listen.
    pub async fn of(world: &World, tenant: &str) -> Self {
        let name = format!("waybill-test-{}", &Uuid::new_v4().simple().to_string()[..12]);
        let (events, sqs, bus) = (world.events.clone(), world.sqs.clone(), world.stack.event_bus.clone());
        let pattern = json!({ "source": ["waybill"], "detail": { "tenant": [tenant] } }).to_string();
        let rule = events.put_rule().event_bus_name(&bus).name(&name).event_pattern(pattern).send().await.unwrap();
        let queue = sqs.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
        let arn = queue_arn(&sqs, &queue).await;
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
                "Resource": arn, "Condition": { "ArnEquals": { "aws:SourceArn": rule.rule_arn().unwrap() } },
            }],
        });
        let attributes = sqs.set_queue_attributes().queue_url(&queue);
        attributes.attributes(aws_sdk_sqs::types::QueueAttributeName::Policy, policy.to_string()).send().await.unwrap();
        let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(arn).build().unwrap();
        let put = events.put_targets().event_bus_name(&bus).rule(&name).targets(target).send().await.unwrap();
        assert_eq!(put.failed_entry_count(), 0, "{put:?}");
        Self { events, sqs, bus, rule: name, queue, seen: Mutex::default() }
    }

    /// The detail of the first event that is ours, after checks that hold for all of them.
    pub async fn detail(&self, is_ours: impl Fn(&Value) -> bool) -> Value {
        let event = eventually("an event of ours on the bus", async || {
            self.receive().await;
            self.seen.lock().unwrap().iter().find(|event| is_ours(&event["detail"])).cloned()
        })
        .await;
        let detail = &event["detail"];
        assert_eq!((&event["source"], &event["detail-type"]), (&json!("waybill"), &detail["event"]), "{event}");
        let checked = python("validate_event.py", json!({ "detail": detail })).await;
        assert_eq!(checked["errors"], json!([]), "{detail}");
        detail.clone()
    }

    /// Details of all events so far.
    pub async fn details(&self) -> Vec<Value> {
        self.receive().await;
        self.seen.lock().unwrap().iter().map(|event| event["detail"].clone()).collect()
    }

    async fn receive(&self) {
        let receive = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
        for message in receive.send().await.unwrap().messages() {
            self.seen.lock().unwrap().push(serde_json::from_str(message.body().unwrap()).unwrap());
            let delete = self.sqs.delete_message().queue_url(&self.queue);
            delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
        }
    }

    /// Removes what [`Self::of`] made.
    pub async fn close(self) {
        self.events.remove_targets().event_bus_name(&self.bus).rule(&self.rule).ids("queue").send().await.unwrap();
        self.events.delete_rule().event_bus_name(&self.bus).name(&self.rule).send().await.unwrap();
        self.sqs.delete_queue().queue_url(&self.queue).send().await.unwrap();
    }
}

async fn queue_arn(sqs: &aws_sdk_sqs::Client, queue: &str) -> String {
    let name = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
    let answer = sqs.get_queue_attributes().queue_url(queue).attribute_names(name.clone()).send().await.unwrap();
    answer.attributes().unwrap()[&name].clone()
}
