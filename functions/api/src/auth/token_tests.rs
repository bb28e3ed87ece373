//! Tokens signed here, with keys made here.

use std::sync::LazyLock;

use jiff::Timestamp;
use jsonwebtoken::{EncodingKey, encode, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "waybill";

/// A private key, and how its issuer publishes it.
pub struct Signer {
    header: Header,
    private: EncodingKey,
    pub key: Jwk,
}

impl Signer {
    pub fn es256(id: &str) -> Self {
        let pem = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
        Self::new(id, Algorithm::ES256, EncodingKey::from_ec_pem(pem.as_bytes()).unwrap())
    }

    pub fn rs256(id: &str) -> Self {
        let pem = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap().serialize_pem();
        Self::new(id, Algorithm::RS256, EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap())
    }

    fn new(id: &str, algorithm: Algorithm, private: EncodingKey) -> Self {
        let mut key = Jwk::from_encoding_key(&private, algorithm).unwrap();
        key.common.key_id = Some(id.to_owned());
        Self { header: Header { kid: Some(id.to_owned()), ..Header::new(algorithm) }, private, key }
    }

    pub fn sign(&self, claims: &Value) -> (Header, String) {
        self.sign_as(self.header.clone(), claims)
    }

    fn sign_as(&self, header: Header, claims: &Value) -> (Header, String) {
        let token = encode(&header, claims, &self.private).unwrap();
        (header, token)
    }
}

/// The signers of most tests: making an RSA key takes a while.
static EC: LazyLock<Signer> = LazyLock::new(|| Signer::es256("ec"));
static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::rs256("rsa"));

fn published() -> JwkSet {
    JwkSet { keys: vec![EC.key.clone(), RSA.key.clone()] }
}

/// An issuer of both algorithms.
pub fn issuer(admins: &[&str]) -> Issuer {
    Issuer {
        issuer: ISSUER.to_owned(),
        audience: Some(Audience::One(AUDIENCE.to_owned())),
        algorithms: vec![Algorithm::ES256, Algorithm::RS256],
        jwks: None,
        jwks_uri: None,
        scope_prefix: None,
        admins: admins.iter().map(|&subject| subject.to_owned()).collect(),
        tenant: None,
    }
}

/// Seconds since the epoch, `after` from now.
fn time(after: i64) -> i64 {
    Timestamp::now().as_second() + after
}

/// Those of a good token.
pub fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "exp": time(300) })
}

/// The good claims with others in their place; null takes one away.
fn claims_with(others: Value) -> Value {
    let Value::Object(mut all) = claims() else { unreachable!() };
    let Value::Object(others) = others else { unreachable!() };
    all.extend(others);
    all.retain(|_, value| !value.is_null());
    Value::Object(all)
}

fn judge((header, token): &(Header, String), issuer: &Issuer) -> Result<Verified, Refused> {
    verify(token, header, issuer, &published())
}

fn judge_claims(others: Value) -> Result<Verified, Refused> {
    judge(&EC.sign(&claims_with(others)), &issuer(&[]))
}

#[test]
fn good_tokens_of_both_algorithms() {
    let somebody = Verified {
        issuer: ISSUER.to_owned(),
        subject: "somebody".to_owned(),
        admin: false,
        scopes: None,
        tenant: None,
    };
    for signer in [&EC, &RSA] {
        assert_eq!(judge(&signer.sign(&claims()), &issuer(&["another"])), Ok(somebody.clone()));
        let admin = judge(&signer.sign(&claims()), &issuer(&["another", "somebody"])).unwrap();
        assert_eq!(admin, Verified { admin: true, ..somebody.clone() });
    }
}

#[test]
fn the_audience_is_ours() {
    for good in [
        json!({ "aud": [AUDIENCE] }),
        json!({ "aud": ["another", AUDIENCE] }),
        json!({ "aud": null, "client_id": AUDIENCE }),
    ] {
        assert!(judge_claims(good.clone()).is_ok(), "{good}");
    }
    for bad in [
        json!({ "aud": "another" }),
        json!({ "aud": ["another", "Waybill", "waybill "] }),
        json!({ "aud": [] }),
        json!({ "aud": null }),
        json!({ "aud": null, "client_id": "another" }),
        // A token that has an audience is for that one, whoever got it.
        json!({ "aud": "another", "client_id": AUDIENCE }),
    ] {
        assert_eq!(judge_claims(bad.clone()), Err(Refused::Audience), "{bad}");
    }
}

