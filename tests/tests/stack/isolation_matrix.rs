//! Every route with another tenant's credential: never a byte, never a hint that something is there.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use waybill::{
    aws::table::Write,
    domain::{
        delivery::{Delivery, Status, Target},
        id::{DeliveryId, EndpointId, ErasureId, EventId, LinkId, RecoveryId, RequestId, ScheduleId},
        message::{Announcement, EventKind},
        recovery::Recovery,
        retry::Schedule,
    },
};
use waybill_local::api_client::{Answer, ApiClient};
use waybill_tests::{tenant::Tenant, world::World};

use crate::refusal;

/// What the routes of the API are, as its router lists them.
const ROUTER: &str = include_str!("../../../functions/api/src/router.rs");

/// A route with a place for each id, and its methods with a body.
struct Route {
    path: &'static str,
    calls: Vec<(Method, Value)>,
    who: Who,
}

/// Whose things a route is about.
enum Who {
    /// Nobody's: the same for all.
    Public,
    /// The caller's own tenant's: others are told what they would be told of nothing.
    Tenant,
    /// Every tenant's, but for the operator only.
    Admin,
}

fn routes() -> Vec<Route> {
    let (get, post, delete) =
        (|| (Method::GET, Value::Null), |body: Value| (Method::POST, body), || (Method::DELETE, Value::Null));
    let order =
        json!({ "report": "Report_digital_wallet_transaction_detail", "validate_only": true, "parameters": {} });
    let tenant = |path, calls| Route { path, calls, who: Who::Tenant };
    let admin = |path, calls| Route { path, calls, who: Who::Admin };
    let public = |path| Route { path, calls: vec![(Method::GET, Value::Null)], who: Who::Public };
    vec![
        public("/openapi.json"),
        public("/docs"),
        public("/health"),
        public("/.well-known/waybill-openpgp.asc"),
        public("/.well-known/waybill-ed25519.json"),
        public("/.well-known/waybill-ed25519.pem"),
        public("/v1/links/{capability}"),
        tenant("/v1/reports", vec![get()]),
        tenant("/v1/usage", vec![get()]),
        tenant("/v1/licences", vec![get()]),
        tenant("/v1/reports/{report}", vec![get()]),
        tenant("/v1/requests", vec![get(), post(order)]),
        tenant("/v1/requests/{request}", vec![get(), delete()]),
        tenant("/v1/requests/{request}/cancel", vec![post(json!({}))]),
        tenant("/v1/requests/{request}/repeat", vec![post(json!({}))]),
        tenant("/v1/requests/{request}/manifest", vec![get()]),
        tenant("/v1/requests/{request}/manifest/{name}", vec![get()]),
        tenant("/v1/requests/{request}/password", vec![get()]),
        tenant("/v1/requests/{request}/links", vec![get(), post(json!({}))]),
        tenant("/v1/requests/{request}/links/{link}", vec![delete()]),
        tenant("/v1/requests/{request}/accesses", vec![get()]),
        tenant("/v1/schedules", vec![get(), post(json!({}))]),
        tenant("/v1/schedules/{schedule}", vec![get(), (Method::PUT, json!({ "name": "taken over" })), delete()]),
        tenant("/v1/schedules/{schedule}/pause", vec![post(json!({}))]),
        tenant("/v1/schedules/{schedule}/resume", vec![post(json!({}))]),
        tenant("/v1/schedules/{schedule}/run", vec![post(json!({}))]),
        tenant("/v1/schedules/{schedule}/runs", vec![get()]),
        tenant("/v1/deliveries", vec![get()]),
        tenant("/v1/deliveries/{delivery}", vec![get()]),
        tenant("/v1/deliveries/{delivery}/redeliver", vec![post(json!({}))]),
        tenant("/v1/endpoints", vec![get(), post(json!({}))]),
        tenant(
            "/v1/endpoints/{endpoint}",
            vec![get(), (Method::PUT, json!({ "url": "https://example.com/taken" })), delete()],
        ),
        tenant("/v1/endpoints/{endpoint}/test", vec![post(json!({}))]),
        tenant("/v1/endpoints/{endpoint}/rotate-secret", vec![post(json!({}))]),
        tenant("/v1/endpoints/{endpoint}/pause", vec![post(json!({}))]),
        tenant("/v1/endpoints/{endpoint}/resume", vec![post(json!({}))]),
        tenant("/v1/endpoints/{endpoint}/recover", vec![post(json!({ "since": "2026-01-01T00:00:00Z" }))]),
        tenant("/v1/recoveries/{recovery}", vec![get()]),
        admin("/v1/dead-letters/redrive", vec![post(json!({}))]),
        tenant("/v1/email/disabled", vec![get()]),
        tenant("/v1/email/enable", vec![post(json!({}))]),
        admin("/v1/tenants/{tenant}/email/disabled", vec![get()]),
        admin("/v1/tenants/{tenant}/email/enable", vec![post(json!({ "address": "a@customer.example" }))]),
        admin("/v1/email/preview", vec![post(json!({ "mail": "ready" }))]),
        admin("/v1/tenants/{tenant}/email/preview", vec![post(json!({ "mail": "ready" }))]),
        admin("/v1/tenants", vec![get()]),
        admin("/v1/tenants/{tenant}", vec![get(), (Method::PUT, json!({ "name": "taken over" })), delete()]),
        admin("/v1/tenants/{tenant}/audit", vec![get()]),
        admin("/v1/tenants/{tenant}/licences", vec![get()]),
        admin("/v1/tenants/{tenant}/recipient-keys", vec![get(), post(json!({ "armored": "x" }))]),
        admin("/v1/tenants/{tenant}/recipient-keys/{fingerprint}", vec![delete()]),
        admin("/v1/tenants/{tenant}/api-keys", vec![get(), post(json!({ "name": "x", "scopes": ["reports:read"] }))]),
        admin("/v1/tenants/{tenant}/api-keys/{key}", vec![delete()]),
        admin(
            "/v1/tenants/{tenant}/users",
            vec![get(), post(json!({ "identity": "erp", "scopes": ["reports:read"] }))],
        ),
        admin(
            "/v1/tenants/{tenant}/users/{user}",
            vec![get(), (Method::PUT, json!({ "scopes": ["reports:read"] })), delete()],
        ),
        admin("/v1/erasures/{erasure}", vec![get()]),
    ]
}

