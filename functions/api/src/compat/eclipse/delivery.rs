//! Who is to be told: Eclipse's mechanisms as deliveries of Waybill's own.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::query::{Faults, HEADERS, TYPE, VALUE};
use crate::routes::endpoints::headers::{self, MAX_HEADER_BYTES, MAX_HEADERS};

/// As given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// `deliveryMechanismType`.
    pub kind: Option<String>,
    /// `deliveryMechanismValue`.
    pub value: Option<String>,
    /// `webhookAdditionalHeaders`.
    pub headers: Option<String>,
}

/// Who is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The field `delivery` of a request.
    pub target: Json,
    /// Sent along with a callback, by lower-case name. Confidential: not sealed yet.
    pub headers: BTreeMap<String, String>,
}

/// A header that callbacks have already: the id of their request.
pub const REQUEST_ID: &str = "x-request-id";

/// Reads a mechanism. What is behind an address is judged where the request is accepted.
pub fn read(asked: Asked, faults: &mut Faults) -> Option<Delivery> {
    let value = asked.value.unwrap_or_default();
    for (name, lacks) in [(TYPE, asked.kind.is_none()), (VALUE, value.is_empty())] {
        if lacks {
            faults.add(name, "missing", "Required with streamResult=true.");
        }
    }
    let kind = asked.kind?;
    if kind != "http" && asked.headers.is_some() {
        faults.add(HEADERS, "not_allowed", "Goes with deliveryMechanismType=http only.");
    }
    let headers = asked.headers.map(|text| additional(&text, faults)).unwrap_or_default();
    let target = match kind.as_str() {
        "http" => json!({ "webhook": { "url": value } }),
        "email" => json!({ "email": { "to": [value] } }),
        "jira" => jira(&value, faults)?,
        _ => {
            faults.add(TYPE, "not_allowed", "Must be one of email, http, jira.");
            return None;
        }
    };
    Some(Delivery { target, headers })
}

/// An issue's key: a comment on it. A project's: a new issue, in the project that the operator has set.
fn jira(value: &str, faults: &mut Faults) -> Option<Json> {
    let (project, number) = value.split_once('-').map_or((value, None), |(project, number)| (project, Some(number)));
    let is_project = (2..=32).contains(&project.len())
        && project.starts_with(|c: char| c.is_ascii_uppercase())
        && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let is_number = |text: &str| (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match number {
        None if is_project => Some(json!({ "jira": {} })),
        Some(number) if is_project && is_number(number) => Some(json!({ "jira": { "issue": value } })),
        _ => {
            if !value.is_empty() {
                faults.add(
                    VALUE,
                    "format",
                    "Must be the key of an issue, such as OPS-123, or of a project, such as OPS.",
                );
            }
            None
        }
    }
}

/// `key1,value1,key2,value2`: no value can hold a comma.
fn additional(text: &str, faults: &mut Faults) -> BTreeMap<String, String> {
    let parts: Vec<&str> = text.split(',').collect();
    let mut given = BTreeMap::new();
    let pairs = parts.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        faults.add(
            HEADERS,
            "format",
            "Must be names and values in turn, with commas between: key1,value1,key2,value2.",
        );
        return given;
    }
    if pairs.len() > MAX_HEADERS || text.len() > MAX_HEADER_BYTES {
        let detail = format!("At most {MAX_HEADERS} headers and {MAX_HEADER_BYTES} bytes.");
        faults.add(HEADERS, "out_of_range", detail);
        return given;
    }
    for pair in pairs {
        match header(pair[0], pair[1]) {
            Ok((name, value)) => {
                if given.insert(name, value).is_some() {
                    faults.add(HEADERS, "not_allowed", "A header is given twice; case does not matter.");
                }
            }
            // Not the name: in the wrong order it would be the value.
            Err((code, detail)) => faults.add(HEADERS, code, detail),
        }
    }
    given
}

