//! Tenants, as the operator makes and changes them.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill::{
    aws::table::{keys::Key, rows::TenantIssuerRow},
    domain::tenant::Tenant as Row,
};
use waybill_local::{api_client::Answer, issuer::ISSUER};
use waybill_tests::{
    tenant::{Tenant, fresh_id, settings},
    world::World,
};

use crate::refusal;

const WEAK: &str = include_str!("../../../functions/shared/src/openpgp/testdata/weak.asc");
const EXPIRED: &str = include_str!("../../../functions/shared/src/openpgp/testdata/expired.asc");
const REVOKED: &str = include_str!("../../../functions/shared/src/openpgp/testdata/revoked.asc");
const SIGN_ONLY: &str = include_str!("../../../functions/shared/src/openpgp/testdata/sign-only.asc");

#[tokio::test]
async fn the_webhook_secret_is_told_once() {
    let world = World::load().await;
    let id = fresh_id();
    let path = format!("/v1/tenants/{id}");
    let mut wanted = settings(&world, &format!("{id}-client"));
    let created = world.admin.put(&path, &wanted).await.unwrap().expect_status("create", &[201]).unwrap();
    let secret = created["webhook_secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{created}");
    let rows = world.text_of(&Key::tenant(&id).pk).await;
    assert!(rows.contains("of a test"), "{rows}");
    assert!(!rows.contains(secret.strip_prefix("whsec_").unwrap()), "it is sealed at rest");

    wanted["name"] = json!("with another name");
    wanted["packaging"] = json!("plain");
    wanted["retention_hours"] = json!(12);
    let replaced = world.admin.put(&path, &wanted).await.unwrap().expect_status("replace", &[200]).unwrap();
    let shown = world.admin.get(&path).await.unwrap().expect_status("show", &[200]).unwrap();
    assert_eq!(replaced, shown);
    assert_eq!(shown["name"], "with another name");
    assert_eq!((&shown["packaging"], &shown["retention_hours"]), (&json!("plain"), &json!(12)));
    for kept in ["presenter_id", "created_at", "id"] {
        assert_eq!(shown[kept], created[kept], "{kept}");
    }
    let renewed = json!({ "new_webhook_secret": true, "name": "of a test" });
    let renewed = world.admin.put(&path, &renewed).await.unwrap().expect_status("renew", &[200]).unwrap();
    assert!(renewed["webhook_secret"].as_str().is_some_and(|fresh| fresh.starts_with("whsec_") && fresh != secret));
    let text = shown.to_string();
    assert!(!text.contains("whsec_") && !text.contains("sealed") && !text.contains("BEGIN PGP"), "{text}");
}

