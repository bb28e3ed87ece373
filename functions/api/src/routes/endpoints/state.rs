//! How an endpoint fares now: its lane, as `GET /v1/endpoints/{id}` shows it.

use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        RawRow, TableError,
        keys::{self, Key, LANE_SLOTS, WAITING},
        pages::PageQuery,
    },
    clock,
    domain::{
        endpoint::Endpoint,
        health::{Circuit, Health},
        lane::{Slot, Waiting},
    },
};

use crate::{app::App, problem::Problem};

/// Waiting deliveries are counted up to here.
const COUNTED: usize = 10_000;

/// `{state, error_rate, limit, concurrency, in_flight, waiting, next_retry_at, circuit}`.
pub async fn state(app: &App, endpoint: &Endpoint) -> Result<Value, Problem> {
    let now = clock::now();
    let (tenant, lane) = (&endpoint.tenant, endpoint.id.to_string());
    let health = app.table.get::<Health>(&Key::health(tenant, &lane)).await?;
    let health = health.map_or_else(|| Health::new(tenant, &lane, now), |read| read.row);
    let partition = keys::lane(tenant, &lane);
    let (slots, _) = rows(app, &partition, LANE_SLOTS, 500).await?;
    let slots = slots.into_iter().map(|row| row.read::<Slot>().map(|read| read.row));
    let slots = slots.collect::<Result<Vec<_>, _>>()?;
    let (first, waiting) = rows(app, &partition, WAITING, COUNTED).await?;
    let oldest = first.into_iter().next().map(RawRow::read::<Waiting>).transpose()?;
    Ok(describe(endpoint, &health, &slots, (oldest.map(|read| read.row.since), waiting), now))
}

/// The first page of rows, and how many there are in all, counted up to `most`.
async fn rows(app: &App, partition: &str, prefix: &str, most: usize) -> Result<(Vec<RawRow>, usize), TableError> {
    let query = |after| PageQuery {
        from: prefix.to_owned(),
        to: format!("{prefix}~"),
        newest_first: false,
        limit: 1000,
        after,
    };
    let mut page = app.table.page(partition, query(None)).await?;
    let first = page.rows;
    let mut count = first.len();
    while count < most
        && let Some(after) = page.next.take()
    {
        page = app.table.page(partition, query(Some(after))).await?;
        count += page.rows.len();
    }
    Ok((first, count.min(most)))
}

fn describe(
    endpoint: &Endpoint,
    health: &Health,
    slots: &[Slot],
    (oldest, waiting): (Option<Timestamp>, usize),
    now: Timestamp,
) -> Value {
    let concurrency = endpoint.settings.concurrency;
    let state = match (&endpoint.disabled, &endpoint.paused) {
        (Some(_), _) => "disabled",
        (None, Some(_)) => "paused",
        (None, None) => "active",
    };
    let limit = if state == "active" { health.limit(concurrency, now) } else { 0 };
    let circuit = match health.circuit(now) {
        Circuit::Closed => json!({ "state": "closed" }),
        Circuit::Open { until } => json!({ "state": "open", "until": until }),
        Circuit::HalfOpen => json!({ "state": "half_open" }),
    };
    let next = match (state, health.circuit(now)) {
        ("active", Circuit::Open { until }) => Some(until),
        ("active", _) => oldest.or(health.next_retry_at.filter(|at| *at > now)),
        _ => None,
    };
    json!({
        "state": state,
        "error_rate": (health.error_rate() * 1000.0).round() / 1000.0,
        "limit": limit,
        "concurrency": concurrency,
        "in_flight": slots.iter().filter(|slot| slot.until > now).count(),
        "waiting": waiting,
        "next_retry_at": next,
        "circuit": circuit,
    })
}
