//! Licence seats: who has them, what is said when there is none, and the context that a caller sends for one.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use http::{HeaderMap, HeaderName, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    clock,
    domain::{
        licence::{
            ContextFault, LicenceContext, SeatAsk,
            pool::{self, Occupied, Standing, Usage},
        },
        tenant::{Scope, Tenant},
    },
};

use super::tenants;
use crate::{
    app::App,
    auth::{Admin, MayRead},
    openapi::{
        operation::Operation,
        parts::tenant_id,
        schema::{
            Schema, and_perhaps, component, count, described, id, list_of, names, nullable, page_of, shown, text, time,
        },
    },
    page::{self, Query},
    problem::Problem,
};

/// Carries a licence context, in base64.
pub const LICENCE_CONTEXT: HeaderName = HeaderName::from_static("x-license-context");

/// Requests of a key that are named.
const NAMED: usize = 20;

/// `GET /v1/licences`: the tenant's pool, and every key that has a seat of it.
pub async fn list(State(app): State<Arc<App>>, caller: MayRead, uri: Uri) -> Result<Json<Value>, Problem> {
    let tenant = app.tenant(&caller.tenant).await?;
    describe(&app, &tenant, &uri).await
}

/// `GET /v1/tenants/{tenant}/licences`: the same, for administrators.
pub async fn list_of_tenant(
    State(app): State<Arc<App>>,
    _: Admin,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let tenant = tenants::existing(&app, &id).await?;
    describe(&app, &tenant.row, &uri).await
}

async fn describe(app: &App, tenant: &Tenant, uri: &Uri) -> Result<Json<Value>, Problem> {
    let (limit, after) = Query::parse(uri.query(), &["limit", "cursor"])?.page("licences", vec![])?;
    let Some(pool) = tenant.licence_pool() else {
        return Ok(Json(json!({ "seats": null, "in_use": 0, "lingering": 0, "keys": [], "next_cursor": null })));
    };
    let now = clock::now();
    let seatings: Vec<_> = app.table.seatings(&tenant.id).await?.into_iter().map(|read| read.row).collect();
    let held = app.table.held_seats(&tenant.id, now - pool.linger).await?;
    let usages = pool::usages(pool, &seatings, &held, now);
    let lingering = usages.iter().filter(|usage| matches!(usage.standing, Standing::Lingers { .. })).count();
    let rest = usages.iter().filter(|usage| after.as_ref().is_none_or(|after| usage.seating.waiver > *after));
    let shown: Vec<&Usage> = rest.take(limit as usize).collect();
    let is_last = shown.last().map(|usage| &usage.seating.waiver) == usages.last().map(|usage| &usage.seating.waiver);
    let next = shown.last().filter(|_| !is_last).map(|usage| page::cursor("licences", &usage.seating.waiver));
    Ok(Json(json!({
        "seats": pool.seats,
        "linger_seconds": pool.linger.as_secs(),
        "in_use": usages.len(),
        "lingering": lingering,
        "keys": shown.into_iter().map(describe_usage).collect::<Vec<_>>(),
        "next_cursor": next,
    })))
}

/// A key that has a seat.
fn describe_usage(usage: &Usage) -> Value {
    let (state, frees_at): (_, Option<Timestamp>) = match usage.standing {
        Standing::Held { .. } => ("held", None),
        Standing::Lingers { until } => ("lingering", Some(until)),
        Standing::Idle => ("idle", None),
    };
    let mut shown = json!(usage.seating.holder);
    shown["key"] = json!(usage.seating.waiver);
    shown["state"] = json!(state);
    shown["since"] = json!(usage.seating.since);
    shown["requests"] = json!(usage.requests.iter().take(NAMED).collect::<Vec<_>>());
    shown["request_count"] = json!(usage.requests.len());
    shown["frees_at"] = json!(frees_at);
    shown
}

