//! TReports' interface, by clients that are written as TOTVS's samples are: execute, poll, download.

mod documented;
mod download;
mod filters;
mod generations;
mod licences;
mod refusals;
mod schedules;

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use waybill_local::api_client::Answer;
use waybill_tests::{
    lake::Lake,
    tenant::{Tenant, fresh_id},
    wait::eventually,
    world::World,
};

/// The report's identifier, as an existing client has it.
pub const UID: &str = "0de072a9-4e6f-4ee8-b5bc-f562b538dada";

/// Movements, with the parameter of TOTVS's own sample.
const DEFINITION: &str = r#"
version = 1
title = "Movements"
formats = ["csv", "xlsx", "txt", "pdf"]
sql = """
SELECT unique_id, organisation_id, transaction_date, amount
FROM transactions
WHERE $codigo IS NULL OR $codigo <> unique_id
"""

[datasets.transactions]
location = "wallet/transactions/tenant={tenant}/"
source = "parquet"
partitions = [{ name = "month", type = "text" }]
binding = { kind = "path" }

[parameters.codigo]
type = "text"
max_length = 40

[[columns]]
name = "unique_id"
type = "text"

[[columns]]
name = "organisation_id"
type = "integer"

[[columns]]
name = "transaction_date"
type = "timestamp"

[[columns]]
name = "amount"
type = "decimal"
"#;

/// A tenant whose clients speak TReports' interface, and its report.
pub struct Customer {
    pub tenant: Tenant,
    /// Id of the definition.
    pub report: String,
}

impl Customer {
    /// With so many movements.
    pub async fn of(world: &World, rows: u64) -> Self {
        Self::with(world, rows, json!({}), "").await
    }

    /// With settings beside the usual ones, and more in the definition.
    pub async fn with(world: &World, rows: u64, settings: Value, more: &str) -> Self {
        let report = fresh_id();
        let mut all = json!({ "packaging": "openpgp", "interfaces": { "treports": { "reports": { UID: report } } } });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let tenant = Tenant::create_with(world, all).await;
        Lake::generate(world, &tenant.id, rows, 1).await;
        let key = format!("tenants/{}/reports/{report}.toml", tenant.id);
        let definition = format!("id = \"{report}\"\n{DEFINITION}\n{more}");
        world.put(&world.stack.buckets.config, &key, definition.into_bytes()).await;
        Self { tenant, report }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.tenant.api.post(path, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.tenant.get(path).await
    }

    /// With headers beside the usual ones.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        self.tenant.api.send(Method::POST, path, &all, body.to_string().into_bytes()).await.unwrap()
    }

    /// Executes; returns `uIdRequest`.
    pub async fn execute(&self, body: &Value) -> Uuid {
        let answer = self.post(&execute(UID), body).await;
        let told = answer.expect_status("execute", &[200]).unwrap();
        assert!(told["scheduleDate"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{told}");
        told["uIdRequest"].as_str().unwrap().parse().unwrap()
    }

    /// What `info` tells once it tells something, as the samples wait for it.
    pub async fn info(&self, id: Uuid) -> Value {
        eventually("the end of a generation", async || {
            let answer = self.get(&format!("/api/trep/v1/generateds/{id}/info")).await;
            assert_eq!(answer.status, 200, "{}", answer.json());
            (!answer.body.is_empty()).then(|| answer.json())
        })
        .await
    }

    /// The file of an execution, by its number.
    pub async fn file(&self, info: &Value, kind: u32) -> Answer {
        let number = info["id"].as_i64().filter(|number| i32::try_from(*number).is_ok()).unwrap();
        self.get(&format!("/api/trep/v1/generateds/{number}/file?exportFileType={kind}")).await
    }

    /// Lines of an execution's CSV, without the header.
    pub async fn lines(&self, body: &Value) -> Vec<String> {
        let info = self.info(self.execute(body).await).await;
        assert_eq!(info["status"], "Finalizado", "{info}");
        let text = String::from_utf8(self.file(&info, 2).await.body).unwrap();
        text.lines().skip(1).map(str::to_owned).collect()
    }
}

/// Path of the legacy call.
pub fn execute(uid: &str) -> String {
    format!("/api/trep/v1/reports/{uid}/execute")
}

/// As TOTVS's sample for C# serializes it.
pub fn of_sample(kind: u32) -> Value {
    json!({
        "Id": 0, "User": "usuarioLogado",
        "GenerateParams": {
            "Parameters": [], "Filters": null, "IsView": false, "StopExecutionOnError": true, "ExportFileType": kind,
            "LicenseContext": null, "CustomData": null,
        },
        "ScheduleParams": {
            "Type": 0, "Date": null, "Repeat": false, "RepeatType": 0, "RepeatWeekPattern": null,
            "RepeatMonthPattern": null, "RepeatTime": null,
        },
    })
}

/// Checks the shape of an error; returns it.
pub fn refused(world: &World, what: &str, answer: &Answer, status: u16, code: &str) -> Value {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, status, "{what}: {text}");
    assert_eq!(answer.header("content-type"), "application/json", "{what}: {text}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    let error = answer.json();
    assert_eq!(error["code"], code, "{what}: {text}");
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {text}");
    assert!(error["detailedMessage"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {text}");
    assert!(error["details"].is_array(), "{what}: {text}");
    for internal in ["arn:", world.stack.table.as_str(), "panicked", "src/", "amazonaws", "dynamodb"] {
        assert!(!text.contains(internal), "{what} tells of {internal}: {text}");
    }
    error
}

/// Fields that an error names, with their codes.
pub fn fields(error: &Value) -> Vec<(&str, &str)> {
    let details = error["details"].as_array().unwrap().iter();
    details.map(|detail| (detail["field"].as_str().unwrap(), detail["code"].as_str().unwrap())).collect()
}
