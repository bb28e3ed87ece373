//! The deployed stack as tests see it: its API, and behind it the AWS services, for looking on and for disturbing.

use std::collections::BTreeMap;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_s3::primitives::ByteStream;
use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill::{
    aws::table::{Stored, Table, keys::Key},
    domain::{id::RequestId, request::Request},
};
use waybill_local::{
    api_client::ApiClient,
    ca::Ca,
    issuer::{ADMIN, Issuer},
    receiver::Receiver,
    stack::Stack,
};

use crate::{receiver::Listener, wait::eventually};

/// The stack, with clients for it. Every test has its own: clients belong to the runtime that made them.
pub struct World {
    /// What `up` recorded of it.
    pub stack: Stack,
    /// Its API, without a credential.
    pub api: ApiClient,
    /// Its API, as the operator.
    pub admin: ApiClient,
    /// Where tokens come from.
    pub issuer: Issuer,
    /// Its table.
    pub table: Table,
    /// For further clients.
    pub config: aws_config::SdkConfig,
    s3: aws_sdk_s3::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) events: aws_sdk_eventbridge::Client,
    lambda: aws_sdk_lambda::Client,
}

impl World {
    /// The stack that `WAYBILL_STACK` describes.
    ///
    /// # Panics
    /// If there is none.
    pub async fn load() -> Self {
        waybill_local::install_crypto();
        let stack = Stack::load().unwrap_or_else(|error| panic!("no stack to test: {error}\nrun `make test`"));
        let config = if is_local(&stack) {
            stack.sdk_config().await
        } else {
            aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await
        };
        let issuer = Issuer::load(&stack.issuer.key_path).unwrap();
        let api = ApiClient::new(&stack).unwrap();
        let admin = issuer.token(ADMIN, SignedDuration::from_hours(1)).unwrap();
        Self {
            admin: api.with_token(&admin),
            api,
            issuer,
            table: Table::new(aws_sdk_dynamodb::Client::new(&config), &stack.table),
            s3: aws_sdk_s3::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            events: aws_sdk_eventbridge::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            config,
            stack,
        }
    }

    /// Whether the functions run on this machine.
    pub fn is_local(&self) -> bool {
        is_local(&self.stack)
    }

    /// An HTTPS receiver whom the stack trusts.
    pub async fn receiver(&self) -> Listener {
        let tls = self.stack.tls.clone();
        let ca = Ca { ca_path: tls.ca_path, cert_path: tls.cert_path, key_path: tls.key_path };
        Listener::new(Receiver::start(&ca).await.unwrap())
    }

    /// One sweep, now: the schedule would come within a minute. Waits for one that is under way.
    pub async fn sweep(&self) -> Value {
        eventually("a sweep of our own", async || {
            let swept = self.invoke(&self.stack.functions.sweeper, &json!({})).await;
            assert_eq!(swept["left"], 0, "a sweep fails at nothing");
            (swept["swept"] == true).then_some(swept)
        })
        .await
    }

    /// Calls a function directly; returns its answer.
    ///
    /// # Panics
    /// If the function fails.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Value {
        let payload = Blob::new(payload.to_string());
        let answer = self.lambda.invoke().function_name(function).payload(payload).send().await.unwrap();
        let body = answer.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
        assert_eq!(answer.function_error(), None, "{function}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// The environment variables that a function is deployed with.
    pub async fn environment(&self, function: &str) -> BTreeMap<String, String> {
        let described = self.lambda.get_function_configuration().function_name(function).send().await;
        let error = match described {
            Ok(answer) => {
                let environment = answer.environment().and_then(|environment| environment.variables());
                return environment.cloned().unwrap_or_default().into_iter().collect();
            }
            Err(error) => error,
        };
        // The local cloud writes numbers that come from parameters as text, which the SDK does not read.
        let body = error.raw_response().and_then(|raw| raw.body().bytes()).unwrap_or_default();
        let described: Value = serde_json::from_slice(body).unwrap_or_default();
        let environment = serde_json::from_value(described["Environment"]["Variables"].clone());
        environment.unwrap_or_else(|_| panic!("{function}: {error:?}"))
    }

    /// Sends a message, whatever it is.
    pub async fn send(&self, queue: &str, tenant: &str, body: &str) {
        let message = self.sqs.send_message().queue_url(queue).message_body(body).message_group_id(tenant);
        message.send().await.unwrap();
    }

    /// Takes the first message that is ours from a dead-letter queue; the others stay.
    pub async fn dead_letter(&self, queue: &str, is_ours: impl Fn(&Value) -> bool) -> Value {
        eventually("a dead letter of ours", async || {
            // All that is there, for others' letters may be before ours. Hidden for a moment only: every test, and the
            // sweeper, looks here.
            loop {
                let receive = self.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
                let received = receive.visibility_timeout(2).send().await.unwrap();
                if received.messages().is_empty() {
                    return None;
                }
                for message in received.messages() {
                    let letter: Value = serde_json::from_str(message.body().unwrap_or_default()).unwrap_or_default();
                    if is_ours(&letter) {
                        let delete = self.sqs.delete_message().queue_url(queue);
                        delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
                        return Some(letter);
                    }
                }
            }
        })
        .await
    }

    /// Keys in the report bucket that start with `prefix`.
    pub async fn objects(&self, prefix: &str) -> Vec<String> {
        let listing = self.s3.list_objects_v2().bucket(&self.stack.buckets.report).prefix(prefix).send().await;
        listing.unwrap().contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// Of those, the reports' files, without the manifests beside them.
    pub async fn files(&self, prefix: &str) -> Vec<String> {
        self.objects(prefix).await.into_iter().filter(|key| !key.ends_with("/manifest.json")).collect()
    }

    /// Keys of multipart uploads to the report bucket that were neither completed nor aborted.
    pub async fn uploads(&self, prefix: &str) -> Vec<String> {
        let listing = self.s3.list_multipart_uploads().bucket(&self.stack.buckets.report).send().await.unwrap();
        let keys = listing.uploads().iter().filter_map(|upload| upload.key().map(str::to_owned));
        keys.filter(|key| key.starts_with(prefix)).collect()
    }

    /// Puts an object into the lake or the configuration bucket.
    pub async fn put(&self, bucket: &str, key: &str, content: Vec<u8>) {
        self.s3.put_object().bucket(bucket).key(key).body(ByteStream::from(content)).send().await.unwrap();
    }

    /// A request's row as it is now.
    pub async fn request(&self, tenant: &str, id: RequestId) -> Stored<Request> {
        self.table.get(&Key::request(tenant, id)).await.unwrap().unwrap()
    }

    /// All rows of a partition, as they stand in the table, as text.
    pub async fn text_of(&self, partition: &str) -> String {
        format!("{:?}", self.table.query(partition, "").await.unwrap())
    }

    /// Every request that was ever recorded for the tenant.
    pub async fn requests(&self, tenant: &str) -> Vec<Request> {
        let rows = self.table.query(&Key::tenant(tenant).pk, "REQ#").await.unwrap();
        rows.into_iter().map(|row| row.read::<Request>().unwrap().row).collect()
    }
}

fn is_local(stack: &Stack) -> bool {
    !stack.aws_endpoint_url.is_empty()
}
