//! Making schedules, and replacing what they are.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    accept::{Fault, Rejected},
    aws::table::TableError,
    clock,
    domain::{
        id::ScheduleId,
        licence::SeatAsk,
        schedule::{Calendar, Occasion, Settings, StandingTerms},
        tenant::Tenant,
    },
    schedules::{Ask, Made, NewSchedule, Refused, Standing},
};

use super::{TRIES, conflict, describe, load, require_match, shown};
use crate::{
    app::App,
    auth::MayRequest,
    body::JsonBody,
    problem::Problem,
    routes::{
        licences,
        requests::{REPLAYED, describe_preview, idempotency_key},
    },
};

/// `POST /v1/schedules`: 201 once it is recorded; with `validate_only`, 200 and nothing recorded.
pub async fn create(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let (key, seat) = (idempotency_key(&headers)?, licences::asked(&headers)?);
    let (tenant, now) = (app.tenant(&caller.tenant).await?, clock::now());
    let terms = StandingTerms::default();
    let wanted = Wanted { tenant: &tenant, by: &caller.subject, terms: &terms, seat: seat.as_ref() };
    let (ask, request, settings) = wanted.read(&app, &body, None, now).await?;
    let standing = wanted.standing(&request);
    if ask.validate_only {
        return preview(&app, &standing, &settings, now).await;
    }
    let once = key.map(|key| (key, &body));
    let made = Box::pin(app.schedules().create(NewSchedule { standing, settings, once }, now)).await?;
    let (schedule, replayed) = match made {
        Made::New(stored) => (stored.row, false),
        Made::Before(stored) => (stored.row, true),
    };
    let mut response = (StatusCode::CREATED, shown(&schedule)).into_response();
    let location = HeaderValue::from_str(&format!("/v1/schedules/{}", schedule.id));
    response.headers_mut().insert(header::LOCATION, location.map_err(|e| Problem::unavailable(&e))?);
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// `PUT /v1/schedules/{schedule}`: what it asks for and when is replaced; whether it is paused stays.
pub async fn put(
    State(app): State<Arc<App>>,
    caller: MayRequest,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let seat = licences::asked(&headers)?;
    let tenant = app.tenant(&caller.tenant).await?;
    for _ in 0..TRIES {
        let (read, now) = (load(&app, &caller.tenant, &id).await?, clock::now());
        require_match(&headers, &read.row)?;
        // What another interface settled for it stays, and so does its seat unless another is sent.
        let (terms, seat) = (&read.row.order.terms, seat.as_ref().or(read.row.order.seat.as_ref()));
        let wanted = Wanted { tenant: &tenant, by: &read.row.created_by, terms, seat };
        let (ask, request, settings) = wanted.read(&app, &body, Some(&read.row.settings), now).await?;
        let standing = wanted.standing(&request);
        if ask.validate_only {
            return preview(&app, &standing, &settings, now).await;
        }
        match Box::pin(app.schedules().replace(&read, &standing, settings, now)).await {
            Ok(stored) => {
                tracing::info!(schedule.id = id, tenant.id = tenant.id, subject = caller.subject, "schedule changed");
                return Ok(shown(&stored.row));
            }
            Err(Refused::Rejected(Rejected::Table(TableError::Conflict))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict())
}

/// What is settled beside a body.
struct Wanted<'a> {
    tenant: &'a Tenant,
    by: &'a str,
    terms: &'a StandingTerms,
    seat: Option<&'a SeatAsk>,
}

impl<'a> Wanted<'a> {
    fn standing<'b>(&'b self, request: &'b Value) -> Standing<'b>
    where
        'a: 'b,
    {
        let Self { tenant, by, terms, seat } = *self;
        Standing { tenant, by, request, terms, seat }
    }

    /// What is wanted. If when it runs has faults, those of what it asks for are told with them.
    async fn read(
        &self,
        app: &App,
        body: &Value,
        before: Option<&Settings>,
        now: Timestamp,
    ) -> Result<(Ask, Value, Settings), Problem> {
        let (mut ask, mut faults) = Ask::parse(body, before, now);
        match (ask.request.take(), ask.settings.take()) {
            (Some(request), Some(settings)) => Ok((ask, request, settings)),
            (Some(request), None) => {
                let time_zone = ask.time_zone.unwrap_or_else(|| "UTC".to_owned());
                let occasion = Occasion { schedule: ScheduleId::generate(), at: now, time_zone };
                faults.extend(self.faults(app, &request, occasion, now).await?);
                Err(Problem::invalid(faults))
            }
            (None, _) => Err(Problem::invalid(faults)),
        }
    }

    async fn faults(
        &self,
        app: &App,
        request: &Value,
        occasion: Occasion,
        now: Timestamp,
    ) -> Result<Vec<Fault>, Problem> {
        match Box::pin(app.schedules().check(&self.standing(request), occasion, now)).await {
            Ok(_) => Ok(vec![]),
            Err(Rejected::Invalid(faults)) => Ok(faults),
            Err(error) => Err(error.into()),
        }
    }
}

/// When it would run, and what its first run would be.
async fn preview(app: &App, standing: &Standing<'_>, settings: &Settings, now: Timestamp) -> Result<Response, Problem> {
    let calendar = Calendar::of(settings).map_err(|error| Problem::unavailable(&error))?;
    let first = calendar.next_after(now);
    let occasion =
        Occasion { schedule: ScheduleId::generate(), at: first.unwrap_or(now), time_zone: settings.time_zone.clone() };
    let preview = Box::pin(app.schedules().check(standing, occasion, now)).await?;
    let shown = json!({
        "valid": true,
        "time_zone": settings.time_zone,
        "next_runs": describe::next_runs(settings, first),
        "first_request": describe_preview(&preview),
    });
    Ok(Json(shown).into_response())
}
