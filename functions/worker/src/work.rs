//! What is to be produced, from what was asked and what holds now.

use jiff::SignedDuration;
use waybill::{
    aws::{
        config_store::ConfigError,
        table::{Row, keys::Key},
    },
    clock,
    domain::{
        definition::{
            Definition,
            parameter::{self, Reckoning},
        },
        failure::FailureCode,
        filter::Filter,
        outcome::Packaging,
        request::Request,
        statistics::Statistics,
        tenant::{ArchivePassword, Tenant},
    },
    openpgp::RecipientKey,
    seal::random_password,
};
use waybill_worker::{Job, Package, ProduceError, format};

use crate::app::App;

/// A job, and what it leaves for the outcome.
pub struct Work {
    /// What to produce.
    pub job: Job,
    /// Password of its archive, sealed for the request's row, if one was made for it.
    pub password_sealed: Option<String>,
}

impl Work {
    /// The work of a claimed request.
    pub async fn of(app: &App, tenant: &Tenant, request: &Request) -> Result<Self, ProduceError> {
        let definition =
            app.config.definition(&request.tenant, &request.report).await.map_err(|error| match error {
                ConfigError::Aws(error) => ProduceError::internal(error),
                invalid @ ConfigError::Invalid { .. } => broken_definition().because(invalid),
            })?;
        let definition = definition.ok_or_else(broken_definition)?;
        check_style(request, &definition)?;
        refuse_what_was_too_large(app, request, &definition).await?;
        let (package, password_sealed) = package(app, tenant, request).await?;
        let job = Job {
            parameters: placeholders(request, &definition)?,
            asked: request.stated().into(),
            filter: filter(request, &definition)?,
            tenant: request.tenant.clone(),
            request: request.id.to_string(),
            format: request.format,
            style: request.style.clone(),
            package,
            wrapping: request.wrapping.clone(),
            folder: request.folder(request.attempt),
            stem: request.file_stem(),
            definition,
        };
        Ok(Self { job, password_sealed })
    }
}

/// How long the figure of the last run is taken for granted: the data may be corrected meanwhile.
const STILL_TRUE: SignedDuration = SignedDuration::from_hours(1);

/// What there was no room for when the same was asked a little while ago is not computed again.
async fn refuse_what_was_too_large(app: &App, request: &Request, definition: &Definition) -> Result<(), ProduceError> {
    let split = request.wrapping.split;
    if request.format.max_rows().is_none() && split.is_none() {
        return Ok(());
    }
    let read = app.table.get::<Statistics>(&Key::statistics(&request.tenant, &request.report)).await;
    // Without the figure the run finds out by itself.
    let known = read.inspect_err(|error| tracing::warn!(%error, "figures of past runs are not there")).ok().flatten();
    let since = clock::now() - STILL_TRUE;
    let last =
        known.and_then(|known| known.row.last(&request.run_digest()).filter(|sample| sample.at > since).cloned());
    Ok(last.map_or(Ok(()), |sample| format::check_result(request.format, sample.rows, split, definition))?)
}

fn broken_definition() -> ProduceError {
    ProduceError::permanent(FailureCode::DefinitionInvalid, "The definition of this report is missing or broken.")
}

/// What was asked of the columns' titles and formats must still fit a definition that has changed since.
fn check_style(request: &Request, definition: &Definition) -> Result<(), ProduceError> {
    if definition.version == request.report_version {
        return Ok(());
    }
    let faults = request.style.faults(&definition.style, &definition.columns);
    let Some(first) = faults.first() else { return Ok(()) };
    let detail = format!("The report's definition has changed since the request: {}", first.sentence());
    Err(ProduceError::permanent(FailureCode::ParameterInvalid, detail))
}

/// As resolved when the request was recorded, or anew if the definition has changed since; of the same days, though.
fn placeholders(request: &Request, definition: &Definition) -> Result<parameter::Placeholders, ProduceError> {
    if definition.version == request.report_version {
        return Ok(request.resolved.clone());
    }
    let reckoning = Reckoning::of(request.occasion.as_ref(), request.created_at);
    let resolved = parameter::resolve(definition, &request.stated(), &reckoning);
    resolved.map(|resolved| resolved.placeholders).map_err(|faults| changed(&faults))
}

fn changed(faults: &[parameter::ParameterFault]) -> ProduceError {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let detail = format!("The report's definition has changed since the request: {}", faults.join(" "));
    ProduceError::permanent(FailureCode::ParameterInvalid, detail)
}

/// As recorded; read anew if the definition has changed since, for its columns may have, too.
fn filter(request: &Request, definition: &Definition) -> Result<Option<Filter>, ProduceError> {
    let Some(filter) = &request.filter else { return Ok(None) };
    if definition.version == request.report_version {
        return Ok(Some(filter.clone()));
    }
    if !definition.checks.is_empty() {
        let detail = "The report's definition has changed since the request: it has checks now, and takes no filter.";
        return Err(ProduceError::permanent(FailureCode::ParameterInvalid, detail));
    }
    Filter::parse(&filter.as_asked(), &definition.columns).map(Some).map_err(|faults| changed(&faults))
}

/// The package with its keys, and what of them must be told later.
async fn package(app: &App, tenant: &Tenant, request: &Request) -> Result<(Package, Option<String>), ProduceError> {
    match request.packaging {
        Packaging::Plain => Ok((Package::Plain(request.wrapping.compression), None)),
        Packaging::Openpgp => Ok((Package::Openpgp(recipients(tenant)?), None)),
        Packaging::Zip => {
            let keyring = app.sealing.get().await.map_err(ProduceError::internal)?;
            let cipher = request.wrapping.cipher;
            match tenant.archive_password(request.interface) {
                ArchivePassword::Held { sealed } => {
                    let opened = keyring.open_text(sealed, &tenant.key().associated());
                    Ok((Package::Zip { cipher, password: opened.map_err(ProduceError::internal)? }, None))
                }
                ArchivePassword::Generated { length, alphabet } => {
                    let password = random_password(length, alphabet);
                    let sealed = keyring.seal(password.expose().as_bytes(), &request.key().associated());
                    Ok((Package::Zip { cipher, password }, Some(sealed.map_err(ProduceError::internal)?)))
                }
            }
        }
    }
}

/// Every recipient key that is valid now; those that no longer are do not keep the others from their report.
fn recipients(tenant: &Tenant) -> Result<Vec<RecipientKey>, ProduceError> {
    let now = clock::now();
    let mut recipients = Vec::new();
    for record in tenant.active_keys().filter(|record| tenant.floor().admits(record)) {
        match RecipientKey::parse(&record.armored, now) {
            Ok(key) => recipients.push(key),
            Err(fault) => tracing::warn!(key.fingerprint = record.fingerprint, %fault, "recipient key left out"),
        }
    }
    if recipients.is_empty() {
        let detail = "The tenant has no recipient key that is valid now.";
        return Err(ProduceError::permanent(FailureCode::EncryptionKeyInvalid, detail));
    }
    Ok(recipients)
}
