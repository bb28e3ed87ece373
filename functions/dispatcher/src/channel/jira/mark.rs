//! What tells the issue or comment of one delivery from all others.

use serde_json::{Value, json};
use waybill::domain::{
    delivery::Delivery,
    id::{DeliveryId, RequestId},
};

/// Key of the property that issues and comments carry.
pub const PROPERTY: &str = "waybill.delivery";

/// The mark of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    delivery: DeliveryId,
    request: RequestId,
    generation: u32,
}

impl Mark {
    /// Of a delivery in its present generation.
    pub fn of(delivery: &Delivery) -> Self {
        Self { delivery: delivery.id, request: delivery.announcement.request, generation: delivery.generation }
    }

    /// Label of the issue: the same in every generation, so that there is one issue of a delivery. JQL finds labels
    /// always, and properties only where an app declares them.
    pub fn label(&self) -> String {
        format!("waybill-{}", self.delivery)
    }

    /// Words that end a comment. Each generation has its own: who has it delivered again wants to be told again. Letters,
    /// digits and dashes: neither JSON nor wiki markup has another way to write them.
    pub fn words(&self) -> String {
        format!("waybill-{}-{}", self.delivery.uuid().as_simple(), self.generation)
    }

    /// The property of issues and comments.
    pub fn property(&self) -> Value {
        json!({
            "key": PROPERTY,
            "value": { "delivery": self.delivery, "request": self.request, "generation": self.generation },
        })
    }

    /// JQL that finds the issue.
    pub fn jql(&self) -> String {
        format!("labels = \"{}\" ORDER BY created ASC", self.label())
    }
}
