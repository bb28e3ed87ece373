//! The access log of a request: who used which of its links, when, and from where.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use futures::future::try_join_all;
use serde_json::{Value, json};
use waybill::{
    aws::table::keys::{Key, story},
    domain::{
        id::LinkId,
        link::{Link, LinkUse},
    },
};

use super::{USES, describe, read};
use crate::{app::App, auth::MayRead, page, problem::Problem, routes::requests::load};

/// `GET /v1/requests/{request}/accesses`: uses of managed links, newest first, in pages.
pub async fn accesses(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let request = load(&app, &caller.tenant, &id).await?.row;
    let name = format!("accesses of {}", request.id);
    let page = describe::wanted(query.as_deref(), &name, USES)?;
    let page = app.table.page(&story(&request.tenant, request.id), page).await?;
    let next = page.next.map(|after| page::cursor(&name, &after));
    let uses: Vec<LinkUse> = read(page.rows);
    let mut makers = BTreeMap::<LinkId, Option<String>>::new();
    for used in &uses {
        makers.insert(used.link, None);
    }
    let links = makers.keys().map(|link| {
        let key = Key::link(&request.tenant, request.id, *link);
        let app = &app;
        async move { app.table.get::<Link>(&key).await }
    });
    for link in try_join_all(links.collect::<Vec<_>>()).await?.into_iter().flatten() {
        makers.insert(link.row.id, Some(link.row.created_by));
    }
    let accesses: Vec<Value> = uses
        .iter()
        .map(|used| {
            json!({
                "at": used.at,
                "link_id": used.link,
                "link_created_by": makers.get(&used.link).cloned().flatten(),
                "method": used.method,
                "outcome": used.outcome,
                "ip": used.ip,
                "user_agent": used.user_agent,
            })
        })
        .collect();
    Ok(describe::shown(&json!({"accesses": accesses, "next_cursor": next})))
}
