//! Direct links: presigned URLs that are signed by an IAM user of their own, and live as long as they promise.

use aws_sdk_iam::Client as Iam;
use aws_sdk_s3::Client as S3;
use aws_sdk_secretsmanager::Client as Secrets;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::{
    aws::{link_signer::LinkSigner, secrets::link_signer_key},
    domain::link::MAX_DIRECT_LIFE,
};
use waybill_local::link_signer::LinkSigner as Keys;
use waybill_tests::{
    presigned::{access_key, get, life, opens, query},
    tenant::{Tenant, fresh_id, settings},
    wait::{LONG, eventually},
    world::World,
};

use crate::{refusal, webhook};

/// Signs as functions do, with the key in that secret.
fn signer(world: &World, secret: &str, bucket: &str) -> LinkSigner {
    let key = link_signer_key(Secrets::new(&world.config), secret.to_owned());
    LinkSigner::new(S3::new(&world.config), bucket, key)
}

/// The stack's secret, and the access key in it.
async fn stack_key(world: &World) -> (String, String) {
    let secret = world.environment(&world.stack.functions.api).await["WAYBILL_LINK_SIGNER_SECRET"].clone();
    let current = ring(world, &secret).await["current"].as_str().unwrap().to_owned();
    (secret, current)
}

async fn ring(world: &World, secret: &str) -> Value {
    let value = Secrets::new(&world.config).get_secret_value().secret_id(secret).send().await.unwrap();
    serde_json::from_str(value.secret_string().unwrap()).unwrap()
}

/// Checks who signed, and that the URL promises what it keeps. Returns it.
fn check(link: &Value, key: &str) -> String {
    let url = link["url"].as_str().unwrap();
    assert_eq!(access_key(url), key, "signed by the IAM user");
    assert!(!url.to_lowercase().contains("security-token"), "a session's end would be the link's: {url}");
    let signed: String = query(url)["X-Amz-Date"].to_owned();
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &signed).unwrap();
    let signed = signed.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let promised: Timestamp = link["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(promised, signed + SignedDuration::from_secs(life(url)), "{link}");
    url.to_owned()
}

