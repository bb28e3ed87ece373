//! Issuers of tenants' own: believed for that tenant, and for nobody and nothing else.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill::{
    aws::table::{
        Write,
        keys::Key,
        rows::{Identity, TenantIssuerRow},
    },
    domain::tenant::Scope,
};
use waybill_local::{
    api_client::ApiClient,
    issuer::{ADMIN, AUDIENCE, ISSUER, Issuer, claims},
    receiver::Reply,
};
use waybill_tests::{
    tenant::{Tenant, settings},
    world::World,
};

use crate::refusal;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A tenant with an issuer of its own.
struct Own {
    tenant: Tenant,
    /// Its `iss`.
    name: String,
    issuer: Issuer,
}

impl Own {
    /// `keys` is what the settings say of them: `jwks` or `jwks_uri`.
    async fn create(world: &World, keys: impl FnOnce(&Issuer) -> Value) -> Self {
        let tenant = Tenant::create(world).await;
        let own =
            Self { name: format!("https://login.{}.example", tenant.id), issuer: Issuer::generate().unwrap(), tenant };
        let mut wanted = own.settings(world);
        let mut described = json!({ "issuer": own.name, "audience": [AUDIENCE, "other"], "algorithms": ["ES256"] });
        described.as_object_mut().unwrap().extend(keys(&own.issuer).as_object().unwrap().clone());
        wanted["issuers"] = json!([described]);
        world.admin.put(&own.path(), &wanted).await.unwrap().expect_status("add an issuer", &[200]).unwrap();
        own
    }

    /// The tenant's settings, with a reader that its own issuer vouches for.
    fn settings(&self, world: &World) -> Value {
        let mut wanted = settings(world, &self.tenant.subject);
        let reader = json!({ "issuer": self.name, "subject": "reader", "scopes": ["reports:read"] });
        wanted["identities"].as_array_mut().unwrap().push(reader);
        wanted
    }

    fn path(&self) -> String {
        format!("/v1/tenants/{}", self.tenant.id)
    }

    /// The API with a token of the issuer.
    fn api(&self, world: &World, subject: &str, changes: &Value) -> ApiClient {
        signed(world, &self.issuer, &self.name, subject, changes)
    }
}

/// The API with a token that `issuer` signed in the name of `name`.
fn signed(world: &World, issuer: &Issuer, name: &str, subject: &str, changes: &Value) -> ApiClient {
    let mut claims = claims(subject, HOUR);
    claims["iss"] = json!(name);
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    world.api.with_token(&issuer.sign(&claims).unwrap())
}

fn inline(issuer: &Issuer) -> Value {
    json!({ "jwks": issuer.jwks().unwrap() })
}

#[tokio::test]
async fn its_tokens_act_for_its_tenant_as_far_as_the_mapping_says() {
    let world = World::load().await;
    let own = Own::create(&world, inline).await;
    let reports = async |api: ApiClient| api.get("/v1/reports").await.unwrap();
    let none = json!({});
    for good in [none.clone(), json!({ "aud": "other" }), json!({ "scope": "openid" })] {
        assert_eq!(reports(own.api(&world, "reader", &good)).await.status, 200, "{good}");
    }
    let order = own.tenant.wallet_order();
    let answer = own.api(&world, "reader", &none).post("/v1/requests", &order).await.unwrap();
    refusal::check(&world, "a reader asks", &answer, 403, "scope_missing");
    let answer = reports(own.api(&world, "stranger", &none)).await;
    refusal::check(&world, "an unmapped subject", &answer, 403, "unknown_subject");

    let bad = [
        ("another audience", own.api(&world, "reader", &json!({ "aud": "somebody-else" }))),
        ("expired", own.api(&world, "reader", &json!({ "exp": 1 }))),
        ("another key", signed(&world, &Issuer::generate().unwrap(), &own.name, "reader", &none)),
        ("a similar name", signed(&world, &own.issuer, &format!("{}/", own.name), "reader", &none)),
        ("in the operator's name", signed(&world, &own.issuer, ISSUER, ADMIN, &none)),
    ];
    for (what, api) in bad {
        refusal::check(&world, what, &reports(api).await, 401, "token_invalid");
    }

    // Without the entry it is a stranger again.
    let wanted = settings(&world, &own.tenant.subject);
    world.admin.put(&own.path(), &wanted).await.unwrap().expect_status("drop the issuer", &[200]).unwrap();
    let answer = reports(own.api(&world, "reader", &none)).await;
    refusal::check(&world, "an issuer that was taken away", &answer, 401, "token_invalid");
}

#[tokio::test]
async fn its_tokens_never_act_for_another_tenant_nor_as_an_administrator() {
    let world = World::load().await;
    let (own, victim) = (Own::create(&world, inline).await, Tenant::create(&world).await);
    let greedy = json!({ "scope": "admin reports:read", "tenant": victim.id, "admin": true });
    for subject in ["reader", ADMIN] {
        let api = own.api(&world, subject, &greedy);
        let code = if subject == "reader" { "scope_missing" } else { "unknown_subject" };
        refusal::check(&world, subject, &api.get(&own.path()).await.unwrap(), 403, code);
        refusal::check(&world, subject, &api.put(&own.path(), &json!({})).await.unwrap(), 403, code);
    }
    // Not even if somebody mapped one of its subjects to another tenant, or to administration.
    let identity = Identity {
        issuer: own.name.clone(),
        subject: "mole".to_owned(),
        tenant: victim.id.clone(),
        scopes: vec![Scope::ReportsRead, Scope::ReportsRequest, Scope::Admin],
    };
    world.table.write(vec![Write::insert(&identity).unwrap()]).await.unwrap();
    let mole = own.api(&world, "mole", &json!({}));
    let answers = [mole.get("/v1/reports").await, mole.post("/v1/requests", &victim.wallet_order()).await];
    for answer in answers {
        refusal::check(&world, "mapped to another tenant", &answer.unwrap(), 403, "unknown_subject");
    }
    victim.nothing_is_recorded(&world).await;
}

