//! `notificationParams`: who is told at the end. TReports' documentation shows them empty; here they name one channel.

use serde_json::{Value as Json, json};
use waybill::accept::fields::Faults;

use super::words::{Words, says_something};

/// Names of the channels.
const FIELDS: [&str; 3] = ["emails", "webhook", "endpoint"];

/// Most e-mail addresses; the channel itself may allow fewer.
const MAX_ADDRESSES: usize = 50;

/// Longest address or URL, in bytes.
const MAX_TEXT: usize = 2_048;

/// The `delivery` of Waybill's own request; none if nobody is named.
pub fn read(body: &Words, faults: &Faults) -> Option<Json> {
    let params = body.object("notificationParams", &FIELDS)?;
    let said: Vec<&str> = FIELDS.into_iter().filter(|name| params.get(name).is_some_and(says_something)).collect();
    match said[..] {
        ["emails"] => emails(&params).map(|to| json!({ "email": { "to": to } })),
        ["webhook"] => params.text("webhook", MAX_TEXT).map(|url| json!({ "webhook": { "url": url } })),
        ["endpoint"] => params.text("endpoint", MAX_TEXT).map(|id| json!({ "endpoint": id })),
        [_, second, ..] => {
            faults.add(params.place(second), "not_allowed", "One channel only: emails, webhook or endpoint.");
            None
        }
        // Nobody; there are no other names.
        [] | [_] => None,
    }
}

/// One address, or a list of them.
fn emails(params: &Words) -> Option<Json> {
    match params.get("emails")? {
        Json::Array(_) => {
            let list = params.list("emails", MAX_ADDRESSES);
            Some(list.into_iter().map(|(_, address)| address.clone()).collect())
        }
        _ => params.text("emails", MAX_TEXT).map(|address| json!([address])),
    }
}

/// Where a fault of the own request's `delivery` is in `notificationParams`.
pub fn place(pointer: &str) -> Option<String> {
    let rest = pointer.strip_prefix("/delivery")?;
    let field = FIELDS.into_iter().find(|name| rest.trim_start_matches('/').starts_with(name.trim_end_matches('s')));
    let index = rest.rsplit('/').next().filter(|last| rest.starts_with("/email") && last.parse::<usize>().is_ok());
    let index = index.map(|index| format!("[{index}]")).unwrap_or_default();
    Some(field.map_or_else(|| "notificationParams".to_owned(), |field| format!("notificationParams.{field}{index}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(params: &Json) -> (Option<Json>, Vec<(String, &'static str)>) {
        let body = json!({ "notificationParams": params });
        let faults = Faults::default();
        let words = Words::of(&body, "", &["notificationParams"], &faults).unwrap();
        let read = read(&words, &faults);
        (read, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn each_channel_is_translated() {
        for nobody in [json!({}), json!(null), json!({ "Emails": [], "webhook": "" })] {
            assert_eq!(read_one(&nobody), (None, vec![]), "{nobody}");
        }
        let to = json!({ "email": { "to": ["a@example.com"] } });
        assert_eq!(read_one(&json!({ "emails": "a@example.com" })).0, Some(to.clone()));
        assert_eq!(read_one(&json!({ "Emails": ["a@example.com"] })).0, Some(to));
        let url = json!({ "webhook": { "url": "https://example.com/" } });
        assert_eq!(read_one(&json!({ "webhook": "https://example.com/" })).0, Some(url));
        assert_eq!(read_one(&json!({ "endpoint": "end_1" })).0, Some(json!({ "endpoint": "end_1" })));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let refused = |params| read_one(&params).1;
        let at = |name: &str| format!("notificationParams.{name}");
        assert_eq!(refused(json!({ "users": [7] })), [(at("users"), "unknown")]);
        assert_eq!(refused(json!({ "emails": "a@b.c", "endpoint": "end_1" })), [(at("endpoint"), "not_allowed")]);
        assert_eq!(refused(json!({ "webhook": 7 })), [(at("webhook"), "type")]);
        assert_eq!(refused(json!([1])), [("notificationParams".to_owned(), "type")]);
    }

    #[test]
    fn faults_of_the_own_request_find_their_field() {
        for (pointer, expected) in [
            ("/delivery/webhook/url", "notificationParams.webhook"),
            ("/delivery/endpoint", "notificationParams.endpoint"),
            ("/delivery/email", "notificationParams.emails"),
            ("/delivery/email/to/1", "notificationParams.emails[1]"),
            ("/delivery", "notificationParams"),
        ] {
            assert_eq!(place(pointer).as_deref(), Some(expected));
        }
        assert_eq!(place("/format"), None);
    }
}
