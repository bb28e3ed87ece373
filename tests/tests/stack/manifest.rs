//! The manifest as a receiver verifies it: by the very lines of `docs/receiving.md`.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use waybill_tests::{lake::Lake, skip, tenant::Tenant, wait::LONG, world::World};

use crate::{refusal, webhook};

const GUIDE: &str = include_str!("../../../docs/receiving.md");

/// The shell lines of that name in the guide.
fn lines(name: &str) -> &'static str {
    let (_, rest) = GUIDE.split_once(&format!("<!-- run: {name} -->\n```sh\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// A receiver's folder, with a key ring of its own in it.
struct Receiver {
    dir: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Receiver {
    fn new(world: &World, tenant: &Tenant, token: &str, request: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let home = dir.path().join("gnupg");
        fs::create_dir(&home).unwrap();
        let private = fs::read_to_string(&tenant.private_key).unwrap();
        fs::write(dir.path().join("private.asc"), private).unwrap();
        let variables = vec![
            ("API", public_url(world)),
            ("TOKEN", token.to_owned()),
            ("REQUEST", request.to_owned()),
            ("GNUPGHOME", home.to_str().unwrap().to_owned()),
        ];
        Self { dir, variables }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn try_run(&self, script: &str) -> Output {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]).current_dir(self.path());
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command.output().unwrap()
    }

    fn run(&self, script: &str) -> String {
        let output = self.try_run(script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path().join("manifest.json")).unwrap()).unwrap()
    }

    /// Whether `script` fails once a byte of the file is changed, and no longer when it is changed back.
    fn notices_a_change(&self, file: &str, script: &str) {
        let path = self.path().join(file);
        let original = fs::read(&path).unwrap();
        let mut changed = original.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(!self.try_run(script).status.success(), "a changed {file} is not noticed by:\n{script}");
        fs::write(&path, original).unwrap();
        self.run(script);
    }
}

/// As clients see it: curl finds names under `localhost` by itself.
fn public_url(world: &World) -> String {
    let local = world.stack.api_url.starts_with("http://");
    if local { format!("http://{}", world.stack.host_header) } else { world.stack.api_url.clone() }
}

fn tools_are_there() -> bool {
    let missing: Vec<&str> = ["curl", "jq", "gpg", "sha256sum", "openssl", "unzip"]
        .into_iter()
        .filter(|tool| Command::new(tool).arg(if *tool == "unzip" { "-v" } else { "--version" }).output().is_err())
        .collect();
    if !missing.is_empty() {
        skip::lacking(&format!("{} not installed; the guide's verification is not run", missing.join(", ")));
    }
    missing.is_empty()
}

async fn finished(tenant: &Tenant, order: &Value) -> Value {
    let id = tenant.order(order).await;
    tenant.succeeded(id).await
}

#[tokio::test]
async fn the_guides_lines_verify_a_report_and_notice_any_change() {
    if !tools_are_there() {
        return;
    }
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, 500, 1).await;
    let status = finished(&tenant, &tenant.wallet_order()).await;
    let token = world.issuer.token(&tenant.subject, SignedDuration::from_hours(1)).unwrap();
    let receiver = Receiver::new(&world, &tenant, &token, status["id"].as_str().unwrap());
    tokio::task::spawn_blocking(move || {
        receiver.run("gpg --batch --quiet --import private.asc");
        for step in ["import", "fetch", "verify", "open", "openssl"] {
            receiver.run(lines(step));
        }
        let manifest = receiver.manifest();
        let object = manifest["object"]["name"].as_str().unwrap();
        receiver.notices_a_change(object, lines("verify"));
        receiver.notices_a_change("manifest.json", lines("verify"));
        let openssl = lines("openssl").lines().last().unwrap();
        receiver.notices_a_change("manifest.json", openssl);
        receiver.notices_a_change("manifest.json.sig", openssl);
        let file = &manifest["files"][0];
        let opened = format!("opened/{}", file["name"].as_str().unwrap());
        receiver.notices_a_change(&opened, lines("open").lines().last().unwrap());
        let digest = receiver.run("sha256sum manifest.json");
        assert_eq!(status["files"][0]["manifest_sha256"], digest.split(' ').next().unwrap());
        for (ours, of_status) in [("rows", "rows"), ("bytes", "plaintext_bytes"), ("sha256", "plaintext_sha256")] {
            assert_eq!(file[ours], status["files"][0][of_status], "{ours}");
        }
        assert_eq!(manifest["object"]["sha256"], status["files"][0]["object_sha256"]);
        assert_eq!((&manifest["tenant"], &manifest["truncated"]), (&json!(tenant.id), &json!(false)));
        assert_eq!(manifest["parameters"], status["parameters"]);
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_guides_lines_open_a_report_in_parts() {
    if !tools_are_there() {
        return;
    }
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    Lake::generate(&world, &tenant.id, 500, 1).await;
    let mut order = tenant.wallet_order();
    order["split"] = json!({ "rows": 200 });
    let status = finished(&tenant, &order).await;
    let token = world.issuer.token(&tenant.subject, SignedDuration::from_hours(1)).unwrap();
    let receiver = Receiver::new(&world, &tenant, &token, status["id"].as_str().unwrap());
    tokio::task::spawn_blocking(move || {
        receiver.run("gpg --batch --quiet --import private.asc");
        for step in ["import", "fetch", "verify", "open"] {
            receiver.run(lines(step));
        }
        assert_eq!(receiver.manifest()["files"].as_array().map(Vec::len), Some(3));
        assert!(receiver.path().join("opened/manifest.json.sig").is_file());
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn notifications_have_the_manifests_digest_in_every_profile() {
    let world = World::load().await;
    let (tenant, receiver) = (Tenant::create(&world).await, world.receiver().await);
    Lake::generate(&world, &tenant.id, 20, 1).await;
    for profile in ["waybill", "tesouro", "eclipse", "unico"] {
        let path = format!("/{profile}");
        let endpoint = webhook::register(&tenant, json!({ "url": receiver.url(&path), "profile": profile })).await;
        let id = webhook::order_for(&tenant, &endpoint).await;
        let received = receiver.wait_for(&path, 1, LONG).await.unwrap().remove(0);
        let digest = tenant.succeeded(id).await["files"][0]["manifest_sha256"].clone();
        assert_eq!(digest, received.headers["waybill-manifest-sha256"].to_str().unwrap(), "{profile}");
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        if profile == "waybill" {
            let url = format!("{}/v1/requests/{id}/manifest", public_url(&world));
            assert_eq!(body["data"]["manifest"], json!({ "sha256": digest, "url": url }));
        }
    }
}

#[tokio::test]
async fn the_manifest_is_there_as_long_as_its_file() {
    let world = World::load().await;
    let tenant = Tenant::create_with(&world, json!({ "quotas": { "running": 1 } })).await;
    Lake::generate(&world, &tenant.id, 20, 1).await;
    tenant.hold_slot(&world).await;
    let waiting = tenant.order(&tenant.wallet_order()).await;
    let path = format!("/v1/requests/{waiting}/manifest");
    refusal::check(&world, "too early", &tenant.get(&path).await, 409, "request_unfinished");
    tenant.free_slot(&world, waiting).await;
    tenant.succeeded(waiting).await;

    let manifest = tenant.get(&path).await;
    assert_eq!((manifest.status, manifest.header("content-type")), (200, "application/json"));
    let unknown = tenant.get(&format!("{path}/manifest.xml")).await;
    refusal::check(&world, "another name", &unknown, 404, "not_found");

    let deleted = tenant.api.send(Method::DELETE, &format!("/v1/requests/{waiting}"), &[], vec![]).await.unwrap();
    assert_eq!(deleted.status, 200);
    refusal::check(&world, "too late", &tenant.get(&path).await, 410, "file_gone");
    assert_eq!(world.objects(&format!("{}/", tenant.id)).await, [""; 0], "nothing is left in the bucket");
}
