//! What administrators did to a tenant.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use http::Uri;
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        keys::{AUDIT, audit_trail},
        pages::PageQuery,
    },
    domain::{audit::Entry, tenant::is_valid_tenant_id},
};

use super::page_of;
use crate::{app::App, auth::Admin, page, problem::Problem};

/// `GET /v1/tenants/{tenant}/audit`, newest first. The trail of a tenant that was erased stays.
pub async fn list(
    State(app): State<Arc<App>>,
    _: Admin,
    Path(tenant): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let list = format!("audit {tenant}");
    let (limit, after) = page_of(&uri, &list)?;
    if !is_valid_tenant_id(&tenant) {
        return Err(Problem::not_found("tenant"));
    }
    let first = after.is_none();
    let page = app.table.page(&audit_trail(&tenant), PageQuery::newest(AUDIT, limit, after)).await?;
    // Every tenant's trail begins with its making.
    if first && page.rows.is_empty() {
        return Err(Problem::not_found("tenant"));
    }
    let mut entries = Vec::new();
    for row in page.rows {
        entries.push(row.read::<Entry>()?.row.describe());
    }
    let cursor = page.next.map(|next| page::cursor(&list, &next));
    Ok(Json(json!({ "entries": entries, "next_cursor": cursor })))
}
