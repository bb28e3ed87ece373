//! Tenants, as the operator makes and changes them.

use jiff::SignedDuration;
use serde_json::json;
use waybill::aws::table::keys::Key;
use waybill_local::issuer::ISSUER;
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
        (with("identities", grant(json!(["admin"]))), "/identities/0/scopes", "not_allowed", "never an admin"),
        (with("identities", twice), "/identities/1", "not_allowed", "only once"),
        (with("identities", grant(json!(["everything"]))), "", "type", "everything"),
        (with("colour", json!("red")), "", "type", "colour"),
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
