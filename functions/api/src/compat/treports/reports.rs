//! Reports by the identifiers of TReports: those of the tenant's settings, or one that is made of the report's id.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::domain::{
    definition::Definition,
    interface::{
        Treports,
        treports::{derived_uid, export_file_type},
    },
    tenant::Tenant,
};

use super::{entered, refused::Refused};
use crate::{app::App, auth::MayRead, problem::Problem};

/// The definition that an identifier means: a UUID, or the id of a report.
pub async fn find(app: &Arc<App>, tenant: &Tenant, settings: &Treports, uid: &str) -> Result<Arc<Definition>, Problem> {
    let report = match Uuid::try_parse(uid) {
        Ok(uuid) => named(app, tenant, settings, uuid).await?,
        Err(_) => None,
    };
    Ok(app.acceptor.definition(tenant, report.as_deref().unwrap_or(uid)).await?)
}

async fn named(app: &App, tenant: &Tenant, settings: &Treports, uid: Uuid) -> Result<Option<String>, Problem> {
    if let Some(report) = settings.reports.get(&uid) {
        return Ok(Some(report.clone()));
    }
    let ids = app.config.definition_ids(&tenant.id).await?;
    Ok(ids.into_iter().find(|report| derived_uid(report) == uid))
}

/// `GET /api/trep/v1/reports/`: `{total, hasNext, items}` of what the tenant may ask for. One whose definition is broken
/// is left out, and logged for the operator.
pub async fn list(State(app): State<Arc<App>>, caller: Result<MayRead, Problem>) -> Result<Json<Value>, Refused> {
    let caller = caller?;
    let (tenant, settings) = entered(&app, &caller.tenant).await?;
    let listed = items(&app, &tenant, &settings).await.map_err(|problem| Refused::new(problem, settings.language))?;
    Ok(Json(json!({ "total": listed.len(), "hasNext": false, "items": listed })))
}

async fn items(app: &Arc<App>, tenant: &Tenant, settings: &Treports) -> Result<Vec<Value>, Problem> {
    let mut items = Vec::new();
    for id in app.config.definition_ids(&tenant.id).await? {
        match app.config.definition(&tenant.id, &id).await {
            Ok(Some(report)) if report.visible_to(tenant) => {
                items.extend(uids(settings, &id).into_iter().map(|uid| item(&report, uid)));
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "report left out of the catalogue"),
        }
    }
    Ok(items)
}

/// Those that the settings give it, or the one that is derived.
fn uids(settings: &Treports, report: &str) -> Vec<Uuid> {
    let given: Vec<Uuid> = settings.reports.iter().filter(|(_, id)| *id == report).map(|(uid, _)| *uid).collect();
    if given.is_empty() { vec![derived_uid(report)] } else { given }
}

fn item(report: &Definition, uid: Uuid) -> Value {
    let types: Vec<usize> = report.formats.iter().filter_map(|format| export_file_type(*format)).collect();
    json!({
        "uId": uid,
        "code": report.id,
        "name": report.title,
        "displayName": report.title,
        "description": report.description,
        "version": report.version,
        "exportFileTypes": types,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_identifiers_of_the_settings() {
        let uid = |bits| Uuid::from_u128(bits);
        let reports = [(uid(1), "a".to_owned()), (uid(2), "b".to_owned()), (uid(3), "a".to_owned())];
        let settings = Treports { reports: reports.into(), ..Treports::default() };
        assert_eq!(uids(&settings, "a"), [uid(1), uid(3)]);
        assert_eq!(uids(&settings, "c"), [derived_uid("c")]);
    }
}
