//! Logging in as Eclipse's customers do: identity and password for a token, its renewal, and its end.

use std::time::Instant;

use futures::future::join_all;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::{
    aws::table::{
        Stored,
        keys::{Key, audit_trail, log_ins},
        rows::UserPlace,
    },
    digest::sha256_hex,
    domain::tries::{Counted, Tries, source_digest},
};
use waybill_local::{api_client::Answer, issuer::claims};
use waybill_tests::{
    tenant::{Tenant, fresh_id, settings},
    wait::eventually,
    world::World,
};

use crate::refusal;

const LOGIN: &str = "/eclipse-conductor/rest/v1/authentication/login";
const RENEW: &str = "/eclipse-conductor/rest/v1/authentication/renew";
const LOGOUT: &str = "/eclipse-conductor/rest/v1/authentication/logout";

/// A tenant whose clients use Eclipse's interface, and its user.
struct Customer {
    tenant: Tenant,
    identity: String,
    password: String,
    user: String,
}

/// What a call answered, over HTTP or not.
struct Told {
    status: u16,
    retry_after: Option<u32>,
    body: Value,
}

impl Customer {
    async fn create(world: &World) -> Self {
        Self::create_with(world, &["reports:read"]).await
    }

    async fn create_with(world: &World, scopes: &[&str]) -> Self {
        let tenant = Tenant::create_with(world, json!({ "interfaces": { "eclipse": {} } })).await;
        let identity = format!("Erp-{}@Example", tenant.id);
        let body = json!({ "identity": identity, "scopes": scopes });
        let answer = world.admin.post(&users(&tenant.id), &body).await.unwrap();
        assert_eq!(answer.header("cache-control"), "no-store");
        let made = answer.expect_status("make a user", &[201]).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        assert_eq!(text("identity"), identity.to_lowercase());
        Self { identity, password: text("password"), user: text("id"), tenant }
    }

    fn path(&self) -> String {
        format!("{}/{}", users(&self.tenant.id), self.user)
    }

    /// Logs in over HTTP.
    async fn log_in(&self, world: &World) -> Value {
        let body = json!({ "identity": self.identity, "password": self.password });
        let answer = world.api.post(LOGIN, &body).await.unwrap();
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.expect_status("log in", &[200]).unwrap()
    }

    /// Logs in from an address of the test's choice, which API Gateway alone could tell.
    async fn log_in_from(&self, world: &World, address: &str, password: &str) -> Told {
        post_from(world, address, LOGIN, &json!({ "identity": self.identity, "password": password })).await
    }

    async fn put(&self, world: &World, body: &Value) -> Value {
        world.admin.put(&self.path(), body).await.unwrap().expect_status("change a user", &[200]).unwrap()
    }

    fn digest(&self) -> String {
        sha256_hex(self.identity.to_lowercase().as_bytes())
    }
}

fn users(tenant: &str) -> String {
    format!("/v1/tenants/{tenant}/users")
}

/// An address that no other test has.
fn address() -> String {
    let bytes = Uuid::new_v4().into_bytes();
    format!("2001:db8:{:x}{:02x}:{:x}{:02x}::1", bytes[0], bytes[1], bytes[2], bytes[3])
}

async fn row(world: &World, counted: &Counted) -> Stored<Tries> {
    world.table.get(&Key::tries(counted)).await.unwrap().unwrap()
}

/// A call of the API's function with the event that API Gateway would make of it.
async fn post_from(world: &World, address: &str, path: &str, body: &Value) -> Told {
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": { "content-type": "application/json", "host": "api.example" },
        "requestContext": {
            "accountId": "1", "apiId": "api", "domainName": "api.example", "domainPrefix": "api",
            "requestId": "r", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1_773_342_238_000_i64,
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": address, "userAgent": "a test" },
        },
        "body": body.to_string(), "isBase64Encoded": false,
    });
    let answer = world.invoke(&world.stack.functions.api, &event).await;
    let retry_after = answer["headers"]["retry-after"].as_str().map(|text| text.parse().unwrap());
    Told {
        status: u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap(),
        retry_after,
        body: serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default(),
    }
}

/// Calls the API with the header that the log-in told of.
async fn call(world: &World, method: Method, path: &str, session: &Value, more: &[(&str, &str)]) -> Answer {
    let header = [&session["headerName"], &session["headerValue"]].map(|text| text.as_str().unwrap());
    let headers: Vec<(&str, &str)> = [(header[0], header[1])].into_iter().chain(more.iter().copied()).collect();
    world.api.send(method, path, &headers, Vec::new()).await.unwrap()
}

