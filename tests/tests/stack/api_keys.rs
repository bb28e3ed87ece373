//! API keys: shown once, good for their tenant and their scopes, until they end.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        Write,
        keys::{Key, audit_trail},
    },
    domain::{
        self,
        api_key::ApiKey,
        id::{ApiKeyId, ErasureId},
    },
};
use waybill_local::api_client::{Answer, ApiClient};
use waybill_tests::{tenant::Tenant, world::World};

use crate::refusal;

/// A key just made: its id and its text.
struct Made {
    id: ApiKeyId,
    text: String,
    shown: Value,
}

fn path(tenant: &str) -> String {
    format!("/v1/tenants/{tenant}/api-keys")
}

async fn make(world: &World, tenant: &str, body: &Value) -> Made {
    let answer = world.admin.post(&path(tenant), body).await.unwrap();
    assert_eq!(answer.header("cache-control"), "no-store");
    let shown = answer.expect_status("make an API key", &[201]).unwrap();
    let text = |name: &str| shown[name].as_str().unwrap().to_owned();
    Made { id: text("id").parse().unwrap(), text: text("api_key"), shown }
}

fn reader() -> Value {
    json!({ "name": "erp", "scopes": ["reports:read"] })
}

async fn list(world: &World, tenant: &str) -> Vec<Value> {
    let answer = world.admin.get(&path(tenant)).await.unwrap();
    let listed = answer.expect_status("list API keys", &[200]).unwrap();
    assert!(!listed.to_string().contains("sha256") && !listed.to_string().contains("wbk_"), "{listed}");
    listed["api_keys"].as_array().unwrap().clone()
}

