//! Schedules of a tenant: reports that are asked for at times of a calendar.

mod contract;
mod deeds;
mod describe;
mod record;
mod runs;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use waybill::{
    accept::Rejected,
    aws::table::{
        Stored, TableError,
        keys::{Key, SCHEDULES},
        pages::PageQuery,
    },
    digest::sha256_hex,
    domain::{
        id::ScheduleId,
        schedule::{Refusal, Schedule},
    },
    schedules::{MOST, Refused, RunError},
};

pub use self::{
    contract::{components, operations},
    deeds::{delete, pause, resume, run},
    record::{create, put},
    runs::list as runs,
};
use crate::{
    app::App,
    auth::MayRead,
    page::{self, Query},
    problem::Problem,
};

/// Times that a schedule is read again because somebody else, such as its run, changed it in between.
const TRIES: usize = 5;

/// `GET /v1/schedules`: all of them, without what they ask for; the oldest first, but for those made with a key.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: MayRead,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let (limit, after) = Query::parse(query.as_deref(), &["limit", "cursor"])?.page("schedules", vec![])?;
    let page = PageQuery { newest_first: false, ..PageQuery::newest(SCHEDULES, limit, after) };
    let page = app.table.page(&Key::tenant(&caller.tenant).pk, page).await?;
    let rows = page.rows.into_iter().filter_map(page::readable::<Schedule>);
    let shown: Vec<Value> = rows.map(|stored| describe::summary(&stored.row)).collect();
    let cursor = page.next.map(|next| page::cursor("schedules", &next));
    Ok(Json(json!({ "schedules": shown, "next_cursor": cursor })))
}

/// `GET /v1/schedules/{schedule}`: what it asks for and when, and the next runs.
pub async fn show(State(app): State<Arc<App>>, caller: MayRead, Path(id): Path<String>) -> Result<Response, Problem> {
    let schedule = load(&app, &caller.tenant, &id).await?.row;
    Ok(shown(&schedule))
}

/// A schedule of the tenant; the same answer for what never was and what is another tenant's.
async fn load(app: &App, tenant: &str, id: &str) -> Result<Stored<Schedule>, Problem> {
    app.schedules().load(tenant, id_of(id)?).await?.ok_or_else(not_found)
}

fn id_of(text: &str) -> Result<ScheduleId, Problem> {
    text.parse().map_err(|_| not_found())
}

fn not_found() -> Problem {
    Problem::not_found("schedule")
}

fn shown(schedule: &Schedule) -> Response {
    let mut response = Json(describe::schedule(schedule)).into_response();
    response.headers_mut().extend(HeaderValue::from_str(&etag(schedule)).ok().map(|tag| (header::ETAG, tag)));
    response
}

/// Changes with what its owner can change, and not with a run.
fn etag(schedule: &Schedule) -> String {
    let Schedule { id, updated_at, paused, .. } = schedule;
    format!("\"{}\"", &sha256_hex(json!([id, updated_at, paused]).to_string().as_bytes())[..32])
}

/// `If-Match`: one of the tags, or any with `*`.
fn require_match(headers: &HeaderMap, schedule: &Schedule) -> Result<(), Problem> {
    let mut wanted = headers.get_all(header::IF_MATCH).iter().peekable();
    if wanted.peek().is_none() {
        return Ok(());
    }
    let tag = etag(schedule);
    let texts = wanted.filter_map(|value| value.to_str().ok());
    if texts.flat_map(|text| text.split(',')).map(str::trim).any(|text| text == "*" || text == tag) {
        return Ok(());
    }
    let detail = "The schedule is not what `If-Match` says: read it again and repeat the change.";
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail))
}

fn conflict() -> Problem {
    let detail = "The schedule was changed at the same time; read it and try again.";
    Problem::new(StatusCode::CONFLICT, "conflict", detail)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Rejected(Rejected::Table(TableError::Conflict))
            | Refused::State(Refusal::NotDue | Refusal::Already) => conflict(),
            Refused::Rejected(rejected) => rejected.into(),
            Refused::TooMany => {
                let detail = format!("The tenant has {MOST} schedules; delete one first.");
                Self::new(StatusCode::CONFLICT, "too_many_schedules", detail)
            }
            Refused::State(Refusal::Ended) => {
                let detail = "The schedule has ended: no time of it is left. Change when it runs, or make another.";
                Self::new(StatusCode::CONFLICT, "schedule_ended", detail)
            }
            Refused::Settings(error) => Self::unavailable(&error),
        }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Rejected(rejected) => rejected.into(),
            RunError::Table(error) => error.into(),
            RunError::Settings(error) => Self::unavailable(&error),
            RunError::Request(error) => Self::unavailable(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use describe::tests::schedule;

    #[test]
    fn a_tag_is_of_what_the_owner_changes() {
        let one = schedule();
        let run = Schedule { next_run: None, due_at: None, refused_in_a_row: 7, ..one.clone() };
        assert_eq!(etag(&one), etag(&run));
        let changed = Schedule { updated_at: one.updated_at + jiff::SignedDuration::from_millis(1), ..one.clone() };
        assert_ne!(etag(&one), etag(&changed));
        let asks = |tag: &str| {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_str(tag).unwrap())]);
            require_match(&headers, &one).is_ok()
        };
        assert!(asks(&etag(&one)) && asks("*") && asks(&format!("\"x\", {}", etag(&one))));
        assert!(!asks(&etag(&changed)) && !asks("x") && require_match(&HeaderMap::new(), &one).is_ok());
    }
}
