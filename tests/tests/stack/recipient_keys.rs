//! Recipient keys: uploaded, rotated without a gap, retired.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use waybill_local::api_client::Answer;
use waybill_tests::{skip, tenant::Tenant, world::World};

use crate::refusal;

const CURVE: &str = include_str!("../../../functions/shared/src/openpgp/testdata/curve25519-certified.asc");
const NIST: &str = include_str!("../../../functions/shared/src/openpgp/testdata/nist-p256.asc");
const WEAK: &str = include_str!("../../../functions/shared/src/openpgp/testdata/weak.asc");

fn path(tenant: &Tenant) -> String {
    format!("/v1/tenants/{}/recipient-keys", tenant.id)
}

async fn add(world: &World, tenant: &Tenant, armored: &str) -> Answer {
    world.admin.post(&path(tenant), &json!({ "armored": armored })).await.unwrap()
}

async fn retire(world: &World, tenant: &Tenant, fingerprint: &Value, query: &str) -> Answer {
    world.admin.delete(&format!("{}/{}{query}", path(tenant), fingerprint.as_str().unwrap())).await.unwrap()
}

async fn listed(world: &World, tenant: &Tenant) -> Vec<Value> {
    let answer = world.admin.get(&path(tenant)).await.unwrap().expect_status("list keys", &[200]).unwrap();
    answer["recipient_keys"].as_array().unwrap().clone()
}

/// How many keys open a new report; none, and said so, where gpg cannot tell.
async fn recipients(world: &World, tenant: &Tenant) -> Option<usize> {
    let status = tenant.succeeded(tenant.order(&tenant.wallet_order()).await).await;
    let response = world.api.open_link(status["link"]["url"].as_str().unwrap()).await.unwrap();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), response.bytes().await.unwrap()).unwrap();
    let listed = Command::new("gpg").args(["--batch", "--list-packets"]).arg(file.path()).output();
    let Ok(listed) = listed else {
        skip::lacking("gpg is not installed; the recipients of a report are not counted");
        return None;
    };
    Some(String::from_utf8_lossy(&listed.stdout).matches(":pubkey enc packet:").count())
}

#[tokio::test]
async fn a_key_is_rotated_without_a_gap() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let first = listed(&world, &tenant).await[0]["fingerprint"].clone();
    let answer = retire(&world, &tenant, &first, "").await;
    refusal::check(&world, "the last key", &answer, 409, "last_active_key");

    let second = add(&world, &tenant, CURVE).await.expect_status("add a key", &[201]).unwrap();
    assert_eq!((&second["algorithm"], &second["bits"]), (&json!("Curve25519"), &json!(255)), "{second}");
    assert!(second["added_at"].is_string() && second["expires_at"].is_null() && second["retired_at"].is_null());
    let answer = add(&world, &tenant, CURVE).await;
    refusal::check(&world, "the same key", &answer, 409, "recipient_key_exists");
    let answer = add(&world, &tenant, NIST).await;
    let problem = refusal::check(&world, "a third key", &answer, 409, "too_many_active_keys");
    assert!(problem["detail"].as_str().unwrap().contains(first.as_str().unwrap()), "{problem}");
    if let Some(count) = recipients(&world, &tenant).await {
        assert_eq!(count, 2, "both open what is made during the overlap");
    }

    let lower = json!(first.as_str().unwrap().to_lowercase());
    let retired = retire(&world, &tenant, &lower, "").await.expect_status("retire", &[200]).unwrap();
    assert_eq!((&retired["fingerprint"], retired["retired_at"].is_string()), (&first, true));
    let again = retire(&world, &tenant, &first, "").await.expect_status("retire again", &[200]).unwrap();
    assert_eq!(again, retired, "as it was");
    assert_eq!(listed(&world, &tenant).await, [second.clone(), retired]);
    if let Some(count) = recipients(&world, &tenant).await {
        assert_eq!(count, 1);
    }

    let third = add(&world, &tenant, NIST).await.expect_status("add a third", &[201]).unwrap();
    for key in [&second, &third] {
        let answer = retire(&world, &tenant, &key["fingerprint"], "?force=true").await;
        assert_eq!(answer.status, 200);
    }
    let answer = tenant.api.post("/v1/requests", &tenant.wallet_order()).await.unwrap();
    let problem = refusal::check(&world, "no active key", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/packaging".to_owned(), "recipient_key_missing".to_owned())]);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let cases = [
        (json!({}), "/armored", "missing"),
        (json!({ "armored": 7 }), "/armored", "type"),
        (json!({ "armored": "" }), "/armored", "out_of_range"),
        (json!({ "armored": "no key" }), "/armored", "recipient_key_refused"),
        (json!({ "armored": WEAK }), "/armored", "recipient_key_refused"),
        (json!({ "armored": CURVE, "name": "x" }), "/name", "unknown"),
        (json!([]), "", "type"),
    ];
    for (body, pointer, code) in cases {
        let answer = world.admin.post(&path(&tenant), &body).await.unwrap();
        let problem = refusal::check(&world, pointer, &answer, 422, "validation_failed");
        assert_eq!(refusal::faults(&problem), [(pointer.to_owned(), code.to_owned())]);
    }
    assert_eq!(listed(&world, &tenant).await.len(), 1, "nothing was added");
    let unknown = json!("00112233445566778899AABBCCDDEEFF00112233");
    let answer = retire(&world, &tenant, &unknown, "").await;
    refusal::check(&world, "an unknown key", &answer, 404, "not_found");
    let answer = retire(&world, &tenant, &unknown, "?force=perhaps").await;
    refusal::check(&world, "another query", &answer, 400, "query_invalid");
    let nobody = Tenant { id: "t-nobody".to_owned(), ..tenant };
    refusal::check(&world, "no tenant", &add(&world, &nobody, CURVE).await, 404, "not_found");
    refusal::check(&world, "a tenant's own", &nobody.get(&path(&nobody)).await, 403, "scope_missing");
}

