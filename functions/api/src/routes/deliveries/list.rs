//! The tenant's deliveries, newest first, filtered, in pages.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    accept::Fault,
    aws::table::{
        RawRow,
        deliveries::made_between,
        keys::{self, Key},
        pages::PageQuery,
        rows::DeliveryIndex,
    },
    domain::{
        delivery::{Delivery, Status},
        id::{EndpointId, RequestId},
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
pub const PARAMETERS: [&str; 7] = ["request", "endpoint", "status", "from", "to", "limit", "cursor"];

/// Deliveries read side by side.
const CONCURRENCY: usize = 16;

/// What is wanted of the list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter {
    request: Option<RequestId>,
    endpoint: Option<EndpointId>,
    statuses: Vec<Status>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// `GET /v1/deliveries?request=&endpoint=&status=&from=&to=&limit=&cursor=`.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: MayRead,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = Query::parse(query.as_deref(), &PARAMETERS)?;
    let mut faults = Vec::new();
    let filter = Filter::read(&query, &mut faults);
    let name = filter.name();
    let place = query.page(&name, faults)?;
    let partition = filter.partition(&caller.tenant);
    let take = |rows: Vec<RawRow>| {
        let looks: Vec<_> = rows.into_iter().map(|row| shown(&app, &filter, row)).collect();
        stream::iter(looks).buffered(CONCURRENCY).collect()
    };
    let (deliveries, next) =
        page::filtered(&app.table, (&name, &partition), place, |after| filter.page(after), take).await?;
    Ok(Json(json!({ "deliveries": deliveries, "next_cursor": next })))
}

/// What the list shows of a row, with its sort key.
async fn shown(app: &App, filter: &Filter, row: RawRow) -> (String, Option<Value>) {
    let (key, delivery) = delivery(app, filter, row).await;
    (key, delivery.filter(|delivery| filter.takes(delivery)).map(|delivery| describe::delivery(&delivery)))
}

/// The delivery that a row is, or leads to, with the row's sort key.
async fn delivery(app: &App, filter: &Filter, row: RawRow) -> (String, Option<Delivery>) {
    let sk = row.key.sk.clone();
    if sk.starts_with(keys::DELIVERIES) {
        // `DLV#dlv_…` is a delivery, `DLV#dlv_…#0001` one of its attempts.
        let is_delivery = sk.matches('#').count() == 1;
        let read = if is_delivery { row.read().inspect_err(page::left_out).ok() } else { None };
        return (sk, read.map(|stored| stored.row));
    }
    let Ok(index) = row.read::<DeliveryIndex>().inspect_err(page::left_out).map(|stored| stored.row) else {
        return (sk, None);
    };
    if !filter.may_take(index.endpoint, index.created_at) {
        return (sk, None);
    }
    let key = Key::delivery(&index.tenant, index.request, index.delivery);
    let read = app.table.get(&key).await.inspect_err(page::left_out).ok().flatten();
    (sk, read.map(|stored| stored.row))
}

impl Filter {
    fn read(query: &Query, faults: &mut Vec<Fault>) -> Self {
        Self {
            request: query.parsed("request", "Must be the id of a request.", faults),
            endpoint: query.parsed("endpoint", "Must be the id of an endpoint.", faults),
            statuses: query.several("status", &Status::ALL, Status::name, faults),
            from: query.time("from", faults),
            to: query.time("to", faults),
        }
    }

    fn takes(&self, delivery: &Delivery) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&delivery.status))
            && self.may_take(delivery.target.endpoint(), delivery.created_at)
    }

    /// What can be said before the delivery is read.
    fn may_take(&self, endpoint: Option<EndpointId>, created_at: Timestamp) -> bool {
        self.endpoint.is_none_or(|wanted| endpoint == Some(wanted))
            && self.from.is_none_or(|from| created_at >= from)
            && self.to.is_none_or(|to| created_at < to)
    }

    /// A request's deliveries stand in its own story.
    fn partition(&self, tenant: &str) -> String {
        self.request.map_or_else(|| Key::tenant(tenant).pk, |request| keys::story(tenant, request))
    }

    /// Bounds of keys are wider than what was asked for; [`Self::takes`] has the last word.
    fn page(&self, after: Option<String>) -> PageQuery {
        let prefix = if self.request.is_some() { keys::DELIVERIES } else { keys::DELIVERY_INDEX };
        let (from, to) = made_between(prefix, self.from, self.to);
        PageQuery { from, to, newest_first: true, limit: 100, after }
    }

    /// Tells the list from others, so that a cursor serves no other.
    fn name(&self) -> String {
        format!("deliveries {self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Filter, Vec<(String, &'static str)>) {
        let query = Query::parse(Some(text), &PARAMETERS).unwrap();
        let mut faults = Vec::new();
        let filter = Filter::read(&query, &mut faults);
        (filter, faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn filters_are_read() {
        let endpoint = EndpointId::generate();
        let times = "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00%2B01:00";
        let (filter, faults) = parse(&format!("status=dead,CALLED_OFF&endpoint={endpoint}&{times}"));
        assert_eq!(faults, []);
        assert_eq!(
            (filter.statuses.as_slice(), filter.endpoint),
            ([Status::Dead, Status::CalledOff].as_slice(), Some(endpoint))
        );
        let page = filter.page(None);
        assert!(page.from < page.to && page.from.starts_with("DLI#dlv_019b"), "{page:?}");
        assert_eq!(filter.partition("acme"), "T#acme");
        let request = RequestId::generate();
        let (filter, _) = parse(&format!("request={request}"));
        assert_eq!(
            (filter.partition("acme"), filter.page(None).from),
            (keys::story("acme", request), "DLV#".to_owned())
        );
    }

    #[test]
    fn every_fault_is_named() {
        let (_, found) = parse("request=1&endpoint=req_1&status=DONE&from=yesterday&to=2026-13-01T00:00:00Z");
        let names: Vec<&str> = found.iter().map(|fault| fault.0.as_str()).collect();
        assert_eq!(names, ["request", "endpoint", "status", "from", "to"]);
    }
}
