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

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = include_str!("../../docs/api.md");
    const ECLIPSE: &str = include_str!("../../docs/eclipse.md");

    /// The block of a page's lines from the one that begins with `start` up to a fence.
    fn example(page: &str, start: &str) -> String {
        let at = page.find(&format!("\n{start}")).unwrap_or_else(|| panic!("no example begins with {start}"));
        let text = page[at..].split("```").next().unwrap();
        // Digests are cut short for readers.
        let mut words = text.split('"').map(str::to_owned).collect::<Vec<_>>();
        for word in &mut words {
            if word.strip_suffix('…').is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()))
            {
                *word = "0".repeat(64);
            }
        }
        words.join("\"")
    }

    #[test]
    fn examples_of_the_docs_are_what_the_schemas_say() {
        let bodies = [
            example(API, "{\"type\": \"report.succeeded\""),
            example(API, "{\"type\": \"process.status\""),
            example(ECLIPSE, "{\"reportId\""),
        ];
        let checked = python::python_now("validate_webhooks.py", &json!({ "bodies": bodies }));
        assert_eq!(checked["errors"], json!([]));
        // And the schemas refuse what is none of it.
        let wrong =
            ["{\"id\": \"x\", \"status\": 9}", "{\"type\": \"report.failed\", \"timestamp\": \"x\", \"data\": {}}"];
        let checked = python::python_now("validate_webhooks.py", &json!({ "bodies": wrong }));
        assert!(checked["errors"].as_array().unwrap().len() >= 2, "{checked}");
    }
}
