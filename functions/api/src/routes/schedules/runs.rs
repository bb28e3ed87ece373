//! The history of a schedule: what came of each of its times, the latest first.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        TableError,
        keys::{self, Key},
        pages::PageQuery,
    },
    clock,
    domain::{
        request::Request,
        schedule::{Outcome, Run},
    },
};

use super::load;
use crate::{
    app::App,
    auth::MayRead,
    page::{self, Query},
    problem::Problem,
    routes::requests::status,
};

/// Requests that are looked at side by side.
const CONCURRENCY: usize = 8;

/// `GET /v1/schedules/{schedule}/runs?limit=&cursor=`, each with the status of its request as it is now.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = Query::parse(query.as_deref(), &["limit", "cursor"])?;
    let schedule = load(&app, &caller.tenant, &id).await?.row;
    let name = format!("runs of {}", schedule.id);
    let (limit, after) = query.page(&name, vec![])?;
    let page = PageQuery::newest(&keys::runs_of(schedule.id), limit, after);
    let page = app.table.page(&Key::tenant(&caller.tenant).pk, page).await?;
    let rows = page.rows.into_iter().filter_map(page::readable::<Run>);
    let now = clock::now();
    let shown: Vec<Value> =
        stream::iter(rows).map(|run| described(&app, run.row, now)).buffered(CONCURRENCY).try_collect().await?;
    let cursor = page.next.map(|next| page::cursor(&name, &next));
    Ok(Json(json!({ "runs": shown, "next_cursor": cursor })))
}

async fn described(app: &App, run: Run, now: Timestamp) -> Result<Value, TableError> {
    let request = match &run.outcome {
        Outcome::Requested => app.table.get::<Request>(&Key::request(&run.tenant, run.id)).await?,
        Outcome::Refused { .. } | Outcome::Missed(_) => None,
    };
    let mut shown = describe(&run);
    if let Some(request) = request {
        shown["status"] = json!(status(&request.row, now));
    }
    Ok(shown)
}

fn describe(run: &Run) -> Value {
    let mut shown = match &run.outcome {
        Outcome::Requested => json!({ "result": "requested", "request": run.id, "status": null }),
        Outcome::Refused { code, detail, faults } => {
            json!({ "result": "refused", "code": code, "detail": detail, "faults": faults })
        }
        Outcome::Missed(missed) => json!({ "result": "missed", "until": missed.to, "count": missed.count }),
    };
    shown["at"] = json!(run.at);
    shown["asked_by"] = json!(run.by);
    shown["recorded_at"] = json!(run.recorded_at);
    shown
}
