//! What is to be produced, from what was asked and what holds now.

use waybill::{
    aws::config_store::ConfigError,
    clock,
    domain::{
        definition::{Definition, parameter},
        failure::FailureCode,
        outcome::Packaging,
        request::Request,
        tenant::Tenant,
    },
    openpgp::RecipientKey,
};
use waybill_worker::{Job, Package, ProduceError};

use crate::app::App;

/// The job of a claimed request.
pub async fn job(app: &App, tenant: &Tenant, request: &Request) -> Result<Job, ProduceError> {
    let definition = app.config.definition(&request.tenant, &request.report).await.map_err(|error| match error {
        ConfigError::Aws(error) => ProduceError::internal(error),
        invalid @ ConfigError::Invalid { .. } => broken_definition().because(invalid),
    })?;
    let definition = definition.ok_or_else(broken_definition)?;
    Ok(Job {
        parameters: placeholders(request, &definition)?,
        package: package(tenant, request)?,
        tenant: request.tenant.clone(),
        format: request.format,
        key: request.object_key(request.attempt),
        file_name: request.file_name(),
        definition,
    })
}

fn broken_definition() -> ProduceError {
    ProduceError::permanent(FailureCode::DefinitionInvalid, "The definition of this report is missing or broken.")
}

/// As resolved when the request was recorded, or anew if the definition has changed since.
fn placeholders(request: &Request, definition: &Definition) -> Result<parameter::Placeholders, ProduceError> {
    if definition.version == request.report_version {
        return Ok(request.resolved.clone());
    }
    let none = serde_json::Map::new();
    let given = request.parameters.as_object().unwrap_or(&none);
    parameter::resolve(definition, given).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let detail = format!("The report's definition has changed since the request: {}", faults.join(" "));
        ProduceError::permanent(FailureCode::ParameterInvalid, detail)
    })
}

/// Every recipient key that is valid now; those that no longer are do not keep the others from their report.
fn package(tenant: &Tenant, request: &Request) -> Result<Package, ProduceError> {
    if request.packaging == Packaging::Plain {
        return Ok(Package::Plain);
    }
    let now = clock::now();
    let mut recipients = Vec::new();
    for record in tenant.recipient_keys.iter().filter(|record| record.is_active()) {
        match RecipientKey::parse(&record.armored, now) {
            Ok(key) => recipients.push(key),
            Err(fault) => tracing::warn!(key.fingerprint = record.fingerprint, %fault, "recipient key left out"),
        }
    }
    if recipients.is_empty() {
        let detail = "The tenant has no recipient key that is valid now.";
        return Err(ProduceError::permanent(FailureCode::EncryptionKeyInvalid, detail));
    }
    Ok(Package::Openpgp(recipients))
}
