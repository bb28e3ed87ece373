//! `up`: from nothing, or from whatever an earlier run left, to a running stack with sample data and tenants.

use std::{fs, path::Path, time::Instant};

use crate::{
    api_client::ApiClient,
    ca::Ca,
    cloud::{self, Cloud, REGION},
    content,
    deploy::{self, Deployment, Outputs},
    error::{Context, Error, Result},
    instance::{Instance, shown, workspace_root},
    issuer::{ADMIN, AUDIENCE, ISSUER, Issuer},
    jira, keys, mail, package, say,
    stack::{Buckets, Functions, IssuerRecord, Queues, Stack, Tenant, Tls},
    tenants, user_pool,
};

/// The sample tenants.
pub const TENANTS: [&str; 2] = ["acme", "globex"];

/// Sender of the local cloud's mails, whose domain `up` has SES verify.
pub const EMAIL_FROM: &str = "reports@waybill.example";

/// The account that the local cloud plays.
const ACCOUNT: &str = "000000000000";

/// Brings the instance up with the binaries in `bin_dir`; every step leaves alone what is already as it should be.
pub async fn up(instance: &Instance, bin_dir: &Path) -> Result<Stack> {
    let steps = Steps::begin();
    let cloud = cloud::start(instance).await?;
    let config = cloud.sdk_config().await;
    let s3 = aws_sdk_s3::Client::new(&config);
    steps.done(&format!("local cloud at {}", cloud.endpoint()));

    let ca = Ca::ensure(instance)?;
    let jira_port = jira::port(instance)?;
    let outputs = deploy_stack(instance, &config, &ca, (bin_dir, jira_port)).await?;
    steps.done(&format!("stack {} deployed from template.yaml", instance.stack_name()));

    mail::verify(&config, EMAIL_FROM).await?;
    let made = keys::init(&config, &instance.stack_name(), keys::LinkSignerKeys::Ensure).await?;
    let issuer_path = instance.dir.join("issuer.pem");
    let issuer = Issuer::ensure(&issuer_path)?;
    let buckets = Buckets {
        report: outputs.get("ReportBucketName")?,
        lake: outputs.get("LakeBucketName")?,
        config: outputs.get("ConfigBucketName")?,
    };
    let pool = user_pool::of(&outputs, &cloud.endpoint())?;
    let mut configuration = issuer.configuration()?;
    user_pool::configure(&mut configuration, &pool, &cloud.endpoint()).await?;
    let definitions = content::put_configuration(&s3, &buckets.config, &configuration).await?;
    steps.done(&format!("keys ({} made), issuer and {definitions} report definitions", made.len()));

    let rows = content::put_sample_lake(&s3, &buckets.lake, &TENANTS.map(str::to_owned)).await?;
    steps.done(&format!("sample lake with {rows} wallet transactions"));
    if content::put_online_retail(&s3, &buckets.lake).await? {
        steps.done("lake with the Online Retail data");
    } else {
        steps.done("SKIPPED the Online Retail data: not on this machine (WAYBILL_SHARED names its folder)");
    }

    let mut stack = describe(instance, &cloud, &outputs, buckets, &issuer_path, &ca)?;
    stack.user_pool = Some(pool);
    stack.jira = Some(jira::of(&outputs, jira_port)?);
    stack.admin_token = issuer.token(ADMIN, tenants::TOKEN_LIFE)?;
    stack.tenants = sample_tenants(instance, &stack, &issuer).await?;
    stack.save(&instance.stack_file())?;
    steps.done(&format!("tenants {}; all of it described in {}", TENANTS.join(", "), shown(&instance.stack_file())));
    Ok(stack)
}

async fn deploy_stack(
    instance: &Instance,
    config: &aws_config::SdkConfig,
    ca: &Ca,
    (bin_dir, jira_port): (&Path, u16),
) -> Result<Outputs> {
    let packages = package::pack_all(bin_dir)?;
    let bucket = format!("waybill-artifacts-{}", instance.name);
    package::upload(&aws_sdk_s3::Client::new(config), &bucket, &packages).await?;
    let template_path = workspace_root().join("template.yaml");
    let template = fs::read_to_string(&template_path).context(format!("read {}", template_path.display()))?;
    let deployment = Deployment {
        stack: &instance.stack_name(),
        template: &template,
        bucket: &bucket,
        parameters: &local_parameters(ca.pem()?, jira_port),
        packages: &packages,
    };
    deploy::deploy(config, &deployment).await
}

/// Whose pages may call the API of the local cloud: a page's development server, as most of them begin.
pub const CORS_ORIGIN: &str = "http://localhost:5173";