/// Of many uploads at once two are let in, and none is lost between them.
#[tokio::test]
async fn two_at_once_are_not_three() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let added = tokio::join!(add(&world, &tenant, CURVE), add(&world, &tenant, NIST), add(&world, &tenant, CURVE));
    let mut statuses = [added.0.status, added.1.status, added.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    assert_eq!(listed(&world, &tenant).await.len(), 2);
}

#[tokio::test]
async fn a_floor_is_held_by_every_way_in() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let settings = format!("/v1/tenants/{}", tenant.id);
    let mut shown = world.admin.get(&settings).await.unwrap().json();
    assert_eq!(shown["recipient_key_floor"], "any");
    shown["recipient_key_floor"] = json!("rsa4096");
    let curve = add(&world, &tenant, CURVE).await.expect_status("add a key", &[201]).unwrap();
    let fingerprint = &curve["fingerprint"];
    let mut both = shown.clone();
    both["recipient_keys"].as_array_mut().unwrap().push(curve.clone());
    let mut as_they_are = shown.clone();
    as_they_are.as_object_mut().unwrap().remove("recipient_keys");
    for body in [&both, &as_they_are] {
        let answer = world.admin.put(&settings, body).await.unwrap();
        let problem = refusal::check(&world, "a floor above a key", &answer, 422, "validation_failed");
        let fault = ("/recipient_key_floor".to_owned(), "recipient_key_below_floor".to_owned());
        assert_eq!(refusal::faults(&problem), [fault]);
        assert!(problem.to_string().contains(fingerprint.as_str().unwrap()), "{problem}");
    }
    // The sample tenant's RSA key alone.
    let raised = world.admin.put(&settings, &shown).await.unwrap().expect_status("raise the floor", &[200]).unwrap();
    assert_eq!(
        (&raised["recipient_key_floor"], raised["recipient_keys"].as_array().unwrap().len()),
        (&json!("rsa4096"), 1)
    );
    let answer = add(&world, &tenant, CURVE).await;
    let problem = refusal::check(&world, "a key below", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/armored".to_owned(), "recipient_key_below_floor".to_owned())]);
    shown["recipient_keys"] = json!([NIST]);
    let answer = world.admin.put(&settings, &shown).await.unwrap();
    let problem = refusal::check(&world, "a key below, in settings", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/recipient_keys/0".to_owned(), "recipient_key_below_floor".to_owned())]);
}
