//! Callers who are not who they say, or may not do what they ask.

use http::Method;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use waybill_local::{
    api_client::Answer,
    issuer::{ADMIN, ISSUER, Issuer, claims, unsigned},
};
use waybill_tests::{
    tenant::{Tenant, fresh_id, settings},
    world::World,
};

use crate::refusal;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Claims of a good token with some of them replaced; null takes one away.
fn changed(subject: &str, changes: &Value) -> Value {
    let mut claims = claims(subject, HOUR);
    for (name, value) in changes.as_object().unwrap() {
        let fields = claims.as_object_mut().unwrap();
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// What a library falls for that lets the token choose its algorithm: the public key as an HMAC secret.
fn confused(issuer: &Issuer, subject: &str) -> Vec<String> {
    let key = issuer.configuration().unwrap()["issuers"][0]["jwks"]["keys"][0].clone();
    let header = Header { kid: key["kid"].as_str().map(str::to_owned), ..Header::new(Algorithm::HS256) };
    let secrets = [key.to_string(), key["x"].as_str().unwrap().to_owned(), String::new()];
    let sign = |secret: &String| {
        jsonwebtoken::encode(&header, &claims(subject, HOUR), &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    secrets.iter().map(sign).collect()
}

fn bad_tokens(issuer: &Issuer, subject: &str) -> Vec<(&'static str, String)> {
    let signed = |changes: Value| issuer.sign(&changed(subject, &changes)).unwrap();
    let good = issuer.token(subject, HOUR).unwrap();
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let other = Issuer::generate().unwrap().token(subject, HOUR).unwrap();
    let admin = issuer.token(ADMIN, HOUR).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let mut tokens = vec![
        ("garbage", "garbage".to_owned()),
        ("three empty parts", "..".to_owned()),
        ("without its signature", format!("{header}.{payload}.")),
        ("another token's payload", format!("{header}.{}.{signature}", admin.split('.').nth(1).unwrap())),
        ("another key under the same id", other),
        ("expired", issuer.token(subject, SignedDuration::from_mins(-5)).unwrap()),
        ("not valid yet", signed(json!({ "nbf": now + 600 }))),
        ("without an end", signed(json!({ "exp": null }))),
        ("for another audience", signed(json!({ "aud": "somebody-else" }))),
        ("without an audience", signed(json!({ "aud": null }))),
        ("from an unknown issuer", signed(json!({ "iss": "https://issuer.example" }))),
        ("from an issuer of a similar name", signed(json!({ "iss": format!("{ISSUER}/") }))),
        ("without an issuer", signed(json!({ "iss": null }))),
        ("without a subject", signed(json!({ "sub": null }))),
        ("longer than any token", "x".repeat(17 * 1024)),
        ("alg none", unsigned(&claims(subject, HOUR))),
        ("alg none as the operator", unsigned(&claims(ADMIN, HOUR))),
    ];
    tokens.extend(confused(issuer, subject).into_iter().map(|token| ("HS256 with the public key", token)));
    tokens
}

#[tokio::test]
async fn credentials_that_are_not_good() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let good = world.issuer.token(&tenant.subject, HOUR).unwrap();
    let order = tenant.wallet_order().to_string();
    let schemes = ["", "Bearer", "Bearer ", "Basic dGVzdDp0ZXN0", &format!("Token {good}"), &good];
    for scheme in schemes {
        let headers = [("authorization", scheme)];
        let answer = world.api.send(Method::POST, "/v1/requests", &headers, order.clone().into()).await.unwrap();
        let code = if scheme == "Bearer " { answer.json()["code"].clone() } else { json!("credential_missing") };
        refusal::check(&world, scheme, &answer, 401, code.as_str().unwrap());
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"waybill\"", "{scheme}");
    }
    for (what, token) in bad_tokens(&world.issuer, &tenant.subject) {
        let api = world.api.with_token(&token);
        let answers = [api.post("/v1/requests", &tenant.wallet_order()).await, api.get("/v1/reports").await];
        for answer in answers {
            let answer = answer.unwrap();
            let problem = refusal::check(&world, what, &answer, 401, "token_invalid");
            assert!(!problem["detail"].as_str().unwrap().contains("signature"), "no hint what to improve: {problem}");
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"waybill\"", "{what}");
        }
    }
    let missing = world.api.post("/v1/requests", &tenant.wallet_order()).await.unwrap();
    refusal::check(&world, "no credential", &missing, 401, "credential_missing");
    tenant.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn good_credentials_without_the_right() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let token = |subject: &str| world.issuer.token(subject, HOUR).unwrap();
    let nobody = world.api.with_token(&token(&format!("{}-stranger", tenant.id)));
    let check = |what: &str, answer: &Answer, code: &str| refusal::check(&world, what, answer, 403, code);

    let order = tenant.wallet_order();
    check("a stranger asks", &nobody.post("/v1/requests", &order).await.unwrap(), "unknown_subject");
    check("a stranger reads", &nobody.get("/v1/reports").await.unwrap(), "unknown_subject");
    // The tenant's own claim of whom it acts for counts for nothing.
    let claimed =
        world.issuer.sign(&changed(&format!("{}-stranger", tenant.id), &json!({ "tenant": tenant.id }))).unwrap();
    check("a claim", &world.api.with_token(&claimed).get("/v1/reports").await.unwrap(), "unknown_subject");

    let limited = world.issuer.sign(&changed(&tenant.subject, &json!({ "scope": "openid reports:read" }))).unwrap();
    let limited = world.api.with_token(&limited);
    assert_eq!(limited.get("/v1/reports").await.unwrap().status, 200);
    check("a token limited to reading", &limited.post("/v1/requests", &order).await.unwrap(), "scope_missing");
    let greedy = world.issuer.sign(&changed(&tenant.subject, &json!({ "scope": "admin reports:read" }))).unwrap();
    let path = format!("/v1/tenants/{}", tenant.id);
    check("a token that says admin", &world.api.with_token(&greedy).get(&path).await.unwrap(), "scope_missing");
    let modest = world.issuer.sign(&changed(ADMIN, &json!({ "scope": "reports:read" }))).unwrap();
    let modest = world.api.with_token(&modest);
    check("an operator's token that may only read", &modest.get(&path).await.unwrap(), "scope_missing");
    check("it reads", &modest.get("/v1/reports").await.unwrap(), "scope_missing");
    let mut granted = settings(&world, &tenant.subject);
    let reader = format!("{}-reader", tenant.id);
    let grant = json!({ "issuer": ISSUER, "subject": reader, "scopes": ["reports:read"] });
    granted["identities"].as_array_mut().unwrap().push(grant);
    world.admin.put(&path, &granted).await.unwrap().expect_status("grant reading", &[200]).unwrap();
    let reader = world.api.with_token(&token(&reader));
    assert_eq!(reader.get("/v1/reports").await.unwrap().status, 200);
    check("a subject that may only read", &reader.post("/v1/requests", &order).await.unwrap(), "scope_missing");

    let id = fresh_id();
    let new = settings(&world, &format!("{id}-client"));
    let answer = tenant.api.put(&format!("/v1/tenants/{id}"), &new).await.unwrap();
    check("a tenant makes a tenant", &answer, "scope_missing");
    check("a tenant reads its own settings", &tenant.get(&path).await, "scope_missing");
    assert_eq!(world.admin.get(&format!("/v1/tenants/{id}")).await.unwrap().status, 404, "nothing was made");
    check("the operator asks", &world.admin.post("/v1/requests", &order).await.unwrap(), "scope_missing");
    check("the operator reads", &world.admin.get("/v1/reports").await.unwrap(), "scope_missing");
    tenant.nothing_is_recorded(&world).await;
}
