//! Deploys the same `template.yaml` that AWS gets, through CloudFormation; only the functions' `CodeUri` and
//! the parameters are local.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aws_sdk_cloudformation::{
    Client,
    error::ProvideErrorMetadata,
    types::{Capability, Parameter, Stack},
};
use aws_sdk_s3::primitives::ByteStream;

use crate::{
    error::{Context, Error, Result},
    package::{FUNCTIONS, Package},
};

const DEADLINE: Duration = Duration::from_mins(4);
const POLL: Duration = Duration::from_millis(200);

/// Outputs of the stack, by name.
#[derive(Debug, Clone)]
pub struct Outputs(BTreeMap<String, String>);

impl Outputs {
    /// The output of that name, or an error that names it.
    pub fn get(&self, name: &str) -> Result<String> {
        self.0.get(name).cloned().ok_or_else(|| Error::new("read the stack's outputs", format!("there is no {name}")))
    }
}

/// What is deployed.
pub struct Deployment<'a> {
    /// Name of the stack.
    pub stack: &'a str,
    /// `template.yaml`, as it is.
    pub template: &'a str,
    /// Where code and template are put for CloudFormation.
    pub bucket: &'a str,
    /// Values of the template's parameters that differ from their defaults.
    pub parameters: &'a [(&'a str, String)],
    /// The functions' code, already in the bucket.
    pub packages: &'a [Package],
}

/// Creates or updates the stack and waits for it. Nothing to change is a success.
pub async fn deploy(config: &aws_config::SdkConfig, deployment: &Deployment<'_>) -> Result<Outputs> {
    let client = Client::new(config);
    let template_url = upload_template(config, deployment).await?;
    let parameters: Vec<Parameter> = deployment
        .parameters
        .iter()
        .map(|(key, value)| Parameter::builder().parameter_key(*key).parameter_value(value).build())
        .collect();
    let capabilities = [Capability::CapabilityNamedIam, Capability::CapabilityAutoExpand];

    if describe(&client, deployment.stack).await?.is_none() {
        let create = client.create_stack().stack_name(deployment.stack).template_url(template_url);
        let create = create.set_parameters(Some(parameters)).set_capabilities(Some(capabilities.into()));
        create.send().await.context("create the stack")?;
    } else {
        let update = client.update_stack().stack_name(deployment.stack).template_url(template_url);
        let update = update.set_parameters(Some(parameters)).set_capabilities(Some(capabilities.into()));
        match update.send().await {
            Err(error) if error.message().is_some_and(|text| text.contains("No updates")) => {}
            other => {
                let result = other.context("update the stack");
                result.map_err(|error| error.advise("start over with `make down` and `make up`"))?;
            }
        }
    }
    let stack = settle(&client, deployment.stack).await?;
    let outputs = outputs_of(&stack);
    assert_code(config, &outputs).await?;
    Ok(outputs)
}

/// Outputs of a stack that is there.
pub async fn outputs(config: &aws_config::SdkConfig, stack: &str) -> Result<Outputs> {
    let described = describe(&Client::new(config), stack).await?;
    described.map(|stack| outputs_of(&stack)).ok_or_else(|| {
        Error::new(format!("describe stack {stack}"), "there is none of that name in this account and region")
    })
}

fn outputs_of(stack: &Stack) -> Outputs {
    let pairs = stack.outputs().iter();
    Outputs(pairs.filter_map(|o| Some((o.output_key()?.to_owned(), o.output_value()?.to_owned()))).collect())
}

/// A template may be larger than a request takes, so it goes by way of the bucket.
async fn upload_template(config: &aws_config::SdkConfig, deployment: &Deployment<'_>) -> Result<String> {
    let body = with_code(deployment.template, deployment.bucket, deployment.packages)?;
    let key = format!("{}/template.yaml", deployment.stack);
    let put = aws_sdk_s3::Client::new(config).put_object().bucket(deployment.bucket).key(&key);
    put.body(ByteStream::from(body.into_bytes())).send().await.context("upload the template")?;
    let endpoint = config.endpoint_url().unwrap_or("https://s3.amazonaws.com");
    Ok(format!("{endpoint}/{}/{key}", deployment.bucket))
}

