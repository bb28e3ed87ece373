//! The body of a request, read strictly: unknown fields are refused, every fault is found at once.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::Fault;
use crate::domain::{
    delivery::Target,
    outcome::{Format, Packaging},
};

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Id of the report.
    pub report: String,
    /// As given; checked against the definition later.
    pub parameters: Map<String, Json>,
    /// None: the report's default.
    pub format: Option<Format>,
    /// None: the tenant's default.
    pub packaging: Option<Packaging>,
    /// None: nobody is told.
    pub delivery: Option<Target>,
    /// None: the tenant's own.
    pub presenter_id: Option<Uuid>,
    /// Only say whether it would be accepted.
    pub validate_only: bool,
    /// Be content with an identical request in flight.
    pub coalesce: bool,
}

const FIELDS: [&str; 8] =
    ["report", "parameters", "format", "packaging", "delivery", "presenter_id", "validate_only", "coalesce"];

/// Longest URL that is kept with a request, in bytes.
const MAX_URL: usize = 2048;

impl Ask {
    /// Reads `{report, parameters?, format?, packaging?, delivery?: {webhook: {url}}, presenter_id?,
    /// validate_only?, coalesce?}`, and what is wrong with it. With a report, the rest can be checked in spite of faults, so that all are told at once; without
    /// one, nothing can.
    pub fn parse(body: &Json) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let Some(fields) = body.as_object() else {
            return Err(vec![Fault::new("", "type", "The body must be a JSON object.")]);
        };
        let mut faults = unknown_fields(fields, &FIELDS, "");
        let report = required_text(fields, "report", &mut faults);
        let parameters = match fields.get("parameters") {
            None | Some(Json::Null) => Map::new(),
            Some(Json::Object(parameters)) => parameters.clone(),
            Some(_) => {
                faults.push(Fault::new("/parameters", "type", "Must be an object of the report's parameters."));
                Map::new()
            }
        };
        let format = choice(fields, "format", Format::from_name, &Format::ALL.map(Format::name), &mut faults);
        let packaging =
            choice(fields, "packaging", Packaging::from_name, &Packaging::ALL.map(Packaging::name), &mut faults);
        let delivery = delivery(fields.get("delivery"), &mut faults);
        let presenter_id = presenter(fields.get("presenter_id"), &mut faults);
        let validate_only = flag(fields, "validate_only", &mut faults);
        let coalesce = flag(fields, "coalesce", &mut faults);
        let Some(report) = report else { return Err(faults) };
        let ask = Self { report, parameters, format, packaging, delivery, presenter_id, validate_only, coalesce };
        Ok((ask, faults))
    }
}

fn unknown_fields(fields: &Map<String, Json>, known: &[&str], at: &str) -> Vec<Fault> {
    let unknown = fields.keys().filter(|name| !known.contains(&name.as_str()));
    let detail = format!("No such field. Known here: {}.", known.join(", "));
    unknown
        .map(|name| {
            let name = name.replace('~', "~0").replace('/', "~1");
            Fault::new(format!("{at}/{name}"), "unknown", detail.clone())
        })
        .collect()
}

fn required_text(fields: &Map<String, Json>, name: &str, faults: &mut Vec<Fault>) -> Option<String> {
    match fields.get(name) {
        Some(Json::String(text)) => return Some(text.clone()),
        None | Some(Json::Null) => faults.push(Fault::new(format!("/{name}"), "missing", "Required.")),
        Some(_) => faults.push(Fault::new(format!("/{name}"), "type", "Must be a text.")),
    }
    None
}

fn flag(fields: &Map<String, Json>, name: &str, faults: &mut Vec<Fault>) -> bool {
    match fields.get(name) {
        None | Some(Json::Null) => false,
        Some(Json::Bool(value)) => *value,
        Some(_) => {
            faults.push(Fault::new(format!("/{name}"), "type", "Must be true or false."));
            false
        }
    }
}

fn presenter(value: Option<&Json>, faults: &mut Vec<Fault>) -> Option<Uuid> {
    let value = value.filter(|value| !value.is_null())?;
    let read = value.as_str().and_then(|text| Uuid::try_parse(text).ok());
    if read.is_none() {
        let code = if value.is_string() { "format" } else { "type" };
        faults.push(Fault::new("/presenter_id", code, "Must be a UUID."));
    }
    read
}

fn choice<T>(
    fields: &Map<String, Json>,
    name: &str,
    read: fn(&str) -> Option<T>,
    all: &[&str],
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let value = fields.get(name).filter(|value| !value.is_null())?;
    let chosen = value.as_str().and_then(read);
    if chosen.is_none() {
        let code = if value.is_string() { "not_allowed" } else { "type" };
        faults.push(Fault::new(format!("/{name}"), code, format!("Must be one of {}.", all.join(", "))));
    }
    chosen
}

