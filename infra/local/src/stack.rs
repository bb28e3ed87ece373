//! `stack.json`: all that a person, the demo or a test must know about a running stack.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Context, Result},
    instance::{shared_dir, write_file},
};

/// A deployed stack and credentials for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stack {
    /// Base of the API, without a slash at the end.
    pub api_url: String,
    /// `Host` header that requests to `api_url` must carry.
    pub host_header: String,
    /// Name of the CloudFormation stack.
    pub stack_name: String,
    /// Endpoint of the AWS clients.
    pub aws_endpoint_url: String,
    /// Region of the stack.
    pub region: String,
    /// Tenants with credentials.
    pub tenants: Vec<Tenant>,
    /// Bearer token of an administrator.
    pub admin_token: String,
    /// Name of the table.
    pub table: String,
    /// Names of the buckets.
    pub buckets: Buckets,
    /// URLs and ARNs of the queues.
    pub queues: Queues,
    /// Name of the event bus.
    pub event_bus: String,
    /// Names of the functions.
    pub functions: Functions,
    /// Where tokens come from.
    pub issuer: IssuerRecord,
    /// The user pool, where the stack has one.
    #[serde(default)]
    pub user_pool: Option<UserPool>,
    /// The Jira of tenants without a site of their own, where the stack has one.
    #[serde(default)]
    pub jira: Option<JiraSite>,
    /// PEM files for receivers on this machine, whom the stack trusts.
    pub tls: Tls,
}

/// The stack's Jira: a Data Center that whoever needs one puts there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JiraSite {
    /// Port of loopback that it is called at.
    pub port: u16,
    /// ARN of the secret of its credential, without a value at first.
    pub secret: String,
}

/// The stack's Cognito user pool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserPool {
    /// Its id.
    pub id: String,
    /// `iss` of its tokens.
    pub issuer: String,
    /// The app client that is the administrator.
    pub client_id: String,
    /// Where clients get tokens.
    pub token_endpoint: String,
}

/// A tenant and its credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// Subject of its tokens.
    pub subject: String,
    /// A bearer token.
    pub token: String,
    /// Secret of its webhooks (`whsec_…`).
    pub webhook_secret: String,
    /// Its armored OpenPGP secret key, which opens its reports.
    pub recipient_private_key_path: PathBuf,
}

/// Names of the buckets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Buckets {
    pub report: String,
    pub lake: String,
    pub config: String,
}

/// URLs of the queues, and ARNs of those that others send to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Queues {
    pub request: String,
    pub delivery: String,
    pub intake: String,
    pub request_dlq: String,
    pub delivery_dlq: String,
    pub intake_dlq: String,
    #[serde(default)]
    pub intake_arn: String,
    #[serde(default)]
    pub topic_arn: String,
}

/// Names of the functions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Functions {
    pub api: String,
    pub intake: String,
    pub worker: String,
    pub dispatcher: String,
    pub sweeper: String,
}

/// The local issuer of tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IssuerRecord {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// Its private key, for minting further tokens.
    pub key_path: PathBuf,
}

/// PEM files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tls {
    /// Certificate of the local authority.
    pub ca_path: PathBuf,
    /// Certificate for `localhost` and `127.0.0.1`.
    pub cert_path: PathBuf,
    /// Its private key.
    pub key_path: PathBuf,
}

impl Stack {
    /// The stack that `WAYBILL_STACK` points at, or else the default instance's.
    pub fn load() -> Result<Self> {
        let path = std::env::var_os("WAYBILL_STACK").map_or_else(|| shared_dir().join("stack.json"), PathBuf::from);
        Self::load_from(&path).map_err(|error| error.advise("run `make up`, or set WAYBILL_STACK to a stack.json"))
    }

    /// The stack that a file describes.
    pub fn load_from(path: &Path) -> Result<Self> {
        let what = format!("read {}", path.display());
        let text = fs::read_to_string(path).context(&what)?;
        serde_json::from_str(&text).context(&what)
    }

    /// Writes the description, for its owner's eyes only: it holds credentials.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("describe the stack")?;
        write_file(path, text.as_bytes(), true)
    }

    /// The tenant of that id.
    pub fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }

    /// Configuration for AWS clients.
    pub async fn sdk_config(&self) -> aws_config::SdkConfig {
        crate::cloud::sdk_config(&self.aws_endpoint_url).await
    }
}
