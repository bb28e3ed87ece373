//! The end of a tenant: asked for here, carried out by the sweeper.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde_json::{Value, json};
use waybill::{
    aws::table::{Stored, TableError, Write, keys::Key, rows::TenantsEntry},
    clock,
    domain::{erasure::Erasure, id::ErasureId, tenant::Tenant},
};

use super::{TRIES, conflict, existing, require_match};
use crate::{app::App, audit, auth::Admin, page::Query, problem::Problem};

/// `DELETE /v1/tenants/{tenant}?confirm={tenant}`: 202 once it is recorded. From then on nobody acts for the tenant.
/// Asked for again, it answers with the erasure that is under way.
pub async fn request(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["confirm"])?;
    existing(&app, &id).await?;
    if query.get("confirm") != Some(&id) {
        let detail = "Everything of the tenant would go for good: repeat its id in the query, as ?confirm={tenant}.";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "confirmation_missing", detail));
    }
    for _ in 0..TRIES {
        let read = existing(&app, &id).await?;
        if let Some(erasure) = read.row.erasure {
            return accepted(&load(&app, erasure).await?);
        }
        require_match(&headers, Some(&read))?;
        let erasure = Erasure::begun(ErasureId::generate(), &id, &admin.subject, clock::now());
        match app.table.write(writes(&admin, &read, &erasure)?).await {
            Ok(()) => {
                tracing::info!(tenant.id = id, erasure.id = %erasure.id, "erasure of a tenant begins");
                return accepted(&erasure);
            }
            Err(TableError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict())
}

/// `GET /v1/erasures/{erasure}`: where it stands; once done, the receipt.
pub async fn show(State(app): State<Arc<App>>, _: Admin, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let id: ErasureId = id.parse().map_err(|_| Problem::not_found("erasure"))?;
    Ok(Json(load(&app, id).await?.describe()))
}

async fn load(app: &App, id: ErasureId) -> Result<Erasure, Problem> {
    let stored = app.table.get::<Erasure>(&Key::erasure(id)).await?;
    Ok(stored.ok_or_else(|| Problem::not_found("erasure"))?.row)
}

/// The tenant is marked, all that is not under its own partition goes at once, and the job is due.
fn writes(admin: &Admin, read: &Stored<Tenant>, erasure: &Erasure) -> Result<Vec<Write>, Problem> {
    let tenant = &read.row;
    let marked = Tenant { erasure: Some(erasure.id), identities: vec![], issuers: vec![], ..tenant.clone() };
    let entry = audit::entry(admin, &tenant.id, "tenant.erasure_requested", json!({ "erasure": erasure.id }))?;
    let mut writes = vec![
        Write::replace(read, &marked)?,
        Write::overwrite(&TenantsEntry::of(&marked))?,
        Write::insert(erasure)?,
        entry,
    ];
    writes.extend(tenant.identities.iter().map(|grant| Write::delete(Key::identity(&grant.issuer, &grant.subject))));
    writes.extend(tenant.issuers.iter().map(|issuer| Write::delete(Key::issuer(issuer))));
    Ok(writes)
}

fn accepted(erasure: &Erasure) -> Result<Response, Problem> {
    let location = format!("/v1/erasures/{}", erasure.id);
    let location = HeaderValue::from_str(&location).map_err(|e| Problem::unavailable(&e))?;
    let headers = [(header::LOCATION, location), (header::RETRY_AFTER, HeaderValue::from_static("60"))];
    Ok((StatusCode::ACCEPTED, headers, Json(erasure.describe())).into_response())
}