fn header(name: &str, value: &str) -> Result<(String, String), headers::Refused> {
    let name = headers::name(name.trim_matches(' '))?;
    if name == REQUEST_ID {
        return Err(("not_allowed", format!("The header {name} is reserved: it names the request.")));
    }
    Ok((name, headers::value(value)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: &str, value: &str, headers: Option<&str>) -> Asked {
        Asked { kind: Some(kind.to_owned()), value: Some(value.to_owned()), headers: headers.map(str::to_owned) }
    }

    fn read_of(asked: Asked) -> (Option<Json>, Vec<(String, &'static str)>) {
        let mut faults = Faults::default();
        let target = read(asked, &mut faults).map(|delivery| delivery.target);
        (target, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn mechanisms_become_deliveries() {
        let good = |kind, value| {
            let (target, faults) = read_of(asked(kind, value, None));
            assert_eq!(faults, [], "{kind} {value}");
            target.unwrap()
        };
        let url = "https://app.example.com/ready?x=1";
        assert_eq!(good("http", url), json!({ "webhook": { "url": url } }));
        assert_eq!(good("email", "a@b"), json!({ "email": { "to": ["a@b"] } }));
        assert_eq!(good("jira", "ABC-123"), json!({ "jira": { "issue": "ABC-123" } }));
        assert_eq!(good("jira", "ABC"), json!({ "jira": {} }));
    }

    #[test]
    fn what_is_no_mechanism_is_refused() {
        let value = |code| vec![(VALUE.to_owned(), code)];
        let missing = [(TYPE.to_owned(), "missing"), (VALUE.to_owned(), "missing")];
        assert_eq!(read_of(Asked::default()), (None, missing.to_vec()));
        assert_eq!(read_of(asked("fax", "1", None)), (None, vec![(TYPE.to_owned(), "not_allowed")]));
        assert_eq!(read_of(asked("HTTP", "x", None)).1, [(TYPE.to_owned(), "not_allowed")]);
        assert_eq!(read_of(asked("http", "", None)).1, value("missing"));
        for wrong in ["abc-1", "ABC-", "ABC-1-2", "A-1", "ABC-12345678901", "1BC-1", "ABC 1", "ABC-1/../x"] {
            assert_eq!(read_of(asked("jira", wrong, None)), (None, value("format")), "{wrong}");
        }
    }

    #[test]
    fn headers_are_names_and_values_in_turn() {
        let of = |text: &str| {
            let mut faults = Faults::default();
            let delivery = read(asked("http", "https://a.example", Some(text)), &mut faults);
            let headers: Vec<_> = delivery.unwrap().headers.into_iter().collect();
            (headers, faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect::<Vec<_>>())
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = vec![pair("authorization", "Bearer x"), pair("x-run", "7")];
        assert_eq!(of("X-Run,7,Authorization, Bearer x"), (expected, vec![]));
        for (text, code) in [
            ("a", "format"),
            ("a,b,c", "format"),
            ("", "format"),
            (",", "format"),
            ("a,", "format"),
            ("a,b\r\nX-Evil: 1", "format"),
            ("a\r\n,b", "format"),
            ("a,b,A,c", "not_allowed"),
            ("Host,x", "not_allowed"),
            ("Connection,close", "not_allowed"),
            ("Transfer-Encoding,chunked", "not_allowed"),
            ("Content-Length,0", "not_allowed"),
            ("Eclipse-Signature,t=1", "not_allowed"),
            ("webhook-signature,v1", "not_allowed"),
            ("Waybill-Manifest-Sha256,x", "not_allowed"),
            ("X-Request-Id,mine", "not_allowed"),
        ] {
            assert_eq!(of(text).1, [(HEADERS.to_owned(), code)], "{text:?}");
        }
        let many = vec!["a,b"; MAX_HEADERS + 1].join(",");
        assert_eq!(of(&many).1, [(HEADERS.to_owned(), "out_of_range")]);
        let (_, faults) = read_of(asked("email", "a@b", Some("a,b")));
        assert_eq!(faults, [(HEADERS.to_owned(), "not_allowed")]);
    }
}