#[test]
fn every_route_is_in_the_matrix() {
    let mut known: Vec<&str> = routes().iter().map(|route| route.path).collect();
    let mut routed: Vec<&str> = ROUTER.split('"').filter(|text| text.starts_with('/') && !text.contains(' ')).collect();
    known.sort_unstable();
    routed.sort_unstable();
    assert_eq!(known, routed, "a route that is not tried with another tenant's credential");
}

/// Ids of things of a tenant, or of none.
struct Ids {
    tenant: String,
    request: String,
    link: String,
    fingerprint: String,
    key: String,
    endpoint: String,
    delivery: String,
    recovery: String,
    schedule: String,
}

impl Ids {
    fn of_nothing() -> Self {
        Self {
            tenant: "nobody".to_owned(),
            request: RequestId::generate().to_string(),
            link: LinkId::generate().to_string(),
            fingerprint: "0".repeat(40),
            key: waybill::domain::id::ApiKeyId::generate().to_string(),
            endpoint: EndpointId::generate().to_string(),
            delivery: DeliveryId::derive(EventId::generate(), "nobody").to_string(),
            recovery: RecoveryId::generate().to_string(),
            schedule: ScheduleId::generate().to_string(),
        }
    }

    fn fill(&self, path: &str) -> String {
        path.replace("{tenant}", &self.tenant)
            .replace("{request}", &self.request)
            .replace("{link}", &self.link)
            .replace("{name}", "manifest.json")
            .replace("{fingerprint}", &self.fingerprint)
            .replace("{key}", &self.key)
            .replace("{endpoint}", &self.endpoint)
            .replace("{delivery}", &self.delivery)
            .replace("{recovery}", &self.recovery)
            .replace("{schedule}", &self.schedule)
            .replace("{report}", "Report_digital_wallet_transaction_detail")
            .replace("{user}", &waybill::domain::id::UserId::generate().to_string())
            .replace("{erasure}", &ErasureId::generate().to_string())
    }
}

