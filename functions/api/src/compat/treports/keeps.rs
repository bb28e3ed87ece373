//! What this interface keeps with a request, for its own answers.

use std::{collections::BTreeMap, fmt::Display};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;
use waybill::domain::{outcome::Format, request::Request, schedule::Schedule};

/// As recorded, in the request's `keeps`. All optional: a later release may keep more, or less.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Keeps {
    /// The report, as the caller named it.
    pub uid: String,
    /// `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// `generateParams.CustomData`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_data: Option<Json>,
    /// `generateParams.stopExecutionOnError`.
    pub stop_on_error: bool,
    /// `generateParams.isView`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_view: bool,
    /// `notificationParams`, where they say something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification: Option<Json>,
    /// Of the first request of a generation in several formats: the request of each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub generation: BTreeMap<String, Uuid>,
}

impl Keeps {
    /// Those of a request.
    pub fn of(request: &Request) -> Self {
        Self::read(request.keeps.as_ref(), &request.id)
    }

    /// Those that a schedule gives to each of its requests.
    pub fn of_schedule(schedule: &Schedule) -> Self {
        Self::read(schedule.order.terms.keeps.as_ref(), &schedule.id)
    }

    /// What another release has written must not keep its caller from the rest.
    fn read(keeps: Option<&Json>, of: &dyn Display) -> Self {
        let read = keeps.cloned().map(serde_json::from_value).transpose();
        let read = read.inspect_err(|error| tracing::error!(%error, %of, "what was kept is unreadable"));
        read.ok().flatten().unwrap_or_default()
    }

    /// The request that makes that format, where there are several.
    pub fn of_format(&self, format: Format) -> Option<Uuid> {
        self.generation.get(format.name()).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let keeps = Keeps {
            uid: "r".to_owned(),
            custom_data: Some(json!("x")),
            generation: BTreeMap::from([("pdf".to_owned(), Uuid::nil())]),
            ..Keeps::default()
        };
        let stored = serde_json::to_value(&keeps).unwrap();
        assert_eq!(
            stored,
            json!({ "uid": "r", "custom_data": "x", "stop_on_error": false, "generation": { "pdf": Uuid::nil() } })
        );
        assert_eq!(serde_json::from_value::<Keeps>(stored).unwrap(), keeps);
        assert_eq!(keeps.of_format(Format::Pdf), Some(Uuid::nil()));
        assert_eq!(serde_json::from_value::<Keeps>(json!({})).unwrap(), Keeps::default());
    }
}
