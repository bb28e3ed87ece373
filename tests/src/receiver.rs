//! The receiver of a test: at its end every webhook that came is held against the schemas in `docs/schemas/webhooks`.

use std::{ops::Deref, thread};

use serde_json::{Value, json};
use waybill_local::receiver::{Received, Receiver};

use crate::python;

/// A receiver whose webhooks are what is documented.
pub struct Listener(Receiver);

impl Listener {
    /// Watches over a receiver.
    pub fn new(receiver: Receiver) -> Self {
        Self(receiver)
    }
}

impl Deref for Listener {
    type Target = Receiver;

    fn deref(&self) -> &Receiver {
        &self.0
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        // Tokens are asked for here too, and issues made: those are no webhooks.
        let is_webhook = |received: &Received| received.headers.contains_key("webhook-id");
        let came = self.0.everything().into_iter().filter(is_webhook);
        let bodies: Vec<Value> = came.map(|received| json!(String::from_utf8_lossy(&received.body))).collect();
        if !bodies.is_empty() {
            let checked = python::python_now("validate_webhooks.py", &json!({ "bodies": bodies }));
            assert_eq!(checked["errors"], json!([]), "webhooks are not what docs/schemas/webhooks says");
        }
    }
}