/// Every seat is taken: by whom, and when the next one may be free.
pub fn unavailable(occupied: &Occupied) -> Problem {
    let Occupied { seats, in_use, frees_at, holders } = occupied;
    let next = match frees_at {
        Some(at) => format!("The next is free at {at} at the earliest"),
        None => "The next is free when a report ends that holds one".to_owned(),
    };
    let detail = format!(
        "All licence seats of the tenant are in use ({in_use} of {seats}); nothing was recorded. {next}: ask again then, \
         or send the licence context of one that is in use and yours."
    );
    let problem = Problem::new(StatusCode::CONFLICT, "licence_unavailable", detail).with_licences(json!({
        "seats": seats,
        "in_use": in_use,
        "frees_at": frees_at,
        "held_by": holders.iter().map(describe_usage).collect::<Vec<_>>(),
    }));
    let wait = frees_at.map(|at| at.duration_since(clock::now()).as_secs().max(0) + 1);
    match wait.and_then(|seconds| u32::try_from(seconds).ok()) {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    }
}

/// The seat that a call with the header `X-License-Context` asks for; none without it.
pub fn asked(headers: &HeaderMap) -> Result<Option<SeatAsk>, Problem> {
    let mut values = headers.get_all(LICENCE_CONTEXT).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let read = match value.to_str() {
        _ if values.next().is_some() => Err(whole("not_allowed", "Send it once.")),
        Ok(text) => LicenceContext::parse(text),
        Err(_) => Err(whole("base64", "Must be base64.")),
    };
    read.map(|context| Some(SeatAsk::of_context(&context))).map_err(|faults| invalid(&faults))
}

fn whole(code: &'static str, detail: &str) -> Vec<ContextFault> {
    vec![ContextFault { pointer: "", code, detail: detail.to_owned() }]
}

fn invalid(faults: &[ContextFault]) -> Problem {
    let errors = faults.iter().map(|fault| {
        json!({
            "header": LICENCE_CONTEXT.as_str(), "pointer": fault.pointer, "code": fault.code, "detail": fault.detail,
        })
    });
    let detail = "Correct what `errors` lists of the licence context, by pointers into the decoded object; nothing was \
                  recorded.";
    Problem::new(StatusCode::BAD_REQUEST, "licence_context_invalid", detail).with_errors(errors.collect())
}

/// What a caller may know of licence seats.
pub fn operations() -> Vec<Operation> {
    let (tag, about) = ("Licences", "Every key that has a seat of the tenant's licence pool, and when it is free.");
    vec![
        Operation::get("/v1/licences", ["listLicences", tag, "Licence seats"])
            .about(about)
            .needs(Scope::ReportsRead)
            .in_pages()
            .answers(StatusCode::OK, "A page of keys.", component("Licences")),
        Operation::get("/v1/tenants/{tenant}/licences", ["listLicencesOfTenant", tag, "Licence seats of a tenant"])
            .about(about)
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .in_pages()
            .answers(StatusCode::OK, "A page of keys.", component("Licences"))
            .refuses(&["not_found"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let key = and_perhaps(
        shown([
            ("user", text()),
            ("key", text()),
            ("state", names(["held", "lingering", "idle"])),
            ("since", time()),
            ("requests", described(list_of(id("req")), "The first of them.")),
            ("request_count", count()),
            ("frees_at", described(nullable(time()), "null: when what it holds has ended.")),
        ]),
        [
            ("module", text()),
            ("client", text()),
            ("main_thread", json!({ "type": "integer" })),
            ("action", text()),
            ("federal_id", text()),
            ("licence_server", text()),
        ],
    );
    let mut licences = page_of("keys", key);
    licences["required"] = json!(["seats", "in_use", "lingering", "keys", "next_cursor"]);
    let licences = and_perhaps(
        licences,
        [
            ("seats", described(nullable(count()), "null: there is no pool, and as many as are asked for.")),
            ("linger_seconds", count()),
            ("in_use", count()),
            ("lingering", count()),
        ],
    );
    vec![("Licences", licences)]
}
