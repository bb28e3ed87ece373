//! The body of the `waybill` profile, in the form that Standard Webhooks recommends:
//! `{type, timestamp, data}`. It is the same in every attempt, but for a direct link, which is signed for each.

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::domain::message::Announcement;

use crate::facts;

/// How the file is fetched.
pub struct Link {
    /// Opens it, or leads to what does.
    pub url: String,
    /// It is refused from here on.
    pub expires_at: Timestamp,
}

/// Renders what is told of an event, with the link where there is a file.
pub fn render(event: &Announcement, link: Option<&Link>) -> Result<Vec<u8>, serde_json::Error> {
    let mut data = json!({
        "request_id": event.request,
        "report": event.report,
        "requested_at": event.requested_at,
    });
    if let Some(data) = data.as_object_mut() {
        data.extend(facts::of(event));
    }
    if let Some(link) = link {
        data["link"] = json!({"mode": event.link.mode, "url": link.url, "expires_at": link.expires_at});
    }
    let body: Value = json!({"type": event.kind, "timestamp": event.occurred_at, "data": data});
    serde_json::to_vec(&body)
}

#[cfg(test)]
mod tests {
    use waybill::domain::message::EventKind;

    use super::*;
    use crate::facts::tests::event;

    fn rendered(kind: EventKind, url: Option<&str>) -> Value {
        let link = url.map(|url| Link { url: url.to_owned(), expires_at: Timestamp::UNIX_EPOCH });
        serde_json::from_slice(&render(&event(kind), link.as_ref()).unwrap()).unwrap()
    }

    #[test]
    fn a_file_comes_with_figures_checks_and_link() {
        let body = rendered(EventKind::ReportDivergent, Some("https://example.com/v1/links/x"));
        assert_eq!((&body["type"], &body["data"]["rows"]), (&json!("report.divergent"), &json!(1)));
        assert_eq!(body["data"]["files"][0]["name"], "r.csv");
        assert_eq!(body["data"]["checks"][0]["passed"], false);
        let link =
            json!({"mode": "managed", "url": "https://example.com/v1/links/x", "expires_at": "1970-01-01T00:00:00Z"});
        assert_eq!(body["data"]["link"], link);
    }

    #[test]
    fn without_a_file_it_says_why() {
        let data = |kind| rendered(kind, None)["data"].clone();
        assert_eq!(data(EventKind::ReportFailed)["failure"]["code"], "TOO_LARGE");
        assert_eq!(data(EventKind::ReportCancelled)["cancelled_by"], "issuer subject");
        assert_eq!(data(EventKind::ReportExpired)["reason"], "END_OF_LIFE");
        for kind in [EventKind::ReportFailed, EventKind::ReportCancelled, EventKind::ReportExpired] {
            assert!(data(kind)["link"].is_null());
        }
    }
}
