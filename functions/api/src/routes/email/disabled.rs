//! Addresses that mails bounced from, or whose readers complained: listed, and enabled again. By body and not by path, for
//! paths are logged.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        Stored, TableError, Write,
        keys::{DISABLED_ADDRESSES, Key},
        pages::PageQuery,
    },
    domain::email::{Address, feedback::DisabledAddress},
};

use crate::{
    app::App,
    audit,
    auth::{Admin, MayRead, MayWriteEndpoints},
    body::JsonBody,
    fields::{Faults, Fields},
    page::{self, Query},
    problem::Problem,
    routes::tenants::existing,
};

/// Longest text that is looked at as an address, in bytes.
const MAX_TEXT: usize = 320;

/// `GET /v1/email/disabled?limit=&cursor=`: the tenant's, in no order that means anything.
pub async fn list(State(app): State<Arc<App>>, caller: MayRead, uri: Uri) -> Result<Json<Value>, Problem> {
    page(&app, &caller.tenant, &uri).await
}

/// `GET /v1/tenants/{tenant}/email/disabled`: the same, for administrators.
pub async fn list_of_tenant(
    State(app): State<Arc<App>>,
    _: Admin,
    Path(tenant): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    existing(&app, &tenant).await?;
    page(&app, &tenant, &uri).await
}

/// `POST /v1/email/enable`: mails go to the address again. 404 if it is not disabled.
pub async fn enable(
    State(app): State<Arc<App>>,
    caller: MayWriteEndpoints,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let disabled = disabled(&app, &caller.tenant, &read(&body).map_err(Problem::invalid)?).await?;
    remove(&app, &disabled, None).await?;
    tracing::info!(tenant.id = caller.tenant, subject = caller.subject, "address enabled");
    Ok(Json(json!({ "enabled": disabled.row.address })))
}

/// `POST /v1/tenants/{tenant}/email/enable`: the same, for administrators.
pub async fn enable_of_tenant(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(tenant): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    existing(&app, &tenant).await?;
    let disabled = disabled(&app, &tenant, &read(&body).map_err(Problem::invalid)?).await?;
    // The trail outlives the tenant, so it does not have the address.
    let detail = json!({ "delivery": disabled.row.delivery, "kind": disabled.row.feedback.kind });
    let entry = audit::entry(&admin, &tenant, "email_address.enabled", detail)?;
    remove(&app, &disabled, Some(entry)).await?;
    Ok(Json(json!({ "enabled": disabled.row.address })))
}

async fn page(app: &App, tenant: &str, uri: &Uri) -> Result<Json<Value>, Problem> {
    let (limit, after) = Query::parse(uri.query(), &["limit", "cursor"])?.page("disabled_addresses", vec![])?;
    let page = app.table.page(&Key::tenant(tenant).pk, PageQuery::newest(DISABLED_ADDRESSES, limit, after)).await?;
    let read: Result<Vec<_>, TableError> =
        page.rows.into_iter().map(|row| Ok(describe(&row.read::<DisabledAddress>()?.row))).collect();
    let cursor = page.next.map(|next| page::cursor("disabled_addresses", &next));
    Ok(Json(json!({ "addresses": read?, "next_cursor": cursor })))
}

async fn disabled(app: &App, tenant: &str, address: &Address) -> Result<Stored<DisabledAddress>, Problem> {
    let key = Key::disabled_address(tenant, &address.folded());
    app.table.get(&key).await?.ok_or_else(|| Problem::not_found("disabled address"))
}

async fn remove(app: &App, disabled: &Stored<DisabledAddress>, entry: Option<Write>) -> Result<(), Problem> {
    match app.table.write([Write::remove(disabled)].into_iter().chain(entry).collect()).await {
        Err(TableError::Conflict) => {
            let detail = "The address was changed at the same time; look at the list again.";
            Err(Problem::new(StatusCode::CONFLICT, "conflict", detail))
        }
        other => Ok(other?),
    }
}

fn describe(disabled: &DisabledAddress) -> Value {
    json!({
        "address": disabled.address,
        "kind": disabled.feedback.kind,
        "detail": disabled.feedback.detail,
        "disabled_at": disabled.disabled_at,
        "request_id": disabled.request,
        "delivery_id": disabled.delivery,
    })
}

fn read(body: &Value) -> Result<Address, Vec<waybill::accept::Fault>> {
    let faults = Faults::default();
    let address = Fields::of(body, "", &["address"], &faults).and_then(|fields| {
        let address = Address::parse(fields.required_text("address", MAX_TEXT)?);
        address.map_err(|error| faults.add("/address", "format", format!("It {error}."))).ok()
    });
    let faults = faults.into_vec();
    address.filter(|_| faults.is_empty()).ok_or(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_nothing_else() {
        assert_eq!(read(&json!({ "address": "Ana@B.example" })).unwrap().folded(), "ana@b.example");
        let codes = |body| read(&body).unwrap_err().into_iter().map(|fault| (fault.pointer, fault.code)).collect();
        let all: Vec<Vec<(String, &str)>> =
            [json!({}), json!({ "address": "x" }), json!({ "address": "a@b.example", "all": true })]
                .into_iter()
                .map(codes)
                .collect();
        let expected = [("/address", "missing"), ("/address", "format"), ("/all", "unknown")];
        assert_eq!(all, expected.map(|(pointer, code)| vec![(pointer.to_owned(), code)]));
    }
}