#[tokio::test]
async fn a_direct_link_lives_as_long_as_it_promises() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let id = tenant.order(&tenant.wallet_order()).await;
    let status = tenant.succeeded(id).await;
    let (secret, key) = stack_key(&world).await;

    let path = format!("/v1/requests/{id}/links");
    let body = json!({ "mode": "direct", "expires_in_seconds": 3600 });
    let link = tenant.api.post(&path, &body).await.unwrap().expect_status("make a link", &[201]).unwrap();
    let url = check(&link, &key);
    assert_eq!((life(&url), &link["mode"]), (3600, &json!("direct")));
    let file = get(&world, &url).await;
    assert_eq!((file.status, &json!(file.body.len())), (200, &status["files"][0]["object_bytes"]));
    let name = status["files"][0]["name"].as_str().unwrap();
    assert_eq!(file.header("content-disposition"), format!("attachment; filename=\"{name}\""));
    let tampered = url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200");
    assert_eq!(opens(&world, &tampered).await, 403, "the life is a part of what is signed");

    // It is listed, without a count and without the URL, and cannot be revoked.
    let listed = tenant.get(&path).await.json()["links"][0].clone();
    assert_eq!((&listed["id"], &listed["downloads"], &listed["url"]), (&link["id"], &Value::Null, &Value::Null));
    assert_eq!(listed["expires_at"], link["expires_at"]);
    let revoke = format!("{path}/{}", link["id"].as_str().unwrap());
    let answer = tenant.api.send(Method::DELETE, &revoke, &[], vec![]).await.unwrap();
    refusal::check(&world, "revoke a direct link", &answer, 409, "link_not_revocable");

    // Of the same file, for two seconds.
    let object = world.request(&tenant.id, id).await.row.file.unwrap().key;
    let signer = signer(&world, &secret, &world.stack.buckets.report);
    let now = Timestamp::now();
    let short = signer.sign(&object, now, now + SignedDuration::from_secs(2)).await.unwrap().unwrap();
    assert_eq!((life(&short.url), opens(&world, &short.url).await), (2, 200));
    eventually("the link's end", async || (opens(&world, &short.url).await == 403).then_some(())).await;
    assert!(Timestamp::now() >= short.expires_at, "not before");
    let text = String::from_utf8(get(&world, &short.url).await.body).unwrap();
    assert!(text.contains("Request has expired"), "S3's own error: {text}");
    let too_long = now + MAX_DIRECT_LIFE + SignedDuration::from_secs(1);
    assert!(signer.sign(&object, now, too_long).await.is_err(), "refused, not shortened");

    let deletion = tenant.api.send(Method::DELETE, &format!("/v1/requests/{id}"), &[], vec![]).await.unwrap();
    deletion.expect_status("delete the file", &[200]).unwrap();
    assert!([403, 404].contains(&opens(&world, &url).await), "deletion ends it");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn a_tenant_can_have_direct_links_throughout() {
    let world = World::load().await;
    let tenant = Tenant::create(&world).await;
    let mut settings = settings(&world, &tenant.subject);
    settings["link"] = json!({ "mode": "direct", "life_hours": 2 });
    let put = world.admin.put(&format!("/v1/tenants/{}", tenant.id), &settings).await.unwrap();
    put.expect_status("change the tenant", &[200]).unwrap();
    let (_, key) = stack_key(&world).await;

    let receiver = world.receiver().await;
    let mut order = tenant.wallet_order();
    order["delivery"] = json!({ "webhook": { "url": receiver.url("/hook") } });
    let id = tenant.order(&order).await;
    let status = tenant.succeeded(id).await;
    let url = check(&status["link"], &key);
    assert_eq!((status["link"]["mode"].as_str(), opens(&world, &url).await), (Some("direct"), 200));
    let finished: Timestamp = status["finished_at"].as_str().unwrap().parse().unwrap();
    let ends: Timestamp = status["link"]["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(ends.as_second(), (finished + SignedDuration::from_hours(2)).as_second());

    let received = receiver.wait_for("/hook", 1, LONG).await.unwrap();
    let told = webhook::verified(&tenant, &received[0]).await["data"]["link"].clone();
    assert_eq!((opens(&world, &check(&told, &key)).await, &told["expires_at"]), (200, &status["link"]["expires_at"]));

    // No managed link was made beside it; one can still be asked for.
    let path = format!("/v1/requests/{id}/links");
    assert_eq!(tenant.get(&path).await.json()["links"], json!([]));
    let link = tenant.api.post(&path, &json!({ "mode": "managed" })).await.unwrap().json();
    assert_eq!(world.api.get(link["url"].as_str().unwrap()).await.unwrap().status, 302);
    let link = tenant.api.post(&path, &json!({})).await.unwrap().json();
    assert_eq!(life(&check(&link, &key)), 2 * 3600, "unless asked for otherwise, as the tenant's settings say");
    tenant.nothing_is_left_over(&world).await;
}

#[tokio::test]
async fn the_link_signer_reads_report_files_alone() {
    let world = World::load().await;
    let (secret, key) = stack_key(&world).await;
    let now = Timestamp::now();
    let ends = now + SignedDuration::from_mins(5);
    let lake = world.stack.buckets.lake.clone();
    world.put(&lake, "direct-links/secret", b"secret".to_vec()).await;
    for (bucket, object) in [(&lake, "direct-links/secret"), (&world.stack.buckets.config, "issuers.json")] {
        let url = signer(&world, &secret, bucket).sign(object, now, ends).await.unwrap().unwrap().url;
        assert_eq!((access_key(&url), opens(&world, &url).await), (key.as_str(), 403), "{bucket}");
    }
}

#[tokio::test]
async fn rotating_the_signer_ends_no_link_before_its_time() {
    let world = World::load().await;
    let bucket = world.stack.buckets.report.clone();
    let object = format!("rotation/{}", fresh_id());
    world.put(&bucket, &object, b"content".to_vec()).await;
    // A user and a secret of the test's own, for the stack's are in use.
    let (iam, secrets) = (Iam::new(&world.config), Secrets::new(&world.config));
    let user = fresh_id();
    iam.create_user().user_name(&user).send().await.unwrap();
    let statement =
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*")});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let put = iam.put_user_policy().user_name(&user).policy_name("read-reports").policy_document(policy);
    put.send().await.unwrap();
    let secret = secrets.create_secret().name(&user).send().await.unwrap().arn.unwrap();
    let keys = Keys::of(&world.config, user.clone(), secret.clone(), bucket.clone());
    let now = Timestamp::now();
    let sign = async || {
        let signer = signer(&world, &secret, &bucket);
        signer.sign(&object, now, now + SignedDuration::from_hours(1)).await.unwrap().unwrap().url
    };

    assert!(keys.ensure(false).await.unwrap());
    assert!(!keys.ensure(false).await.unwrap(), "one is enough");
    let old = sign().await;
    assert!(keys.ensure(true).await.unwrap());
    let new = sign().await;
    assert_ne!(access_key(&old), access_key(&new));
    assert_eq!((opens(&world, &old).await, opens(&world, &new).await), (200, 200));
    let refused = keys.ensure(true).await.unwrap_err().to_string();
    assert!(refused.contains("may still live") && refused.contains("try again after"), "{refused}");
    assert!(!keys.ensure(false).await.unwrap());
    assert_eq!(opens(&world, &old).await, 200, "too early to delete the key before");

    // Eight days later.
    let mut aged = ring(&world, &secret).await;
    let current = aged["current"].as_str().unwrap().to_owned();
    aged["keys"][&current]["created_at"] = json!(now - SignedDuration::from_hours(8 * 24));
    secrets.put_secret_value().secret_id(&secret).secret_string(aged.to_string()).send().await.unwrap();
    assert!(!keys.ensure(false).await.unwrap());
    assert_eq!((opens(&world, &old).await, opens(&world, &new).await), (403, 200));
    assert_eq!(ring(&world, &secret).await["keys"].as_object().unwrap().len(), 1);

    // A key whose secret nobody knows, as of a run that was interrupted, goes.
    iam.create_access_key().user_name(&user).send().await.unwrap();
    assert!(keys.ensure(true).await.unwrap());
    assert_eq!(opens(&world, &new).await, 200);

    keys.remove().await.unwrap();
    assert_eq!(opens(&world, &new).await, 403);
    S3::new(&world.config).delete_object().bucket(&bucket).key(&object).send().await.unwrap();
    iam.delete_user_policy().user_name(&user).policy_name("read-reports").send().await.unwrap();
    iam.delete_user().user_name(&user).send().await.unwrap();
    secrets.delete_secret().secret_id(&secret).force_delete_without_recovery(true).send().await.unwrap();
}
