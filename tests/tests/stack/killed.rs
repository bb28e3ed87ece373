//! A worker that is killed in the middle of a run.

use std::{fs, process::Command};

use serde_json::json;
use waybill_tests::{
    lake::Lake,
    tenant::Tenant,
    wait::{LONG, eventually},
    world::World,
};

use crate::webhook;

/// Enough for a run of several leases in a debug build.
const ROWS: u64 = 60_000;
const COPIES: u32 = 10;

#[tokio::test]
async fn a_killed_worker_costs_an_attempt_and_nothing_else() {
    let world = World::load().await;
    if !world.is_local() {
        eprintln!("SKIPPED: workers can be killed in the local cloud only");
        return;
    }
    let tenant = Tenant::create(&world).await;
    let _lake = Lake::generate(&world, &tenant.id, ROWS, COPIES).await;
    let receiver = world.receiver().await;
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let id = tenant.order(&order).await;

    let progress = eventually("progress of the run", async || {
        let status = tenant.status(id).await;
        assert_ne!(status["status"], "SUCCEEDED", "too quick to be killed: the lake must be larger");
        status["progress"].is_object().then(|| status["progress"].clone())
    })
    .await;
    let rows = progress["rows"].as_u64().unwrap();
    assert!(rows > 0 && rows < ROWS * u64::from(COPIES), "{progress}");
    assert!(progress["bytes"].as_u64().unwrap() > rows && progress["at"].is_string(), "{progress}");
    let running = world.request(&tenant.id, id).await.row;
    kill(running.lease.expect("a lease").owner.split('#').next().unwrap());

    // The lease runs out, the sweeper sees it, another worker starts anew.
    let status = eventually("the end of the second attempt", async || {
        world.sweep().await;
        let status = tenant.status(id).await;
        (!matches!(status["status"].as_str(), Some("QUEUED" | "RUNNING"))).then_some(status)
    })
    .await;
    assert_eq!((&status["status"], &status["attempt"]), (&json!("SUCCEEDED"), &json!(2)), "{status}");
    assert_eq!(status["file"]["rows"], ROWS * u64::from(COPIES));
    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap();
    tenant.nothing_is_left_over(&world).await;
    assert_eq!(receiver.received("/hook").len(), 1, "told once");
    let body = webhook::verified(&tenant, &received[0]).await;
    assert_eq!(body["data"]["file"]["object_sha256"], status["file"]["object_sha256"]);
    let objects = world.objects(&format!("{}/", tenant.id)).await;
    assert!(matches!(&objects[..], [key] if key.starts_with(&format!("{}/{id}/2/", tenant.id))), "{objects:?}");
}

/// Kills the worker that writes to this log stream: the one process whose environment says so.
fn kill(log_stream: &str) {
    assert!(!log_stream.is_empty(), "the lease does not tell whose it is");
    let wanted = format!("AWS_LAMBDA_LOG_STREAM_NAME={log_stream}");
    let is_ours = |environment: &[u8]| environment.split(|byte| *byte == 0).any(|line| line == wanted.as_bytes());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let found: Vec<String> = processes
        .filter(|process| fs::read(process.path().join("environ")).is_ok_and(|environment| is_ours(&environment)))
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found.len(), 1, "one process of {log_stream}: {found:?}");
    let killed = Command::new("sh").args(["-c", &format!("kill -s KILL {}", found[0])]).status().unwrap();
    assert!(killed.success());
}
