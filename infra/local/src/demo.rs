//! `make demo`: one real report, from the request to the decrypted file, with every promise checked on the way.

mod follow;
mod manifest;
mod table;

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    api_client::ApiClient,
    ca::Ca,
    cloud,
    error::{Context, Error, Result},
    instance::{Instance, shared_dir, shown},
    receiver::{Received, Receiver},
    say,
    stack::{Stack, Tenant},
    unpack::{self, Content, Opener},
    up,
};

/// Where the receiver expects webhooks.
const HOOK: &str = "/hook";

const REPORT_DEADLINE: Duration = Duration::from_mins(5);
const WEBHOOK_DEADLINE: Duration = Duration::from_mins(1);

/// All that the demo found out, for the closing table.
struct Story {
    report: String,
    request: Value,
    webhook: Received,
    /// From the report's recorded end to the webhook's arrival.
    delivery: Option<SignedDuration>,
    downloaded: u64,
    /// From the first request to the link until the last byte was written.
    download: Duration,
    /// Decrypting, and verifying the service's signature.
    opening: Duration,
    opener: Opener,
    content: Content,
    file: PathBuf,
}

/// Brings the instance up and tells the whole story on it.
pub async fn run(instance: &Instance, bin_dir: &Path) -> Result<()> {
    say("Bringing up the local cloud:");
    let stack = up::up(instance, bin_dir).await?;
    let story = deliver(instance, &stack).await.map_err(|error| {
        let log = cloud::log_file(instance);
        error.advise(format!(
            "read the functions' log with `make logs` and the local cloud's in {}; both still run",
            shown(&log)
        ))
    })?;
    say(table::render(&story));
    say("The local cloud still runs: `make up` shows how to explore it, `make down` ends it.");
    Ok(())
}

async fn deliver(instance: &Instance, stack: &Stack) -> Result<Story> {
    let tenant = stack.tenants.first().ok_or_else(|| Error::new("find a tenant", "stack.json names none"))?;
    let api = ApiClient::new(stack)?.with_token(&tenant.token);
    let receiver = Receiver::start(&Ca::ensure(instance)?).await.context("start the receiver")?;

    let order = order(stack).await?;
    let report = order["report"].as_str().unwrap_or_default().to_owned();
    say(format_args!("\nAsking for {report}:\n  POST {}/v1/requests", stack.api_url));
    let mut body = order;
    body["delivery"] = json!({ "webhook": { "url": receiver.url(HOOK) } });
    let answer = api.post("/v1/requests", &body).await?;
    let location = answer.header("location").to_owned();
    let accepted = answer.expect_status("request the report", &[202])?;
    let told = |field: &str| accepted[field].as_str().unwrap_or("?").to_owned();
    say(format_args!("  202 {} {}", told("id"), told("status")));

    let request = follow::until_final(&api, &location, REPORT_DEADLINE).await?;
    if request["status"] != "SUCCEEDED" {
        return Err(Error::new("make the report", format!("it ended {}", request["status"])));
    }
    let webhook = receive(&receiver, tenant).await?;
    let finished = request["finished_at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let delivery = finished.map(|finished| webhook.received_at.duration_since(finished));

    let dir = shared_dir().join("demo");
    if dir.exists() {
        // The files of earlier demos would only pile up.
        fs::remove_dir_all(&dir).context(format!("remove {}", dir.display()))?;
    }
    let began = Instant::now();
    let (downloaded, object) = download(&api, &webhook, &dir).await?;
    let download = began.elapsed();
    let signer = api.get("/.well-known/waybill-openpgp.asc").await?;
    let signer = String::from_utf8_lossy(&signer.body).into_owned();
    let file = object.with_extension("");
    let began = Instant::now();
    let opener = unpack::open(&object, &file, &tenant.recipient_private_key_path, &signer)?;
    let opening = began.elapsed();
    let content = unpack::measure(&file)?;
    check(&request, &content)?;
    manifest::verify(&api, &webhook, &location, &signer, (&unpack::measure(&object)?, &content)).await?;
    Ok(Story { report, request, webhook, delivery, downloaded, download, opening, opener, content, file })
}

/// Asks for real data where the machine has it, and for generated data otherwise.
async fn order(stack: &Stack) -> Result<Value> {
    let s3 = aws_sdk_s3::Client::new(&stack.sdk_config().await);
    let listing = s3.list_objects_v2().bucket(&stack.buckets.lake).prefix("online_retail/").max_keys(1).send().await;
    if listing.context("look into the lake")?.contents().is_empty() {
        return Ok(json!({
            "report": "Report_digital_wallet_transaction_detail",
            "parameters": { "d1": "2024-01-01T00:00:00", "d2": "2024-12-31T23:59:59.999" },
        }));
    }
    Ok(json!({
        "report": "invoice_lines",
        "parameters": { "dates": { "from": "2010-12-01", "to": "2011-12-09" } },
    }))
}

/// Waits for the webhook and verifies its signature as the Standard Webhooks library does.
async fn receive(receiver: &Receiver, tenant: &Tenant) -> Result<Received> {
    let came = receiver.wait_for(HOOK, 1, WEBHOOK_DEADLINE).await.context("receive the webhook")?;
    let webhook = came.into_iter().next().ok_or_else(|| Error::new("receive the webhook", "none came"))?;
    let verifier = Webhook::new(&tenant.webhook_secret).context("read the webhook secret")?;
    verifier.verify(&webhook.body, &webhook.headers).context("verify the webhook's signature")?;
    Ok(webhook)
}

/// Downloads through the managed link that the webhook announced; returns the size and where the object is.
async fn download(api: &ApiClient, webhook: &Received, dir: &Path) -> Result<(u64, PathBuf)> {
    const WHAT: &str = "download the report";
    let event: Value = serde_json::from_slice(&webhook.body).context("read the webhook")?;
    let text = |pointer: &str| {
        let found = event.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| Error::new("read the webhook", format!("it has no {pointer}: {event}")))
    };
    let link = text("/data/link/url")?;
    // Whatever the name, it stays in this folder.
    let name = Path::new(text("/data/files/0/name")?).file_name().map(PathBuf::from).unwrap_or_default();
    fs::create_dir_all(dir).context(format!("create {}", dir.display()))?;
    let path = dir.join(name);
    let mut response = api.open_link(link).await?;
    let mut file = File::create(&path).context(format!("create {}", path.display()))?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await.context(WHAT)? {
        file.write_all(&chunk).context(WHAT)?;
        bytes += chunk.len() as u64;
    }
    Ok((bytes, path))
}

/// Compares what was opened with what the status promised.
fn check(request: &Value, content: &Content) -> Result<()> {
    let file = &request["files"][0];
    let same = file["plaintext_sha256"] == content.sha256.as_str()
        && file["plaintext_bytes"] == content.bytes
        && file["rows"] == content.csv_rows;
    if same {
        return Ok(());
    }
    Err(Error::new("check the report", format!("the status promised {file}, the file holds {content:?}")))
}