/// The template with each `CodeUri: dist/<function>/` pointing at the uploaded package.
fn with_code(template: &str, bucket: &str, packages: &[Package]) -> Result<String> {
    let mut text = template.to_owned();
    for package in packages {
        let local = format!("CodeUri: dist/{}/", package.function);
        if text.matches(&local).count() != 1 {
            return Err(Error::new("point the template at the code", format!("not exactly one line '{local}'")));
        }
        text = text.replace(&local, &format!("CodeUri: s3://{bucket}/{}", package.key));
    }
    Ok(text)
}

async fn describe(client: &Client, stack: &str) -> Result<Option<Stack>> {
    match client.describe_stacks().stack_name(stack).send().await {
        Ok(answer) => Ok(answer.stacks().first().cloned()),
        Err(error) if error.message().is_some_and(|text| text.contains("does not exist")) => Ok(None),
        Err(error) => Err(error).context(format!("describe stack {stack}")),
    }
}

/// Waits until the stack is at rest; a failure comes with the events that explain it.
async fn settle(client: &Client, name: &str) -> Result<Stack> {
    let began = Instant::now();
    loop {
        let stack = describe(client, name).await?.ok_or_else(|| Error::new("deploy the stack", "it has vanished"))?;
        let status = stack.stack_status().map_or("", |status| status.as_str()).to_owned();
        match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" => return Ok(stack),
            moving if moving.ends_with("_IN_PROGRESS") && began.elapsed() < DEADLINE => {
                tokio::time::sleep(POLL).await;
            }
            _ => {
                let reasons = failures(client, name).await;
                return Err(Error::new("deploy the stack", format!("{status}\n{reasons}"))
                    .advise("mend template.yaml, then `make down` and `make up`"));
            }
        }
    }
}

/// The events of resources that failed, oldest first.
async fn failures(client: &Client, stack: &str) -> String {
    let Ok(answer) = client.describe_stack_events().stack_name(stack).send().await else {
        return "  (its events cannot be read)".to_owned();
    };
    let mut lines: Vec<String> = answer
        .stack_events()
        .iter()
        .filter(|event| event.resource_status().is_some_and(|status| status.as_str().ends_with("_FAILED")))
        .map(|event| {
            let reason = event.resource_status_reason().unwrap_or("no reason given");
            format!("  {}: {reason}", event.logical_resource_id().unwrap_or("?"))
        })
        .collect();
    lines.reverse();
    lines.join("\n")
}

/// The local cloud calls a stack complete even if the code of a function was not found; this does not.
async fn assert_code(config: &aws_config::SdkConfig, outputs: &Outputs) -> Result<()> {
    let lambda = aws_sdk_lambda::Client::new(config);
    for function in FUNCTIONS {
        let name = outputs.get(&function_output(function))?;
        let size = match lambda.get_function_configuration().function_name(&name).send().await {
            Ok(answer) => answer.code_size(),
            // The local cloud writes numbers that come from parameters as text, which the SDK does not read.
            Err(error) => match error.raw_response().and_then(|raw| raw.body().bytes()).and_then(code_size) {
                Some(size) => size,
                None => return Err(error).context(format!("describe function {name}")),
            },
        };
        if size <= 0 {
            return Err(Error::new("deploy the functions", format!("{name} has no code")));
        }
    }
    Ok(())
}

fn code_size(configuration: &[u8]) -> Option<i64> {
    serde_json::from_slice::<serde_json::Value>(configuration).ok()?.get("CodeSize")?.as_i64()
}

/// Name of the output that holds a function's name, such as `ApiFunctionName`.
pub fn function_output(function: &str) -> String {
    let (first, rest) = function.split_at(1);
    format!("{}{rest}FunctionName", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(function: &'static str) -> Package {
        Package { function, path: "x.zip".into(), key: format!("functions/{function}-1.zip") }
    }

    #[test]
    fn every_function_gets_its_code() {
        let template = "  A:\n    CodeUri: dist/api/\n  B:\n    CodeUri: dist/worker/\n";
        let text = with_code(template, "b", &[package("api"), package("worker")]).unwrap();
        assert_eq!(
            text,
            "  A:\n    CodeUri: s3://b/functions/api-1.zip\n  B:\n    CodeUri: s3://b/functions/worker-1.zip\n"
        );
        assert!(with_code(template, "b", &[package("sweeper")]).is_err());
    }

    #[test]
    fn outputs_are_named_after_functions() {
        assert_eq!(function_output("api"), "ApiFunctionName");
    }
}