async fn reports(world: &World, session: &Value) -> Answer {
    call(world, Method::GET, "/v1/reports", session, &[]).await
}

async fn assert_ended(world: &World, what: &str, session: &Value) {
    refusal::check(world, what, &reports(world, session).await, 401, "token_invalid");
}

/// Checks an error of Eclipse's form; returns its description.
fn error(what: &str, status: u16, body: &Value, code: &str) -> String {
    let told = &body[0];
    assert_eq!((body.as_array().map(Vec::len), &told["code"]), (Some(1), &json!(code)), "{what}: {status} {body}");
    for name in ["type", "severity", "description", "traceId", "spanId", "environment"] {
        assert!(told[name].as_str().is_some_and(|text| !text.is_empty()), "{what}: {name} in {body}");
    }
    assert_eq!([&told["traceId"], &told["spanId"]].map(|id| id.as_str().unwrap().len()), [32, 16]);
    told["description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_logs_in_calls_renews_and_logs_out() {
    let world = World::load().await;
    let customer = Customer::create(&world).await;
    let session = customer.log_in(&world).await;
    assert_eq!([&session["headerName"], &session["csrfHeaderName"]], ["Authorization", "renew-csrf"]);
    assert_eq!(session["roles"], json!(["reports:read"]));
    assert!(session["sessionId"].as_str().unwrap().parse::<Uuid>().is_ok());
    let life = session["expiresEpochSecs"].as_i64().unwrap() - Timestamp::now().as_second();
    assert!((3500..=3600).contains(&life), "{life}");

    assert_eq!(reports(&world, &session).await.status, 200);
    let asked = call(&world, Method::POST, "/v1/requests", &session, &[("content-type", "application/json")]).await;
    refusal::check(&world, "beyond its scopes", &asked, 403, "scope_missing");
    let tenants = call(&world, Method::GET, "/v1/tenants", &session, &[]).await;
    refusal::check(&world, "never an administrator", &tenants, 403, "scope_missing");

    let csrf = session["csrfToken"].as_str().unwrap();
    for (what, headers) in [("none", vec![]), ("another", vec![("renew-csrf", "352435")])] {
        let answer = call(&world, Method::POST, RENEW, &session, &headers).await;
        assert_eq!(answer.status, 403, "{what}");
        error(what, 403, &answer.json(), "SEC001");
    }
    let renewed = call(&world, Method::POST, RENEW, &session, &[("renew-csrf", csrf)]).await;
    let renewed = renewed.expect_status("renew", &[200]).unwrap();
    assert_eq!(renewed["sessionId"], session["sessionId"]);
    assert!(renewed["headerValue"] != session["headerValue"] && renewed["csrfToken"] != session["csrfToken"]);
    assert_eq!(reports(&world, &renewed).await.status, 200);
    assert_eq!(reports(&world, &session).await.status, 200, "the old token lives to its end");
    let crossed = call(&world, Method::POST, RENEW, &renewed, &[("renew-csrf", csrf)]).await;
    assert_eq!(crossed.status, 403, "what came with another token");

    assert_eq!(call(&world, Method::POST, LOGOUT, &renewed, &[]).await.status, 204);
    for old in [&session, &renewed] {
        assert_ended(&world, "after logging out", old).await;
        let answer = call(&world, Method::POST, RENEW, old, &[("renew-csrf", csrf)]).await;
        error("renew what has ended", answer.status, &answer.json(), "SEC001");
        assert_eq!(answer.status, 401);
    }
    assert_eq!(reports(&world, &customer.log_in(&world).await).await.status, 200);
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same() {
    let world = World::load().await;
    let (customer, disabled, off) =
        (Customer::create(&world).await, Customer::create(&world).await, Customer::create(&world).await);
    disabled.put(&world, &json!({ "scopes": ["reports:read"], "disabled": true })).await;
    let settings = settings(&world, &off.tenant.subject);
    world.admin.put(&format!("/v1/tenants/{}", off.tenant.id), &settings).await.unwrap();
    let from = address();
    let mut told = Vec::new();
    for (what, body) in [
        ("wrong password", json!({ "identity": customer.identity, "password": "correct horse" })),
        ("another's password", json!({ "identity": customer.identity, "password": disabled.password })),
        ("unknown identity", json!({ "identity": format!("x{}", customer.identity), "password": customer.password })),
        ("no identity at all", json!({ "identity": "ä b\u{0}", "password": customer.password })),
        ("disabled", json!({ "identity": disabled.identity, "password": disabled.password })),
        ("switched off", json!({ "identity": off.identity, "password": off.password })),
    ] {
        let answer = post_from(&world, &from, LOGIN, &body).await;
        assert_eq!((answer.status, answer.retry_after), (401, None), "{what}: {}", answer.body);
        told.push(error(what, answer.status, &answer.body, "USR002"));
    }
    assert!(told.iter().all(|text| text == "Incorrect identity/password"), "{told:?}");
    assert_eq!(customer.log_in_from(&world, &from, &customer.password).await.status, 200);
}

#[tokio::test]
async fn guesses_at_the_same_time_are_no_more_than_the_limit() {
    let world = World::load().await;
    let customer = Customer::create(&world).await;
    let (here, elsewhere) = (address(), address());
    let began = Instant::now();
    let guesses = (0..24).map(|guess| {
        let (world, customer, here) = (&world, &customer, &here);
        async move { customer.log_in_from(world, here, &format!("a wrong guess {guess}")).await }
    });
    let answers = join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    // Five, and one for each wait that was over meanwhile.
    let most = 5 + usize::try_from(began.elapsed().as_secs() / 30).unwrap();
    assert!((1..=most).contains(&looked_at), "{looked_at} guesses were looked at");
    for refused in answers.iter().filter(|answer| answer.status != 401) {
        assert_eq!(refused.status, 429, "{}", refused.body);
        error("too many", 429, &refused.body, "RLT001");
        assert!(refused.retry_after.is_some_and(|seconds| (1..=120).contains(&seconds)));
    }
    let pair = Counted::Pair { identity: customer.digest(), source: source_digest(Some(&here)) };
    let stored = row(&world, &pair).await;
    assert_eq!(usize::try_from(stored.row.count).unwrap(), looked_at, "each was counted");

    let many = Tries { count: 20, last_at: Timestamp::now(), ..stored.row.clone() };
    let stored = world.table.replace(&stored, many).await.unwrap();
    let locked = customer.log_in_from(&world, &here, &customer.password).await;
    assert_eq!(locked.status, 429, "the right password is not looked at either");
    assert!(locked.retry_after.is_some_and(|seconds| (600..=900).contains(&seconds)), "{:?}", locked.retry_after);
    let strange = customer.log_in_from(&world, &elsewhere, &customer.password).await;
    assert_eq!(strange.status, 200, "who guesses locks nobody out elsewhere");
    let earlier = Tries { last_at: stored.row.last_at - SignedDuration::from_secs(901), ..stored.row.clone() };
    world.table.replace(&stored, earlier).await.unwrap();
    assert_eq!(customer.log_in_from(&world, &here, &customer.password).await.status, 200, "it ends by itself");
    let cleared = row(&world, &pair).await.row;
    assert_eq!((cleared.count, cleared.succeeded_at.is_some()), (0, true));
}

#[tokio::test]
async fn one_address_and_many_addresses_are_bounded_too() {
    let world = World::load().await;
    let customer = Customer::create(&world).await;
    let (known, stranger) = (address(), address());
    assert_eq!(customer.log_in_from(&world, &known, &customer.password).await.status, 200);
    let stored = row(&world, &Counted::Identity { identity: customer.digest() }).await;
    assert_eq!(stored.row.count, 0, "given back");
    let tried = Tries { count: 30, last_at: Timestamp::now(), ..stored.row.clone() };
    world.table.replace(&stored, tried).await.unwrap();
    assert_eq!(customer.log_in_from(&world, &stranger, &customer.password).await.status, 429);
    assert_eq!(customer.log_in_from(&world, &known, &customer.password).await.status, 200, "where it logs in from");

    let stored = row(&world, &Counted::Source { source: source_digest(Some(&known)) }).await;
    let sprayed = Tries { count: 60, last_at: Timestamp::now(), ..stored.row.clone() };
    world.table.replace(&stored, sprayed).await.unwrap();
    let other = Customer::create(&world).await;
    assert_eq!(other.log_in_from(&world, &known, &other.password).await.status, 429);
    assert_eq!(other.log_in_from(&world, &stranger, &other.password).await.status, 200);
}

#[tokio::test]
async fn what_happens_to_a_user_happens_to_its_sessions_at_once() {
    let world = World::load().await;
    let customer = Customer::create(&world).await;
    let scopes = json!(["reports:read"]);
    let session = customer.log_in(&world).await;
    customer.put(&world, &json!({ "scopes": [] })).await;
    refusal::check(&world, "without scopes", &reports(&world, &session).await, 403, "scope_missing");
    customer.put(&world, &json!({ "scopes": scopes })).await;
    assert_eq!(reports(&world, &session).await.status, 200);

    customer.put(&world, &json!({ "scopes": scopes, "disabled": true })).await;
    assert_ended(&world, "disabled", &session).await;
    customer.put(&world, &json!({ "scopes": scopes })).await;
    assert_ended(&world, "sessions of before do not come back", &session).await;

    let session = customer.log_in(&world).await;
    let changed = customer.put(&world, &json!({ "scopes": scopes, "new_password": true })).await;
    assert_ended(&world, "another password", &session).await;
    let old = customer.log_in_from(&world, &address(), &customer.password).await;
    assert_eq!(old.status, 401);
    let customer = Customer { password: changed["password"].as_str().unwrap().to_owned(), ..customer };

    let session = customer.log_in(&world).await;
    let tenant = format!("/v1/tenants/{}", customer.tenant.id);
    let mut settings = settings(&world, &customer.tenant.subject);
    world.admin.put(&tenant, &settings).await.unwrap().expect_status("switch off", &[200]).unwrap();
    assert_ended(&world, "switched off", &session).await;
    settings["interfaces"] = json!({ "eclipse": {} });
    world.admin.put(&tenant, &settings).await.unwrap().expect_status("switch on", &[200]).unwrap();
    assert_eq!(reports(&world, &session).await.status, 200);

    assert_eq!(world.admin.delete(&customer.path()).await.unwrap().status, 204);
    assert_ended(&world, "deleted", &session).await;
    assert_eq!(customer.log_in_from(&world, &address(), &customer.password).await.status, 401);
    refusal::check(&world, "gone", &world.admin.get(&customer.path()).await.unwrap(), 404, "not_found");
    let again = json!({ "identity": customer.identity, "scopes": [], "password": customer.password });
    let again = world.admin.post(&users(&customer.tenant.id), &again).await.unwrap();
    again.expect_status("the identity is free again", &[201]).unwrap();
    assert_ended(&world, "another user of that identity", &session).await;
}

#[tokio::test]
async fn users_are_the_operators_to_make_and_keep_no_secret_in_the_open() {
    let world = World::load().await;
    let (customer, other) = (Customer::create(&world).await, Customer::create(&world).await);
    let taken = json!({ "identity": customer.identity.to_uppercase(), "scopes": [] });
    for tenant in [&customer.tenant.id, &other.tenant.id] {
        let answer = world.admin.post(&users(tenant), &taken).await.unwrap();
        refusal::check(&world, "an identity for two", &answer, 409, "identity_taken");
    }
    let plain = Tenant::create(&world).await;
    let body = json!({ "identity": fresh_id(), "scopes": [] });
    let answer = world.admin.post(&users(&plain.id), &body).await.unwrap();
    refusal::check(&world, "without the interface", &answer, 409, "interface_off");
    let weak = json!({ "identity": fresh_id(), "scopes": [], "password": "short" });
    let answer = world.admin.post(&users(&other.tenant.id), &weak).await.unwrap();
    refusal::check(&world, "weak", &answer, 422, "validation_failed");
    let foreign = format!("{}/{}", users(&other.tenant.id), customer.user);
    refusal::check(&world, "another's user", &world.admin.get(&foreign).await.unwrap(), 404, "not_found");

    customer.log_in(&world).await;
    let listed = world.admin.get(&users(&customer.tenant.id)).await.unwrap().json();
    let [listed] = &listed["users"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&listed["id"], listed["last_login_at"].is_string()), (&json!(customer.user), true));
    let rows = world.text_of(&Key::tenant(&customer.tenant.id).pk).await;
    assert!(rows.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !rows.contains(&customer.password));
    assert!(!listed.to_string().contains("argon2") && !listed.to_string().contains("stamp"));
    let trail = world.text_of(&audit_trail(&customer.tenant.id)).await;
    assert!(trail.contains("user.created") && trail.contains(&customer.user));
    assert!(!trail.contains("argon2") && !trail.to_lowercase().contains(&customer.identity.to_lowercase()));
}

#[tokio::test]
async fn forged_tokens_and_other_tenants_get_nothing() {
    let world = World::load().await;
    let (customer, other) =
        (Customer::create_with(&world, &["reports:read", "reports:request"]).await, Customer::create(&world).await);
    let session = customer.log_in(&world).await;
    let token = session["headerValue"].as_str().unwrap().strip_prefix("Bearer ").unwrap();
    let with_token = Tenant { api: world.api.with_token(token), ..other.tenant };
    let request = Tenant { api: world.api.with_token(token), ..customer.tenant };
    let order = request.order(&request.wallet_order()).await;
    request.succeeded(order).await;
    assert_eq!(world.requests(&with_token.id).await.len(), 0, "it acts for its own tenant alone");

    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let mut ours = claims(&customer.user, SignedDuration::from_hours(1));
    ours["iss"] = json!("urn:waybill:users");
    ours["aud"] = json!("urn:waybill:api");
    ours["tenant"] = json!(request.id);
    let by_issuer = world.issuer.sign(&ours).unwrap();
    let payload_of = |token: &str| token.split('.').nth(1).unwrap().to_owned();
    for (what, forged) in [
        ("by a configured issuer", by_issuer.clone()),
        ("without a signature", format!("{header}.{payload}.")),
        ("other claims", format!("{header}.{}.{signature}", payload_of(&by_issuer))),
        ("unsigned", waybill_local::issuer::unsigned(&ours)),
        ("cut", token[..token.len() - 2].to_owned()),
    ] {
        let answer = world.api.with_token(&forged).get("/v1/reports").await.unwrap();
        refusal::check(&world, what, &answer, 401, "token_invalid");
    }
    let key = world.api.send(Method::POST, RENEW, &[("x-api-key", "wbk_x")], Vec::new()).await.unwrap();
    error("an API key", key.status, &key.json(), "SEC001");
    let none = world.api.send(Method::POST, LOGOUT, &[], Vec::new()).await.unwrap();
    assert_eq!(none.status, 401);
    error("no credential", 401, &none.json(), "SEC001");
}

#[tokio::test]
async fn malformed_log_ins_are_told_in_eclipses_form() {
    let world = World::load().await;
    let long = "x".repeat(70_000);
    for (body, status, code) in [
        ("", 400, "JPE001"),
        ("{\"identity\":", 400, "JPE001"),
        ("[]", 400, "VAL001"),
        (r#"{"identity":"erp"}"#, 400, "VAL001"),
        (r#"{"identity":7,"password":"x"}"#, 400, "VAL001"),
        (r#"{"identity":"erp","password":"one","password":"two"}"#, 400, "VAL001"),
        (long.as_str(), 413, "VAL001"),
    ] {
        let headers = [("content-type", "application/json")];
        let answer = world.api.send(Method::POST, LOGIN, &headers, body.as_bytes().to_vec()).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{body:.60}");
        error(&format!("{body:.60}"), status, &answer.json(), code);
    }
    let answer = world.api.get(LOGIN).await.unwrap();
    error("another method", answer.status, &answer.json(), "VAL001");
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn users_go_with_their_tenant() {
    let world = World::load().await;
    let customer = Customer::create(&world).await;
    let session = customer.log_in(&world).await;
    let partition = log_ins(&customer.digest());
    assert!(world.text_of(&partition).await.contains("TRIES"));
    let path = format!("/v1/tenants/{0}?confirm={0}", customer.tenant.id);
    world.admin.delete(&path).await.unwrap().expect_status("erase", &[202]).unwrap();
    assert_ended(&world, "while it is erased", &session).await;
    let body = json!({ "identity": fresh_id(), "scopes": [] });
    let answer = world.admin.post(&users(&customer.tenant.id), &body).await.unwrap();
    refusal::check(&world, "a user for it", &answer, 409, "tenant_erasing");
    eventually("the end of the user's rows", async || {
        world.sweep().await;
        let place = world.table.get::<UserPlace>(&Key::user_place(&customer.identity.to_lowercase())).await.unwrap();
        let rows = world.table.query(&Key::tenant(&customer.tenant.id).pk, "USR#").await.unwrap();
        (place.is_none() && rows.is_empty()).then_some(())
    })
    .await;
    assert_eq!(world.table.query(&partition, "").await.unwrap().len(), 0, "nothing is left under its identity");
    let free = Customer::create(&world).await;
    let body = json!({ "identity": customer.identity, "scopes": [] });
    let answer = world.admin.post(&users(&free.tenant.id), &body).await.unwrap();
    answer.expect_status("the identity is free", &[201]).unwrap();
}