/// Whether it is about a thing of a tenant's, which another tenant has never heard of. Reports are for all.
fn is_of_one_thing(path: &str) -> bool {
    path.contains('{') && !path.contains("{report}")
}

async fn call(api: &ApiClient, method: &Method, path: &str, body: &Value) -> Answer {
    // The same id each time, for problems name the call.
    let mut headers = vec![("x-request-id", "a-test")];
    let bytes = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
    if !body.is_null() {
        headers.push(("content-type", "application/json"));
    }
    api.send(method.clone(), path, &headers, bytes).await.unwrap()
}

#[tokio::test]
async fn another_tenants_credential_opens_nothing() {
    let world = World::load().await;
    let (owner, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    // Everything that a tenant can have.
    let request = owner.order(&owner.wallet_order()).await;
    owner.succeeded(request).await;
    let made = owner.api.post(&format!("/v1/requests/{request}/links"), &json!({})).await.unwrap();
    let link = made.expect_status("make a link", &[201]).unwrap();
    let base = format!("/v1/tenants/{}", owner.id);
    let key = json!({ "name": "erp", "scopes": ["reports:read", "reports:request"] });
    let key = world.admin.post(&format!("{base}/api-keys"), &key).await.unwrap().expect_status("key", &[201]).unwrap();
    let keys = world.admin.get(&format!("{base}/recipient-keys")).await.unwrap().json();
    let order = json!({ "request": owner.wallet_order(), "time_zone": "UTC", "cron": "0 8 1 1 *" });
    let schedule = owner.api.post("/v1/schedules", &order).await.unwrap().expect_status("schedule", &[201]).unwrap();
    let theirs = Ids {
        tenant: owner.id.clone(),
        request: request.to_string(),
        link: link["id"].as_str().unwrap().to_owned(),
        fingerprint: keys["recipient_keys"][0]["fingerprint"].as_str().unwrap().to_owned(),
        key: key["id"].as_str().unwrap().to_owned(),
        schedule: schedule["id"].as_str().unwrap().to_owned(),
        ..delivery_ids(&world, &owner, request).await
    };
    let before = (snapshot(&world, &owner, request).await, other.get("/v1/requests").await.body);

    let other_key = json!({ "name": "erp", "scopes": ["reports:read", "reports:request", "endpoints:write"] });
    let made = world.admin.post(&format!("/v1/tenants/{}/api-keys", other.id), &other_key).await.unwrap();
    let other_key = made.expect_status("key", &[201]).unwrap()["api_key"].as_str().unwrap().to_owned();
    let credentials = [("a token", other.api.clone()), ("an API key", world.api.with_token(&other_key))];

    for route in routes() {
        for (method, body) in &route.calls {
            let (path, nothing) = (theirs.fill(route.path), Ids::of_nothing().fill(route.path));
            for (what, api) in &credentials {
                let what = format!("{method} {path} with {what}");
                let answer = call(api, method, &path, body).await;
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                match route.who {
                    Who::Public => {}
                    Who::Admin => {
                        refusal::check(&world, &what, &answer, 403, "scope_missing");
                    }
                    Who::Tenant if is_of_one_thing(route.path) => {
                        refusal::check(&world, &what, &answer, 404, "not_found");
                        let never = call(api, method, &nothing, body).await;
                        assert_eq!(
                            (answer.status, &answer.body),
                            (never.status, &never.body),
                            "{what}: as if it never was"
                        );
                    }
                    Who::Tenant => assert!(matches!(answer.status, 200 | 422), "{what}: its own: {text}"),
                }
                let own = [&theirs.tenant, &theirs.request, &theirs.link, &theirs.fingerprint, &theirs.key];
                for told in
                    own.into_iter().chain([&theirs.endpoint, &theirs.delivery, &theirs.recovery, &theirs.schedule])
                {
                    assert!(!text.contains(told.as_str()), "{what} tells of {told}: {text}");
                }
            }
            // Without any credential, or with one that is none, there is nothing to tell apart at all.
            if !matches!(route.who, Who::Public) {
                let none = call(&world.api, method, &path, body).await;
                refusal::check(
                    &world,
                    &format!("{method} {path} without a credential"),
                    &none,
                    401,
                    "credential_missing",
                );
                let bad = call(&world.api.with_token("wbk_x_y_z"), method, &path, body).await;
                refusal::check(&world, &format!("{method} {path} with a made-up key"), &bad, 401, "token_invalid");
            }
        }
    }
    let after = (snapshot(&world, &owner, request).await, other.get("/v1/requests").await.body);
    assert_eq!(before, after, "nothing was changed");
}

/// An endpoint, a delivery to it that has ended, and a recovery, with ids of nothing besides.
async fn delivery_ids(world: &World, owner: &Tenant, request: RequestId) -> Ids {
    let body = json!({ "url": world.receiver().await.url("/hook"), "events": ["report.expired"] });
    let endpoint = owner.api.post("/v1/endpoints", &body).await.unwrap().expect_status("endpoint", &[201]).unwrap();
    let endpoint: EndpointId = endpoint["id"].as_str().unwrap().parse().unwrap();
    let now = Timestamp::now();
    let row = world.request(&owner.id, request).await.row;
    let event = Announcement::of(&row, EventId::generate(), EventKind::ReportSucceeded, now);
    let new = Delivery::new(event, Target::Endpoint { id: endpoint }, now, &Schedule::parse("0").unwrap());
    let delivery =
        Delivery { status: Status::Dead, finished_at: Some(now), due_at: None, next_attempt_at: None, ..new };
    world.table.write(Write::delivery(&delivery).unwrap().to_vec()).await.unwrap();
    let recovery = Recovery::begun(RecoveryId::generate(), (&owner.id, endpoint), now, "a test", now);
    let recovery = recovery.stopped(now).unwrap();
    world.table.write(vec![Write::insert(&recovery).unwrap()]).await.unwrap();
    Ids {
        endpoint: endpoint.to_string(),
        delivery: delivery.id.to_string(),
        recovery: recovery.id.to_string(),
        ..Ids::of_nothing()
    }
}

/// The scope that a route of the tenant's own needs.
fn needed_scope(method: &Method, path: &str) -> &'static str {
    match (method, path) {
        (&Method::GET, _) => "reports:read",
        (_, path) if path.starts_with("/v1/endpoints") || path == "/v1/email/enable" => "endpoints:write",
        _ => "reports:request",
    }
}

