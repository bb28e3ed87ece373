//! Lists in pages: `limit` and an opaque `cursor`.

use std::{future::Future, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use waybill::{
    accept::Fault,
    aws::table::{RawRow, Row, Stored, Table, TableError, pages::PageQuery},
};

use crate::problem::Problem;

/// Items of a page unless asked for otherwise, and at most.
pub const DEFAULT: u32 = 25;
const MOST: u32 = 100;

/// What `limit` may be.
pub const LIMITS: std::ops::RangeInclusive<u32> = 1..=MOST;

/// Rows that are looked at for one page of a filtered list: a filter that matches seldom gives a short page, and a
/// cursor to go on.
const MOST_LOOKED_AT: usize = 1000;

/// `limit` as asked for: 1 to 100, 25 unless given.
fn limit(asked: Option<&str>) -> Result<u32, Fault> {
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
fn after(list: &str, asked: Option<&str>) -> Result<Option<String>, Fault> {
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

    /// The same of a list's own parameters, as another interface has them: each is known and there once.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of another type; `detail` tells its form.
    pub fn parsed<T: FromStr>(&self, name: &str, detail: &str, faults: &mut Vec<Fault>) -> Option<T> {
        let text = self.get(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            faults.push(Fault::new(name, "format", detail));
        }
        value
    }

    /// A time.
    pub fn time(&self, name: &str, faults: &mut Vec<Fault>) -> Option<Timestamp> {
        self.parsed(name, "Must be a time as in RFC 3339, e.g. 2026-11-22T00:00:00Z.", faults)
    }

    /// One or several of `all`, by name in either case, with commas between.
    pub fn several<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        name_of: fn(T) -> &'static str,
        faults: &mut Vec<Fault>,
    ) -> Vec<T> {
        let mut chosen = Vec::new();
        for text in self.get(name).into_iter().flat_map(|texts| texts.split(',')) {
            let known = all.iter().copied().find(|one| name_of(*one).eq_ignore_ascii_case(text));
            if known.is_none() {
                let names: Vec<&str> = all.iter().map(|one| name_of(*one)).collect();
                let detail = format!("Must be of {}, with commas between.", names.join(", "));
                faults.push(Fault::new(name, "not_allowed", detail));
            }
            chosen.extend(known);
        }
        chosen
    }

    /// `limit`, and where `cursor` goes on in the list of that name, unless there are `faults`: all are told at once.
    pub fn page(&self, list: &str, mut faults: Vec<Fault>) -> Result<(u32, Option<String>), Problem> {
        // A faulty filter names another list: its cursor cannot be judged.
        let after = if faults.is_empty() { after(list, self.get("cursor")) } else { Ok(None) };
        let limit = limit(self.get("limit")).map_err(|fault| faults.push(fault));
        let after = after.map_err(|fault| faults.push(fault));
        match (limit, after) {
            (Ok(limit), Ok(after)) if faults.is_empty() => Ok((limit, after)),
            _ => Err(Problem::bad_query(faults)),
        }
    }
}

/// A row of a list; one that cannot be read is left out, and logged.
pub fn readable<T: Row>(row: RawRow) -> Option<Stored<T>> {
    row.read().inspect_err(left_out).ok()
}

/// Logs why a row is not in a list.
pub fn left_out(error: &TableError) {
    tracing::error!(%error, "row left out of a list");
}

/// A page of what `take` makes of a partition's rows: each row's sort key, and what is shown of it, if anything. With
/// the cursor that goes on; `list` names the list with its filters.
pub async fn filtered<T, F: Future<Output = Vec<(String, Option<T>)>> + Send>(
    table: &Table,
    (list, partition): (&str, &str),
    (limit, mut after): (u32, Option<String>),
    query: impl Fn(Option<String>) -> PageQuery,
    take: impl Fn(Vec<RawRow>) -> F,
) -> Result<(Vec<T>, Option<String>), TableError> {
    let (mut shown, mut looked_at) = (Vec::new(), 0);
    loop {
        let page = table.page(partition, query(after.take())).await?;
        for (key, row) in take(page.rows).await {
            looked_at += 1;
            shown.extend(row);
            if shown.len() == limit as usize || looked_at == MOST_LOOKED_AT {
                return Ok((shown, Some(cursor(list, &key))));
            }
        }
        match page.next {
            None => return Ok((shown, None)),
            next => after = next,
        }
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