#[test]
fn the_subject_is_sub_or_else_the_client() {
    let subject = |others: Value| judge_claims(others).map(|verified| verified.subject);
    assert_eq!(subject(json!({ "client_id": "client" })).as_deref(), Ok("somebody"));
    assert_eq!(subject(json!({ "sub": null, "client_id": "client" })).as_deref(), Ok("client"));
    let both = json!({ "sub": null, "aud": null, "client_id": AUDIENCE });
    assert_eq!(subject(both).as_deref(), Ok(AUDIENCE));
    for nobody in [json!({ "sub": null }), json!({ "sub": "" }), json!({ "sub": null, "client_id": "" })] {
        assert_eq!(subject(nobody.clone()), Err(Refused::Subject), "{nobody}");
    }
}

#[test]
fn scopes_of_ours_limit_the_token() {
    let scopes = |text: &str| judge_claims(json!({ "scope": text })).unwrap().scopes;
    assert_eq!(scopes("openid reports:read"), Some(vec![Scope::ReportsRead]));
    assert_eq!(scopes("openid profile"), None, "it names none of ours");
    assert_eq!(scopes("reports:reader xreports:read"), None, "whole words only");
}

#[test]
fn any_of_several_audiences_will_do() {
    let any = Audience::Any(vec!["other".to_owned(), AUDIENCE.to_owned()]);
    let issuer = Issuer { audience: Some(any), ..issuer(&[]) };
    for good in [json!({}), json!({ "aud": "other" }), json!({ "aud": null, "client_id": "other" })] {
        assert!(judge(&EC.sign(&claims_with(good.clone())), &issuer).is_ok(), "{good}");
    }
    for bad in [json!({ "aud": "another" }), json!({ "aud": [] }), json!({ "aud": null })] {
        assert_eq!(judge(&EC.sign(&claims_with(bad.clone())), &issuer), Err(Refused::Audience), "{bad}");
    }
    let nobody = Issuer { audience: Some(Audience::Any(vec![])), ..issuer };
    assert_eq!(judge(&EC.sign(&claims()), &nobody), Err(Refused::Audience));
}

/// As a Cognito user pool makes them for client credentials.
#[test]
fn scopes_of_a_resource_server_have_its_prefix() {
    let pool = Issuer { scope_prefix: Some("waybill/".to_owned()), ..issuer(&["client"]) };
    let machine = |scope: &str| {
        let others = json!({ "aud": null, "sub": "client", "client_id": AUDIENCE, "scope": scope });
        judge(&EC.sign(&claims_with(others)), &pool)
    };
    let scopes = |text: &str| machine(text).unwrap().scopes;
    let all = "waybill/admin waybill/reports:read waybill/reports:request waybill/endpoints:write";
    assert_eq!(scopes(all), Some(Scope::ALL.to_vec()));
    assert_eq!(scopes("waybill/admin"), Some(vec![Scope::Admin]));
    assert_eq!(scopes("admin other/admin waybilladmin waybill/ waybill/waybill/admin"), None);

    // Without an audience, one of these scopes shows for whom the token is.
    let unnamed = Issuer { audience: None, ..pool };
    let judge_unnamed = |others: Value| judge(&EC.sign(&claims_with(others)), &unnamed);
    let good = json!({ "aud": null, "sub": "client", "scope": "waybill/admin" });
    assert!(judge_unnamed(good.clone()).unwrap().admin);
    for bad in [
        json!({ "aud": null, "sub": "client" }),
        json!({ "aud": null, "sub": "client", "scope": "admin" }),
        json!({ "aud": null, "sub": "client", "scope": "other/admin waybill/other" }),
        json!({ "aud": "client", "sub": "client", "scope": "waybill/admin" }),
    ] {
        assert_eq!(judge_unnamed(bad.clone()), Err(Refused::Audience), "{bad}");
    }
    for prefix in [None, Some(String::new())] {
        let careless = Issuer { scope_prefix: prefix, ..unnamed.clone() };
        assert_eq!(judge(&EC.sign(&claims_with(good.clone())), &careless), Err(Refused::Audience));
    }
}

