//! Workers that are killed, or sleep, in the middle of a run.

use std::{fs, process::Command};

use serde_json::{Value, json};
use waybill::domain::id::RequestId;
use waybill_tests::{
    lake::Lake,
    receiver::Listener,
    skip,
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::{licences, webhook};

/// Enough for a run of several seconds.
const ROWS: u64 = 60_000;
const COPIES: u32 = 10;
const ALL_ROWS: u64 = ROWS * COPIES as u64;

/// A run under way, in a process that can be disturbed.
struct Run {
    world: World,
    tenant: Tenant,
    receiver: Listener,
    id: RequestId,
    process: Process,
}

impl Run {
    /// None, and said so, where the functions' processes cannot be found.
    async fn begin() -> Option<Self> {
        let world = World::load().await;
        if !world.is_local() {
            skip::skipped("workers can be disturbed in the local cloud only");
            return None;
        }
        if !fs::exists("/proc/self/environ").unwrap() {
            skip::lacking("without /proc, workers cannot be found to be disturbed");
            return None;
        }
        let pool = json!({ "licence_pool": { "seats": 1, "linger_seconds": 0 } });
        let tenant = Tenant::create_with(&world, pool).await;
        Lake::generate(&world, &tenant.id, ROWS, COPIES).await;
        let receiver = world.receiver().await;
        let mut order = tenant.wallet_order();
        order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
        let id = licences::ask_for(&tenant, &order, "maria").await.expect("the only seat");

        let progress = eventually("progress and the upload's first part", async || {
            let status = tenant.status(id).await;
            assert_ne!(status["status"], "SUCCEEDED", "too quick to be disturbed: the lake must be larger");
            let uploads = world.uploads(&format!("{}/", tenant.id)).await;
            (status["progress"].is_object() && !uploads.is_empty()).then(|| status["progress"].clone())
        })
        .await;
        let rows = progress["rows"].as_u64().unwrap();
        assert!(rows > 0 && rows < ALL_ROWS, "{progress}");
        assert!(progress["bytes"].as_u64().unwrap() > rows && progress["at"].is_string(), "{progress}");
        let lease = world.request(&tenant.id, id).await.row.lease.expect("a lease");
        let process = Process::of(lease.owner.split('#').next().unwrap());
        Some(Self { world, tenant, receiver, id, process })
    }

    /// The lease runs out, the sweeper sees it, another worker starts anew and succeeds.
    async fn second_attempt(&self) -> Value {
        let status = eventually("the end of the second attempt", async || {
            self.world.sweep().await;
            let status = self.tenant.status(self.id).await;
            (!matches!(status["status"].as_str(), Some("QUEUED" | "RUNNING"))).then_some(status)
        })
        .await;
        assert_eq!((&status["status"], &status["attempt"]), (&json!("SUCCEEDED"), &json!(2)), "{status}");
        assert_eq!(status["rows"], ALL_ROWS);
        status
    }

    /// One file, of the second attempt, and one webhook about it.
    async fn ended_once(&self, status: &Value) {
        let received = self.receiver.wait_for("/hook", 1, LONG).await.unwrap();
        self.tenant.nothing_is_left_over(&self.world).await;
        assert_eq!(self.receiver.received("/hook").len(), 1, "told once");
        let body = webhook::verified(&self.tenant, &received[0]).await;
        assert_eq!(body["data"]["files"][0]["object_sha256"], status["files"][0]["object_sha256"]);
        let files = self.world.files(&format!("{}/", self.tenant.id)).await;
        let second = format!("{}/{}/2/", self.tenant.id, self.id);
        assert!(matches!(&files[..], [key] if key.starts_with(&second)), "{files:?}");
    }

    async fn uploads(&self) -> Vec<String> {
        self.world.uploads(&format!("{}/", self.tenant.id)).await
    }
}

#[tokio::test]
async fn a_killed_worker_costs_an_attempt_and_nothing_else() {
    let Some(run) = Run::begin().await else { return };
    let other = run.tenant.wallet_order();
    run.process.signal("KILL");
    assert_eq!(licences::ask_for(&run.tenant, &other, "joao").await, None, "its licence seat is held for what comes");
    let status = run.second_attempt().await;
    run.ended_once(&status).await;
    assert!(licences::ask_for(&run.tenant, &other, "joao").await.is_some(), "and free after it");
}

#[tokio::test]
async fn a_worker_that_slept_through_its_lease_changes_nothing() {
    let Some(run) = Run::begin().await else { return };
    run.process.signal("STOP");
    let status = run.second_attempt().await;
    assert_eq!(run.uploads().await.len(), 1, "the sleeper's");
    run.process.signal("CONT");
    eventually("the sleeper gives its upload up", async || run.uploads().await.is_empty().then_some(())).await;
    run.ended_once(&status).await;
    let after = run.tenant.status(run.id).await;
    assert_eq!((&after["attempt"], &after["files"]), (&status["attempt"], &status["files"]));
}

/// A function's process on this machine. It never stays asleep, however a test ends.
struct Process {
    id: String,
}

impl Process {
    /// The one whose environment names this log stream.
    fn of(log_stream: &str) -> Self {
        assert!(!log_stream.is_empty(), "the lease does not tell whose it is");
        let wanted = format!("AWS_LAMBDA_LOG_STREAM_NAME={log_stream}");
        let is_ours = |environment: &[u8]| environment.split(|byte| *byte == 0).any(|line| line == wanted.as_bytes());
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let found: Vec<String> = processes
            .filter(|process| fs::read(process.path().join("environ")).is_ok_and(|environment| is_ours(&environment)))
            .map(|process| process.file_name().to_string_lossy().into_owned())
            .collect();
        let [id] = &found[..] else { panic!("one process of {log_stream}: {found:?}") };
        Self { id: id.clone() }
    }

    fn signal(&self, signal: &str) {
        assert!(self.try_signal(signal), "{signal} to process {}", self.id);
    }

    fn try_signal(&self, signal: &str) -> bool {
        let kill = format!("kill -s {signal} {} 2> /dev/null", self.id);
        Command::new("sh").args(["-c", &kill]).status().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.try_signal("CONT");
    }
}
