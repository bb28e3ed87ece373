//! The tenant's requests, newest first, filtered, in pages.

use std::{future::ready, sync::Arc};

use axum::{
    Json,
    extract::{RawQuery, State},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    accept::Fault,
    aws::table::{RawRow, keys::Key, pages::PageQuery},
    clock,
    domain::{
        id::ScheduleId,
        request::{Request, Status},
    },
};

use super::describe;
use crate::{
    app::App,
    auth::MayRead,
    page::{self, Query},
    problem::Problem,
};

/// Parameters of the query.
pub const PARAMETERS: [&str; 8] = ["status", "report", "presenter", "schedule", "from", "to", "limit", "cursor"];

/// What is wanted of the list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter {
    statuses: Vec<Status>,
    report: Option<String>,
    presenter: Option<Uuid>,
    schedule: Option<ScheduleId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// `GET /v1/requests?status=&report=&presenter=&schedule=&from=&to=&limit=&cursor=`.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: MayRead,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = Query::parse(query.as_deref(), &PARAMETERS)?;
    let now = clock::now();
    let (requests, next) = page_of(&app, &caller.tenant, &query, now).await?;
    let shown: Vec<Value> = requests.iter().map(|request| describe::summary(request, now)).collect();
    Ok(Json(json!({"requests": shown, "next_cursor": next})))
}

/// A page of the tenant's requests, and the cursor that goes on.
pub async fn page_of(
    app: &App,
    tenant: &str,
    query: &Query,
    now: Timestamp,
) -> Result<(Vec<Request>, Option<String>), Problem> {
    let mut faults = Vec::new();
    let filter = Filter::read(query, &mut faults);
    let name = filter.name();
    let place = query.page(&name, faults)?;
    let partition = Key::tenant(tenant).pk;
    let take = |rows: Vec<RawRow>| ready(rows.into_iter().map(|row| taken(&filter, row, now)).collect());
    Ok(page::filtered(&app.table, (&name, &partition), place, |after| filter.page(after), take).await?)
}

/// A row that the list takes, with its sort key.
fn taken(filter: &Filter, row: RawRow, now: Timestamp) -> (String, Option<Request>) {
    let key = row.key.sk.clone();
    let wanted = page::readable::<Request>(row).filter(|stored| filter.takes(&stored.row, now));
    (key, wanted.map(|stored| stored.row))
}

impl Filter {
    fn read(query: &Query, faults: &mut Vec<Fault>) -> Self {
        Self {
            statuses: query.several("status", &Status::ALL, Status::name, faults),
            report: query.get("report").map(str::to_owned),
            presenter: query.parsed("presenter", "Must be a UUID.", faults),
            schedule: query.parsed("schedule", "Must be the id of a schedule, sch_….", faults),
            from: query.time("from", faults),
            to: query.time("to", faults),
        }
    }

    fn takes(&self, request: &Request, now: Timestamp) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&describe::status(request, now)))
            && self.report.as_ref().is_none_or(|report| *report == request.report)
            && self.presenter.is_none_or(|presenter| presenter == request.presenter_id)
            && self.schedule.is_none_or(|id| request.occasion.as_ref().is_some_and(|occasion| occasion.schedule == id))
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
        let filter = Filter::read(&query, &mut vec![]);
        assert_eq!(filter.statuses, [Status::Failed, Status::Expired]);
        assert_eq!(query.page(&filter.name(), vec![]), Ok((25, None)));
        let page = filter.page(None);
        assert!(page.from < page.to, "{page:?}");
    }

    #[test]
    fn every_fault_is_named() {
        let found = faults("status=DONE&presenter=1&schedule=x&from=yesterday&to=2026-13-01T00:00:00Z");
        let names: Vec<&str> = found.iter().map(|fault| fault.0.as_str()).collect();
        assert_eq!(names, ["status", "presenter", "schedule", "from", "to"]);
        assert!(Query::parse(Some("state=FAILED"), &PARAMETERS).is_err());
        assert!(Query::parse(Some("report=a&report=b"), &PARAMETERS).is_err());
    }
}
