//! Lists in pages: `limit` and an opaque `cursor`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use waybill::accept::Fault;

use crate::problem::Problem;

/// Items of a page unless asked for otherwise, and at most.
const DEFAULT: u32 = 25;
const MOST: u32 = 100;

/// `limit` as asked for: 1 to 100, 25 unless given.
pub fn limit(asked: Option<&str>) -> Result<u32, Fault> {
    let Some(text) = asked else { return Ok(DEFAULT) };
    let fault = || Fault::new("limit", "out_of_range", format!("Must be a whole number from 1 to {MOST}."));
    text.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(fault)
}

/// The cursor that goes on after the row with that sort key, in the same list (`list` names it with its filters).
pub fn cursor(list: &str, after: &str) -> String {
    let digest = waybill::digest::sha256(format!("{list}\n{after}").as_bytes());
    let mut bytes = digest[..8].to_vec();
    bytes.extend_from_slice(after.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The sort key that a cursor of this list goes on after. A cursor of another list, or with other filters, is
/// refused; it could open nothing, for the partition never comes from it.
pub fn after(list: &str, asked: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(text) = asked else { return Ok(None) };
    let fault = || Fault::new("cursor", "format", "Not a cursor of this list with these filters; start without one.");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| fault())?;
    let key = bytes.get(8..).and_then(|key| String::from_utf8(key.to_vec()).ok()).ok_or_else(fault)?;
    if cursor(list, &key) == text { Ok(Some(key)) } else { Err(fault()) }
}

/// Query parameters, each at most once and known.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string; unknown and repeated parameters are faults.
    pub fn parse(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        let mut faults = Vec::new();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let detail = format!("No such query parameter. Known here: {}.", known.join(", "));
                faults.push(Fault::new(name.clone(), "unknown", detail));
            } else if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                faults.push(Fault::new(name.clone(), "not_allowed", "Given more than once."));
            }
        }
        if faults.is_empty() { Ok(Self(pairs)) } else { Err(Problem::bad_query(faults)) }
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_serves_its_own_list_only() {
        let cursor = cursor("requests status=FAILED", "REQ#req_1");
        assert_eq!(after("requests status=FAILED", Some(&cursor)), Ok(Some("REQ#req_1".to_owned())));
        assert_eq!(after("requests", None), Ok(None));
        for text in ["", "x", "AAAA", "AAAAAAAAAAA", &cursor[1..], &format!("{cursor}A")] {
            assert_eq!(after("requests status=FAILED", Some(text)).unwrap_err().pointer, "cursor", "{text}");
        }
        assert!(after("requests", Some(&cursor)).is_err());
    }

    #[test]
    fn limits_have_bounds() {
        assert_eq!((limit(None), limit(Some("1")), limit(Some("100"))), (Ok(25), Ok(1), Ok(100)));
        for text in ["0", "101", "-1", "", "1.0", "x"] {
            assert!(limit(Some(text)).is_err(), "{text}");
        }
    }
}