#[tokio::test]
async fn an_identity_acts_for_one_tenant_and_only_while_it_is_listed() {
    let world = World::load().await;
    let (one, other) = (Tenant::create(&world).await, Tenant::create(&world).await);
    let path = format!("/v1/tenants/{}", other.id);

    let answer = world.admin.put(&path, &settings(&world, &one.subject)).await.unwrap();
    let problem = refusal::check(&world, "another's subject", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/identities/0".to_owned(), "taken".to_owned())]);
    assert_eq!(other.get("/v1/reports").await.status, 200, "the refused change changed nothing");

    let successor = format!("{}-successor", other.id);
    world.admin.put(&path, &settings(&world, &successor)).await.unwrap().expect_status("replace", &[200]).unwrap();
    let answer = other.get("/v1/reports").await;
    refusal::check(&world, "a dropped subject", &answer, 403, "unknown_subject");
    let token = world.issuer.token(&successor, SignedDuration::from_hours(1)).unwrap();
    assert_eq!(world.api.with_token(&token).get("/v1/reports").await.unwrap().status, 200);
}

#[tokio::test]
async fn settings_that_cannot_hold_are_refused() {
    let world = World::load().await;
    let id = fresh_id();
    let good = settings(&world, &format!("{id}-client"));
    let with = |name: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let certificate = good["recipient_keys"][0].as_str().unwrap();
    let private = certificate.replace("PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK");
    let key = |armored: &str| with("recipient_keys", json!([certificate, armored]));
    let grant =
        |scopes: serde_json::Value| json!([{ "issuer": ISSUER, "subject": format!("{id}-x"), "scopes": scopes }]);
    let stranger = json!([{ "issuer": "https://nobody.example", "subject": "x", "scopes": [] }]);
    let issuer =
        |name: &str, uri: &str| json!({ "issuer": name, "audience": "a", "algorithms": ["ES256"], "jwks_uri": uri });
    let operators = issuer(ISSUER, "https://keys.example.com/");
    let inside = issuer("https://login.example.com", "https://10.0.0.1/keys");
    let twice = json!([good["identities"][0], good["identities"][0]]);
    let cases = [
        (key(WEAK), "/recipient_keys/1", "recipient_key_refused", "1024 bits is too weak"),
        (key(EXPIRED), "/recipient_keys/1", "recipient_key_refused", "expired"),
        (key(REVOKED), "/recipient_keys/1", "recipient_key_refused", "revoked"),
        (key(SIGN_ONLY), "/recipient_keys/1", "recipient_key_refused", "no encryption subkey"),
        (key(&private), "/recipient_keys/1", "recipient_key_refused", "private key"),
        (key("no key"), "/recipient_keys/1", "recipient_key_refused", "not an ASCII-armored"),
        (with("name", json!("")), "/name", "out_of_range", "1 to 200"),
        (with("retention_hours", json!(0)), "/retention_hours", "out_of_range", "1 to"),
        (with("identities", grant(json!(["admin"]))), "/identities/0/scopes/0", "not_allowed", "never an admin"),
        (with("identities", twice), "/identities/1", "not_allowed", "listed already"),
        (with("identities", grant(json!(["everything"]))), "/identities/0/scopes/0", "not_allowed", "endpoints:write"),
        (with("identities", stranger), "/identities/0/issuer", "not_allowed", "operator's"),
        (with("issuers", json!([operators])), "/issuers/0/issuer", "taken", "operator's"),
        (with("issuers", json!([inside])), "/issuers/0/jwks_uri", "url_refused", ""),
        (with("recipient_keys", json!([{ "fingerprint": "AB" }])), "/recipient_keys/0", "unknown", "send the armored"),
        (with("colour", json!("red")), "/colour", "unknown", "Known here"),
    ];
    let path = format!("/v1/tenants/{id}");
    for (body, pointer, code, detail) in cases {
        let answer = world.admin.put(&path, &body).await.unwrap();
        let problem = refusal::check(&world, detail, &answer, 422, "validation_failed");
        assert_eq!(refusal::faults(&problem), [(pointer.to_owned(), code.to_owned())], "{detail}");
        assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    for odd in ["UPPER", "a_b", "-a", "a%20b", &"a".repeat(65)] {
        let answer = world.admin.put(&format!("/v1/tenants/{odd}"), &good).await.unwrap();
        refusal::check(&world, odd, &answer, 422, "validation_failed");
    }
    let answer = world.admin.get(&path).await.unwrap();
    refusal::check(&world, "nothing was made", &answer, 404, "not_found");
}

#[tokio::test]
async fn without_a_recipient_key_nothing_is_encrypted_to_nobody() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let mut keyless = settings(&world, &tenant.subject);
    keyless["recipient_keys"] = json!([]);
    let path = format!("/v1/tenants/{}", tenant.id);
    world.admin.put(&path, &keyless).await.unwrap().expect_status("replace", &[200]).unwrap();
    let answer = tenant.api.post("/v1/requests", &tenant.wallet_order()).await.unwrap();
    let problem = refusal::check(&world, "no key", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/packaging".to_owned(), "recipient_key_missing".to_owned())]);
    tenant.nothing_is_recorded(&world).await;
}

/// Settings that use everything there is.
fn all_settings(world: &World, id: &str) -> Value {
    let own = format!("https://login.{id}.example");
    let mut all = settings(world, &format!("{id}-client"));
    let more = json!({
        "link": { "mode": "direct", "life_hours": 24 },
        "quotas": { "running": 2, "requests_per_day": 1000, "rows_per_day": 1_000_000_000, "bytes_per_day": null },
        "licence_pool": { "seats": 3, "linger_seconds": 5 },
        "allowed_reports": ["Report_digital_wallet_transaction_detail", "invoice_lines"],
        "retention_hours": 48,
        "issuers": [{ "issuer": own, "audience": ["waybill", "other"], "algorithms": ["ES256", "RS256"],
                      "jwks_uri": "https://keys.example.com/", "scope_prefix": "waybill/" }],
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let own = json!({ "issuer": own, "subject": "robot", "scopes": ["endpoints:write"] });
    all["identities"].as_array_mut().unwrap().push(own);
    all
}

async fn put(world: &World, path: &str, body: &Value, if_match: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("if-match", if_match)];
    world.admin.send(Method::PUT, path, &headers, body.to_string().into_bytes()).await.unwrap()
}

#[tokio::test]
async fn what_is_shown_can_be_put_back_as_it_is() {
    let world = World::load().await;
    let id = fresh_id();
    let path = format!("/v1/tenants/{id}");
    let wanted = all_settings(&world, &id);
    let created = world.admin.put(&path, &wanted).await.unwrap().expect_status("create", &[201]).unwrap();
    let secret = world.table.get::<Row>(&Key::tenant(&id)).await.unwrap().unwrap().row.webhook_secret_sealed;
    for (name, value) in wanted.as_object().unwrap().iter().filter(|(name, _)| *name != "recipient_keys") {
        assert_eq!(&created[name], value, "{name}");
    }
    let key = &created["recipient_keys"][0];
    assert_eq!((&key["algorithm"], &key["bits"]), (&json!("RSA"), &json!(4096)));
    let first = world.admin.get(&path).await.unwrap();
    let (tag, shown) = (first.header("etag").to_owned(), first.json());

    let again = put(&world, &path, &shown, &tag).await.expect_status("put back", &[200]).unwrap();
    assert_eq!(again, shown);
    let after = world.table.get::<Row>(&Key::tenant(&id)).await.unwrap().unwrap();
    assert_eq!(after.row.webhook_secret_sealed, secret);
    assert!(after.row.recipient_keys[0].armored.contains("BEGIN PGP"), "the key itself is still there");

    // Without the field, the keys stay too; what else is left out becomes its default.
    let little = json!({ "name": "little" });
    let little = world.admin.put(&path, &little).await.unwrap().expect_status("replace", &[200]).unwrap();
    assert_eq!(little["recipient_keys"], shown["recipient_keys"]);
    assert_eq!(
        (&little["identities"], &little["issuers"], &little["quotas"]["running"]),
        (&json!([]), &json!([]), &json!(null))
    );
    let issuer =
        world.table.get::<TenantIssuerRow>(&Key::issuer(&format!("https://login.{id}.example"))).await.unwrap();
    assert!(issuer.is_none(), "its tokens are believed no more");
}

#[tokio::test]
async fn a_change_of_what_was_not_read_is_refused() {
    let world = World::load().await;
    let id = fresh_id();
    let path = format!("/v1/tenants/{id}");
    let wanted = settings(&world, &format!("{id}-client"));
    for absent in ["*", "\"1-0\""] {
        let answer = put(&world, &path, &wanted, absent).await;
        refusal::check(&world, "nothing to match", &answer, 412, "precondition_failed");
    }
    let created = world.admin.put(&path, &wanted).await.unwrap();
    assert_eq!(created.status, 201);
    let first = created.header("etag").to_owned();
    let changed = put(&world, &path, &wanted, &format!("\"other\", {first}")).await;
    assert_eq!(changed.status, 200);
    let second = changed.header("etag").to_owned();
    assert_ne!(first, second);
    for stale in [first.as_str(), "\"\"", "W/\"1\"", "x", &format!("W/{second}")] {
        let answer = put(&world, &path, &wanted, stale).await;
        refusal::check(&world, stale, &answer, 412, "precondition_failed");
    }
    assert_eq!(put(&world, &path, &wanted, "*").await.status, 200);
}

#[tokio::test]
async fn an_issuer_belongs_to_one_tenant() {
    let world = World::load().await;
    let (one, other) = (fresh_id(), fresh_id());
    let wanted = all_settings(&world, &one);
    let path = |id: &str| format!("/v1/tenants/{id}");
    assert_eq!(world.admin.put(&path(&one), &wanted).await.unwrap().status, 201);
    let mut theirs = settings(&world, &format!("{other}-client"));
    theirs["issuers"] = wanted["issuers"].clone();
    let answer = world.admin.put(&path(&other), &theirs).await.unwrap();
    let problem = refusal::check(&world, "another's issuer", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/issuers/0/issuer".to_owned(), "taken".to_owned())]);
    theirs["issuers"] = json!([]);
    theirs["identities"] = json!([{ "issuer": wanted["issuers"][0]["issuer"], "subject": "x", "scopes": [] }]);
    let answer = world.admin.put(&path(&other), &theirs).await.unwrap();
    let problem = refusal::check(&world, "a subject of another's issuer", &answer, 422, "validation_failed");
    assert_eq!(refusal::faults(&problem), [("/identities/0/issuer".to_owned(), "not_allowed".to_owned())]);
}

#[tokio::test]
async fn tenants_are_listed_in_pages() {
    let world = World::load().await;
    let made = [Tenant::create(&world).await, Tenant::create(&world).await];
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.admin.get(&format!("/v1/tenants?limit=3{cursor}")).await.unwrap();
        let page = page.expect_status("list", &[200]).unwrap();
        let tenants = page["tenants"].as_array().unwrap();
        assert!(tenants.len() <= 3);
        seen.extend(tenants.iter().map(|tenant| tenant["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(seen.is_sorted());
    for tenant in &made {
        assert_eq!(seen.iter().filter(|id| **id == tenant.id).count(), 1);
    }
    for bad in ["limit=0", "limit=101", "cursor=x", "colour=red", "limit=1&limit=2"] {
        let answer = world.admin.get(&format!("/v1/tenants?{bad}")).await.unwrap();
        refusal::check(&world, bad, &answer, 400, "query_invalid");
    }
    let answer = made[0].get("/v1/tenants").await;
    refusal::check(&world, "a tenant", &answer, 403, "scope_missing");
}
