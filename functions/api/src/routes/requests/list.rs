//! The tenant's requests, newest first, filtered, in pages.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    accept::Fault,
    aws::table::{keys::Key, pages::PageQuery},
    clock,
    domain::request::{Request, Status},
};

use super::describe;
use crate::{
    app::App,
    auth::MayRead,
    page::{self, Query},
    problem::Problem,
};

const PARAMETERS: [&str; 7] = ["status", "report", "presenter", "from", "to", "limit", "cursor"];

/// Rows that are looked at for one page: a filter that matches seldom gives a short page, and a cursor to go on.
const MOST_LOOKED_AT: usize = 1000;

/// What is wanted of the list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter {
    statuses: Vec<Status>,
    report: Option<String>,
    presenter: Option<Uuid>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// `GET /v1/requests?status=&report=&presenter=&from=&to=&limit=&cursor=`.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: MayRead,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = Query::parse(query.as_deref(), &PARAMETERS)?;
    let (filter, limit, mut after) = read(&query)?;
    let now = clock::now();
    let (mut shown, mut looked_at) = (Vec::new(), 0);
    let partition = Key::tenant(&caller.tenant).pk;
    let next = 'pages: loop {
        let page = app.table.page(&partition, filter.page(after.take())).await?;
        for row in page.rows {
            looked_at += 1;
            let key = row.key.sk.clone();
            match row.read::<Request>() {
                Ok(stored) if filter.takes(&stored.row, now) => shown.push(describe::summary(&stored.row, now)),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "row left out of a list"),
            }
            if shown.len() == limit as usize || looked_at == MOST_LOOKED_AT {
                break 'pages Some(key);
            }
        }
        match page.next {
            None => break None,
            next => after = next,
        }
    };
    let next = next.map(|key| page::cursor(&filter.name(), &key));
    Ok(Json(json!({"requests": shown, "next_cursor": next})))
}

fn read(query: &Query) -> Result<(Filter, u32, Option<String>), Problem> {
    let mut faults = Vec::new();
    let filter = Filter::read(query, &mut faults);
    let limit = page::limit(query.get("limit")).unwrap_or_else(|fault| {
        faults.push(fault);
        1
    });
    let after = if faults.is_empty() {
        page::after(&filter.name(), query.get("cursor")).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        })
    } else {
        None
    };
    if faults.is_empty() { Ok((filter, limit, after)) } else { Err(Problem::bad_query(faults)) }
}

impl Filter {
    fn read(query: &Query, faults: &mut Vec<Fault>) -> Self {
        let mut filter = Self { report: query.get("report").map(str::to_owned), ..Self::default() };
        for name in query.get("status").into_iter().flat_map(|names| names.split(',')) {
            let known = Status::ALL.into_iter().find(|status| status.name() == name);
            if known.is_none() {
                let detail = format!("Must be of {}, with commas between.", Status::ALL.map(Status::name).join(", "));
                faults.push(Fault::new("status", "not_allowed", detail));
            }
            filter.statuses.extend(known);
        }
        filter.presenter = parsed(query, "presenter", "Must be a UUID.", faults);
        let time = "Must be a time as in RFC 3339, e.g. 2026-11-22T00:00:00Z.";
        filter.from = parsed(query, "from", time, faults);
        filter.to = parsed(query, "to", time, faults);
        filter
    }

    fn takes(&self, request: &Request, now: Timestamp) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&describe::status(request, now)))
            && self.report.as_ref().is_none_or(|report| *report == request.report)
            && self.presenter.is_none_or(|presenter| presenter == request.presenter_id)
            && self.from.is_none_or(|from| request.created_at >= from)
            && self.to.is_none_or(|to| request.created_at < to)
    }

    /// Ids sort by the millisecond of their making (UUIDv7); [`Self::takes`] has the last word. An event's request
    /// bears the time of the event, which is earlier: so only `to` bounds the keys, and `from` with a day's grace.
    fn page(&self, after: Option<String>) -> PageQuery {
        let bound = |time: Timestamp| format!("REQ#req_{:012x}", u64::try_from(time.as_millisecond()).unwrap_or(0));
        let grace = jiff::SignedDuration::from_hours(24);
        let from = self.from.and_then(|from| from.checked_sub(grace).ok());
        PageQuery {
            from: from.map_or_else(|| "REQ#".to_owned(), bound),
            to: self.to.map_or_else(|| "REQ#~".to_owned(), |to| format!("{}~", bound(to))),
            newest_first: true,
            limit: 100,
            after,
        }
    }

    /// Tells the list from others, so that a cursor serves no other.
    fn name(&self) -> String {
        format!("requests {self:?}")
    }
}

fn parsed<T: std::str::FromStr>(query: &Query, name: &str, detail: &str, faults: &mut Vec<Fault>) -> Option<T> {
    let text = query.get(name)?;
    let value = text.parse().ok();
    if value.is_none() {
        faults.push(Fault::new(name, "format", detail));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(String, &'static str)> {
        let query = Query::parse(Some(text), &PARAMETERS).unwrap();
        let mut faults = Vec::new();
        Filter::read(&query, &mut faults);
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn filters_are_read() {
        let text = "status=FAILED,EXPIRED&report=r&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00%2B01:00";
        assert_eq!(faults(text), []);
        let query = Query::parse(Some(text), &PARAMETERS).unwrap();
        let (filter, limit, after) = read(&query).unwrap();
        assert_eq!(filter.statuses, [Status::Failed, Status::Expired]);
        assert_eq!((limit, after), (25, None));
        let page = filter.page(None);
        assert!(page.from < page.to, "{page:?}");
    }

    #[test]
    fn every_fault_is_named() {
        let found = faults("status=DONE&presenter=1&from=yesterday&to=2026-13-01T00:00:00Z");
        let names: Vec<&str> = found.iter().map(|fault| fault.0.as_str()).collect();
        assert_eq!(names, ["status", "presenter", "from", "to"]);
        assert!(Query::parse(Some("state=FAILED"), &PARAMETERS).is_err());
        assert!(Query::parse(Some("report=a&report=b"), &PARAMETERS).is_err());
    }
}
