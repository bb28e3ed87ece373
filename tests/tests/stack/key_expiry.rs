//! Recipient keys that end: shown, and told of on the event bus, ahead of it and at it.

use std::{path::Path, process::Command};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use waybill::aws::table::keys::{KEY_WATCH, Key};
use waybill_tests::{events::Consumer, skip, tenant::Tenant, wait::eventually, world::World};

/// A fresh certificate that ends after so long, as GnuPG writes it; none, and said so, where there is no gpg.
fn certificate(life: &str) -> Option<String> {
    let home = TempDir::new().unwrap();
    let user = "Ends Soon <ends@example.com>";
    let made = gpg(home.path(), &["--passphrase", "", "--quick-generate-key", user, "future-default", "default", life]);
    if made.is_none() {
        skip::lacking("gpg is not installed; keys that end are not made");
        return None;
    }
    let certificate = gpg(home.path(), &["--armor", "--export", user]);
    // Its agent would outlive it.
    let _ = Command::new("gpgconf").arg("--homedir").arg(home.path()).args(["--kill", "all"]).status();
    certificate
}

fn gpg(home: &Path, arguments: &[&str]) -> Option<String> {
    let command = ["--batch", "--pinentry-mode", "loopback"];
    let output = Command::new("gpg").arg("--homedir").arg(home).args(command).args(arguments).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

async fn add(world: &World, tenant: &Tenant, armored: &str) -> Value {
    let path = format!("/v1/tenants/{}/recipient-keys", tenant.id);
    let answer = world.admin.post(&path, &json!({ "armored": armored })).await.unwrap();
    answer.expect_status("add a key", &[201]).unwrap()
}

async fn settings(world: &World, tenant: &Tenant) -> Value {
    world.admin.get(&format!("/v1/tenants/{}", tenant.id)).await.unwrap().expect_status("settings", &[200]).unwrap()
}

/// The event about that key, once it is on the bus.
async fn told(world: &World, consumer: &Consumer, event: &str, key: &Value) -> Value {
    eventually("a look at the keys", async || {
        world.sweep().await;
        let details = consumer.details().await;
        details.iter().any(|one| one["event"] == event && one["fingerprint"] == key["fingerprint"]).then_some(())
    })
    .await;
    let detail = consumer.detail(|one| one["event"] == event && one["fingerprint"] == key["fingerprint"]).await;
    assert_eq!((&detail["expires_at"], &detail["algorithm"]), (&key["expires_at"], &key["algorithm"]));
    detail
}

#[tokio::test]
async fn a_key_that_ends_soon_is_shown_and_told_of_once() {
    let world = World::load().await;
    let Some(armored) = certificate("20d") else { return };
    let tenant = Tenant::create(&world).await;
    let consumer = Consumer::of(&world, &tenant.id).await;
    let soon = add(&world, &tenant, &armored).await;
    assert_eq!(soon["expires_soon"], true, "{soon}");

    let shown = settings(&world, &tenant).await;
    let marks: Vec<bool> =
        shown["recipient_keys"].as_array().unwrap().iter().map(|key| key["expires_soon"] == true).collect();
    assert_eq!(marks, [false, true]);
    let warnings = shown["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].as_str().unwrap().contains(soon["fingerprint"].as_str().unwrap()), "{shown}");

    let detail = told(&world, &consumer, "recipient_key.expiring", &soon).await;
    assert_eq!(detail["active_keys_left"], 1, "the one without an end");
    // Other changes tell nothing again, and what is shown can be put back.
    let path = format!("/v1/tenants/{}", tenant.id);
    world.admin.put(&path, &shown).await.unwrap().expect_status("put back", &[200]).unwrap();
    world.sweep().await;
    tenant.nothing_is_left_over(&world).await;
    assert_eq!(consumer.details().await, [detail]);

    let fingerprint = soon["fingerprint"].as_str().unwrap();
    let retired = world.admin.delete(&format!("{path}/recipient-keys/{fingerprint}")).await.unwrap();
    let retired = retired.expect_status("retire", &[200]).unwrap();
    assert_eq!(retired["expires_soon"], false, "it is nobody's worry any more");
    assert_eq!(settings(&world, &tenant).await["warnings"], json!([]));
    let watch = world.table.query(&Key::tenant(&tenant.id).pk, KEY_WATCH).await.unwrap();
    assert!(!format!("{watch:?}").contains(fingerprint), "no longer watched");
    consumer.close().await;
}

#[tokio::test]
async fn a_key_that_has_ended_is_told_of_and_the_other_goes_on() {
    let world = World::load().await;
    let Some(armored) = certificate("seconds=70") else { return };
    let tenant = Tenant::create(&world).await;
    let consumer = Consumer::of(&world, &tenant.id).await;
    let brief = add(&world, &tenant, &armored).await;
    let warned = told(&world, &consumer, "recipient_key.expiring", &brief).await;
    let ended = told(&world, &consumer, "recipient_key.expired", &brief).await;
    assert_eq!((&warned["active_keys_left"], &ended["active_keys_left"]), (&json!(1), &json!(1)));
    let time = |name: &str| ended[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(time("occurred_at") >= time("expires_at"), "{ended}");
    let shown = settings(&world, &tenant).await;
    assert!(shown["warnings"][0].as_str().unwrap().contains("expired at"), "{shown}");

    let id = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(id).await;
    tenant.nothing_is_left_over(&world).await;
    let details = consumer.details().await;
    let about_keys = details.iter().filter(|one| one["fingerprint"].is_string());
    assert_eq!(about_keys.count(), 2, "{details:?}");
    consumer.close().await;
}