/// Everything of the owner's that a call could have changed, except when its own credentials were used.
async fn snapshot(world: &World, owner: &Tenant, request: RequestId) -> (Vec<u8>, Vec<u8>, Vec<u8>, String, Vec<u8>) {
    let base = format!("/v1/tenants/{}", owner.id);
    let story = waybill::aws::table::keys::story(&owner.id, request);
    let read = async |path: String| world.admin.get(&path).await.unwrap().body;
    (
        read(base.clone()).await,
        read(format!("{base}/recipient-keys")).await,
        read(format!("{base}/audit")).await,
        world.text_of(&story).await.len().to_string(),
        owner.get("/v1/schedules").await.body,
    )
}

/// A scope that is missing is a 403, also for the tenant's own things.
#[tokio::test]
async fn a_credential_does_what_its_scopes_allow() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let request = tenant.order(&tenant.wallet_order()).await;
    tenant.succeeded(request).await;
    let ids = Ids { tenant: tenant.id.clone(), request: request.to_string(), ..Ids::of_nothing() };
    for (scope, reads) in [("reports:read", true), ("reports:request", false), ("endpoints:write", false)] {
        let key = json!({ "name": scope, "scopes": [scope] });
        let made = world.admin.post(&format!("/v1/tenants/{}/api-keys", tenant.id), &key).await.unwrap();
        let key = made.expect_status("key", &[201]).unwrap()["api_key"].as_str().unwrap().to_owned();
        let api = world.api.with_token(&key);
        for route in routes().into_iter().filter(|route| matches!(route.who, Who::Tenant)) {
            for (method, body) in &route.calls {
                let path = ids.fill(route.path);
                if needed_scope(method, route.path) == scope {
                    continue;
                }
                let answer = call(&api, method, &path, body).await;
                refusal::check(&world, &format!("{method} {path} with {scope}"), &answer, 403, "scope_missing");
            }
        }
        let answer = api.get(&format!("/v1/requests/{request}")).await.unwrap();
        assert_eq!(answer.status == 200, reads, "{scope}");
    }
}