/// `GET /v1/reports` with these headers.
async fn reports(world: &World, headers: &[(&'static str, &str)]) -> Answer {
    world.api.send(Method::GET, "/v1/reports", headers, Vec::new()).await.unwrap()
}

async fn row(world: &World, tenant: &str, id: ApiKeyId) -> waybill::aws::table::Stored<ApiKey> {
    world.table.get(&Key::api_key(tenant, id)).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_key_lives_from_its_making_to_its_revocation() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let made = make(
        &world,
        &tenant.id,
        &json!({ "name": "erp", "scopes": ["reports:read", "reports:request"],
                                                  "expires_in_days": 30 }),
    )
    .await;
    let secret = made.text.rsplit_once(&format!("{}_", made.id.uuid().as_simple())).unwrap().1;
    assert_eq!((made.text.starts_with(&format!("wbk_{}_", tenant.id)), secret.len()), (true, 43), "{}", made.text);
    let rows = world.text_of(&Key::tenant(&tenant.id).pk).await;
    assert!(rows.contains(&made.id.to_string()) && !rows.contains(secret), "only its hash is kept");

    let mut expected = made.shown.clone();
    expected.as_object_mut().unwrap().remove("api_key");
    assert_eq!(list(&world, &tenant.id).await, [expected.clone()]);
    for name in ["revoked_at", "last_used_at"] {
        assert_eq!(expected[name], Value::Null, "{name}");
    }
    let times = ["created_at", "expires_at"].map(|name| expected[name].as_str().unwrap().parse::<Timestamp>().unwrap());
    assert_eq!(times[1].duration_since(times[0]), SignedDuration::from_hours(24 * 30));

    let trail = world.text_of(&audit_trail(&tenant.id)).await;
    assert!(trail.contains("api_key.created") && trail.contains(&made.id.to_string()), "{trail}");
    assert!(!trail.contains(secret));

    let before = Timestamp::now() - SignedDuration::from_secs(5);
    let bearer = format!("Bearer {}", made.text);
    for header in [("authorization", bearer.as_str()), ("x-api-key", made.text.as_str())] {
        assert_eq!(reports(&world, &[header]).await.status, 200, "{}", header.0);
    }
    let used = list(&world, &tenant.id).await[0]["last_used_at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(before < used && used < Timestamp::now() + SignedDuration::from_secs(5), "{used}");
    assert_eq!(row(&world, &tenant.id, made.id).await.revision, 2, "the second use was too near to be written down");

    let with_key = Tenant { api: world.api.with_token(&made.text), ..tenant };
    with_key.succeeded(with_key.order(&with_key.wallet_order()).await).await;
    with_key.nothing_is_left_over(&world).await;

    let one = format!("{}/{}", path(&with_key.id), made.id);
    let revoked = world.admin.delete(&one).await.unwrap().expect_status("revoke", &[200]).unwrap();
    refusal::check(&world, "revoked", &with_key.get("/v1/reports").await, 401, "token_invalid");
    let again = world.admin.delete(&one).await.unwrap().expect_status("revoke again", &[200]).unwrap();
    assert_eq!(revoked, again);
    assert_eq!((&revoked["live"], revoked["revoked_at"].is_string()), (&json!(false), true));
    assert_eq!(list(&world, &with_key.id).await, [revoked]);
    let trail = world.text_of(&audit_trail(&with_key.id)).await;
    assert_eq!(trail.matches("api_key.revoked").count(), 1, "{trail}");
}

#[tokio::test]
async fn keys_end_with_their_tenant_and_are_not_without_number() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let made = make(&world, &tenant.id, &reader()).await;
    let api = world.api.with_token(&made.text);
    assert_eq!(api.get("/v1/reports").await.unwrap().status, 200);

    let stored = world.table.get::<domain::tenant::Tenant>(&Key::tenant(&tenant.id)).await.unwrap().unwrap();
    let erasure = Some(ErasureId::generate());
    let erasing = domain::tenant::Tenant { erasure, ..stored.row.clone() };
    let erasing = world.table.replace(&stored, erasing).await.unwrap();
    refusal::check(&world, "while it is erased", &api.get("/v1/reports").await.unwrap(), 401, "token_invalid");
    let answer = world.admin.post(&path(&tenant.id), &reader()).await.unwrap();
    refusal::check(&world, "a key for it", &answer, 409, "tenant_erasing");
    world.table.replace(&erasing, stored.row).await.unwrap();
    assert_eq!(api.get("/v1/reports").await.unwrap().status, 200);

    let one = row(&world, &tenant.id, made.id).await.row;
    let more = (1..100).map(|_| Write::insert(&ApiKey { id: ApiKeyId::generate(), ..one.clone() }).unwrap());
    world.table.write(more.collect()).await.unwrap();
    let answer = world.admin.post(&path(&tenant.id), &reader()).await.unwrap();
    refusal::check(&world, "one too many", &answer, 409, "too_many_api_keys");
    let revoked = world.admin.delete(&format!("{}/{}", path(&tenant.id), made.id)).await.unwrap();
    assert_eq!(revoked.status, 200);
    make(&world, &tenant.id, &reader()).await;
}

#[tokio::test]
async fn keys_that_are_not_good_look_all_the_same() {
    let world = World::load().await;
    let (tenant, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let good = make(&world, &tenant.id, &reader()).await;
    let (expired, revoked) = (make(&world, &tenant.id, &reader()).await, make(&world, &tenant.id, &reader()).await);
    let stored = row(&world, &tenant.id, expired.id).await;
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    world.table.replace(&stored, ApiKey { expires_at: past, ..stored.row.clone() }).await.unwrap();
    let answer = world.admin.delete(&format!("{}/{}", path(&tenant.id), revoked.id)).await.unwrap();
    assert_eq!(answer.status, 200);

    let id = good.id.uuid().as_simple().to_string();
    let (head, secret) = good.text.split_at(good.text.len() - 43);
    let last = if secret.ends_with('A') { "B" } else { "A" };
    let bad = [
        ("expired", expired.text.clone()),
        ("revoked", revoked.text.clone()),
        ("another secret", format!("{head}{}{last}", &secret[..42])),
        ("another key's secret", format!("{head}{}", &expired.text[head.len()..])),
        ("an expired key's id", format!("{}{secret}", &expired.text[..head.len()])),
        ("an unknown id", good.text.replace(&id, &ApiKeyId::generate().uuid().as_simple().to_string())),
        ("another tenant", good.text.replace(&tenant.id, &other.id)),
        ("an unknown tenant", good.text.replace(&tenant.id, "nobody")),
        ("no tenant", good.text.replace(&tenant.id, "")),
        ("an impossible tenant", good.text.replace(&tenant.id, "T#x")),
        ("no secret", head.to_owned()),
        ("a shorter secret", good.text[..good.text.len() - 1].to_owned()),
        ("a longer secret", format!("{}A", good.text)),
        ("an upper-case id", good.text.replace(&id, &format!("{}A", &id[..31]))),
        ("the id as it is shown", good.text.replace(&id, &good.id.to_string())),
        ("nothing but the prefix", "wbk_".to_owned()),
        ("long", format!("wbk_{}", "a".repeat(9_000))),
    ];
    let mut bodies = Vec::new();
    for (what, text) in &bad {
        for header in [("authorization", format!("Bearer {text}")), ("x-api-key", text.clone())] {
            let answer = reports(&world, &[(header.0, &header.1)]).await;
            refusal::check(&world, what, &answer, 401, "token_invalid");
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"waybill\"", "{what}");
            bodies.push(refusal::words(&answer));
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "nothing to tell them apart");
    refusal::check(&world, "a token as a key", &reports(&world, &[("x-api-key", "a.b.c")]).await, 401, "token_invalid");

    let bearer = format!("Bearer {}", good.text);
    for headers in [
        vec![("authorization", bearer.as_str()), ("x-api-key", good.text.as_str())],
        vec![("authorization", good.text.as_str())],
    ] {
        refusal::check(&world, "not one credential", &reports(&world, &headers).await, 401, "credential_missing");
    }
    assert_eq!(reports(&world, &[("x-api-key", &good.text)]).await.status, 200, "the good one is");
}

#[tokio::test]
async fn a_key_may_what_its_scopes_say() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let order = tenant.wallet_order();
    let check = |what: &str, answer: &Answer, code: &str| refusal::check(&world, what, answer, 403, code);
    let api = async |scopes: Value| {
        let made = make(&world, &tenant.id, &json!({ "name": "x", "scopes": scopes })).await;
        world.api.with_token(&made.text)
    };
    let (reads, asks) = (api(json!(["reports:read"])).await, api(json!(["reports:request"])).await);
    let writes = api(json!(["endpoints:write"])).await;
    assert_eq!(reads.get("/v1/reports").await.unwrap().status, 200);
    check("a reader asks", &reads.post("/v1/requests", &order).await.unwrap(), "scope_missing");
    for other in [&asks, &writes] {
        check("another reads", &other.get("/v1/reports").await.unwrap(), "scope_missing");
    }
    check("endpoints asks", &writes.post("/v1/requests", &order).await.unwrap(), "scope_missing");
    tenant.nothing_is_recorded(&world).await;

    let all = api(json!(["reports:read", "reports:request", "endpoints:write"])).await;
    let keys = path(&tenant.id);
    let one = format!("{keys}/{}", ApiKeyId::generate());
    let answers = [
        all.get(&format!("/v1/tenants/{}", tenant.id)).await,
        all.put(&format!("/v1/tenants/{}", tenant.id), &json!({})).await,
        all.get(&keys).await,
        all.post(&keys, &reader()).await,
        all.delete(&one).await,
        tenant.api.get(&keys).await,
        tenant.api.post(&keys, &reader()).await,
        tenant.api.delete(&one).await,
    ];
    for answer in answers {
        check("administration", &answer.unwrap(), "scope_missing");
    }
    // Whatever a row says.
    let made = make(&world, &tenant.id, &reader()).await;
    let stored = row(&world, &tenant.id, made.id).await;
    let scopes = waybill::domain::tenant::Scope::ALL.to_vec();
    world.table.replace(&stored, ApiKey { scopes, ..stored.row.clone() }).await.unwrap();
    check("a row with admin", &world.api.with_token(&made.text).get(&keys).await.unwrap(), "scope_missing");
}

#[tokio::test]
async fn what_is_no_key_is_not_made_or_found() {
    let world = World::load().await;
    let (tenant, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let with = |name: &str, value: Value| {
        let mut body = reader();
        body[name] = value;
        body
    };
    let cases = [
        (with("name", json!("")), "/name", "out_of_range"),
        (with("name", json!("x".repeat(201))), "/name", "out_of_range"),
        (with("scopes", json!([])), "/scopes", "missing"),
        (with("scopes", json!(["admin"])), "/scopes/0", "not_allowed"),
        (with("scopes", json!(["reports:read", "everything"])), "/scopes/1", "not_allowed"),
        (with("scopes", json!("reports:read")), "/scopes", "type"),
        (with("expires_at", json!("2020-01-01T00:00:00Z")), "/expires_at", "out_of_range"),
        (with("expires_at", json!("tomorrow")), "/expires_at", "format"),
        (with("expires_in_days", json!(0)), "/expires_in_days", "out_of_range"),
        (with("expires_in_days", json!(367)), "/expires_in_days", "out_of_range"),
        (with("expires_in_days", json!(-1)), "/expires_in_days", "out_of_range"),
        (with("secret", json!("of my own")), "/secret", "unknown"),
        (json!([]), "", "type"),
    ];
    for (body, pointer, code) in cases {
        let answer = world.admin.post(&path(&tenant.id), &body).await.unwrap();
        let problem = refusal::check(&world, &body.to_string(), &answer, 422, "validation_failed");
        assert_eq!(refusal::faults(&problem), [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    assert!(list(&world, &tenant.id).await.is_empty(), "nothing was made");

    let theirs = make(&world, &other.id, &reader()).await;
    let revoke = async |api: &ApiClient, tenant: &str, key: &str| {
        let answer = api.delete(&format!("{}/{key}", path(tenant))).await.unwrap();
        refusal::check(&world, key, &answer, 404, "not_found");
        refusal::words(&answer)
    };
    let never = ApiKeyId::generate().to_string();
    let found = [
        revoke(&world.admin, &tenant.id, &theirs.id.to_string()).await,
        revoke(&world.admin, &tenant.id, &never).await,
        revoke(&world.admin, &tenant.id, "key_").await,
        revoke(&world.admin, "nobody", &never).await,
    ];
    assert!(found.iter().all(|body| *body == found[0]), "another tenant's key is one that never was");
    assert_eq!(list(&world, &other.id).await[0]["revoked_at"], Value::Null);
    for odd in ["nobody", "UPPER", "a%20b"] {
        let answers = [world.admin.get(&path(odd)).await, world.admin.post(&path(odd), &reader()).await];
        for answer in answers {
            refusal::check(&world, odd, &answer.unwrap(), 404, "not_found");
        }
    }
}