#[test]
fn a_tenants_issuer_yields_that_tenant_and_no_admin() {
    let settings = json!({
        "issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["ES256"], "jwks": { "keys": [EC.key] },
    });
    let row = TenantIssuerRow { tenant: "acme".to_owned(), settings: serde_json::from_value(settings).unwrap() };
    let own = Issuer::of_tenant(row).unwrap();
    let greedy = claims_with(json!({ "scope": "admin", "tenant": "globex", "admin": true }));
    let verified = judge(&EC.sign(&greedy), &own).unwrap();
    assert_eq!((verified.tenant.as_deref(), verified.admin), (Some("acme"), false));
    assert_eq!(judge(&RSA.sign(&claims()), &own), Err(Refused::Algorithm));
    // Not even if somebody put admins into it.
    let careless = Issuer { admins: vec!["somebody".to_owned()], ..own };
    assert!(!judge(&EC.sign(&claims()), &careless).unwrap().admin);
}

#[test]
fn times_hold_within_the_leeway() {
    let near = i64::try_from(LEEWAY).unwrap() / 2;
    for good in [json!({ "nbf": time(-1) }), json!({ "nbf": time(near) }), json!({ "exp": time(-near) })] {
        assert!(judge_claims(good.clone()).is_ok(), "{good}");
    }
    let far = near * 4;
    for bad in [json!({ "exp": time(-far) }), json!({ "nbf": time(far) }), json!({ "exp": null })] {
        assert!(matches!(judge_claims(bad.clone()), Err(Refused::Invalid(_))), "{bad}");
    }
}

#[test]
fn the_issuer_is_the_configured_one() {
    for bad in [json!({ "iss": "https://issuer.example/" }), json!({ "iss": null })] {
        assert!(matches!(judge_claims(bad.clone()), Err(Refused::Invalid(_))), "{bad}");
    }
}

#[test]
fn only_the_published_key_of_that_id_will_do() {
    let with_id = |id: Option<&str>| Header { kid: id.map(str::to_owned), ..Header::new(Algorithm::ES256) };
    let token = |id| EC.sign_as(with_id(id), &claims());
    assert_eq!(judge(&token(Some("another")), &issuer(&[])), Err(Refused::UnknownKey));
    assert_eq!(judge(&token(None), &issuer(&[])), Err(Refused::UnknownKey), "one of two");
    assert!(matches!(judge(&token(Some("rsa")), &issuer(&[])), Err(Refused::Invalid(_))), "a key of another kind");
    let forged = Signer::es256("ec").sign(&claims());
    assert!(matches!(judge(&forged, &issuer(&[])), Err(Refused::Invalid(_))));

    let (header, text) = token(None);
    let only = JwkSet { keys: vec![EC.key.clone()] };
    assert!(verify(&text, &header, &issuer(&[]), &only).is_ok(), "it can mean no other");
    let changed = text.replacen('.', ".e", 1);
    assert!(matches!(verify(&changed, &header, &issuer(&[]), &only), Err(Refused::Invalid(_))));
}

#[test]
fn algorithms_are_those_of_the_list_and_never_symmetric() {
    let ec_only = Issuer { algorithms: vec![Algorithm::ES256], ..issuer(&[]) };
    assert!(judge(&EC.sign(&claims()), &ec_only).is_ok());
    assert_eq!(judge(&RSA.sign(&claims()), &ec_only), Err(Refused::Algorithm));

    // The public key as the shared secret: the classic forgery. Not even where the operator's list allows it.
    let secret = serde_json::to_vec(&RSA.key).unwrap();
    let careless = Issuer { algorithms: vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512], ..issuer(&[]) };
    for algorithm in careless.algorithms.clone() {
        let signer = Signer::new("shared", algorithm, EncodingKey::from_secret(&secret));
        let (header, token) = signer.sign(&claims());
        let keys = JwkSet { keys: vec![signer.key] };
        assert_eq!(verify(&token, &header, &careless, &keys), Err(Refused::Algorithm), "{algorithm:?}");
    }
}
