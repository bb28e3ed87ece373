//! The stack's own user pool: its clients' tokens, got by client credentials.

use serde_json::{Value, json};
use waybill_local::{
    api_client::{Answer, ApiClient},
    stack::UserPool,
};
use waybill_tests::{
    python::python,
    skip::skipped,
    tenant::{Tenant, fresh_id, settings},
    world::World,
};

use crate::refusal;

const READS_AND_ASKS: [&str; 2] = ["waybill/reports:read", "waybill/reports:request"];

/// Whoever has a token of the pool.
struct Machine {
    client_id: String,
    api: ApiClient,
}

/// The stack, if it has a pool: locally it has.
async fn world_with_pool() -> Option<World> {
    let world = World::load().await;
    if world.stack.user_pool.is_none() {
        assert!(!world.is_local());
        skipped("tokens of the user pool: the stack was deployed without CreateUserPool");
        return None;
    }
    Some(world)
}

fn pool(world: &World) -> &UserPool {
    world.stack.user_pool.as_ref().unwrap()
}

/// A token of a client that is there, or of a new one that may have the scopes `allowed`.
async fn token(world: &World, client: Option<&str>, allowed: &[&str], scope: &str) -> Machine {
    let pool = pool(world);
    let task = json!({
        "endpoint": world.stack.aws_endpoint_url, "region": world.stack.region, "pool": pool.id,
        "token_endpoint": pool.token_endpoint, "client_id": client, "allowed": allowed, "scope": scope,
    });
    let answer = python("pool_token.py", task).await;
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    Machine { client_id: text("client_id"), api: world.api.with_token(&text("access_token")) }
}

fn mapped(world: &World, client_id: &str, scopes: &Value) -> Value {
    let mut wanted = settings(world, client_id);
    wanted["identities"] = json!([{ "issuer": pool(world).issuer, "subject": client_id, "scopes": scopes }]);
    wanted
}

#[tokio::test]
async fn the_operators_client_makes_tenants_and_another_asks_for_reports() {
    let Some(world) = world_with_pool().await else { return };
    let operator = token(&world, Some(&pool(&world).client_id), &[], "").await;
    let tenant = fresh_id();
    let path = format!("/v1/tenants/{tenant}");
    let machine = token(&world, None, &READS_AND_ASKS, "").await;
    let wanted = mapped(&world, &machine.client_id, &json!(["reports:read", "reports:request"]));
    let answer = operator.api.put(&path, &wanted).await.unwrap();
    let made = answer.expect_status("create a tenant", &[201]).unwrap();
    let tenant = Tenant {
        id: tenant,
        subject: machine.client_id,
        webhook_secret: made["webhook_secret"].as_str().unwrap().to_owned(),
        private_key: world.stack.tenants[0].recipient_private_key_path.clone(),
        api: machine.api,
    };
    let request = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(request).await;
    let answer = operator.api.get(&format!("/v1/requests/{request}")).await.unwrap();
    refusal::check(&world, "the operator reads", &answer, 403, "scope_missing");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_client_may_what_both_its_token_and_its_mapping_say() {
    let Some(world) = world_with_pool().await else { return };
    let id = fresh_id();
    let path = format!("/v1/tenants/{id}");
    let check = |what: &str, answer: &Answer, code: &str| refusal::check(&world, what, answer, 403, code);

    // Of the scopes of the resource server, a client of the operator's choice may even be granted admin: it is none.
    let greedy = token(&world, None, &["waybill/admin", "waybill/reports:read"], "").await;
    let wanted = mapped(&world, &greedy.client_id, &json!(["reports:read", "reports:request"]));
    check("another client with the scope admin", &greedy.api.put(&path, &wanted).await.unwrap(), "unknown_subject");
    world.admin.put(&path, &wanted).await.unwrap().expect_status("create a tenant", &[201]).unwrap();
    check("a tenant's client with the scope admin", &greedy.api.get(&path).await.unwrap(), "scope_missing");
    assert_eq!(greedy.api.get("/v1/reports").await.unwrap().status, 200);
    check("its token may not ask", &greedy.api.post("/v1/requests", &json!({})).await.unwrap(), "scope_missing");

    let limited = token(&world, Some(&greedy.client_id), &[], "waybill/admin").await;
    check("a token without reading", &limited.api.get("/v1/reports").await.unwrap(), "scope_missing");

    let stranger = token(&world, None, &READS_AND_ASKS, "waybill/reports:read").await;
    check("a client of no tenant", &stranger.api.get("/v1/reports").await.unwrap(), "unknown_subject");
    check("a client that makes tenants", &stranger.api.put(&path, &wanted).await.unwrap(), "unknown_subject");
}