#[tokio::test]
async fn a_tenant_cannot_take_the_operators_issuer() {
    let world = World::load().await;
    let own = Own::create(&world, inline).await;
    let mut wanted = settings(&world, &own.tenant.subject);
    let theirs = json!({ "issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["ES256"],
                         "jwks": own.issuer.jwks().unwrap() });
    wanted["issuers"] = json!([theirs]);
    let answer = world.admin.put(&own.path(), &wanted).await.unwrap();
    let problem = refusal::check(&world, "the operator's", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/issuers/0/issuer".to_owned(), "taken".to_owned())]);

    // Even where it stands in the table: the operator's configuration is asked first.
    let row = TenantIssuerRow { tenant: own.tenant.id.clone(), settings: serde_json::from_value(theirs).unwrap() };
    world.table.write(vec![Write::overwrite(&row).unwrap()]).await.unwrap();
    let forged = signed(&world, &own.issuer, ISSUER, ADMIN, &json!({})).get(&own.path()).await.unwrap();
    let good = world.admin.get(&own.path()).await.unwrap();
    world.table.write(vec![Write::delete(Key::issuer(ISSUER))]).await.unwrap();
    refusal::check(&world, "a forged operator", &forged, 401, "token_invalid");
    assert_eq!(good.status, 200);
}

#[tokio::test]
async fn published_keys_are_fetched_and_an_outage_is_nobody_elses() {
    let world = World::load().await;
    let receiver = world.receiver().await;
    let uri = |path: &str| json!({ "jwks_uri": receiver.url(path) });
    let own = Own::create(&world, |issuer| {
        receiver.reply("/keys", [Reply::status(StatusCode::OK).body(issuer.jwks().unwrap().to_string())]);
        uri("/keys")
    })
    .await;
    let none = json!({});
    assert_eq!(own.api(&world, "reader", &none).get("/v1/reports").await.unwrap().status, 200);
    assert!(!receiver.received("/keys").is_empty());
    let forged = signed(&world, &Issuer::generate().unwrap(), &own.name, "reader", &none);
    refusal::check(&world, "another key", &forged.get("/v1/reports").await.unwrap(), 401, "token_invalid");

    receiver.reply("/down", [Reply::status(StatusCode::INTERNAL_SERVER_ERROR)]);
    receiver.reply(
        "/moved",
        [Reply::status(StatusCode::FOUND).header("location", http::HeaderValue::from_static("/keys"))],
    );
    for path in ["/down", "/moved"] {
        let down = Own::create(&world, |_| uri(path)).await;
        let answer = down.api(&world, "reader", &none).get("/v1/reports").await.unwrap();
        refusal::check(&world, path, &answer, 503, "unavailable");
        for api in [own.api(&world, "reader", &none), down.tenant.api.clone()] {
            assert_eq!(api.get("/v1/reports").await.unwrap().status, 200, "{path}");
        }
        assert_eq!(world.admin.get(&down.path()).await.unwrap().status, 200, "{path}");
    }
}

#[tokio::test]
async fn every_fault_of_an_issuer_is_named() {
    let world = World::load().await;
    let own = Own::create(&world, inline).await;
    let other = Tenant::create(&world).await;
    let good = json!({ "issuer": own.name, "audience": AUDIENCE, "algorithms": ["ES256"],
                       "jwks_uri": "https://login.example/keys" });
    let with = |field: &str, value: Value| {
        let mut issuer = good.clone();
        issuer["issuer"] = json!("https://login.of-a-test.example");
        issuer[field] = value;
        issuer
    };
    let cases = [
        (with("jwks_uri", json!("http://login.example/keys")), "/issuers/0/jwks_uri", "url_refused"),
        (with("jwks_uri", json!("https://10.0.0.1/keys")), "/issuers/0/jwks_uri", "url_refused"),
        (with("jwks", json!({ "keys": [] })), "/issuers/0", "not_allowed"),
        (with("audience", json!([])), "/issuers/0/audience", "out_of_range"),
        (with("algorithms", json!([])), "/issuers/0/algorithms", "out_of_range"),
        (with("scope_prefix", json!("")), "/issuers/0/scope_prefix", "out_of_range"),
        (with("issuer", json!("")), "/issuers/0/issuer", "out_of_range"),
        // Whose it is, is told to the operator alone.
        (good.clone(), "/issuers/0/issuer", "taken"),
    ];
    let path = format!("/v1/tenants/{}", other.id);
    for (issuer, pointer, code) in cases {
        let mut wanted = settings(&world, &other.subject);
        wanted["issuers"] = json!([issuer]);
        let answer = world.admin.put(&path, &wanted).await.unwrap();
        let problem = refusal::check(&world, pointer, &answer, 422, "validation_failed");
        let faults = refusal::faults(&problem);
        assert!(faults.contains(&(pointer.to_owned(), code.to_owned())), "{issuer}: {faults:?}");
    }
    for field in ["HS256", "none"] {
        let mut wanted = settings(&world, &other.subject);
        wanted["issuers"] = json!([with("algorithms", json!([field]))]);
        let answer = world.admin.put(&path, &wanted).await.unwrap();
        refusal::check(&world, field, &answer, 422, "validation_failed");
    }
}