/// `{webhook: {url}}` or `{endpoint: id}`, one of the two.
fn delivery(value: Option<&Json>, faults: &mut Vec<Fault>) -> Option<Target> {
    let value = value.filter(|value| !value.is_null())?;
    let shape = "Must be {\"webhook\": {\"url\": \"https://…\"}} or {\"endpoint\": \"end_…\"}.";
    let Some(channels) = value.as_object() else {
        faults.push(Fault::new("/delivery", "type", shape));
        return None;
    };
    faults.extend(unknown_fields(channels, &["webhook", "endpoint"], "/delivery"));
    match (channels.get("webhook"), channels.get("endpoint")) {
        (Some(webhook), None) => one_off(webhook, shape, faults),
        (None, Some(endpoint)) => registered(endpoint, faults),
        (None, None) => {
            faults.push(Fault::new("/delivery/webhook", "missing", shape));
            None
        }
        (Some(_), Some(_)) => {
            faults.push(Fault::new("/delivery", "not_allowed", shape));
            None
        }
    }
}

fn one_off(webhook: &Json, shape: &str, faults: &mut Vec<Fault>) -> Option<Target> {
    let Some(webhook) = webhook.as_object() else {
        faults.push(Fault::new("/delivery/webhook", "type", shape));
        return None;
    };
    faults.extend(unknown_fields(webhook, &["url"], "/delivery/webhook"));
    match webhook.get("url") {
        Some(Json::String(url)) if url.len() <= MAX_URL => return Some(Target::Webhook { url: url.clone() }),
        Some(Json::String(_)) => {
            let detail = format!("Must be at most {MAX_URL} bytes long.");
            faults.push(Fault::new("/delivery/webhook/url", "out_of_range", detail));
        }
        None | Some(Json::Null) => faults.push(Fault::new("/delivery/webhook/url", "missing", "Required.")),
        Some(_) => faults.push(Fault::new("/delivery/webhook/url", "type", "Must be a text.")),
    }
    None
}

/// Whether there is such an endpoint is looked up later; what cannot be an id is none.
fn registered(endpoint: &Json, faults: &mut Vec<Fault>) -> Option<Target> {
    let Some(text) = endpoint.as_str() else {
        faults.push(Fault::new("/delivery/endpoint", "type", "Must be a text."));
        return None;
    };
    let id = text.parse().ok();
    if id.is_none() {
        faults.push(Fault::new("/delivery/endpoint", "unknown_endpoint", "There is no such endpoint."));
    }
    id.map(|id| Target::Endpoint { id })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(body: &Json) -> Vec<(String, &'static str)> {
        Ask::parse(body)
            .map_or_else(|faults| faults, |(_, faults)| faults)
            .into_iter()
            .map(|fault| (fault.pointer, fault.code))
            .collect()
    }

    #[test]
    fn a_full_body_is_read() {
        let ask = Ask::parse(&json!({
            "report": "r", "parameters": {"a": 1}, "format": "ndjson", "packaging": "plain",
            "delivery": {"webhook": {"url": "https://example.com/"}}, "coalesce": true, "validate_only": false,
            "presenter_id": "01a20232-b327-721a-aae1-50376ffb3397",
        }))
        .unwrap()
        .0;
        assert_eq!(ask.format, Some(Format::Ndjson));
        assert_eq!(ask.packaging, Some(Packaging::Plain));
        assert_eq!(ask.delivery, Some(Target::Webhook { url: "https://example.com/".into() }));
        assert!(ask.coalesce && !ask.validate_only && ask.presenter_id.is_some());
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let found = faults(&json!({
            "parameters": [], "format": "doc", "packaging": 7, "a/b": 1,
            "delivery": {"webhook": {"url": 1, "secret": "x"}, "fax": {}},
            "presenter_id": "x", "validate_only": "yes", "coalesce": 1,
        }));
        let expected = [
            ("/a~1b", "unknown"),
            ("/report", "missing"),
            ("/parameters", "type"),
            ("/format", "not_allowed"),
            ("/packaging", "type"),
            ("/delivery/fax", "unknown"),
            ("/delivery/webhook/secret", "unknown"),
            ("/delivery/webhook/url", "type"),
            ("/presenter_id", "format"),
            ("/validate_only", "type"),
            ("/coalesce", "type"),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn other_json_is_refused() {
        for body in [json!([]), json!("x"), json!(null)] {
            assert_eq!(faults(&body), [(String::new(), "type")]);
        }
        assert_eq!(faults(&json!({"report": "r", "delivery": {}})), [("/delivery/webhook".to_owned(), "missing")]);
    }
}
