//! The audit trail of administrators' actions.

use serde_json::{Value, json};
use waybill_local::issuer::{ADMIN, ISSUER};
use waybill_tests::{
    tenant::{Tenant, settings},
    world::World,
};

use crate::refusal;

async fn trail(world: &World, tenant: &str, query: &str) -> Value {
    let answer = world.admin.get(&format!("/v1/tenants/{tenant}/audit{query}")).await.unwrap();
    answer.expect_status("read an audit trail", &[200]).unwrap()
}

fn actions(page: &Value) -> Vec<String> {
    let entries = page["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_action_is_on_record_with_who_when_and_from_where() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let path = format!("/v1/tenants/{}", tenant.id);
    let mut wanted = settings(&world, &tenant.subject);
    wanted["name"] = json!("another name");
    wanted["quotas"] = json!({ "running": 3 });
    wanted["new_webhook_secret"] = json!(true);
    let changed = world.admin.put(&path, &wanted).await.unwrap().expect_status("change", &[200]).unwrap();
    let made = json!({ "name": "erp", "scopes": ["reports:read"] });
    let made = world.admin.post(&format!("{path}/api-keys"), &made).await.unwrap();
    let made = made.expect_status("make a key", &[201]).unwrap();
    let id = made["id"].as_str().unwrap();
    assert_eq!(world.admin.delete(&format!("{path}/api-keys/{id}")).await.unwrap().status, 200);

    let page = trail(&world, &tenant.id, "").await;
    let expected = [
        "api_key.revoked",
        "api_key.created",
        "webhook_secret.renewed",
        "tenant.changed",
        "recipient_key.added",
        "tenant.created",
    ];
    assert_eq!(actions(&page), expected);
    assert!(page["next_cursor"].is_null());
    let entries = page["entries"].as_array().unwrap();
    for entry in entries {
        assert_eq!(entry["actor"], format!("{ISSUER} {ADMIN}"));
        assert!(entry["ip"].is_string() && entry["at"].is_string(), "{entry}");
    }
    assert_eq!(entries[3]["detail"]["changed"], json!(["name", "quotas"]));
    assert_eq!(entries[4]["detail"]["fingerprint"], changed["recipient_keys"][0]["fingerprint"]);
    for secret in [&changed["webhook_secret"], &made["api_key"]] {
        assert!(!page.to_string().contains(secret.as_str().unwrap()), "{page}");
    }

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = trail(&world, &tenant.id, &format!("?limit=2{cursor}")).await;
        seen.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(&seen, entries, "page by page");

    // What was refused did not happen.
    wanted["name"] = json!("");
    assert_eq!(world.admin.put(&path, &wanted).await.unwrap().status, 422);
    assert_eq!(actions(&trail(&world, &tenant.id, "").await), expected);
}

#[tokio::test]
async fn a_trail_is_the_administrators_alone() {
    let world = World::load().await;
    let (one, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let path = format!("/v1/tenants/{}/audit", one.id);
    for tenant in [&one, &other] {
        let answer = tenant.get(&path).await;
        refusal::check(&world, "a tenant", &answer, 403, "scope_missing");
    }
    for nobody in ["t-nobody", "UPPER"] {
        let answer = world.admin.get(&format!("/v1/tenants/{nobody}/audit")).await.unwrap();
        refusal::check(&world, nobody, &answer, 404, "not_found");
    }
    let cursor = trail(&world, &one.id, "?limit=1").await["next_cursor"].as_str().unwrap().to_owned();
    let answer = world.admin.get(&format!("/v1/tenants/{}/audit?cursor={cursor}", other.id)).await.unwrap();
    refusal::check(&world, "another list's cursor", &answer, 400, "query_invalid");
}
