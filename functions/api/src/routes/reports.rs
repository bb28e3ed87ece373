//! The catalogue: what may be asked for, and how.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::{Map, Value, json};
use waybill::domain::{
    check::CheckKind,
    definition::Definition,
    tenant::{Scope, Tenant},
};

use crate::{
    app::App,
    auth::MayRead,
    openapi::{
        operation::Operation,
        parts::{file_format, report_id, values},
        schema::{
            Schema, and, and_perhaps, any, component, count, described, flag, list_of, map_of, nullable, shown, text,
        },
    },
    problem::Problem,
};

/// `GET /v1/reports`: id, version and title of every report that holds for the tenant. One whose
/// definition is broken is left out, and logged for the operator.
pub async fn list(State(app): State<Arc<App>>, caller: MayRead) -> Result<Json<Value>, Problem> {
    let tenant = app.tenant(&caller.tenant).await?;
    let reports: Vec<Value> = all(&app, &tenant).await?.iter().map(|report| summary(report)).collect();
    Ok(Json(json!({"reports": reports})))
}

/// Every report that holds for the tenant.
pub async fn all(app: &App, tenant: &Tenant) -> Result<Vec<Arc<Definition>>, Problem> {
    let mut reports = Vec::new();
    for id in app.config.definition_ids(&tenant.id).await? {
        match app.config.definition(&tenant.id, &id).await {
            Ok(Some(report)) if report.visible_to(tenant) => reports.push(report),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "report left out of the catalogue"),
        }
    }
    Ok(reports)
}

/// A report that holds for the tenant.
pub async fn one(app: &App, tenant: &Tenant, id: &str) -> Result<Arc<Definition>, Problem> {
    let report = app.config.definition(&tenant.id, id).await?;
    report.filter(|report| report.visible_to(tenant)).ok_or_else(|| Problem::not_found("report"))
}

/// `GET /v1/reports/{report}`: parameters with their bounds, columns, formats.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let tenant = app.tenant(&caller.tenant).await?;
    let report = one(&app, &tenant, &id).await?;
    let mut shown = summary(&report);
    shown["parameters"] = report.parameters.iter().map(waybill::domain::definition::Parameter::describe).collect();
    shown["columns"] = json!(report.columns);
    shown["output"] = json!(report.style);
    shown["format_limits"] = format_limits(&report);
    shown["checks"] =
        report.checks.iter().map(|check| json!({"name": check.name, "kind": check.rule.kind()})).collect();
    shown["limits"] = json!({
        "max_rows": report.limits.max_rows,
        "timeout_seconds": report.limits.timeout_seconds,
    });
    Ok(Json(shown))
}

/// What one file of a format can hold, by format, for those that are bounded.
fn format_limits(report: &Definition) -> Value {
    let limits = report.formats.iter().filter_map(|format| {
        let limits = [("max_rows", format.max_rows()), ("max_columns", format.max_columns().map(|most| most as u64))];
        let limits: Map<String, Value> =
            limits.into_iter().filter_map(|(name, most)| Some((name.to_owned(), json!(most?)))).collect();
        (!limits.is_empty()).then(|| (format.name().to_owned(), Value::Object(limits)))
    });
    Value::Object(limits.collect())
}

fn summary(report: &Definition) -> Value {
    json!({
        "id": report.id,
        "version": report.version,
        "title": report.title,
        "description": report.description,
        "formats": report.formats,
    })
}

/// What a caller may do with the catalogue.
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/reports", ["listReports", "Catalogue", "What may be asked for"])
            .needs(Scope::ReportsRead)
            .answers(StatusCode::OK, "Every report of the tenant's.", shown([("reports", list_of(report()))])),
        Operation::get("/v1/reports/{report}", ["showReport", "Catalogue", "One report"])
            .about("Its parameters with their bounds, its columns, its formats and their limits.")
            .needs(Scope::ReportsRead)
            .at("report", report_id())
            .answers(StatusCode::OK, "The report.", component("Report"))
            .refuses(&["not_found", "definition_invalid"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let parameter = and_perhaps(
        shown([("name", text()), ("type", text()), ("required", flag()), ("description", nullable(text()))]),
        [
            ("default", described(any(), "What it is unless given.")),
            ("not_before", described(text(), "Name of the parameter that it must not be before.")),
            ("relative", described(list_of(text()), "Words for days that are reckoned from the day of the request.")),
            ("max_length", count()),
            ("allowed", list_of(text())),
            ("min", described(any(), "A number; of decimals a text.")),
            ("max", any()),
            ("scale", count()),
            ("max_days", count()),
        ],
    );
    let column = and_perhaps(
        shown([("name", text()), ("title", text()), ("type", text())]),
        [("format", text()), ("total", flag())],
    );
    let bounds = and_perhaps(shown([]), [("max_rows", count()), ("max_columns", count())]);
    let report = and(
        report(),
        [
            ("parameters", list_of(parameter)),
            ("columns", list_of(column)),
            ("output", component("Style")),
            ("format_limits", described(map_of(bounds), "By format, of those that are bounded.")),
            ("checks", list_of(shown([("name", text()), ("kind", values(&CheckKind::ALL))]))),
            ("limits", shown([("max_rows", nullable(count())), ("timeout_seconds", nullable(count()))])),
        ],
    );
    vec![("Report", report)]
}

fn report() -> Schema {
    shown([
        ("id", report_id()),
        ("version", count()),
        ("title", text()),
        ("description", nullable(text())),
        ("formats", described(list_of(file_format()), "The first one is the default.")),
    ])
}