/// What differs from a deployment to AWS: short waits, and receivers on this machine.
fn local_parameters(ca_pem: String, jira_port: u16) -> Vec<(&'static str, String)> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    vec![
        ("LocalCloud", "true".to_owned()),
        ("Architecture", architecture.to_owned()),
        ("RetainData", "false".to_owned()),
        ("CreateUserPool", "true".to_owned()),
        ("LeaseSeconds", "15".to_owned()),
        ("TenantMaxRunning", "3".to_owned()),
        ("RetrySchedule", "0,1,2,4,8".to_owned()),
        ("IntakeTenant", TENANTS[0].to_owned()),
        ("TriggerRules", trigger_arn("events", "rule/")),
        ("TriggerBuckets", "arn:aws:s3:::waybill-trigger-*".to_owned()),
        ("TriggerTopics", trigger_arn("sns", "")),
        ("JiraBaseUrl", jira::base_url(jira_port)),
        ("JiraKind", "datacenter".to_owned()),
        ("EmailFrom", EMAIL_FROM.to_owned()),
        ("EmailName", "Waybill".to_owned()),
        ("CorsOrigins", CORS_ORIGIN.to_owned()),
        ("AllowedCidrs", "127.0.0.0/8".to_owned()),
        ("AllowedPorts", "*".to_owned()),
        ("ExtraCaPem", ca_pem),
    ]
}

/// What may send to the intake, by name: as an operator admits it. Examples and tests make their own.
fn trigger_arn(service: &str, kind: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}waybill-trigger-*")
}

fn describe(
    instance: &Instance,
    cloud: &Cloud,
    outputs: &Outputs,
    buckets: Buckets,
    issuer_path: &Path,
    ca: &Ca,
) -> Result<Stack> {
    let api_url = outputs.get("ApiUrl")?;
    let host_header = api_url.strip_prefix("http://").unwrap_or_default().to_owned();
    if host_header.is_empty() {
        return Err(Error::new("read the API's address", format!("'{api_url}' is none of the local cloud")));
    }
    let function = |name| outputs.get(&deploy::function_output(name));
    Ok(Stack {
        // By address, because not every resolver knows names under localhost.
        api_url: cloud.endpoint(),
        host_header,
        stack_name: instance.stack_name(),
        aws_endpoint_url: cloud.endpoint(),
        region: REGION.to_owned(),
        tenants: Vec::new(),
        admin_token: String::new(),
        table: outputs.get("TableName")?,
        buckets,
        queues: Queues {
            request: outputs.get("RequestQueueUrl")?,
            delivery: outputs.get("DeliveryQueueUrl")?,
            intake: outputs.get("IntakeQueueUrl")?,
            request_dlq: outputs.get("RequestDlqUrl")?,
            delivery_dlq: outputs.get("DeliveryDlqUrl")?,
            intake_dlq: outputs.get("IntakeDlqUrl")?,
            intake_arn: outputs.get("IntakeQueueArn")?,
            topic_arn: outputs.get("TopicQueueArn")?,
        },
        event_bus: outputs.get("EventBusName")?,
        functions: Functions {
            api: function("api")?,
            intake: function("intake")?,
            worker: function("worker")?,
            dispatcher: function("dispatcher")?,
            sweeper: function("sweeper")?,
        },
        issuer: IssuerRecord {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            key_path: issuer_path.to_owned(),
        },
        user_pool: None,
        jira: None,
        tls: Tls { ca_path: ca.ca_path.clone(), cert_path: ca.cert_path.clone(), key_path: ca.key_path.clone() },
    })
}

async fn sample_tenants(instance: &Instance, stack: &Stack, issuer: &Issuer) -> Result<Vec<Tenant>> {
    // What an earlier run recorded counts only for the same deployment.
    let earlier = Stack::load_from(&instance.stack_file()).ok().filter(|earlier| earlier.table == stack.table);
    let admin = ApiClient::new(stack)?.with_token(&stack.admin_token);
    let mut made = Vec::new();
    for id in TENANTS {
        let known = earlier.as_ref().and_then(|earlier| earlier.tenant(id));
        made.push(tenants::ensure(&admin, issuer, id, known).await?);
    }
    Ok(made)
}

/// How to explore a running stack, for the terminal.
pub fn guide(stack: &Stack) -> String {
    let Some(tenant) = stack.tenants.first() else { return String::new() };
    let curl =
        format!("curl -sS -H 'Host: {}' -H \"Authorization: Bearer $TOKEN\" {}", stack.host_header, stack.api_url);
    let id = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"id\"])'";
    let body = r#"{"report":"Report_digital_wallet_transaction_detail","parameters":{"d1":"2024-01-01T00:00:00","d2":"2024-01-31T23:59:59"}}"#;
    format!(
        "
API      {url}  (Host: {host})
Tenant   {tenant}

export TOKEN={token}
{curl}/v1/reports
ID=$({curl}/v1/requests -H 'Content-Type: application/json' -d '{body}' | {id})
{curl}/v1/requests/$ID
",
        url = stack.api_url,
        host = stack.host_header,
        tenant = tenant.id,
        token = tenant.token,
    )
}

/// Progress on the terminal: one line a step, with its time.
struct Steps {
    last: std::cell::Cell<Instant>,
}

impl Steps {
    fn begin() -> Self {
        Self { last: std::cell::Cell::new(Instant::now()) }
    }

    fn done(&self, what: &str) {
        let now = Instant::now();
        let took = now.duration_since(self.last.replace(now));
        say(format_args!("  {:>5.1} s  {what}", took.as_secs_f64()));
    }
}
